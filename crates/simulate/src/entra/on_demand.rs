//! Provision on demand: one object by the button, at once, and in the old grammar whatever the Tenant URL says.

use crate::audit::HeldUser;
use crate::call::Call;

use super::job::{Disabled, Job, Retry};
use super::patch::{Grammar, Membership};

/// As many members of a group as the button takes.
const CHOSEN: usize = 5;

impl Job<'_, '_> {
    /// `E-137`, `E-138`: probe, search, create or update; no read by id.
    pub async fn provision_user_on_demand(&mut self, place: usize) -> Result<(), Disabled> {
        let probe = Call::query("/Users").with("filter", self.guid_filter("userName"));
        self.run.client.list(probe, "E-01").await.ok_or(Disabled)?;
        if !self.source.people[place].in_scope() {
            return Ok(());
        }
        let outcome = self.create_or_update(place).await.map(Some);
        self.settle_user(place, outcome);
        let manager = self.source.people[place].manager;
        let manager = manager.and_then(|place| self.users.get(&place)).map(|held| held.id.clone());
        if let Some(manager) = manager.filter(|_| self.users.contains_key(&place)) {
            let outcome = self.set_manager(place, &manager, Grammar::Old).await;
            self.settle_manager(place, manager, outcome);
        }
        Ok(())
    }

    async fn create_or_update(&self, place: usize) -> Result<HeldUser, Retry> {
        let Some(hit) = self.search_user(place).await? else {
            return self.create_user(place).await;
        };
        let id = hit["id"].as_str().ok_or(Retry)?;
        let known = self.users.get(&place).filter(|held| held.id == id).cloned();
        let held = known.unwrap_or_else(|| self.link(id, &hit));
        self.update(held, &hit, place, Grammar::Old).await
    }

    /// `E-139`: the group, and those of the chosen people who are found.
    pub async fn provision_group_on_demand(
        &mut self,
        place: usize,
        people: &[usize],
    ) -> Result<(), Disabled> {
        let probe = Call::query("/Groups")
            .with("excludedAttributes", "members")
            .with("filter", self.guid_filter("displayName"));
        self.run.client.list(probe, "E-02").await.ok_or(Disabled)?;
        let mut link = match self.groups.get(&place).cloned() {
            Some(link) => match self.search_group(place).await {
                Ok(Some(_)) => link,
                _ => return Ok(()),
            },
            None => match self.adopt_or_create_group(place, Grammar::Old).await {
                Ok(link) => link,
                Err(Retry) => {
                    self.settle_group(place, Err(Retry));
                    return Ok(());
                }
            },
        };
        let mut ids = Vec::new();
        for person in people.iter().take(CHOSEN) {
            if let Ok(Some(hit)) = self.search_user(*person).await {
                ids.extend(hit["id"].as_str().map(str::to_owned));
            }
        }
        if let Ok(answer) = self.push(&link.held.id, Membership::Add, &ids, Grammar::Old).await {
            link.apply(Membership::Add, &ids);
            self.verify_members(&link.held, "E-139", &answer).await;
        }
        self.settle_group(place, Ok(Some(link)));
        Ok(())
    }
}

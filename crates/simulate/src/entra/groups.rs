//! A group's part of a cycle, without its members.

use serde_json::Value;

use crate::audit::{self, HeldGroup, deviations, text};
use crate::call::{Call, equals};

use super::attributes::{self, Match};
use super::job::{GroupLink, Job, Retry};
use super::patch::{self, Change, Grammar};
use super::references::{check_excluded, check_silent};

impl Job<'_, '_> {
    /// Brings one group in line with its source. `Ok(None)`: there is no group (any more).
    pub async fn provision_group(
        &self,
        place: usize,
        grammar: Grammar,
    ) -> Result<Option<GroupLink>, Retry> {
        let client = &self.run.client;
        let Some(link) = self.groups.get(&place) else {
            return match self.source.groups[place].assigned {
                true => self.adopt_or_create_group(place, grammar).await.map(Some),
                false => Ok(None),
            };
        };
        if !self.source.groups[place].assigned {
            // E-93: groups have no soft delete.
            let answer = client.send(Call::delete("/Groups", &link.held.id)).await.ok_or(Retry)?;
            if !client.log().expect(&answer, "E-93", "a group is not deleted", &[204, 404]) {
                return Err(Retry);
            }
            client.log().changes.groups_deleted += 1;
            return Ok(None);
        }
        let body = self.read_group(Call::get("/Groups", &link.held.id)).await?;
        self.update_group(link.clone(), &body, place, grammar).await.map(Some)
    }

    async fn read_group(&self, call: Call) -> Result<Value, Retry> {
        let client = &self.run.client;
        let call = call.with("excludedAttributes", "members");
        let answer = client.send(call).await.ok_or(Retry)?;
        let mut log = client.log();
        if !log.expect(&answer, "E-92", "a group cannot be read", &[200]) {
            return Err(Retry);
        }
        let body = answer.body.clone().ok_or(Retry)?;
        check_excluded(&mut log, &answer, &body);
        Ok(body)
    }

    pub async fn adopt_or_create_group(
        &self,
        place: usize,
        grammar: Grammar,
    ) -> Result<GroupLink, Retry> {
        let Some(id) = self.search_group(place).await? else {
            return self.create_group(place).await;
        };
        let body = self.read_group(Call::get("/Groups", &id)).await?;
        let now = audit::members(&self.run.client, &id).await.ok_or(Retry)?;
        self.run.client.log().changes.groups_linked += 1;
        let held = match self.former.get(&id) {
            Some(former) => former.clone(),
            None => HeldGroup { id, members: now, ..HeldGroup::default() },
        };
        let link = GroupLink { held, pushed: Default::default() };
        self.update_group(link, &body, place, grammar).await
    }

    /// The id of the one group that matches.
    pub async fn search_group(&self, place: usize) -> Result<Option<String>, Retry> {
        let group = &self.source.groups[place];
        let (filter, case) = match self.mapping.groups {
            Match::ExternalId => (equals("externalId", &group.object_id), "E-73"),
            _ => (equals("displayName", &group.name), "E-72"),
        };
        let call = match place % 2 {
            0 => {
                Call::query("/Groups").with("excludedAttributes", "members").with("filter", filter)
            }
            _ => {
                Call::query("/Groups").with("filter", filter).with("excludedAttributes", "members")
            }
        };
        let list = self.run.client.list(call, case).await.ok_or(Retry)?;
        let mut log = self.run.client.log();
        let request = &list.answer.request;
        for hit in &list.resources {
            check_excluded(&mut log, &list.answer, hit);
        }
        match list.resources.as_slice() {
            [] => {
                if self.existing.groups.contains(&place) {
                    let case = self.existing.case;
                    let what = "a group that exists is not found by the matching attribute";
                    log.fault(case, what, request, "one hit", "none");
                }
                Ok(None)
            }
            [hit] => {
                let name = hit["displayName"].as_str().unwrap_or_default();
                if self.mapping.groups == Match::Name
                    && name.to_lowercase() != group.name.to_lowercase()
                {
                    let what = "a search finds another group";
                    log.fault("E-72", what, request, group.name.as_str(), name);
                    return Err(Retry);
                }
                hit["id"].as_str().map(|id| Some(id.to_owned())).ok_or(Retry)
            }
            several => {
                let what = "a search by the matching attribute finds several groups";
                let got = format!("{} hits", several.len());
                log.fault("E-72", what, request, "at most one hit", got);
                Err(Retry)
            }
        }
    }

    pub async fn create_group(&self, place: usize) -> Result<GroupLink, Retry> {
        let client = &self.run.client;
        let group = &self.source.groups[place];
        let body = attributes::group_creation(group);
        let answer = client.send(Call::post("/Groups", body)).await.ok_or(Retry)?;
        if answer.repeated && answer.status == 409 {
            // E-111: the first sending was stored; the next cycle finds it.
            return Err(Retry);
        }
        let (case, what) = match answer.status {
            409 => ("E-26", "a group's name that no search finds is answered with 409"),
            _ => ("E-75", "a group is not created"),
        };
        if !client.log().expect(&answer, case, what, &[200, 201]) {
            return Err(Retry);
        }
        let created = answer.body.as_ref().ok_or(Retry)?;
        let id = created["id"].as_str().filter(|id| !id.is_empty()).ok_or(Retry)?.to_owned();
        let values = attributes::of_group(group);
        let mut log = client.log();
        log.changes.groups_created += 1;
        for (target, value, now) in deviations(&values, created) {
            let what = format!("a group's `{target}` is not in the answer as it was sent");
            let (expected, got) = (text(Some(&value)), text(now.as_ref()));
            log.fault("E-75", what, &answer.request, expected, got);
        }
        let held = HeldGroup { id, values, ..HeldGroup::default() };
        Ok(GroupLink { held, pushed: Default::default() })
    }

    async fn update_group(
        &self,
        mut link: GroupLink,
        body: &Value,
        place: usize,
        grammar: Grammar,
    ) -> Result<GroupLink, Retry> {
        let client = &self.run.client;
        let values = attributes::of_group(&self.source.groups[place]);
        let changes: Vec<Change> = deviations(&values, body)
            .into_iter()
            .map(|(target, value, now)| self.change(target, value, now.as_ref()))
            .collect();
        link.held.values = values;
        let Some(first) = changes.first() else { return Ok(link) };
        let case = if first.target == attributes::EXTERNAL_ID { "E-89" } else { "E-88" };
        let call = Call::patch("/Groups", &link.held.id, patch::group(&changes, grammar));
        let answer = client.send(call).await.ok_or(Retry)?;
        if !client.log().expect(&answer, case, "a group is not updated", &[200, 204]) {
            return Err(Retry);
        }
        check_silent(&mut client.log(), &answer);
        client.log().changes.groups_updated += 1;
        let after = self.read_group(Call::get("/Groups", &link.held.id).verifying()).await?;
        for (target, value, now) in deviations(&link.held.values, &after) {
            let what = format!("a group's `{target}` does not hold what a PATCH wrote");
            let (expected, got) = (text(Some(&value)), text(now.as_ref()));
            client.log().fault(case, what, &answer.request, expected, got);
        }
        self.verify_members(&link.held, case, &answer).await;
        Ok(link)
    }
}

//! What happens to the people of a tenant.
//!
//! Whatever cannot be undone happens to people and groups that a scenario hires for itself ([`cast`]) under names that
//! nobody on the server has, so that a second run with the same seed finds the first people as they were.

mod groups;
mod guards;
mod people;
mod service;
mod trouble;
mod validator;

use crate::cast;
use crate::entra::job::{Disabled, Job};

impl Job<'_, '_> {
    pub async fn play(&mut self, name: &'static str) -> Result<(), Disabled> {
        self.run.begin(name);
        if name == "initial" {
            self.test_connection().await?;
        }
        self.start().await?;
        match name {
            "initial" => self.initial().await,
            "quiet" => self.quiet().await,
            "rename" => self.rename("rename").await,
            "move" => self.move_people().await,
            "leaver" => self.leaver().await,
            "soft-delete" => self.soft_delete("bin").await,
            "purge" => self.purge().await,
            "restart" => self.restart().await,
            "provision-on-demand" => self.provision_on_demand().await,
            "remap" => self.remap().await,
            "lost-answers" => self.lost_answers().await,
            "group-lifecycle" => self.group_lifecycle().await,
            "concurrent-members" => self.concurrent_members("crowd").await,
            "outage" => self.outage().await,
            "quarantine" => self.quarantine().await,
            "scope" => self.scope().await,
            "accidental-deletion" => self.accidental_deletion().await,
            "validator" => self.validator().await,
            "flag" => self.flag().await,
            other => unreachable!("`{other}` is in the table of scenarios and not here"),
        }
    }

    /// A twentieth of the people, within reason.
    pub fn few(&self) -> usize {
        (self.source.first_people / 20).clamp(4, 40)
    }

    /// Hires people under names that nobody on the server has; they arrive with the next cycle.
    pub async fn hire(&mut self, tag: &str, count: usize) -> Vec<usize> {
        let people = cast::people(self.run, &self.source, tag, count).await;
        self.source.hire(people)
    }

    pub async fn found(&mut self, tag: &str, count: usize) -> Vec<usize> {
        let groups = cast::groups(self.run, &self.source, tag, count).await;
        self.source.found(groups)
    }

    /// Hired people become members of founded groups.
    pub fn join(&mut self, people: &[usize], groups: &[usize]) {
        for place in groups {
            self.source.change_group(*place, |group| group.members.extend(people));
        }
    }

    /// One group of each person still has them as a member.
    pub async fn expect_memberships(&self, people: &[usize], case: &'static str) {
        for place in people {
            let Some(user) = self.users.get(place) else { continue };
            let mut groups = self.groups.values();
            if let Some(link) = groups.find(|link| link.held.members.contains(&user.id)) {
                self.expect_member(&link.held.id, &user.id, case).await;
            }
        }
    }

    pub fn fault_of_id(&self, case: &'static str, what: &'static str, id: &str) {
        let request =
            crate::Request { method: "GET".to_owned(), path: format!("/…/{id}"), body: None };
        self.run.client.log().fault(case, what, &request, "another id", id);
    }
}

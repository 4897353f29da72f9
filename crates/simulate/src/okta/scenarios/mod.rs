//! What happens in an org. As with Entra, what cannot be undone happens to people and groups of the scenario's own
//! ([`cast`]).

mod groups;
mod people;
mod product;
mod trouble;

use crate::audit::expect_duplicate;
use crate::call::Call;
use crate::cast;
use crate::directory::Person;
use crate::okta::org::{Family, Org, Stop};
use crate::okta::profile;

impl Org<'_, '_> {
    pub async fn play(&mut self, name: &'static str) -> Result<(), Stop> {
        self.run.begin(name);
        match name {
            "connect" => return self.test_connector().await,
            "credentials" => return self.credentials().await,
            "assign-aiw" => return self.assign_everybody(Family::Aiw).await,
            "assign-oin" => return self.assign_everybody(Family::Oin).await,
            _ => self.start(self.setup.family.unwrap_or(Family::Aiw)).await?,
        }
        match name {
            "update" => self.update_profiles().await,
            "deactivate" => self.deactivate().await,
            "reactivate" => self.reactivate().await,
            "rename" => self.rename().await,
            "push-groups-aiw" => self.push_groups(Family::Aiw).await,
            "push-groups-oin" => self.push_groups(Family::Oin).await,
            "push-now" => self.push_now().await,
            "link-existing" => self.link_existing().await,
            "unlink" => self.unlink().await,
            "import" => self.import().await,
            "password" => self.passwords().await,
            "force-sync" => self.force_sync().await,
            "bad-gateway" => self.bad_gateway().await,
            "bad-network" => self.bad_network().await,
            "deleted-behind" => self.deleted_behind().await,
            "large-group" => self.large_group().await,
            "entitlements" => self.entitle().await,
            other => unreachable!("`{other}` is in the table of scenarios and not here"),
        }
        Ok(())
    }

    pub fn few(&self) -> usize {
        (self.source.first_people / 20).clamp(4, 40)
    }

    /// Some of the first people, one half for each family.
    pub fn halves(&mut self) -> [(Family, Vec<usize>); 2] {
        let mut people = self.source.some_people(self.few() * 2);
        let others = people.split_off(people.len() / 2);
        let family = |family| self.setup.family.unwrap_or(family);
        [(family(Family::Aiw), people), (family(Family::Oin), others)]
    }

    pub async fn hire(&mut self, tag: &str, count: usize) -> Vec<usize> {
        let mut people = cast::people(self.run, &self.source, tag, count).await;
        if self.setup.by_mail {
            people.iter_mut().for_each(Person::sign_in_by_mail);
        }
        self.source.hire(people)
    }

    pub async fn found(&mut self, tag: &str, count: usize) -> Vec<usize> {
        let groups = cast::groups(self.run, &self.source, tag, count).await;
        self.source.found(groups)
    }

    /// The test is repeated when the form is saved (`O-14`), and once with a token that is wrong (`T19`).
    pub async fn test_connector(&mut self) -> Result<(), Stop> {
        self.connect().await?;
        self.connect().await?;
        let call = Call::query("/Users").with("startIndex", 1).with("count", 2);
        if let Some(answer) = self.run.client.send(call.with_foreign_token().verifying()).await {
            let mut log = self.run.client.log();
            log.expect(&answer, "O-11", "a wrong token is not refused", &[401]);
        }
        Ok(())
    }

    /// Everybody is assigned to a new app; whoever is there already is found and linked.
    pub async fn assign_everybody(&mut self, family: Family) -> Result<(), Stop> {
        self.forget_users();
        self.start(family).await?;
        for place in self.source.some_people(5) {
            let Some(held) = self.users.get(&place) else { continue };
            self.expect_found(held.name(), &held.id, "O-16").await;
            self.expect_found(&held.name().to_uppercase(), &held.id, "O-18").await;
            let body = profile::creation(&self.source, place);
            expect_duplicate(&self.run.client, "/Users", body, "O-30").await;
        }
        Ok(())
    }
}

//! People marry, leave, come back and are deleted.

use std::collections::BTreeSet;

use serde_json::json;

use crate::audit::{ACTIVE, DISPLAY_NAME, HeldUser, USER_NAME};
use crate::call::Call;
use crate::directory::Bin;
use crate::entra::attributes::Match;
use crate::entra::job::{Depth, Disabled, Job};
use crate::entra::patch::{self, Change};
use crate::target::CORE_USER;
use crate::timeline::DAY;

impl Job<'_, '_> {
    pub async fn rename(&mut self, tag: &str) -> Result<(), Disabled> {
        let people = self.hire(tag, self.few()).await;
        let groups = self.found(tag, 2).await;
        self.join(&people, &groups);
        self.cycle(Depth::Incremental).await?;
        let before: Vec<String> =
            people.iter().map(|place| self.source.people[*place].user_name()).collect();
        for place in &people {
            self.source.change(*place, |person| person.marry());
        }
        for place in &groups {
            self.source.change_group(*place, |group| group.name = group.other_name());
        }
        self.cycle(Depth::Incremental).await?;
        for (place, before) in people.iter().zip(before) {
            let Some(held) = self.users.get(place) else { continue };
            self.expect_hit(held.name(), &held.id, "E-57").await;
            self.expect_free(&before, "E-57").await;
        }
        Ok(())
    }

    /// Unassigned people stay, switched off, with their groups, and are the same when they are assigned again.
    pub async fn leaver(&mut self) -> Result<(), Disabled> {
        let people = self.source.some_people(self.few());
        for place in &people {
            let disabled = place % 2 == 0;
            self.source.change(*place, |person| match disabled {
                true => person.enabled = false,
                false => person.assigned = false,
            });
        }
        self.cycle(Depth::Incremental).await?;
        for place in &people {
            let Some(held) = self.users.get(place) else { continue };
            self.expect_hit(held.name(), &held.id, "E-96").await;
            if self.setup.skip_deletions {
                continue;
            }
            // E-38: what is true already is written again now and then.
            let change =
                Change { target: crate::audit::ACTIVE, value: false.into(), absent: false };
            let body = patch::user(&[change], self.grammar, *place);
            let call = Call::patch("/Users", &held.id, body).verifying();
            if let Some(answer) = self.run.client.send(call).await {
                let what = "switching off somebody who is off is refused";
                self.run.client.log().expect(&answer, "E-38", what, &[200, 204]);
            }
        }
        for place in &people {
            self.source.change(*place, |person| {
                person.enabled = true;
                person.assigned = true;
            });
        }
        self.cycle(Depth::Incremental).await?;
        self.expect_memberships(&people, "E-98").await;
        Ok(())
    }

    pub async fn soft_delete(&mut self, tag: &str) -> Result<(), Disabled> {
        let people = self.hire(tag, self.few()).await;
        let groups = self.found(tag, 1).await;
        self.join(&people, &groups);
        self.cycle(Depth::Incremental).await?;
        for place in &people {
            self.source.change(*place, |person| person.bin = Bin::In);
        }
        self.cycle(Depth::Incremental).await?;
        for place in people.iter().filter(|_| self.mapping.tombstone) {
            let Some(held) = self.users.get(place) else { continue };
            self.expect_hit(held.name(), &held.id, "E-97").await;
            self.expect_free(&self.source.people[*place].clean_user_name(), "E-97").await;
        }
        // E-100: somebody new gets the first one's name. By other attributes they would be taken for the same person.
        let by_name = self.mapping.users == [Match::Name] && self.mapping.tombstone;
        if let Some(first) = people.first().filter(|_| by_name) {
            let hired = self.source.people[*first].namesake();
            let hired = self.source.hire(vec![hired]);
            self.cycle(Depth::Incremental).await?;
            let before = self.users.get(first).map(|held| held.id.clone());
            let after = hired.first().and_then(|place| self.users.get(place));
            if let (Some(before), Some(after)) = (before, after) {
                self.expect_hit(after.name(), &after.id, "E-100").await;
                if before == after.id {
                    self.fault_of_id(
                        "E-100",
                        "a new hire got the account of somebody deleted",
                        &before,
                    );
                }
            }
        }
        if let Some(held) = people.get(1).and_then(|place| self.users.get(place)) {
            self.collide(held, &self.source.people[people[1]].clean_user_name()).await;
        }
        // E-98: every second one comes back, with the memberships of before. The first one's name is taken.
        let back: Vec<usize> = people.iter().copied().skip(1).step_by(2).collect();
        for place in &back {
            self.source.change(*place, |person| person.bin = Bin::Out);
        }
        self.cycle(Depth::Incremental).await?;
        self.expect_memberships(&back, "E-98").await;
        Ok(())
    }

    /// `E-99`: while somebody is in the recycle bin, a login makes another account under the old name. Coming back is
    /// refused until somebody has taken that one away.
    async fn collide(&self, held: &HeldUser, name: &str) {
        if !self.mapping.tombstone {
            return;
        }
        let client = &self.run.client;
        let body = json!({"schemas": [CORE_USER], "userName": name, "active": true});
        let Some(made) = client.send(Call::post("/Users", body).verifying()).await else { return };
        if !client.log().expect(&made, "E-100", "a freed name cannot be taken", &[201]) {
            return;
        }
        let changes = [(ACTIVE, true.into()), (USER_NAME, name.into())]
            .map(|(target, value)| Change { target, value, absent: false });
        let call = Call::patch("/Users", &held.id, patch::user(&changes, self.grammar, 0));
        if let Some(answer) = client.send(call.verifying()).await {
            let what = "somebody comes back under a name that another one has";
            client.log().expect(&answer, "E-99", what, &[409]);
        }
        self.expect_hit(held.name(), &held.id, "E-99").await;
        if let Some(id) = made.body.as_ref().and_then(|body| body["id"].as_str()) {
            client.send(Call::delete("/Users", id).verifying()).await;
        }
    }

    pub async fn purge(&mut self) -> Result<(), Disabled> {
        let people = self.hire("purge", self.few()).await;
        let groups = self.found("purge", 1).await;
        self.join(&people, &groups);
        self.cycle(Depth::Incremental).await?;
        // Half of them lie in the bin for 30 days; the others are deleted for good while they are active (E-103).
        for place in people.iter().step_by(2) {
            self.source.change(*place, |person| person.bin = Bin::In);
        }
        // One was unassigned before that, and is never spoken of again.
        for place in self.hire("forgotten", 1).await {
            self.cycle(Depth::Incremental).await?;
            self.source.change(place, |person| person.assigned = false);
            self.cycle(Depth::Incremental).await?;
            self.source.change(place, |person| person.bin = Bin::Purged);
        }
        self.cycle(Depth::Incremental).await?;
        let held: Vec<_> =
            people.iter().filter_map(|place| self.users.get(place)).cloned().collect();
        self.run.pass(30 * DAY);
        for place in &people {
            self.source.change(*place, |person| person.bin = Bin::Purged);
            for group in &groups {
                self.source.change_group(*group, |group| group.members.remove(place));
            }
        }
        self.cycle(Depth::Incremental).await?;
        let client = &self.run.client;
        for held in &held {
            let change = Change { target: DISPLAY_NAME, value: "Nobody".into(), absent: false };
            let body = patch::user(&[change], self.grammar, 0);
            for (call, case, what) in [
                (Call::get("/Users", &held.id), "E-101", "a deleted user can be read"),
                (Call::delete("/Users", &held.id), "E-102", "a second DELETE is not a 404"),
                (Call::patch("/Users", &held.id, body), "E-105", "a deleted user can be patched"),
            ] {
                if let Some(answer) = client.send(call.verifying()).await {
                    client.log().expect(&answer, case, what, &[404]);
                }
            }
            self.expect_free(held.name(), "E-101").await;
        }
        // E-104: the names are free again, the ids are not.
        let mut back = Vec::new();
        for place in people.iter().skip(1).step_by(2) {
            let mut person = self.source.people[*place].clone();
            person.bin = Bin::Out;
            back.push(person);
        }
        let back = self.source.hire(back);
        self.cycle(Depth::Incremental).await?;
        let ids: BTreeSet<_> = held.iter().map(|held| held.id.as_str()).collect();
        for place in &back {
            if let Some(held) = self.users.get(place)
                && ids.contains(held.id.as_str())
            {
                self.fault_of_id("E-104", "a deleted user's id is used again", &held.id);
            }
        }
        for place in back {
            self.source.change(place, |person| person.bin = Bin::Purged);
        }
        self.cycle(Depth::Incremental).await
    }
}

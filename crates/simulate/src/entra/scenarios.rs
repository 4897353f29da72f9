//! What happens to the people of a tenant.
//!
//! Whatever cannot be undone happens to people and groups that a scenario hires for itself ([`cast`]) under names that nobody on
//! the server has, so that a second run with the same seed finds the first people as they were.

use std::collections::BTreeSet;

use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};
use serde_json::Value;

use crate::audit::DISPLAY_NAME;
use crate::cast;
use crate::client::Call;
use crate::directory::Bin;

use super::attributes::{self, ExternalId, Matching, of_person};
use super::job::{Depth, Job, Quarantine};
use super::patch::{self, Change, Grammar, Membership};

impl Job<'_, '_> {
    pub async fn play(&mut self, name: &'static str) -> Result<(), Quarantine> {
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
            "flag" => self.flag().await,
            other => unreachable!("`{other}` is in the table of scenarios and not here"),
        }
    }

    /// A twentieth of the people, within reason.
    fn few(&self) -> usize {
        (self.source.first_people / 20).clamp(4, 40)
    }

    /// Hires people under names that nobody on the server has; they arrive with the next cycle.
    async fn hire(&mut self, tag: &str, count: usize) -> Vec<usize> {
        let people = cast::people(self.run, &self.source, tag, count).await;
        self.source.hire(people)
    }

    async fn found(&mut self, tag: &str, count: usize) -> Vec<usize> {
        let groups = cast::groups(self.run, &self.source, tag, count).await;
        self.source.found(groups)
    }

    /// The button "Test Connection", with every matching attribute that an administrator might choose, and once with a
    /// token that is wrong.
    async fn test_connection(&mut self) -> Result<(), Quarantine> {
        self.probe().await?;
        for attribute in [
            "externalId",
            "emails[type eq \"work\"].value",
            "emails.value",
            "displayName",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber",
            "id",
        ] {
            let filter = self.guid_filter(attribute);
            let call = Call::query("/Users").with("filter", filter).verifying();
            self.run.client.list(call, "E-03").await;
        }
        let filter = self.guid_filter("userName");
        let call = Call::query("/Users").with("filter", filter).with_foreign_token().verifying();
        if let Some(answer) = self.run.client.send(call).await {
            let mut log = self.run.client.log();
            if log.expect(&answer, "E-04", "a wrong token is not refused", &[401])
                && !answer.challenges
            {
                let what = "401 does not say how to authenticate";
                log.fault("E-04", what, &answer.request, "`WWW-Authenticate`", "no such header");
            }
        }
        Ok(())
    }

    /// The first cycle has run; a sample of it is tried for what makes duplicates.
    async fn initial(&mut self) -> Result<(), Quarantine> {
        for place in self.source.some_people(5) {
            let Some(held) = self.users.get(&place) else { continue };
            self.expect_hit(held.name(), &held.id, "E-10").await;
            self.expect_hit(&held.name().to_uppercase(), &held.id, "E-11").await;
            let mut twin = attributes::creation(&held.values, 0).0;
            twin["userName"] = held.name().to_uppercase().into();
            self.expect_duplicate("/Users", twin, "E-25").await;
        }
        let places: Vec<usize> = self.groups.keys().copied().take(3).collect();
        for place in places {
            let twin = attributes::group_creation(&self.source.groups[place]);
            self.expect_duplicate("/Groups", twin, "E-76").await;
        }
        Ok(())
    }

    async fn expect_duplicate(&self, endpoint: &str, body: Value, case: &'static str) {
        let client = &self.run.client;
        let Some(answer) = client.send(Call::post(endpoint, body).verifying()).await else {
            return;
        };
        let mut log = client.log();
        if log.expect(&answer, case, "a duplicate is not refused", &[409]) {
            let kind = answer.body.as_ref().and_then(|body| body["scimType"].as_str());
            if kind != Some("uniqueness") {
                let what = "a duplicate is refused without `scimType` uniqueness";
                log.fault(case, what, &answer.request, "uniqueness", kind.unwrap_or("none"));
            }
        }
    }

    async fn quiet(&mut self) -> Result<(), Quarantine> {
        self.cycle(Depth::Incremental).await?;
        // Nothing changed, so whatever a full look finds would be written in every cycle (`E-30`).
        self.cycle(Depth::Full).await
    }

    async fn rename(&mut self, tag: &str) -> Result<(), Quarantine> {
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

    /// Hired people become members of founded groups.
    fn join(&mut self, people: &[usize], groups: &[usize]) {
        for place in groups {
            self.source.change_group(*place, |group| group.members.extend(people));
        }
    }

    /// People change groups while others do, five requests to one group and more at a time (`E-87`).
    async fn move_people(&mut self) -> Result<(), Quarantine> {
        let people = self.source.some_people((self.source.first_people / 5).clamp(1, 200));
        let groups = self.source.first_groups;
        for place in &people {
            let department =
                self.source.people[(place + 1) % self.source.first_people].department.clone();
            let manager = self.source.rng.random_range(0..(*place).max(1));
            self.source.change(*place, |person| {
                person.department = department;
                // E-44: some had no such number yet.
                person.mobile.get_or_insert_with(|| "+47 900 00 111".to_owned());
                if *place > 0 {
                    person.manager = Some(manager);
                }
            });
            // The first group holds everybody, and nobody leaves it.
            if groups > 2 {
                let from =
                    (1..groups).find(|group| self.source.groups[*group].members.contains(place));
                let to = self.source.rng.random_range(1..groups);
                if let Some(from) = from {
                    self.source.change_group(from, |group| group.members.remove(place));
                }
                self.source.change_group(to, |group| group.members.insert(*place));
            }
        }
        self.push_singly("E-87").await;
        self.cycle(Depth::Incremental).await
    }

    /// Sends every change of members in a request of its own, all at once, then looks at the groups.
    async fn push_singly(&mut self, case: &'static str) {
        let changes = self.member_changes().into_iter();
        let mut singles: Vec<(usize, Membership, String)> = changes
            .flat_map(|(place, change, ids)| ids.into_iter().map(move |id| (place, change, id)))
            .collect();
        singles.shuffle(&mut self.source.rng);
        // The first who leaves does so alone, so that a wrong reading of the request is told from a lost update.
        let first = singles.iter().position(|(_, change, _)| *change == Membership::Remove);
        if let Some((place, change, id)) = first.map(|first| singles.swap_remove(first))
            && let Some(link) = self.groups.get(&place).cloned()
        {
            let (link, _) = self.push_batches(link, vec![(change, vec![id])], self.grammar).await;
            self.groups.insert(place, link);
        }
        let done = self.run.each("members one by one", singles, async |(place, change, id)| {
            let group = &self.groups[&place].held.id;
            let outcome = self.push(group, change, std::slice::from_ref(&id), self.grammar).await;
            outcome.ok().map(|answer| (place, change, id, answer))
        });
        let mut touched = std::collections::BTreeMap::new();
        for (place, change, id, answer) in done.await.into_iter().flatten() {
            if let Some(link) = self.groups.get_mut(&place) {
                link.apply(change, &[id]);
            }
            touched.insert(place, answer);
        }
        let touched: Vec<_> = touched.into_iter().collect();
        self.run
            .each("groups looked at", touched, async |(place, answer)| {
                self.verify_members(&self.groups[&place].held, case, &answer).await;
            })
            .await;
    }

    /// Unassigned people stay, switched off, with their groups, and are the same when they are assigned again.
    async fn leaver(&mut self) -> Result<(), Quarantine> {
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

    /// One group of each person still has them as a member.
    async fn expect_memberships(&self, people: &[usize], case: &'static str) {
        for place in people {
            let Some(user) = self.users.get(place) else { continue };
            let mut groups = self.groups.values();
            if let Some(link) = groups.find(|link| link.held.members.contains(&user.id)) {
                self.expect_member(&link.held.id, &user.id, case).await;
            }
        }
    }

    async fn soft_delete(&mut self, tag: &str) -> Result<(), Quarantine> {
        let people = self.hire(tag, self.few()).await;
        let groups = self.found(tag, 1).await;
        self.join(&people, &groups);
        self.cycle(Depth::Incremental).await?;
        for place in &people {
            self.source.change(*place, |person| person.bin = Bin::In);
        }
        self.cycle(Depth::Incremental).await?;
        for place in &people {
            let Some(held) = self.users.get(place) else { continue };
            self.expect_hit(held.name(), &held.id, "E-97").await;
            self.expect_free(&self.source.people[*place].clean_user_name(), "E-97").await;
        }
        // E-100: somebody new gets the first one's name.
        if let Some(first) = people.first() {
            let mut hired = self.source.people[*first].clone();
            hired.object_id = self.source.guid();
            hired.given = "Another".to_owned();
            hired.bin = Bin::Out;
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
        // E-98: every second one comes back, with the memberships of before. The first one's name is taken.
        let back: Vec<usize> = people.iter().copied().skip(1).step_by(2).collect();
        for place in &back {
            self.source.change(*place, |person| person.bin = Bin::Out);
        }
        self.cycle(Depth::Incremental).await?;
        self.expect_memberships(&back, "E-98").await;
        Ok(())
    }

    fn fault_of_id(&self, case: &'static str, what: &'static str, id: &str) {
        let request =
            crate::Request { method: "GET".to_owned(), path: format!("/…/{id}"), body: None };
        self.run.client.log().fault(case, what, &request, "another id", id);
    }

    async fn purge(&mut self) -> Result<(), Quarantine> {
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

    async fn restart(&mut self) -> Result<(), Quarantine> {
        // E-115: the watermark is cleared, and members are pushed again.
        for link in self.groups.values_mut() {
            link.pushed.clear();
        }
        self.cycle(Depth::Full).await?;
        // E-116: the links are dropped too.
        self.reset();
        let outcome = self.cycle(Depth::Incremental).await;
        self.must_find = None;
        outcome
    }

    async fn provision_on_demand(&mut self) -> Result<(), Quarantine> {
        let flag = self.run.client.flag();
        self.run.client.set_flag(true);
        let new = self.hire("demand", 2).await;
        let known = self.source.some_people(3);
        for place in &known {
            let title = self.source.people[(place + 1) % self.source.first_people].title.clone();
            self.source.change(*place, |person| person.title = format!("Acting {title}"));
        }
        self.source.take_changed_people();
        let mut outcome = Ok(());
        for place in new.iter().chain(&known) {
            outcome = outcome.and(self.provision_user_on_demand(*place).await);
        }
        let groups = self.found("demand", 1).await;
        for group in &groups {
            self.source.take_changed_groups();
            let chosen: Vec<usize> = new.iter().chain(&known).copied().collect();
            self.source.change_group(*group, |group| group.members.extend(&chosen));
            self.source.take_changed_groups();
            outcome = outcome.and(self.provision_group_on_demand(*group, &chosen).await);
        }
        self.run.client.set_flag(flag);
        outcome?;
        self.cycle(Depth::Incremental).await
    }

    /// The administrator changes the source of externalId on a live job, and then matches on it.
    async fn remap(&mut self) -> Result<(), Quarantine> {
        self.mapping.external_id = ExternalId::ObjectId;
        self.cycle(Depth::Full).await?;
        self.mapping.matching = Matching::ExternalId;
        self.reset();
        let outcome = self.cycle(Depth::Incremental).await;
        self.must_find = None;
        self.mapping.matching = Matching::Name;
        outcome
    }

    /// The server did what it was asked, and nobody heard of it.
    async fn lost_answers(&mut self) -> Result<(), Quarantine> {
        let groups = self.found("lost", 1).await;
        self.cycle(Depth::Incremental).await?;
        let people = self.hire("lost", self.few().min(10)).await;
        for place in &people {
            let values = of_person(&self.source.people[*place], self.mapping);
            let body = attributes::creation(&values, 0).0;
            self.run.client.send_and_lose(Call::post("/Users", body.clone())).await;
            // E-111: the repeat meets the first one's work; the next cycle finds it.
            if place % 2 == 0 {
                self.expect_duplicate("/Users", body, "E-111").await;
            }
        }
        self.must_find = Some("E-111");
        let outcome = self.cycle(Depth::Incremental).await;
        self.must_find = None;
        outcome?;
        for place in &people {
            let Some(held) = self.users.get(place) else { continue };
            self.expect_hit(held.name(), &held.id, "E-111").await;
            // E-60: the same PATCH twice.
            let title = Value::from("Keeper of Lost Things");
            let target = crate::target::Target::Plain("title");
            let change = Change { target, value: title.clone(), absent: false };
            let call = Call::patch("/Users", &held.id, patch::user(&[change], self.grammar, 0));
            self.run.client.send_and_lose(call.clone()).await;
            if let Some(answer) = self.run.client.send(call).await {
                let what = "a repeated PATCH is refused";
                self.run.client.log().expect(&answer, "E-60", what, &[200, 204]);
            }
            self.source.change(*place, |person| person.title = "Keeper of Lost Things".to_owned());
            if let Some(held) = self.users.get_mut(place) {
                held.values.insert(target, title);
            }
        }
        self.lose_members(&people, &groups).await;
        if let Some(held) = people.first().and_then(|place| self.users.get(place)) {
            self.run.client.send_and_lose(Call::delete("/Users", &held.id)).await;
            self.source.change(people[0], |person| person.bin = Bin::Purged);
            for group in groups {
                self.source.change_group(group, |group| group.members.remove(&people[0]));
            }
        }
        // The DELETE of this cycle meets a 404 by id or on the DELETE itself: both mean that the goal is reached.
        if let Some(held) = people.first().and_then(|place| self.users.get(place)).cloned()
            && self.delete_user(&held).await.is_ok()
        {
            self.settle_user(people[0], Ok(None));
        }
        self.cycle(Depth::Incremental).await
    }

    /// `E-112`: members added and removed twice.
    async fn lose_members(&mut self, people: &[usize], groups: &[usize]) {
        let ids: Vec<String> =
            people.iter().filter_map(|place| self.users.get(place)).map(|u| u.id.clone()).collect();
        let leaver = ids.get(..1).unwrap_or_default();
        for place in groups {
            let Some(link) = self.groups.get(place) else { continue };
            let mut link = link.clone();
            for (change, ids) in [(Membership::Add, ids.as_slice()), (Membership::Remove, leaver)] {
                let body = patch::members(change, ids, self.grammar);
                let call = Call::patch("/Groups", &link.held.id, body);
                self.run.client.send_and_lose(call).await;
                if let Ok(answer) = self.push(&link.held.id, change, ids, self.grammar).await {
                    link.apply(change, ids);
                    self.verify_members(&link.held, "E-112", &answer).await;
                }
            }
            let stay = people.iter().copied().skip(leaver.len());
            self.source.change_group(*place, |group| group.members.extend(stay));
            self.groups.insert(*place, link);
        }
    }

    async fn group_lifecycle(&mut self) -> Result<(), Quarantine> {
        let groups = self.found("life", 6).await;
        let [large, nested, .., doomed] = groups.as_slice() else { return Ok(()) };
        let people = self.source.some_people(self.few());
        self.join(&people, &groups);
        self.cycle(Depth::Incremental).await?;
        for place in &groups {
            let group = &self.source.groups[*place];
            self.expect_duplicate("/Groups", attributes::group_creation(group), "E-76").await;
        }
        // E-86: everybody in one request, then a hundred leave in one.
        let everybody: Vec<usize> = (0..self.source.first_people.min(5000)).collect();
        for (change, some) in [
            (Membership::Add, everybody.as_slice()),
            (Membership::Remove, &everybody[..people.len()]),
        ] {
            let ids: Vec<String> = some
                .iter()
                .filter_map(|place| self.users.get(place))
                .map(|u| u.id.clone())
                .collect();
            if let Some(link) = self.groups.get(large).cloned() {
                let (link, _) = self.push_batches(link, vec![(change, ids)], self.grammar).await;
                self.groups.insert(*large, link);
            }
            self.source.change_group(*large, |group| match change {
                Membership::Add => group.members.extend(some),
                Membership::Remove => group.members.retain(|place| !some.contains(place)),
            });
        }
        // E-91: a group in a group. Source members are people, so the link alone knows of it.
        if let (Some(link), Some(inner)) =
            (self.groups.get(nested).cloned(), self.groups.get(large))
        {
            let ids = [inner.held.id.clone()];
            let mut link = link;
            if let Ok(answer) = self.push(&link.held.id, Membership::Add, &ids, self.grammar).await
            {
                link.held.members.extend(ids);
                self.verify_members(&link.held, "E-91", &answer).await;
            }
            self.groups.insert(*nested, link);
        }
        // E-88, E-93, E-95: one is renamed, another deleted and assigned once more.
        self.source.change_group(*large, |group| group.name = group.other_name());
        self.source.change_group(*doomed, |group| group.assigned = false);
        self.cycle(Depth::Incremental).await?;
        let client = &self.run.client;
        let deleted = self.gone.last().map(|gone| gone.id.clone()).unwrap_or_default();
        for call in [Call::get("/Groups", &deleted), Call::delete("/Groups", &deleted)] {
            if let Some(answer) = client.send(call.verifying()).await {
                let what = "a deleted group is still there";
                client.log().expect(&answer, "E-93", what, &[404]);
            }
        }
        self.source.change_group(*doomed, |group| group.assigned = true);
        self.cycle(Depth::Incremental).await?;
        if self.groups.get(doomed).is_some_and(|link| link.held.id == deleted) {
            self.fault_of_id("E-95", "a deleted group's id is used again", &deleted);
        }
        Ok(())
    }

    /// `E-87`: a request for every member, all of them to one group.
    async fn concurrent_members(&mut self, tag: &str) -> Result<(), Quarantine> {
        let groups = self.found(tag, 1).await;
        self.cycle(Depth::Incremental).await?;
        let people: Vec<usize> = (0..self.source.first_people.min(1000)).collect();
        self.join(&people, &groups);
        self.push_singly("E-87").await;
        // Half of them leave while the others arrive once more (E-78).
        let leave: Vec<usize> = people.iter().copied().filter(|place| place % 2 == 0).collect();
        let leavers: BTreeSet<String> =
            leave.iter().filter_map(|place| self.users.get(place)).map(|u| u.id.clone()).collect();
        for place in &groups {
            if let Some(link) = self.groups.get_mut(place) {
                link.pushed.retain(|id| leavers.contains(id));
            }
            self.source.change_group(*place, |group| {
                group.members.retain(|place| !leave.contains(place));
            });
        }
        self.push_singly("E-87").await;
        self.cycle(Depth::Incremental).await
    }

    /// The flag is put into the Tenant URL.
    async fn flag(&mut self) -> Result<(), Quarantine> {
        let (flag, grammar) = (self.run.client.flag(), self.grammar);
        self.run.client.set_flag(true);
        self.grammar = Grammar::Flag;
        let outcome = self.play_flagged().await;
        self.run.client.set_flag(flag);
        self.grammar = grammar;
        outcome
    }

    async fn play_flagged(&mut self) -> Result<(), Quarantine> {
        self.rename("flag").await?;
        self.move_people().await?;
        self.leaver().await?;
        self.soft_delete("flagbin").await?;
        self.concurrent_members("flagcrowd").await?;
        let joiners = self.source.people.len();
        let people: Vec<usize> =
            (0..joiners).filter(|place| self.users.contains_key(place)).collect();
        if let Some(place) = people.choose(&mut self.source.rng).copied() {
            self.source.change(place, |person| person.language = "xx-Custom".to_owned());
        }
        self.cycle(Depth::Incremental).await
    }
}

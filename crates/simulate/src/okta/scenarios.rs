//! What happens in an org. As with Entra, what cannot be undone happens to people and groups of the scenario's own
//! ([`cast`]).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::audit::{self, ACTIVE, Gone, HeldGroup, HeldUser, deviations, text};
use crate::cast;
use crate::client::{Blank, Call};
use crate::target::{CORE_GROUP, PATCH_OP, Target};

use super::groups::Members;
use super::org::{Event, FAMILIES, Failed, Family, HUNDRED, Org, Stop};
use super::profile;

impl Org<'_, '_> {
    pub async fn play(&mut self, name: &'static str) -> Result<(), Stop> {
        self.run.begin(name);
        match name {
            "connect" => return self.test_connector().await,
            "assign-aiw" => return self.assign_everybody(Family::Aiw).await,
            "assign-oin" => return self.assign_everybody(Family::Oin).await,
            _ => self.start(Family::Aiw).await?,
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
            other => unreachable!("`{other}` is in the table of scenarios and not here"),
        }
        Ok(())
    }

    fn few(&self) -> usize {
        (self.source.first_people / 20).clamp(4, 40)
    }

    /// Some of the first people, one half for each family.
    fn halves(&mut self) -> [(Family, Vec<usize>); 2] {
        let mut people = self.source.some_people(self.few() * 2);
        let others = people.split_off(people.len() / 2);
        [(Family::Aiw, people), (Family::Oin, others)]
    }

    async fn hire(&mut self, tag: &str, count: usize) -> Vec<usize> {
        let people = cast::people(self.run, &self.source, tag, count).await;
        self.source.hire(people)
    }

    async fn found(&mut self, tag: &str, count: usize) -> Vec<usize> {
        let groups = cast::groups(self.run, &self.source, tag, count).await;
        self.source.found(groups)
    }

    /// The test is repeated when the form is saved (`O-14`), and once with a token that is wrong (`T19`).
    async fn test_connector(&mut self) -> Result<(), Stop> {
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
    async fn assign_everybody(&mut self, family: Family) -> Result<(), Stop> {
        self.forget_users();
        self.start(family).await?;
        for place in self.source.some_people(5) {
            let Some(held) = self.users.get(&place) else { continue };
            self.expect_found(held.name(), &held.id, "O-16").await;
            self.expect_found(&held.name().to_uppercase(), &held.id, "O-18").await;
            let body = profile::creation(&held.values, 0);
            self.expect_duplicate("/Users", body, "O-30").await;
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

    /// People are in groups, so that it shows when they lose them.
    async fn start_groups(&mut self) {
        let first = 0..self.source.first_groups;
        let new: Vec<usize> = first.filter(|place| !self.groups.contains_key(place)).collect();
        self.push_all(Family::Oin, &new).await;
    }

    async fn update_profiles(&mut self) {
        self.start_groups().await;
        for (family, people) in self.halves() {
            for (number, place) in people.iter().enumerate() {
                let other = (place + 1) % self.source.first_people;
                let department = self.source.people[other].department.clone();
                self.source.change(*place, |person| {
                    person.title = format!("Senior {}", person.title);
                    person.department = department;
                    // O-43: a value is emptied.
                    if number % 3 == 0 {
                        person.phone.clear();
                    }
                });
            }
            self.happen("profiles pushed", family, Event::Update, &people).await;
        }
    }

    /// Suspended people are never spoken of (`T9`); the others are switched off, some of them twice (`O-53`).
    async fn deactivate(&mut self) {
        self.start_groups().await;
        for (family, people) in self.halves() {
            self.happen("users deactivated", family, Event::Unassign, &people).await;
            let again = &people[..people.len().min(2)];
            self.happen("users deactivated again", family, Event::Unassign, again).await;
            for place in &people {
                let Some(held) = self.users.get(place) else { continue };
                self.expect_found(held.name(), &held.id, "O-17").await;
            }
        }
    }

    fn inactive(&self) -> Vec<usize> {
        let off = |held: &HeldUser| held.values.get(&ACTIVE) == Some(&Value::Bool(false));
        self.users.iter().filter(|(_, held)| off(held)).map(|(place, _)| *place).collect()
    }

    async fn reactivate(&mut self) {
        if self.inactive().is_empty() {
            self.deactivate().await;
        }
        let mut people = self.inactive();
        let before: BTreeMap<usize, String> =
            people.iter().map(|place| (*place, self.users[place].id.clone())).collect();
        let others = people.split_off(people.len() / 2);
        self.happen("users reactivated", Family::Aiw, Event::Reassign, &people).await;
        self.happen("users reactivated", Family::Oin, Event::Reassign, &others).await;
        for (place, id) in before {
            if let Some(held) = self.users.get(&place) {
                self.expect_found(held.name(), &id, "O-51").await;
            }
        }
    }

    async fn rename(&mut self) {
        let mut people = self.hire("rename", self.few()).await;
        let others = people.split_off(people.len() / 2);
        for (family, people) in [(Family::Aiw, people), (Family::Oin, others)] {
            self.happen("users assigned", family, Event::Assign, &people).await;
            let names = people.iter().map(|place| self.source.people[*place].clean_user_name());
            let before: Vec<String> = names.collect();
            for place in &people {
                self.source.change(*place, |person| person.marry());
            }
            self.happen("users renamed", family, Event::Update, &people).await;
            for (place, before) in people.iter().zip(before) {
                let Some(held) = self.users.get(place) else { continue };
                self.expect_found(held.name(), &held.id, "O-42").await;
                self.expect_free(&before, "O-42").await;
            }
        }
    }

    /// Pushes groups, and once more those that failed.
    async fn push_all(&mut self, family: Family, places: &[usize]) {
        let mut due = places.to_vec();
        for _ in 0..2 {
            let done = self.run.each("groups pushed", std::mem::take(&mut due), async |place| {
                (place, self.push(family, place).await)
            });
            for (place, outcome) in done.await {
                match outcome {
                    Ok(held) => {
                        self.groups.insert(place, held);
                    }
                    Err(Failed) => due.push(place),
                }
            }
        }
    }

    async fn push_groups(&mut self, family: Family) {
        // A new app on this directory knows none of the groups.
        let first: Vec<usize> = (0..self.source.first_groups).collect();
        for place in &first {
            self.groups.remove(place);
        }
        self.push_all(family, &first).await;
        // One member comes and two go, in every group that has as many.
        let mut changes = Vec::new();
        for place in &first {
            let members = &self.source.groups[*place].members;
            let leave: Vec<usize> = members.iter().copied().take(2).collect();
            let come = (0..self.source.first_people).find(|person| !members.contains(person));
            if let (Some(come), [_, _]) = (come, leave.as_slice()) {
                changes.push((*place, come, leave));
            }
        }
        let done = self.run.each("members changed", changes, async |(place, come, leave)| {
            let held = self.groups.get(&place)?;
            let leave: BTreeSet<String> = leave
                .iter()
                .filter_map(|place| self.users.get(place))
                .map(|u| u.id.clone())
                .collect();
            let held = held.clone();
            self.change(family, held, self.member(come), leave).await.ok().map(|held| (place, held))
        });
        let done: Vec<_> = done.await;
        self.groups.extend(done.into_iter().flatten());
        self.push_large(family).await;
        self.groups_are_unique().await;
    }

    fn member(&self, place: usize) -> Members {
        let held = self.users.get(&place);
        held.map(|held| (held.id.clone(), held.name().to_owned())).into_iter().collect()
    }

    /// `T14`: up to 350 members at once, added twice, and three of five taken out by one request.
    async fn push_large(&mut self, family: Family) {
        let tag = if family == Family::Aiw { "largeaiw" } else { "largeoin" };
        let groups = self.found(tag, 1).await;
        self.push_all(family, &groups).await;
        for place in groups {
            let Some(held) = self.groups.get(&place).cloned() else { continue };
            let crowd: Members = (0..self.source.first_people.min(350))
                .flat_map(|place| self.member(place))
                .collect();
            let Ok(held) = self.change(family, held, crowd.clone(), BTreeSet::new()).await else {
                continue;
            };
            let again: Members = crowd.clone().into_iter().take(5).collect();
            let leave: BTreeSet<String> = again.keys().take(3).cloned().collect();
            let held = match family {
                Family::Oin => match self.change(family, held, again, BTreeSet::new()).await {
                    Ok(held) => held,
                    Err(Failed) => continue,
                },
                Family::Aiw => held,
            };
            if let Ok(held) = self.change(family, held, Members::new(), leave).await {
                self.groups.insert(place, held);
            }
        }
    }

    /// `O-61`, `O-65`: two groups never share a name.
    async fn groups_are_unique(&self) {
        let client = &self.run.client;
        let mut names = self.groups.values().map(HeldGroup::name);
        let (Some(one), Some(held)) = (names.next(), self.groups.values().nth(1)) else { return };
        let body = json!({"schemas": [CORE_GROUP], "displayName": one, "members": []});
        self.expect_duplicate("/Groups", body, "O-61").await;
        let body = super::users::replace(json!({"id": held.id, "displayName": one}));
        if let Some(answer) = client.send(Call::patch("/Groups", &held.id, body).verifying()).await
        {
            let what = "a group takes another group's name";
            client.log().expect(&answer, "O-65", what, &[409]);
        }
    }

    /// Somebody else changes a group on the server.
    async fn meddle(&self, held: &HeldGroup, stranger: Members) {
        let value: Vec<Value> = stranger.keys().map(|id| json!({"value": id})).collect();
        let add = json!({"op": "add", "path": "members", "value": value});
        let body = json!({"schemas": [PATCH_OP], "Operations": [add]});
        let call = Call::patch("/Groups", &held.id, body).verifying();
        if let Some(answer) = self.run.client.send(call).await {
            let what = "members are not changed";
            self.run.client.log().expect(&answer, "O-69", what, &[200, 204]);
        }
    }

    async fn push_now(&mut self) {
        let groups = self.found("now", 2).await;
        for (place, family) in groups.into_iter().zip(FAMILIES) {
            let people = self.source.some_people(self.few().min(self.source.first_people / 2));
            let outsider = (0..self.source.first_people).find(|place| !people.contains(place));
            self.source.change_group(place, |group| group.members.extend(&people));
            self.push_all(family, &[place]).await;
            let Some(held) = self.groups.get(&place).cloned() else { continue };
            if let Some(outsider) = outsider {
                self.meddle(&held, self.member(outsider)).await;
            }
            let members = self.pushed_members(place);
            let Ok(held) = self.overwrite(family, held, members.clone()).await else { continue };
            // `T15`: an empty group, and full again.
            let Ok(held) = self.overwrite(family, held, Members::new()).await else { continue };
            if let Ok(held) = self.overwrite(family, held, members).await {
                self.groups.insert(place, held);
            }
        }
    }

    /// People and groups were in the product before Okta came (`T3`, `O-77`, `O-78`).
    async fn link_existing(&mut self) {
        let mut people = self.hire("link", self.few()).await;
        for place in &people {
            let body = profile::homegrown(&self.source.people[*place]);
            if let Some(answer) = self.run.client.send(Call::post("/Users", body).verifying()).await
            {
                let what = "a user is not created";
                self.run.client.log().expect(&answer, "O-26", what, &[201]);
            }
        }
        let others = people.split_off(people.len() / 2);
        let before = self.run.client.log().changes.users_created;
        self.happen("users linked", Family::Aiw, Event::Assign, &people).await;
        self.happen("users linked", Family::Oin, Event::Assign, &others).await;
        if self.run.client.log().changes.users_created != before {
            let request =
                crate::Request { method: "POST".to_owned(), path: "/Users".to_owned(), body: None };
            let what = "a user whom the product knew before is created again";
            self.run.client.log().fault("O-152", what, &request, "one account", "two");
        }
        let groups = self.found("link", 2).await;
        for (place, family) in groups.into_iter().zip(FAMILIES) {
            let old: Vec<Value> =
                self.member(0).into_keys().map(|id| json!({"value": id})).collect();
            let name = &self.source.groups[place].name;
            let body = json!({"schemas": [CORE_GROUP], "displayName": name, "members": old});
            if let Some(answer) =
                self.run.client.send(Call::post("/Groups", body).verifying()).await
            {
                let what = "a group is not created with its members";
                self.run.client.log().expect(&answer, "O-60", what, &[201]);
            }
            let new = if family == Family::Aiw { people.clone() } else { others.clone() };
            self.source.change_group(place, |group| group.members.extend(new));
            self.push_all(family, &[place]).await;
        }
    }

    async fn unlink(&mut self) {
        let groups = self.found("unlink", 4).await;
        let people = self.source.some_people(self.few());
        for (number, place) in groups.into_iter().enumerate() {
            let family = FAMILIES[number % 2];
            self.source.change_group(place, |group| group.members.extend(&people));
            self.push_all(family, &[place]).await;
            let Some(held) = self.groups.remove(&place) else { continue };
            if number < 2 {
                // O-76: the group is left alone, and found again by its name.
                self.left_behind.push(held.clone());
                self.push_all(family, &[place]).await;
                self.left_behind.pop();
                if self.groups.get(&place).is_none_or(|again| again.id != held.id) {
                    self.left_behind.push(held);
                }
            } else if self.delete_group(&held).await.is_ok() {
                self.expect_deleted(&held).await;
                let name = held.name().to_owned();
                self.gone.push(Gone { endpoint: "/Groups", id: held.id, name });
            }
        }
    }

    async fn expect_deleted(&self, held: &HeldGroup) {
        let client = &self.run.client;
        for call in [Call::get("/Groups", &held.id), Call::delete("/Groups", &held.id)] {
            if let Some(answer) = client.send(call.verifying()).await {
                client.log().expect(&answer, "O-75", "a deleted group is still there", &[404]);
            }
        }
        let call = Self::lookup("/Groups", "displayName", held.name(), Blank::Percent).verifying();
        if let Some(list) = client.list(call, "O-75").await
            && !list.resources.is_empty()
        {
            let what = "a deleted group is still found";
            let got = format!("{} hits", list.total);
            client.log().fault("O-75", what, &list.answer.request, "no hit", got);
        }
    }

    /// `T17`: everything is read, and everybody is in it as they are.
    async fn import(&mut self) {
        let users = audit::read_pages(self.run, "/Users", false).await;
        let groups = audit::read_pages(self.run, "/Groups", false).await;
        let request = |endpoint: &str| crate::Request {
            method: "GET".to_owned(),
            path: format!("{endpoint}?startIndex=1&count=100"),
            body: None,
        };
        let undecided = self.inactive_ids();
        {
            let mut log = self.run.client.log();
            let by_id: BTreeMap<_, _> =
                users.iter().filter_map(|user| Some((user["id"].as_str()?, user))).collect();
            for held in self.users.values() {
                let (what, request) = ("a user is missing in the import", request("/Users"));
                let Some(user) = by_id.get(held.id.as_str()) else {
                    log.fault("O-89", what, &request, held.id.as_str(), "absent");
                    continue;
                };
                for (target, value, now) in deviations(&held.values, user) {
                    let name = matches!(target, Target::Sub("name", _));
                    let case = if name { "O-94" } else { "O-89" };
                    let what = format!("`{target}` is another in the import");
                    let (expected, got) = (text(Some(&value)), text(now.as_ref()));
                    log.fault(case, what, &request, expected, got);
                }
            }
            for held in self.groups.values() {
                let found = groups.iter().find(|group| group["id"] == held.id.as_str());
                let decided = |ids: &BTreeSet<String>| -> BTreeSet<String> {
                    ids.difference(&undecided).cloned().collect()
                };
                let now = found.map(|group| decided(&audit::member_ids(group)));
                if now != Some(decided(&held.members)) {
                    let what = "a group's members are others in the import";
                    let expected = format!("{} members", held.members.len());
                    let got = found.map_or("no such group".to_owned(), |group| {
                        format!("{} members", audit::member_ids(group).len())
                    });
                    log.fault("O-93", what, &request("/Groups"), expected, got);
                }
            }
        }
        // O-91: beyond the end there is an empty page with the true total.
        let beyond = users.len() + HUNDRED + 1;
        let call = Call::query("/Users").with("startIndex", beyond).with("count", HUNDRED);
        if let Some(list) = self.run.client.list(call.verifying(), "O-91").await
            && (!list.resources.is_empty() || list.total != users.len() as u64)
        {
            let what = "a page beyond the end is not empty or has another total";
            let got = format!("{} users, total {}", list.resources.len(), list.total);
            let expected = format!("none, total {}", users.len());
            self.run.client.log().fault("O-91", what, &list.answer.request, expected, got);
        }
    }

    async fn passwords(&mut self) {
        for (family, people) in self.halves() {
            self.happen("passwords set", family, Event::SetPassword, &people).await;
        }
    }

    /// Every provisioned profile is pushed again; nobody is created. Titles that somebody else changed are put right.
    async fn force_sync(&mut self) {
        self.start_groups().await;
        for place in self.source.some_people(3) {
            let Some(held) = self.users.get(&place) else { continue };
            let body = super::users::replace(json!({"title": "Changed By Somebody Else"}));
            let call = Call::patch("/Users", &held.id, body).verifying();
            if let Some(answer) = self.run.client.send(call).await {
                let what = "a title is not taken";
                self.run.client.log().expect(&answer, "O-99", what, &[200, 204]);
            }
        }
        let inactive: BTreeSet<usize> = self.inactive().into_iter().collect();
        let people: Vec<usize> =
            self.users.keys().copied().filter(|place| !inactive.contains(place)).collect();
        self.happen("profiles pushed", Family::Aiw, Event::Update, &people).await;
    }
}

//! What OneLogin and JumpCloud have in common: people are looked up by name, created or updated, and leave; groups get
//! and lose members by PATCH. What differs is in [`onelogin`](crate::onelogin) and [`jumpcloud`](crate::jumpcloud).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::audit::{
    self, ACTIVE, Beliefs, DISPLAY_NAME, Gone, HeldGroup, HeldUser, USER_NAME, deviations, text,
};
use crate::call::{Answer, Call, equals};
use crate::cast;
use crate::directory::{Directory, Person};
use crate::run::Run;
use crate::target::{PATCH_OP, Target};

/// The service could not go on; the log says why.
#[derive(Debug)]
pub struct Stop;

/// One task failed.
#[derive(Debug)]
pub struct Failed;

/// How the requests of a service differ from those of the other.
#[derive(Clone, Copy)]
pub struct Dialect {
    /// What stands behind queries without a meaning.
    pub query_tail: &'static str,
    /// What stands behind the URL of a single resource without a meaning.
    pub tail: &'static str,
    /// A new user's body, and with an id that of a replacement.
    pub body: fn(&BTreeMap<Target, Value>, Option<&str>, usize) -> Value,
    /// Whether users are changed by PATCH, not by PUT.
    pub patches: bool,
    /// Whether who leaves is deleted, not switched off.
    pub deletes: bool,
    /// Cases of a look-up, a user's body, a change, an end, and of members.
    pub find: &'static str,
    pub create: &'static str,
    pub update: &'static str,
    pub end: &'static str,
    pub join: &'static str,
    pub leave: &'static str,
}

pub struct Plain<'a, 'r> {
    pub run: &'a mut Run<'r>,
    pub source: Directory,
    pub dialect: Dialect,
    pub users: BTreeMap<usize, HeldUser>,
    pub groups: BTreeMap<usize, HeldGroup>,
    pub gone: Vec<Gone>,
}

/// What happens to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Assign,
    Update,
    Leave,
}

/// Rounds in which an administrator has failed tasks done again.
const ROUNDS: usize = 30;

impl<'a, 'r> Plain<'a, 'r> {
    pub fn new(run: &'a mut Run<'r>, dialect: Dialect) -> Self {
        let options = run.options;
        Plain {
            source: Directory::new(options.seed, options.users, options.groups),
            run,
            dialect,
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            gone: Vec::new(),
        }
    }

    pub fn into_beliefs(self) -> Beliefs {
        Beliefs {
            users: self.users.into_values().collect(),
            groups: self.groups.into_values().collect(),
            gone: self.gone,
        }
    }

    pub fn few(&self) -> usize {
        (self.source.first_people / 20).clamp(4, 40)
    }

    pub async fn hire(&mut self, tag: &str, count: usize) -> Vec<usize> {
        let people = cast::people(self.run, &self.source, tag, count).await;
        self.source.hire(people)
    }

    pub async fn found(&mut self, tag: &str, count: usize) -> Vec<usize> {
        let groups = cast::groups(self.run, &self.source, tag, count).await;
        self.source.found(groups)
    }

    /// Sees to it that the first people are there.
    pub async fn start(&mut self) {
        let first = 0..self.source.first_people;
        let new: Vec<usize> = first.filter(|place| !self.users.contains_key(place)).collect();
        self.happen("users assigned", Event::Assign, &new).await;
    }

    /// The same, without those who have left.
    pub async fn start_assigned(&mut self) {
        let due = self.source.people.iter().enumerate();
        let due = due.filter(|(place, person)| person.assigned && !self.users.contains_key(place));
        let due: Vec<usize> = due.map(|(place, _)| place).collect();
        self.happen("users assigned", Event::Assign, &due).await;
    }

    /// Lets something happen to people. Failed tasks are done again, once, or until they succeed where the trouble is
    /// made up.
    pub async fn happen(&mut self, step: &'static str, event: Event, places: &[usize]) {
        let mut due = places.to_vec();
        self.run.client.troubles().on = true;
        for round in 0..ROUNDS {
            let troubled = self.run.client.log().troubled();
            if due.is_empty() || round > 1 && !troubled {
                break;
            }
            let done = self.run.each(step, std::mem::take(&mut due), async |place| {
                (place, self.befall(event, place).await)
            });
            for (place, outcome) in done.await {
                match outcome {
                    Ok(Some(held)) => {
                        self.users.insert(place, held);
                    }
                    Ok(None) => self.forget(place),
                    Err(Failed) => due.push(place),
                }
            }
        }
        self.run.client.troubles().on = false;
    }

    fn forget(&mut self, place: usize) {
        let Some(held) = self.users.remove(&place) else { return };
        for group in self.groups.values_mut() {
            group.members.remove(&held.id);
        }
        let name = held.name().to_owned();
        self.gone.push(Gone { endpoint: "/Users", id: held.id, name });
    }

    async fn befall(&self, event: Event, place: usize) -> Result<Option<HeldUser>, Failed> {
        let Some(held) = self.users.get(&place).cloned() else {
            return match event {
                Event::Assign => self.assign(place).await.map(Some),
                Event::Update | Event::Leave => Ok(None),
            };
        };
        match event {
            Event::Assign | Event::Update => self.update(held, place, true).await.map(Some),
            Event::Leave if self.dialect.deletes => self.delete(&held).await.map(|()| None),
            Event::Leave => self.update(held, place, false).await.map(Some),
        }
    }

    fn values(&self, place: usize, active: bool) -> BTreeMap<Target, Value> {
        let mut values = values(&self.source.people[place]);
        values.insert(ACTIVE, active.into());
        values
    }

    async fn assign(&self, place: usize) -> Result<HeldUser, Failed> {
        let client = &self.run.client;
        let name = self.source.people[place].clean_user_name();
        let call = Call::query("/Users").with("filter", equals("userName", &name));
        let list = client.list(call.tail(self.dialect.query_tail), self.dialect.find).await;
        let list = list.ok_or(Failed)?;
        match list.resources.as_slice() {
            [] => self.create(place).await,
            [hit]
                if hit["userName"].as_str().map(str::to_lowercase) == Some(name.to_lowercase()) =>
            {
                let id = hit["id"].as_str().ok_or(Failed)?.to_owned();
                client.log().changes.users_linked += 1;
                self.update(HeldUser { id, ..HeldUser::default() }, place, true).await
            }
            hits => {
                let what = "a look-up by user name finds others";
                let got = format!("{} hits", hits.len());
                client.log().fault(self.dialect.find, what, &list.answer.request, name, got);
                Err(Failed)
            }
        }
    }

    async fn create(&self, place: usize) -> Result<HeldUser, Failed> {
        let client = &self.run.client;
        let values = self.values(place, true);
        let body = (self.dialect.body)(&values, None, place);
        let answer = client.send(Call::post("/Users", body)).await.ok_or(Failed)?;
        if !client.log().expect(&answer, self.dialect.create, "a user is not created", &[201]) {
            return Err(Failed);
        }
        let id = answer.body.as_ref().and_then(|body| body["id"].as_str()).ok_or(Failed)?;
        client.log().changes.users_created += 1;
        let held = HeldUser { id: id.to_owned(), values, manager: None };
        self.check(&held, &answer, self.dialect.create).await;
        Ok(held)
    }

    async fn update(
        &self,
        mut held: HeldUser,
        place: usize,
        active: bool,
    ) -> Result<HeldUser, Failed> {
        let client = &self.run.client;
        let case = if active { self.dialect.update } else { self.dialect.end };
        let values = self.values(place, active);
        let call = match self.dialect.patches {
            false => {
                let body = (self.dialect.body)(&values, Some(&held.id), place);
                Call::put("/Users", &held.id, body)
            }
            true => {
                let mut value = json!({});
                for (target, wanted) in &values {
                    target.write(&mut value, wanted.clone());
                }
                Call::patch("/Users", &held.id, patch(json!({"op": "replace", "value": value})))
            }
        };
        let answer = client.send(call.tail(self.dialect.tail)).await.ok_or(Failed)?;
        if !client.log().expect(&answer, case, "a user is not changed", &[200, 204]) {
            return Err(Failed);
        }
        let was = held.values.get(&ACTIVE) != Some(&Value::Bool(false));
        {
            let changes = &mut client.log().changes;
            match (was, active) {
                (true, false) => changes.users_deactivated += 1,
                (false, true) => changes.users_reactivated += 1,
                _ => changes.users_updated += 1,
            }
        }
        held.values = values;
        self.check(&held, &answer, case).await;
        Ok(held)
    }

    async fn delete(&self, held: &HeldUser) -> Result<(), Failed> {
        let client = &self.run.client;
        let call = Call::delete("/Users", &held.id).tail(self.dialect.tail);
        let answer = client.send(call).await.ok_or(Failed)?;
        if !client.log().expect(&answer, self.dialect.end, "a user is not deleted", &[204, 404]) {
            return Err(Failed);
        }
        client.log().changes.users_deleted += 1;
        Ok(())
    }

    /// Reads a user after a write and compares.
    async fn check(&self, held: &HeldUser, written: &Answer, case: &'static str) {
        let client = &self.run.client;
        let call = Call::get("/Users", &held.id).verifying();
        let Some(read) = client.send(call).await else { return };
        if !client.log().expect(&read, case, "a user cannot be read after a write", &[200]) {
            return;
        }
        let Some(body) = &read.body else { return };
        for (target, value, now) in deviations(&held.values, body) {
            let what = format!("`{target}` is not held as it was written");
            let (expected, got) = (text(Some(&value)), text(now.as_ref()));
            client.log().fault(case, what, &written.request, expected, got);
        }
    }

    /// A group that is looked for by name, and made if it is not there.
    pub async fn push(&mut self, place: usize) -> Result<(), Failed> {
        let client = &self.run.client;
        let name = self.source.groups[place].name.clone();
        let call = Call::query("/Groups").with("filter", equals("displayName", &name));
        let list = client.list(call.tail(self.dialect.query_tail), self.dialect.find).await;
        let list = list.ok_or(Failed)?;
        let mut members = BTreeSet::new();
        let id = match list.ids().first() {
            Some(id) => {
                client.log().changes.groups_linked += 1;
                members = audit::members(client, id).await.unwrap_or_default();
                (*id).to_owned()
            }
            None => {
                let body = json!({"schemas": [crate::target::CORE_GROUP], "displayName": name});
                let answer = client.send(Call::post("/Groups", body)).await.ok_or(Failed)?;
                let what = "a group is not created";
                if !client.log().expect(&answer, self.dialect.join, what, &[201]) {
                    return Err(Failed);
                }
                client.log().changes.groups_created += 1;
                let id = answer.body.as_ref().and_then(|body| body["id"].as_str());
                id.ok_or(Failed)?.to_owned()
            }
        };
        let values = BTreeMap::from([(DISPLAY_NAME, name.into())]);
        let held = HeldGroup { id, values, members, ..HeldGroup::default() };
        self.groups.insert(place, held);
        Ok(())
    }

    /// Members come one by one, or leave by a list of one (`X-08`, `X-15`, `X-16`).
    pub async fn change_members(&mut self, place: usize, op: &'static str, people: &[usize]) {
        let Some(mut held) = self.groups.get(&place).cloned() else { return };
        let client = &self.run.client;
        let ids: Vec<String> =
            people.iter().filter_map(|place| self.users.get(place)).map(|u| u.id.clone()).collect();
        let case = if op == "add" { self.dialect.join } else { self.dialect.leave };
        let mut last = None;
        for id in ids {
            let operation = json!({"op": op, "path": "members", "value": [{"value": id}]});
            let call = Call::patch("/Groups", &held.id, patch(operation)).tail(self.dialect.tail);
            let Some(answer) = client.send(call).await else { continue };
            if !client.log().expect(&answer, case, "members are not changed", &[200, 204]) {
                continue;
            }
            match op {
                "add" if held.members.insert(id.clone()) => client.log().changes.members_added += 1,
                "remove" if held.members.remove(&id) => client.log().changes.members_removed += 1,
                _ => {}
            }
            last = Some(answer);
        }
        if let (Some(answer), Some(now)) = (last, audit::members(client, &held.id).await)
            && now != held.members
        {
            let what = "a group's members are not those that were pushed";
            let expected = format!("{} members", held.members.len());
            client.log().fault(case, what, &answer.request, expected, format!("{}", now.len()));
        }
        self.groups.insert(place, held);
    }

    pub async fn rename_group(&mut self, place: usize, case: &'static str) {
        self.source.change_group(place, |group| group.name = group.other_name());
        let Some(held) = self.groups.get_mut(&place) else { return };
        let name = self.source.groups[place].name.clone();
        let body = patch(json!({"op": "replace", "value": {"displayName": name}}));
        let call = Call::patch("/Groups", &held.id, body).tail(self.dialect.tail);
        let client = &self.run.client;
        if let Some(answer) = client.send(call).await
            && client.log().expect(&answer, case, "a group is not renamed", &[200, 204])
        {
            held.values.insert(DISPLAY_NAME, name.into());
            client.log().changes.groups_updated += 1;
        }
    }

    pub async fn delete_group(&mut self, place: usize, case: &'static str) {
        let Some(held) = self.groups.remove(&place) else { return };
        let client = &self.run.client;
        let call = Call::delete("/Groups", &held.id).tail(self.dialect.tail);
        if let Some(answer) = client.send(call).await
            && client.log().expect(&answer, case, "a group is not deleted", &[204])
        {
            client.log().changes.groups_deleted += 1;
            let name = held.name().to_owned();
            self.gone.push(Gone { endpoint: "/Groups", id: held.id, name });
        }
    }

    /// A token that the server never issued is refused.
    pub async fn try_foreign_token(&self) {
        let client = &self.run.client;
        let call = Call::query("/Users").with("count", 1).with_foreign_token().verifying();
        if let Some(answer) = client.send(call).await {
            client.log().expect(&answer, "O-11", "a wrong token is not refused", &[401]);
        }
    }

    pub async fn update_profiles(&mut self) {
        let people = self.source.some_people(self.few());
        for place in &people {
            self.source.change(*place, |person| person.title = format!("Senior {}", person.title));
        }
        self.happen("profiles pushed", Event::Update, &people).await;
        // X-42's kin: a new name, the same account.
        let people = self.hire("rename", 2).await;
        self.happen("users assigned", Event::Assign, &people).await;
        for place in &people {
            self.source.change(*place, Person::marry);
        }
        self.happen("users renamed", Event::Update, &people).await;
    }

    /// People leave and come back: as they were if they had been switched off, as somebody new if deleted.
    pub async fn leavers(&mut self) {
        let people = self.hire("leave", self.few()).await;
        self.happen("users assigned", Event::Assign, &people).await;
        let before: Vec<_> =
            people.iter().filter_map(|place| self.users.get(place)).map(|u| u.id.clone()).collect();
        self.happen("users leave", Event::Leave, &people).await;
        let back: Vec<usize> = people.iter().copied().step_by(2).collect();
        self.happen("users come back", Event::Assign, &back).await;
        for place in back {
            let Some(held) = self.users.get(&place) else { continue };
            if self.dialect.deletes == before.contains(&held.id) {
                let request = crate::Request {
                    method: "POST".to_owned(),
                    path: "/Users".to_owned(),
                    body: None,
                };
                let what = "somebody who comes back has the wrong account";
                let expected = if self.dialect.deletes { "a new id" } else { "the id of before" };
                let client = &self.run.client;
                client.log().fault(self.dialect.end, what, &request, expected, held.id.as_str());
            }
        }
    }
}

pub fn patch(operation: Value) -> Value {
    json!({"schemas": [PATCH_OP], "Operations": [operation]})
}

fn values(person: &Person) -> BTreeMap<Target, Value> {
    BTreeMap::from([
        (USER_NAME, person.clean_user_name().into()),
        (Target::Sub("name", "givenName"), person.given.clone().into()),
        (Target::Sub("name", "familyName"), person.family.clone().into()),
        (DISPLAY_NAME, person.display_name().into()),
        (Target::Plain("title"), person.title.clone().into()),
        (Target::Typed("emails", "work", "value"), person.mail.clone().into()),
    ])
}

//! A user's part of a cycle: search, create, compare, update, delete.

use serde_json::Value;

use crate::audit::{self, ACTIVE, HeldUser, MANAGER, USER_NAME, deviations, text};
use crate::call::{Answer, Call, equals};
use crate::directory::{Bin, Person};
use crate::rules::names_schema;
use crate::target::{CORE_USER, Target};

use super::attributes::{self, TombstoneOrder, wanted};
use super::job::{Job, Retry};
use super::patch::{self, Change, Grammar};
use super::roles::Roles;

impl Job<'_, '_> {
    /// Brings one account in line with its person. `Ok(None)`: there is no account (any more).
    pub async fn provision_user(
        &self,
        place: usize,
        grammar: Grammar,
    ) -> Result<Option<HeldUser>, Retry> {
        let person = &self.source.people[place];
        if self.setup.skip_deletions && person.bin == Bin::Out && !person.in_scope() {
            return Ok(self.users.get(&place).cloned());
        }
        let Some(held) = self.users.get(&place) else {
            // Whoever is out of scope before the first sync is never created.
            return if person.in_scope() {
                self.adopt_or_create(place, grammar).await.map(Some)
            } else {
                Ok(None)
            };
        };
        if person.bin == Bin::Purged {
            return self.delete_user(held).await.map(|()| None);
        }
        let answer = self.run.client.send(Call::get("/Users", &held.id)).await.ok_or(Retry)?;
        if answer.status == 404 {
            let case =
                if held.values.get(&ACTIVE) == Some(&Value::Bool(false)) { "E-96" } else { "E-29" };
            let what = "a user that was not deleted is gone";
            let got = answer.summary();
            self.run.client.log().fault(case, what, &answer.request, "status 200", got);
            return match person.in_scope() && self.setup.search_missing {
                true => self.adopt_or_create(place, grammar).await.map(Some),
                false => Err(Retry),
            };
        }
        if !self.run.client.log().expect(&answer, "E-29", "a user cannot be read", &[200]) {
            return Err(Retry);
        }
        let body = answer.body.as_ref().ok_or(Retry)?;
        // After a failure nobody knows how far the last write got.
        let known = !self.failed(place);
        for (target, believed, now) in deviations(&held.values, body).into_iter().filter(|_| known)
        {
            let what =
                format!("`{target}` is not as it was written, so every cycle writes it again");
            let (expected, got) = (text(Some(&believed)), text(now.as_ref()));
            self.run.client.log().fault("E-30", what, &answer.request, expected, got);
        }
        self.update(held.clone(), body, place, grammar).await.map(Some)
    }

    /// Looks for an account by the matching attribute; links the one hit or creates one.
    pub async fn adopt_or_create(&self, place: usize, grammar: Grammar) -> Result<HeldUser, Retry> {
        let Some(hit) = self.search_user(place).await? else {
            return self.create_user(place).await;
        };
        let id = hit["id"].as_str().ok_or(Retry)?;
        let answer = self.run.client.send(Call::get("/Users", id)).await.ok_or(Retry)?;
        if !self.run.client.log().expect(
            &answer,
            "E-29",
            "a user that was found cannot be read",
            &[200],
        ) {
            return Err(Retry);
        }
        let body = answer.body.as_ref().ok_or(Retry)?;
        self.run.client.log().changes.users_linked += 1;
        self.update(self.link(id, body), body, place, grammar).await
    }

    /// What is believed about an account that was there before its link: nothing yet but its manager.
    pub fn link(&self, id: &str, body: &Value) -> HeldUser {
        let manager = audit::MANAGER_VALUE.read(body).and_then(Value::as_str).map(str::to_owned);
        HeldUser { id: id.to_owned(), manager, ..HeldUser::default() }
    }

    pub async fn search_user(&self, place: usize) -> Result<Option<Value>, Retry> {
        let person = &self.source.people[place];
        let values = attributes::of_person(person, &self.mapping);
        // Several attributes are tried one after the other, never together.
        for (number, attribute) in self.mapping.users.iter().enumerate() {
            let target = attribute.user_target();
            let value = values.get(&target).and_then(Value::as_str).unwrap_or_default();
            let last = number + 1 == self.mapping.users.len();
            let hit = self.search_by(place, target, value, last).await?;
            if hit.is_some() {
                return Ok(hit);
            }
        }
        Ok(None)
    }

    async fn search_by(
        &self,
        place: usize,
        target: Target,
        value: &str,
        last: bool,
    ) -> Result<Option<Value>, Retry> {
        let call = Call::query("/Users").with("filter", equals(&target.to_string(), value));
        let list = self.run.client.list(call, "E-10").await.ok_or(Retry)?;
        let mut log = self.run.client.log();
        let request = &list.answer.request;
        match list.resources.as_slice() {
            [] => {
                if last && self.existing.people.contains(&place) {
                    let case = self.existing.case;
                    let what = "a user that exists is not found by the matching attribute";
                    log.fault(case, what, request, "one hit", "none");
                }
                Ok(None)
            }
            [hit] => {
                let found = target.read(hit).and_then(Value::as_str).unwrap_or_default();
                if found.to_lowercase() != value.to_lowercase() {
                    let what = "a search finds somebody else";
                    log.fault("E-10", what, request, value, found);
                    return Err(Retry);
                }
                Ok(Some(hit.clone()))
            }
            several => {
                let what = "a search by the matching attribute finds several users";
                let got = format!("{} hits", several.len());
                log.fault("E-16", what, request, "at most one hit", got);
                Err(Retry)
            }
        }
    }

    pub async fn create_user(&self, place: usize) -> Result<HeldUser, Retry> {
        let client = &self.run.client;
        let person = &self.source.people[place];
        let values = wanted(person, &self.mapping);
        let (mut body, case) = attributes::creation(&values, place);
        if self.setup.roles != Roles::None {
            body["roles"] = self.setup.roles.creation(person);
        }
        let answer = client.send(Call::post("/Users", body)).await.ok_or(Retry)?;
        if answer.repeated && answer.status == 409 {
            // E-111: the first sending was stored; the next cycle finds it.
            return Err(Retry);
        }
        let (case, what) = match answer.status {
            409 => ("E-26", "a name that no search finds is answered with 409"),
            _ => (case, "a user is not created"),
        };
        // The suite of Microsoft lets 200 pass for 201, and so does the service.
        if !client.log().expect(&answer, case, what, &[200, 201]) {
            return Err(Retry);
        }
        let created = answer.body.as_ref().ok_or(Retry)?;
        let id = created["id"].as_str().filter(|id| !id.is_empty()).ok_or(Retry)?.to_owned();
        client.log().changes.users_created += 1;
        for (target, value, now) in deviations(&values, created) {
            let what = format!("`{target}` is not in the answer as it was sent");
            let (expected, got) = (text(Some(&value)), text(now.as_ref()));
            client.log().fault("E-30", what, &answer.request, expected, got);
        }
        let held = HeldUser { id, values, manager: None };
        self.verify(&held, &[], self.grammar).await;
        if place.is_multiple_of(10) {
            // E-119: what was just created is found at once, on any connection.
            self.expect_hit(held.name(), &held.id, "E-119").await;
        }
        Ok(held)
    }

    /// Sends what differs between the person and the body that was just read.
    pub async fn update(
        &self,
        mut held: HeldUser,
        body: &Value,
        place: usize,
        grammar: Grammar,
    ) -> Result<HeldUser, Retry> {
        let person = &self.source.people[place];
        let wanted = wanted(person, &self.mapping);
        let changes: Vec<Change> = deviations(&wanted, body)
            .into_iter()
            .map(|(target, value, now)| self.change(target, value, now.as_ref()))
            .collect();
        let role = match person.in_scope() {
            true => self.setup.roles.operation(person, body),
            false => None,
        };
        if changes.is_empty() && role.is_none() {
            held.values.extend(wanted);
            return Ok(held);
        }
        let [first, changes] = self.parts(person, changes);
        if !first.is_empty() {
            held = self.write(held, &first, None, place, grammar).await?;
        }
        held = self.write(held, &changes, role, place, grammar).await?;
        held.values.extend(wanted);
        Ok(held)
    }

    /// What is written first, in a request of its own, and what then.
    fn parts(&self, person: &Person, changes: Vec<Change>) -> [Vec<Change>; 2] {
        let first = match self.mapping.tombstone_order {
            TombstoneOrder::NameFirst => USER_NAME,
            TombstoneOrder::ActiveFirst => ACTIVE,
            TombstoneOrder::Together => return [Vec::new(), changes],
        };
        if person.bin == Bin::Out || changes.len() < 2 {
            return [Vec::new(), changes];
        }
        let (first, then) = changes.into_iter().partition(|change| change.target == first);
        [first, then]
    }

    /// Writes changes in one request.
    async fn write(
        &self,
        mut held: HeldUser,
        changes: &[Change],
        role: Option<Value>,
        place: usize,
        grammar: Grammar,
    ) -> Result<HeldUser, Retry> {
        let client = &self.run.client;
        let mut message = patch::user(changes, grammar, place);
        if let (Some(role), Some(operations)) = (&role, message["Operations"].as_array_mut()) {
            operations.push(role.clone());
        }
        let call = Call::patch("/Users", &held.id, message);
        let answer = client.send(call).await.ok_or(Retry)?;
        let kind = answer.body.as_ref().and_then(|body| body["scimType"].as_str());
        let case = match (kind, grammar) {
            (Some("noTarget"), _) => "E-44",
            _ if self.source.people[place].bin == Bin::In => "E-97",
            _ if changes.is_empty() => self.setup.roles.case(),
            _ if changes.len() == 1 => patch::case(&changes[0], grammar),
            (_, Grammar::Old) => "E-39",
            (_, Grammar::Flag) => "E-40",
        };
        if !client.log().expect(&answer, case, "a user is not updated", &[200, 204]) {
            return Err(Retry);
        }
        {
            let mut log = client.log();
            if let Some(body) = answer.body.as_ref().filter(|body| !names_schema(body, CORE_USER)) {
                let what = "the answer to a PATCH is not the user";
                let got = text(Some(body));
                log.fault("E-63", what, &answer.request, "the user, or 204", got);
            }
            match changes.iter().find(|change| change.target == ACTIVE).map(|c| &c.value) {
                Some(Value::Bool(false)) => log.changes.users_deactivated += 1,
                Some(_) => log.changes.users_reactivated += 1,
                None => log.changes.users_updated += 1,
            }
        }
        held.values.extend(changes.iter().map(|change| (change.target, change.value.clone())));
        self.verify(&held, changes, grammar).await;
        if role.is_some() {
            self.verify_roles(&held, place, &answer).await;
        }
        Ok(held)
    }

    async fn verify_roles(&self, held: &HeldUser, place: usize, written: &Answer) {
        let client = &self.run.client;
        let Some(answer) = client.send(Call::get("/Users", &held.id).verifying()).await else {
            return;
        };
        let body = answer.body.unwrap_or_default();
        let roles = self.setup.roles;
        if let Some(missing) = roles.operation(&self.source.people[place], &body) {
            let what = "`roles` are not held as they were written";
            let (expected, got) = (missing["value"].to_string(), text(Some(&body["roles"])));
            client.log().fault(roles.case(), what, &written.request, expected, got);
        }
    }

    /// Reads a user after a write. What was `changed` must have arrived, and everything else must be as it was.
    pub async fn verify(&self, held: &HeldUser, changed: &[Change], grammar: Grammar) {
        let client = &self.run.client;
        let call = Call::get("/Users", &held.id).verifying();
        let Some(answer) = client.send(call).await else { return };
        let case = match changed.iter().any(|change| change.value == Value::Bool(false)) {
            true => "E-96",
            false => "E-119",
        };
        let what = "a user cannot be read right after a write";
        if !client.log().expect(&answer, case, what, &[200]) {
            return;
        }
        let Some(body) = &answer.body else { return };
        for (target, value, now) in deviations(&held.values, body) {
            let (case, what) = match changed.iter().find(|change| change.target == target) {
                Some(change) => (patch::case(change, grammar), "does not hold what a PATCH wrote"),
                None if changed.is_empty() => ("E-30", "does not hold what was sent at creation"),
                None => (
                    patch::bystander(target, grammar),
                    "changed although the PATCH did not name it",
                ),
            };
            let (expected, got) = (text(Some(&value)), text(now.as_ref()));
            client.log().fault(case, format!("`{target}` {what}"), &answer.request, expected, got);
        }
        let manager = MANAGER.read(body).and_then(|manager| manager["value"].as_str());
        let known = !self.unsure_managers.contains(&held.id);
        if known && !changed.is_empty() && held.manager.as_deref() != manager {
            let (expected, got) =
                (held.manager.as_deref().unwrap_or("none"), manager.unwrap_or("none"));
            let what = "`manager` changed although the PATCH did not name it";
            client.log().fault("E-30", what, &answer.request, expected, got);
        }
    }

    /// Searches a user by name, outside of what the service does itself.
    pub async fn expect_hit(&self, name: &str, id: &str, case: &'static str) {
        let filter = equals("userName", name);
        let call = Call::query("/Users").with("filter", filter).verifying();
        if let Some(list) = self.run.client.list(call, case).await
            && list.ids() != [id]
        {
            let what = "a user is not found by name";
            let got = format!("{} hits {}", list.total, list.ids().join(", "));
            self.run.client.log().fault(case, what, &list.answer.request, id, got);
        }
    }

    /// The opposite: nobody has this name.
    pub async fn expect_free(&self, name: &str, case: &'static str) {
        let filter = equals("userName", name);
        let call = Call::query("/Users").with("filter", filter).verifying();
        if let Some(list) = self.run.client.list(call, case).await
            && !list.resources.is_empty()
        {
            let what = "a name that nobody has any more is still found";
            let got = format!("{} hits {}", list.total, list.ids().join(", "));
            self.run.client.log().fault(case, what, &list.answer.request, "no hit", got);
        }
    }

    /// Deletes for good. That it is gone already is the goal reached (`E-102`).
    pub async fn delete_user(&self, held: &HeldUser) -> Result<(), Retry> {
        let client = &self.run.client;
        let answer = client.send(Call::delete("/Users", &held.id)).await.ok_or(Retry)?;
        if !client.log().expect(&answer, "E-101", "a user is not deleted", &[204, 404]) {
            return Err(Retry);
        }
        client.log().changes.users_deleted += 1;
        Ok(())
    }
}

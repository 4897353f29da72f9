//! The user program: look up, create, read–merge–replace, switch off and on.

use serde_json::{Value, json};

use crate::audit::{ACTIVE, HeldUser, USER_NAME, deviations, text};
use crate::call::{Answer, Blank, Call, equals};
use crate::target::{PATCH_OP, Target};

use super::org::{Failed, Family, HUNDRED, Org};
use super::profile::{self, EXTERNAL_ID, mapped};

impl Org<'_, '_> {
    /// The look-up of §3; the page parameters are always there.
    pub fn lookup(endpoint: &str, attribute: &str, value: &str, blank: Blank) -> Call {
        Call::query(endpoint)
            .with("filter", equals(attribute, value))
            .with("startIndex", 1)
            .with("count", HUNDRED)
            .blank(blank)
    }

    /// `T2`, `T3`, and `T7` for somebody who is found switched off.
    pub async fn assign(&self, family: Family, place: usize) -> Result<HeldUser, Failed> {
        let client = &self.run.client;
        let Some(hit) = self.find_user(family, place).await? else {
            // O-24: no match, and nobody may be created.
            return if self.setup.create { self.create(place).await } else { Err(Failed) };
        };
        let id = hit["id"].as_str().ok_or(Failed)?.to_owned();
        client.log().changes.users_linked += 1;
        let held = HeldUser { id, ..HeldUser::default() };
        if hit["active"] == false {
            return match family {
                Family::Aiw => self.switch_on_and_update(held, place).await,
                Family::Oin => {
                    let held = self.update(held, place).await?;
                    self.patch_active(held, true).await
                }
            };
        }
        self.update(held, place).await
    }

    async fn find_user(&self, family: Family, place: usize) -> Result<Option<Value>, Failed> {
        let client = &self.run.client;
        let name = self.source.people[place].clean_user_name();
        let call = Self::lookup("/Users", "userName", &name, self.setup.blank(family));
        let list = client.list(call, "O-16").await.ok_or(Failed)?;
        let request = &list.answer.request;
        match list.resources.as_slice() {
            [] => Ok(None),
            [hit] => {
                let found = hit["userName"].as_str().unwrap_or_default();
                if found.to_lowercase() == name.to_lowercase() {
                    return Ok(Some(hit.clone()));
                }
                let what = "a look-up finds somebody else";
                client.log().fault("O-25", what, request, name, found);
                Err(Failed)
            }
            several => {
                let what = "a look-up by user name finds several users";
                let got = format!("{} hits", several.len());
                client.log().fault("O-22", what, request, "at most one hit", got);
                Err(Failed)
            }
        }
    }

    async fn create(&self, place: usize) -> Result<HeldUser, Failed> {
        let client = &self.run.client;
        let mut values = mapped(&self.source, place);
        let body = profile::creation(&self.source, place);
        let answer = client.send(Call::post("/Users", body)).await.ok_or(Failed)?;
        let (case, what) = match answer.status {
            409 => ("O-17", "a name that no look-up finds is answered with 409"),
            _ => ("O-26", "a user is not created"),
        };
        if !client.log().expect(&answer, case, what, &[201]) {
            return Err(Failed);
        }
        let Some(id) = answer.body.as_ref().and_then(|body| body["id"].as_str()) else {
            let what = "the answer to a creation is empty";
            client.log().fault("O-27", what, &answer.request, "the user", answer.summary());
            return Err(Failed);
        };
        client.log().changes.users_created += 1;
        values.insert(ACTIVE, true.into());
        let held = HeldUser { id: id.to_owned(), values, manager: None };
        self.check(&held, &answer, "O-26").await;
        Ok(held)
    }

    /// Compares an answer, and what a read says afterwards, with what was written.
    async fn check(&self, held: &HeldUser, written: &Answer, case: &'static str) {
        let client = &self.run.client;
        let read = client.send(Call::get("/Users", &held.id).verifying()).await;
        if let Some(read) = &read {
            let gone = held.values.get(&ACTIVE) == Some(&Value::Bool(false));
            let case = if gone { "O-50" } else { case };
            client.log().expect(read, case, "a user cannot be read after a write", &[200]);
        }
        for answer in [Some(written), read.as_ref()].into_iter().flatten() {
            let Some(body) = answer.body.as_ref().filter(|_| answer.status < 300) else { continue };
            for (target, value, now) in deviations(&held.values, body) {
                let case = match target {
                    ACTIVE => case,
                    USER_NAME if case == "O-26" => "O-36",
                    USER_NAME => "O-42",
                    EXTERNAL_ID => "O-41",
                    _ if value.is_null() => "O-43",
                    _ => case,
                };
                let what = format!("`{target}` is not held as it was written");
                let (expected, got) = (text(Some(&value)), text(now.as_ref()));
                client.log().fault(case, what, &written.request, expected, got);
            }
        }
    }

    pub async fn read(&self, id: &str) -> Result<Value, Failed> {
        let client = &self.run.client;
        let answer = client.send(Call::get("/Users", id)).await.ok_or(Failed)?;
        if !client.log().expect(&answer, "O-50", "a provisioned user cannot be read", &[200]) {
            return Err(Failed);
        }
        answer.body.ok_or(Failed)
    }

    /// Sends a whole user back that was just read.
    async fn put(&self, held: &HeldUser, body: Value, case: &'static str) -> Result<(), Failed> {
        let client = &self.run.client;
        let groups = |body: &Value| {
            let groups = body["groups"].as_array().cloned().unwrap_or_default();
            let mut ids: Vec<_> = groups.iter().map(|group| group["value"].to_string()).collect();
            ids.sort_unstable();
            ids
        };
        let before = groups(&body);
        let answer = client.send(Call::put("/Users", &held.id, body)).await.ok_or(Failed)?;
        if !client.log().expect(&answer, case, "a user is not replaced", &[200]) {
            return Err(Failed);
        }
        if let Some(after) = answer.body.as_ref().filter(|body| body["groups"].is_array()) {
            let after = groups(after);
            if after != before {
                let what = "memberships changed although `groups` only came back as it was";
                let (expected, got) = (before.join(", "), after.join(", "));
                client.log().fault("O-40", what, &answer.request, expected, got);
            }
        }
        self.check(held, &answer, case).await;
        Ok(())
    }

    /// `T4`: read, merge, replace.
    pub async fn update(&self, mut held: HeldUser, place: usize) -> Result<HeldUser, Failed> {
        let values = mapped(&self.source, place);
        let read = self.read(&held.id).await?;
        if !self.setup.update {
            // O-24: the account stays as it was found.
            for target in [USER_NAME, ACTIVE] {
                if let Some(value) = target.read(&read) {
                    held.values.insert(target, value.clone());
                }
            }
            return Ok(held);
        }
        let body = profile::merge(read, &self.source, place);
        held.values.extend(values);
        for (value, kind) in [(profile::PHONE, PHONE_TYPE), (profile::MAIL, MAIL_TYPE)] {
            if held.values.get(&value).is_some_and(Value::is_null) {
                held.values.remove(&kind);
            }
        }
        self.put(&held, body, "O-38").await?;
        self.run.client.log().changes.users_updated += 1;
        Ok(held)
    }

    /// `T5`, `T6`.
    pub async fn unassign(
        &self,
        family: Family,
        held: HeldUser,
        place: usize,
    ) -> Result<HeldUser, Failed> {
        match family {
            Family::Oin if self.setup.patch_users => self.patch_active(held, false).await,
            Family::Aiw | Family::Oin => self.put_active(held, false, place).await,
        }
    }

    /// `T7` with its look-up, `T8` by the stored id.
    pub async fn reassign(
        &self,
        family: Family,
        held: HeldUser,
        place: usize,
    ) -> Result<HeldUser, Failed> {
        match family {
            Family::Aiw => {
                let Some(hit) = self.find_user(family, place).await? else {
                    let (what, client) = ("a deactivated user is not found", &self.run.client);
                    let name = self.source.people[place].clean_user_name();
                    let request = crate::Request {
                        method: "GET".to_owned(),
                        path: format!("/Users?filter=userName eq \"{name}\""),
                        body: None,
                    };
                    client.log().fault("O-17", what, &request, "one hit", "none");
                    return self.create(place).await;
                };
                if hit["id"].as_str() != Some(held.id.as_str()) {
                    return Err(Failed);
                }
                self.switch_on_and_update(held, place).await
            }
            Family::Oin => {
                self.read(&held.id).await?;
                let held = self.patch_active(held, true).await?;
                self.update(held, place).await
            }
        }
    }

    async fn switch_on_and_update(&self, held: HeldUser, place: usize) -> Result<HeldUser, Failed> {
        let held = self.put_active(held, true, place).await?;
        self.update(held, place).await
    }

    async fn put_active(
        &self,
        mut held: HeldUser,
        active: bool,
        place: usize,
    ) -> Result<HeldUser, Failed> {
        let mut body = self.read(&held.id).await?;
        body["active"] = active.into();
        // A PUT may repeat the throw-away password.
        if place % 2 == 1 {
            body["password"] = profile::password(place).into();
        }
        held.values.insert(ACTIVE, active.into());
        self.put(&held, body, if active { "O-51" } else { "O-49" }).await?;
        self.count_active(active);
        Ok(held)
    }

    async fn patch_active(&self, mut held: HeldUser, active: bool) -> Result<HeldUser, Failed> {
        let client = &self.run.client;
        let case = if active { "O-51" } else { "O-48" };
        let call = Call::patch("/Users", &held.id, replace(json!({"active": active})));
        let answer = client.send(call).await.ok_or(Failed)?;
        if !client.log().expect(&answer, case, "a user is not switched on or off", &[200, 204]) {
            return Err(Failed);
        }
        held.values.insert(ACTIVE, active.into());
        self.check(&held, &answer, case).await;
        self.count_active(active);
        Ok(held)
    }

    fn count_active(&self, active: bool) {
        let mut log = self.run.client.log();
        match active {
            true => log.changes.users_reactivated += 1,
            false => log.changes.users_deactivated += 1,
        }
    }

    /// A synchronised password; whether it comes back is looked at in every answer (`O-28`).
    pub async fn set_password(
        &self,
        family: Family,
        held: HeldUser,
        place: usize,
    ) -> Result<HeldUser, Failed> {
        let client = &self.run.client;
        let password = format!("N3w-{}", profile::password(place));
        match family {
            Family::Oin if self.setup.patch_users => {
                let call = Call::patch("/Users", &held.id, replace(json!({"password": password})));
                let answer = client.send(call).await.ok_or(Failed)?;
                let what = "a password is not taken";
                if !client.log().expect(&answer, "O-57", what, &[200, 204]) {
                    return Err(Failed);
                }
                self.check(&held, &answer, "O-57").await;
            }
            Family::Aiw | Family::Oin => {
                let mut body = self.read(&held.id).await?;
                body["password"] = password.into();
                self.put(&held, body, "O-57").await?;
            }
        }
        client.log().changes.passwords_set += 1;
        Ok(held)
    }

    /// Looks a user up by name, outside of what the service does itself.
    pub async fn expect_found(&self, name: &str, id: &str, case: &'static str) {
        let call = Self::lookup("/Users", "userName", name, Blank::Percent).verifying();
        if let Some(list) = self.run.client.list(call, case).await
            && list.ids() != [id]
        {
            let what = "a user is not found by name";
            let got = format!("{} hits {}", list.total, list.ids().join(", "));
            self.run.client.log().fault(case, what, &list.answer.request, id, got);
        }
    }

    pub async fn expect_free(&self, name: &str, case: &'static str) {
        let call = Self::lookup("/Users", "userName", name, Blank::Percent).verifying();
        if let Some(list) = self.run.client.list(call, case).await
            && !list.resources.is_empty()
        {
            let what = "a name that nobody has any more is still found";
            let got = format!("{} hits {}", list.total, list.ids().join(", "));
            self.run.client.log().fault(case, what, &list.answer.request, "no hit", got);
        }
    }
}

const MAIL_TYPE: Target = Target::Primary("emails", "type");
const PHONE_TYPE: Target = Target::Primary("phoneNumbers", "type");

/// The one shape that catalogue apps patch users with: path-less, one replacement.
pub fn replace(value: Value) -> Value {
    json!({"schemas": [PATCH_OP], "Operations": [{"op": "replace", "value": value}]})
}

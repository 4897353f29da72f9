//! What Microsoft's two validators ask of a server, as far as it goes by SCIM alone (`E-134`). They use people and groups
//! of their own and delete them.

use serde_json::{Value, json};

use crate::audit::{self, expect_duplicate};
use crate::call::{Call, equals};
use crate::cast;
use crate::entra::job::{Disabled, Job};
use crate::target::{CORE_GROUP, CORE_USER, ENTERPRISE, PATCH_OP};

const CASE: &str = "E-134";

fn patch(operations: Value) -> Value {
    json!({"schemas": [PATCH_OP], "Operations": operations})
}

impl Job<'_, '_> {
    pub async fn validator(&mut self) -> Result<(), Disabled> {
        let people = cast::people(self.run, &self.source, "valid", 12).await;
        let names: Vec<String> = people.iter().map(|person| person.clean_user_name()).collect();
        if let [name, other, ..] = names.as_slice() {
            self.validate_users(name, other).await;
            self.validate_clearing(name).await;
        }
        self.validate_pages(&names).await;
        let groups = cast::groups(self.run, &self.source, "valid", 1).await;
        for group in groups {
            self.validate_group(&group.name).await;
        }
        Ok(())
    }

    /// Sends a request and gives the body of an answer with one of the statuses.
    async fn try_out(&self, call: Call, what: &'static str, statuses: &[u16]) -> Option<Value> {
        let client = &self.run.client;
        let answer = client.send(call.verifying()).await?;
        let right = client.log().expect(&answer, CASE, what, statuses);
        right.then(|| answer.body.unwrap_or_default())
    }

    async fn look_up(&self, endpoint: &'static str, filter: String, ids: &[&str]) {
        let client = &self.run.client;
        let call = Call::query(endpoint).with("filter", filter).verifying();
        if let Some(list) = client.list(call, CASE).await
            && list.ids() != ids
        {
            let what = "a filter finds something else";
            let (expected, got) = (ids.join(", "), list.ids().join(", "));
            client.log().fault(CASE, what, &list.answer.request, expected, got);
        }
    }

    async fn expect_values(&self, endpoint: &'static str, id: &str, expected: &[(&str, Value)]) {
        let client = &self.run.client;
        let Some(answer) = client.send(Call::get(endpoint, id).verifying()).await else { return };
        let body = answer.body.clone().unwrap_or_default();
        for (pointer, value) in expected {
            let held = body.pointer(pointer).cloned().unwrap_or_default();
            if held != *value {
                let what = format!("`{pointer}` is another after a change");
                let (expected, got) = (value.to_string(), held.to_string());
                client.log().fault(CASE, what, &answer.request, expected, got);
            }
        }
    }

    /// V1 to V12, and the preview's deletions.
    async fn validate_users(&self, name: &str, other: &str) {
        let user = json!({
            "schemas": [CORE_USER, ENTERPRISE], "userName": name, "active": true,
            "displayName": "Valid User", "title": "Tester", "preferredLanguage": "xx-Custom",
            "name": {"givenName": "Valid", "familyName": "User", "formatted": "Valid User",
                "middleName": "M", "honorificPrefix": "Dr", "honorificSuffix": "Jr"},
            "emails": [{"type": "work", "value": name, "primary": true}],
            "addresses": [{"type": "work", "locality": "Bergen", "country": "NO"}],
            "phoneNumbers": [{"type": "mobile", "value": "(0)55-12 34"},
                {"type": "fax", "value": "55/12"}],
            "roles": [{"primary": "True", "display": "r", "value": "r", "type": "t"}],
            "userType": "any", "nickName": "val", "locale": "any", "timezone": "Moon/Base",
            "profileUrl": "https://example.com/valid",
            ENTERPRISE: {"employeeNumber": "7", "department": "D", "costCenter": "C",
                "organization": "O", "division": "V", "manager": {"value": "somebody unknown"}},
        });
        let call = Call::post("/Users", user.clone());
        let Some(created) = self.try_out(call, "V1: a full user is not created", &[201]).await
        else {
            return;
        };
        let id = created["id"].as_str().unwrap_or_default();
        let manager = format!("/{ENTERPRISE}/manager/value");
        let department = format!("/{ENTERPRISE}/department");
        self.expect_values(
            "/Users",
            id,
            &[
                ("/timezone", json!("Moon/Base")),
                ("/roles/0/primary", json!(true)),
                (&manager, json!("somebody unknown")),
                ("/phoneNumbers/0/value", json!("(0)55-12 34")),
            ],
        )
        .await;
        expect_duplicate(&self.run.client, "/Users", user, CASE).await;
        self.look_up("/Users", equals("userName", name), &[id]).await;
        self.look_up("/Users", equals("userName", other), &[]).await;
        self.look_up("/Users", equals("userName", &name.to_uppercase()), &[id]).await;
        let operations = json!([
            {"op": "replace", "path": "displayName", "value": "V6"},
            {"op": "replace", "path": "name.givenName", "value": "Six"},
            {"op": "replace", "path": "emails[type eq \"work\"].value", "value": other},
            {"op": "replace", "path": "phoneNumbers[type eq \"fax\"].value", "value": "66/12"},
            {"op": "replace", "path": "addresses[type eq \"work\"].region", "value": "Vestland"},
            {"op": "replace", "path": "roles[primary eq \"True\"].value", "value": "six"},
            {"op": "replace", "path": format!("{ENTERPRISE}:department"), "value": "Six"},
        ]);
        let call = Call::patch("/Users", id, patch(operations));
        self.try_out(call, "V6: replacements with paths are refused", &[200, 204]).await;
        self.expect_values(
            "/Users",
            id,
            &[
                ("/displayName", json!("V6")),
                ("/name/givenName", json!("Six")),
                ("/name/familyName", json!("User")),
                ("/emails/0/value", json!(other)),
                ("/addresses/0/region", json!("Vestland")),
                ("/addresses/0/locality", json!("Bergen")),
                ("/roles/0/value", json!("six")),
                (&department, json!("Six")),
            ],
        )
        .await;
        let operations = json!([{"op": "replace", "value": {"displayName": "V8",
            "name.familyName": "Eight", format!("{ENTERPRISE}:department"): "Eight"}}]);
        let call = Call::patch("/Users", id, patch(operations));
        self.try_out(call, "V8: a replacement without a path is refused", &[200, 204]).await;
        let operations = json!([{"op": "replace", "value": {"userName": other}}]);
        let call = Call::patch("/Users", id, patch(operations));
        self.try_out(call, "V9: a user name cannot be replaced", &[200, 204]).await;
        let operations = json!([{"op": "replace", "path": "active", "value": false}]);
        let call = Call::patch("/Users", id, patch(operations));
        self.try_out(call, "V10: a user cannot be disabled", &[200, 204]).await;
        self.expect_values(
            "/Users",
            id,
            &[
                ("/userName", json!(other)),
                ("/displayName", json!("V8")),
                ("/name/givenName", json!("Six")),
                ("/name/familyName", json!("Eight")),
                ("/active", json!(false)),
                (&department, json!("Eight")),
            ],
        )
        .await;
        let path = format!("{ENTERPRISE}:manager");
        for (value, held) in [
            (json!({"value": "m1"}), json!("m1")),
            (json!("m2"), json!("m2")),
            (json!(""), Value::Null),
            (json!("m3"), json!("m3")),
            (json!({"value": ""}), Value::Null),
        ] {
            let operations = json!([{"op": "replace", "path": path, "value": value}]);
            let call = Call::patch("/Users", id, patch(operations));
            self.try_out(call, "V11: a manager cannot be set or cleared", &[200, 204]).await;
            self.expect_values("/Users", id, &[(&manager, held)]).await;
        }
        self.expect_deletion("/Users", id).await;
    }

    /// V7: values onto a user who has nothing but a name; then the gallery's test of clearing.
    async fn validate_clearing(&self, name: &str) {
        let body = json!({"schemas": [CORE_USER], "userName": name, "externalId": ""});
        let call = Call::post("/Users", body);
        let Some(created) = self.try_out(call, "V7: a bare user is not created", &[201]).await
        else {
            return;
        };
        let id = created["id"].as_str().unwrap_or_default();
        let paths = [
            ("title", "/title"),
            ("name.givenName", "/name/givenName"),
            ("phoneNumbers[type eq \"fax\"].value", "/phoneNumbers/0/value"),
            ("addresses[type eq \"work\"].locality", "/addresses/0/locality"),
        ];
        let all = |op: &str, value: Value| -> Value {
            let operation =
                |(path, _): &(&str, &str)| json!({"op": op, "path": path, "value": value});
            paths.iter().map(operation).collect()
        };
        let call = Call::patch("/Users", id, patch(all("add", json!("seven"))));
        self.try_out(call, "V7: additions are refused", &[200, 204]).await;
        let held = paths.map(|(_, pointer)| (pointer, json!("seven")));
        self.expect_values("/Users", id, &held).await;
        for value in [json!(""), Value::Null] {
            let call = Call::patch("/Users", id, patch(all("replace", value)));
            self.try_out(call, "values cannot be cleared", &[200, 204]).await;
        }
        let held = paths.map(|(_, pointer)| (pointer, Value::Null));
        self.expect_values("/Users", id, &held).await;
        self.expect_deletion("/Users", id).await;
    }

    /// The gallery's test of paging: pages of five.
    async fn validate_pages(&self, names: &[String]) {
        let mut ids = Vec::new();
        for name in names {
            let body = json!({"schemas": [CORE_USER], "userName": name});
            let call = Call::post("/Users", body);
            let created = self.try_out(call, "a bare user is not created", &[201]).await;
            ids.extend(created.and_then(|body| body["id"].as_str().map(str::to_owned)));
        }
        let client = &self.run.client;
        for start in [1, 6, 11] {
            let call = Call::query("/Users").with("startIndex", start).with("count", 5);
            if let Some(list) = client.list(call.verifying(), "E-135").await {
                let due = list.total.saturating_sub(start - 1).min(5);
                if list.resources.len() as u64 != due {
                    let what = "a page of five has another length";
                    let got = list.resources.len().to_string();
                    client.log().fault("E-135", what, &list.answer.request, due.to_string(), got);
                }
            }
        }
        for id in ids {
            self.try_out(Call::delete("/Users", &id), "a user is not deleted", &[204]).await;
        }
    }

    /// V12, V24 to V29: deleted, and deleted again.
    async fn expect_deletion(&self, endpoint: &'static str, id: &str) {
        self.try_out(Call::delete(endpoint, id), "it is not deleted", &[204]).await;
        self.try_out(Call::get(endpoint, id), "what was deleted can be read", &[404]).await;
        let what = "what was deleted can be deleted again";
        self.try_out(Call::delete(endpoint, id), what, &[404]).await;
        let what = "what never was can be deleted";
        self.try_out(Call::delete(endpoint, "never-was"), what, &[404]).await;
    }

    /// V13 to V23.
    async fn validate_group(&self, name: &str) {
        let client = &self.run.client;
        let group = json!({"schemas": [CORE_GROUP], "displayName": name, "externalId": name});
        let call = Call::post("/Groups", group.clone());
        let Some(created) = self.try_out(call, "V16: a group is not created", &[201]).await else {
            return;
        };
        let id = created["id"].as_str().unwrap_or_default();
        expect_duplicate(client, "/Groups", group, CASE).await;
        self.look_up("/Groups", equals("displayName", name), &[id]).await;
        self.look_up("/Groups", equals("displayName", &format!("{name} none")), &[]).await;
        self.look_up("/Groups", equals("displayName", &name.to_uppercase()), &[id]).await;
        for (attribute, value) in [("externalId", "another"), ("displayName", "Valid Name")] {
            let value = format!("{value} {name}");
            let operations = json!([{"op": "replace", "value": {attribute: value}}]);
            let call = Call::patch("/Groups", id, patch(operations));
            self.try_out(call, "V18: a group cannot be changed", &[200, 204]).await;
            let pointer = format!("/{attribute}");
            self.expect_values("/Groups", id, &[(&pointer, json!(value))]).await;
        }
        let members: Vec<&str> = self.users.values().take(3).map(|user| user.id.as_str()).collect();
        let [one, two, ..] = members.as_slice() else { return };
        let list = |ids: &[&str]| -> Value { ids.iter().map(|id| json!({"value": id})).collect() };
        let gone = format!("members[value eq {}]", Value::from(*two));
        for (operations, expected) in [
            (json!([{"op": "replace", "path": "members", "value": list(&[one])}]), vec![*one]),
            (
                json!([{"op": "replace", "path": "members", "value": list(&[one, two])}]),
                vec![*one, *two],
            ),
            (json!([{"op": "remove", "path": gone}]), vec![*one]),
            (
                json!([{"op": "add", "path": "members", "value": list(&[two])},
                    {"op": "remove", "path": format!("members[value eq {}]", Value::from(*one))}]),
                vec![*two],
            ),
        ] {
            let call = Call::patch("/Groups", id, patch(operations));
            self.try_out(call, "V20: members are not changed", &[200, 204]).await;
            let now = audit::members(client, id).await.unwrap_or_default();
            if !now.iter().map(String::as_str).eq(sorted(&expected)) {
                let what = "V21: a group has other members after a change";
                let request = crate::Request {
                    method: "GET".to_owned(),
                    path: format!("/Groups/{id}"),
                    body: None,
                };
                let (expected, got) = (expected.len().to_string(), now.len().to_string());
                client.log().fault(CASE, what, &request, expected, got);
            }
        }
        let call = Call::get("/Groups", id).with("excludedAttributes", "members");
        if let Some(body) = self.try_out(call, "V13: a group cannot be read", &[200]).await
            && body["members"].as_array().is_some_and(|members| !members.is_empty())
        {
            let request = crate::Request {
                method: "GET".to_owned(),
                path: format!("/Groups/{id}?excludedAttributes=members"),
                body: None,
            };
            let what = "V13: members are returned although they were excluded";
            client.log().fault(CASE, what, &request, "no members", "some");
        }
        self.expect_deletion("/Groups", id).await;
    }
}

fn sorted<'a>(ids: &[&'a str]) -> Vec<&'a str> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids
}

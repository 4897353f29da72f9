//! Discovery of roles and entitlements, and what is granted of them (`T18`, `O-113` to `O-119`).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::audit::HeldUser;
use crate::call::Call;
use crate::client::Reading;

use super::org::{HUNDRED, Org};

const ROLE: &str = "urn:okta:scim:schemas:core:1.0:Role";
const ENTITLEMENT: &str = "urn:okta:scim:schemas:core:1.0:Entitlement";

/// One resource type that can be granted, with all its values.
#[derive(Debug)]
pub struct Grantable {
    pub name: String,
    pub endpoint: String,
    pub role: bool,
    pub values: Vec<Value>,
}

impl Org<'_, '_> {
    /// The background job: resource types, schemas, and every value of those that Okta can grant.
    pub async fn discover(&self) -> Vec<Grantable> {
        let client = &self.run.client;
        let call = Call::query("/ResourceTypes");
        let Some(list) = client.list_of(call, Reading::Foreign, "O-113").await else {
            return Vec::new();
        };
        client.list_of(Call::query("/Schemas"), Reading::Foreign, "O-119").await;
        let mut found = Vec::new();
        for kind in &list.resources {
            let schema = kind["schema"].as_str().unwrap_or_default();
            let endpoint = kind["endpoint"].as_str().unwrap_or_default();
            if !endpoint.starts_with('/') {
                let what = "a resource type's endpoint does not begin with `/`";
                client.log().fault("O-113", what, &list.answer.request, "`/…`", endpoint);
                continue;
            }
            if schema != ROLE && schema != ENTITLEMENT {
                continue;
            }
            let name = kind["name"].as_str().unwrap_or_default().to_owned();
            let values = self.read_values(endpoint, &name, schema == ROLE).await;
            let endpoint = endpoint.to_owned();
            found.push(Grantable { name, endpoint, role: schema == ROLE, values });
        }
        found
    }

    async fn read_values(&self, endpoint: &str, name: &str, role: bool) -> Vec<Value> {
        let client = &self.run.client;
        let (mut values, mut start) = (Vec::new(), 1);
        loop {
            let call = Call::query(endpoint).with("startIndex", start).with("count", HUNDRED);
            let Some(list) = client.list_of(call, Reading::Foreign, "O-118").await else { break };
            let due = list.total.saturating_sub(start - 1).min(HUNDRED as u64);
            if (list.resources.len() as u64) < due {
                let what = "a page of values is cut short";
                let got = list.resources.len().to_string();
                client.log().fault("O-118", what, &list.answer.request, due.to_string(), got);
            }
            for value in &list.resources {
                let right = value["id"].is_string()
                    && value["displayName"].is_string()
                    && (role || value["type"].as_str() == Some(name));
                if !right {
                    let what = "a value lacks `id`, `displayName` or its `type`";
                    let request = &list.answer.request;
                    client.log().fault("O-118", what, request, name, value.to_string());
                }
            }
            start += HUNDRED as u64;
            values.extend(list.resources);
            if start > list.total {
                break;
            }
        }
        let ids: BTreeSet<&str> = values.iter().filter_map(|value| value["id"].as_str()).collect();
        if ids.len() != values.len() {
            let request =
                crate::Request { method: "GET".to_owned(), path: endpoint.to_owned(), body: None };
            let (expected, got) = (values.len().to_string(), ids.len().to_string());
            client.log().fault("O-118", "values are listed twice", &request, expected, got);
        }
        values
    }

    /// Finds out what there is, looks at single values, and grants some to a few people.
    pub async fn entitle(&mut self) {
        let found = self.discover().await;
        let client = &self.run.client;
        for kind in found.iter().filter(|kind| !kind.values.is_empty()) {
            let call = Call::query(&kind.endpoint).with("count", 1).with("startIndex", 1);
            let list = client.list_of(call.verifying(), Reading::Foreign, "O-114").await;
            let Some(list) = list else { continue };
            let items = list.answer.body.as_ref().and_then(|body| body["itemsPerPage"].as_u64());
            if list.resources.len() != 1 || items != Some(1) {
                let what = "a page of one does not hold one";
                let got = format!("{} values, itemsPerPage {items:?}", list.resources.len());
                client.log().fault("O-114", what, &list.answer.request, "1", got);
            }
        }
        let grant = |kind: &Grantable, value: &Value| {
            let mut grant = json!({"value": value["id"], "display": value["displayName"]});
            if !kind.role {
                grant["type"] = kind.name.as_str().into();
            }
            grant
        };
        let people = self.source.some_people(3);
        for (number, place) in people.into_iter().enumerate() {
            let Some(held) = self.users.get(&place).cloned() else { continue };
            let pick = |role: bool| -> Vec<Value> {
                let kinds = found.iter().filter(|kind| kind.role == role);
                kinds
                    .flat_map(|kind| kind.values.iter().map(move |value| grant(kind, value)))
                    .skip(number)
                    .take(2)
                    .collect()
            };
            let (roles, entitlements) = (pick(true), pick(false));
            if roles.is_empty() && entitlements.is_empty() {
                continue;
            }
            self.grant(&held, &roles, &entitlements, "O-115").await;
            if !roles.is_empty() {
                self.grant_unknown(&held).await;
            }
            self.grant(&held, &[], &[], "O-117").await;
        }
    }

    async fn grant(
        &self,
        held: &HeldUser,
        roles: &[Value],
        entitlements: &[Value],
        case: &'static str,
    ) {
        let client = &self.run.client;
        let Ok(mut body) = self.read(&held.id).await else { return };
        body["roles"] = roles.into();
        body["entitlements"] = entitlements.into();
        let Some(answer) = client.send(Call::put("/Users", &held.id, body)).await else { return };
        if !client.log().expect(&answer, case, "roles and entitlements are refused", &[200]) {
            return;
        }
        let read = client.send(Call::get("/Users", &held.id).verifying()).await;
        let body = read.and_then(|read| read.body).unwrap_or_default();
        for (name, granted) in [("roles", roles), ("entitlements", entitlements)] {
            let ids = |list: &[Value]| -> BTreeSet<String> {
                list.iter().map(|one| one["value"].to_string()).collect()
            };
            let now = body[name].as_array().cloned().unwrap_or_default();
            if ids(&now) != ids(granted) {
                let what = format!("`{name}` are not those that were granted");
                let (expected, got) = (Value::from(granted).to_string(), body[name].to_string());
                client.log().fault(case, what, &answer.request, expected, got);
            }
        }
    }

    /// `O-116`.
    async fn grant_unknown(&self, held: &HeldUser) {
        let client = &self.run.client;
        let Ok(mut body) = self.read(&held.id).await else { return };
        body["roles"] = json!([{"value": "role-that-never-was", "display": "Never"}]);
        let call = Call::put("/Users", &held.id, body).verifying();
        if let Some(answer) = client.send(call).await {
            let what = "a role that does not exist is granted";
            client.log().expect(&answer, "O-116", what, &[400]);
        }
    }
}

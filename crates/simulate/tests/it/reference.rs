//! A small SCIM server that does everything right, or everything but one thing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

pub const TOKEN: &str = "reference-token";
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const ATTRIBUTES: [&str; 20] = [
    "userName",
    "name",
    "displayName",
    "nickName",
    "profileUrl",
    "title",
    "userType",
    "locale",
    "preferredLanguage",
    "timezone",
    "active",
    "emails",
    "phoneNumbers",
    "addresses",
    "roles",
    "entitlements",
    "externalId",
    "photos",
    "ims",
    ENTERPRISE,
];

/// What the server gets wrong. Each has been seen in the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    EmptiesGroupOnRemove,
    IgnoresFilteredRemove,
    KeepsStringBooleans,
    HidesInactiveUsers,
    NoInactiveUserById,
    NotFoundForNoHit,
    ForgetsManagers,
    ManagerAsString,
    LosesConcurrentMembers,
    TakesDottedKeysLiterally,
    MatchesCase,
    ReturnsExcludedMembers,
    AnswersPatchWithMembers,
    NoTargetForMissingElement,
    TextCounters,
    LowerCasesUserNames,
    ReturnsPasswords,
    RefusesIdInRename,
    PutKeepsMembers,
    PutWipesMemberships,
    RefusesEmptyReplace,
    ShortPages,
    ErrorsAsText,
    PlainContentType,
    IgnoresFilters,
    RefusesExistingMember,
    KeepsTombstoneNames,
    TidiesPhoneNumbers,
    FreezesExternalId,
    DropsMembersOfTheInactive,
    KeepsFirstHundred,
    ReusesIds,
    EmptyCreated,
    AcceptsAnyToken,
    AcceptsDuplicates,
    DeletesNothing,
    Throttles,
    ThrottlesByDate,
    FailsForAMoment,
}

#[derive(Default)]
struct Store {
    next: u64,
    users: Vec<Value>,
    groups: Vec<Value>,
    deleted_names: Vec<String>,
}

pub struct Reference {
    store: Mutex<Store>,
    requests: AtomicU64,
    flaw: Option<Flaw>,
}

/// Starts a server on a free port and gives its base URL.
pub async fn start(flaw: Option<Flaw>) -> String {
    let reference =
        Arc::new(Reference { store: Mutex::default(), requests: AtomicU64::new(0), flaw });
    let router = Router::new().fallback(answer).with_state(reference);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/scim/v2")
}

struct Refusal(u16, &'static str, String);
type Answer = Result<(u16, Value), Refusal>;

fn refuse<T>(status: u16, kind: &'static str, detail: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(status, kind, detail.into()))
}

async fn answer(
    State(reference): State<Arc<Reference>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let flaw = reference.flaw;
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let known = token == Some(&format!("Bearer {TOKEN}")) || flaw == Some(Flaw::AcceptsAnyToken);
    let path = uri.path().trim_start_matches("/scim/v2").trim_matches('/').to_owned();
    if flaw == Some(Flaw::LosesConcurrentMembers) && method == Method::PATCH {
        return lose(&reference, &path, &body).await;
    }
    let number = reference.requests.fetch_add(1, Ordering::Relaxed);
    match flaw {
        Some(Flaw::Throttles) if number % 60 == 40 => return throttle("1"),
        Some(Flaw::ThrottlesByDate) if number == 3 => {
            return throttle("Fri, 09 Oct 2026 08:00:00 GMT");
        }
        Some(Flaw::FailsForAMoment) if (30..40).contains(&number) => {
            return respond(flaw, refuse(503, "", "out for a moment"));
        }
        _ => {}
    }
    let result = match known {
        false => refuse(401, "", "the token is not known"),
        true => reference.handle(&method, &path, &parameters(uri.query().unwrap_or("")), &body),
    };
    let mut response = respond(flaw, result);
    if headers.get(header::ACCEPT).is_some_and(|value| value == "application/json")
        && response.status() != StatusCode::NO_CONTENT
    {
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
    }
    response
}

fn respond(flaw: Option<Flaw>, result: Answer) -> Response {
    let (status, body) = match result {
        Ok((204, _)) => return StatusCode::NO_CONTENT.into_response(),
        Ok(right) => right,
        Err(Refusal(_, _, detail)) if flaw == Some(Flaw::ErrorsAsText) => (400, detail.into()),
        Err(Refusal(status, kind, detail)) => {
            let mut error = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
                "status": status.to_string(), "detail": detail});
            if !kind.is_empty() {
                error["scimType"] = kind.into();
            }
            (status, error)
        }
    };
    let kind = match flaw {
        Some(Flaw::PlainContentType) => "application/json",
        _ => "application/scim+json",
    };
    let text = match &body {
        Value::String(text) => text.clone(),
        body => body.to_string(),
    };
    let status = StatusCode::from_u16(status).expect("the status is one");
    (status, [(header::CONTENT_TYPE, kind), (header::WWW_AUTHENTICATE, "Bearer")], text)
        .into_response()
}

fn throttle(after: &'static str) -> Response {
    let mut response = respond(None, refuse(429, "", "too many requests"));
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(after));
    response
}

/// Reads the group, thinks, and writes it whole.
async fn lose(reference: &Reference, path: &str, body: &[u8]) -> Response {
    let find = || {
        let id = path.trim_start_matches("Groups/");
        let store = reference.store.lock().expect("no holder panics");
        store.groups.iter().find(|group| group["id"] == id).cloned()
    };
    let before = find();
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    if let Some(before) = before {
        let mut store = reference.store.lock().expect("no holder panics");
        if let Some(group) = store.groups.iter_mut().find(|group| group["id"] == before["id"]) {
            *group = before;
        }
    }
    let result = reference.handle(&Method::PATCH, path, &[], body);
    respond(reference.flaw, result)
}

fn parameters(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    };
    query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect()
}

impl Reference {
    fn flawed(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn handle(
        &self,
        method: &Method,
        path: &str,
        query: &[(String, String)],
        body: &[u8],
    ) -> Answer {
        let (endpoint, id) = path.split_once('/').unwrap_or((path, ""));
        let users = match endpoint {
            "Users" => true,
            "Groups" => false,
            "ResourceTypes" | "Schemas" | "Roles" | "BerthPermits" if *method == Method::GET => {
                return discovery(endpoint, query);
            }
            _ => return refuse(404, "", "there is nothing here"),
        };
        let body: Value = match body {
            [] => Value::Null,
            body => serde_json::from_slice(body)
                .or_else(|error| refuse(400, "invalidSyntax", error.to_string()))?,
        };
        let mut store = self.store.lock().expect("no holder panics");
        let store = &mut *store;
        if id.is_empty() {
            return match *method {
                Method::GET => self.list(store, users, query),
                Method::POST => self.create(store, users, &body),
                _ => refuse(405, "", "this method is not for a list"),
            };
        }
        let list = if users { &store.users } else { &store.groups };
        let hidden = |one: &Value| self.flawed(Flaw::NoInactiveUserById) && one["active"] == false;
        let place = list.iter().position(|one| one["id"] == id && !hidden(one));
        let Some(place) = place else { return refuse(404, "", format!("there is no `{id}`")) };
        match *method {
            Method::GET => {
                let one = list[place].clone();
                Ok((200, self.shown(store, users, one, query)))
            }
            Method::DELETE => {
                if self.flawed(Flaw::DeletesNothing) {
                    return Ok((204, Value::Null));
                }
                let gone =
                    if users { store.users.remove(place) } else { store.groups.remove(place) };
                store.deleted_names.push(fold(&gone["userName"]));
                for group in &mut store.groups {
                    members(group).retain(|member| member["value"] != gone["id"]);
                }
                Ok((204, Value::Null))
            }
            Method::PUT => self.put(store, users, place, &body),
            Method::PATCH => self.patch(store, users, place, &body),
            _ => refuse(405, "", "this method is not for a resource"),
        }
    }

    fn shown(
        &self,
        store: &Store,
        users: bool,
        mut one: Value,
        query: &[(String, String)],
    ) -> Value {
        let find =
            |name: &str| query.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        if users {
            let is = |group: &&Value| {
                let id = &one["id"];
                group["members"].as_array().is_some_and(|m| m.iter().any(|m| m["value"] == *id))
            };
            let groups = store.groups.iter().filter(is);
            one["groups"] =
                groups.map(|g| json!({"value": g["id"], "display": g["displayName"]})).collect();
        }
        if find("excludedAttributes") == Some("members")
            && !self.flawed(Flaw::ReturnsExcludedMembers)
        {
            one.as_object_mut().expect("a resource is an object").remove("members");
        }
        if find("attributes") == Some("id") {
            one = json!({"schemas": one["schemas"], "id": one["id"]});
        }
        one
    }

    fn list(&self, store: &Store, users: bool, query: &[(String, String)]) -> Answer {
        let find =
            |name: &str| query.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        let number = |name, other: usize| find(name).and_then(|n| n.parse().ok()).unwrap_or(other);
        let all = if users { &store.users } else { &store.groups };
        let mut hits = Vec::new();
        for one in all {
            let hidden = self.flawed(Flaw::HidesInactiveUsers) && one["active"] == false;
            let filter = find("filter").filter(|_| !self.flawed(Flaw::IgnoresFilters));
            let hit = filter.map_or(Ok(true), |filter| self.matches(one, filter))?;
            if hit && !hidden {
                hits.push(one);
            }
        }
        if hits.is_empty() && find("filter").is_some() && self.flawed(Flaw::NotFoundForNoHit) {
            return refuse(404, "", "nothing matches");
        }
        let (start, mut count) = (number("startIndex", 1).max(1), number("count", 1000));
        if self.flawed(Flaw::ShortPages) {
            count = count.min(20);
        }
        let page = hits.iter().skip(start - 1).take(count);
        let page: Vec<_> =
            page.map(|one| self.shown(store, users, (*one).clone(), query)).collect();
        let mut body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": hits.len(), "startIndex": start, "itemsPerPage": page.len(), "Resources": page});
        if self.flawed(Flaw::TextCounters) {
            body["startIndex"] = start.to_string().into();
        }
        Ok((200, body))
    }

    fn matches(&self, one: &Value, filter: &str) -> Result<bool, Refusal> {
        for clause in filter.split(" and ") {
            let Some((path, literal)) = clause.split_once(" eq ") else {
                return refuse(400, "invalidFilter", format!("`{filter}` cannot be read"));
            };
            // `emails[type eq "work"].value` has an `eq` of its own.
            let (path, literal) = match path.contains('[') {
                true => clause.rsplit_once(" eq ").unwrap_or((path, literal)),
                false => (path, literal),
            };
            let wanted: Value = serde_json::from_str(literal).unwrap_or(json!(literal));
            let any = |list: &Value, name: &str| {
                list.as_array()
                    .is_some_and(|list| list.iter().any(|e| fold(&e[name]) == fold(&wanted)))
            };
            let hit = match path {
                "userName" | "displayName" if self.flawed(Flaw::MatchesCase) => one[path] == wanted,
                "userName" | "displayName" => fold(&one[path]) == fold(&wanted),
                "id" | "externalId" => one[path] == wanted,
                "manager" => one[ENTERPRISE]["manager"]["value"] == wanted,
                "members" => any(&one["members"], "value"),
                "emails.value" | "emails[type eq \"work\"].value" => any(&one["emails"], "value"),
                path if path.starts_with(ENTERPRISE) => {
                    one[ENTERPRISE][path.trim_start_matches(ENTERPRISE).trim_matches(':')] == wanted
                }
                _ => return refuse(400, "invalidFilter", format!("`{path}` is no attribute")),
            };
            if !hit {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn taken(&self, store: &Store, users: bool, one: &Value) -> bool {
        let (name, list) = match users {
            true => ("userName", &store.users),
            false => ("displayName", &store.groups),
        };
        let other = |other: &&Value| {
            let ids = (&one["externalId"], &other["externalId"]);
            let apart = !users && ids.0.is_string() && ids.1.is_string() && ids.0 != ids.1;
            other["id"] != one["id"] && !apart && fold(&other[name]) == fold(&one[name])
        };
        let tombstone = self.flawed(Flaw::KeepsTombstoneNames)
            && store.deleted_names.contains(&fold(&one["userName"]));
        !self.flawed(Flaw::AcceptsDuplicates)
            && (list.iter().any(|one| other(&one)) || users && tombstone)
    }

    fn create(&self, store: &mut Store, users: bool, body: &Value) -> Answer {
        let mut one = self.tidy(users, body);
        if self.taken(store, users, &one) {
            return refuse(409, "uniqueness", "this name is taken");
        }
        store.next += 1;
        let number =
            if self.flawed(Flaw::ReusesIds) { store.users.len() + 1 } else { store.next as usize };
        one["id"] = format!("{}-{number}", if users { "user" } else { "group" }).into();
        let kind = if users { "User" } else { "Group" };
        let location = format!("/{kind}s/{}", one["id"].as_str().unwrap_or_default());
        one["meta"] = json!({"resourceType": kind, "location": location});
        let list = if users { &mut store.users } else { &mut store.groups };
        list.push(one.clone());
        let mut shown = self.shown(store, users, one, &[]);
        if self.flawed(Flaw::ReturnsPasswords) && body["password"].is_string() {
            shown["password"] = body["password"].clone();
        }
        match self.flawed(Flaw::EmptyCreated) {
            true => Ok((201, "".into())),
            false => Ok((201, shown)),
        }
    }

    /// What is kept of a body that came in: known attributes that have a value.
    fn tidy(&self, users: bool, body: &Value) -> Value {
        if !users {
            let mut group =
                json!({"schemas": [GROUP], "displayName": body["displayName"], "members": []});
            if body["externalId"].is_string() {
                group["externalId"] = body["externalId"].clone();
            }
            for member in body["members"].as_array().into_iter().flatten() {
                members(&mut group).push(json!({"value": member["value"]}));
            }
            if self.flawed(Flaw::KeepsFirstHundred) {
                members(&mut group).truncate(100);
            }
            return group;
        }
        let mut user = json!({"schemas": [USER]});
        for name in ATTRIBUTES {
            let mut value = body[name].clone();
            if name == "emails" && value.is_object() {
                value = json!([value]);
            }
            self.clean(name, &mut value);
            if !empty(&value) {
                user[name] = value;
            }
        }
        if self.flawed(Flaw::LowerCasesUserNames) {
            user["userName"] = fold(&user["userName"]).into();
        }
        user
    }

    fn clean(&self, name: &str, value: &mut Value) {
        if name == "active" || name == "primary" {
            let text = value.as_str().unwrap_or_default().to_ascii_lowercase();
            if !self.flawed(Flaw::KeepsStringBooleans) && matches!(text.as_str(), "true" | "false")
            {
                *value = json!(text == "true");
            }
        }
        match value {
            Value::Object(object) => {
                object.iter_mut().for_each(|(name, value)| self.clean(name, value));
                if self.flawed(Flaw::ForgetsManagers) {
                    object.remove("manager");
                }
                object.retain(|_, value| !empty(value));
            }
            Value::Array(list) => {
                list.iter_mut().for_each(|value| self.clean("", value));
                list.retain(|element| {
                    element
                        .as_object()
                        .is_none_or(|e| e.keys().any(|k| k != "type" && k != "primary"))
                });
                if self.flawed(Flaw::TidiesPhoneNumbers) && name == "phoneNumbers" {
                    for phone in list {
                        phone["value"] =
                            phone["value"].as_str().unwrap_or_default().replace(' ', "").into();
                    }
                }
            }
            _ => {}
        }
    }

    fn put(&self, store: &mut Store, users: bool, place: usize, body: &Value) -> Answer {
        let list = if users { &store.users } else { &store.groups };
        let before = list[place].clone();
        let mut one = self.tidy(users, body);
        let unknown = |role: &Value| {
            let id = role["value"].as_str().unwrap_or_default();
            id.starts_with("role-") && !ROLES.contains(&id)
        };
        if one["roles"].as_array().is_some_and(|roles| roles.iter().any(unknown)) {
            return refuse(400, "invalidValue", "there is no such role");
        }
        if self.flawed(Flaw::FreezesExternalId) && before["externalId"].is_null() {
            one.as_object_mut().expect("a resource is an object").remove("externalId");
        }
        for name in ["id", "meta"] {
            one[name] = before[name].clone();
        }
        if !users && (body["members"].is_null() || self.flawed(Flaw::PutKeepsMembers)) {
            one["members"] = before["members"].clone();
        }
        if self.taken(store, users, &one) {
            return refuse(409, "uniqueness", "this name is taken");
        }
        if users && self.flawed(Flaw::PutWipesMemberships) {
            for group in &mut store.groups {
                members(group).retain(|member| member["value"] != one["id"]);
            }
        }
        let list = if users { &mut store.users } else { &mut store.groups };
        list[place] = one.clone();
        Ok((200, self.shown(store, users, one, &[])))
    }

    fn patch(&self, store: &mut Store, users: bool, place: usize, body: &Value) -> Answer {
        let list = if users { &store.users } else { &store.groups };
        let mut one = list[place].clone();
        for operation in body["Operations"].as_array().into_iter().flatten() {
            let op = fold(&operation["op"]);
            let value = &operation["value"];
            match operation["path"].as_str() {
                Some(path) => self.apply(&mut one, &op, path, value)?,
                None if value["id"].is_string() && self.flawed(Flaw::RefusesIdInRename) => {
                    return refuse(400, "mutability", "`id` is read-only");
                }
                None => {
                    for (path, value) in value.as_object().into_iter().flatten() {
                        match self.flawed(Flaw::TakesDottedKeysLiterally) && path.contains('.') {
                            true => one[path] = value.clone(),
                            false => self.apply(&mut one, &op, path, value)?,
                        }
                    }
                }
            }
        }
        if self.taken(store, users, &one) {
            return refuse(409, "uniqueness", "this name is taken");
        }
        if users && one["active"] == false && self.flawed(Flaw::DropsMembersOfTheInactive) {
            for group in &mut store.groups {
                members(group).retain(|member| member["value"] != one["id"]);
            }
        }
        let list = if users { &mut store.users } else { &mut store.groups };
        list[place] = one.clone();
        match users || self.flawed(Flaw::AnswersPatchWithMembers) {
            true => Ok((200, self.shown(store, users, one, &[]))),
            false => Ok((204, Value::Null)),
        }
    }

    fn apply(&self, one: &mut Value, op: &str, path: &str, value: &Value) -> Result<(), Refusal> {
        let manager = format!("{ENTERPRISE}:manager");
        if path == "members" || path.starts_with("members[") {
            return self.apply_members(one, op, path, value);
        }
        if path == "manager" || path == manager || path == format!("{manager}.value") {
            let id = match value {
                Value::Array(list) => list.first().map(|m| m["value"].clone()).unwrap_or_default(),
                Value::Object(object) => object["value"].clone(),
                id => id.clone(),
            };
            if empty(&id) {
                if let Some(extension) = one[ENTERPRISE].as_object_mut() {
                    extension.remove("manager");
                }
            } else if !self.flawed(Flaw::ForgetsManagers) {
                one[ENTERPRISE]["manager"] = match self.flawed(Flaw::ManagerAsString) {
                    true => id,
                    false => json!({"value": id}),
                };
            }
            return Ok(());
        }
        if matches!(path, "id" | "schemas" | "meta" | "password" | "groups")
            || path == "externalId" && self.flawed(Flaw::FreezesExternalId)
        {
            return Ok(());
        }
        let place = if let Some((name, rest)) = path.split_once('[') {
            let (condition, sub) = rest.split_once("].").unwrap_or((rest, "value"));
            let kind = condition.split('"').nth(1).unwrap_or_default();
            if !one[name].is_array() {
                one[name] = json!([]);
            }
            let list = one[name].as_array_mut().expect("it was just made one");
            let primary = condition.starts_with("primary");
            let is = |element: &Value| match primary {
                true => element["primary"] == true,
                false => element["type"] == kind,
            };
            let found = list.iter().position(is);
            if found.is_none() && self.flawed(Flaw::NoTargetForMissingElement) {
                return refuse(400, "noTarget", format!("`{path}` matches nothing"));
            }
            let found = found.unwrap_or_else(|| {
                list.push(match primary {
                    true => json!({"primary": true}),
                    false => json!({"type": kind}),
                });
                list.len() - 1
            });
            &mut list[found][sub]
        } else if let Some(name) = path.strip_prefix(&format!("{ENTERPRISE}:")) {
            &mut one[ENTERPRISE][name]
        } else if let Some((name, sub)) = path.split_once('.') {
            &mut one[name][sub]
        } else {
            &mut one[path]
        };
        let mut held = match (path, op) {
            ("roles", "add") => place.as_array().cloned().unwrap_or_default(),
            _ => Vec::new(),
        };
        *place = value.clone();
        if path == "roles" {
            // A role may be a JSON text.
            for role in value.as_array().into_iter().flatten() {
                let text = role["value"].as_str().unwrap_or_default();
                held.push(match serde_json::from_str::<Value>(text) {
                    Ok(inner) if inner.is_object() => json!({"value": inner["value"]}),
                    _ => role.clone(),
                });
            }
            *place = held.into();
        }
        self.clean(path, place);
        Ok(())
    }

    fn apply_members(
        &self,
        one: &mut Value,
        op: &str,
        path: &str,
        value: &Value,
    ) -> Result<(), Refusal> {
        let mut ids: Vec<Value> =
            value.as_array().into_iter().flatten().map(|member| member["value"].clone()).collect();
        if self.flawed(Flaw::KeepsFirstHundred) {
            ids.truncate(100);
        }
        let members = members(one);
        if op == "remove" {
            if let Some(id) = path.split('"').nth(1) {
                if !self.flawed(Flaw::IgnoresFilteredRemove) {
                    members.retain(|member| member["value"] != id);
                }
            } else if ids.is_empty() || self.flawed(Flaw::EmptiesGroupOnRemove) {
                members.clear();
            } else {
                members.retain(|member| !ids.contains(&member["value"]));
            }
            return Ok(());
        }
        if op == "replace" {
            if ids.is_empty() && self.flawed(Flaw::RefusesEmptyReplace) {
                return refuse(400, "invalidValue", "`members` is empty");
            }
            members.clear();
        }
        for id in ids {
            if !members.iter().any(|member| member["value"] == id) {
                members.push(json!({"value": id}));
            } else if self.flawed(Flaw::RefusesExistingMember) {
                return refuse(400, "invalidValue", "this is a member already");
            }
        }
        Ok(())
    }
}

const ROLES: [&str; 3] = ["role-1", "role-2", "role-3"];

/// Resource types, schemas, and what Okta can grant.
fn discovery(endpoint: &str, query: &[(String, String)]) -> Answer {
    let number = |name: &str, other: usize| {
        let found = query.iter().find(|(n, _)| n == name);
        found.and_then(|(_, value)| value.parse().ok()).unwrap_or(other)
    };
    let okta = |name: &str| format!("urn:okta:scim:schemas:core:1.0:{name}");
    let kind = |name: &str, endpoint: &str, schema: String| {
        json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"], "id": name,
            "name": name, "endpoint": endpoint, "schema": schema})
    };
    let all: Vec<Value> = match endpoint {
        "ResourceTypes" => vec![
            kind("User", "/Users", USER.to_owned()),
            kind("Group", "/Groups", GROUP.to_owned()),
            kind("Role", "/Roles", okta("Role")),
            kind("BerthPermit", "/BerthPermits", okta("Entitlement")),
        ],
        "Roles" => (ROLES.iter())
            .map(|id| json!({"schemas": [okta("Role")], "id": id, "displayName": id}))
            .collect(),
        "BerthPermits" => (0..150)
            .map(|number| {
                json!({"schemas": [okta("Entitlement")], "id": format!("permit-{number}"),
                    "type": "BerthPermit", "displayName": format!("Permit {number}")})
            })
            .collect(),
        _ => vec![json!({"id": USER}), json!({"id": GROUP})],
    };
    let (start, count) = (number("startIndex", 1).max(1), number("count", 1000));
    let page: Vec<_> = all.iter().skip(start - 1).take(count).collect();
    let list = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
    Ok((
        200,
        json!({"schemas": [list], "totalResults": all.len(), "startIndex": start,
            "itemsPerPage": page.len(), "Resources": page}),
    ))
}

fn members(group: &mut Value) -> &mut Vec<Value> {
    if !group["members"].is_array() {
        group["members"] = json!([]);
    }
    group["members"].as_array_mut().expect("it was just made one")
}

fn fold(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_lowercase()
}

fn empty(value: &Value) -> bool {
    value.is_null()
        || value == ""
        || value.as_array().is_some_and(Vec::is_empty)
        || value.as_object().is_some_and(Map::is_empty)
}

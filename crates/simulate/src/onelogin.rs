//! OneLogin's provisioning: a body made from a template that administrators edit, and stray `&` and `?` in URLs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::Scenario;
use crate::audit::{self, Beliefs};
use crate::call::Call;
use crate::knobs::{Knob, ON_OFF, Settings, Values};
use crate::plain::{Dialect, Plain, Stop};
use crate::run::Run;
use crate::target::{CORE_GROUP, CORE_USER, ENTERPRISE, Target};

const fn scenario(name: &'static str, description: &'static str) -> Scenario {
    Scenario { name, description }
}

pub const SCENARIOS: [Scenario; 5] = [
    scenario("connect", "a search for somebody who cannot exist, once with a wrong token"),
    scenario("assign", "people are looked up, created or replaced, in the shapes of its templates"),
    scenario("update", "profiles and user names change: PUT of the whole user"),
    scenario("leave", "people are deleted or switched off, and come back"),
    scenario("entitlements", "groups are read, then get and lose members by PATCH"),
];

pub const KNOBS: [Knob; 2] = [
    Knob {
        group: "users",
        name: "deprovision",
        default: "delete",
        values: Values::One(&["delete", "deactivate"]),
        description: "what happens to who leaves",
    },
    Knob {
        group: "users",
        name: "template-leftovers",
        default: "on",
        values: ON_OFF,
        description: "null ids, empty meta and the like in bodies, as templates leave them",
    },
];

pub fn dialect(settings: &Settings) -> Dialect {
    let leftovers = settings.on("template-leftovers");
    Dialect {
        query_tail: "&",
        tail: "?",
        body: if leftovers { template } else { tidy },
        patches: false,
        deletes: settings.get("deprovision") == "delete",
        find: "X-01",
        create: "X-05",
        update: "X-02",
        end: "X-10",
        join: "X-08",
        leave: "X-08",
    }
}

pub async fn play(run: &mut Run<'_>, scenarios: &[Scenario]) -> Beliefs {
    let dialect = dialect(&run.settings);
    let mut plain = Plain::new(run, dialect);
    for scenario in scenarios {
        plain.run.begin(scenario.name);
        let outcome = connect(&plain, scenario.name == "connect").await;
        if outcome.is_err() {
            break;
        }
        if scenario.name != "connect" {
            plain.start().await;
        }
        match scenario.name {
            "connect" => {}
            "assign" => assigned(&plain).await,
            "update" => plain.update_profiles().await,
            "leave" => plain.leavers().await,
            "entitlements" => entitlements(&mut plain).await,
            other => unreachable!("`{other}` is in the table of scenarios and not here"),
        }
    }
    plain.into_beliefs()
}

/// `X-01`: the test of the connection.
async fn connect(plain: &Plain<'_, '_>, foreign: bool) -> Result<(), Stop> {
    let call = Call::query("/Users").with("filter", "userName eq \"nobody-9f2\"").tail("&");
    let list = plain.run.client.list(call, "X-01").await.ok_or(Stop)?;
    if !list.resources.is_empty() {
        let what = "a search for somebody who cannot exist finds somebody";
        let got = format!("{} hits", list.total);
        plain.run.client.log().fault("X-01", what, &list.answer.request, "no hit", got);
        return Err(Stop);
    }
    if foreign {
        plain.try_foreign_token().await;
    }
    Ok(())
}

/// Whoever was created is there by name, in the RFC's own schemas whatever was sent (`X-03`).
async fn assigned(plain: &Plain<'_, '_>) {
    let client = &plain.run.client;
    for held in plain.users.values().take(5) {
        let call = Call::get("/Users", &held.id).tail("?").verifying();
        let Some(answer) = client.send(call).await else { continue };
        let schemas = answer.body.as_ref().map(|body| body["schemas"].clone()).unwrap_or_default();
        let right = schemas.as_array().is_some_and(|schemas| schemas.contains(&CORE_USER.into()));
        if !right {
            let (what, got) = ("a user is not in the RFC's schema", schemas.to_string());
            client.log().fault("X-03", what, &answer.request, CORE_USER, got);
        }
    }
}

/// `X-08`, `X-09`: the product has groups; they are read, and get members.
async fn entitlements(plain: &mut Plain<'_, '_>) {
    let groups = plain.found("entitlement", 3).await;
    for place in &groups {
        let body =
            json!({"schemas": [CORE_GROUP], "displayName": plain.source.groups[*place].name});
        plain.run.client.send(Call::post("/Groups", body).verifying()).await;
    }
    let listed = audit::read_pages(plain.run, "/Groups", false).await;
    let mut names: Vec<_> = listed.iter().map(|group| group["displayName"].to_string()).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    if names.len() != count {
        let request =
            crate::Request { method: "GET".to_owned(), path: "/Groups".to_owned(), body: None };
        let what = "two groups have the same name";
        let got = format!("{} names for {count} groups", names.len());
        plain.run.client.log().fault("X-09", what, &request, "each name once", got);
    }
    let people = plain.source.some_people(plain.few());
    for place in groups {
        if plain.push(place).await.is_err() {
            continue;
        }
        plain.change_members(place, "add", &people).await;
        plain.change_members(place, "remove", &people[..people.len() / 2]).await;
    }
}

/// A body as the template says: the RFC's, without any leftovers.
fn tidy(values: &BTreeMap<Target, Value>, id: Option<&str>, _place: usize) -> Value {
    let mut body = json!({"schemas": [CORE_USER]});
    for (target, value) in values {
        target.write(&mut body, value.clone());
    }
    if let Some(id) = id {
        body["id"] = id.into();
    }
    body
}

/// Templates of several ages, one per person (`X-03`, `X-04`, `X-05`).
fn template(values: &BTreeMap<Target, Value>, id: Option<&str>, place: usize) -> Value {
    let mut body = tidy(values, id, place);
    match place % 4 {
        1 => {
            body["schemas"] =
                json!(["urn:scim:schemas:core:2.0", "urn:scim:schemas:extension:enterprise:2.0",]);
        }
        2 => {
            // one address, and no list around it.
            let email = body["emails"][0].clone();
            body["emails"] = email;
        }
        3 => {
            body["schemas"] = json!(["urn:scim:schemas:core:1.0"]);
            body["meta"] = json!({});
            body["active"] = body["active"].to_string().into();
            body[ENTERPRISE] = json!({"manager": {"managerId": ""}});
            if id.is_none() {
                body["id"] = Value::Null;
            }
        }
        _ => {}
    }
    body
}

//! JumpCloud's provisioning: a test with a user and a group of its own whenever the connection is edited, and lists of
//! one in every change of members.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::Scenario;
use crate::audit::Beliefs;
use crate::call::{Call, equals};
use crate::knobs::{Knob, Settings, Values};
use crate::plain::{Dialect, Plain, Stop, patch};
use crate::run::Run;
use crate::target::{CORE_GROUP, CORE_USER, Target};

const fn scenario(name: &'static str, description: &'static str) -> Scenario {
    Scenario { name, description }
}

pub const SCENARIOS: [Scenario; 5] = [
    scenario("activate", "a test user and a test group are made, changed and deleted, twice over"),
    scenario("assign", "people are looked up, created or updated"),
    scenario("update", "profiles and user names change"),
    scenario("leave", "people are switched off or deleted, and come back"),
    scenario("groups", "groups are made, renamed and deleted; members come and go by lists of one"),
];

pub const KNOBS: [Knob; 3] = [
    Knob {
        group: "users",
        name: "deprovision",
        default: "deactivate",
        values: Values::One(&["deactivate", "delete"]),
        description: "what happens to who leaves",
    },
    Knob {
        group: "users",
        name: "update",
        default: "put",
        values: Values::One(&["put", "patch"]),
        description: "the verb that changes users; nobody outside knows which one it is",
    },
    Knob {
        group: "connection",
        name: "test-address",
        default: "named",
        values: Values::One(&["named", "same"]),
        description: "the test user of an activation: one for each seed, or always the same one",
    },
];

pub fn dialect(settings: &Settings) -> Dialect {
    Dialect {
        query_tail: "",
        tail: "",
        body,
        patches: settings.get("update") == "patch",
        deletes: settings.get("deprovision") == "delete",
        find: "O-16",
        create: "X-11",
        update: "X-11",
        end: "X-12",
        join: "X-15",
        leave: "X-16",
    }
}

pub async fn play(run: &mut Run<'_>, scenarios: &[Scenario]) -> Beliefs {
    let dialect = dialect(&run.settings);
    let mut plain = Plain::new(run, dialect);
    let mut activated = false;
    for scenario in scenarios {
        plain.run.begin(scenario.name);
        if !activated && activate(&plain).await.is_err() {
            break;
        }
        activated = true;
        if scenario.name != "activate" {
            plain.start().await;
        }
        match scenario.name {
            "activate" => {
                // whatever is edited is tested again, with the same address.
                if activate(&plain).await.is_err() {
                    break;
                }
                plain.try_foreign_token().await;
                pasted_with_a_slash(&plain).await;
            }
            "assign" => {}
            "update" => plain.update_profiles().await,
            "leave" => plain.leavers().await,
            "groups" => groups(&mut plain).await,
            other => unreachable!("`{other}` is in the table of scenarios and not here"),
        }
    }
    plain.into_beliefs()
}

/// `X-11`, `X-17`: each verb once, and nothing is left of it.
async fn activate(plain: &Plain<'_, '_>) -> Result<(), Stop> {
    let client = &plain.run.client;
    let seed = plain.run.options.seed;
    let address = match plain.run.settings.get("test-address") {
        "same" => "jumpcloud-test@northlab.example".to_owned(),
        _ => format!("jumpcloud-test@northlab{seed}.example"),
    };
    let user = |given: &str| {
        json!({"schemas": [CORE_USER], "userName": address, "active": true,
            "name": {"givenName": given, "familyName": "Test"},
            "emails": [{"value": address, "type": "work", "primary": true}]})
    };
    let made = send(plain, Call::post("/Users", user("First")), 201).await?;
    let user_id = id(&made)?;
    send(plain, Call::put("/Users", &user_id, user("Second")), 200).await?;
    let name = format!("JumpCloud test {seed}");
    let group = json!({"schemas": [CORE_GROUP], "displayName": name});
    let made = send(plain, Call::post("/Groups", group), 201).await?;
    let group_id = id(&made)?;
    let add = json!({"op": "add", "path": "members", "value": [{"value": user_id}]});
    for operation in [add, json!({"op": "replace", "value": {"displayName": format!("{name} B")}})]
    {
        let call = Call::patch("/Groups", &group_id, patch(operation));
        let Some(answer) = client.send(call).await else { return Err(Stop) };
        let what = "the test group is not changed";
        if !client.log().expect(&answer, "X-11", what, &[200, 204]) {
            return Err(Stop);
        }
    }
    for (endpoint, id) in [("/Groups", &group_id), ("/Users", &user_id)] {
        send(plain, Call::delete(endpoint, id), 204).await?;
        if let Some(answer) = client.send(Call::get(endpoint, id).verifying()).await {
            let what = "what the test deleted is still there";
            client.log().expect(&answer, "X-11", what, &[404]);
        }
    }
    let call = Call::query("/Users").with("filter", equals("userName", &address)).verifying();
    if let Some(list) = client.list(call, "X-12").await
        && !list.resources.is_empty()
    {
        let (what, got) = ("the deleted test user is still found", list.total.to_string());
        client.log().fault("X-12", what, &list.answer.request, "no hit", got);
    }
    Ok(())
}

async fn send(plain: &Plain<'_, '_>, call: Call, status: u16) -> Result<Value, Stop> {
    let client = &plain.run.client;
    let answer = client.send(call).await.ok_or(Stop)?;
    let case = if answer.status == 409 { "X-12" } else { "X-11" };
    if !client.log().expect(&answer, case, "a step of the activation fails", &[status]) {
        return Err(Stop);
    }
    Ok(answer.body.unwrap_or_default())
}

fn id(made: &Value) -> Result<String, Stop> {
    made["id"].as_str().map(str::to_owned).ok_or(Stop)
}

/// `X-18`.
async fn pasted_with_a_slash(plain: &Plain<'_, '_>) {
    let call = Call::query("//Users").with("count", 1).verifying();
    plain.run.client.list(call, "X-18").await;
}

async fn groups(plain: &mut Plain<'_, '_>) {
    let groups = plain.found("jump", 3).await;
    let people = plain.source.some_people(plain.few());
    for place in &groups {
        if plain.push(*place).await.is_err() {
            continue;
        }
        plain.change_members(*place, "add", &people).await;
        // once more, and nothing changes.
        plain.change_members(*place, "add", &people[..1]).await;
        plain.change_members(*place, "remove", &people[..people.len() / 2]).await;
    }
    if let [renamed, deleted, ..] = groups.as_slice() {
        plain.rename_group(*renamed, "X-14").await;
        plain.delete_group(*deleted, "X-17").await;
    }
}

/// Plain core users: it knows no extension.
fn body(values: &BTreeMap<Target, Value>, id: Option<&str>, _place: usize) -> Value {
    let mut body = json!({"schemas": [CORE_USER], "emails": [{"type": "work", "primary": true}]});
    for (target, value) in values {
        target.write(&mut body, value.clone());
    }
    if let Some(id) = id {
        body["id"] = id.into();
    }
    body
}

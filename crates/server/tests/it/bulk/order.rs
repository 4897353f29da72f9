//! References between operations, and the order in which these take effect.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    ENTERPRISE, REQUEST, bulk, change_members, create, create_group, create_user, delete, id,
    members, patch_of, results, state, statuses, totals,
};
use crate::{
    fuzz::Dice,
    harness::{Directory, ScimClient, TestServer, group, user},
};

async fn start() -> (TestServer, Directory, ScimClient) {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    (server, directory, client)
}

fn managed(bulk_id: &str, manager: Value) -> Value {
    let mut data = user(&format!("{bulk_id}@example.com"));
    data[ENTERPRISE] = json!({"manager": manager});
    create("/Users", bulk_id, data)
}

/// S-299: a reference is understood wherever one can stand: members, a manager as object and as
/// text, paths, values and value filters of PATCH.
#[tokio::test]
async fn s_299_references_of_every_kind() {
    let (_server, _, client) = start().await;
    let crew = client.post("/Groups", group("Crew")).await.expect(201).id();
    let of_crew = format!("/Groups/{crew}");
    let filtered = json!([{"op": "remove", "path": "members[value eq \"bulkId:b\"]"}]);
    let manager = format!("{ENTERPRISE}:manager");
    let set_manager = json!([{"op": "add", "path": manager, "value": {"value": "bulkId:a"}}]);
    let results = bulk(
        &client,
        json!([
            create_user("a"),
            create_user("b"),
            managed("c", json!({"value": "bulkId:a"})),
            managed("d", json!("bulkId:b")),
            create_group("g", &["bulkId:a", "bulkId:c"]),
            change_members(&of_crew, "add", "bulkId:a"),
            change_members(&of_crew, "add", "bulkId:b"),
            patch_of(&of_crew, filtered),
            change_members("/Groups/bulkId:g", "add", "bulkId:b"),
            {"method": "PUT", "path": "/Users/bulkId:b", "data": user("b2@example.com")},
            patch_of("/Users/bulkId:b", set_manager),
            delete("/Users/bulkId:c"),
        ]),
    )
    .await;
    let expected =
        ["201", "201", "201", "201", "201", "204", "204", "204", "204", "200", "200", "204"];
    assert_eq!(statuses(&results), expected);
    let (a, b) = (id(&results[0]), id(&results[1]));
    let mut both = vec![a.clone(), b.clone()];
    both.sort();
    assert_eq!(members(&client, &id(&results[4])).await, both);
    assert_eq!(members(&client, &crew).await, std::slice::from_ref(&a));
    let manager = async |id: &str| {
        let user = client.get(&format!("/Users/{id}")).await.expect(200).body;
        user[ENTERPRISE]["manager"]["value"].clone()
    };
    assert_eq!(manager(&id(&results[3])).await, b);
    assert_eq!(manager(&b).await, a);
    assert_eq!(results[11]["location"], results[2]["location"]);
    client.get(&format!("/Users/{}", id(&results[2]))).await.expect(404);
}

/// S-300: what a job creates can be referred to before it is there, and in a circle.
#[tokio::test]
async fn s_300_forward_and_circular_references() {
    let (_server, _, client) = start().await;
    for (operations, expected) in [
        // A group before its members; a change before the group.
        (
            json!([
                change_members("/Groups/bulkId:g", "add", "bulkId:late"),
                create_group("g", &["bulkId:early"]),
                create_user("early"),
                create_user("late"),
            ]),
            json!({
                "/Groups/g": {"title": null, "manager": null,
                    "members": ["/Users/early@example.com", "/Users/late@example.com"]},
            }),
        ),
        // Groups in each other, three in a circle with a user beside.
        (
            json!([create_group("x", &["bulkId:y"]), create_group("y", &["bulkId:x"])]),
            json!({
                "/Groups/x": {"title": null, "manager": null, "members": ["/Groups/y"]},
                "/Groups/y": {"title": null, "manager": null, "members": ["/Groups/x"]},
            }),
        ),
        (
            json!([
                create_group("1", &["bulkId:2", "bulkId:u"]),
                create_group("2", &["bulkId:3"]),
                create_group("3", &["bulkId:1", "bulkId:2"]),
                create_user("u"),
            ]),
            json!({
                "/Groups/1": {"title": null, "manager": null,
                    "members": ["/Groups/2", "/Users/u@example.com"]},
                "/Groups/2": {"title": null, "manager": null, "members": ["/Groups/3"]},
                "/Groups/3": {"title": null, "manager": null, "members": ["/Groups/1", "/Groups/2"]},
            }),
        ),
        // Managers of each other, and of oneself.
        (
            json!([
                managed("boss", json!({"value": "bulkId:deputy"})),
                managed("deputy", json!({"value": "bulkId:boss"})),
                managed("alone", json!({"value": "bulkId:alone"})),
            ]),
            json!({
                "/Users/boss@example.com": {"title": "Engineer",
                    "manager": "/Users/deputy@example.com", "members": []},
                "/Users/deputy@example.com": {"title": "Engineer",
                    "manager": "/Users/boss@example.com", "members": []},
                "/Users/alone@example.com": {"title": "Engineer",
                    "manager": "/Users/alone@example.com", "members": []},
            }),
        ),
    ] {
        let results = bulk(&client, operations.clone()).await;
        assert!(
            results.iter().all(|result| result["status"].as_str().unwrap() < "300"),
            "{results:?}"
        );
        let state = state(&client).await;
        for (name, shown) in expected.as_object().unwrap() {
            assert_eq!(&state[name], shown, "{operations}");
        }
    }
}

/// S-300, S-301: what refers to an operation that fails is refused with 409, also if that comes
/// later; what refers to no operation at all, with 400. Nothing of either stays behind.
#[tokio::test]
async fn s_301_references_that_lead_nowhere() {
    let (_server, _, client) = start().await;
    client.post("/Users", user("taken@example.com")).await.expect(201);
    let taken = create_user("taken");
    for (operations, expected) in [
        (json!([create_group("g", &["bulkId:none"])]), "400"),
        (json!([change_members("/Groups/bulkId:none", "add", "x")]), "400"),
        (json!([managed("m", json!("bulkId:none"))]), "400"),
        // Backwards and forwards.
        (json!([taken, create_group("g", &["bulkId:taken"])]), "409 409"),
        (json!([create_group("g", &["bulkId:taken"]), taken]), "409 409"),
        (json!([managed("m", json!("bulkId:taken")), taken]), "409 409"),
        (json!([delete("/Users/bulkId:taken"), taken]), "409 409"),
        // What depends on what depends on it, and in a circle.
        (
            json!([
                create_group("f", &["bulkId:g"]),
                create_group("g", &["bulkId:taken"]),
                create_group("h", &["bulkId:f"]),
                taken,
            ]),
            "409 409 409 409",
        ),
        (
            json!([
                create_group("g", &["bulkId:h"]),
                create_group("h", &["bulkId:g", "bulkId:taken"]),
                taken
            ]),
            "409 409 409",
        ),
        // One that does not depend on it is carried out; the name of the one that fails is free.
        (
            json!([
                create_group("free", &["bulkId:taken"]),
                taken,
                create("/Groups", "second", group("free")),
                delete("/Groups/bulkId:second"),
            ]),
            "409 409 201 204",
        ),
        // A malformed operation has failed, too.
        (
            json!([create_group("g", &["bulkId:bad"]), create("/Users", "bad", Value::Null)]),
            "409 400",
        ),
        (json!([create_group("self", &["bulkId:self"])]), "400"),
    ] {
        let results = bulk(&client, operations.clone()).await;
        assert_eq!(statuses(&results).join(" "), expected, "{operations}: {results:#?}");
        for result in results.iter().filter(|result| result["status"] == "400") {
            let scim_type = &result["response"]["scimType"];
            assert!(scim_type == "invalidValue" || scim_type == "invalidSyntax", "{result}");
        }
        assert_eq!(totals(&client).await, (1, 0), "{operations}");
    }
    let results = bulk(&client, json!([create_group("g", &["bulkId:none"])])).await;
    assert_eq!(results[0]["response"]["scimType"], "invalidValue");
    // Nor do names, memberships or versions stay.
    let crew = client.post("/Groups", group("Crew")).await.expect(201);
    let of_crew = format!("/Groups/{}", crew.id());
    let results =
        bulk(&client, json!([change_members(&of_crew, "add", "bulkId:taken"), taken])).await;
    assert_eq!(statuses(&results), ["409", "409"]);
    assert_eq!(client.get(&of_crew).await.expect(200).body, crew.body);
    let free = bulk(&client, json!([create_group("g", &[]), create_user("m")])).await;
    assert_eq!(statuses(&free), ["201", "201"]);
}

/// S-303: processing stops at the given number of errors, and only what was processed is reported.
#[tokio::test]
async fn s_303_fail_on_errors() {
    let (_server, _, client) = start().await;
    let job = |round: usize, fail_on_errors: Value| {
        let name = |number: usize| format!("r{round}-{number}");
        let operations = json!([
            create_user(&name(0)),
            delete("/Users/none"),
            create_user(&name(1)),
            // Refers to what is never reached where processing stops early.
            create_group(&name(2), &[&format!("bulkId:{}", name(4))]),
            delete("/Users/none"),
            create_user(&name(3)),
            create_user(&name(4)),
        ]);
        let mut job = json!({"schemas": [REQUEST], "Operations": operations});
        job["failOnErrors"] = fail_on_errors;
        job
    };
    for (round, (fail_on_errors, expected)) in [
        (json!(1), "201 404"),
        (json!(2), "201 404 201 409"),
        (json!(3), "201 404 201 201 404 201 201"),
        (json!(2_000_000_000), "201 404 201 201 404 201 201"),
        (Value::Null, "201 404 201 201 404 201 201"),
    ]
    .into_iter()
    .enumerate()
    {
        let before = totals(&client).await;
        let results = results(client.post("/Bulk", job(round, fail_on_errors.clone())).await);
        assert_eq!(statuses(&results).join(" "), expected, "{fail_on_errors}");
        let created = |endpoint: &str| {
            let created = results.iter().filter(|result| result["status"] == "201");
            created.filter(|r| r["location"].as_str().unwrap().contains(endpoint)).count() as u64
        };
        let (users, groups) = totals(&client).await;
        assert_eq!(
            (users, groups),
            (before.0 + created("/Users/"), before.1 + created("/Groups/"))
        );
    }
}

/// S-302: operations on what others in between change see it as it is in the order of the request,
/// although one refers forward.
#[tokio::test]
async fn s_302_the_order_of_the_request_is_kept() {
    let (_server, _, client) = start().await;
    let old = client.post("/Users", user("name@example.com")).await.expect(201).id();
    let crew = client.post("/Groups", group("Crew")).await.expect(201).id();
    let of_crew = format!("/Groups/{crew}");
    let rename = json!([
        {"op": "replace", "path": "displayName", "value": "Old Crew"},
        {"op": "add", "path": "members", "value": [{"value": "bulkId:new"}]},
    ]);
    let results = bulk(
        &client,
        json!([
            // Frees the name Crew and refers forward.
            patch_of(&of_crew, rename),
            create("/Groups", "next", group("Crew")),
            // Takes out again who is not there yet.
            change_members("/Groups/bulkId:next", "add", "bulkId:new"),
            change_members("/Groups/bulkId:next", "remove", "bulkId:new"),
            // Frees the userName for who is referred to.
            delete(&format!("/Users/{old}")),
            create("/Users", "new", user("name@example.com")),
        ]),
    )
    .await;
    assert_eq!(statuses(&results), ["204", "201", "204", "204", "204", "201"]);
    assert_eq!(members(&client, &crew).await, [id(&results[5])]);
    assert_eq!(members(&client, &id(&results[1])).await, Vec::<String>::new());
}

/// S-302: jobs at random end as the same requests do one after another: same statuses, same state.
/// Names and groups are few, so that operations get in each other's way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_302_random_jobs_end_as_single_requests_do() {
    let server = TestServer::start().await;
    let mut dice = Dice(0x5EED_B01D);
    let mut seen = BTreeMap::new();
    for round in 0..12 {
        let (left, right) = (
            server.client(&server.directory("generic", 0).await),
            server.client(&server.directory("generic", 0).await),
        );
        for _ in 0..2 {
            let job = random_job(&mut dice, 40);
            let in_bulk = bulk(&left, job.clone()).await;
            let one_by_one = one_after_another(&right, &job).await;
            assert_eq!(statuses(&in_bulk), one_by_one, "round {round}: {job:#?} {in_bulk:#?}");
            assert_eq!(state(&left).await, state(&right).await, "round {round}: {job:#?}");
            for status in one_by_one {
                *seen.entry(status).or_insert(0) += 1;
            }
        }
    }
    for status in ["200", "201", "204", "400", "404", "409"] {
        assert!(seen.get(status).is_some_and(|count| *count > 5), "{status}: {seen:?}");
    }
}

/// Operations that refer to earlier ones only, as a sequence of requests can.
fn random_job(dice: &mut Dice, length: usize) -> Vec<Value> {
    let (mut users, mut groups) = (Vec::new(), Vec::new());
    let pick = |dice: &mut Dice, known: &[String]| match known.len() {
        0 => "none".to_owned(),
        count => format!("bulkId:{}", known[dice.roll(count)]),
    };
    (0..length)
        .map(|number| {
            let bulk_id = format!("b{number}");
            let user_name = format!("u{}@example.com", dice.roll(12));
            let display_name = format!("group {}", dice.roll(8));
            let (person, of_group) = (pick(dice, &users), pick(dice, &groups));
            let anybody = if dice.roll(4) == 0 { of_group.clone() } else { person.clone() };
            match dice.roll(10) {
                0..3 => {
                    let mut data = json!({"userName": user_name, "title": bulk_id});
                    if person != "none" && dice.roll(2) == 0 {
                        data[ENTERPRISE] = json!({"manager": {"value": person}});
                    }
                    users.push(bulk_id.clone());
                    create("/Users", &bulk_id, data)
                }
                3..5 => {
                    let mut data = group(&display_name);
                    if dice.roll(3) > 0 {
                        data["members"] = json!([{"value": anybody}]);
                    }
                    groups.push(bulk_id.clone());
                    create("/Groups", &bulk_id, data)
                }
                5 => {
                    let value = json!({"userName": user_name, "title": bulk_id});
                    patch_of(
                        &format!("/Users/{person}"),
                        json!([{"op": "replace", "value": value}]),
                    )
                }
                6 => {
                    let mut data = group(&display_name);
                    data["members"] = json!([{"value": anybody}]);
                    json!({"method": "PUT", "path": format!("/Groups/{of_group}"), "data": data})
                }
                7 => change_members(&format!("/Groups/{of_group}"), "add", &anybody),
                8 => change_members(&format!("/Groups/{of_group}"), "remove", &anybody),
                _ if dice.roll(3) == 0 => delete(&format!("/Groups/{of_group}")),
                _ => delete(&format!("/Users/{person}")),
            }
        })
        .collect()
}

/// The statuses of the operations sent as requests.
async fn one_after_another(client: &ScimClient, job: &[Value]) -> Vec<String> {
    let mut ids: BTreeMap<String, Option<String>> = BTreeMap::new();
    let mut statuses = Vec::new();
    for operation in job {
        let mut text = operation.to_string();
        let mut lost = false;
        for (bulk_id, id) in &ids {
            // Closing quotes and slashes tell `b1` from `b10`.
            for end in ["\"", "/"] {
                let reference = format!("bulkId:{bulk_id}{end}");
                if text.contains(&reference) {
                    lost |= id.is_none();
                    text =
                        text.replace(&reference, &format!("{}{end}", id.as_deref().unwrap_or("")));
                }
            }
        }
        let resolved: Value = serde_json::from_str(&text).unwrap();
        let method = resolved["method"].as_str().unwrap().parse().unwrap();
        let mut id = None;
        if lost {
            statuses.push("409".to_owned());
        } else {
            let path = resolved["path"].as_str().unwrap();
            let answered = client.try_send(method, path, &resolved["data"]).await.unwrap();
            statuses.push(answered.status.as_str().to_owned());
            id = (answered.status == 201).then(|| answered.id());
        }
        if let Some(bulk_id) = operation["bulkId"].as_str() {
            ids.insert(bulk_id.to_owned(), id);
        }
    }
    statuses
}

/// S-300, S-302: jobs whose operations refer to each other in any order and in circles give what
/// they describe.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_300_jobs_in_any_order_give_what_they_describe() {
    let server = TestServer::start().await;
    let mut dice = Dice(0xC1_2C1E);
    for round in 0..8 {
        let client = server.client(&server.directory("generic", 0).await);
        let (users, groups) = (12, 10);
        let mut expected: BTreeMap<String, Value> = BTreeMap::new();
        let mut operations = Vec::new();
        for number in 0..users {
            let manager = dice.roll(users);
            operations.push(managed(
                &format!("u{number}"),
                json!({"value": format!("bulkId:u{manager}")}),
            ));
            expected.insert(
                format!("/Users/u{number}@example.com"),
                json!({"title": "Engineer", "members": [],
                    "manager": format!("/Users/u{manager}@example.com")}),
            );
        }
        for number in 0..groups {
            let mut chosen: Vec<(String, String)> = (0..users)
                .map(|u| (format!("bulkId:u{u}"), format!("/Users/u{u}@example.com")))
                .chain((0..groups).map(|g| (format!("bulkId:g{g}"), format!("/Groups/g{g}"))))
                .filter(|(_, name)| dice.roll(4) == 0 && *name != format!("/Groups/g{number}"))
                .collect();
            chosen.sort_by(|a, b| a.1.cmp(&b.1));
            let (ids, names): (Vec<String>, Vec<String>) = chosen.into_iter().unzip();
            let mut ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            // The last one comes by a request of its own.
            let last = ids.pop();
            operations.push(create_group(&format!("g{number}"), &ids));
            if let Some(last) = last {
                operations.push(change_members(&format!("/Groups/bulkId:g{number}"), "add", last));
            }
            expected.insert(
                format!("/Groups/g{number}"),
                json!({"title": null, "manager": null, "members": names}),
            );
        }
        for at in (1..operations.len()).rev() {
            operations.swap(at, dice.roll(at + 1));
        }
        let results = bulk(&client, operations.clone()).await;
        assert!(
            results.iter().all(|result| result["status"].as_str().unwrap() < "300"),
            "round {round}: {operations:#?} {results:#?}"
        );
        assert_eq!(state(&client).await, expected, "round {round}: {operations:#?}");
    }
}

/// S-300: a server may give up on references that break each other again and again, but it ends,
/// says so with 409, and keeps nothing of what failed.
#[tokio::test]
async fn broken_chains_end() {
    let (_server, _, client) = start().await;
    client.post("/Users", user("taken@example.com")).await.expect(201);
    // Each group refers to the next; the last to what fails.
    let length = 60;
    let mut operations: Vec<Value> = (0..length)
        .map(|number| {
            let next =
                if number + 1 == length { "taken".into() } else { format!("g{}", number + 1) };
            create_group(&format!("g{number}"), &[&format!("bulkId:{next}")])
        })
        .collect();
    operations.push(create_user("taken"));
    operations.push(create_user("other"));
    let results = bulk(&client, operations).await;
    let mut expected = vec!["409"; length + 1];
    expected.push("201");
    assert_eq!(statuses(&results), expected);
    assert_eq!(totals(&client).await, (2, 0));
}

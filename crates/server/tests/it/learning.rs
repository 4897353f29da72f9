//! Extension schemas that nobody declared: kept, learned or refused.

use serde_json::{Value, json};

use crate::{
    harness::{Directory, ScimClient, TestServer, in_parallel, until, user},
    schemas::{BADGES, badges, declare, fails, find, set, with},
};

/// Extension URNs that nobody declared are kept and returned; a directory that learns declares them.
#[tokio::test]
async fn learned_on_first_sight() {
    const PLANT: &str = "urn:harbor:scim:plant:2.0:User";
    let server = TestServer::start().await;
    let directory = server.directory("okta", 0).await;
    let client = server.client(&directory);
    let seen = json!({ "hall": "B", "level": 3, "tools": [{ "value": "saw", "primary": true }] });
    let id = client.post("/Users", with("l@northlab.example", PLANT, seen.clone())).await;
    let id = id.expect(201).id();
    let path = format!("/Users/{id}");
    assert_eq!(client.get(&path).await.body[PLANT], seen);
    client.get(&format!("/Schemas/{PLANT}")).await.refused(404);

    let set_on = format!("directory update {} --learn-schemas on", directory.id);
    assert_eq!(server.command(&set_on).await["learn_schemas"], true);
    client.patch(&path, set("title", json!("Lead"))).await.expect(200);
    let learned = client.get(&format!("/Schemas/{PLANT}")).await.expect(200).body;
    assert!(learned["description"].as_str().unwrap().contains("earned"), "{learned}");
    let described: Vec<_> = learned["attributes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| {
            (a["name"].as_str().unwrap(), a["type"].as_str().unwrap(), a["multiValued"] == true)
        })
        .collect();
    let expected =
        [("hall", "string", false), ("level", "integer", false), ("tools", "complex", true)];
    assert_eq!(described, expected);
    assert_eq!(find(&client, &format!("{PLANT}:level gt 2"), "").await.body["totalResults"], 1);

    // What does not fit is kept; what is new is declared.
    let more =
        json!({ "LEVEL": "mezzanine", "gate": true, "tools": [{ "value": "lathe", "size": 3 }] });
    let put = client.put(&path, with("l@northlab.example", PLANT, more)).await.expect(200);
    let kept =
        json!({ "level": "mezzanine", "gate": true, "tools": [{ "value": "lathe", "size": 3 }] });
    assert_eq!(put.body[PLANT], kept);
    let request_id = put.header("x-request-id").to_owned();
    let entry = until("the log entry", async || {
        let log = server.provisioning_log(&directory).await;
        log.into_iter().find(|entry| entry.request_id == request_id)
    });
    let notes = entry.await.notes.join("\n");
    assert!(notes.contains(&format!("`{PLANT}:level`")) && notes.contains("kept"), "{notes}");
    let learned = client.get(&format!("/Schemas/{PLANT}")).await.expect(200).body;
    assert_eq!(learned["attributes"][3]["name"], "gate");
    assert_eq!(learned["attributes"][2]["subAttributes"][2]["name"], "size");
    let at = format!("{PLANT}:level");
    let patched = client.patch(&path, set(&at, json!([1, "two"]))).await.expect(200).body;
    assert_eq!(patched[PLANT]["level"], json!([1, "two"]));
    let patched = client.patch(&path, set(&format!("{PLANT}:tools.colour"), json!("red"))).await;
    assert_eq!(patched.expect(200).body[PLANT]["tools"][0]["colour"], "red");

    // A change of nothing teaches nothing new, and nothing of it is in another directory.
    let other = server.client(&server.directory("okta", 0).await);
    other.get(&format!("/Schemas/{PLANT}")).await.refused(404);
    let listed = server.command(&format!("directory schema list {}", directory.id)).await;
    assert_eq!((&listed[0]["learned"], &listed[0]["uri"]), (&json!(true), &json!(PLANT)));

    // Declared, it is enforced.
    let schema = json!({ "id": PLANT, "attributes": [{ "name": "level", "type": "integer" }] });
    let added = declare(&server, &directory, &schema, "").await;
    assert_eq!((&added[0]["state"], &added[0]["misfits"]), (&json!("changed"), &json!(1)));
    client.patch(&path, set(&at, json!("low"))).await.refused(400);
}

/// S-052: a strict directory refuses what no schema declares, and cannot be told to learn it.
#[tokio::test]
async fn s_052_strict_directories_refuse_undeclared_extensions() {
    let server = TestServer::start().await;
    server.command("organization create strict").await;
    let create = "directory create --organization strict --strict";
    fails(&server, &format!("{create} --learn-schemas on"), 2).await;
    let created = server.command(create).await;
    let id = created["id"].as_str().unwrap().to_owned();
    fails(&server, &format!("directory update {id} --learn-schemas on"), 2).await;
    let directory = Directory {
        token: created["token"].as_str().unwrap().into(),
        path: format!("/scim/v2/{id}"),
        id,
    };
    let client = server.client(&directory);
    let body = || with("s@northlab.example", BADGES, json!({ "colour": "red" }));
    let refused = client.post("/Users", body()).await.refused(400);
    assert_eq!(refused.body["scimType"], "invalidSyntax");
    declare(&server, &directory, &badges(), "").await;
    client.post("/Users", body()).await.expect(201);
    let mut unknown = body();
    unknown["userName"] = "t@northlab.example".into();
    unknown[BADGES]["shape"] = "round".into();
    client.post("/Users", unknown).await.refused(400);
}

/// A directory that learns, and its client.
async fn learner() -> (TestServer, Directory, ScimClient) {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    server.command(&format!("directory update {} --learn-schemas on", directory.id)).await;
    let client = server.client(&directory);
    (server, directory, client)
}

async fn names_of(client: &ScimClient, urn: &str) -> Vec<String> {
    let schema = client.get(&format!("/Schemas/{urn}")).await.expect(200).body;
    let attributes = schema["attributes"].as_array().unwrap().iter();
    let mut names: Vec<_> = attributes.map(|a| a["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// Requests at the same time each teach what they bring, in whatever spelling of the URI.
#[tokio::test]
async fn nothing_taught_at_the_same_time_is_lost() {
    let (_server, _directory, client) = learner().await;
    let sent = in_parallel(24, 8, |number| {
        let (client, mut body) = (client.clone(), user(&format!("u{number}@northlab.example")));
        let urn = if number % 2 == 0 { BADGES.to_owned() } else { BADGES.to_lowercase() };
        body[urn] = json!({ (format!("a{number:02}")): number });
        async move { client.post("/Users", body).await.status.as_u16() }
    });
    assert_eq!(sent.await, [201; 24]);
    let expected: Vec<_> = (0..24).map(|number| format!("a{number:02}")).collect();
    assert_eq!(names_of(&client, BADGES).await, expected);
    for number in [0, 1, 22, 23] {
        let filter = format!("{BADGES}:a{number:02} eq {number}");
        let found = find(&client, &filter, "").await.expect(200).body;
        assert_eq!(found["totalResults"], 1, "{filter}");
        assert!(
            found["Resources"][0]["userName"].as_str().unwrap().starts_with(&format!("u{number}@"))
        );
    }
}

/// Each operation of a Bulk request teaches, too; what is refused teaches nothing.
#[tokio::test]
async fn bulk_operations_teach() {
    let (_server, _directory, client) = learner().await;
    let post = |id: &str, name: &str, container: Value| json!({ "method": "POST", "path": "/Users", "bulkId": id, "data": with(name, BADGES, container) });
    let bulk = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [
            post("1", "a", json!({ "one": 1 })),
            post("2", "b", json!({ "two": 2 })),
            post("3", "b", json!({ "three": 3 })),
        ],
    });
    let answers = client.post("/Bulk", bulk).await.expect(200).body;
    let statuses: Vec<_> =
        answers["Operations"].as_array().unwrap().iter().map(|one| one["status"].clone()).collect();
    assert_eq!(statuses, ["201", "201", "409"], "{answers}");
    assert_eq!(names_of(&client, BADGES).await, ["one", "two"]);
}

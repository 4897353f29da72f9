//! PUT (RFC 7644 §3.5.1).

use serde_json::{Value, json};

use crate::harness::{TestServer, group, until, user};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// S-083, S-216, S-218, S-219, S-223, S-225: what is given is what is there afterwards, but for what
/// only the server may say; what is left out is gone.
#[tokio::test]
async fn s_218_what_is_left_out_is_gone() {
    let (_server, client) = TestServer::with_client().await;
    let mut full = user("a@example.com");
    full["nickName"] = "Nessie".into();
    full["phoneNumbers"] = json!([{"value": "1", "type": "work"}]);
    full[ENTERPRISE] = json!({"department": "Tooling", "employeeNumber": "7"});
    let created = client.post("/Users", full.clone()).await.expect(201);
    let one = format!("/Users/{}", created.id());

    let small = json!({
        "schemas": full["schemas"],
        "id": "another",
        "userName": "b@example.com",
        "name": {"familyName": "Okafor"},
        "emails": [{"value": "b@example.com"}],
        "groups": [{"value": "another"}],
        "meta": {"resourceType": "Group", "created": "1999-01-01T00:00:00Z"},
    });
    let replaced = client.put(&one, small.clone()).await.expect(200);
    let body = &replaced.body;
    for name in ["nickName", "displayName", "title", "phoneNumbers", ENTERPRISE] {
        assert_eq!(body.get(name), None, "{name}");
    }
    for name in ["userName", "name", "emails"] {
        assert_eq!(body[name], small[name], "{name}");
    }
    assert_eq!(body["schemas"], full["schemas"]);
    assert_eq!((&body["id"], &body["groups"]), (&created.body["id"], &json!([])));
    assert_eq!(body["meta"]["created"], created.body["meta"]["created"]);
    assert_eq!(body["meta"]["resourceType"], "User");
    assert_ne!(replaced.header("etag"), created.header("etag"));
    assert_eq!(replaced.header("etag"), body["meta"]["version"]);
    assert_eq!(client.get(&one).await.body, *body);
    // Back again, and the same once more.
    let back = client.put(&one, full.clone()).await.expect(200);
    assert_eq!(back.body[ENTERPRISE], full[ENTERPRISE]);
    let again = client.put(&one, full).await.expect(200);
    assert_eq!(again.body, back.body);
    assert_eq!(again.header("etag"), back.header("etag"));
    // A group has its members replaced, or none where none are given.
    let mut crew = group("Crew");
    crew["members"] = json!([{"value": created.id()}]);
    let id = client.post("/Groups", crew.clone()).await.expect(201).id();
    let target = format!("/Groups/{id}");
    crew["members"] = json!([]);
    crew["displayName"] = "Deck".into();
    let replaced = client.put(&target, crew).await.expect(200).body;
    assert_eq!((&replaced["displayName"], &replaced["members"]), (&json!("Deck"), &json!([])));
}

/// S-082, S-217, S-222, S-224, S-226: a PUT that is refused creates nothing and changes nothing.
#[tokio::test]
async fn s_222_refused_replacements_change_nothing() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    client.post("/Users", user("taken@example.com")).await.expect(201);
    let created = client.post("/Users", user("a@example.com")).await.expect(201);
    client.post("/Groups", group("Taken")).await.expect(201);
    let crew = client.post("/Groups", group("Crew")).await.expect(201);
    let one = format!("/Users/{}", created.id());
    let team = format!("/Groups/{}", crew.id());
    let fields = |base: Value, name: &str, value: Value| {
        let mut body = base;
        body["title"] = "Changed".into();
        if value.is_null() {
            body.as_object_mut().unwrap().remove(name);
        } else {
            body[name] = value;
        }
        body
    };
    let ours = user("a@example.com");
    let unknown = "/Users/01900000-0000-7000-8000-000000000000".to_owned();
    for (target, body, status, scim_type) in [
        (&one, fields(ours.clone(), "userName", json!(null)), 400, "invalidValue"),
        (&one, fields(ours.clone(), "userName", json!("")), 400, "invalidValue"),
        (&one, fields(ours.clone(), "userName", json!("TAKEN@example.com")), 409, "uniqueness"),
        (&one, fields(ours.clone(), "active", json!("perhaps")), 400, "invalidValue"),
        (&one, fields(ours.clone(), "name", json!("Ines")), 400, "invalidValue"),
        (&one, json!([]), 400, "invalidSyntax"),
        (&one, json!({}), 400, "invalidValue"),
        (&team, fields(group("x"), "displayName", json!(null)), 400, "invalidValue"),
        (&team, fields(group("x"), "displayName", json!("taken")), 409, "uniqueness"),
        (&team, fields(group("x"), "members", json!([{"value": "nobody"}])), 400, "invalidValue"),
        (&unknown, user("new@example.com"), 404, ""),
    ] {
        let refused = client.put(target, body.clone()).await.refused(status);
        assert_eq!(refused.body["scimType"].as_str().unwrap_or_default(), scim_type, "{body}");
        let changes = server.changes_by(&directory, refused.header("x-request-id")).await;
        assert!(changes.is_empty(), "{body}: {changes:?}");
    }
    assert_eq!(client.get(&one).await.body, created.body);
    assert_eq!(client.get(&team).await.body, crew.body);
    assert_eq!(client.get("/Users").await.body["totalResults"], 2);
    let log = until("the log", async || {
        let log = server.provisioning_log(&directory).await;
        (log.iter().filter(|entry| entry.method == "PUT").count() == 11).then_some(log)
    })
    .await;
    assert!(log.iter().filter(|entry| entry.method == "PUT").all(|entry| entry.status >= 400));
}

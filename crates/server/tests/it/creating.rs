//! POST (RFC 7644 §3.3).

use serde_json::{Value, json};

use crate::harness::{TestServer, group, user};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// S-061, S-124, S-131, S-139: the answer to a POST is the resource as it is read, with its place
/// and version, or the part of it that was asked for.
#[tokio::test]
async fn s_124_the_answer_is_the_resource() {
    let (_server, client) = TestServer::with_client().await;
    for (endpoint, body) in [("/Users", user("a@example.com")), ("/Groups", group("Crew"))] {
        let created = client.post(endpoint, body).await.expect(201);
        let got = client.get(&format!("{endpoint}/{}", created.id())).await.expect(200);
        assert_eq!(created.body, got.body);
        assert_eq!(created.header("location"), got.body["meta"]["location"]);
        assert_eq!(created.header("etag"), got.body["meta"]["version"]);
        assert_eq!(created.header("content-type"), "application/scim+json");
    }
    let keys = |body: &Value| body.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for (parameters, expected) in [
        ("attributes=userName", vec!["id", "schemas", "userName"]),
        ("attributes=id", vec!["id", "schemas"]),
        (
            "excludedAttributes=name,emails,groups,meta,active,id",
            vec!["id", "schemas", "externalId", "userName", "displayName", "title"],
        ),
    ] {
        let target = format!("/Users?{parameters}");
        let created = client.post(&target, user(parameters)).await.expect(201);
        assert_eq!(keys(&created.body), expected, "{parameters}");
        assert!(!created.header("location").is_empty());
        // It is stored in full all the same.
        let got = client.get(&format!("/Users/{}", created.id())).await.expect(200).body;
        assert_eq!(got["title"], "Engineer");
    }
    // What cannot be answered is not created.
    client.post("/Users?attributes=id&excludedAttributes=id", user("both")).await.refused(400);
    assert_eq!(client.find_users("userName eq \"both\"").await.len(), 0);
}

/// S-083, S-125, S-126: what only the server may say is passed over.
#[tokio::test]
async fn s_125_read_only_attributes_are_passed_over() {
    let (_server, client) = TestServer::with_client().await;
    let boss = client.post("/Users", user("boss@example.com")).await.expect(201).id();
    let mut body = user("a@example.com");
    body["id"] = json!(7);
    body["meta"] = json!({"resourceType": "Group", "version": 7});
    body["groups"] = json!("anything");
    body[ENTERPRISE] = json!({"manager": {"value": boss, "displayName": "Nobody"}});
    let created = client.post("/Users", body).await.expect(201).body;
    assert_eq!(created["meta"]["resourceType"], "User");
    assert_eq!(created["groups"], json!([]));
    let got = client.get(&format!("/Users/{}", created["id"].as_str().unwrap())).await.body;
    assert_eq!(got[ENTERPRISE]["manager"]["displayName"], "Ines Okafor");
}

/// S-127, S-132: the same POST again is a conflict that says who is there already, and leaves
/// nothing; that one is found by what was sent.
#[tokio::test]
async fn s_132_the_same_post_again_names_what_is_there() {
    let (_server, client) = TestServer::with_client().await;
    for (endpoint, body, filter) in [
        ("/Users", user("a@example.com"), "userName%20eq%20%22a@example.com%22"),
        ("/Groups", group("Crew"), "displayName%20eq%20%22crew%22"),
    ] {
        let created = client.post(endpoint, body.clone()).await.expect(201);
        for _ in 0..2 {
            let refused = client.post(endpoint, body.clone()).await.refused(409);
            assert_eq!(refused.body["scimType"], "uniqueness");
            assert!(refused.detail().contains(&created.id()), "{}", refused.detail());
        }
        let found = client.get(&format!("{endpoint}?filter={filter}")).await.expect(200).body;
        assert_eq!(found["totalResults"], 1);
        assert_eq!(found["Resources"][0], created.body);
        assert_eq!(client.get(endpoint).await.body["totalResults"], 1);
    }
}

/// S-089, S-128, S-129: a user is active unless the body says otherwise; null says nothing.
#[tokio::test]
async fn s_129_defaults_are_visible() {
    let (_server, client) = TestServer::with_client().await;
    for (number, (active, shown)) in [
        (None, true),
        (Some(json!(null)), true),
        (Some(json!(true)), true),
        (Some(json!(false)), false),
    ]
    .into_iter()
    .enumerate()
    {
        let mut body = user(&format!("u{number}"));
        match active {
            Some(active) => body["active"] = active,
            None => drop(body.as_object_mut().unwrap().remove("active")),
        }
        body["emails"] = json!([]);
        let created = client.post("/Users", body).await.expect(201).body;
        assert_eq!(created["active"], shown);
        assert_eq!(created.get("emails"), None);
    }
}

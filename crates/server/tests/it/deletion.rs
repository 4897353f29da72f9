//! DELETE (RFC 7644 §3.6): what is gone, from where, and what is free again.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{ScimClient, TestServer, group, patch, user};

async fn start() -> (TestServer, ScimClient) {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    (server, client)
}

async fn total(client: &ScimClient, target: &str) -> u64 {
    client.get(target).await.expect(200).body["totalResults"].as_u64().unwrap()
}

/// S-288, S-289: 204 without a body; from then on every method knows nothing of it, and no list,
/// search, total, group or manager does.
#[tokio::test]
async fn s_288_what_is_deleted_is_gone_everywhere() {
    let (_server, client) = start().await;
    let gone = client.post("/Users", user("gone@example.com")).await.expect(201).id();
    let stays = client.post("/Users", user("stays@example.com")).await.expect(201).id();
    let inner = client.post("/Groups", group("Inner")).await.expect(201).id();
    let mut crew = group("Crew");
    crew["members"] = json!([{"value": gone}, {"value": stays}, {"value": inner}]);
    let crew = client.post("/Groups", crew).await.expect(201).id();

    for (target, body) in [
        (format!("/Users/{gone}"), user("gone@example.com")),
        (format!("/Groups/{inner}"), group("Inner")),
    ] {
        let answered = client.delete(&target).await.expect(204);
        assert_eq!((&answered.body, answered.header("content-type")), (&Value::Null, ""));
        let nothing = patch(json!([{"op": "replace", "path": "displayName", "value": "x"}]));
        for (method, body) in [
            (Method::GET, &Value::Null),
            (Method::PUT, &body),
            (Method::PATCH, &nothing),
            (Method::DELETE, &Value::Null),
        ] {
            client.try_send(method, &target, body).await.unwrap().refused(404);
        }
        client.try_send(Method::HEAD, &target, &Value::Null).await.unwrap().expect(404);
    }
    for (target, left) in [
        ("/Users", 1),
        ("/Users?count=0", 1),
        ("/Groups", 1),
        ("/Users?filter=userName%20eq%20%22gone@example.com%22", 0),
        ("/Users?filter=externalId%20eq%20%22ext-gone@example.com%22", 0),
        ("/Users?filter=title%20co%20%22engineer%22", 1),
        ("/Groups?filter=displayName%20eq%20%22inner%22", 0),
    ] {
        assert_eq!(total(&client, target).await, left, "{target}");
    }
    for id in [&gone, &inner] {
        assert_eq!(total(&client, &format!("/Users?filter=id%20eq%20%22{id}%22")).await, 0);
        let member = format!("/Groups?filter=members.value%20eq%20%22{id}%22");
        assert_eq!(total(&client, &member).await, 0);
    }
    let read = client.get(&format!("/Groups/{crew}")).await.expect(200).body;
    let members: Vec<_> = read["members"].as_array().unwrap().iter().map(|m| &m["value"]).collect();
    assert_eq!(members, [&json!(stays)]);
}

/// S-290: what was unique is free again, and the next owner is somebody else.
#[tokio::test]
async fn s_290_names_are_free_again() {
    let (_server, client) = start().await;
    for (endpoint, body) in [("/Users", user("again@example.com")), ("/Groups", group("Again"))] {
        let mut ids = Vec::new();
        for _ in 0..3 {
            let id = client.post(endpoint, body.clone()).await.expect(201).id();
            client.post(endpoint, body.clone()).await.refused(409);
            client.delete(&format!("{endpoint}/{id}")).await.expect(204);
            assert!(!ids.contains(&id), "{id} was given out twice");
            ids.push(id);
        }
        assert_eq!(total(&client, endpoint).await, 0);
    }
}

/// S-291, S-088: deactivating deletes nothing and deleting deactivates nothing: somebody switched
/// off stays in every list and group and comes back as the same person.
#[tokio::test]
async fn s_291_deactivating_is_not_deleting() {
    let (_server, client) = start().await;
    let id = client.post("/Users", user("leaver@example.com")).await.expect(201).id();
    let target = format!("/Users/{id}");
    let mut crew = group("Crew");
    crew["members"] = json!([{"value": id}]);
    let crew = client.post("/Groups", crew).await.expect(201).id();

    client.patch(&target, json!([{"op": "replace", "value": {"active": false}}])).await.expect(200);
    let read = client.get(&target).await.expect(200).body;
    assert_eq!(read["active"], false);
    assert_eq!(read["groups"][0]["value"], crew);
    assert_eq!(total(&client, "/Users").await, 1);
    assert_eq!(client.find_users("userName eq \"leaver@example.com\"").await.len(), 1);
    assert_eq!(client.find_users("active eq false").await[0]["id"], id);
    client.post("/Users", user("leaver@example.com")).await.refused(409);
    let back = json!([{"op": "replace", "path": "active", "value": true}]);
    assert_eq!(client.patch(&target, back).await.expect(200).id(), id);

    client.delete(&target).await.expect(204);
    assert_eq!(total(&client, "/Users").await, 0);
    assert!(client.find_users("active eq false").await.is_empty());
}

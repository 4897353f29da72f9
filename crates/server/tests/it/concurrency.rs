//! Requests that race for the same resource.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::{TestServer, group, in_parallel, patch, user};

/// S-453, E-87: 1,000 requests that each add one member to one group lose nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_87_a_thousand_single_member_patches_make_a_thousand_members() {
    const MEMBERS: usize = 1000;
    let server = TestServer::start().await;
    let client = server.client(&server.directory("entra", 0).await);
    let target =
        format!("/Groups/{}", client.post("/Groups", group("Crew")).await.expect(201).id());
    let ids = in_parallel(MEMBERS, 32, |number| {
        let client = client.clone();
        let body = user(&format!("crew{number}@example.com"));
        async move { client.post("/Users", body).await.expect(201).id() }
    })
    .await;

    let statuses = in_parallel(MEMBERS, 64, |number| {
        let (client, target, id) = (client.clone(), target.clone(), &ids[number]);
        // Entra's shape and the standard's in turn.
        let operation = match number % 2 {
            0 => json!([{ "op": "Add", "path": "members", "value": [{ "value": id }] }]),
            _ => json!([{ "op": "add", "value": { "members": [{ "value": id }] } }]),
        };
        async move { client.patch(&target, operation).await.status }
    })
    .await;

    assert!(statuses.iter().all(StatusCode::is_success), "{statuses:?}");
    let body = client.get(&target).await.expect(200).body;
    let members: Vec<&str> =
        body["members"].as_array().unwrap().iter().map(|m| m["value"].as_str().unwrap()).collect();
    assert_eq!(members.len(), MEMBERS);
    assert_eq!(
        members.into_iter().collect::<BTreeSet<_>>(),
        ids.iter().map(String::as_str).collect::<BTreeSet<_>>()
    );
}

/// S-127: of 50 parallel creates of one user name, in different cases, one succeeds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_127_one_of_fifty_parallel_creates_of_a_user_name_succeeds() {
    let server = TestServer::start().await;
    let client = server.client(&server.directory("generic", 0).await);
    for round in 0..3 {
        let name = format!("race{round}@example.com");
        let answers = in_parallel(50, 50, |number| {
            let client = client.clone();
            let name = if number % 2 == 0 { name.clone() } else { name.to_uppercase() };
            async move { client.post("/Users", user(&name)).await }
        })
        .await;
        let (created, refused): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|answer| answer.status == StatusCode::CREATED);
        assert_eq!(created.len(), 1);
        for answer in refused {
            assert_eq!(answer.expect(409).body["scimType"], "uniqueness");
        }
        // What made the others fail is findable.
        let found = client.find_users(&format!("userName eq \"{name}\"")).await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0]["id"], created[0].id());
    }
}

/// S-282, S-453: of 100 parallel PATCHes with the same `If-Match`, one is applied and the others
/// are refused, because check and write are one step.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_282_one_of_a_hundred_parallel_conditional_patches_succeeds() {
    let server = TestServer::start().await;
    let client = server.client(&server.directory("generic", 0).await);
    let created = client.post("/Users", user("etag@example.com")).await.expect(201);
    let version = created.headers["etag"].to_str().unwrap().to_owned();
    let target = format!("/Users/{}", created.id());

    let statuses = in_parallel(100, 100, |number| {
        let operations =
            json!([{ "op": "replace", "path": "title", "value": format!("Title {number}") }]);
        let request = client
            .request(Method::PATCH, &target)
            .header("if-match", &version)
            .header("content-type", "application/scim+json")
            .body(patch(operations).to_string());
        async move { request.send().await.unwrap().status().as_u16() }
    })
    .await;

    let applied: Vec<usize> = (0..100).filter(|&number| statuses[number] == 200).collect();
    let refused = statuses.iter().filter(|&&status| status == 412).count();
    assert_eq!((applied.len(), refused), (1, 99), "{statuses:?}");
    let stored = client.get(&target).await.expect(200);
    assert_eq!(stored.body["title"], format!("Title {}", applied[0]));
    assert_ne!(stored.headers["etag"].to_str().unwrap(), version);
}

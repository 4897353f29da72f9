//! What OpenID's provisioning profile (IPSIE, account lifecycle) asks of a server.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::harness::{ScimClient, TestServer, group, in_parallel, user};

/// How many resources of an endpoint a filter finds.
async fn count(client: &ScimClient, endpoint: &str, filter: &str) -> Value {
    let filter = utf8_percent_encode(filter, NON_ALPHANUMERIC);
    let found = client.get(&format!("{endpoint}?filter={filter}")).await.expect(200).body;
    found["totalResults"].clone()
}

/// S-341, S-391: level 1: somebody is found by what is known of them, switched off and on, read and
/// deleted.
#[tokio::test]
async fn s_391_the_life_of_an_account() {
    let (_server, client) = TestServer::with_client().await;
    let created = client.post("/Users", user("ines@example.com")).await.expect(201);
    for filter in [
        "userName eq \"ines@example.com\"",
        "externalId eq \"ext-ines@example.com\"",
        "emails[value eq \"ines@example.com\"]",
        "emails[type eq \"work\" and value eq \"ines@example.com\"]",
    ] {
        assert_eq!(count(&client, "/Users", filter).await, 1, "{filter}");
    }
    // A connection is tested with somebody who cannot be there (S-341).
    let nobody = "userName eq \"7f1f5c60-6c2f-4c0b-9a0e-5a0c1f6f7d11\"";
    assert_eq!(count(&client, "/Users", nobody).await, 0);
    let one = format!("/Users/{}", created.id());
    for active in [false, true] {
        let change = json!([{"op": "replace", "path": "active", "value": active}]);
        client.patch(&one, change).await.expect(200);
        assert_eq!(client.get(&one).await.expect(200).body["active"], active);
    }
    client.delete(&one).await.expect(204);
    client.get(&one).await.refused(404);
}

/// S-344, S-392: level 2: groups by their names and their members, and fifty changes of members in
/// one request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_392_groups_and_their_members() {
    let (_server, client) = TestServer::with_client().await;
    let ids = in_parallel(50, 10, |number| {
        let client = client.clone();
        async move { client.post("/Users", user(&format!("u{number}"))).await.expect(201).id() }
    })
    .await;
    let mut body = group("Crew");
    body["externalId"] = "crew-7".into();
    let crew = client.post("/Groups", body).await.expect(201).id();
    let target = format!("/Groups/{crew}");
    let operations = |op: &str| -> Value {
        let operation = |id: &String| match op {
            "add" => json!({"op": op, "path": "members", "value": [{"value": id}]}),
            _ => json!({"op": op, "path": format!("members[value eq \"{id}\"]")}),
        };
        ids.iter().map(operation).collect()
    };
    client.patch(&target, operations("add")).await.expect(204);
    for (filter, found) in [
        ("displayName eq \"Crew\"".to_owned(), 1),
        ("externalId eq \"crew-7\"".into(), 1),
        (format!("members[value eq \"{}\"]", ids[7]), 1),
        (format!("displayName eq \"Crew\" and members.value eq \"{}\"", ids[49]), 1),
        ("members[value eq \"nobody\"]".into(), 0),
    ] {
        assert_eq!(count(&client, "/Groups", &filter).await, found, "{filter}");
    }
    let in_crew = format!("groups.value eq \"{crew}\"");
    assert_eq!(count(&client, "/Users", &in_crew).await, 50);
    client.patch(&target, operations("remove")).await.expect(204);
    assert_eq!(client.get(&target).await.expect(200).body["members"], json!([]));
    assert_eq!(count(&client, "/Users", &in_crew).await, 0);
}

//! Texts, URLs and parameters on the wire (RFC 7644 §1.2, §3.8, §3.13).

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{TestServer, group, patch, user};

/// S-003, S-065, S-080, S-151: text of every script comes back as it was sent, and is found.
#[tokio::test]
async fn s_003_text_of_every_script_comes_back_as_sent() {
    let (_server, client) = TestServer::with_client().await;
    for (number, text) in [
        "渡辺 美咲",
        "عائشة بنت محمد",
        "שרה לוי",
        "Zoë 🧑‍🚀",
        "e\u{301}tienne",
        "ＡＢ",
        "tab\tand\nline",
        "\"quoted\" \\ / ] and (x eq 1) or",
    ]
    .into_iter()
    .enumerate()
    {
        let mut body = user(&format!("user{number}@example.com"));
        body["displayName"] = text.into();
        let created = client.post("/Users", body).await.expect(201);
        assert_eq!(created.body["displayName"], text);
        let got = client.get(&format!("/Users/{}", created.id())).await.expect(200);
        assert_eq!(got.body, created.body);
        let found = client.find_users(&format!("displayName eq {}", json!(text))).await;
        assert_eq!(found, [created.body]);
    }
}

/// S-013: percent-encoding is undone once, and a plus in the query is a space.
#[tokio::test]
async fn s_013_percent_encoding_is_undone_once() {
    let (_server, client) = TestServer::with_client().await;
    for name in ["a+b@example.com", "a b@example.com", "a%2Bb@example.com"] {
        client.post("/Users", user(name)).await.expect(201);
    }
    for (filter, found) in [
        ("userName+eq+%22a%2Bb@example.com%22", "a+b@example.com"),
        ("userName+eq+%22a+b@example.com%22", "a b@example.com"),
        ("userName%20eq%20%22a%20b%40example.com%22", "a b@example.com"),
        ("userName%20eq%20%22a%252Bb@example.com%22", "a%2Bb@example.com"),
        ("%75serName%20eq%20%22a%2bb@example.com%22", "a+b@example.com"),
    ] {
        let listed = client.get(&format!("/Users?filter={filter}")).await.expect(200).body;
        assert_eq!(listed["totalResults"], 1, "{filter}");
        assert_eq!(listed["Resources"][0]["userName"], found, "{filter}");
    }
    for broken in ["%zz", "%", "%2", "%ff", "%C3"] {
        client.get(&format!("/Users?filter={broken}")).await.refused(400);
    }
}

/// S-014: parameters that nobody knows change nothing, on any method (E-07's flag among them).
#[tokio::test]
async fn s_014_unknown_parameters_change_nothing() {
    let (_server, client) = TestServer::with_client().await;
    let plain = client.post("/Users", user("a@example.com")).await.expect(201);
    let more = "foo=bar&aadOptscim062020&=&x%5B%5D=1";
    let one = format!("/Users/{}", plain.id());
    for target in [&one, "/Users", "/Groups", "/Schemas", "/ServiceProviderConfig"] {
        let with = client.get(&format!("{target}?{more}")).await.expect(200);
        assert_eq!(with.body, client.get(target).await.expect(200).body, "{target}");
    }
    let posted = client.post(&format!("/Groups?{more}"), group("Crew")).await.expect(201);
    assert_eq!(posted.body["displayName"], "Crew");
    let put = client.put(&format!("{one}?{more}"), plain.body.clone()).await.expect(200);
    assert_eq!(put.body, plain.body);
    let operations = json!([{"op": "replace", "path": "title", "value": "Pilot"}]);
    let patched = client.patch(&format!("{one}?{more}"), operations).await.expect(200);
    assert_eq!(patched.body["title"], "Pilot");
    client.delete(&format!("{one}?{more}")).await.expect(204);
}

/// S-017: a slash at the end of any URL makes no difference, and ids need no encoding in one.
#[tokio::test]
async fn s_017_trailing_slashes_and_plain_ids() {
    let (_server, client) = TestServer::with_client().await;
    let mut ids = BTreeSet::new();
    for number in 0..20 {
        let created = client.post("/Users/", user(&format!("u{number}@example.com"))).await;
        ids.insert(created.expect(201).id());
    }
    ids.insert(client.post("/Groups/", group("Crew")).await.expect(201).id());
    assert_eq!(ids.len(), 21);
    for id in &ids {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        assert!(!id.is_empty() && id.chars().all(plain), "{id}");
        assert_ne!(id, "bulkId");
    }
    let one = client.get("/Users?count=1").await.body["Resources"][0]["id"].clone();
    let one = format!("/Users/{}", one.as_str().unwrap());
    for target in [
        &one,
        "/Users",
        "/Groups",
        "/Schemas",
        "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User",
        "/ResourceTypes",
        "/ResourceTypes/User",
        "/ServiceProviderConfig",
    ] {
        let with = client.get(&format!("{target}/")).await.expect(200);
        assert_eq!(with.body, client.get(target).await.expect(200).body, "{target}");
    }
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]});
    client.post("/Users/.search/", search).await.expect(200);
    let retitle = patch(json!([{"op": "replace", "path": "title", "value": "Pilot"}]));
    let slashed = format!("{one}/");
    client.try_send(Method::PATCH, &slashed, &retitle).await.unwrap().expect(200);
    client.put(&slashed, user("u0@example.com")).await.expect(200);
    client.try_send(Method::DELETE, &slashed, &Value::Null).await.unwrap().expect(204);
}

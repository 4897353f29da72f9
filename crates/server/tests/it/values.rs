//! Data types and values (RFC 7643 §2.3 to §2.5), as bodies bring them.

use serde_json::{Value, json};

use crate::harness::{ScimClient, TestServer, group, user};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// A certificate's first bytes say how long it is: two bytes of content here.
const CERTIFICATE: &str = "MAIBAQ";

/// What becomes of a value: it is answered so, or refused with this `scimType` and its place named.
enum Outcome {
    Is(Value),
    Refused(&'static str, &'static str),
}
use Outcome::{Is, Refused};

/// Creates one user for each row, with the row's attributes.
async fn check(client: &ScimClient, rows: Vec<(Value, Outcome)>) {
    for (number, (fields, outcome)) in rows.into_iter().enumerate() {
        let mut body = user(&format!("u{number}@example.com"));
        for (key, value) in fields.as_object().unwrap() {
            body[key] = value.clone();
        }
        let answered = client.post("/Users", body.clone()).await;
        match outcome {
            Is(expected) => {
                let created = answered.expect(201);
                let one = client.get(&format!("/Users/{}", created.id())).await.expect(200).body;
                for (key, value) in expected.as_object().unwrap() {
                    assert_eq!(one.get(key).unwrap_or(&Value::Null), value, "{fields}");
                }
                assert_eq!(created.body, one);
            }
            Refused(scim_type, place) => {
                let refused = answered.refused(400);
                assert_eq!(refused.body["scimType"], scim_type, "{fields}: {}", refused.body);
                let place = format!("`{place}`");
                assert!(refused.detail().contains(&place), "{fields}: {}", refused.detail());
                let filter = format!("userName eq {}", body["userName"]);
                if body["userName"].as_str().is_some_and(|name| !name.is_empty()) {
                    assert_eq!(client.find_users(&filter).await.len(), 0, "{fields}");
                }
            }
        }
    }
}

/// S-066, S-068, S-070, S-072, S-081, S-082, S-096, S-130, S-318: values that do not fit are
/// refused with the place that they stand at, and nothing is stored.
#[tokio::test]
async fn s_130_values_that_do_not_fit_are_refused_with_their_place() {
    let (_server, client) = TestServer::with_client().await;
    let value = "invalidValue";
    let rows = vec![
        // S-066.
        (json!({"active": 1}), Refused(value, "active")),
        (json!({"active": "yes"}), Refused(value, "active")),
        (json!({"active": {}}), Refused(value, "active")),
        (json!({"emails": [{"value": "a", "primary": 0}]}), Refused(value, "emails.primary")),
        // S-072.
        (json!({"name": "Ines Okafor"}), Refused(value, "name")),
        (json!({"name": [{"givenName": "a"}, {"givenName": "b"}]}), Refused(value, "name")),
        (json!({"name": {"givenName": {"a": "b"}}}), Refused(value, "name.givenName")),
        (json!({"title": {"a": "Pilot"}}), Refused(value, "title")),
        (json!({"title": ["Pilot", "Mate"]}), Refused(value, "title")),
        (json!({"emails": [["a@example.com"]]}), Refused(value, "emails")),
        (json!({"emails": true}), Refused(value, "emails")),
        (json!({"addresses": ["Harbour Street 1"]}), Refused(value, "addresses")),
        (json!({ENTERPRISE: "Tooling"}), Refused(value, ENTERPRISE)),
        // S-070, S-096.
        (json!({"x509Certificates": [{"value": "?"}]}), Refused(value, "x509Certificates.value")),
        (
            json!({"x509Certificates": [{"value": "MAIBATACAQE="}]}),
            Refused(value, "x509Certificates.value"),
        ),
        // S-081.
        (json!({"title": "x".repeat(9000)}), Refused(value, "title")),
        // S-082.
        (json!({"userName": null}), Refused(value, "userName")),
        (json!({"userName": ""}), Refused(value, "userName")),
        (json!({"userName": []}), Refused(value, "userName")),
    ];
    check(&client, rows).await;
    let mut nameless = user("nameless@example.com");
    nameless.as_object_mut().unwrap().remove("userName");
    let refused = client.post("/Users", nameless).await.refused(400);
    assert_eq!(refused.body["scimType"], value);
    // S-082, S-097, S-330.
    for display_name in [json!(null), json!(""), json!([]), json!({}), json!(["a", "b"])] {
        let mut body = group("");
        body["displayName"] = display_name;
        let refused = client.post("/Groups", body.clone()).await.refused(400);
        assert_eq!(refused.body["scimType"], value, "{body}");
    }
    assert_eq!(client.get("/Users").await.body["totalResults"], 0);
    assert_eq!(client.get("/Groups").await.body["totalResults"], 0);
    // One beyond all bounds is stopped while it is read (S-081, S-446).
    let long = json!({"userName": "a", "title": "x".repeat(1_000_000)});
    client.post("/Users", long).await.refused(400);
}

/// S-067, S-070, S-074, S-075, S-076, S-077, S-079, S-080, S-081, S-091, S-093, S-094, S-108,
/// S-345: values are kept as they were sent, and what is meant beyond doubt is taken for what was
/// sent.
#[tokio::test]
async fn s_080_values_are_kept_as_sent() {
    let (_server, client) = TestServer::with_client().await;
    let same = |fields: Value| (fields.clone(), Is(fields));
    let primary = |value: &str, primary: bool| json!({"value": value, "primary": primary});
    let rows = vec![
        // S-080, S-081, S-090, S-091: no trimming, no folding, no other format.
        same(json!({"userName": "JSmith@EXAMPLE.com", "title": "  Site  Lead "})),
        same(json!({"emails": [{"value": "Ines@EXAMPLE.com", "type": "work"}]})),
        same(json!({"phoneNumbers": [{"value": "55555555555", "type": "WORK"}]})),
        same(json!({"phoneNumbers": [{"value": "tel:+1-201-555-0123;ext=7"}]})),
        // S-079, S-094, S-108: suggestions, unless the directory is strict.
        same(json!({"emails": [{"value": "a@b.test", "type": "custom"}]})),
        same(json!({"ims": [{"value": "@ines:chat.example", "type": "matrix"}]})),
        same(json!({"addresses": [{"country": "Norway", "type": "cabin"}]})),
        same(json!({"roles": [{"value": "anything", "type": "whatever"}]})),
        same(json!({"entitlements": [{"value": "7", "display": "Seven"}]})),
        // S-070.
        same(json!({"x509Certificates": [{"value": CERTIFICATE}]})),
        same(json!({"x509Certificates": [{"value": format!("{CERTIFICATE}==")}]})),
        // S-067.
        (json!({"active": "False"}), Is(json!({"active": false}))),
        (json!({"active": "TRUE"}), Is(json!({"active": true}))),
        (
            json!({"emails": [{"value": "a@b.test", "primary": "true"}]}),
            Is(json!({"emails": [primary("a@b.test", true)]})),
        ),
        // S-074.
        (json!({"emails": {"value": "a@b.test"}}), Is(json!({"emails": [{"value": "a@b.test"}]}))),
        (json!({"title": ["Pilot"]}), Is(json!({"title": "Pilot"}))),
        (json!({"name": [{"givenName": "Ines"}]}), Is(json!({"name": {"givenName": "Ines"}}))),
        // S-075.
        (json!({"externalId": 701984}), Is(json!({"externalId": "701984"}))),
        (
            json!({ENTERPRISE: {"employeeNumber": 7}}),
            Is(json!({ENTERPRISE: {"employeeNumber": "7"}})),
        ),
        // S-076: the last one that claims it.
        (
            json!({"emails": [primary("a@b.test", true), primary("c@d.test", true)]}),
            Is(json!({"emails": [primary("a@b.test", false), primary("c@d.test", true)]})),
        ),
        // S-077: what has one type and value is one.
        (
            json!({"emails": [
                {"value": "a@b.test", "type": "work"},
                {"value": "A@b.test", "type": "work", "primary": true},
                {"value": "a@b.test", "type": "home"},
            ]}),
            Is(json!({"emails": [
                {"value": "A@b.test", "type": "work", "primary": true},
                {"value": "a@b.test", "type": "home"},
            ]})),
        ),
    ];
    check(&client, rows).await;
    // Found whatever the letter case, where the schema says so (S-080).
    for filter in [
        "userName eq \"jsmith@example.com\"",
        "userName sw \"JSMITH@\"",
        "emails.value eq \"ines@example.com\"",
    ] {
        assert_eq!(client.find_users(filter).await.len(), 1, "{filter}");
    }
}

/// S-066, S-074, S-076, S-087, S-093, S-094, S-326: what a strict directory refuses beyond that.
#[tokio::test]
async fn s_087_a_strict_directory_refuses_what_has_no_form() {
    let server = TestServer::start().await;
    let client = server.strict_client().await;
    let same = |fields: Value| (fields.clone(), Is(fields));
    let value = "invalidValue";
    let rows = vec![
        (json!({"active": "True"}), Refused(value, "active")),
        (json!({"externalId": 701984}), Refused(value, "externalId")),
        (json!({"emails": {"value": "a@b.test"}}), Refused(value, "emails")),
        (json!({"title": ["Pilot"]}), Refused(value, "title")),
        (
            json!({"emails": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]}),
            Refused(value, "emails"),
        ),
        // S-087.
        (json!({"preferredLanguage": "en_GB"}), Refused(value, "preferredLanguage")),
        (json!({"preferredLanguage": "in English"}), Refused(value, "preferredLanguage")),
        same(json!({"preferredLanguage": "en-GB, en;q=0.7"})),
        (json!({"locale": "English (UK)"}), Refused(value, "locale")),
        same(json!({"locale": "en-GB"})),
        same(json!({"locale": "nb_NO"})),
        (json!({"timezone": "+01:00"}), Refused(value, "timezone")),
        same(json!({"timezone": "Europe/Oslo"})),
        // S-093: only web addresses, and nobody fetches them.
        (json!({"profileUrl": "javascript:alert(1)"}), Refused(value, "profileUrl")),
        (json!({"profileUrl": "not a url"}), Refused(value, "profileUrl")),
        same(json!({"profileUrl": "https://people.example/ines"})),
        (
            json!({"photos": [{"value": "data:image/png;base64,AAAA", "type": "photo"}]}),
            Refused(value, "photos.value"),
        ),
        // S-094, S-336.
        (json!({"addresses": [{"country": "USA"}]}), Refused(value, "addresses.country")),
        (json!({"addresses": [{"country": "us"}]}), Refused(value, "addresses.country")),
        same(json!({"addresses": [{"country": "NO"}]})),
        // S-326.
        (json!({"displayName": "Ines\u{202e}rofakO"}), Refused(value, "displayName")),
    ];
    check(&client, rows).await;
}

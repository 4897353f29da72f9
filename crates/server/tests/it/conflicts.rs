//! Where the standards, their drafts and the clients disagree (docs/decisions/0003): what an
//! ordinary directory does, and one that reads strictly.

use serde_json::{Value, json};

use crate::harness::{ScimClient, TestServer, patch, user};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

async fn start() -> (TestServer, [ScimClient; 2]) {
    let server = TestServer::start().await;
    let tolerant = server.client(&server.directory("generic", 0).await);
    let strict = server.client(&server.strict_directory().await);
    (server, [tolerant, strict])
}

async fn create(client: &ScimClient) -> String {
    let id = client.post("/Users", user("ines@example.com")).await.expect(201).id();
    format!("/Users/{id}")
}

/// S-349, S-351, S-352: PATCH without a path, replacing a complex attribute by merging, and a value
/// path that ends at an element are what RFC 7644 says they are, in both kinds of directory.
#[tokio::test]
async fn s_349_patch_follows_the_standard_in_both() {
    let (_server, clients) = start().await;
    for client in clients {
        let one = create(&client).await;
        let answered = client
            .patch(
                &one,
                json!([
                    {"op": "replace", "value": {"title": "Pilot", "name": {"givenName": "Ida"}}},
                    {"op": "replace", "path": "name", "value": {"middleName": "B."}},
                    {
                        "op": "replace",
                        "path": "emails[type eq \"work\"]",
                        "value": {"value": "ida@example.com"},
                    },
                ]),
            )
            .await
            .expect(200);
        let body = answered.body;
        assert_eq!(body["title"], "Pilot");
        let name = json!({"givenName": "Ida", "familyName": "Okafor", "middleName": "B."});
        for (part, value) in name.as_object().unwrap() {
            assert_eq!(body["name"][part], *value);
        }
        assert_eq!(body["emails"][0]["value"], "ida@example.com");
        assert_eq!(body["emails"].as_array().unwrap().len(), 1);
    }
}

/// S-350: an attribute that nobody declared is passed over with a note, or refused strictly.
#[tokio::test]
async fn s_350_unknown_attributes() {
    let (_server, [tolerant, strict]) = start().await;
    let mut body = user("ines@example.com");
    body["shoeSize"] = 38.into();
    let created = tolerant.post("/Users", body.clone()).await.expect(201);
    assert_eq!(created.body.get("shoeSize"), None);
    let refused = strict.post("/Users", body).await.refused(400);
    assert!(refused.detail().contains("shoeSize"), "{}", refused.detail());
}

/// S-353, S-259: removing what is not there is done already.
#[tokio::test]
async fn s_353_removing_without_a_match_is_a_success() {
    let (_server, clients) = start().await;
    for client in clients {
        let one = create(&client).await;
        let before = client.get(&one).await.body;
        let operations = json!([{"op": "remove", "path": "emails[type eq \"home\"]"}]);
        client.patch(&one, operations).await.expect(200);
        assert_eq!(client.get(&one).await.body, before);
    }
}

/// S-354, S-110: a password is accepted and dropped, or refused strictly; it is never shown.
#[tokio::test]
async fn s_354_passwords() {
    let (_server, [tolerant, strict]) = start().await;
    let mut body = user("ines@example.com");
    body["password"] = "correct horse 7 battery".into();
    let created = tolerant.post("/Users", body.clone()).await.expect(201);
    assert!(!created.body.to_string().contains("horse"), "{}", created.body);
    let target = format!("/Users/{}", created.id());
    for answered in [
        tolerant.put(&target, body.clone()).await,
        tolerant.get(&format!("{target}?attributes=password,userName")).await,
        tolerant
            .patch(&target, json!([{"op": "replace", "path": "password", "value": "horse 8"}]))
            .await,
    ] {
        assert!(!answered.expect(200).body.to_string().contains("horse"));
    }
    let refused = strict.post("/Users", body).await.refused(400);
    assert!(refused.detail().contains("password"), "{}", refused.detail());
    assert!(!refused.detail().contains("horse"));
    let config = tolerant.get("/ServiceProviderConfig").await.expect(200).body;
    assert_eq!(config["changePassword"]["supported"], false);
}

/// S-355, S-125, S-219: values of readOnly attributes are passed over in POST and PUT and refused in
/// PATCH, but for a whole resource sent back without a path.
#[tokio::test]
async fn s_355_read_only_attributes() {
    let (_server, [tolerant, strict]) = start().await;
    for client in [&tolerant, &strict] {
        let mut body = user("ines@example.com");
        body["id"] = "mine".into();
        body["meta"] = json!({"resourceType": "Boat", "created": "2001-01-01T00:00:00Z"});
        body["groups"] = json!([{"value": "none"}]);
        let created = client.post("/Users", body.clone()).await.expect(201);
        assert_ne!(created.id(), "mine");
        assert_eq!(created.body["meta"]["resourceType"], "User");
        assert_eq!(created.body["groups"], json!([]));
        let target = format!("/Users/{}", created.id());
        let replaced = client.put(&target, body).await.expect(200);
        assert_eq!(replaced.id(), created.id());
        for (path, value) in
            [("id", json!("mine")), ("meta.created", json!("x")), ("groups", json!([]))]
        {
            let operations = json!([{"op": "replace", "path": path, "value": value}]);
            let refused = client.patch(&target, operations).await.refused(400);
            assert_eq!(refused.body["scimType"], "mutability", "{path}");
        }
    }
    let found = tolerant.find_users("userName eq \"ines@example.com\"").await;
    let target = format!("/Users/{}", found[0]["id"].as_str().unwrap());
    let mut whole = found[0].clone();
    whole["title"] = "Pilot".into();
    whole["schemas"] = json!([USER]);
    let patched = tolerant.patch(&target, json!([{"op": "replace", "value": whole}])).await;
    let patched = patched.expect(200).body;
    assert_eq!((&patched["title"], &patched["id"]), (&json!("Pilot"), &found[0]["id"]));
}

/// S-317, S-316: the status says what kind of refusal it is; 409 is only a value that is taken.
#[tokio::test]
async fn s_317_statuses() {
    let (server, [client, _]) = start().await;
    let one = create(&client).await;
    for (method, target, body, status, scim_type) in [
        ("POST", "/Users", user("INES@example.com"), 409, Some("uniqueness")),
        ("POST", "/Users", json!({"schemas": [USER]}), 400, Some("invalidValue")),
        ("POST", "/Users", json!([]), 400, Some("invalidSyntax")),
        ("GET", "/Users?filter=userName%20xx%20%22a%22", Value::Null, 400, Some("invalidFilter")),
        ("GET", "/Users?count=many", Value::Null, 400, Some("invalidValue")),
        ("GET", "/Users/none", Value::Null, 404, None),
        ("GET", "/Boats", Value::Null, 404, None),
        ("DELETE", "/Users", Value::Null, 405, None),
        (
            "PATCH",
            &*one,
            patch(json!([{"op": "add", "path": "a..b", "value": 1}])),
            400,
            Some("invalidPath"),
        ),
        (
            "PATCH",
            &one,
            patch(json!([{"op": "move", "path": "title"}])),
            400,
            Some("invalidSyntax"),
        ),
        ("PATCH", &one, patch(json!([{"op": "remove"}])), 400, Some("noTarget")),
    ] {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let refused = client.try_send(method.clone(), target, &body).await.unwrap().refused(status);
        assert_eq!(refused.body["scimType"].as_str(), scim_type, "{method} {target} {body}");
    }
    let condition = client.request(reqwest::Method::DELETE, &one).header("if-match", "W/\"9\"");
    crate::harness::answer(condition).await.unwrap().refused(412);
    let mut stranger = server.directory("generic", 0).await;
    stranger.token = headcount::token::generate();
    server.client(&stranger).get("/Users").await.refused(401);
}

//! `/Me` (RFC 7644 §3.11).

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Directory, ScimClient, TestServer, answer, group, http_client, patch, user};

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// A client with a token that is bound to a user, named by id or userName.
async fn bound(server: &TestServer, directory: &Directory, user: &str) -> ScimClient {
    let token = bound_token(server, directory, user).await;
    server.client(&Directory { token, ..directory.clone() })
}

async fn bound_token(server: &TestServer, directory: &Directory, user: &str) -> String {
    let command = format!("token create --directory {} --name own --user {user}", directory.id);
    server.command(&command).await["token"].as_str().unwrap().to_owned()
}

/// S-312: identity providers' tokens are nobody's: every method is answered with 501 and a reason.
#[tokio::test]
async fn s_312_me_is_nobody_for_other_tokens() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    for method in METHODS {
        let sent = Method::from_bytes(method.as_bytes()).unwrap();
        let answered = client.try_send(sent, "/Me", &Value::Null).await.unwrap();
        if method == "HEAD" {
            answered.expect(501);
        } else {
            let refused = answered.refused(501);
            assert!(refused.detail().contains("bound to nobody"), "{}", refused.body);
        }
    }
}

/// S-313: a bound token reads and changes its user at /Me; the answers are those of /Users/{id} and
/// name it as the permanent place.
#[tokio::test]
async fn s_313_me_is_the_tokens_user() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    let created = client.post("/Users", user("mira@example.com")).await.expect(201);
    let place = format!("/Users/{}", created.id());
    let url = format!("{}{place}", client.url);
    // By userName, whose letter case is nothing, and by id.
    for name in ["Mira@Example.com", &created.id()] {
        let me = bound(&server, &directory, name).await;
        let read = me.get("/Me").await.expect(200);
        assert_eq!(read.body, client.get(&place).await.expect(200).body);
        assert_eq!((read.header("location"), read.header("content-location")), (&*url, &*url));
    }
    let me = bound(&server, &directory, &created.id()).await;
    let projected = me.get("/Me?attributes=userName").await.expect(200).body;
    assert_eq!(projected.get("title"), None);
    let head = me.try_send(Method::HEAD, "/Me", &Value::Null).await.unwrap().expect(200);
    assert_eq!(head.header("location"), url);

    let patched =
        me.patch("/Me", json!([{"op": "replace", "path": "title", "value": "Captain"}])).await;
    let patched = patched.expect(200);
    assert_eq!((&patched.body["title"], patched.header("location")), (&json!("Captain"), &*url));
    let mut whole = user("mira@example.com");
    whole["title"] = json!("Admiral");
    let replaced = me.put("/Me", whole).await.expect(200);
    assert_eq!(replaced.header("location"), url);
    assert_eq!(client.get(&place).await.expect(200).body["title"], "Admiral");
    let stale = me.request(Method::PUT, "/Me").header("if-match", "W/\"1\"");
    let stale = stale.body(user("mira@example.com").to_string());
    answer(stale).await.unwrap().refused(412);

    let refused = me.post("/Me", user("mira@example.com")).await.refused(405);
    assert_eq!(refused.header("allow"), "GET, HEAD, PUT, PATCH, DELETE, OPTIONS");
    me.delete("/Me").await.expect(204);
    client.get(&place).await.expect(404);
    me.get("/Me").await.refused(404);
}

/// A bound token opens its user and discovery, and nothing else; nor anything once its user is
/// deactivated, or it is revoked.
#[tokio::test]
async fn bound_tokens_open_nothing_else() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    let mira = client.post("/Users", user("mira@example.com")).await.expect(201).id();
    let crew = client.post("/Groups", group("Crew")).await.expect(201).id();
    let before = client.get("/Users").await.expect(200).body;
    let secret = bound_token(&server, &directory, &mira).await;
    let me = server.client(&Directory { token: secret.clone(), ..directory.clone() });
    for target in [
        "",
        "?count=1",
        "/Users",
        &format!("/Users/{mira}"),
        "/Users/none",
        "/Users/.search",
        "/Groups",
        &format!("/Groups/{crew}"),
        "/.search",
        "/Bulk",
    ] {
        for method in METHODS {
            let body = match method {
                "POST" | "PUT" => user("other@example.com"),
                "PATCH" => patch(json!([{"op": "replace", "path": "title", "value": "X"}])),
                _ => Value::Null,
            };
            let sent = Method::from_bytes(method.as_bytes()).unwrap();
            let answered = me.try_send(sent, target, &body).await.unwrap();
            if method == "HEAD" {
                answered.expect(403);
            } else {
                answered.refused(403);
            }
        }
    }
    assert_eq!(client.get("/Users").await.expect(200).body, before);
    for target in ["/ServiceProviderConfig", "/Schemas", "/ResourceTypes"] {
        me.get(target).await.expect(200);
    }
    // Nor does an access token that was given for it.
    let asked = http_client()
        .post(format!("{}/oauth/token", server.url))
        .basic_auth(&directory.id, Some(secret))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("grant_type=client_credentials");
    let granted = answer(asked).await.unwrap().expect(200).body;
    let token = granted["access_token"].as_str().unwrap().to_owned();
    let access = server.client(&Directory { token, ..directory.clone() });
    access.get("/Users").await.refused(403);
    assert_eq!(access.get("/Me").await.expect(200).id(), mira);

    let other = server.directory_of("globex", "generic", 0).await;
    let elsewhere = me.at(server.scim_url(&other));
    elsewhere.get("/Me").await.refused(401);

    // Who is deactivated does not come back by themselves.
    let set_active = |active: bool| json!([{"op": "replace", "path": "active", "value": active}]);
    client.patch(&format!("/Users/{mira}"), set_active(false)).await.expect(200);
    me.get("/Me").await.refused(403);
    me.patch("/Me", set_active(true)).await.refused(403);
    me.put("/Me", user("mira@example.com")).await.refused(403);
    me.delete("/Me").await.refused(403);
    client.patch(&format!("/Users/{mira}"), set_active(true)).await.expect(200);
    me.get("/Me").await.expect(200);

    let listed = server.command(&format!("token list --directory {}", directory.id)).await;
    let users: Vec<&Value> =
        listed.as_array().unwrap().iter().map(|token| &token["user_id"]).collect();
    assert_eq!(users, [&Value::Null, &json!(mira)]);
    server.command(&format!("token revoke own --directory {}", directory.id)).await;
    me.get("/Me").await.refused(401);
}

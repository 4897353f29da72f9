//! The token endpoint: client credentials (RFC 6749 §4.4), as Entra ID uses them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Directory, TestServer, answer, http_client, until, user};

/// POSTs a form to the token endpoint, with Basic credentials where they are given.
async fn ask(server: &TestServer, form: &str, basic: Option<(&str, &str)>) -> Answer {
    let mut request = http_client()
        .post(format!("{}/oauth/token", server.url))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.to_owned());
    if let Some((id, secret)) = basic {
        request = request.basic_auth(id, Some(secret));
    }
    let answered = answer(request).await.unwrap();
    assert_eq!(answered.header("cache-control"), "no-store", "{}", answered.body);
    assert_eq!(answered.header("content-type"), "application/json", "{}", answered.body);
    answered
}

fn form(directory: &Directory) -> String {
    let Directory { id, token, .. } = directory;
    format!("grant_type=client_credentials&client_id={id}&client_secret={token}&scope=scim")
}

/// The same directory with another token.
fn with_token(directory: &Directory, token: &str) -> Directory {
    Directory { token: token.to_owned(), ..directory.clone() }
}

fn token(granted: &Answer) -> &str {
    granted.body["access_token"].as_str().unwrap()
}

/// S-031, E-125, E-126: credentials in the body and in a Basic header; the access token does what
/// the secret may do, for between one hour and six, and the log says who asked.
#[tokio::test]
async fn s_031_client_credentials() {
    let server = TestServer::start().await;
    let directory = server.directory("entra", 0).await;
    let basic = Some((&*directory.id, &*directory.token));
    for (body, header) in [
        (form(&directory), None),
        (form(&directory).replace("&scope=scim", ""), None),
        ("grant_type=client_credentials".to_owned(), basic),
        (format!("client_id={}&grant_type=client_credentials", directory.id), basic),
    ] {
        let granted = ask(&server, &body, header).await.expect(200);
        assert_eq!(granted.body["token_type"], "Bearer");
        let seconds = granted.body["expires_in"].as_i64().unwrap();
        assert!((3600..=21_600).contains(&seconds), "{seconds}");
        assert_ne!(token(&granted), directory.token);
        let client = server.client(&with_token(&directory, token(&granted)));
        client.get("/Users?startIndex=1&count=1").await.expect(200);
    }
    let granted = ask(&server, &form(&directory), None).await;
    let client = server.client(&with_token(&directory, token(&granted)));
    client.post("/Users", user("ines@example.com")).await.expect(201);
    let log = until("the log's entries", async || {
        let log = server.provisioning_log(&directory).await;
        (log.len() == 10).then_some(log)
    })
    .await;
    assert_eq!((&*log[1].target, log[1].status), ("/oauth/token", 200));
    assert!(log.iter().all(|entry| entry.token_id == log[0].token_id), "{log:?}");
    let listed = server.command(&format!("token list --directory {}", directory.id)).await;
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    for (place, bytes) in server.store().everything_kept().await {
        let secret = token(&granted).as_bytes();
        assert!(!bytes.windows(secret.len()).any(|at| at == secret), "a secret is in {place}");
    }
}

/// RFC 6749 §5.2: every refusal has its code and words, and no request without the right secret gets
/// a token.
#[tokio::test]
async fn refusals_say_what_to_change() {
    let server = TestServer::start().await;
    let directory = server.directory("entra", 0).await;
    let other = server.directory("entra", 0).await;
    let good = form(&directory);
    let basic = Some((&*directory.id, &*directory.token));
    for (body, header, status, error) in [
        (String::new(), None, 401, "invalid_client"),
        (good.replace("&client_secret=", "&secret="), None, 401, "invalid_client"),
        (good.replace(&directory.id, &other.id), None, 401, "invalid_client"),
        (good.replace(&directory.id, "dir-none"), None, 401, "invalid_client"),
        (good.replace("hcscim_", "hcscim_x"), None, 401, "invalid_client"),
        (form(&with_token(&directory, &headcount::token::generate())), None, 401, "invalid_client"),
        (good.replace("client_credentials", "password"), None, 400, "unsupported_grant_type"),
        (good.replace("grant_type=client_credentials&", ""), None, 400, "invalid_request"),
        (good.replace("=scim", "=admin"), None, 400, "invalid_scope"),
        (format!("{good}&client_id=x"), None, 400, "invalid_request"),
        (good.clone(), basic, 400, "invalid_request"),
        ("grant_type=%zz".to_owned(), None, 400, "invalid_request"),
        (format!("{good}&x={}", "x".repeat(20_000)), None, 400, "invalid_request"),
    ] {
        let refused = ask(&server, &body, header).await.expect(status);
        assert_eq!(refused.body["error"], error, "{body}");
        let description = refused.body["error_description"].as_str().unwrap();
        assert!(description.len() > 10 && !description.contains("hcscim_"), "{description}");
        assert_eq!(refused.headers.contains_key("www-authenticate"), status == 401, "{body}");
    }
    let get = http_client().get(format!("{}/oauth/token", server.url));
    assert_eq!(answer(get).await.unwrap().expect(405).header("allow"), "POST");
    // An access token is no client secret.
    let granted = ask(&server, &good, None).await.expect(200);
    let again = form(&with_token(&directory, token(&granted)));
    assert_eq!(ask(&server, &again, None).await.expect(401).body["error"], "invalid_client");
}

/// E-128, S-036: an access token opens only its own directory, and ends with the secret that it was
/// given for, with the directory and with its time.
#[tokio::test]
async fn access_tokens_end_with_what_they_stand_for() {
    let server = TestServer::start().await;
    let directory = server.directory("entra", 0).await;
    let other = server.directory("entra", 0).await;
    let granted = ask(&server, &form(&directory), None).await.expect(200);
    let access = with_token(&directory, token(&granted));
    server.client(&access).get("/Users").await.expect(200);
    server.client(&with_token(&other, &access.token)).get("/Users").await.refused(401);

    let rotate = format!("token create --directory {} --name second", directory.id);
    let second = server.command(&rotate).await["token"].as_str().unwrap().to_owned();
    server.command_text(&format!("token revoke first --directory {}", directory.id)).await;
    server.client(&access).get("/Users").await.refused(401);
    assert_eq!(
        ask(&server, &form(&directory), None).await.expect(401).body["error"],
        "invalid_client"
    );
    // The secrets overlapped: the second gives tokens on.
    let second = with_token(&directory, &second);
    let granted = ask(&server, &form(&second), None).await.expect(200);
    let access = with_token(&directory, token(&granted));
    server.client(&access).get("/Users").await.expect(200);
    server.command_text(&format!("directory disable {}", directory.id)).await;
    server.client(&access).get("/Users").await.refused(403);
    let refused = ask(&server, &form(&second), None).await.expect(400);
    assert_eq!(refused.body["error"], "unauthorized_client");

    // A secret about to expire gives no token that outlives it.
    let create = format!("token create --directory {} --name soon --expires 8s", other.id);
    let soon = server.command(&create).await["token"].as_str().unwrap().to_owned();
    let granted = ask(&server, &form(&with_token(&other, &soon)), None).await.expect(200);
    assert!(granted.body["expires_in"].as_i64().unwrap() <= 8, "{}", granted.body);
    let client = server.client(&with_token(&other, token(&granted)));
    until("the access token's end", async || {
        (client.get("/Users").await.status == 401).then_some(())
    })
    .await;
}

/// S-033: clients can find the endpoint, and discovery names the method.
#[tokio::test]
async fn s_033_metadata() {
    let server = TestServer::start().await;
    let directory = server.directory("entra", 0).await;
    let url = format!("{}/.well-known/oauth-authorization-server", server.url);
    let found = answer(http_client().get(&url)).await.unwrap().expect(200).body;
    assert_eq!(found["issuer"], server.url);
    assert_eq!(found["token_endpoint"], format!("{}/oauth/token", server.url));
    assert_eq!(found["grant_types_supported"], json!(["client_credentials"]));
    answer(http_client().request(Method::POST, &url)).await.unwrap().expect(405);
    let config = server.client(&directory).get("/ServiceProviderConfig").await.expect(200).body;
    let schemes: Vec<&Value> =
        config["authenticationSchemes"].as_array().unwrap().iter().map(|s| &s["type"]).collect();
    assert_eq!(schemes, ["oauthbearertoken", "oauth2", "httpbasic"]);
}

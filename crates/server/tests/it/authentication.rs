//! Who is let in, and what the others learn: nothing.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Directory, TestServer, answer, http_client, until, user};

/// A GET with these Authorization headers.
async fn get_with(server: &TestServer, path: &str, authorizations: &[&str]) -> Answer {
    let mut request = http_client().get(format!("{}{path}", server.url));
    for authorization in authorizations {
        request = request.header("authorization", *authorization);
    }
    answer(request).await.unwrap()
}

async fn users_with(server: &TestServer, directory: &Directory, token: &str) -> Answer {
    get_with(server, &format!("{}/Users", directory.path), &[&format!("Bearer {token}")]).await
}

const INVALID: &str = "Bearer realm=\"headcount\", error=\"invalid_token\"";

/// S-009, S-022, S-023, S-024, S-316: everything that a client may send for a token.
#[tokio::test]
async fn s_022_forms_of_the_authorization_header() {
    let server = TestServer::start().await;
    let directory = server.directory("okta", 0).await;
    let path = format!("{}/Users", directory.path);
    let token = &directory.token;
    let basic = |pair: String| format!("Basic {}", BASE64_STANDARD.encode(pair));
    for authorization in [
        format!("Bearer {token}"),
        format!("bearer {token}"),
        format!("BEARER   {token}"),
        format!("Bearer Bearer {token}"),
        format!("Bearer bearer {token}"),
        token.clone(),
        basic(format!("okta:{token}")),
        basic(format!(":{token}")),
        format!("basic {}", BASE64_STANDARD.encode(format!("a:{token}"))),
    ] {
        get_with(&server, &path, &[&authorization]).await.expect(200);
    }

    let missing = get_with(&server, &path, &[]).await.refused(401);
    assert_eq!(missing.header("www-authenticate"), "Bearer realm=\"headcount\"");
    let mut garbled = token.clone();
    garbled.replace_range(20..21, if &token[20..21] == "x" { "y" } else { "x" });
    for authorization in [
        String::new(),
        "Bearer".into(),
        "Bearer ".into(),
        "Bearer null".into(),
        "Bearer undefined".into(),
        format!("Bearer {garbled}"),
        format!("Bearer {}", &token[..token.len() - 1]),
        format!("Bearer {token}x"),
        format!("Bearer {}", token.to_uppercase()),
        format!("Bearer \"{token}\""),
        format!("Token {token}"),
        format!("Digest {token}"),
        garbled.clone(),
        basic(token.clone()),
        basic(format!("{token}:")),
        basic(format!("okta:{garbled}")),
        "Basic !!!".into(),
        basic("\u{0}".into()),
        "Negotiate YII=".into(),
        "x".repeat(8000),
    ] {
        let refused = get_with(&server, &path, &[&authorization]).await.refused(401);
        assert_eq!(refused.header("www-authenticate"), INVALID, "{authorization}");
    }
    let bearer = format!("Bearer {token}");
    get_with(&server, &path, &[&bearer, &bearer]).await.refused(400);
    get_with(&server, &path, &["Bearer x", &bearer]).await.refused(400);
}

/// S-025: a token in the URL is no token, and the log does not keep it.
#[tokio::test]
async fn s_025_a_token_in_the_query_is_refused_and_masked() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let token = &directory.token;
    let targets = [
        format!("/Users?access_token={token}"),
        format!("/Users?TOKEN={token}&count=1"),
        format!("/Users?filter=userName%20eq%20%22{token}%22"),
        format!("/Users?{token}"),
        format!("/Users/{token}"),
    ];
    for target in &targets {
        let path = format!("{}{target}", directory.path);
        get_with(&server, &path, &[]).await.refused(401);
        // Nor is it kept with the header beside it.
        let with = get_with(&server, &path, &[&format!("Bearer {token}")]).await;
        assert!([200, 404].contains(&with.status.as_u16()), "{target}: {}", with.body);
    }
    let log = until("the log", async || {
        let log = server.provisioning_log(&directory).await;
        (log.len() == 2 * targets.len()).then_some(log)
    })
    .await;
    let secret = &token["hcscim_".len()..];
    for entry in log {
        assert!(!format!("{entry:?}").contains(secret), "{entry:?}");
    }
    assert!(!server.log().contains(secret));
}

/// S-037, S-042, S-441: whatever is wrong with a token, the answer is one and the same, and tells
/// nothing of what else exists.
#[tokio::test]
async fn s_042_refusals_tell_nothing_of_others() {
    let server = TestServer::start().await;
    let ours = server.directory("entra", 0).await;
    let sibling = server.directory("okta", 0).await;
    let others = server.directory_of("globex", "entra", 0).await;
    let gone = server.directory_of("globex", "entra", 0).await;
    let bankrupt = server.directory_of("initech", "entra", 0).await;
    let off = server.directory("generic", 0).await;
    server.command_text(&format!("directory delete {}", gone.id)).await;
    server.command_text("organization delete initech").await;
    server.command_text(&format!("directory disable {}", off.id)).await;
    let revoked = server.command(&format!("token create --directory {}", ours.id)).await;
    let (id, revoked) = (revoked["id"].as_str().unwrap(), revoked["token"].as_str().unwrap());
    server.command(&format!("token revoke {id} --directory {}", ours.id)).await;
    let never_issued = headcount::token::generate();

    let mut seen: Vec<(String, Value)> = Vec::new();
    let nowhere = "/scim/v2/dir-0000000000000000/Users".to_owned();
    for (what, path, token) in [
        ("never issued", format!("{}/Users", ours.path), &*never_issued),
        ("revoked", format!("{}/Users", ours.path), revoked),
        ("a sibling's", format!("{}/Users", ours.path), &sibling.token),
        ("another organization's", format!("{}/Groups/1", ours.path), &others.token),
        ("a deleted directory's", format!("{}/Users", ours.path), &gone.token),
        ("on a deleted directory", format!("{}/Users", gone.path), &gone.token),
        ("on a deleted directory", format!("{}/Users", gone.path), &ours.token),
        ("of a deleted organization", format!("{}/Users", bankrupt.path), &bankrupt.token),
        ("nowhere", nowhere.clone(), &ours.token),
        ("nowhere", nowhere.clone(), &never_issued),
        ("on one switched off", format!("{}/Users", off.path), &ours.token),
        ("of one switched off", format!("{}/Users", ours.path), &off.token),
        ("no endpoint", format!("{}/nothing", ours.path), &others.token),
        ("no endpoint nowhere", "/scim/v2/dir-x/nothing".into(), &others.token),
    ] {
        let refused = get_with(&server, &path, &[&format!("Bearer {token}")]).await.refused(401);
        assert_eq!(refused.header("www-authenticate"), INVALID, "{what}");
        seen.push((what.into(), refused.body));
    }
    for (what, body) in &seen {
        assert_eq!(*body, seen[0].1, "{what}");
    }
    // A flood is answered alike whether the directory exists or not.
    for path in [format!("{}/Users", ours.path), nowhere] {
        for _ in 0..100 {
            let refused = get_with(&server, &path, &[&format!("Bearer {never_issued}")]).await;
            assert_eq!(refused.refused(401).body, seen[0].1, "{path}");
        }
    }
    // The owner of one that is switched off is told so.
    let refused = users_with(&server, &off, &off.token).await.refused(403);
    assert!(refused.detail().contains("switched off"), "{}", refused.detail());
    users_with(&server, &ours, &ours.token).await.expect(200);
}

/// S-035, S-119, S-423: discovery needs no credentials, everything else does, for every method.
#[tokio::test]
async fn s_035_only_discovery_and_health_are_public() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let url = server.scim_url(&directory);
    for target in [
        "/ServiceProviderConfig",
        "/ResourceTypes",
        "/ResourceTypes/User",
        "/Schemas",
        "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User",
    ] {
        let anonymous =
            answer(http_client().get(format!("{url}{target}"))).await.unwrap().expect(200).body;
        let known = server.client(&directory).get(target).await.expect(200).body;
        assert_eq!(anonymous, known, "{target}");
        // Credentials that are wrong are not passed over.
        let wrong = http_client().get(format!("{url}{target}")).bearer_auth("hcscim_x");
        answer(wrong).await.unwrap().refused(401);
    }
    for target in
        ["", "/Users", "/Groups", "/Users/1", "/Groups/1", "/Users/.search", "/Bulk", "/Me"]
    {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"] {
            let request = http_client()
                .request(Method::from_bytes(method.as_bytes()).unwrap(), format!("{url}{target}"))
                .json(&user("a@example.com"));
            answer(request).await.unwrap().refused(401);
        }
    }
    for path in ["/livez", "/readyz"] {
        let health = http_client().get(format!("{}{path}", server.url)).send().await.unwrap();
        assert_eq!(health.status(), 200);
    }
    assert_eq!(server.client(&directory).get("/Users").await.body["totalResults"], 0);
}

/// S-036, S-442: what the command line ends is ended once the command has answered, on a connection
/// that is in use all the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_036_revoking_acts_on_the_next_request() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let create = format!("token create --directory {} --name next", directory.id);
    let second = server.command(&create).await["token"].as_str().unwrap().to_owned();
    // Two live at once, both remembered by the server.
    let with = |token: &str| {
        let directory = Directory { token: token.to_owned(), ..directory.clone() };
        server.client(&directory)
    };
    let (first, second) = (with(&directory.token), with(&second));
    // Runs a command while requests keep the tokens remembered; then nobody gets in.
    let ends = async |command: String, clients: &[_]| {
        let busy = tokio::spawn({
            let clients: Vec<crate::harness::ScimClient> = clients.to_vec();
            async move {
                loop {
                    for client in &clients {
                        client.get("/Users?count=0").await;
                    }
                }
            }
        });
        for client in clients {
            client.get("/Users").await.expect(200);
        }
        server.command_text(&command).await;
        let mut answers = Vec::new();
        for client in clients {
            answers.push(client.get("/Users").await);
        }
        busy.abort();
        answers
    };

    let revoke = format!("token revoke --name next --directory {}", directory.id);
    for refused in ends(revoke, std::slice::from_ref(&second)).await {
        refused.refused(401);
    }
    first.get("/Users").await.expect(200);

    let disable = format!("directory disable {}", directory.id);
    for refused in ends(disable, std::slice::from_ref(&first)).await {
        refused.refused(403);
    }
    server.command_text(&format!("directory enable {}", directory.id)).await;
    first.get("/Users").await.expect(200);

    let third = server.command(&create).await["token"].as_str().unwrap().to_owned();
    let regenerate = format!("token regenerate --directory {}", directory.id);
    for refused in ends(regenerate, &[first, with(&third)]).await {
        refused.refused(401);
    }
    let fourth = server.command(&create).await["token"].as_str().unwrap().to_owned();
    let delete = format!("directory delete {}", directory.id);
    for refused in ends(delete, &[with(&fourth)]).await {
        refused.refused(401);
    }
    let globex = server.directory_of("globex", "entra", 0).await;
    let client = server.client(&globex);
    for refused in ends("organization delete globex".into(), &[client]).await {
        refused.refused(401);
    }
}

/// S-023, S-027, S-439: a token ends at its time; the list says so, and when each was last used.
#[tokio::test]
async fn s_027_tokens_expire() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let create = format!("token create --directory {} --name brief --expires 1s", directory.id);
    let brief = server.command(&create).await;
    let token = brief["token"].as_str().unwrap();
    let expires_at: jiff::Timestamp = brief["expires_at"].as_str().unwrap().parse().unwrap();
    let start = jiff::Timestamp::now();
    assert!(expires_at.duration_since(start) <= jiff::SignedDuration::from_secs(1));
    let refused = until("the end of the token", async || {
        let asked = jiff::Timestamp::now();
        let answered = users_with(&server, &directory, token).await;
        if answered.status == 200 {
            assert!(asked < expires_at, "let in after its time");
            tokio::time::sleep(Duration::from_millis(50)).await;
            return None;
        }
        assert!(jiff::Timestamp::now() >= expires_at, "refused before its time");
        Some(answered)
    })
    .await
    .refused(401);
    assert!(refused.detail().contains("expired"), "{}", refused.detail());
    assert_eq!(refused.header("www-authenticate"), INVALID);
    // Another directory is not told that the token ever was one.
    let other = server.directory("generic", 0).await;
    let elsewhere = users_with(&server, &other, token).await.refused(401);
    assert!(!elsewhere.detail().contains("expired"), "{}", elsewhere.detail());

    users_with(&server, &directory, &directory.token).await.expect(200);
    let list = format!("token list --directory {}", directory.id);
    let listed = until("the last use", async || {
        let listed = server.command(&list).await;
        listed[0]["last_used_at"].is_string().then_some(listed)
    })
    .await;
    assert_eq!(listed[0]["state"], "live");
    assert_eq!(listed[1]["state"], "expired");
    assert_eq!(listed[1]["name"], "brief");
    assert_eq!(listed[1]["expires_at"], brief["expires_at"]);
    assert_eq!(listed[0]["expires_at"], json!(null));
}

/// S-043: a directory that is switched off refuses every request with its own token, and nothing of
/// what it holds changes.
#[tokio::test]
async fn s_043_a_directory_that_is_switched_off() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    let created = client.post("/Users", user("a@example.com")).await.expect(201);
    server.command_text(&format!("directory disable {}", directory.id)).await;
    let one = format!("/Users/{}", created.id());
    for target in ["/Users", &one, "/Groups", "/Schemas", "/ServiceProviderConfig", "/nothing", ""]
    {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let refused = client.try_send(method, target, &user("b@example.com")).await.unwrap();
            let refused = refused.refused(403);
            assert!(refused.detail().contains("switched off"), "{}", refused.detail());
        }
    }
    server.command_text(&format!("directory enable {}", directory.id)).await;
    assert_eq!(client.get("/Users").await.expect(200).body["Resources"], json!([created.body]));
}

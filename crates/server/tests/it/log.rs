//! The provisioning log and the journal: everything that came, what became of it, and no secrets.

use std::{sync::Arc, time::Duration};

use headcount::clock;
use reqwest::Method;
use serde_json::{Value, json};
use store::{DirectoryTx, journal::Operation, provisioning_log::Entry};

use crate::{
    harness::{Directory, ScimClient, TestServer, group, patch, until, user},
    wire::Wire,
};

/// The log's entries, oldest first, once there are as many as this.
async fn entries(server: &TestServer, directory: &Directory, count: usize) -> Vec<Entry> {
    let mut log = until("the log's entries", async || {
        let log = server.provisioning_log(directory).await;
        (log.len() >= count).then_some(log)
    })
    .await;
    assert_eq!(log.len(), count, "{log:#?}");
    log.reverse();
    log
}

/// S-427, S-463, S-464: every request has its entry, with what it concerns and what became of it.
#[tokio::test]
async fn s_463_every_request_is_logged() {
    let server = TestServer::start().await;
    let directory = server.directory("entra", 0).await;
    let client = server.client(&directory);
    let before = clock::now();
    let id = client.post("/Users", user("a@example.com")).await.expect(201).id();
    let one = format!("/Users/{id}");
    let mut requests = vec![("POST", "/Users".to_owned(), 201, None, Some(id.clone()))];
    for (method, target, body, status, scim_type, resource) in [
        ("GET", &*one, Value::Null, 200, None, true),
        ("HEAD", &one, Value::Null, 200, None, true),
        ("GET", "/Users?filter=userName%20eq%20%22a%22&count=1", Value::Null, 200, None, false),
        (
            "GET",
            "/Users?filter=userNam%20eq%20%22a%22",
            Value::Null,
            400,
            Some("invalidFilter"),
            false,
        ),
        ("POST", "/Users", user("A@example.com"), 409, Some("uniqueness"), false),
        ("POST", "/Users", json!([]), 400, Some("invalidSyntax"), false),
        (
            "PATCH",
            &one,
            patch(json!([{"op": "replace", "path": "active", "value": "False"}])),
            200,
            None,
            true,
        ),
        ("PUT", &one, user("b@example.com"), 200, None, true),
        (
            "POST",
            "/Users/.search",
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]}),
            200,
            None,
            false,
        ),
        ("GET", "/Schemas", Value::Null, 200, None, false),
        ("GET", "/Users/none", Value::Null, 404, None, false),
        ("PUT", "/Groups", json!({}), 405, None, false),
        ("GET", "/nothing", Value::Null, 404, None, false),
        ("POST", "/Bulk", json!({}), 400, Some("invalidSyntax"), false),
        ("OPTIONS", "/Users", Value::Null, 204, None, false),
        ("DELETE", &one, Value::Null, 204, None, true),
    ] {
        let sent = Method::from_bytes(method.as_bytes()).unwrap();
        client.try_send(sent, target, &body).await.unwrap().expect(status);
        let resource = resource.then(|| id.clone()).or(match target {
            "/Users/none" => Some("none".to_owned()),
            _ => None,
        });
        requests.push((method, target.to_owned(), status, scim_type, resource));
    }
    // Who is not let in is logged, too.
    let stranger = Directory { token: headcount::token::generate(), ..directory.clone() };
    server.client(&stranger).get("/Groups").await.refused(401);
    requests.push(("GET", "/Groups".into(), 401, None, None));

    let log = entries(&server, &directory, requests.len()).await;
    for (entry, (method, target, status, scim_type, resource)) in log.iter().zip(&requests) {
        let logged = (&*entry.method, entry.status, entry.scim_type.as_deref());
        assert_eq!(logged, (*method, i64::from(*status), *scim_type), "{entry:?}");
        // Endpoints without a resource are named with their whole path.
        assert!(entry.target.ends_with(target), "{entry:?}");
        assert_eq!(entry.resource_id, *resource, "{entry:?}");
        assert_eq!(entry.resource_type.is_some(), resource.is_some(), "{entry:?}");
        assert_eq!(entry.token_id.is_some(), *status != 401, "{entry:?}");
        assert_eq!(entry.detail.is_some(), *status >= 400, "{entry:?}");
        assert_eq!(entry.directory_id, directory.id);
        assert!((before..=clock::now()).contains(&entry.at), "{entry:?}");
        assert!((1..30_000_000).contains(&entry.duration_us), "{entry:?}");
    }
    let patched = log.iter().find(|entry| entry.method == "PATCH").unwrap();
    assert!(patched.notes[0].contains("False"), "{patched:?}");
    // The same id as the answer's (S-427).
    let answered = client.get("/Users/none").await.refused(404);
    let log = entries(&server, &directory, requests.len() + 1).await;
    assert_eq!(log.last().unwrap().request_id, answered.header("x-request-id"));
    assert_eq!(log.last().unwrap().detail.as_deref(), Some(answered.detail()));
}

/// The kind of client is told by its headers.
#[tokio::test]
async fn clients_are_recognised() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    for agent in ["Okta SCIM Client 1.0.0", "curl/8.5.0", ""] {
        let request = client.request(Method::GET, "/Users").header("user-agent", agent);
        request.send().await.unwrap();
    }
    let request = client.request(Method::GET, "/Users").header("adscimversion", "1.0");
    request.send().await.unwrap();
    let log = entries(&server, &directory, 4).await;
    let clients: Vec<&str> = log.iter().map(|entry| &*entry.client).collect();
    assert_eq!((clients[0], clients[3]), ("okta", "entra"), "{clients:?}");
    assert_eq!(clients[1], clients[2], "{clients:?}");
}

/// Each write's changes stand in the journal under its request's id: from what, to what. S-133,
/// S-226, S-277.
#[tokio::test]
async fn the_journal_says_what_changed() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    let one = client.post("/Users", user("a@example.com")).await.expect(201).id();
    let other = client.post("/Users", user("b@example.com")).await.expect(201).id();
    let crew = client.post("/Groups", group("Crew")).await.expect(201).id();
    let (a_user, a_group) = (format!("/Users/{one}"), format!("/Groups/{crew}"));
    let members = json!([{"value": one}, {"value": other}]);
    let mut replaced = user("c@example.com");
    replaced.as_object_mut().unwrap().remove("title");
    for (method, target, body, expected) in [
        (
            "PATCH",
            &a_user,
            patch(json!([{"op": "replace", "path": "title", "value": "Captain"}])),
            vec![(
                Operation::Patch,
                &one,
                2,
                json!([{"path": "title", "from": "Engineer", "to": "Captain"}]),
            )],
        ),
        // Nothing is changed: nothing is written.
        ("PATCH", &a_user, patch(json!([{"op": "remove", "path": "nickName"}])), vec![]),
        (
            "PATCH",
            &a_group,
            patch(json!([{"op": "add", "path": "members", "value": members}])),
            vec![(
                Operation::Patch,
                &crew,
                2,
                json!([{"path": "members", "added": [one, other], "removed": []}]),
            )],
        ),
        (
            "PATCH",
            &a_group,
            patch(json!([
                {"op": "replace", "path": "displayName", "value": "Deck"},
                {"op": "remove", "path": format!("members[value eq \"{other}\"]")},
            ])),
            vec![(
                Operation::Patch,
                &crew,
                3,
                json!([
                    {"path": "displayName", "from": "Crew", "to": "Deck"},
                    {"path": "members", "added": [], "removed": [other]},
                ]),
            )],
        ),
        (
            "DELETE",
            &a_user,
            Value::Null,
            vec![
                (Operation::Delete, &one, 3, json!("the last document")),
                (
                    Operation::Cascade,
                    &crew,
                    4,
                    json!([{"path": "members", "added": [], "removed": [one]}]),
                ),
            ],
        ),
        ("DELETE", &a_user, Value::Null, vec![]),
        ("PUT", &format!("/Users/{other}"), user("b@example.com"), vec![]),
    ] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answered = client.try_send(method, target, &body).await.unwrap();
        let changes = server.changes_by(&directory, answered.header("x-request-id")).await;
        let told: Vec<_> = changes
            .iter()
            .map(|change| {
                let text = change.changes.as_deref().unwrap_or("null");
                let mut changed: Value = serde_json::from_str(text).unwrap();
                if change.operation == Operation::Delete {
                    assert_eq!(changed["userName"], "a@example.com");
                    assert_eq!(changed["title"], "Captain");
                    changed = "the last document".into();
                }
                (change.operation, &change.resource_id, change.version, changed)
            })
            .collect();
        assert_eq!(told, expected, "{target} {body}");
    }
    // A replacement names what it took away and what it set.
    let answered = client.put(&format!("/Users/{other}"), replaced).await.expect(200);
    let changes = server.changes_by(&directory, answered.header("x-request-id")).await;
    let [change] = &changes[..] else { panic!("{changes:?}") };
    assert_eq!((change.operation, change.version), (Operation::Replace, 2));
    let changed: Vec<Value> = serde_json::from_str(change.changes.as_deref().unwrap()).unwrap();
    let of = |path: &str| changed.iter().find(|change| change["path"] == path).unwrap().clone();
    assert_eq!(of("title"), json!({"path": "title", "from": "Engineer", "to": null}));
    assert_eq!(of("userName")["to"], "c@example.com");
    assert!(!changed.iter().any(|change| change["path"] == "name"), "{changed:?}");
}

/// S-109, S-328, S-438, S-465: no token and no password is anywhere in the store or the server's
/// log, however it was sent.
#[tokio::test]
async fn s_465_no_secret_is_kept() {
    let server = TestServer::start_with(&["--log", "trace"]).await;
    let directory = server.directory("entra", 0).await;
    let client = server.client(&directory);
    const CANARY: &str = "CanaryInTheCoalMine";
    let mut body = user("a@example.com");
    body["password"] = CANARY.into();
    let mut tries = vec![client.post("/Users", body.clone()).await];
    body.as_object_mut().unwrap().remove("password");
    let id = match tries[0].status.as_u16() {
        201 => tries[0].id(),
        _ => client.post("/Users", body.clone()).await.expect(201).id(),
    };
    let one = format!("/Users/{id}");
    body["password"] = json!({"value": CANARY});
    tries.push(client.put(&one, body.clone()).await);
    body["password"] = CANARY.into();
    tries.push(client.put(&one, body.clone()).await);
    body["userName"] = 7.into();
    tries.push(client.put(&one, body).await);
    let of_user = "urn:ietf:params:scim:schemas:core:2.0:User:password";
    for operation in [
        json!({"op": "add", "path": "password", "value": CANARY}),
        json!({"op": "Replace", "path": "Password", "value": CANARY}),
        json!({"op": "replace", "path": of_user, "value": [CANARY]}),
        json!({"op": "add", "value": {"password": CANARY}}),
        json!({"op": "replace", "value": {"password": CANARY, "title": 1}}),
        json!({"op": "replace", "path": "password", "value": {"a": CANARY}}),
    ] {
        tries.push(client.patch(&one, json!([operation])).await);
    }
    let filter = format!("password%20eq%20%22{CANARY}%22");
    tries.push(client.get(&format!("/Users?filter={filter}")).await);
    tries.push(client.get(&format!("/Users?password={CANARY}&client_secret={CANARY}")).await);
    let bearer = Directory { token: CANARY.into(), ..directory.clone() };
    tries.push(server.client(&bearer).get("/Users").await);
    tries.push(client.get(&format!("/Users/{}", directory.token)).await);
    for answered in &tries {
        assert!(answered.status.as_u16() < 500, "{answered:?}");
        // Nor is it sent back.
        assert!(!answered.body.to_string().contains(CANARY), "{answered:?}");
    }
    let another = server.command(&format!("token create --directory {}", directory.id)).await;
    let another = another["token"].as_str().unwrap().to_owned();
    until("the log", async || {
        (server.provisioning_log(&directory).await.len() >= tries.len()).then_some(())
    })
    .await;
    server.client(&directory).get("/Users").await.expect(200);

    let mut stored = false;
    for (place, bytes) in server.store().everything_kept().await {
        let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        stored |= holds("a@example.com");
        for secret in [CANARY, &directory.token[7..], &another[7..]] {
            assert!(!holds(secret), "`{secret}` is in {place}");
        }
    }
    assert!(stored, "what is stored was not searched");
    assert!(server.log().contains("TRACE") || server.log().contains("DEBUG"), "{}", server.log());
}

/// A client that goes away is logged with 499, and what it asked for is either done as a whole or
/// not at all: here done, as its writes had been handed to the store, which was busy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_away_leaves_whole_writes_and_an_entry() {
    const CLIENTS: usize = 10;
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    client.get("/Users").await.expect(200);
    // Another process holds the database for a moment: writes wait.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let (begun, begins) = tokio::sync::oneshot::channel::<()>();
    let store = Arc::clone(server.store());
    let directory_id = directory.id.clone();
    let state = std::sync::Mutex::new((Some(begun), held));
    let holding = tokio::spawn(async move {
        let hold = async move |mut tx: DirectoryTx<'_>| {
            // Its writes wait from its first statement on.
            tx.journal_counts().await?;
            let mut state = state.lock().unwrap();
            if let Some(begun) = state.0.take() {
                begun.send(()).unwrap();
            }
            let _ = state.1.recv_timeout(Duration::from_secs(8));
            Ok::<_, store::Error>(())
        };
        store.open().await.write(&directory_id, hold).await.unwrap();
    });
    begins.await.unwrap();
    let mut gone = Vec::new();
    for number in 0..CLIENTS {
        let mut body = user(&format!("gone{number}@example.com"));
        body["nickName"] = "x".repeat(2000).into();
        let body = body.to_string();
        let mut wire = Wire::open(&server).await;
        wire.send(format!(
            "POST {}/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
             Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
            directory.path,
            directory.token,
            body.len()
        ))
        .await;
        wire.expect("100 Continue").await;
        wire.send(body).await;
        gone.push(wire);
    }
    // Later requests are answered: the earlier ones have been read.
    for _ in 0..50 {
        client.get("/Users?count=0").await.expect(200);
    }
    drop(gone);
    for _ in 0..50 {
        client.get("/Users?count=0").await.expect(200);
    }
    release.send(()).unwrap();
    holding.await.unwrap();

    let log = entries(&server, &directory, 1 + 100 + CLIENTS).await;
    let mut complete = 0;
    for entry in log.iter().filter(|entry| entry.method == "POST") {
        assert_eq!(entry.status, 499, "{entry:?}");
        assert!(entry.detail.as_deref().unwrap().contains("client closed"), "{entry:?}");
        let changes = server.changes_by(&directory, &entry.request_id).await;
        let Some(created) = changes.first() else { continue };
        assert_eq!(created.operation, Operation::Create);
        check_whole(&client, &created.resource_id).await;
        complete += 1;
    }
    assert!(complete > 0, "no write had reached the store");
    assert_eq!(client.get("/Users").await.body["totalResults"], complete);
}

/// Everything that was sent is there, and findable.
async fn check_whole(client: &ScimClient, id: &str) {
    let stored = client.get(&format!("/Users/{id}")).await.expect(200).body;
    let name = stored["userName"].as_str().unwrap();
    for (attribute, value) in user(name).as_object().unwrap() {
        assert_eq!(stored[attribute], *value);
    }
    assert_eq!(stored["nickName"].as_str().unwrap().len(), 2000);
    for filter in [format!("userName eq \"{name}\""), format!("externalId eq \"ext-{name}\"")] {
        assert_eq!(client.find_users(&filter).await, std::slice::from_ref(&stored));
    }
}

/// S-441, S-464: bad tokens are in the log of the directory that they were tried on, but a flood of
/// them is not: 20 a second, and as many at once as come in two.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_464_a_flood_of_bad_tokens_does_not_fill_the_log() {
    const TRIED: usize = 400;
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let stranger = Directory { token: headcount::token::generate(), ..directory.clone() };
    let stranger = server.client(&stranger);
    let start = std::time::Instant::now();
    crate::harness::in_parallel(TRIED, 32, |_| {
        let stranger = stranger.clone();
        async move { stranger.get("/Users").await.refused(401) }
    })
    .await;
    let seconds = usize::try_from(start.elapsed().as_secs()).unwrap() + 1;
    // Written after all of them.
    let last = server.client(&directory).get("/Users").await.expect(200);
    let log = until("the last entry", async || {
        let log = server.provisioning_log(&directory).await;
        let there = log.iter().any(|entry| entry.request_id == last.header("x-request-id"));
        there.then_some(log)
    })
    .await;
    let refused = log.iter().filter(|entry| entry.status == 401).count();
    let most = (40 + 20 * seconds).min(TRIED);
    assert!((20..=most).contains(&refused), "{refused} of {most}");
}

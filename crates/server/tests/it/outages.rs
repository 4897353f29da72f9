//! While PostgreSQL is away: 503 that asks to come back, nothing lost of what was answered, and no
//! restart of ours.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use local_postgres::{LocalPostgres, Options, Shutdown};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::harness::{
    Answer, Directory, ScimClient, TestServer, TestStore, answer, blocking, http_client, until,
    user,
};

/// A PostgreSQL of the test's own, which it may stop.
async fn postgres() -> Arc<LocalPostgres> {
    let options = Options { max_connections: 60, ..Options::default() };
    blocking(move || Arc::new(LocalPostgres::start(&options).unwrap())).await
}

async fn stop(postgres: &Arc<LocalPostgres>, shutdown: Shutdown) {
    let postgres = Arc::clone(postgres);
    blocking(move || postgres.stop(shutdown).unwrap()).await;
}

async fn start_again(postgres: &Arc<LocalPostgres>) {
    let postgres = Arc::clone(postgres);
    blocking(move || postgres.start_again().unwrap()).await;
}

/// The answer, if it asks to come back in a few seconds.
#[track_caller]
fn comes_back(answer: Answer) -> Answer {
    let answer = answer.expect(503);
    let seconds: u32 = answer.header("retry-after").parse().unwrap();
    assert!((1..=10).contains(&seconds), "{seconds}");
    answer
}

async fn text(server: &TestServer, path: &str) -> (u16, String) {
    let response = http_client().get(format!("{}{path}", server.url)).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

async fn token(server: &TestServer, directory: &Directory) -> Answer {
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        directory.id, directory.token
    );
    let request = http_client()
        .post(format!("{}/oauth/token", server.url))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form);
    answer(request).await.unwrap()
}

fn bulk(count: usize, name: &str) -> Value {
    let operations: Vec<Value> = (0..count)
        .map(|number| {
            json!({
                "method": "POST",
                "path": "/Users",
                "bulkId": format!("b{number}"),
                "data": user(&format!("{name}{number}@example.com")),
            })
        })
        .collect();
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": operations,
    })
}

/// S-009, S-316: everything that needs the store is answered 503 while it is away, and served again
/// when it is back. The log says each once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_answered_and_ends_by_itself() {
    let postgres = postgres().await;
    let store = TestStore::on(&postgres).await;
    let server = TestServer::on(&store, &[]).await;
    // Limited, so that the shared limit takes part.
    let directory = store.directory("entra", 50).await;
    let client = server.client(&directory);
    let id = client.post("/Users", user("a@example.com")).await.expect(201).id();
    let one = format!("/Users/{id}");
    let unlimited = server.client(&store.directory("okta", 0).await);
    unlimited.get("/Users").await.expect(200);
    let anonymous = format!("{}/Schemas", client.url);
    for (round, shutdown) in [Shutdown::Fast, Shutdown::Immediate].into_iter().enumerate() {
        stop(&postgres, shutdown).await;
        // A token that was looked up a moment ago opens what needs no store.
        sleep(2 * headcount::http::auth::REMEMBERED).await;
        for (method, target, body) in [
            (Method::GET, "/Users", Value::Null),
            (Method::GET, &one, Value::Null),
            (Method::POST, "/Users", user("b@example.com")),
            (Method::PUT, &one, user("a@example.com")),
            (Method::DELETE, &one, Value::Null),
            (Method::POST, "/Bulk", bulk(3, "c")),
            (Method::GET, "/ServiceProviderConfig", Value::Null),
        ] {
            for client in [&client, &unlimited] {
                let answer = client.try_send(method.clone(), target, &body).await.unwrap();
                comes_back(answer).refused(503);
            }
        }
        // What answers without a token asks the store as well: it may be switched off.
        comes_back(answer(http_client().get(&anonymous)).await.unwrap()).refused(503);
        let refused = comes_back(token(&server, &directory).await);
        assert_eq!(refused.body["error"], "temporarily_unavailable", "{}", refused.body);
        assert_eq!(text(&server, "/readyz").await.0, 503);
        assert_eq!(text(&server, "/livez").await, (200, "ok\n".into()));
        // A token of nobody's form needs no store to be refused.
        let stranger = Directory { token: "x".into(), ..directory.clone() };
        server.client(&stranger).get("/Users").await.refused(401);

        start_again(&postgres).await;
        until("a server that is ready", async || {
            (text(&server, "/readyz").await.0 == 200).then_some(())
        })
        .await;
        client.get(&one).await.expect(200);
        let name = format!("after{round}@example.com");
        client.post("/Users", user(&name)).await.expect(201);
        token(&server, &directory).await.expect(200);
        until("the line that says so", async || {
            let log = server.log();
            (log.matches("the store is available again").count() == round + 1).then_some(())
        })
        .await;
        let log = server.log();
        assert_eq!(log.matches("the store is unavailable").count(), round + 1, "{log}");
    }
    // Nothing of what was refused is there.
    let found = client.get("/Users").await.expect(200).body;
    assert_eq!(found["totalResults"], 3, "{found}");
}

/// Every request that was answered has its line in the provisioning log, once, although the database
/// was restarted under it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_line_of_the_provisioning_log_is_lost() {
    let postgres = postgres().await;
    let store = TestStore::on(&postgres).await;
    let mut servers = [TestServer::on(&store, &[]).await, TestServer::on(&store, &[]).await];
    let directory = store.directory("entra", 0).await;
    let ended = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(Mutex::new(BTreeMap::new()));
    let callers: Vec<_> = (0..6)
        .map(|caller| {
            let client = servers[caller % 2].client(&directory);
            let (ended, answered) = (Arc::clone(&ended), Arc::clone(&answered));
            tokio::spawn(async move {
                let mut number = 0;
                while !ended.load(Ordering::Relaxed) {
                    number += 1;
                    let answer = request(&client, caller, number).await;
                    // Who cannot be recognised is nobody's entry.
                    if answer.status == StatusCode::SERVICE_UNAVAILABLE {
                        sleep(Duration::from_millis(50)).await;
                        continue;
                    }
                    let id = answer.header("x-request-id").to_owned();
                    answered.lock().unwrap().insert(id, answer.status.as_u16().to_string());
                }
            })
        })
        .collect();
    let more = async |count: usize| {
        let before = answered.lock().unwrap().len();
        until("more answers", async || {
            (answered.lock().unwrap().len() >= before + count).then_some(())
        })
        .await;
    };
    more(60).await;
    for shutdown in [Shutdown::Fast, Shutdown::Immediate, Shutdown::Fast] {
        stop(&postgres, shutdown).await;
        sleep(Duration::from_millis(300)).await;
        start_again(&postgres).await;
        more(60).await;
    }
    ended.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
    for server in &mut servers {
        let status = server.stop().await;
        assert!(status.success(), "{status}");
    }
    let answered = answered.lock().unwrap().clone();
    let logged = {
        let store = Arc::clone(&store);
        let sql = "SELECT request_id, status FROM provisioning_log";
        blocking(move || store.database().run(sql)).await
    };
    let logged: Vec<(&str, &str)> =
        logged.lines().map(|line| line.split_once('|').unwrap()).collect();
    let by_id: BTreeMap<&str, &str> = logged.iter().copied().collect();
    assert_eq!(by_id.len(), logged.len(), "a line is there twice");
    let lost: Vec<_> =
        answered.iter().filter(|(id, status)| by_id.get(&***id) != Some(&&***status)).collect();
    assert!(lost.is_empty(), "{} of {}: {lost:?}", lost.len(), answered.len());
}

/// One request of a mix: reads, creates, and refusals.
async fn request(client: &ScimClient, caller: usize, number: usize) -> Answer {
    match number % 3 {
        0 => client.get("/Users?count=1").await,
        1 => client.post("/Users", user(&format!("{caller}-{number}@example.com"))).await,
        _ => client.get("/Users/nobody").await,
    }
}

/// A Bulk request that the database leaves in its middle says of each operation what became of it,
/// and none is half done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bulk_request_that_is_cut_off_tells_what_was_stored() {
    const OPERATIONS: usize = 1_000;
    let postgres = postgres().await;
    let store = TestStore::on(&postgres).await;
    let server = TestServer::on(&store, &[]).await;
    let directory = store.directory("generic", 0).await;
    let client = server.client(&directory);
    client.get("/Users").await.expect(200);
    let count = async |table: &'static str| -> usize {
        let store = Arc::clone(&store);
        let sql = format!("SELECT COUNT(*) FROM {table}");
        blocking(move || store.database().run(&sql)).await.parse().unwrap()
    };
    let sent = {
        let client = client.clone();
        tokio::spawn(async move { client.post("/Bulk", bulk(OPERATIONS, "bulk")).await })
    };
    let more = async |than: usize| {
        until("a chunk", async || Some(count("resource").await).filter(|all| *all > than)).await
    };
    // With the second chunk in sight the first has been answered.
    let first = more(0).await;
    more(first).await;
    stop(&postgres, Shutdown::Immediate).await;
    let answer = sent.await.unwrap();
    start_again(&postgres).await;
    until("a server that is ready", async || {
        (text(&server, "/readyz").await.0 == 200).then_some(())
    })
    .await;

    let operations = answer.expect(200).body["Operations"].as_array().unwrap().clone();
    assert_eq!(operations.len(), OPERATIONS);
    let mut created = 0;
    for (number, operation) in operations.iter().enumerate() {
        let name = format!("bulk{number}@example.com");
        match operation["status"].as_str().unwrap() {
            "201" => created += 1,
            "503" => {
                assert_eq!(operation["response"]["status"], "503", "{operation}");
                // As told, sent again. It may be there if the answer to its commit was lost.
                let again = client.post("/Users", user(&name)).await.status;
                assert!([StatusCode::CREATED, StatusCode::CONFLICT].contains(&again), "{again}");
            }
            other => panic!("{other}: {operation}"),
        }
    }
    println!("{created} of {OPERATIONS} were stored");
    assert!(created > 0);
    // Each once, whole, with its journal entry.
    assert_eq!((count("resource").await, count("journal").await), (OPERATIONS, OPERATIONS));
    for number in [0, OPERATIONS / 2, OPERATIONS - 1] {
        let name = format!("bulk{number}@example.com");
        let found = client.find_users(&format!("externalId eq \"ext-{name}\"")).await;
        assert_eq!(found[0]["emails"][0]["value"], name.as_str(), "{found:?}");
    }
}

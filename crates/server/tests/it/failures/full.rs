//! A database that has no connection, no lock, or no room for a request.

use std::{sync::Arc, time::Instant};

use local_postgres::{LocalPostgres, Options};
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio_postgres::{Client, NoTls, error::SqlState};

use crate::harness::{
    PATIENCE, ScimClient, TestServer, TestStore, blocking, group, in_parallel, patch, until, user,
};
use crate::processes::whole_journal;

/// A session of somebody else.
pub async fn session(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn run(store: &Arc<TestStore>, sql: &'static str) -> String {
    let store = Arc::clone(store);
    blocking(move || store.database().run(sql)).await
}

async fn creates(client: &ScimClient, count: usize, prefix: &'static str) -> Vec<StatusCode> {
    in_parallel(count, count, |number| {
        let client = client.clone();
        async move {
            let start = Instant::now();
            let name = format!("{prefix}{number}@example.com");
            let answer = client.post("/Users", user(&name)).await;
            assert!(start.elapsed() < PATIENCE);
            match answer.status {
                StatusCode::SERVICE_UNAVAILABLE => {
                    let refused = answer.refused(503);
                    assert!(refused.header("retry-after").parse::<u32>().is_ok());
                    refused.status
                }
                status => status,
            }
        }
    })
    .await
}

/// Somebody holds an organization's row, and the process has few connections: writes wait for a while
/// and are then told to come again; reads are answered, and nothing is left by half.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_somebody_holds() {
    let store = TestStore::on_postgres().await;
    let server = TestServer::on(&store, &["--database-connections", "4"]).await;
    let client = server.client(&store.directory("generic", 0).await);
    let kept = client.post("/Users", user("kept@example.com")).await.expect(201);
    let somebody = session(store.database().url().unwrap()).await.unwrap();
    somebody.batch_execute("BEGIN; SELECT 1 FROM organization FOR UPDATE").await.unwrap();

    let waiting = tokio::spawn({
        let client = client.clone();
        async move { creates(&client, 40, "waiting").await }
    });
    let path = format!("/Users/{}", kept.id());
    while !waiting.is_finished() {
        assert_eq!(client.get(&path).await.expect(200).body, kept.body);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(waiting.await.unwrap().iter().all(|status| *status == 503));
    assert_eq!(run(&store, "SELECT count(*) FROM resource").await, "1");
    // A wait that is over in time is none that anybody sees.
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { creates(&client, 8, "patient").await }
    });
    until("somebody waits", async || {
        let blocked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
             AND datname = current_database()";
        (run(&store, blocked).await != "0").then_some(())
    })
    .await;
    somebody.batch_execute("COMMIT").await.unwrap();
    assert!(waiting.await.unwrap().iter().all(|status| *status == 201));
    // Those that were told to come again find their names free.
    assert!(creates(&client, 40, "waiting").await.iter().all(|status| *status == 201));
    whole_journal(&store).await;
}

/// Others have all connections that the database gives: 503 until one is free.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_connection_left() {
    let options = Options { max_connections: 14, ..Options::default() };
    let database = Arc::new(blocking(move || LocalPostgres::start(&options).unwrap()).await);
    let store = TestStore::on(&database).await;
    let directory = store.directory("generic", 0).await;
    let own = store.database().url().unwrap().to_owned();
    // Superusers have places of their own, so nobody here is one.
    run(
        &store,
        "CREATE ROLE sync LOGIN; GRANT ALL ON SCHEMA public TO sync; \
         GRANT ALL ON ALL TABLES IN SCHEMA public TO sync",
    )
    .await;
    let url = own.replacen("postgres@", "sync@", 1);
    store.reach_by(&url);
    let server = TestServer::on(&store, &[]).await;
    let client = server.client(&directory);
    let kept = client.post("/Users", user("kept@example.com")).await.expect(201);

    let mut others = Vec::new();
    until("no connection is left for the process", async || {
        match session(&url).await {
            Ok(session) => others.push(session),
            Err(error) => {
                assert_eq!(error.code(), Some(&SqlState::TOO_MANY_CONNECTIONS), "{error}");
                let ours = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                     WHERE application_name = 'headcount'";
                return (run(&store, ours).await == "0").then_some(());
            }
        }
        None
    })
    .await;
    let refused = client.post("/Users", user("new@example.com")).await.refused(503);
    assert!(refused.header("retry-after").parse::<u32>().is_ok());
    client.get(&format!("/Users/{}", kept.id())).await.refused(503);
    drop(others);
    until("a user is created", async || {
        let created = client.post("/Users", user("new@example.com")).await;
        (created.status == 201).then_some(())
    })
    .await;
    assert_eq!(client.get(&format!("/Users/{}", kept.id())).await.expect(200).body, kept.body);
}

/// The database answers in the middle of a write that it has no room: 503, nothing of that write is
/// there, not even of those that shared its transaction, and reads go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_room_on_the_disk() {
    let store = TestStore::on_postgres().await;
    let server = TestServer::on(&store, &[]).await;
    let client = server.client(&store.directory("generic", 0).await);
    let crew = client.post("/Groups", group("Crew")).await.expect(201).id();
    let kept = client.post("/Users", user("kept@example.com")).await.expect(201);
    let path = format!("/Users/{}", kept.id());
    // The codes for a full disk, for no memory, and for a limit that the operator set.
    for code in ["53100", "53200", "53400"] {
        let sql = format!(
            "CREATE OR REPLACE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             RAISE EXCEPTION 'could not extend file: No space left' USING ERRCODE = '{code}'; \
             END $$; CREATE TRIGGER full_disk BEFORE INSERT ON journal FOR EACH ROW \
             EXECUTE FUNCTION full_disk()"
        );
        let full = Arc::clone(&store);
        blocking(move || full.database().run(&sql)).await;
        assert!(creates(&client, 12, "full").await.iter().all(|status| *status == 503), "{code}");
        let join = json!([{ "op": "add", "path": "members", "value": [{ "value": kept.id() }] }]);
        client.patch(&format!("/Groups/{crew}"), join).await.refused(503);
        client.put(&path, user("other@example.com")).await.refused(503);
        client.delete(&path).await.refused(503);
        let bulk = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
            "Operations": [
                { "method": "POST", "path": "/Users", "bulkId": "b", "data": user("b@example.com") },
            ],
        });
        let bulk = client.try_send(Method::POST, "/Bulk", &bulk).await.unwrap();
        match bulk.status.as_u16() {
            200 => assert_eq!(bulk.body["Operations"][0]["status"], "503", "{}", bulk.body),
            _ => drop(bulk.refused(503)),
        }
        assert_eq!(client.get(&path).await.expect(200).body, kept.body);
        run(&store, "DROP TRIGGER full_disk ON journal").await;
    }
    let listed = client.get("/Users").await.expect(200).body;
    assert_eq!(listed["totalResults"], 1, "{listed}");
    let group = client.get(&format!("/Groups/{crew}")).await.expect(200).body;
    assert_eq!(group["members"], json!([]), "{group}");
    assert!(creates(&client, 12, "full").await.iter().all(|status| *status == 201));
    let retitle = json!([{ "op": "replace", "path": "title", "value": "Lead" }]);
    client.try_send(Method::PATCH, &path, &patch(retitle)).await.unwrap().expect(200);
    whole_journal(&store).await;
}

//! A process that stands still in the middle of a write.

use std::{sync::Arc, time::Instant};

use serde_json::json;

use super::full::session;
use crate::{
    harness::{PATIENCE, TestServer, TestStore, blocking, until, user},
    processes::whole_journal,
};

/// A process is stopped while it holds the lock of an organization. The database ends its transaction;
/// the others wait for that and go on. When it wakes up it does again what it had not stored, or
/// refuses it, but never undoes what came after.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_process_holds_nobody_up_for_long() {
    let store = TestStore::on_postgres().await;
    let frozen = TestServer::on(&store, &[]).await;
    let other = TestServer::on(&store, &[]).await;
    let directory = store.directory("generic", 0).await;
    let (client, others) = (frozen.client(&directory), other.client(&directory));
    let path = format!(
        "/Users/{}",
        others.post("/Users", user("kept@example.com")).await.expect(201).id()
    );
    let retitle = |title: &str| json!([{ "op": "replace", "path": "title", "value": title }]);
    client.patch(&path, retitle("Before")).await.expect(200);

    // The process has the organization's row and waits for the user's, which somebody holds.
    let somebody = session(store.database().url().unwrap()).await.unwrap();
    somebody.batch_execute("BEGIN; SELECT 1 FROM resource FOR UPDATE").await.unwrap();
    let stuck = tokio::spawn({
        let (client, path, body) = (client.clone(), path.clone(), retitle("Frozen"));
        async move { client.patch(&path, body).await }
    });
    let count = async |sql: &str| {
        let (store, sql) = (Arc::clone(&store), sql.to_owned());
        blocking(move || store.database().run(&sql)).await
    };
    until("the process waits for the user", async || {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
             AND datname = current_database()";
        (count(sql).await != "0").then_some(())
    })
    .await;
    frozen.signal("STOP");
    somebody.batch_execute("COMMIT").await.unwrap();
    let holding = "SELECT count(*) FROM pg_stat_activity \
         WHERE state = 'idle in transaction' AND datname = current_database()";
    until("the process holds the lock", async || (count(holding).await != "0").then_some(())).await;

    let start = Instant::now();
    others.post("/Users", user("new@example.com")).await.expect(201);
    others.patch(&path, retitle("Others")).await.expect(200);
    assert!(start.elapsed() < PATIENCE);
    assert_eq!(count(holding).await, "0");

    frozen.signal("CONT");
    let answer = stuck.await.unwrap();
    let title = match answer.status.as_u16() {
        200 => {
            assert_eq!(answer.body["title"], "Frozen");
            "Frozen"
        }
        _ => {
            answer.refused(503);
            "Others"
        }
    };
    assert_eq!(others.get(&path).await.expect(200).body["title"], title);
    assert_eq!(client.get(&path).await.expect(200).body["title"], title);
    client.patch(&path, retitle("After")).await.expect(200);
    assert_eq!(others.get(&path).await.expect(200).body["title"], "After");
    whole_journal(&store).await;
}

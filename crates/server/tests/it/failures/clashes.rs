//! Transactions that the database undoes because they clash with others.

use std::sync::Arc;

use serde_json::json;

use super::{Caller, Met, full::session};
use crate::{
    harness::{TestServer, TestStore, blocking, until, user},
    processes::{Processes, whole_journal},
};

const AGAIN: &str = "a batch is done again";

/// Sets something for all sessions of the store's database.
async fn set(store: &Arc<TestStore>, setting: &'static str) {
    let store = Arc::clone(store);
    blocking(move || {
        let name = store.database().url().unwrap().rsplit_once('/').unwrap().1.to_owned();
        store.database().run(&format!("ALTER DATABASE {name} SET {setting}"));
    })
    .await;
}

/// A database whose sessions are serialisable where nothing else is said: writes still see what was
/// written while they waited for their turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_are_serialisable_by_default() {
    let store = TestStore::on_postgres().await;
    set(&store, "default_transaction_isolation = 'serializable'").await;
    let processes = Processes::on(store, &[]).await;
    let directory = processes.store.directory("generic", 0).await;
    let caller = Caller::new(processes.client(&directory)).await;
    let load = caller.start(9);
    until("some work is done", async || (Met::count(&caller.met.answered) > 200).then_some(()))
        .await;
    load.settle(&processes.store, &processes.servers[0].client(&directory)).await;
    assert_eq!(Met::count(&caller.met.unavailable), 0);
}

/// A database that refuses every third change because it cannot be put in an order with others, in the
/// middle of a write or at its end: it is done again, and done once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_serialised_is_done_again() {
    let store = TestStore::on_postgres().await;
    let processes = Processes::on(store, &["--log", "info,store=debug"]).await;
    let directory = processes.store.directory("generic", 0).await;
    let caller = Caller::new(processes.client(&directory)).await;
    let clash = "CREATE FUNCTION clash() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         IF random() < 0.33 THEN RAISE EXCEPTION 'restart transaction' USING ERRCODE = '40001'; \
         END IF; RETURN NEW; END $$; \
         CREATE TRIGGER clash BEFORE INSERT ON attribute_index FOR EACH STATEMENT \
         EXECUTE FUNCTION clash(); \
         CREATE CONSTRAINT TRIGGER clash_at_the_end AFTER INSERT ON membership \
         DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION clash()";
    let clashing = Arc::clone(&processes.store);
    blocking(move || clashing.database().run(clash)).await;
    let load = caller.start(6);
    let repeated = || -> usize {
        let logs = processes.servers.iter().map(TestServer::log);
        logs.map(|log| log.matches(AGAIN).count()).sum()
    };
    until("some work is done", async || (Met::count(&caller.met.answered) > 100).then_some(()))
        .await;
    until("some work is done again", async || (repeated() >= 10).then_some(())).await;
    load.settle(&processes.store, &processes.servers[0].client(&directory)).await;
    assert_eq!(Met::count(&caller.met.lost), 0);
}

/// Somebody holds a user and wants the organization, the process holds the organization and wants the
/// user: the database undoes what the process did, and it does it again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlock_is_done_again() {
    let store = TestStore::on_postgres().await;
    // The process looks for deadlocks after a moment; somebody else never does.
    set(&store, "deadlock_timeout = '3s'").await;
    let server = TestServer::on(&store, &["--log", "info,store=debug"]).await;
    let client = server.client(&store.directory("generic", 0).await);
    let path =
        format!("/Users/{}", client.post("/Users", user("a@example.com")).await.expect(201).id());
    let somebody = session(store.database().url().unwrap()).await.unwrap();
    for round in 0..4 {
        let hold = "SET deadlock_timeout = '1h'; BEGIN; SELECT 1 FROM resource FOR UPDATE";
        somebody.batch_execute(hold).await.unwrap();
        let retitle = json!([{ "op": "replace", "path": "title", "value": round.to_string() }]);
        let changing = tokio::spawn({
            let (client, path) = (client.clone(), path.clone());
            async move { client.patch(&path, retitle).await }
        });
        until("the process waits", async || {
            let store = Arc::clone(&store);
            let sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
                 AND datname = current_database()";
            (blocking(move || store.database().run(sql)).await != "0").then_some(())
        })
        .await;
        somebody.batch_execute("SELECT 1 FROM organization FOR UPDATE").await.unwrap();
        somebody.batch_execute("COMMIT").await.unwrap();
        assert_eq!(changing.await.unwrap().expect(200).body["title"], round.to_string());
        if server.log().contains("deadlock detected") {
            break;
        }
    }
    assert!(server.log().contains("deadlock detected"), "{}", server.log());
    assert!(server.log().contains(AGAIN), "{}", server.log());
    whole_journal(&store).await;
}

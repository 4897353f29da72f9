//! A pooler between the processes and their database, which gives each transaction whichever connection
//! is free.

use local_postgres::TestDatabase;

use super::{Caller, Met};
use crate::{
    harness::{TestServer, TestStore, blocking, until},
    processes::Processes,
};

const NOTICED: &str = "a pooler stands before the database";

/// It is noticed, and what works without it works behind it. Whole modules of these tests run behind
/// it with `HEADCOUNT_TEST_STORE=pgbouncer`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_behind_pgbouncer() {
    let database = blocking(|| TestDatabase::behind_pooler(local_postgres::shared())).await;
    let processes = Processes::on(TestStore::of(database), &[]).await;
    let directory = processes.store.directory("generic", 0).await;
    let caller = Caller::new(processes.client(&directory)).await;
    let load = caller.start(12);
    until("some work is done", async || (Met::count(&caller.met.answered) > 400).then_some(()))
        .await;
    load.settle(&processes.store, &processes.servers[0].client(&directory)).await;
    assert_eq!(Met::count(&caller.met.unavailable), 0);
    for server in &processes.servers {
        assert_eq!(server.log().matches(NOTICED).count(), 1, "{}", server.log());
    }
    let direct = TestServer::on(&TestStore::on_postgres().await, &[]).await;
    assert!(!direct.log().contains(NOTICED), "{}", direct.log());
}

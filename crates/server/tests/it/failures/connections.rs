//! Connections to the database that end.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::{Caller, Met, at_port, cutter::Cutter};
use crate::harness::{TestServer, TestStore, blocking, until, user};

const TERMINATE: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
     WHERE datname = current_database() AND pid <> pg_backend_pid()";

/// All connections are ended again and again; afterwards the process is as it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_an_operator_ends() {
    let server = TestServer::on(&TestStore::on_postgres().await, &[]).await;
    let directory = server.directory("generic", 0).await;
    let caller = Caller::new(server.client(&directory)).await;
    let load = caller.start(8);
    let mut ended = 0;
    while ended < 60 || Met::count(&caller.met.unavailable) == 0 {
        let store = Arc::clone(server.store());
        let count = blocking(move || store.database().run(TERMINATE)).await;
        ended += count.parse::<usize>().unwrap();
        sleep(Duration::from_millis(100)).await;
    }
    let client = server.client(&directory);
    until("the process recovers", async || {
        (client.get("/Users?count=0").await.status == 200).then_some(())
    })
    .await;
    load.settle(server.store(), &client).await;
    assert_eq!(Met::count(&caller.met.lost), 0, "it answers all the time");
    for number in 0..50 {
        let name = format!("afterwards{number}@example.com");
        client.post("/Users", user(&name)).await.expect(201);
    }
}

/// The network between the process and its database breaks: within answers, and between a COMMIT and
/// its answer, when nobody can know what became of it. Then the answer is 503, and whoever sends the
/// request again meets what it has done, or does it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_break_at_any_moment() {
    let store = TestStore::on_postgres().await;
    let directory = store.directory("generic", 0).await;
    let own = store.database();
    let cutter = Cutter::start(own.server().unwrap().port()).await;
    let url = own.url().unwrap().to_owned();
    store.reach_by(&at_port(&url, cutter.port));
    let server = TestServer::on(&store, &[]).await;
    store.reach_by(&url);
    let direct = TestServer::on(&store, &[]).await;
    let caller = Caller::new(direct.client(&directory)).await;
    let caller = Caller { client: server.client(&directory), ..caller };
    let load = caller.start(8);
    let counts = [
        ("cuts behind COMMIT", &cutter.cuts.behind_commits, 10),
        ("cuts within answers", &cutter.cuts.within_answers, 10),
        ("requests answered with 503", &caller.met.unavailable, 10),
        ("requests answered with 503 and done", &caller.met.done_before, 1),
        ("requests answered", &caller.met.answered, 100),
    ];
    for (what, counted, enough) in counts {
        until(what, async || (Met::count(counted) >= enough).then_some(())).await;
    }
    load.settle(&store, &direct.client(&directory)).await;
    assert_eq!(Met::count(&caller.met.lost), 0, "it answers all the time");
}

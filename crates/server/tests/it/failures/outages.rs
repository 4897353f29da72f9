//! Processes that are killed, and a database that restarts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use local_postgres::{LocalPostgres, Options as ServerOptions, Shutdown};
use simulate::{Kind, Options, Report};
use tokio::time::sleep;

use super::{Caller, Met};
use crate::{
    audited,
    harness::{TestServer, TestStore, blocking, until},
    processes::Processes,
};

const KINDS: [(Kind, &str); 2] = [(Kind::Entra, "entra"), (Kind::Okta, "okta")];

/// A simulation of everything that a service does, through the balancer.
async fn options(processes: &Processes, kind: (Kind, &str), seed: u64) -> Options {
    // Each simulation has an organization of its own.
    let slug = format!("{}-{seed}", kind.1);
    let directory = processes.store.directory_of(&slug, kind.1, 0).await;
    let url = format!("{}{}", processes.balancer.url, directory.path);
    let mut options = Options::new(kind.0, url, &directory.token);
    options.users = 16;
    options.groups = 4;
    options.parallel = 8;
    options.seed = seed;
    options.outages = true;
    options
}

/// Nothing is otherwise than the service believes, its resources as well as the members and teams that follow from them.
async fn passed(processes: &Processes, report: &Report, kind: (Kind, &str), seed: u64) {
    assert!(report.passed(), "{report}");
    assert!(report.total > 300, "{report}");
    let slug = format!("{}-{seed}", kind.1);
    let (_, directory_id) = report.url.rsplit_once('/').unwrap();
    audited::as_believed(&processes.store, &slug, directory_id, &report.believed).await;
    audited::events_tell_all(&processes.store, &slug).await;
}

/// Three processes, of which one after the other is killed and started again, all the time: the
/// services lose connections, come back, and find everything as they believe it to be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_processes_leave_no_difference() {
    let mut processes = Processes::on(TestStore::on_postgres().await, &[]).await;
    let (mut kills, mut lost) = (0, 0);
    for (seed, kind) in (1..).zip(KINDS.into_iter().cycle()) {
        let simulation = simulate::run(options(&processes, kind, seed).await, |_| {});
        let simulation = tokio::spawn(simulation);
        while !simulation.is_finished() {
            let at = kills % processes.servers.len();
            processes.servers[at].kill9().await;
            sleep(Duration::from_millis(200)).await;
            processes.servers[at].start_again().await;
            processes.serve();
            kills += 1;
            sleep(Duration::from_millis(500)).await;
        }
        let report = simulation.await.unwrap().unwrap();
        passed(&processes, &report, kind, seed).await;
        lost += report.outages.lost;
        if seed >= 2 && kills >= 6 && lost >= 6 {
            break;
        }
    }
}

/// The database restarts twice under three processes that stay alive, once in an orderly way and
/// once like a crash: meanwhile requests get 503, and then all goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarting_database_leaves_no_difference() {
    let database = blocking(|| LocalPostgres::start(&ServerOptions::default()).unwrap()).await;
    let database = Arc::new(database);
    let processes = Processes::on(TestStore::on(&database).await, &[]).await;
    for (seed, kind) in (1..).zip(KINDS) {
        let done = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&done);
        let simulation = simulate::run(options(&processes, kind, seed).await, move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
        });
        let simulation = tokio::spawn(simulation);
        for shutdown in [Shutdown::Fast, Shutdown::Immediate] {
            let before = done.load(Ordering::SeqCst);
            until("some work is done", async || {
                (done.load(Ordering::SeqCst) >= before + 50).then_some(())
            })
            .await;
            let database = Arc::clone(&database);
            blocking(move || {
                database.stop(shutdown).unwrap();
                // Long enough for somebody to notice.
                std::thread::sleep(Duration::from_millis(300));
                database.start_again().unwrap();
            })
            .await;
        }
        assert!(!simulation.is_finished(), "both restarts are in the middle of it");
        let report = simulation.await.unwrap().unwrap();
        passed(&processes, &report, kind, seed).await;
        assert!(report.outages.unavailable >= 2, "{report}");
        assert_eq!(report.outages.lost, 0, "processes that live answer: {report}");
    }
    for server in &processes.servers {
        let log = server.log();
        for said in ["the store is unavailable", "the store is available again"] {
            until(said, async || server.log().contains(said).then_some(())).await;
        }
        assert!(!log.contains("panicked"), "{log}");
    }
}

/// A durable database crashes again and again under load: what was acknowledged is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crashing_database_keeps_what_was_acknowledged() {
    let durable = ServerOptions { durable: true, ..ServerOptions::default() };
    let database = Arc::new(blocking(move || LocalPostgres::start(&durable).unwrap()).await);
    let store = TestStore::on(&database).await;
    let server = TestServer::on(&store, &[]).await;
    let directory = store.directory("generic", 0).await;
    let caller = Caller::new(server.client(&directory)).await;
    let load = caller.start(10);
    for crash in 1..=4 {
        let answered = Met::count(&caller.met.answered);
        until("some work is done", async || {
            (Met::count(&caller.met.answered) >= answered + 80).then_some(())
        })
        .await;
        let database = Arc::clone(&database);
        blocking(move || database.restart(Shutdown::Immediate).unwrap()).await;
        until("the crash is noticed", async || {
            (Met::count(&caller.met.unavailable) >= crash).then_some(())
        })
        .await;
    }
    let client = server.client(&directory);
    until("the process recovers", async || {
        (client.get("/Users?count=0").await.status == 200).then_some(())
    })
    .await;
    load.settle(&store, &client).await;
    assert_eq!(Met::count(&caller.met.lost), 0, "it answers all the time");
}

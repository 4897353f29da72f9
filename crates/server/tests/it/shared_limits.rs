//! What processes on one PostgreSQL share: the rate limit of a directory, and background work.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use store::{Tx, leases::Lease};
use tokio::time::sleep;

use crate::harness::{ScimClient, TestServer, TestStore, until};

/// How long a directory is saturated.
const SATURATED: Duration = Duration::from_secs(8);

/// Callers of one process.
const CALLERS: usize = 3;

/// Whether it is a process's turn to be asked, so long after the beginning.
type Turn = fn(Instant) -> bool;

/// Asks as fast as it can, as far as it is the process's turn; how many were let in.
async fn saturate(client: ScimClient, begun: Instant, asks: Turn) -> u32 {
    let mut admitted = 0;
    while begun.elapsed() < SATURATED {
        if !asks(begun) {
            sleep(Duration::from_millis(5)).await;
            continue;
        }
        match client.get("/Users?count=0").await {
            answer if answer.status == 200 => admitted += 1,
            answer => {
                let refused = answer.refused(429);
                assert_eq!(refused.header("retry-after"), "1");
                sleep(Duration::from_millis(5)).await;
            }
        }
    }
    admitted
}

/// S-321, S-422: together the processes let in what one would, wherever the requests arrive.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rate_is_shared_by_all_processes() {
    const RATE: u32 = 30;
    let store = TestStore::on_postgres().await;
    let servers = [
        TestServer::on(&store, &[]).await,
        TestServer::on(&store, &[]).await,
        TestServer::on(&store, &[]).await,
    ];
    let always: Turn = |_| true;
    let loads: [(&str, Vec<Turn>); 4] = [
        ("all of three", vec![always, always, always]),
        ("both of two", vec![always, always]),
        ("one of three", vec![always]),
        (
            "two in turns",
            vec![|begun| begun.elapsed().as_secs() % 2 == 0, |begun| {
                begun.elapsed().as_secs() % 2 == 1
            }],
        ),
    ];
    // All at the same time: one directory is nothing to the other.
    let mut running = Vec::new();
    for (name, processes) in loads {
        let directory = store.directory("entra", RATE).await;
        let begun = Instant::now();
        let callers: Vec<_> = processes
            .iter()
            .zip(&servers)
            .flat_map(|(asks, server)| {
                let client = server.client(&directory);
                (0..CALLERS).map(move |_| tokio::spawn(saturate(client.clone(), begun, *asks)))
            })
            .collect();
        running.push((name, begun, callers));
    }
    for (name, begun, callers) in running {
        let mut admitted = 0;
        for caller in callers {
            admitted += caller.await.unwrap();
        }
        let seconds = begun.elapsed().as_secs_f64();
        let (rate, admitted) = (f64::from(RATE), f64::from(admitted));
        // What was saved up, and a fifth more or less of what was earned.
        let most = rate * 2.0 + rate * seconds * 1.2;
        let least = rate * SATURATED.as_secs_f64() * 0.8;
        println!("{name}: {admitted} in {seconds:.1} s");
        assert!((least..=most).contains(&admitted), "{name}: {admitted} in {seconds} s");
    }
}

/// A process that starts later, or again, gets no budget of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_process_begins_with_what_is_left() {
    let store = TestStore::on_postgres().await;
    let mut first = TestServer::on(&store, &[]).await;
    // One request in a hundred seconds would be less than the least: one a second it is.
    let directory = store.directory("entra", 1).await;
    let begun = Instant::now();
    let mut admitted = 0;
    for round in 0..3 {
        let second = TestServer::on(&store, &[]).await;
        for server in [&first, &second] {
            let client = server.client(&directory);
            while client.get("/Users?count=0").await.status == 200 {
                admitted += 1;
            }
        }
        if round == 1 {
            first.restart().await;
        }
    }
    // A burst of two, and what was earned meanwhile.
    let most = 2 + begun.elapsed().as_secs() + 1;
    assert!((2..=most).contains(&admitted), "{admitted} of {most}");
}

/// The lease of one of the jobs.
async fn lease(store: &Arc<TestStore>) -> Option<Lease> {
    let list = async |tx: &mut Tx| store::leases::list(tx).await;
    let leases = store.open().await.look_up::<_, store::Error, _>(list).await.unwrap();
    leases.into_iter().find(|lease| lease.name == "provisioning-log")
}

/// Waits until this server does the background work.
async fn until_held_by(server: &TestServer, store: &Arc<TestStore>) {
    until("the lease of another holder", async || {
        let holder = lease(store).await?.holder;
        // It names itself when it starts.
        server.log().contains(&format!("process=\"{holder}\"")).then_some(())
    })
    .await;
}

/// The lines of the server's log that speak of background work.
fn said(server: &TestServer) -> Vec<String> {
    let log = server.log();
    log.lines().filter(|line| line.contains("background work")).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn background_work_is_taken_over_from_a_killed_process() {
    let store = TestStore::on_postgres().await;
    let mut first = TestServer::on(&store, &[]).await;
    until_held_by(&first, &store).await;
    let mut second = TestServer::on(&store, &[]).await;
    let seen = lease(&store).await.unwrap();
    // It is renewed for as long as its process lives.
    let renewed = until("a renewal", async || {
        let lease = lease(&store).await.unwrap();
        (lease.renewals > seen.renewals + 3).then_some(lease)
    })
    .await;
    assert_eq!(renewed.holder, seen.holder);
    assert!(said(&second).is_empty(), "{:?}", said(&second));

    first.kill9().await;
    until_held_by(&second, &store).await;
    let lines = said(&second);
    let taken = |line: &String| line.contains("taken over") && line.contains(&seen.holder);
    assert!(lines.iter().any(taken), "{lines:?}");

    // One that ends in order leaves it to whoever is there, at once.
    first.start_again().await;
    let status = second.stop().await;
    assert!(status.success(), "{status}");
    let left = lease(&store).await.map(|lease| lease.holder);
    assert!(
        left.as_ref().is_none_or(|holder| first.log().contains(holder)),
        "{left:?} {:?}",
        said(&second)
    );
    until_held_by(&first, &store).await;
}

/// A process that sleeps for longer than its lease finds that another has it, and leaves it there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_process_notices_that_its_lease_is_gone() {
    let store = TestStore::on_postgres().await;
    let first = TestServer::on(&store, &[]).await;
    until_held_by(&first, &store).await;
    let second = TestServer::on(&store, &[]).await;
    first.signal("STOP");
    until_held_by(&second, &store).await;
    first.signal("CONT");
    until("the end of the work", async || {
        said(&first).iter().any(|line| line.contains("was taken over")).then_some(())
    })
    .await;
    until_held_by(&second, &store).await;
}

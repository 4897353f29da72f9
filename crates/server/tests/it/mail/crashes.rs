//! Never twice, and exactly once but for what is shown as unknown: over kills, freezes and several
//! processes.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{mails, organization, queue, server, to};
use crate::harness::{
    TestStore,
    smtp::{Fault, MailServer, Step},
    until,
};

fn people(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("person{number:03}@example.com")).collect()
}

/// Waits until nothing is left to be done, and checks that each recipient got one mail, except those
/// whose mail is shown as `unknown`: these got one or none. How many of these there are.
async fn all_got_one(store: &TestStore, mail_server: &MailServer, people: &[String]) -> usize {
    let ended = until("all mails have ended", async || {
        let all = mails(store).await;
        let is_open = |state: &str| state == "queued" || state == "sending";
        let is_done = all.iter().all(|mail| !is_open(mail["state"].as_str().unwrap()));
        is_done.then_some(all)
    })
    .await;
    assert_eq!(ended.len(), people.len());
    let states: BTreeMap<&str, &str> = ended
        .iter()
        .map(|mail| (mail["recipient"].as_str().unwrap(), mail["state"].as_str().unwrap()))
        .collect();
    let counts = mail_server.counts();
    let mut unknown = 0;
    for person in people {
        let count = counts.get(person).copied().unwrap_or(0);
        match states[&**person] {
            "sent" => assert_eq!(count, 1, "{person}"),
            "unknown" => {
                assert!(count <= 1, "{person} got {count}");
                unknown += 1;
            }
            other => panic!("{person} is {other}"),
        }
    }
    unknown
}

/// SIGKILL at moments that nobody chose, again and again, while sixty mails go out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_sends_nothing_twice() {
    const KILLS: usize = 8;
    let store = TestStore::new().await;
    organization(&store).await;
    let mail_server = MailServer::start().await;
    // Before and after the moment from which on a mail may have arrived.
    for step in [Step::Recipient, Step::Data, Step::End] {
        mail_server.fail(step, "*", Fault::Wait(Duration::from_millis(15)), 10_000);
    }
    let people = people(60);
    queue(&store, people.iter().map(|address| to(address)).collect()).await;
    let mut server = server(&store, &mail_server).await;
    let mut chance = 0x2545_f491_u32;
    for kill in 0..KILLS {
        // Somewhere within the next two mails.
        let reached = mail_server.reached(Step::Recipient);
        until("the next mails go out", async || {
            let next = mail_server.reached(Step::Recipient) > reached + kill % 3;
            (next || mail_server.received().len() == people.len()).then_some(())
        })
        .await;
        chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        tokio::time::sleep(Duration::from_millis(u64::from(chance >> 16) % 60)).await;
        server.kill9().await;
        server.start_again().await;
    }
    mail_server.recover();
    let unknown = all_got_one(&store, &mail_server, &people).await;
    // Two connections, each with a mail at most.
    assert!(unknown <= 2 * KILLS, "{unknown} are unknown");
    assert!(mail_server.received().len() + unknown >= people.len());
}

/// The process that sends is killed: another one goes on, and sends nothing twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_send_each_mail_once() {
    let store = TestStore::on_postgres().await;
    organization(&store).await;
    let mail_server = MailServer::start().await;
    mail_server.fail(Step::End, "*", Fault::Wait(Duration::from_millis(40)), 10_000);
    let people = people(60);
    queue(&store, people.iter().map(|address| to(address)).collect()).await;
    let mut servers = vec![server(&store, &mail_server).await, server(&store, &mail_server).await];
    until("mails go out", async || (mail_server.received().len() >= 5).then_some(())).await;
    let holder = until("one of them sends", async || holder(&store, &servers).await).await;
    servers[holder].kill9().await;
    let unknown = all_got_one(&store, &mail_server, &people).await;
    assert!(unknown <= 2, "{unknown} are unknown");
    assert!(servers[1 - holder].log().contains("background work taken over"), "by the other");
}

/// A process that stands still for longer than its lease lasts, and then goes on: what it had begun is
/// finished by nobody else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_process_that_goes_on_sends_nothing_twice() {
    let store = TestStore::on_postgres().await;
    organization(&store).await;
    let mail_server = MailServer::start().await;
    mail_server.fail(Step::End, "*", Fault::Wait(Duration::from_millis(40)), 10_000);
    let people = people(60);
    queue(&store, people.iter().map(|address| to(address)).collect()).await;
    let servers = vec![server(&store, &mail_server).await, server(&store, &mail_server).await];
    until("mails go out", async || (mail_server.received().len() >= 5).then_some(())).await;
    let holder = until("one of them sends", async || holder(&store, &servers).await).await;
    servers[holder].signal("STOP");
    until("the other takes over", async || {
        let log = servers[1 - holder].log();
        let is_mail = |line: &str| line.contains("taken over") && line.contains("mail");
        log.lines().any(is_mail).then_some(())
    })
    .await;
    until("the other sends", async || {
        (mail_server.received().len() >= people.len() / 2).then_some(())
    })
    .await;
    servers[holder].signal("CONT");
    let unknown = all_got_one(&store, &mail_server, &people).await;
    assert!(unknown <= 2, "{unknown} are unknown");
}

/// Which of the servers has the lease of sending mails.
async fn holder(store: &Arc<TestStore>, servers: &[crate::harness::TestServer]) -> Option<usize> {
    let leases: Vec<store::leases::Lease> = store
        .open()
        .await
        .look_up::<_, store::Error, _>(async |tx: &mut store::Tx| store::leases::list(tx).await)
        .await
        .unwrap();
    let lease = leases.into_iter().find(|lease| lease.name == "mail")?;
    servers.iter().position(|server| server.log().contains(&lease.holder))
}

//! Mail to new members, through a mail server on loopback.

mod commands;
mod crashes;
mod members;
mod sending;
mod texts;

use std::sync::Arc;

use serde_json::Value;
use store::{
    Tx,
    mail::{Content, ENROLMENT, NewMail},
};

use crate::harness::{TestServer, TestStore, smtp::MailServer, until};

/// Where members of the tests' organizations sign in.
pub const LINK: &str = "https://app.example.com/sign-in?from=mail&x=1";

/// An organization `acme` that writes to its new members.
async fn organization(store: &TestStore) {
    store.command("organization create acme --name Acme").await;
    let update = "organization update acme --enrolment creation --enrolment-link";
    store.command(&format!("{update} {LINK}")).await;
}

/// A store with such an organization.
async fn new_store() -> Arc<TestStore> {
    let store = TestStore::new().await;
    organization(&store).await;
    store
}

/// A server that sends mails through this mail server.
async fn server(store: &Arc<TestStore>, mail_server: &MailServer) -> TestServer {
    let arguments = mail_server.arguments();
    TestServer::on(store, &arguments.iter().map(String::as_str).collect::<Vec<_>>()).await
}

/// Queues a mail to somebody of `acme`.
fn to(address: &str) -> NewMail {
    NewMail {
        id: format!("mail-{}", address.replace(|c: char| !c.is_ascii_alphanumeric(), "-")),
        kind: ENROLMENT,
        member_id: format!("member-{address}"),
        recipient: address.into(),
        content: Content { name: Some("Ines Okafor".into()), locale: None },
        now: 1_000,
    }
}

/// Queues mails in the store, as the transaction does that makes members.
async fn queue(store: &TestStore, mails: Vec<NewMail>) {
    store
        .open()
        .await
        .administer::<_, store::Error, _>(async move |tx: &mut Tx| {
            let acme = store::organizations::get(tx, "acme").await?.unwrap();
            for mail in &mails {
                assert!(store::mail::enqueue(tx, &acme.id, mail).await?);
            }
            Ok(())
        })
        .await
        .unwrap();
}

/// All mails, by recipient.
async fn mails(store: &TestStore) -> Vec<Value> {
    let mut mails = store.command("mail list --limit 1000").await.as_array().unwrap().clone();
    mails.sort_by_key(|mail| mail["recipient"].as_str().unwrap().to_owned());
    mails
}

/// The mail to this address.
async fn mail(store: &TestStore, address: &str) -> Value {
    let all = mails(store).await;
    all.into_iter().find(|mail| mail["recipient"] == address).unwrap()
}

/// Waits until the mail to this address is in a state, and answers it.
async fn until_is(store: &TestStore, address: &str, state: &str) -> Value {
    until(&format!("the mail to {address} is {state}"), async || {
        Some(mail(store, address).await).filter(|mail| mail["state"] == state)
    })
    .await
}

/// Waits until a queued mail has seen this problem, and answers it.
async fn until_problem(store: &TestStore, address: &str, problem: &str) -> Value {
    until(&format!("`{problem}` with the mail to {address}"), async || {
        let mail = mail(store, address).await;
        mail["problem"].as_str().is_some_and(|said| said.contains(problem)).then_some(mail)
    })
    .await
}

fn id(mail: &Value) -> &str {
    mail["id"].as_str().unwrap()
}

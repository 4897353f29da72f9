//! Who is written to: each person whom a directory makes a member, once.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{LINK, id, mails, new_store, server, until_is};
use crate::harness::{
    ScimClient, TestServer, TestStore,
    smtp::{Fault, MailServer, Step},
    user,
};

fn set(path: &str, value: Value) -> Value {
    json!([{"op": "replace", "path": path, "value": value}])
}

/// A server that sends mails, and a client of a directory of `acme`.
async fn started(store: &Arc<TestStore>) -> (TestServer, MailServer, ScimClient) {
    let mail_server = MailServer::start().await;
    let server = server(store, &mail_server).await;
    let client = server.client(&store.directory("generic", 0).await);
    (server, mail_server, client)
}

/// The addresses that there are mails to.
async fn recipients(store: &TestStore) -> Vec<String> {
    let all = mails(store).await;
    all.iter().map(|mail| mail["recipient"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_member_gets_one_mail() {
    let store = new_store().await;
    let (server, mail_server, client) = started(&store).await;
    let id = client.post("/Users", user("ines@example.com")).await.expect(201).id();
    let place = format!("/Users/{id}");
    // Again by the same client, switched off and on, changed, and by another directory.
    client.post("/Users", user("ines@example.com")).await.refused(409);
    client.patch(&place, set("active", json!(false))).await.expect(200);
    client.patch(&place, set("active", json!(true))).await.expect(200);
    let emails = json!([{"value": "ines.okafor@example.com", "type": "work", "primary": true}]);
    client.patch(&place, set("emails", emails)).await.expect(200);
    let second = server.client(&store.directory("generic", 0).await);
    second.post("/Users", user("ines.okafor@example.com")).await.expect(201);

    until_is(&store, "ines@example.com", "sent").await;
    assert_eq!(recipients(&store).await, ["ines@example.com"]);
    let received = mail_server.received();
    assert_eq!(received.len(), 1);
    let message = received[0].message();
    assert!(message.body_text(0).unwrap().starts_with("Hello Ines Okafor,"));
    let member = &server.members("acme").await[0].stored;
    assert_eq!(mails(&store).await[0]["member_id"], json!(member.id));

    // Deleted and created anew is somebody new, with a creation of their own.
    client.delete(&place).await.expect(204);
    second.post("/Users", user("mira@example.com")).await.expect(201);
    until_is(&store, "mira@example.com", "sent").await;
    assert_eq!(recipients(&store).await, ["ines@example.com", "mira@example.com"]);
}

/// The first time that they are active, whenever that is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_active_yet_waits_for_the_mail() {
    let store = new_store().await;
    let (_server, mail_server, client) = started(&store).await;
    let mut inactive = user("ines@example.com");
    inactive["active"] = json!(false);
    let ines = client.post("/Users", inactive).await.expect(201).id();
    let mut nameless = user("mira");
    nameless.as_object_mut().unwrap().remove("emails");
    let mira = client.post("/Users", nameless).await.expect(201).id();
    let mut ravi = user("ravi@example.com");
    ravi["preferredLanguage"] = json!("de-CH");
    client.post("/Users", ravi).await.expect(201);
    until_is(&store, "ravi@example.com", "sent").await;
    let received = mail_server.received();
    assert_eq!(received[0].message().subject(), Some("Ihr Konto für Acme"));
    assert_eq!(recipients(&store).await, ["ravi@example.com"]);

    client.patch(&format!("/Users/{ines}"), set("active", json!(true))).await.expect(200);
    let emails = json!([{"value": "mira@example.com", "type": "work"}]);
    client.patch(&format!("/Users/{mira}"), set("emails", emails)).await.expect(200);
    for address in ["ines@example.com", "mira@example.com"] {
        until_is(&store, address, "sent").await;
    }
    assert!(mail_server.counts().values().all(|count| *count == 1), "{:?}", mail_server.counts());
    assert_eq!(mail_server.received().len(), 3);
}

/// Who came before the policy gets no mail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_policy_there_is_no_mail() {
    let store = TestStore::new().await;
    let (server, mail_server, client) = started(&store).await;
    let early = client.post("/Users", user("early@example.com")).await.expect(201).id();
    store.command(&format!("organization update acme --enrolment-link {}", LINK)).await;
    client.post("/Users", user("second@example.com")).await.expect(201);
    assert_eq!(recipients(&store).await, [""; 0]);
    store.command("organization update acme --enrolment creation").await;
    let place = format!("/Users/{early}");
    client.patch(&place, set("active", json!(false))).await.expect(200);
    client.patch(&place, set("active", json!(true))).await.expect(200);
    client.post("/Users", user("late@example.com")).await.expect(201);
    until_is(&store, "late@example.com", "sent").await;
    // Of another organization, which has no policy.
    let other = store.directory_of("other", "generic", 0).await;
    server.client(&other).post("/Users", user("late@example.com")).await.expect(201);
    store.command("organization update acme --enrolment off").await;
    client.post("/Users", user("last@example.com")).await.expect(201);
    assert_eq!(recipients(&store).await, ["late@example.com"]);
    assert_eq!(mail_server.received().len(), 1);
}

/// A mail that failed goes to the address that the member has when it is sent again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_corrected_address_is_used() {
    let store = new_store().await;
    let (_server, mail_server, client) = started(&store).await;
    let no = Fault::Answer("550 5.1.1 no such user");
    mail_server.fail(Step::Recipient, "inse@example.com", no, 1);
    let user_id = client.post("/Users", user("inse@example.com")).await.expect(201).id();
    let failed = until_is(&store, "inse@example.com", "failed").await;
    let emails = json!([{"value": "ines@example.com", "type": "work", "primary": true}]);
    client.patch(&format!("/Users/{user_id}"), set("emails", emails)).await.expect(200);
    store.command(&format!("mail send-again {}", id(&failed))).await;
    until_is(&store, "ines@example.com", "sent").await;
    assert_eq!(mail_server.counts().into_keys().collect::<Vec<_>>(), ["ines@example.com"]);
}

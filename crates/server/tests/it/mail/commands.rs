//! The commands around mail, and its settings.

use std::fs;

use serde_json::json;

use super::{LINK, mails, new_store, queue, to};
use crate::harness::{
    TestStore,
    smtp::{Encryption, Fault, MailServer, Step},
};

/// What a command says that is refused, and how it ends.
async fn refused(store: &TestStore, arguments: &str) -> (i32, String) {
    let output = store.command_output(arguments).await;
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[tokio::test]
async fn enrolment_is_switched_on_with_a_link() {
    let store = TestStore::new().await;
    store.command("organization create acme").await;
    let (status, said) = refused(&store, "organization update acme --enrolment creation").await;
    assert_eq!(status, 2);
    assert!(said.contains("--enrolment-link"), "{said}");
    let update = "organization update acme --enrolment";
    let on = store.command(&format!("{update} creation --enrolment-link {LINK}")).await;
    let enrolment = json!({"policy": "creation", "link": LINK, "sender": null});
    assert_eq!(on, json!({"slug": "acme", "enrolment": enrolment}));
    let (status, _) = refused(&store, "organization update acme --enrolment-link=").await;
    assert_eq!(status, 2, "it is needed");
    let off = store.command(&format!("{update} off --enrolment-sender Team")).await;
    assert_eq!(off["enrolment"], json!({"policy": "off", "link": LINK, "sender": "Team"}));
    let shown = store.command_text("organization update acme --enrolment-sender=").await;
    assert_eq!(shown, format!("organization acme: enrolment mail off\n  link: {LINK}\n"));
    for (arguments, status) in [
        ("organization update acme --enrolment always", 2),
        ("organization update acme --enrolment-link javascript:alert(1)", 2),
        ("organization update nobody --enrolment off", 1),
    ] {
        assert_eq!(refused(&store, arguments).await.0, status, "{arguments}");
    }
}

#[tokio::test]
async fn mails_are_listed_and_sent_again() {
    let store = new_store().await;
    assert_eq!(store.command("mail list").await, json!([]));
    assert_eq!(store.command_text("mail list").await, "no mails\n");
    queue(&store, ["ines@example.com", "mira@example.com"].map(to).into()).await;
    let listed = mails(&store).await;
    assert_eq!(
        listed[0],
        json!({
            "id": "mail-ines-example-com", "organization": "acme", "kind": "enrolment",
            "member_id": "member-ines@example.com", "recipient": "ines@example.com",
            "state": "queued", "attempts": 0, "due_at": "1970-01-01T00:00:00.001Z",
            "created_at": "1970-01-01T00:00:00.001Z", "sent_at": null, "problem": null,
        })
    );
    store.command("organization create other").await;
    for (arguments, count) in [
        ("--organization acme", 2),
        ("--organization other", 0),
        ("--state queued", 2),
        ("--state failed", 0),
        ("--organization acme --state queued --limit 1", 1),
    ] {
        let listed = store.command(&format!("mail list {arguments}")).await;
        assert_eq!(listed.as_array().unwrap().len(), count, "{arguments}");
    }
    let table = store.command_text("mail list --limit 2").await;
    assert!(table.contains("mail-ines-example-com  acme          ines@example.com  queued"));
    assert!(table.contains("there may be more"), "{table}");
    for (arguments, status, said) in [
        ("mail list --organization nobody", 1, "no organization `nobody`"),
        ("mail list --state odd", 2, "odd"),
        ("mail send-again mail-nobody", 1, "no mail `mail-nobody`"),
    ] {
        let (code, error) = refused(&store, arguments).await;
        assert!(code == status && error.contains(said), "{arguments}: {code} {error}");
    }
    let again = store.command_text("mail send-again mail-ines-example-com").await;
    assert_eq!(again, "mail mail-ines-example-com is sent again\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_settings_are_tried_with_a_test_mail() {
    let store = TestStore::embedded();
    let mail_server = MailServer::with(Encryption::StartTls, "127.0.0.1").await;
    // From a settings file, where the password is nobody else's to see.
    let config = store.data().join("headcount.toml");
    let settings = format!(
        "smtp_url = \"{}\"\nsmtp_ca = \"{}\"\nmail_from = \"Example App <no-reply@app.example>\"\n",
        mail_server.url(),
        mail_server.ca.display()
    );
    fs::write(&config, settings).unwrap();
    let test = format!("mail test --to ines@example.com --config {}", config.display());
    let answer = store.command(&test).await;
    assert_eq!(answer, json!({"answer": "250 2.0.0 taken as 4711"}));
    let received = mail_server.received();
    assert_eq!(received[0].to, "ines@example.com");
    assert_eq!(received[0].message().subject(), Some("Test mail of Headcount"));
    let said = store.command_text(&test).await;
    assert!(said.contains("has taken the mail: 250 2.0.0 taken as 4711"), "{said}");

    mail_server.fail(Step::Recipient, "*", Fault::Answer("550 5.1.1 nobody"), 1);
    let (status, said) = refused(&store, &test).await;
    assert_eq!(status, 1);
    assert!(said.contains("did not take the mail: 550 5.1.1 nobody"), "{said}");

    let wrong = fs::read_to_string(&config).unwrap().replace("p%40ss", "wrong");
    fs::write(&config, wrong).unwrap();
    let (status, said) = refused(&store, &test).await;
    assert_eq!(status, 1);
    assert!(said.contains("535 5.7.8 wrong password"), "{said}");
    assert!(!said.contains("s3cr"), "{said}");

    for (settings, said) in [
        ("--smtp-url=smtps://u:s3cret@mail.example", "mail_from is not"),
        ("--mail-from=a@b.example", "smtp_url is not"),
        ("--smtp-url=smtp://u:s3cret@mail.example?tls=off --mail-from=a@b.example", "encrypted"),
        ("--smtp-url=imap://u:s3cret@mail.example --mail-from=a@b.example", "must begin"),
        ("--smtp-url=smtps://u:s3cret@mail.example --mail-from=nobody", "no sender"),
        (
            "--smtp-url=smtps://mail.example --mail-from=a@b.example --smtp-ca=/nowhere.pem",
            "`/nowhere.pem`",
        ),
        ("--to-nobody", "--to-nobody"),
        ("", "no mail server is set"),
    ] {
        let arguments = format!("mail test --to ines@example.com {settings}");
        let (status, error) = refused(&store, arguments.trim()).await;
        assert!(status == 2 && error.contains(said), "{arguments}: {status} {error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
    let (status, error) = refused(&store, &test.replace("ines@", "ines@@")).await;
    assert!(status == 2 && error.contains("no address"), "{error}");
}

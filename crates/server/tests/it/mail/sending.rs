//! What goes out and what becomes of it.

use std::time::Duration;

use serde_json::json;
use store::Tx;

use super::{LINK, id, mail, mails, new_store, queue, server, to, until_is, until_problem};
use crate::harness::{
    TestServer,
    smtp::{Encryption, Fault, MailServer, PASSWORD, Step},
    until,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_goes_out_encrypted_and_with_a_log_in() {
    for encryption in [Encryption::StartTls, Encryption::Tls] {
        let (store, mail_server) =
            (new_store().await, MailServer::with(encryption, "127.0.0.1").await);
        let server = server(&store, &mail_server).await;
        let mut new = to("ines@bücher.example");
        new.content.name = Some("Inés \"the\" Okafor, PhD".into());
        queue(&store, vec![new]).await;
        let sent = until_is(&store, "ines@bücher.example", "sent").await;
        assert_eq!((&sent["attempts"], &sent["problem"]), (&json!(1), &json!(null)));
        assert!(sent["sent_at"].is_string() && sent["due_at"].is_null(), "{sent}");

        let received = mail_server.received();
        assert_eq!(received.len(), 1);
        assert_eq!(received[0].from, "no-reply@app.example");
        assert_eq!(received[0].to, "ines@xn--bcher-kva.example");
        let message = received[0].message();
        let from = message.from().unwrap().first().unwrap();
        assert_eq!(from.name(), Some("Example App"));
        assert_eq!(from.address(), Some("no-reply@app.example"));
        let recipient = message.to().unwrap().first().unwrap();
        assert_eq!(recipient.name(), Some("Inés \"the\" Okafor, PhD"));
        assert_eq!(recipient.address(), Some("ines@xn--bcher-kva.example"));
        assert_eq!(message.subject(), Some("Your account for Acme"));
        assert_eq!(
            message.message_id(),
            Some(&*format!("{}@app.example", id(&sent))),
            "the same however often it is sent"
        );
        assert!(message.date().is_some_and(|date| date.year >= 2026));
        assert_eq!(message.header("Auto-Submitted").unwrap().as_text(), Some("auto-generated"));
        let plain = message.body_text(0).unwrap();
        assert!(plain.starts_with("Hello Inés \"the\" Okafor, PhD,"), "{plain}");
        assert!(plain.lines().any(|line| line == LINK), "{plain}");
        let html = message.body_html(0).unwrap();
        assert!(html.contains("Hello Inés &quot;the&quot; Okafor, PhD,"), "{html}");
        let link = LINK.replace('&', "&amp;");
        assert!(html.contains(&format!("<a href=\"{link}\">{link}</a>")), "{html}");

        for secret in [PASSWORD, "s3cr%25t", "bücher", "xn--bcher", "Okafor"] {
            assert!(!server.log().contains(secret), "{secret}: {}", server.log());
        }
        assert!(server.log().contains("smtp"), "{}", server.log());
    }
}

/// A certificate of a CA that is not trusted, or for another name; a server without STARTTLS: nothing
/// is sent in clear, and no password.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_the_mail_server_gets_nothing() {
    let other = MailServer::with(Encryption::Tls, "127.0.0.1").await;
    let stripped = MailServer::start().await;
    for (mail_server, encryption, ca, problem) in [
        (MailServer::with(Encryption::Tls, "mail.example").await, "smtps", None, "certificate"),
        (MailServer::with(Encryption::StartTls, "mail.example").await, "smtp", None, "certificate"),
        (
            MailServer::with(Encryption::Tls, "127.0.0.1").await,
            "smtps",
            Some(other.ca.clone()),
            "certificate",
        ),
        (stripped, "smtp", Some(other.ca.clone()), "STARTTLS"),
    ] {
        let store = new_store().await;
        let url = mail_server.url();
        let (_, address) = url.split_once("127.0.0.1").unwrap();
        let address = address.trim_end_matches("?tls=off");
        let url = format!("--smtp-url={encryption}://ines:{PASSWORD}@127.0.0.1{address}")
            .replace(PASSWORD, "s3cret");
        let ca = format!("--smtp-ca={}", ca.as_ref().unwrap_or(&mail_server.ca).display());
        let from = "--mail-from=no-reply@app.example";
        let server = TestServer::on(&store, &[&url, &ca, from]).await;
        queue(&store, vec![to("ines@example.com")]).await;
        let waiting = until_problem(&store, "ines@example.com", problem).await;
        assert_eq!((&waiting["state"], &waiting["attempts"]), (&json!("queued"), &json!(0)));
        assert_eq!(mail_server.reached(Step::Mail), 0);
        let said = until("the log says so", async || {
            Some(server.log()).filter(|log| log.contains("the mail server cannot be used"))
        });
        assert!(!said.await.contains("s3cret"));
    }
    assert_eq!(other.reached(Step::Connect), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_for_now_is_tried_again() {
    let (store, mail_server) = (new_store().await, MailServer::start().await);
    let steps = [
        (Step::Recipient, "recipient@example.com", "450 4.2.0 greylisted"),
        (Step::Data, "data@example.com", "451 4.3.0 no room"),
        (Step::End, "end@example.com", "452 4.3.1 no disk"),
        // Said by many to a recipient rather than to all.
        (Step::Recipient, "busy@example.com", "421 4.7.0 try later"),
    ];
    for (step, address, answer) in steps {
        mail_server.fail(step, address, Fault::Answer(answer), 1);
    }
    let _server = server(&store, &mail_server).await;
    let mut all: Vec<_> = steps.iter().map(|(_, address, _)| to(address)).collect();
    all.push(to("fine@example.com"));
    queue(&store, all).await;
    until_is(&store, "fine@example.com", "sent").await;
    for (_, address, answer) in steps {
        let refused = until_problem(&store, address, answer).await;
        assert_eq!((&refused["state"], &refused["attempts"]), (&json!("queued"), &json!(1)));
        let due: jiff::Timestamp = refused["due_at"].as_str().unwrap().parse().unwrap();
        let wait = due.duration_since(jiff::Timestamp::now()).as_secs();
        assert!(wait <= 60, "in {wait} s");
    }
    assert_eq!(mail_server.received().len(), 1);
    for (_, address, _) in steps {
        let waiting = mail(&store, address).await;
        // Nobody waits for a minute here; an operator need not either.
        store.command(&format!("mail send-again {}", id(&waiting))).await;
        let sent = until_is(&store, address, "sent").await;
        assert_eq!((&sent["attempts"], &sent["problem"]), (&json!(1), &json!(null)));
    }
    assert!(mail_server.counts().values().all(|count| *count == 1), "{:?}", mail_server.counts());
    assert_eq!(mail_server.counts().len(), 5);
}

/// Attempts are counted, and the schedule goes on with them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_that_is_due_again_goes_out_by_itself() {
    let (store, mail_server) = (new_store().await, MailServer::start().await);
    mail_server.fail(Step::Recipient, "*", Fault::Answer("450 4.2.0 greylisted"), 2);
    let _server = server(&store, &mail_server).await;
    queue(&store, vec![to("ines@example.com")]).await;
    for (attempt, wait) in [(1, 60), (2, 300)] {
        let refused = until("the attempt", async || {
            Some(mail(&store, "ines@example.com").await).filter(|m| m["attempts"] == attempt)
        });
        let refused = refused.await;
        let due: jiff::Timestamp = refused["due_at"].as_str().unwrap().parse().unwrap();
        let left = due.duration_since(jiff::Timestamp::now()).as_secs();
        assert!(left <= wait && left > wait - 60, "in {left} s after attempt {attempt}");
        // The time passes.
        let pass = async |tx: &mut Tx| tx.execute("UPDATE mail SET due_at = 1", &[]).await;
        store.open().await.administer::<_, store::Error, _>(pass).await.unwrap();
    }
    let sent = until_is(&store, "ines@example.com", "sent").await;
    assert_eq!(sent["attempts"], 3);
    assert_eq!(mail_server.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_final_refusal_is_kept_with_the_answer() {
    let (store, mail_server) = (new_store().await, MailServer::start().await);
    let no = Fault::Answer("550 5.1.1 no such user here");
    mail_server.fail(Step::Recipient, "gone@example.com", no, 1);
    mail_server.fail(Step::End, "spam@example.com", Fault::Answer("554 5.7.1 looks odd"), 1);
    let server = server(&store, &mail_server).await;
    let all = ["gone@example.com", "spam@example.com", "fine@example.com"];
    queue(&store, all.map(to).into()).await;
    for (address, state, problem) in [
        ("gone@example.com", "failed", Some("550 5.1.1 no such user here")),
        ("spam@example.com", "failed", Some("554 5.7.1 looks odd")),
        ("fine@example.com", "sent", None),
    ] {
        let ended = until_is(&store, address, state).await;
        assert_eq!(ended["problem"].as_str(), problem);
        assert!(ended["due_at"].is_null(), "nobody tries again: {ended}");
    }
    let log = until("the log says so", async || {
        Some(server.log()).filter(|log| log.contains("550 5.1.1 no such user here"))
    });
    assert!(!log.await.contains("gone@"));
    // The operator has it put right.
    let failed = store.command("mail list --state failed").await;
    assert_eq!(failed.as_array().unwrap().len(), 2);
    for mail in failed.as_array().unwrap() {
        store.command(&format!("mail send-again {}", id(mail))).await;
    }
    for address in all {
        until_is(&store, address, "sent").await;
    }
    assert_eq!(mail_server.received().len(), 3);
}

/// A mail server that is away, refuses all senders or the log-in is nothing about a mail: all wait,
/// none loses an attempt.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_server_that_is_away_is_waited_for() {
    let (store, mail_server) = (new_store().await, MailServer::start().await);
    mail_server.set_down(true);
    let server = server(&store, &mail_server).await;
    let all: Vec<String> = (0..5).map(|number| format!("person{number}@example.com")).collect();
    queue(&store, all.iter().map(|address| to(address)).collect()).await;
    until("the log says so", async || {
        server.log().contains("the mail server cannot be used").then_some(())
    })
    .await;
    mail_server.fail(Step::Mail, "*", Fault::Answer("550 5.7.60 sender not allowed"), 2);
    mail_server.fail(Step::Connect, "*", Fault::Answer("421 4.3.2 closing"), 2);
    mail_server.fail(Step::Mail, "*", Fault::Answer("451 4.7.1 slow down"), 2);
    mail_server.set_down(false);
    for address in &all {
        let sent = until_is(&store, address, "sent").await;
        assert_eq!(sent["attempts"], 1);
    }
    let log = until("the log says so", async || {
        Some(server.log()).filter(|log| log.contains("mails are sent again"))
    });
    assert_eq!(log.await.matches("the mail server cannot be used").count(), 1, "said once");
    assert!(mail_server.counts().values().all(|count| *count == 1), "{:?}", mail_server.counts());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_mail_server_mails_wait() {
    let store = new_store().await;
    let mut without = TestServer::on(&store, &[]).await;
    queue(&store, vec![to("ines@example.com")]).await;
    until("the log says so", async || {
        without.log().contains("no mail server is set").then_some(())
    })
    .await;
    queue(&store, vec![to("mira@example.com")]).await;
    assert!(without.stop().await.success());
    assert_eq!(without.log().matches("no mail server is set").count(), 1, "{}", without.log());
    assert!(mails(&store).await.iter().all(|mail| mail["state"] == "queued"));
    let mail_server = MailServer::start().await;
    let _server = server(&store, &mail_server).await;
    for address in ["ines@example.com", "mira@example.com"] {
        until_is(&store, address, "sent").await;
    }
}

/// Whether a mail arrived whose answer is missing is for an operator to find out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_without_an_answer_is_not_sent_again_by_itself() {
    let (store, mail_server) = (new_store().await, MailServer::start().await);
    mail_server.fail(Step::End, "lost@example.com", Fault::TakeAndDrop, 1);
    mail_server.fail(Step::End, "dropped@example.com", Fault::Drop, 1);
    let mut server = server(&store, &mail_server).await;
    queue(&store, ["lost@example.com", "dropped@example.com"].map(to).into()).await;
    for address in ["lost@example.com", "dropped@example.com"] {
        let unknown = until_is(&store, address, "unknown").await;
        assert!(unknown["due_at"].is_null(), "{unknown}");
        let problem = unknown["problem"].as_str().unwrap();
        assert!(problem.contains("without an answer") || problem.contains("reset"), "{problem}");
    }
    assert!(server.log().contains("a mail may have arrived or not"), "{}", server.log());
    server.restart().await;
    queue(&store, vec![to("later@example.com")]).await;
    until_is(&store, "later@example.com", "sent").await;
    assert_eq!(mail_server.counts().get("lost@example.com"), Some(&1));
    assert_eq!(mail_server.counts().get("dropped@example.com"), None);

    let dropped = mail(&store, "dropped@example.com").await;
    let again = store.command(&format!("mail send-again {}", id(&dropped))).await;
    assert_eq!(again, json!({"id": dropped["id"], "state": "queued"}));
    until_is(&store, "dropped@example.com", "sent").await;
    assert_eq!(mail_server.counts().get("dropped@example.com"), Some(&1));
    assert_eq!(mail(&store, "lost@example.com").await["state"], "unknown");
}

/// Before the mail server waits for the message, nothing is doubtful.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_ends_early_costs_an_attempt_at_most() {
    let (store, mail_server) = (new_store().await, MailServer::start().await);
    mail_server.fail(Step::Recipient, "one@example.com", Fault::Drop, 1);
    mail_server.fail(Step::Data, "two@example.com", Fault::Drop, 1);
    let _server = server(&store, &mail_server).await;
    queue(&store, ["one@example.com", "two@example.com"].map(to).into()).await;
    for address in ["one@example.com", "two@example.com"] {
        until(&format!("{address} was tried"), async || {
            let tried = mail(&store, address).await;
            // A connection that was used before is made anew at once.
            (tried["attempts"] != 0).then_some(())
        })
        .await;
        let tried = mail(&store, address).await;
        assert_ne!(tried["state"], "unknown", "{tried}");
        if tried["state"] == "queued" {
            store.command(&format!("mail send-again {}", id(&tried))).await;
        }
        until_is(&store, address, "sent").await;
    }
    assert!(mail_server.counts().values().all(|count| *count == 1), "{:?}", mail_server.counts());
}

/// A server that is asked to stop finishes the mail that it is sending.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_that_is_being_sent_is_finished() {
    let (store, mail_server) = (new_store().await, MailServer::start().await);
    mail_server.fail(Step::End, "*", Fault::Wait(Duration::from_secs(3)), 100);
    let mut server = server(&store, &mail_server).await;
    let all: Vec<String> = (0..12).map(|number| format!("person{number}@example.com")).collect();
    queue(&store, all.iter().map(|address| to(address)).collect()).await;
    until("a mail is being sent", async || (mail_server.reached(Step::End) > 0).then_some(()))
        .await;
    assert!(server.stop().await.success());
    let after = mails(&store).await;
    let of = |state: &str| after.iter().filter(|mail| mail["state"] == state).count();
    assert_eq!(of("sent"), mail_server.received().len(), "{after:?}");
    assert!(of("sent") > 0 && of("queued") > 0, "{after:?}");
    assert_eq!(of("sent") + of("queued"), all.len(), "{after:?}");
}

/// What has changed since a mail was queued counts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_written_to_who_should_not_be() {
    let (store, mail_server) = (new_store().await, MailServer::start().await);
    queue(&store, ["active", "gone", "off"].map(|name| to(&format!("{name}@example.com"))).into())
        .await;
    for (name, state) in [("active", "active"), ("gone", "deactivated")] {
        let member = format!("member-{name}@example.com");
        store
            .open()
            .await
            .administer::<_, store::Error, _>(async move |tx: &mut Tx| {
                let acme = store::organizations::get(tx, "acme").await?.unwrap();
                let sql = "INSERT INTO member (organization_id, id, state, version, created_at, \
                     updated_at, document) VALUES (?1, ?2, ?3, 1, 1, 1, '{}')";
                let params = [(&acme.id).into(), (&member).into(), state.into()];
                tx.execute(sql, &params).await
            })
            .await
            .unwrap();
    }
    let mut server = server(&store, &mail_server).await;
    let gone = until_is(&store, "gone@example.com", "failed").await;
    assert_eq!(gone["problem"], "the member is deactivated");
    until_is(&store, "active@example.com", "sent").await;
    until_is(&store, "off@example.com", "sent").await;
    assert!(server.stop().await.success());

    store.command("organization update acme --enrolment off").await;
    queue(&store, vec![to("later@example.com")]).await;
    server.start_again().await;
    let off = until_is(&store, "later@example.com", "failed").await;
    assert_eq!(off["problem"], "the organization's enrolment mail is switched off");
    assert_eq!(mail_server.received().len(), 2);
}

/// Names and addresses come from a customer's directory: whatever is in them, they stay what they are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_and_addresses_are_no_headers_and_no_markup() {
    let (store, mail_server) = (new_store().await, MailServer::start().await);
    let _server = server(&store, &mail_server).await;
    let names = [
        "Ines\r\nBcc: all@example.com",
        "Ines\r\n\r\n<script>alert(1)</script>",
        "Ines\nSubject: Hello",
        "<b>Ines</b> \"&' <img src=x>",
        "=?utf-8?Q?Ines=0D=0ABcc:_all@example.com?=",
        "\u{202E}senI",
        ".\r\n.\r\nMAIL FROM:<evil@example.com>",
        "{{ link }}",
        "",
        "Ines\u{0}",
        "\\\" <evil@example.com>, \"",
    ];
    let mut all = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let mut new = to(&format!("person{number:02}@example.com"));
        // The embedded store keeps U+0000, PostgreSQL cannot; SCIM refuses it before.
        new.content.name = Some(name.replace('\0', "\u{1}"));
        all.push(new);
    }
    let bad = [
        "ines@example.com\r\nRCPT TO:<all@example.com>",
        "ines@example.com>\r\nDATA\r\nx",
        "ines\r\n@example.com",
        "<ines@example.com>",
        "\"ines\r\n\"@example.com",
        "ines@example.com,all@example.com",
        "ines",
    ];
    all.extend(bad.iter().enumerate().map(|(number, address)| {
        let mut new = to(address);
        new.id = format!("mail-bad{number}");
        new
    }));
    queue(&store, all).await;
    for (number, _) in names.iter().enumerate() {
        until_is(&store, &format!("person{number:02}@example.com"), "sent").await;
    }
    for address in bad {
        let failed = until_is(&store, address, "failed").await;
        assert_eq!(failed["problem"], "mail cannot be sent to an address of this form");
    }
    let received = mail_server.received();
    assert_eq!(received.len(), names.len());
    for mail in &received {
        let message = mail.message();
        let headers: Vec<String> =
            message.headers().iter().map(|header| header.name().to_ascii_lowercase()).collect();
        let mut expected = [
            "from",
            "to",
            "subject",
            "message-id",
            "date",
            "auto-submitted",
            "content-language",
            "mime-version",
            "content-type",
        ];
        expected.sort_unstable();
        let mut found: Vec<&str> = headers.iter().map(String::as_str).collect();
        found.sort_unstable();
        assert_eq!(found, expected);
        let recipients = message.to().unwrap();
        assert_eq!(recipients.iter().count(), 1, "{recipients:?}");
        assert_eq!(recipients.first().unwrap().address(), Some(&*mail.to));
        assert_eq!(message.subject(), Some("Your account for Acme"));
        let html = message.body_html(0).unwrap();
        for tag in ["<script", "<b>", "<img"] {
            assert!(!html.contains(tag), "{html}");
        }
        assert_eq!(html.matches("<a ").count(), 1, "{html}");
        assert!(!message.body_text(0).unwrap().contains('\u{202E}'));
    }
}

/// Addresses beyond ASCII need a mail server that takes them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn international_addresses() {
    let (store, mail_server) = (new_store().await, MailServer::start().await);
    let _server = server(&store, &mail_server).await;
    queue(&store, vec![to("žofie@example.com")]).await;
    let failed = until_is(&store, "žofie@example.com", "failed").await;
    assert!(failed["problem"].as_str().unwrap().contains("SMTPUTF8"), "{failed}");
    mail_server.offer_international();
    store.command(&format!("mail send-again {}", id(&failed))).await;
    until_is(&store, "žofie@example.com", "sent").await;
    let received = mail_server.received().remove(0);
    assert_eq!(received.to, "žofie@example.com");
    let recipient = received.message().to().unwrap().first().unwrap().address().map(str::to_owned);
    assert_eq!(recipient.as_deref(), Some("žofie@example.com"));
}

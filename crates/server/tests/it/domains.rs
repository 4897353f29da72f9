//! E-mail domains: verified through a real DNS server, by hand and in the background.

mod name_server;

use std::{process::Output, sync::Arc, time::Duration};

use hickory_server::{net::xfer::Protocol, proto::op::ResponseCode};
use serde_json::{Value, json};
use store::{Tx, projections::Projection};

use crate::harness::{TestServer, TestStore, until};
use name_server::{Answer, NameServer, texts};

/// A store with the organization `acme`, and a name server.
struct Place {
    store: Arc<TestStore>,
    dns: NameServer,
}

impl Place {
    async fn new() -> Self {
        let (store, dns) = tokio::join!(TestStore::new(), NameServer::start());
        store.command("organization create acme").await;
        Self { store, dns }
    }

    /// Adds a domain; the name and the value of its record.
    async fn add(&self, organization: &str, domain: &str) -> (String, String) {
        let added =
            self.store.command(&format!("domain add {domain} --organization {organization}")).await;
        let record = |key: &str| added["record"][key].as_str().unwrap().to_owned();
        (record("name"), record("value"))
    }

    async fn verify(&self, organization: &str, domain: &str) -> Output {
        let dns = &self.dns.address;
        let verify = format!("domain verify {domain} --organization {organization} --json");
        self.store.command_output(&format!("{verify} --dns-server {dns}")).await
    }

    async fn list(&self, organization: &str) -> Vec<Value> {
        let listed =
            self.store.command(&format!("domain list --organization {organization}")).await;
        listed.as_array().unwrap().clone()
    }

    async fn states(&self, organization: &str) -> Vec<Value> {
        self.list(organization).await.into_iter().map(|domain| domain["state"].clone()).collect()
    }

    async fn organization_id(&self, slug: &str) -> String {
        let all = self.store.command("organization list").await;
        let found = all.as_array().unwrap().iter().find(|found| found["slug"] == slug).unwrap();
        found["id"].as_str().unwrap().to_owned()
    }

    /// The latest run over the members of an organization.
    async fn run(&self, slug: &str) -> Option<Projection> {
        let id = self.organization_id(slug).await;
        let get = async move |tx: &mut Tx| store::projections::get(tx, &id).await;
        self.store.open().await.look_up::<_, store::Error, _>(get).await.unwrap()
    }

    /// As if a domain had been added and asked for at these times.
    async fn set_times(&self, slug: &str, domain: &str, added: i64, checked: i64) {
        let (id, name) = (self.organization_id(slug).await, domain.to_owned());
        self.store
            .open()
            .await
            .administer::<_, store::Error, _>(async move |tx: &mut Tx| {
                let domain = store::domains::remove(tx, &id, &name).await?.unwrap();
                store::domains::add(tx, &id, &name, &domain.challenge, added).await?;
                store::domains::refuse(tx, &id, &name, &domain.challenge, "set back", checked).await
            })
            .await
            .unwrap();
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn refused(output: &Output, status: i32, words: &[&str]) {
    let said = said(output);
    assert_eq!(output.status.code(), Some(status), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
}

#[tokio::test]
async fn from_the_challenge_to_the_removal() {
    let place = Place::new().await;
    let (name, value) = place.add("acme", "example.com").await;
    assert_eq!(name, "_headcount-challenge.example.com");
    let listed = place.list("acme").await;
    let keys: Vec<&str> = listed[0].as_object().unwrap().keys().map(String::as_str).collect();
    let known = [
        "organization",
        "domain",
        "state",
        "verified_by",
        "verified_at",
        "record",
        "checked_at",
        "problem",
        "created_at",
    ];
    assert_eq!(keys, known);
    assert_eq!(listed[0]["record"], json!({ "type": "TXT", "name": name, "value": value }));
    assert_eq!((&listed[0]["state"], &listed[0]["checked_at"]), (&json!("pending"), &json!(null)));

    refused(&place.verify("acme", "example.com").await, 1, &["there is no `_headcount-", &value]);
    let listed = place.list("acme").await;
    assert_eq!(listed[0]["state"], "pending");
    assert!(listed[0]["problem"].as_str().unwrap().contains(&value), "{listed:?}");
    assert!(listed[0]["checked_at"].is_string());
    // What people are shown says it as well.
    let shown = place.store.command_text("domain list --organization acme").await;
    assert!(shown.contains("pending") && shown.contains(&value), "{shown}");
    assert_eq!(place.run("acme").await, None);

    place.dns.set(&name, texts(&[&value]));
    let output = place.verify("acme", "Example.com").await;
    assert!(output.status.success(), "{}", said(&output));
    let verified: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&verified["state"], &verified["verified_by"]), (&json!("verified"), &json!("dns")));
    assert_eq!(verified["problem"], json!(null));
    assert_eq!(place.list("acme").await[0], verified);
    // Who the members are has to be looked at again.
    let run = place.run("acme").await.unwrap();
    assert_eq!(run.reason, "domains");

    // Verified is verified: nobody is asked, and nothing changes.
    place.dns.forget(&name);
    let asked = place.dns.asked(&name).len();
    let again = place.verify("acme", "example.com").await;
    assert_eq!(serde_json::from_slice::<Value>(&again.stdout).unwrap(), verified);
    assert_eq!(place.dns.asked(&name).len(), asked);
    assert_eq!(place.run("acme").await.unwrap().id, run.id);

    let remove = "domain remove example.com --organization acme";
    let removed = place.store.command(remove).await;
    assert_eq!(removed["state"], "removed");
    assert_eq!(place.list("acme").await, [json!(null); 0]);
    let later = place.run("acme").await.unwrap();
    assert_eq!((&*later.reason, later.id == run.id), ("domains", false));
    refused(&place.store.command_output(remove).await, 1, &["`acme` has no domain `example.com`"]);
    // Whoever adds it again has to prove it again.
    assert_ne!(place.add("acme", "example.com").await.1, value);
}

#[tokio::test]
async fn records_that_verify() {
    let place = Place::new().await;
    let long = vec!["v=spf1".to_owned(), "x".repeat(200)];
    let split = |value: &str| {
        let (begin, end) = value.split_at(20);
        vec![begin.to_owned(), end.to_owned()]
    };
    type Make = Box<dyn Fn(&str) -> Answer>;
    let cases: Vec<(&str, Make)> = vec![
        ("alone.example", Box::new(|value| texts(&[value]))),
        ("two.example", Box::new(|value| texts(&["headcount-domain-verification=dom-0", value]))),
        ("split.example", Box::new(move |value| Answer::Texts(vec![split(value)]))),
        ("quoted.example", Box::new(|value| texts(&[format!("\"{value}\" ")]))),
        (
            "beside-long.example",
            Box::new(move |value| Answer::Texts(vec![long.clone(), vec![value.to_owned()]])),
        ),
        (
            "slow.example",
            Box::new(|value| Answer::After(Duration::from_secs(1), Box::new(texts(&[value])))),
        ),
        ("xn--bcher-kva.example", Box::new(|value| texts(&[value]))),
    ];
    for (domain, answer) in &cases {
        let (name, value) = place.add("acme", domain).await;
        place.dns.set(&name, answer(&value));
    }
    for (domain, _) in &cases {
        let spelt = if domain.starts_with("xn--") { "BÜCHER.example" } else { domain };
        let output = place.verify("acme", spelt).await;
        assert!(output.status.success(), "{domain}: {}", said(&output));
    }
    assert!(place.states("acme").await.iter().all(|state| state == "verified"));
}

/// An answer that does not fit a datagram is cut off; the whole one comes by TCP.
#[tokio::test]
async fn a_long_answer_is_fetched_by_tcp() {
    let place = Place::new().await;
    let (name, value) = place.add("acme", "long.example").await;
    let mut records: Vec<Vec<String>> = (0..40)
        .map(|number| vec![format!("number {number}"), "x".repeat(250), "y".repeat(250)])
        .collect();
    records.push(vec![value]);
    place.dns.set(&name, Answer::Texts(records));
    let output = place.verify("acme", "long.example").await;
    assert!(output.status.success(), "{}", said(&output));
    let asked = place.dns.asked(&name);
    assert_eq!((asked.first(), asked.last()), (Some(&Protocol::Udp), Some(&Protocol::Tcp)));
}

#[tokio::test]
async fn what_is_wrong_is_said_in_words() {
    let place = Place::new().await;
    let code = |code| Some(Answer::Code(code));
    // The last: whether the record is told that has to be set.
    for (domain, answer, words, record) in [
        ("none.example", None, "there is no `_headcount-challenge.none.example` in DNS", true),
        ("bare.example", Some(Answer::NoRecord), "has no TXT record", true),
        ("wrong.example", Some(texts(&["v=spf1 -all"])), "says `v=spf1 -all`: set one to", true),
        ("failing.example", code(ResponseCode::ServFail), "(Server Failure): have them", false),
        ("refusing.example", code(ResponseCode::Refused), "of `refusing.example` did not", false),
        ("silent.example", Some(Answer::Silence), "no name server answered for", false),
    ] {
        let (name, value) = place.add("acme", domain).await;
        if let Some(answer) = answer {
            place.dns.set(&name, answer);
        }
        let output = place.verify("acme", domain).await;
        refused(&output, 1, &[words, if record { &value } else { "" }]);
        let told = place.store.command_text("domain list --organization acme").await;
        assert!(told.contains(words), "{told}");
    }
    assert_eq!(place.states("acme").await, ["pending"; 6]);

    // Nobody listens there.
    let free = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let verify = format!("domain verify none.example --organization acme --dns-server {free}");
    let output = place.store.command_output(&verify).await;
    refused(&output, 1, &["name server", "--dns-server"]);
    let verify = "domain verify none.example --organization acme --dns-server ns.example";
    let output = place.store.command_output(verify).await;
    refused(&output, 2, &["`ns.example` is no address of a name server"]);
}

#[tokio::test]
async fn a_domain_of_two_organizations_is_proved_twice() {
    let place = Place::new().await;
    place.store.command("organization create globex").await;
    let (name, of_acme) = place.add("acme", "shared.example").await;
    let (same, of_globex) = place.add("globex", "shared.example").await;
    assert_eq!(name, same);
    assert_ne!(of_acme, of_globex);

    place.dns.set(&name, texts(&[&of_acme]));
    assert!(place.verify("acme", "shared.example").await.status.success());
    refused(&place.verify("globex", "shared.example").await, 1, &[&of_acme, &of_globex]);
    assert_eq!(place.states("globex").await, ["pending"]);

    place.dns.set(&name, texts(&[&of_acme, &of_globex]));
    assert!(place.verify("globex", "shared.example").await.status.success());
    // One of them gives it up.
    place.store.command("domain remove shared.example --organization acme").await;
    assert_eq!(place.states("globex").await, ["verified"]);
}

#[tokio::test]
async fn what_cannot_be_added() {
    let place = Place::new().await;
    let add = async |name: &str| {
        place.store.command_output(&format!("domain add {name} --organization acme")).await
    };
    for name in ["com", "192.0.2.1", "https://example.com", "_dmarc.example.com", "a..example", "*"]
    {
        refused(&add(name).await, 2, &["is no domain"]);
    }
    refused(&add("ada@example.com").await, 2, &["`example.com`"]);
    let long = format!("{}example", "abcdefg.".repeat(29));
    refused(&add(&long).await, 2, &["239 characters"]);
    assert!(add("Example.com.").await.status.success());
    refused(&add("EXAMPLE.com").await, 1, &["`acme` has the domain `example.com` already"]);
    for verb in ["add", "verify", "remove"] {
        let elsewhere = format!("domain {verb} example.com --organization globex");
        let output = place.store.command_output(&elsewhere).await;
        refused(&output, 1, &["no organization `globex`"]);
    }
    let unknown = "domain verify other.example --organization acme";
    refused(&place.store.command_output(unknown).await, 1, &["`headcount domain add`"]);
}

#[tokio::test]
async fn an_operator_verifies_without_dns() {
    let place = Place::new().await;
    let (name, _) = place.add("acme", "example.com").await;
    let verify = "domain verify example.com --organization acme --by-operator";
    let verified = place.store.command(verify).await;
    assert_eq!(
        (&verified["state"], &verified["verified_by"]),
        (&json!("verified"), &json!("operator"))
    );
    assert!(place.dns.asked(&name).is_empty());
    let run = place.run("acme").await.unwrap();
    assert_eq!(place.store.command(verify).await, verified);
    assert_eq!(place.run("acme").await.unwrap().id, run.id);
}

#[tokio::test]
async fn a_running_server_looks_for_the_records() {
    let place = Place::new().await;
    // Added long ago: nobody waits for it any more, but `domain verify` does.
    let (old, of_old) = place.add("acme", "old.example").await;
    place.set_times("acme", "old.example", 0, 1).await;
    place.dns.set(&old, texts(&[&of_old]));

    let server = TestServer::on(&place.store, &["--dns-server", &place.dns.address]).await;
    let (name, value) = place.add("acme", "example.com").await;
    let of = async |domain: &str| {
        let listed = place.list("acme").await;
        listed.into_iter().find(|listed| listed["domain"] == domain).unwrap()
    };
    let problem = until("the missing record is told", async || {
        of("example.com").await["problem"].as_str().map(str::to_owned)
    })
    .await;
    assert!(problem.contains(&value), "{problem}");

    place.dns.set(&name, texts(&[&value]));
    let now = headcount::clock::now();
    place.set_times("acme", "example.com", now - 120_000_000, now - 61_000_000).await;
    let verified = until("the record is found", async || {
        let domain = of("example.com").await;
        (domain["state"] == "verified").then_some(domain)
    })
    .await;
    assert_eq!(verified["verified_by"], "dns");
    assert_eq!(place.run("acme").await.unwrap().reason, "domains");
    assert!(server.log().contains("domain verified"), "{}", server.log());

    // What was verified stays so, and is not asked for again.
    place.dns.forget(&name);
    let asked = place.dns.asked(&name).len();
    let (next, _) = place.add("acme", "next.example").await;
    until("the next round", async || (!place.dns.asked(&next).is_empty()).then_some(())).await;
    assert_eq!(of("example.com").await, verified);
    assert_eq!(place.dns.asked(&name).len(), asked);

    assert!(place.dns.asked(&old).is_empty());
    let shown = place.store.command_text("domain list --organization acme").await;
    assert!(shown.contains("not looked for any more"), "{shown}");
    assert!(place.verify("acme", "old.example").await.status.success());
}

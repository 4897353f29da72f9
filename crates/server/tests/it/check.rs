//! `headcount check`: against our own server, and against servers with one fault each.

mod faults;
mod proxy;

use std::process::{Command, Stdio};

use conformance::{Level, Options, Outcome, Report};
use serde_json::Value;

use crate::harness::{BINARY, Directory, TestServer, blocking};

/// What our server does not do although it is recommended or some client could use it, and why.
const NOT_OURS: [(&str, &str); 0] = [];

async fn run(options: Options) -> Report {
    conformance::run(options, |_| {}, std::future::pending()).await.unwrap()
}

fn options(server: &TestServer, directory: &Directory) -> Options {
    Options::new(server.scim_url(directory), &directory.token)
}

/// Every requirement that can be seen from outside is met: by everything that the checks know.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_server_passes() {
    let server = TestServer::start().await;
    let directory = server.directory("entra", 0).await;
    let report = run(options(&server, &directory)).await;
    let excused = |name: &str| NOT_OURS.iter().any(|(known, _)| *known == name);
    let failed = report.results.iter().filter(|result| result.outcome == Outcome::Fail);
    let failed: Vec<_> =
        failed.filter(|r| r.level == Level::Must || !excused(r.name)).map(|r| r.name).collect();
    assert!(failed.is_empty(), "{failed:?}\n{report}");
    assert!(report.passed);
    assert!(report.counts.must.pass > 140, "{report}");
    assert!(report.left.created > 200, "{report}");
    assert!(report.left.remaining.is_empty(), "{report}");
    for endpoint in ["/Users", "/Groups"] {
        let listed = server.client(&directory).get(endpoint).await.expect(200).body;
        assert_eq!(listed["totalResults"], 0, "{endpoint}");
    }
}

/// What is there stays as it is, and names, levels and numbers of the checks are in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_else_is_touched() {
    let server = TestServer::start().await;
    let directory = server.directory("okta", 0).await;
    let client = server.client(&directory);
    let kept = client.post("/Users", crate::harness::user("ada@example.com")).await.expect(201);
    let mut options = options(&server, &directory);
    options.only = ["S-127", "S-264", "delete", "sort"].map(str::to_owned).to_vec();
    let report = run(options).await;
    assert!(report.passed, "{report}");
    assert_eq!(client.get(&format!("/Users/{}", kept.id())).await.expect(200).body, kept.body);

    let catalog = conformance::catalog();
    let mut names: Vec<&str> = catalog.iter().map(|check| check.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), catalog.len(), "a name stands for two checks");
    for check in catalog {
        for number in check.numbers.split(' ') {
            let (kind, digits) = number.split_once('-').unwrap();
            assert!(["S", "E", "O", "X"].contains(&kind), "{number}");
            assert!(digits.len() >= 2 && digits.bytes().all(|b| b.is_ascii_digit()), "{number}");
        }
    }
}

/// Broken off in the middle, the run deletes what it created.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_off_it_cleans_up() {
    let server = TestServer::start().await;
    let directory = server.directory("entra", 0).await;
    let users = server.client(&directory);
    // As soon as somebody is there, in the middle of a check.
    let stop = async {
        let seen = async || {
            let listed = users.get("/Users?count=0").await.expect(200).body;
            (listed["totalResults"] != 0).then_some(())
        };
        crate::harness::until("a user of the checks", seen).await;
    };
    let report = conformance::run(options(&server, &directory), |_| {}, stop).await.unwrap();
    assert!(report.interrupted);
    assert!(report.left.remaining.is_empty(), "{report}");
    let listed = users.get("/Users").await.expect(200).body;
    assert_eq!(listed["totalResults"], 0);
}

/// The command: what it prints, and its exit status.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command() {
    let server = TestServer::start().await;
    let directory = server.directory("entra", 0).await;
    let url = server.scim_url(&directory);
    let check = async |arguments: &[&str]| {
        let mut command = Command::new(BINARY);
        command.arg("check").args(arguments).stdin(Stdio::null());
        let output = blocking(move || command.output().unwrap()).await;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let token = &directory.token;
    let reached = ["--url", &url, "--token", token];

    let (code, printed, _) = check(&[&reached[..], &["--only", "S-127"]].concat()).await;
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.ends_with("no MUST failed\n"), "{printed}");

    let arguments = [&reached[..], &["--read-only", "--json"]].concat();
    let (code, printed, _) = check(&arguments).await;
    assert_eq!(code, Some(0), "{printed}");
    let report: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(report["left"]["created"], 0);
    assert_eq!(report["left"]["verified"], "nothing was written");
    assert!(report["results"].as_array().unwrap().len() > 30);
    for key in ["name", "numbers", "title", "level", "source", "outcome"] {
        assert!(!report["results"][0][key].is_null(), "{key}");
    }
    assert!(!printed.contains(token.as_str()));

    let (code, printed, _) = check(&["--list"]).await;
    assert_eq!((code, printed.lines().count()), (Some(0), conformance::catalog().len() + 1));

    let nowhere = format!("{}/nowhere", server.url);
    let wrong: [(&[&str], &str); 5] = [
        (&["--url", &url, "--token", "wrong"], "refuses the token"),
        (&["--url", "http://127.0.0.1:9/scim", "--token", "x"], "no answer"),
        (&["--url", "ftp://example.com", "--token", "x"], "not a base URL"),
        (&["--url", &nowhere, "--token", token], "is not a SCIM 2.0 server"),
        (&["--url", &url, "--token", token, "--only", "S-9999"], "there is no check"),
    ];
    for (arguments, said) in wrong {
        let (code, printed, error) = check(arguments).await;
        assert_eq!((code, printed.as_str()), (Some(2), ""), "{arguments:?}: {error}");
        assert!(error.contains(said), "{arguments:?}: {error}");
        assert!(!error.contains(token.as_str()), "{error}");
    }
}

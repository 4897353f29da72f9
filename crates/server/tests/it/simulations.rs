//! The simulated identity providers against the real server: every scenario, no fault, no
//! difference.

use simulate::{Kind, Options, Pace, Report, TokenEndpoint};

use crate::{audited, harness::TestServer};

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Entra => "entra",
        Kind::Okta => "okta",
        Kind::OneLogin | Kind::JumpCloud => "generic",
    }
}

/// The organization of a service: each has its own.
fn slug(kind: Kind) -> String {
    kind.title().to_lowercase().replace(' ', "-")
}

/// Nothing went wrong, and the members and teams of the service's organization are what it believes.
async fn passed(server: &TestServer, report: &Report) {
    assert!(report.passed(), "{report}");
    let slug = slug(report.kind);
    let (_, directory_id) = report.url.rsplit_once('/').unwrap();
    audited::as_believed(server, &slug, directory_id, &report.believed).await;
    audited::events_tell_all(server, &slug).await;
}

async fn options(server: &TestServer, kind: Kind) -> Options {
    let directory = server.directory_of(&slug(kind), name(kind), 0).await;
    let mut options = Options::new(kind, server.scim_url(&directory), &directory.token);
    options.users = 40;
    options.groups = 10;
    options.parallel = 8;
    options
}

/// All scenarios, with few enough people for every test run.
async fn run(kind: Kind, seed: u64, users: usize) -> Report {
    let server = TestServer::start().await;
    let mut options = options(&server, kind).await;
    options.users = users;
    options.groups = 15;
    options.seed = seed;
    let report = simulate::run(options, |_| {}).await.unwrap();
    assert_eq!(report.scenarios.len(), simulate::scenarios(kind).len());
    passed(&server, &report).await;
    report
}

/// S-341, S-342, S-343, S-344.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entra_finds_no_fault() {
    for (seed, users) in [(1, 120), (2, 30)] {
        let report = run(Kind::Entra, seed, users).await;
        assert!(report.total > 1_000, "{report}");
        assert!(!report.quarantines.is_empty(), "{report}");
    }
}

/// S-346.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn okta_finds_no_fault() {
    for (seed, users) in [(1, 120), (2, 30)] {
        let report = run(Kind::Okta, seed, users).await;
        assert!(report.total > 1_000, "{report}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_smaller_ones_find_no_fault() {
    for kind in [Kind::OneLogin, Kind::JumpCloud] {
        run(kind, 1, 30).await;
    }
}

/// Whatever happens on the way, everything arrives in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trouble_on_the_way_leaves_no_difference() {
    let server = TestServer::start().await;
    for kind in Kind::ALL {
        let mut options = options(&server, kind).await;
        for text in ["lost=11", "timed-out=23", "throttled=17", "bad-gateway=29", "repeated=13"] {
            options.troubles.push(text.parse().unwrap());
        }
        let report = simulate::run(options, |_| {}).await.unwrap();
        passed(&server, &report).await;
        assert!(report.troubles.len() >= 5, "{report}");
    }
}

/// A recorded run, sent to another directory, meets the same answers and leaves the same behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replayed_script_ends_the_same() {
    let server = TestServer::start().await;
    for kind in Kind::ALL {
        let mut options = options(&server, kind).await;
        options.script = true;
        options.users = 20;
        let report = simulate::run(options, |_| {}).await.unwrap();
        assert!(report.passed(), "{report}");
        let other = server.directory_of(&format!("again-{}", name(kind)), name(kind), 0).await;
        let url = server.scim_url(&other);
        let script = report.script.unwrap();
        let replayed = simulate::replay(&script, &url, &other.token, |_, _| {}).await.unwrap();
        assert!(replayed.passed(), "{kind:?}: {replayed}");
    }
}

/// Two runs with the same seed on fresh directories write the same bytes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_seed_writes_the_same_script() {
    let server = TestServer::start().await;
    for kind in Kind::ALL {
        let mut scripts = Vec::new();
        for _ in 0..2 {
            let mut options = options(&server, kind).await;
            options.script = true;
            options.users = 12;
            options.parallel = 1;
            let report = simulate::run(options, |_| {}).await.unwrap();
            scripts.push(report.script.unwrap());
        }
        let (one, other) = (&scripts[0], &scripts[1]);
        let mut pairs = one.lines().zip(other.lines());
        if let Some((one, other)) = pairs.find(|(one, other)| one != other) {
            panic!("{kind:?}\n{one}\n{other}");
        }
        assert_eq!(one.len(), other.len(), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cycles_against_the_clock() {
    let server = TestServer::start().await;
    for kind in Kind::ALL {
        let options = options(&server, kind).await;
        let pace = Pace { speed: 1_000_000, cycles: Some(6) };
        let never = std::future::pending();
        let report = simulate::run_cycles(options, pace, never, |_| {}, |_| {}).await.unwrap();
        passed(&server, &report).await;
    }
}

/// By the command line: recorded, replayed, and run against the clock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_the_command_line() {
    let server = TestServer::start().await;
    let to = async |kind| {
        let directory = server.directory(kind, 0).await;
        format!("--url {} --token {}", server.scim_url(&directory), directory.token)
    };
    let file = server.data().join("script.jsonl").display().to_string();
    let small = "--users 10 --groups 3 --scenario connect --scenario assign-oin --set auth=header";
    let line = format!("simulate okta {} {small} --record {file}", to("okta").await);
    let report = server.command(&line).await;
    assert_eq!(report["changes"]["users_created"], 10, "{report}");
    let lines = std::fs::read_to_string(&file).unwrap().lines().count() as u64;
    let held = report["users"].as_u64().unwrap() + report["groups"].as_u64().unwrap();
    assert_eq!(lines, 1 + report["total"].as_u64().unwrap() + held);
    let replayed = server.command(&format!("simulate replay {file} {}", to("okta").await)).await;
    assert_eq!(replayed["requests"], report["total"]);
    for none in ["statuses", "differences"] {
        assert_eq!(replayed[none].as_array().map(Vec::len), Some(0), "{replayed}");
    }
    let line = format!("simulate entra {} --users 10 --groups 3", to("entra").await);
    let said = server.command_text(&format!("{line} --against-clock 1000000 --cycles 3")).await;
    assert!(said.starts_with("cycle 1    00:00:00  0 changes"), "{said}");
    assert!(said.contains("\ncycle 3    01:20:"), "{said}");
    assert!(said.trim_end().ends_with("no fault, no difference"), "{said}");
    let listed = server.command_text("simulate jumpcloud --list").await;
    for word in ["activate", "deprovision", "deactivate | delete", "bad-gateway"] {
        assert!(listed.contains(word), "{listed}");
    }
}

/// E-125, E-126: the directory's token as a client secret, in the body and in the header.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entra_signs_in_by_oauth() {
    let server = TestServer::start().await;
    for auth in ["oauth-body", "oauth-basic"] {
        let mut options = options(&server, Kind::Entra).await;
        let (host, client_id) = options.url.split_once("/scim/v2/").unwrap();
        let client_id = client_id.trim_end_matches('/').to_owned();
        options.token_endpoint =
            Some(TokenEndpoint { url: format!("{host}/oauth/token"), client_id });
        options.knobs = vec![("auth".to_owned(), auth.to_owned())];
        options.scenarios = vec!["initial".to_owned(), "quarantine".to_owned()];
        let report = simulate::run(options.clone(), |_| {}).await.unwrap();
        assert!(report.passed(), "{auth}: {report}");
        options.token = "hcscim_never-issued".to_owned();
        let error = simulate::run(options, |_| {}).await.unwrap_err().to_string();
        assert!(error.starts_with("the server refused the token with status 401"), "{error}");
    }
}

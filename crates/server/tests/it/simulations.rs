//! The simulated identity providers against the real server: every scenario, no fault, no
//! difference.

use simulate::{Kind, Options, Report};

use crate::harness::TestServer;

/// All scenarios, with few enough people for every test run.
async fn run(kind: Kind, seed: u64) -> Report {
    let server = TestServer::start().await;
    let name = match kind {
        Kind::Entra => "entra",
        Kind::Okta => "okta",
    };
    let directory = server.directory(name, 0).await;
    let mut options = Options::new(kind, server.scim_url(&directory), &directory.token);
    options.users = 120;
    options.groups = 15;
    options.seed = seed;
    options.parallel = 8;
    let report = simulate::run(options, |_| {}).await.unwrap();
    assert_eq!(report.scenarios.len(), simulate::scenarios(kind).len());
    assert!(report.total > 1_000, "{report}");
    report
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entra_finds_no_fault() {
    for seed in [1, 2] {
        let report = run(Kind::Entra, seed).await;
        assert!(report.passed(), "seed {seed}: {report}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn okta_finds_no_fault() {
    for seed in [1, 2] {
        let report = run(Kind::Okta, seed).await;
        assert!(report.passed(), "seed {seed}: {report}");
    }
}

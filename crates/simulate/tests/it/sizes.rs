//! Directories of all sizes.

use simulate::{Kind, Options, Report};

use crate::reference;

async fn run(kind: Kind, users: usize, groups: usize, parallel: usize) -> Report {
    let url = reference::start(None).await;
    let options = Options { users, groups, parallel, ..Options::new(kind, url, reference::TOKEN) };
    simulate::run(options, |_| ()).await.expect("the simulation begins")
}

#[tokio::test]
async fn small_directories() {
    for kind in [Kind::Entra, Kind::Okta] {
        for (users, groups, parallel) in [(1, 0, 1), (2, 1, 1), (3, 3, 8), (10, 2, 1)] {
            let report = run(kind, users, groups, parallel).await;
            assert!(report.passed(), "{users} users, {groups} groups: {report}");
        }
    }
}

/// As many as the project promises to take in without an error. Takes a while in a debug build.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute in a debug build; run it with --ignored"]
async fn a_large_directory() {
    for kind in [Kind::Entra, Kind::Okta] {
        let report = run(kind, 2000, 200, 8).await;
        println!("{report}");
        assert!(report.passed());
    }
}

//! Directories of all sizes. Large ones are a matter for the command line: `headcount simulate … --users 10000`.

use simulate::{Kind, Options, Report};

use crate::reference;

async fn run(kind: Kind, users: usize, groups: usize, parallel: usize) -> Report {
    let url = reference::start(None).await;
    let options = Options { users, groups, parallel, ..Options::new(kind, url, reference::TOKEN) };
    simulate::run(options, |_| ()).await.expect("the simulation begins")
}

#[tokio::test]
async fn small_directories() {
    for kind in Kind::ALL {
        for (users, groups, parallel) in [(1, 0, 1), (2, 1, 1), (3, 3, 8), (10, 2, 1)] {
            let report = run(kind, users, groups, parallel).await;
            assert!(report.passed(), "{users} users, {groups} groups: {report}");
        }
    }
}

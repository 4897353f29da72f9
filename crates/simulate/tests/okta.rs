//! Okta's client against the reference server, right and wrong.

mod reference;

use reference::Flaw;
use simulate::{Kind, Options, Report};

async fn simulate(flaw: Option<Flaw>, scenarios: &[&str]) -> Report {
    let url = reference::start(flaw).await;
    run(&url, 60, 8, scenarios).await
}

async fn run(url: &str, users: usize, groups: usize, scenarios: &[&str]) -> Report {
    let options = Options {
        users,
        groups,
        record: true,
        scenarios: scenarios.iter().map(|name| name.to_string()).collect(),
        ..Options::new(Kind::Okta, url, reference::TOKEN)
    };
    simulate::run(options, |_| ()).await.expect("the simulation begins")
}

#[tokio::test]
async fn a_right_server_has_no_faults() {
    let report = simulate(None, &[]).await;
    assert!(report.passed(), "{report}");
    println!("{report}");
}

#[tokio::test]
async fn every_scenario_stands_alone_and_can_be_repeated() {
    for scenario in simulate::scenarios(Kind::Okta) {
        let url = reference::start(None).await;
        for time in ["first", "second", "third"] {
            let report = run(&url, 60, 8, &[scenario.name]).await;
            assert!(report.passed(), "{} for the {time} time: {report}", scenario.name);
        }
    }
}

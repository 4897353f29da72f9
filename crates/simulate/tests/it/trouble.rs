//! Servers that cannot keep up, or fail for a moment.

use simulate::{Kind, Options, Report};

use crate::reference::{self, Flaw};

async fn run(kind: Kind, flaw: Flaw, scenario: &str) -> Report {
    let url = reference::start(Some(flaw)).await;
    let options = Options {
        users: 20,
        groups: 3,
        scenarios: vec![scenario.to_owned()],
        ..Options::new(kind, url, reference::TOKEN)
    };
    simulate::run(options, |_| ()).await.expect("the simulation begins")
}

#[tokio::test]
async fn a_throttled_run_waits_and_arrives() {
    for (kind, scenario) in [(Kind::Entra, "initial"), (Kind::Okta, "assign-aiw")] {
        let report = run(kind, Flaw::Throttles, scenario).await;
        assert!(report.passed(), "{report}");
        assert!(report.throttled > 0, "{report}");
    }
}

#[tokio::test]
async fn a_pause_without_seconds_is_a_fault() {
    for (kind, scenario, case) in
        [(Kind::Entra, "initial", "E-110"), (Kind::Okta, "connect", "O-96")]
    {
        let report = run(kind, Flaw::ThrottlesByDate, scenario).await;
        assert_eq!(report.faults.iter().map(|fault| fault.case).collect::<Vec<_>>(), [case]);
    }
}

/// E-114, O-99: what failed once is repeated, by the next cycle or by an administrator, and nothing is missing.
#[tokio::test]
async fn a_moment_of_failure_is_made_good() {
    for (kind, scenario) in [(Kind::Entra, "initial"), (Kind::Okta, "assign-aiw")] {
        let report = run(kind, Flaw::FailsForAMoment, scenario).await;
        assert!(report.differences.is_empty(), "{report}");
        assert_eq!(report.users, 20, "{report}");
        assert!(!report.faults.is_empty() && report.faults.iter().all(|f| f.got.contains("503")));
    }
}

#[tokio::test]
async fn a_refused_token_stops_before_it_begins() {
    let url = reference::start(None).await;
    let error = simulate::run(Options::new(Kind::Okta, url, "wrong"), |_| ()).await;
    let error = error.expect_err("the token is wrong").to_string();
    assert!(error.starts_with("the server refused the token with status 401"), "{error}");
}

/// What people and programs get to read about a fault.
#[tokio::test]
async fn a_report_of_faults() {
    let report = run(Kind::Entra, Flaw::EmptiesGroupOnRemove, "group-lifecycle").await;
    let text = report.to_string();
    assert!(text.contains("fault E-80: members are missing after a change of members"), "{text}");
    assert!(text.contains("\"op\":\"Remove\",\"path\":\"members\""), "{text}");
    assert!(text.ends_with("differences"), "{text}");
    let json = serde_json::to_value(&report).expect("a report is JSON");
    assert_eq!(json["kind"], "entra");
    assert!(json["requests"]["PATCH"]["204"].is_u64());
    assert_eq!(json["faults"][0]["request"]["method"], "PATCH");
    assert!(json["differences"].is_array() && json["changes"]["users_created"].is_u64());
}

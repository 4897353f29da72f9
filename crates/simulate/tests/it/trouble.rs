//! Servers that cannot keep up, or fail for a moment.

use simulate::{Kind, Options, Quarantine, Report, Sent, Trouble};

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

const HOUR: u64 = 3_600_000;

/// One scenario against a server that is right, at one request at a time.
async fn healthy(kind: Kind, scenario: &str, troubles: &[&str], knobs: &[(&str, &str)]) -> Report {
    let url = reference::start(None).await;
    let options = Options {
        users: 20,
        groups: 3,
        parallel: 1,
        record: true,
        scenarios: vec![scenario.to_owned()],
        troubles: troubles.iter().map(|text| text.parse().expect("it is right")).collect(),
        knobs: knobs.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect(),
        ..Options::new(kind, url, reference::TOKEN)
    };
    let report = simulate::run(options, |_| ()).await.expect("the simulation begins");
    assert!(report.passed(), "{report}");
    report
}

fn waits(quarantines: &[Quarantine]) -> Vec<(u32, u64)> {
    quarantines.iter().map(|q| (q.stage, (q.until_ms - q.from_ms) / HOUR)).collect()
}

/// E-114: fifty minutes of 503 are no quarantine, and nothing is missing afterwards.
#[tokio::test]
async fn e_114_an_outage_passes() {
    let report = healthy(Kind::Entra, "outage", &[], &[]).await;
    let unavailable = |sent: &&Sent| sent.trouble == Some(Trouble::Unavailable);
    let first = report.sent.iter().find(unavailable).expect("there is an outage").at_ms;
    let until = first + 80 * 60_000;
    let refused = |sent: &&Sent| {
        !sent.verification && (first..until).contains(&sent.at_ms) && sent.status != Some(503)
    };
    let better = report.sent.iter().find(refused);
    assert!(better.is_none(), "two cycles fall into it: {better:?}");
    assert!(report.quarantines.iter().all(|quarantine| quarantine.from_ms >= until), "{report}");
}

/// E-128: 6 hours, then 12, until the token is right again; later most writes fail and it is 6 once more.
#[tokio::test]
async fn quarantine_has_stages() {
    let report = healthy(Kind::Entra, "quarantine", &[], &[]).await;
    assert_eq!(waits(&report.quarantines), [(1, 6), (2, 12), (1, 6)], "{report}");
    assert!(report.quarantines[2].reason.ends_with("of 10 objects failed"), "{report}");
    assert!(report.to_string().contains("stage 2, quarantine: a probe was answered with 401"));
}

/// E-107: nothing is switched off or deleted before somebody has allowed it.
#[tokio::test]
async fn e_107_deletions_wait_for_approval() {
    let report = healthy(Kind::Entra, "accidental-deletion", &[], &[]).await;
    let [held] = report.quarantines.as_slice() else { panic!("{report}") };
    assert_eq!(held.until_ms - held.from_ms, 24 * HOUR);
    let writes = |sent: &&Sent| !sent.verification && sent.request.method != "GET";
    let during = |sent: &&Sent| (held.from_ms..held.until_ms).contains(&sent.at_ms);
    assert_eq!(report.sent.iter().filter(writes).filter(during).count(), 0);
    let deleted = report.sent.iter().find(|sent| sent.request.method == "DELETE");
    assert!(deleted.is_some_and(|sent| sent.at_ms >= held.until_ms), "{deleted:?}");
    assert_eq!(report.changes.users_deactivated, 4, "{report}");
}

/// Thirty days in the recycle bin.
#[tokio::test]
async fn a_purge_takes_its_time() {
    let report = healthy(Kind::Entra, "purge", &[], &[]).await;
    let when = |found: &dyn Fn(&Sent) -> bool| {
        let mut own = report.sent.iter().filter(|sent| !sent.verification);
        own.find(|sent| found(sent)).expect("it was sent").at_ms
    };
    let off = when(&|sent| {
        let body = sent.request.body.as_ref();
        body.is_some_and(|body| body["Operations"][0]["path"] == "active")
    });
    let deleted = when(&|sent| sent.request.method == "DELETE");
    assert!(deleted - off >= 30 * 24 * HOUR, "{off} {deleted}");
}

/// E-111: with `retry=immediate` the repeat of a stored POST meets 409, and the next cycle finds the user.
#[tokio::test]
async fn e_111_a_repeat_at_once_meets_its_first() {
    let knobs = [("retry", "immediate")];
    let report = healthy(Kind::Entra, "initial", &["lost=4"], &knobs).await;
    let lost = |sent: &&Sent| sent.trouble == Some(Trouble::Lost) && sent.request.method == "POST";
    let first = report.sent.iter().position(|sent| lost(&sent)).expect("a POST got lost");
    let (one, other) = (&report.sent[first], &report.sent[first + 1]);
    assert_eq!((one.status, other.status), (Some(201), Some(409)), "{one:?} {other:?}");
    assert_eq!(one.request, other.request);
    assert!(report.changes.users_linked + report.changes.groups_linked > 0, "{report}");
}

/// O-96: twenty seconds, and twice as long each time; after the tenth answer the task is dead until somebody retries.
#[tokio::test]
async fn o_96_pauses_double_and_end() {
    let report = healthy(Kind::Okta, "bad-network", &[], &[]).await;
    let throttled: Vec<&Sent> =
        report.sent.iter().filter(|sent| sent.trouble == Some(Trouble::Throttled)).collect();
    let last = throttled.last().expect("some are").request.clone();
    let attempts: Vec<u64> =
        throttled.iter().filter(|sent| sent.request == last).map(|sent| sent.at_ms).collect();
    let pauses: Vec<u64> = attempts.windows(2).map(|pair| (pair[1] - pair[0]) / 1000).collect();
    assert_eq!(pauses, [20, 40, 80, 160, 320, 640, 1280, 2560, 5120], "{attempts:?}");
    // The same look-up comes again, and is answered.
    let again = report.sent.iter().rfind(|sent| sent.request == last).expect("it is there");
    assert_eq!((again.status, again.trouble), (Some(200), None));
}

/// Every trouble alone, often, for every kind: everything arrives in the end.
#[tokio::test]
async fn every_trouble_is_overcome() {
    for trouble in Trouble::ALL {
        for (kind, scenario) in [
            (Kind::Entra, "rename"),
            (Kind::Okta, "push-now"),
            (Kind::OneLogin, "update"),
            (Kind::JumpCloud, "leave"),
        ] {
            let report = healthy(kind, scenario, &[&format!("{trouble}=5")], &[]).await;
            assert!(report.troubles[&trouble] > 0, "{report}");
        }
    }
}

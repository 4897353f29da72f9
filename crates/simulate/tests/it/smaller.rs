//! OneLogin and JumpCloud against the reference server, right and wrong.

use simulate::{Kind, Options, Report};

use crate::reference::{self, Flaw};

async fn run(kind: Kind, url: &str, scenarios: &[&str], knobs: &[(&str, &str)]) -> Report {
    let options = Options {
        users: 20,
        groups: 3,
        parallel: 1,
        record: true,
        scenarios: scenarios.iter().map(|name| name.to_string()).collect(),
        knobs: knobs.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect(),
        ..Options::new(kind, url, reference::TOKEN)
    };
    simulate::run(options, |_| ()).await.expect("the simulation begins")
}

/// X-10, X-12: what is left after one run is found or gone for the next, whichever way people leave.
#[tokio::test]
async fn a_right_server_has_no_faults() {
    for (kind, knobs) in [
        (Kind::OneLogin, &[("deprovision", "delete")][..]),
        (Kind::OneLogin, &[("deprovision", "deactivate"), ("template-leftovers", "off")]),
        (Kind::JumpCloud, &[("deprovision", "deactivate"), ("update", "put")]),
        (Kind::JumpCloud, &[("deprovision", "delete"), ("update", "patch")]),
    ] {
        let url = reference::start(None).await;
        for time in ["first", "second"] {
            let report = run(kind, &url, &[], knobs).await;
            assert!(report.passed(), "{knobs:?} for the {time} time: {report}");
        }
    }
}

#[tokio::test]
async fn flaws_are_found() {
    let mut missed = Vec::new();
    for (kind, flaw, scenario, case) in [
        (Kind::OneLogin, Flaw::NotFoundForNoHit, "connect", "X-01"),
        (Kind::OneLogin, Flaw::IgnoresFilters, "assign", "X-01"),
        (Kind::OneLogin, Flaw::KeepsStringBooleans, "assign", "X-05"),
        (Kind::OneLogin, Flaw::DeletesNothing, "leave", "X-10"),
        (Kind::OneLogin, Flaw::EmptiesGroupOnRemove, "entitlements", "X-08"),
        (Kind::JumpCloud, Flaw::DeletesNothing, "activate", "X-11"),
        (Kind::JumpCloud, Flaw::KeepsTombstoneNames, "activate", "X-12"),
        (Kind::JumpCloud, Flaw::EmptiesGroupOnRemove, "groups", "X-16"),
        (Kind::JumpCloud, Flaw::RefusesExistingMember, "groups", "X-15"),
    ] {
        let url = reference::start(Some(flaw)).await;
        let report = run(kind, &url, &[scenario], &[]).await;
        let cases: Vec<_> = report.faults.iter().map(|fault| fault.case).collect();
        if !cases.contains(&case) {
            missed.push(format!("{flaw:?} in {scenario} is not {case} but {cases:?}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// X-01, X-02, X-08, X-11, X-14, X-16 as request lines.
#[tokio::test]
async fn shapes_on_the_wire() {
    let lines = async |kind, scenario| {
        let url = reference::start(None).await;
        let report = run(kind, &url, &[scenario], &[]).await;
        let own = report.sent.into_iter().filter(|sent| !sent.verification);
        own.map(|sent| {
            let body = sent.request.body.unwrap_or_default();
            format!("{} {} {}", sent.request.method, sent.request.path, body["Operations"][0])
        })
        .collect::<Vec<_>>()
    };
    let seen = lines(Kind::OneLogin, "update").await;
    assert_eq!(seen[0], "GET /Users?filter=userName+eq+%22nobody-9f2%22& null");
    assert!(seen.iter().any(|line| line.starts_with("PUT /Users/") && line.ends_with("? null")));
    let seen = lines(Kind::OneLogin, "entitlements").await;
    let patch = |op: &str| {
        seen.iter().any(|line| {
            let shape = format!(r#"{{"op":"{op}","path":"members","value":[{{"value":""#);
            line.starts_with("PATCH /Groups/") && line.contains(&format!("? {shape}"))
        })
    };
    assert!(patch("add") && patch("remove"), "{seen:#?}");
    let seen = lines(Kind::JumpCloud, "activate").await;
    let verbs: Vec<&str> =
        seen.iter().take(8).filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(verbs, ["POST", "PUT", "POST", "PATCH", "PATCH", "DELETE", "DELETE", "POST"]);
    assert!(seen[4].ends_with(r#"{"op":"replace","value":{"displayName":"JumpCloud test 1 B"}}"#));
}

//! Entra's job against the reference server, right and wrong.

use simulate::{Kind, Options, Report};

use crate::reference::{self, Flaw};

async fn simulate(flaw: Option<Flaw>, scenarios: &[&str]) -> Report {
    let url = reference::start(flaw).await;
    let users = if flaw == Some(Flaw::KeepsFirstHundred) { 110 } else { 40 };
    run(&url, users, scenarios).await
}

async fn run(url: &str, users: usize, scenarios: &[&str]) -> Report {
    let options = Options {
        users,
        groups: 8,
        record: true,
        scenarios: scenarios.iter().map(|name| name.to_string()).collect(),
        ..Options::new(Kind::Entra, url, reference::TOKEN)
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
    for scenario in simulate::scenarios(Kind::Entra) {
        let url = reference::start(None).await;
        for time in ["first", "second", "third"] {
            let report = run(&url, 40, &[scenario.name]).await;
            assert!(report.passed(), "{} for the {time} time: {report}", scenario.name);
        }
    }
}

/// Every flaw is found under its case, by the scenario that is about it.
#[tokio::test]
async fn flaws_are_found() {
    let mut missed = Vec::new();
    for (flaw, scenario, case) in [
        (Flaw::EmptiesGroupOnRemove, "move", "E-80"),
        (Flaw::EmptiesGroupOnRemove, "group-lifecycle", "E-80"),
        (Flaw::IgnoresFilteredRemove, "flag", "E-81"),
        (Flaw::KeepsStringBooleans, "leaver", "E-35"),
        (Flaw::HidesInactiveUsers, "leaver", "E-96"),
        (Flaw::NoInactiveUserById, "leaver", "E-96"),
        (Flaw::NotFoundForNoHit, "initial", "E-01"),
        (Flaw::ForgetsManagers, "initial", "E-30"),
        (Flaw::ManagerAsString, "initial", "E-67"),
        (Flaw::LosesConcurrentMembers, "concurrent-members", "E-87"),
        (Flaw::TakesDottedKeysLiterally, "flag", "E-40"),
        (Flaw::MatchesCase, "initial", "E-11"),
        (Flaw::ReturnsExcludedMembers, "quiet", "E-72"),
        (Flaw::AnswersPatchWithMembers, "initial", "E-63"),
        (Flaw::NoTargetForMissingElement, "move", "E-44"),
        (Flaw::TextCounters, "initial", "E-135"),
        (Flaw::LowerCasesUserNames, "initial", "E-30"),
        (Flaw::ErrorsAsText, "purge", "E-154"),
        (Flaw::PlainContentType, "initial", "E-130"),
        (Flaw::IgnoresFilters, "initial", "E-16"),
        (Flaw::RefusesExistingMember, "restart", "E-77"),
        (Flaw::KeepsTombstoneNames, "purge", "E-26"),
        (Flaw::TidiesPhoneNumbers, "initial", "E-30"),
        (Flaw::FreezesExternalId, "remap", "E-58"),
        (Flaw::DropsMembersOfTheInactive, "leaver", "E-98"),
        (Flaw::KeepsFirstHundred, "group-lifecycle", "E-77"),
        (Flaw::ReusesIds, "purge", "E-104"),
        (Flaw::EmptyCreated, "initial", "E-154"),
        (Flaw::AcceptsAnyToken, "initial", "E-04"),
        (Flaw::AcceptsDuplicates, "initial", "E-25"),
        (Flaw::AcceptsDuplicates, "lost-answers", "E-111"),
        (Flaw::DeletesNothing, "purge", "E-101"),
        (Flaw::ShortPages, "initial", "E-135"),
    ] {
        let report = simulate(Some(flaw), &[scenario]).await;
        let cases: Vec<_> = report.faults.iter().map(|fault| fault.case).collect();
        if !cases.contains(&case) {
            missed.push(format!("{flaw:?} in {scenario} is not {case} but {cases:?}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// The request lines of one scenario with `{id}` for ids, names and random GUIDs left out.
async fn lines(earlier: &[&str], scenario: &str) -> Vec<String> {
    let url = reference::start(None).await;
    let scenarios = earlier.iter().chain([&scenario]).map(|name| name.to_string()).collect();
    let options = Options {
        users: 2,
        groups: 1,
        parallel: 1,
        record: true,
        scenarios,
        ..Options::new(Kind::Entra, url, reference::TOKEN)
    };
    let report = simulate::run(options, |_| ()).await.expect("the simulation begins");
    assert!(report.passed(), "{report}");
    let own = |sent: &&simulate::Sent| !sent.verification && sent.scenario == scenario;
    report.sent.iter().filter(own).map(|sent| line(&sent.request)).collect()
}

fn line(request: &simulate::Request) -> String {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let path = match path.split('/').nth(2) {
        Some(_) => format!("/{}/{{id}}", path.split('/').nth(1).expect("a path")),
        None => path.to_owned(),
    };
    let mut query = query.to_owned();
    while let Some((before, after)) = query.split_once("%22") {
        let after = after.split_once("%22").map_or("", |(_, after)| after);
        query = format!("{before}…{after}");
    }
    let operations = request.body.as_ref().and_then(|body| body["Operations"].as_array());
    let operation = |operation: &serde_json::Value| {
        let path = operation["path"].as_str().unwrap_or("-");
        let path = path.rsplit(':').next().expect("a path has an end");
        format!("{} {path}", operation["op"].as_str().unwrap_or_default())
    };
    let operations = operations.map_or(String::new(), |operations| {
        format!(" [{}]", operations.iter().map(operation).collect::<Vec<_>>().join(", "))
    });
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{} {path}{mark}{query}{operations}", request.method)
}

const PROBES: [&str; 2] = [
    "GET /Users?filter=userName+eq+…",
    "GET /Groups?excludedAttributes=members&filter=displayName+eq+…",
];

#[tokio::test]
async fn golden_traces() {
    let find = ["GET /Users?filter=userName+eq+…", "POST /Users"];
    let members = "PATCH /Groups/{id} [Add members]";
    // §2.2, §4.1: objects first, references later; the second person reports to the first.
    assert_eq!(
        lines(&[], "initial").await,
        [
            &PROBES,
            &PROBES,
            &find,
            &find,
            &[PROBES[1], "POST /Groups"],
            &[
                "GET /Users?attributes=id&filter=manager+eq+…+and+id+eq+…",
                "PATCH /Users/{id} [Add manager]"
            ],
            [members].as_slice(),
        ]
        .concat()
    );
    // Nothing but probes while nothing changes; then a full look, which finds nothing to write.
    assert_eq!(
        lines(&["initial"], "quiet").await,
        [
            PROBES.as_slice(),
            &PROBES,
            &["GET /Users/{id}", "GET /Users/{id}", "GET /Groups/{id}?excludedAttributes=members"],
            &["GET /Users?attributes=id&filter=manager+eq+…+and+id+eq+…"],
        ]
        .concat()
    );
    // §5.1: unassigned is switched off, assigned again switched on, by id; one has a disabled account.
    assert_eq!(
        lines(&["initial"], "leaver").await,
        [
            PROBES.as_slice(),
            &["GET /Users/{id}", "PATCH /Users/{id} [Replace active]"],
            &["GET /Users/{id}", "PATCH /Users/{id} [Add active]"],
            &PROBES,
            &["GET /Users/{id}", "PATCH /Users/{id} [Replace active]"],
            &["GET /Users/{id}", "PATCH /Users/{id} [Add active]"],
        ]
        .concat()
    );
    // E-97, E-98: the tombstone's name goes along and comes back.
    let seen = lines(&["initial"], "soft-delete").await;
    // Four leave, two of them come back.
    let both = |line: &&String| line.ends_with(" active, Replace userName]");
    assert_eq!(seen.iter().filter(both).count(), 6, "{seen:#?}");
    assert!(!seen.iter().any(|line| line.starts_with("DELETE")), "{seen:#?}");
    // §9: the button does not read by id.
    let seen = lines(&["initial"], "provision-on-demand").await;
    let by_id = |line: &&String| line.starts_with("GET /Users/{id}");
    let title = |line: &&String| line.ends_with("[Replace title]");
    assert_eq!(seen.iter().filter(by_id).count(), 0, "{seen:#?}");
    assert_eq!(seen.iter().filter(title).count(), 2, "{seen:#?}");
}

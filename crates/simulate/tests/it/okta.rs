//! Okta's client against the reference server, right and wrong.

use simulate::{Kind, Options, Report};

use crate::reference::{self, Flaw};

async fn simulate(flaw: Option<Flaw>, scenarios: &[&str]) -> Report {
    let url = reference::start(flaw).await;
    let users = if flaw == Some(Flaw::KeepsFirstHundred) { 110 } else { 40 };
    run(&url, users, 8, scenarios).await
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
async fn a_second_run_finds_what_the_first_one_left() {
    let url = reference::start(None).await;
    for time in ["first", "second", "third"] {
        let report = run(&url, 40, 8, &[]).await;
        assert!(report.passed(), "for the {time} time: {report}");
    }
}

#[tokio::test]
async fn every_scenario_stands_alone_and_can_be_repeated() {
    for scenario in simulate::scenarios(Kind::Okta) {
        let url = reference::start(None).await;
        for time in ["first", "second", "third"] {
            let report = run(&url, 40, 8, &[scenario.name]).await;
            assert!(report.passed(), "{} for the {time} time: {report}", scenario.name);
        }
    }
}

/// Every flaw is found under its case, by the scenario that is about it.
#[tokio::test]
async fn flaws_are_found() {
    let mut missed = Vec::new();
    for (flaw, scenario, case) in [
        (Flaw::IgnoresFilteredRemove, "push-groups-oin", "O-67"),
        (Flaw::HidesInactiveUsers, "deactivate", "O-17"),
        (Flaw::NoInactiveUserById, "deactivate", "O-50"),
        (Flaw::NotFoundForNoHit, "assign-aiw", "O-16"),
        (Flaw::MatchesCase, "assign-oin", "O-18"),
        (Flaw::TextCounters, "connect", "O-19"),
        (Flaw::LowerCasesUserNames, "rename", "O-42"),
        (Flaw::ReturnsPasswords, "assign-aiw", "O-28"),
        (Flaw::RefusesIdInRename, "push-groups-oin", "O-62"),
        (Flaw::PutKeepsMembers, "push-groups-aiw", "O-74"),
        (Flaw::PutWipesMemberships, "force-sync", "O-40"),
        (Flaw::RefusesEmptyReplace, "push-now", "O-72"),
        (Flaw::ShortPages, "import", "O-92"),
        (Flaw::ErrorsAsText, "connect", "O-97"),
        (Flaw::PlainContentType, "connect", "O-01"),
        (Flaw::IgnoresFilters, "assign-aiw", "O-22"),
        (Flaw::TidiesPhoneNumbers, "assign-aiw", "O-26"),
        (Flaw::FreezesExternalId, "link-existing", "O-41"),
        (Flaw::KeepsFirstHundred, "push-groups-aiw", "O-74"),
        (Flaw::EmptyCreated, "assign-aiw", "O-27"),
        (Flaw::AcceptsAnyToken, "connect", "O-11"),
        (Flaw::AcceptsDuplicates, "assign-aiw", "O-30"),
        (Flaw::DeletesNothing, "unlink", "O-75"),
    ] {
        let report = simulate(Some(flaw), &[scenario]).await;
        let cases: Vec<_> = report.faults.iter().map(|fault| fault.case).collect();
        if !cases.contains(&case) {
            missed.push(format!("{flaw:?} in {scenario} is not {case} but {cases:?}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// The request lines of one scenario, with `…` for names and `{id}` for ids, and below a PATCH its operations.
async fn lines(users: usize, groups: usize, earlier: &[&str], scenario: &str) -> Vec<String> {
    let url = reference::start(None).await;
    let scenarios: Vec<String> =
        earlier.iter().chain([&scenario]).map(|name| name.to_string()).collect();
    let options = Options {
        users,
        groups,
        parallel: 1,
        record: true,
        scenarios,
        ..Options::new(Kind::Okta, url, reference::TOKEN)
    };
    let report = simulate::run(options, |_| ()).await.expect("the simulation begins");
    assert!(report.passed(), "{report}");
    let own = |sent: &&simulate::Sent| !sent.verification && sent.scenario == scenario;
    report.sent.iter().filter(own).map(|sent| line(&sent.request)).collect()
}

fn line(request: &simulate::Request) -> String {
    let path = match request.path.split_once("%22").or_else(|| request.path.split_once("%20eq%20"))
    {
        Some((before, rest)) => {
            let (_, after) = rest.split_once('&').expect("page parameters follow the filter");
            format!("{}\"…\"&{after}", before.replace("%20", " ").replace('+', " "))
        }
        None => match request.path.split('/').nth(2) {
            Some(_) => format!("/{}/{{id}}", request.path.split('/').nth(1).expect("a path")),
            None => request.path.clone(),
        },
    };
    let body = request.body.clone().unwrap_or_default();
    let detail = match request.method.as_str() {
        "PATCH" => {
            let operation = |operation: &serde_json::Value| {
                let op = operation["op"].as_str().unwrap_or_default();
                let path = operation["path"].as_str().unwrap_or_default();
                match (path, &operation["value"]) {
                    ("", value) if value["displayName"].is_string() => "rename".to_owned(),
                    ("", value) => format!("{op} {value}"),
                    (path, serde_json::Value::Array(list)) => {
                        format!("{op} {path} × {}", list.len())
                    }
                    _ => op.to_owned(),
                }
            };
            let operations = body["Operations"].as_array().expect("operations are a list");
            format!(" [{}]", operations.iter().map(operation).collect::<Vec<_>>().join(", "))
        }
        "PUT" if path.starts_with("/Groups") => {
            format!(" members × {}", body["members"].as_array().map_or(0, Vec::len))
        }
        "PUT" => format!(" active:{}", body["active"]),
        _ => String::new(),
    };
    format!("{} {path}{detail}", request.method)
}

const FIND_USER: &str = "GET /Users?filter=userName eq \"…\"&startIndex=1&count=100";
const FIND_GROUP: &str = "GET /Groups?filter=displayName eq \"…\"&startIndex=1&count=100";
const T1: [&str; 2] = ["GET /Users?startIndex=1&count=2", "GET /Groups?startIndex=1&count=100"];

#[tokio::test]
async fn golden_traces_of_users() {
    let t1_twice = [T1, T1].concat();
    assert_eq!(lines(1, 0, &[], "connect").await, t1_twice);
    // T2, in both families.
    for scenario in ["assign-aiw", "assign-oin"] {
        assert_eq!(lines(1, 0, &["connect"], scenario).await, [FIND_USER, "POST /Users"]);
    }
    // T3: the first app's users are found by the second one.
    assert_eq!(
        lines(1, 0, &["assign-oin"], "assign-aiw").await,
        [FIND_USER, "GET /Users/{id}", "PUT /Users/{id} active:true"]
    );
    // T4, for each family.
    let t4 = ["GET /Users/{id}", "PUT /Users/{id} active:true"];
    assert_eq!(lines(2, 0, &["assign-aiw"], "update").await, [t4, t4].concat());
    // T5 twice, T6 twice; the second time nothing changes. T9: a suspension is not in it.
    let t5 = ["GET /Users/{id}", "PUT /Users/{id} active:false"];
    let t6 = ["PATCH /Users/{id} [replace {\"active\":false}]"];
    let both = [t5.as_slice(), &t5, &t6, &t6].concat();
    assert_eq!(lines(2, 0, &["assign-aiw"], "deactivate").await, both);
    // T7, T8.
    let t7 = [FIND_USER, "GET /Users/{id}", "PUT /Users/{id} active:true"];
    let t8 = ["GET /Users/{id}", "PATCH /Users/{id} [replace {\"active\":true}]"];
    let both = [t7.as_slice(), &t4, &t8, &t4].concat();
    assert_eq!(lines(2, 0, &["deactivate"], "reactivate").await, both);
    // T17.
    assert_eq!(
        lines(101, 0, &["assign-aiw"], "import").await,
        [
            "GET /Users?startIndex=1&count=100",
            "GET /Users?startIndex=101&count=100",
            "GET /Groups?startIndex=1&count=100",
        ]
    );
}

/// T18, O-113: resource types, schemas, and each endpoint that holds roles or entitlements, page by page.
#[tokio::test]
async fn golden_trace_of_discovery() {
    let seen = lines(1, 0, &["assign-aiw"], "entitlements").await;
    let discovery = [
        "GET /ResourceTypes",
        "GET /Schemas",
        "GET /Roles?startIndex=1&count=100",
        "GET /BerthPermits?startIndex=1&count=100",
        "GET /BerthPermits?startIndex=101&count=100",
    ];
    // O-115, then O-116 with a PUT that is a check, O-117.
    let (get, put) = ("GET /Users/{id}", "PUT /Users/{id} active:true");
    assert_eq!(seen, [&discovery[..], &[get, put], &[get], &[get, put]].concat());
}

/// T19: nothing follows a refused token; O-165: the next one is tested like the first.
#[tokio::test]
async fn golden_trace_of_a_wrong_token() {
    let [users, groups] = T1;
    assert_eq!(lines(1, 0, &[], "credentials").await, [users, users, users, groups]);
}

/// T20: a proxy's 502, and after the administrator's retry T10 and T11 from the start.
#[tokio::test]
async fn golden_trace_behind_a_proxy() {
    let seen = lines(4, 0, &["assign-aiw"], "bad-gateway").await;
    let (get, put) = ("GET /Groups/{id}", "PUT /Groups/{id} members × 4");
    let (rename, replace) =
        ("PATCH /Groups/{id} [rename]", "PATCH /Groups/{id} [replace members × 4]");
    let t10 = [FIND_GROUP, FIND_GROUP, "POST /Groups", get, put];
    let t11 = [FIND_GROUP, FIND_GROUP, "POST /Groups", rename, replace];
    assert_eq!(seen, [t10, t11].concat());
}

/// O-52: the stored id is gone, the look-up finds nobody, and there is a new account.
#[tokio::test]
async fn golden_trace_of_a_deleted_row() {
    let seen = lines(1, 0, &["assign-aiw"], "deleted-behind").await;
    let one = [FIND_USER, "POST /Users", "GET /Users/{id}", FIND_USER, "POST /Users"];
    assert_eq!(seen, [one, one, one, one].concat());
}

/// O-83: everybody by one PUT, then all but one.
#[tokio::test]
async fn golden_trace_of_a_large_group() {
    let seen = lines(250, 0, &["assign-aiw"], "large-group").await;
    let get = "GET /Groups/{id}";
    let (all, fewer) = ("PUT /Groups/{id} members × 250", "PUT /Groups/{id} members × 249");
    assert_eq!(seen, [FIND_GROUP, "POST /Groups", get, all, get, fewer]);
}

fn all(parts: &[&[&str]]) -> Vec<String> {
    parts.concat().into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn golden_traces_of_groups() {
    let create = [FIND_GROUP, "POST /Groups"];
    let put = |count: usize| format!("PUT /Groups/{{id}} members × {count}");
    let replace = |count: usize| format!("PATCH /Groups/{{id}} [replace members × {count}]");
    let add = |count: usize| format!("PATCH /Groups/{{id}} [add members × {count}]");
    let (get, rename) = ("GET /Groups/{id}", "PATCH /Groups/{id} [rename]");

    // T10; then T13 three times over, on the group for many members.
    let seen = lines(10, 1, &["assign-aiw"], "push-groups-aiw").await;
    let t10 = all(&[&create, &[get, &put(10)]]);
    let empty = all(&[&create, &[get, &put(0)]]);
    let t13 = all(&[&[get, &put(10), get, &put(7)]]);
    assert_eq!(seen, [t10, empty, t13].concat());

    // T11, T14 with its name in front, O-69, then three removals in one request.
    let seen = lines(350, 1, &["assign-aiw"], "push-groups-oin").await;
    let t11 = all(&[&create, &[rename, &replace(350)]]);
    let empty = all(&[&create, &[rename, &replace(0)]]);
    let t14 = all(&[&[rename, &add(100), &add(100), &add(100), &add(50)]]);
    let again = all(&[&[rename, &add(5), rename, "PATCH /Groups/{id} [remove, remove, remove]"]]);
    assert_eq!(seen, [t11, empty, t14, again].concat());

    // T12: the second group has members to lose.
    let seen = lines(40, 2, &["assign-aiw"], "push-groups-oin").await;
    let t12 = [rename, "PATCH /Groups/{id} [remove, remove, add members × 1]"];
    assert!(seen.windows(2).any(|pair| pair == t12), "{seen:#?}");

    // T15 in both families, between two full lists.
    let seen = lines(4, 0, &["assign-aiw"], "push-now").await;
    for t15 in [[put(2), put(0), put(2)], [replace(2), replace(0), replace(2)]] {
        assert!(seen.windows(3).any(|lines| lines == t15), "{seen:#?}");
    }

    // T16: twice nothing but the look-up when the group is linked again, twice a DELETE.
    let seen = lines(4, 0, &["assign-aiw"], "unlink").await;
    assert_eq!(seen.iter().filter(|line| *line == "DELETE /Groups/{id}").count(), 2);
    assert_eq!(seen.iter().filter(|line| *line == FIND_GROUP).count(), 6);
}

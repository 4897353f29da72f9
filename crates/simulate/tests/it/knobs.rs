//! Every value of every knob against a server that is right, and what the values do on the wire.

use simulate::{Kind, Options, Report, Sent, Values};

use crate::reference;

async fn run(kind: Kind, scenarios: &[&str], knobs: &[(&str, &str)]) -> Report {
    let url = reference::start(None).await;
    let options = Options {
        users: 8,
        groups: 3,
        record: true,
        scenarios: scenarios.iter().map(|name| name.to_string()).collect(),
        knobs: knobs.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect(),
        ..Options::new(kind, url, reference::TOKEN)
    };
    simulate::run(options, |_| ()).await.expect("the simulation begins")
}

/// Whatever is set, the server is not to blame, and what is believed is held.
#[tokio::test]
async fn every_value_of_every_knob() {
    for kind in Kind::ALL {
        for knob in simulate::knobs(kind) {
            let values: Vec<&str> = match knob.values {
                Values::One(values) => values.to_vec(),
                Values::Some(values) => [&values[..1], &values[values.len() - 1..]].concat(),
                Values::Number(..) | Values::NumberOr(..) => vec!["1", "7"],
            };
            for value in values {
                // The reference server takes bearer tokens only.
                if matches!(
                    (knob.name, value),
                    (_, "header" | "basic" | "oauth-body" | "oauth-basic")
                        | ("escrow" | "escrow-total", _)
                ) {
                    continue;
                }
                let scenarios: &[&str] = match kind {
                    Kind::Entra => &["initial", "move", "soft-delete"],
                    Kind::Okta => &[
                        "assign-oin",
                        "deactivate",
                        "reactivate",
                        "push-groups-oin",
                        "push-groups-aiw",
                        "password",
                        "import",
                        "large-group",
                    ],
                    Kind::OneLogin | Kind::JumpCloud => &[],
                };
                let report = run(kind, scenarios, &[(knob.name, value)]).await;
                assert!(report.passed(), "{}={value}: {report}", knob.name);
            }
        }
    }
}

/// Whether some request of the service's own is like this.
fn sends(report: &Report, like: impl Fn(&Sent) -> bool) -> bool {
    report.sent.iter().any(|sent| !sent.verification && like(sent))
}

#[tokio::test]
async fn what_entras_knobs_do() {
    let operation = |sent: &Sent| {
        sent.request.body.as_ref().map(|b| b["Operations"][0].clone()).unwrap_or_default()
    };
    let path = |text: &'static str| move |sent: &Sent| sent.request.path.contains(text);
    let entra = async |knobs| run(Kind::Entra, &["initial", "move"], knobs).await;

    let report = entra(&[("flag", "on"), ("flag-form", "trailing")]).await;
    assert!(sends(&report, path("%22&aadOptscim062020")), "E-34");
    assert!(!sends(&report, |sent| operation(sent)["op"] == "Replace"), "E-36");
    let report = entra(&[("flag", "mixed")]).await;
    assert!(sends(&report, |sent| operation(sent)["op"] == "Replace"), "E-138");
    assert!(sends(&report, |sent| operation(sent)["op"] == "replace"), "E-138");

    let report = entra(&[("match-users", "externalId,userName")]).await;
    assert!(sends(&report, path("filter=externalId+eq")), "E-03");
    assert!(sends(&report, path("filter=userName+eq")));
    let report = entra(&[("match-groups", "externalId")]).await;
    let group = path("filter=externalId+eq");
    assert!(sends(&report, |sent| sent.request.path.starts_with("/Groups") && group(sent)), "E-73");

    let report = entra(&[("member-batch", "1")]).await;
    let several = |sent: &Sent| operation(sent)["value"].as_array().is_some_and(|v| v.len() > 1);
    assert!(!sends(&report, |sent| operation(sent)["path"] == "members" && several(sent)), "E-86");

    for (shape, like) in [
        ("array", r#"{"op":"Add","path":"manager","value":[{"$ref":"#),
        ("object", r#":User:manager","value":{"value":"#),
        ("value", r#":User:manager.value","value":""#),
        ("string", r#":User:manager","value":""#),
    ] {
        let report = run(Kind::Entra, &["initial", "move"], &[("manager-shape", shape)]).await;
        assert!(sends(&report, |sent| operation(sent).to_string().contains(like)), "E-65 {shape}");
    }

    let report = entra(&[("add-when-empty", "off")]).await;
    let add = |sent: &Sent| operation(sent)["op"] == "Add";
    let users = |sent: &Sent| sent.request.path.starts_with("/Users/");
    assert!(!sends(&report, |sent| users(sent)
        && add(sent)
        && operation(sent)["path"] != "manager"));

    for (roles, like) in [
        ("single", r#"roles[primary eq \"True\"].value"#),
        ("complex", r#"{"op":"Add","path":"roles","value":[{"value":"{\"id\":"#),
        ("assertive", r#"{"op":"replace","path":"roles","value":[{"primary":false"#),
    ] {
        let report = run(Kind::Entra, &["initial", "move"], &[("roles", roles)]).await;
        let body = |sent: &Sent| sent.request.body.as_ref().map(|body| body.to_string());
        assert!(sends(&report, |sent| body(sent).is_some_and(|b| b.contains(like))), "{roles}");
    }
}

#[tokio::test]
async fn what_oktas_knobs_do() {
    let okta = async |scenario, knobs| run(Kind::Okta, &[scenario], knobs).await;
    let is = |method: &'static str, path: &'static str| {
        move |sent: &Sent| sent.request.method == method && sent.request.path.starts_with(path)
    };
    let report = okta("update", &[("features", "create")]).await;
    assert!(!sends(&report, is("PUT", "/Users")), "no updates");
    assert!(!sends(&report, is("GET", "/Groups")), "O-10: no import of groups");
    let report = okta("deactivate", &[("family", "aiw")]).await;
    assert!(!sends(&report, is("PATCH", "/Users")), "O-49");
    let report = okta("deactivate", &[("family", "oin"), ("patch-users", "off")]).await;
    assert!(!sends(&report, is("PATCH", "/Users")), "O-49");
    let report = okta("push-groups-oin", &[("group-batch", "5")]).await;
    let adds = report.sent.iter().filter(|sent| {
        let body = sent.request.body.as_ref();
        body.is_some_and(|body| body["Operations"][0]["op"] == "add")
    });
    let mut sizes = adds.map(|sent| {
        sent.request
            .body
            .as_ref()
            .map_or(0, |b| b["Operations"][0]["value"].as_array().map_or(0, Vec::len))
    });
    assert!(sizes.all(|size| size <= 5), "O-82");
    let report = okta("push-groups-oin", &[("post-members", "on")]).await;
    let filled = |sent: &Sent| {
        let body = sent.request.body.as_ref();
        body.is_some_and(|body| body["members"].as_array().is_some_and(|m| !m.is_empty()))
    };
    assert!(sends(&report, |sent| is("POST", "/Groups")(sent) && filled(sent)), "O-60");
    let report = okta("assign-aiw", &[("blank", "plus")]).await;
    assert!(sends(&report, |sent| sent.request.path.contains("userName+eq+")), "O-05");
    let report = okta("assign-aiw", &[("unique-field", "email")]).await;
    assert!(sends(&report, |sent| sent.request.path.contains("userName%20eq%20%22")
        && sent.request.path.contains("mail.northlab1")));
}

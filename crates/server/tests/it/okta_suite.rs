//! Okta's published SPEC test: our restatement of its steps (O-101 to O-112) in
//! `fixtures/idp/okta/spec-suite.json`, and the vendor's own file when `HEADCOUNT_OKTA_SUITE`
//! names a copy of it.

use std::collections::HashMap;
use std::time::Instant;

use base64::Engine;
use serde_json::Value;

use crate::harness::{TestServer, http_client, user};

const OURS: &str = include_str!("../../../../fixtures/idp/okta/spec-suite.json");

/// One request of a suite, what its answer must be, and what later steps take from it.
struct Step {
    name: String,
    method: String,
    /// After the base URL.
    target: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
    checks: Vec<Check>,
    /// Variable and the path of its value.
    save: Vec<(String, String)>,
}

enum Check {
    One(Place, Comparison),
    Any(Vec<Check>),
}

enum Place {
    Status,
    Milliseconds,
    /// A path into the JSON body.
    Body(String),
}

/// The suite's comparisons are loose: `true` equals `"true"`, a `"200"` is the number 200.
enum Comparison {
    Equals(String),
    Number(String),
    Below(String),
    Holds(String),
    Filled,
    IsNumber,
    IsList,
}

/// S-346, S-472.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn okta_spec_suite() {
    let steps = our_steps(&serde_json::from_str(OURS).unwrap());
    assert_eq!(steps.len(), 12);
    run_with_every_authentication(&steps).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn okta_spec_suite_as_published() {
    let Ok(file) = std::env::var("HEADCOUNT_OKTA_SUITE") else { return };
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    run_with_every_authentication(&published_steps(&serde_json::from_str(&text).unwrap())).await;
}

/// Okta's three modes: OAuth bearer token, HTTP header and Basic.
async fn run_with_every_authentication(steps: &[Step]) {
    let server = TestServer::start().await;
    for mode in ["bearer", "header", "basic"] {
        let directory = server.directory("okta", 100).await;
        // The suite asks for at least one complete user.
        server.client(&directory).post("/Users", user("first@example.com")).await.expect(201);
        let authorization = match mode {
            "bearer" => format!("Bearer {}", directory.token),
            "header" => directory.token.clone(),
            _ => {
                let pair = format!("okta:{}", directory.token);
                format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
            }
        };
        let failures = run(steps, &server.scim_url(&directory), &authorization).await;
        assert!(failures.is_empty(), "with {mode}:\n{}", failures.join("\n"));
    }
}

/// Runs every step, in order, and tells every check that failed.
async fn run(steps: &[Step], base: &str, authorization: &str) -> Vec<String> {
    let mut variables = start_values(base, authorization);
    let http = http_client();
    let mut failures = Vec::new();
    for step in steps {
        // The targets contain raw spaces and quotes; they are encoded when the URL is parsed.
        let url = format!("{base}{}", filled(&step.target, &variables));
        let mut request = http.request(step.method.parse().unwrap(), &url);
        for (name, value) in &step.headers {
            request = request.header(name, filled(value, &variables));
        }
        if let Some(body) = &step.body {
            request = request.body(filled(body, &variables));
        }
        let start = Instant::now();
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        let milliseconds = start.elapsed().as_millis() as u64;
        let answer =
            Answer { status, milliseconds, body: serde_json::from_str(&text).unwrap_or_default() };
        for check in &step.checks {
            if let Err(reason) = check.test(&answer, &variables) {
                failures.push(format!("{}: {reason}; got {status} {text}", step.name));
            }
        }
        for (name, path) in &step.save {
            let value = at(&answer.body, path).map(loose).unwrap_or_default();
            variables.insert(name.clone(), value);
        }
    }
    failures
}

struct Answer {
    status: u16,
    milliseconds: u64,
    body: Value,
}

impl Check {
    fn test(&self, answer: &Answer, variables: &HashMap<String, String>) -> Result<(), String> {
        let (place, comparison) = match self {
            Self::Any(checks) => {
                let mut reasons = Vec::new();
                for check in checks {
                    match check.test(answer, variables) {
                        Ok(()) => return Ok(()),
                        Err(reason) => reasons.push(reason),
                    }
                }
                return Err(reasons.join(" and "));
            }
            Self::One(place, comparison) => (place, comparison),
        };
        let (name, value) = match place {
            Place::Status => ("status code", Value::from(answer.status)),
            Place::Milliseconds => ("milliseconds", Value::from(answer.milliseconds)),
            Place::Body(path) => {
                (path.as_str(), at(&answer.body, path).cloned().unwrap_or_default())
            }
        };
        let text = loose(&value);
        let number = text.parse::<f64>();
        let (holds, wanted) = match comparison {
            Comparison::Equals(wanted) => {
                let wanted = filled(wanted, variables);
                (text == wanted, format!("`{wanted}`"))
            }
            Comparison::Number(wanted) => {
                (number.is_ok() && number == wanted.parse(), format!("the number {wanted}"))
            }
            Comparison::Below(limit) => {
                let below = number.is_ok_and(|n| limit.parse().is_ok_and(|limit: f64| n < limit));
                (below, format!("below {limit}"))
            }
            Comparison::Holds(wanted) => {
                let list = value.as_array();
                (
                    list.is_some_and(|l| l.contains(&wanted[..].into())),
                    format!("to hold `{wanted}`"),
                )
            }
            Comparison::Filled => {
                let empty = match &value {
                    Value::Null => true,
                    Value::String(text) => text.is_empty(),
                    Value::Array(list) => list.is_empty(),
                    Value::Object(object) => object.is_empty(),
                    Value::Bool(_) | Value::Number(_) => false,
                };
                (!empty, "to be filled".to_owned())
            }
            Comparison::IsNumber => (value.is_number(), "a number".to_owned()),
            Comparison::IsList => (value.is_array(), "a list".to_owned()),
        };
        if holds { Ok(()) } else { Err(format!("`{name}` is {value}, expected {wanted}")) }
    }
}

/// The values that the suite makes up before it starts, under our names and the vendor's.
fn start_values(base: &str, authorization: &str) -> HashMap<String, String> {
    let email = "Tilde417Qmarstoven208@example.com";
    let capitals = email.to_uppercase();
    [
        (["authorization", "auth"], authorization),
        (["base", "SCIMBaseURL"], base),
        (["given_name", "randomGivenName"], "Tilde417"),
        (["family_name", "randomFamilyName"], "Qmarstoven208"),
        (["email", "randomEmail"], email),
        (["user_name", "randomUsername"], email),
        (["user_name_in_capitals", "randomUsernameCaps"], &capitals),
        (["absent_email", "InvalidUserEmail"], "nobody-at-all@example.com"),
        (["absent_id", "UserIdThatDoesNotExist"], "110100101110010101110010101101"),
    ]
    .into_iter()
    .flat_map(|(names, value)| names.map(|name| (name.to_owned(), value.to_owned())))
    .collect()
}

/// `text` with every `{{name}}` replaced.
fn filled(text: &str, variables: &HashMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, (name, after))) =
        rest.split_once("{{").and_then(|(before, tail)| Some((before, tail.split_once("}}")?)))
    {
        out.push_str(before);
        out.push_str(variables.get(name).unwrap_or_else(|| panic!("no value for `{name}`")));
        rest = after;
    }
    out + rest
}

/// The value at a path such as `Resources[0].name.familyName`.
fn at<'a>(body: &'a Value, path: &str) -> Option<&'a Value> {
    path.split(['.', '[']).try_fold(body, |value, step| match step.strip_suffix(']') {
        Some(index) => value.get(index.parse::<usize>().ok()?),
        None => value.get(step),
    })
}

/// A value as text, without the quotes of a string.
fn loose(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn our_steps(suite: &Value) -> Vec<Step> {
    let pairs = |object: &Value| {
        let object = object.as_object().into_iter().flatten();
        object.map(|(name, value)| (name.clone(), text(value))).collect()
    };
    let step = |case: &Value| Step {
        name: format!("{} {}", text(&case["case"]), text(&case["title"])),
        method: text(&case["method"]),
        target: text(&case["target"]),
        headers: pairs(&case["headers"]),
        body: case.get("body").map(Value::to_string),
        checks: list(&case["checks"]).iter().map(our_check).collect(),
        save: pairs(&case["save"]),
    };
    list(&suite["cases"]).iter().map(step).collect()
}

/// `[place, comparison, value]`, or `["any of", check, …]`.
fn our_check(check: &Value) -> Check {
    let parts = list(check);
    let place = match text(&parts[0]).as_str() {
        "any of" => return Check::Any(parts[1..].iter().map(our_check).collect()),
        "status code" => Place::Status,
        "milliseconds" => Place::Milliseconds,
        path => Place::Body(path.to_owned()),
    };
    let value = || loose(&parts[2]);
    let comparison = match text(&parts[1]).as_str() {
        "equals" => Comparison::Equals(value()),
        "number" => Comparison::Number(value()),
        "below" => Comparison::Below(value()),
        "holds" => Comparison::Holds(value()),
        "filled" => Comparison::Filled,
        "is a number" => Comparison::IsNumber,
        "is a list" => Comparison::IsList,
        other => panic!("no such comparison: `{other}`"),
    };
    Check::One(place, comparison)
}

/// The steps of a Runscope export. Its pauses are for Okta's own delays and are left out.
fn published_steps(suite: &Value) -> Vec<Step> {
    let requests = list(&suite["steps"])
        .iter()
        .filter(|step| step["step_type"] == "request" && step["skipped"] != true);
    let steps = requests.enumerate().map(|(number, step)| {
        let headers = step["headers"].as_object().into_iter().flatten();
        let headers = headers
            .flat_map(|(name, values)| list(values).iter().map(|v| (name.clone(), text(v))))
            .collect();
        let url = text(&step["url"]);
        let target = url.strip_prefix("{{SCIMBaseURL}}").expect("every URL starts with the base");
        let checks = list(&step["assertions"]).iter().map(published_check);
        let scripts = list(&step["scripts"]).iter().filter_map(published_script);
        Step {
            name: format!("O-{} {}", 101 + number, text(&step["note"]).trim()),
            method: text(&step["method"]),
            target: target.to_owned(),
            headers,
            body: step["body"].as_str().map(str::to_owned),
            checks: checks.chain(scripts).collect(),
            save: list(&step["variables"])
                .iter()
                .map(|variable| (text(&variable["name"]), text(&variable["property"])))
                .collect(),
        }
    });
    steps.collect()
}

fn published_check(check: &Value) -> Check {
    let place = match text(&check["source"]).as_str() {
        "response_status" => Place::Status,
        "response_time" => Place::Milliseconds,
        "response_json" => Place::Body(text(&check["property"])),
        other => panic!("no such source: `{other}`"),
    };
    let value = || loose(&check["value"]);
    let comparison = match text(&check["comparison"]).as_str() {
        "equal" => Comparison::Equals(value()),
        "equal_number" => Comparison::Number(value()),
        "is_less_than" => Comparison::Below(value()),
        "has_value" | "contains" => Comparison::Holds(value()),
        "not_empty" => Comparison::Filled,
        "is_a_number" => Comparison::IsNumber,
        other => panic!("no such comparison: `{other}`"),
    };
    Check::One(place, comparison)
}

/// The one script in use asks of `/Groups` that there are none, or that they are a list.
fn published_script(script: &Value) -> Option<Check> {
    let script = text(script);
    if script.trim().is_empty() {
        return None;
    }
    assert!(
        script.contains("data.totalResults") && script.contains("Array.isArray(res)"),
        "a script that is not understood: {script}"
    );
    let place = |path: &str| Place::Body(path.to_owned());
    Some(Check::Any(vec![
        Check::One(place("totalResults"), Comparison::Number("0".to_owned())),
        Check::One(place("Resources"), Comparison::IsList),
    ]))
}

#[test]
fn checks_compare_as_the_suite_does() {
    let answer = Answer {
        status: 200,
        milliseconds: 30,
        body: serde_json::json!({
            "totalResults": 1, "status": "401", "active": true, "schemas": ["urn:a"], "none": [],
            "Resources": [{ "id": "x", "name": { "familyName": "Okafor" } }],
        }),
    };
    let variables = HashMap::from([("name".to_owned(), "Okafor".to_owned())]);
    for (check, holds) in [
        (r#"["status code", "number", 200]"#, true),
        (r#"["status code", "number", 404]"#, false),
        (r#"["milliseconds", "below", 600]"#, true),
        (r#"["milliseconds", "below", 30]"#, false),
        (r#"["totalResults", "equals", "1"]"#, true),
        (r#"["status", "equals", "401"]"#, true),
        (r#"["active", "equals", "true"]"#, true),
        (r#"["active", "filled"]"#, true),
        (r#"["none", "filled"]"#, false),
        (r#"["absent", "filled"]"#, false),
        (r#"["schemas", "holds", "urn:a"]"#, true),
        (r#"["schemas", "holds", "urn:b"]"#, false),
        (r#"["totalResults", "is a number"]"#, true),
        (r#"["status", "is a number"]"#, false),
        (r#"["Resources", "is a list"]"#, true),
        (r#"["Resources[0].name.familyName", "equals", "{{name}}"]"#, true),
        (r#"["Resources[1].id", "filled"]"#, false),
        (r#"["any of", ["totalResults", "number", 0], ["Resources", "is a list"]]"#, true),
        (r#"["any of", ["totalResults", "number", 0], ["active", "is a list"]]"#, false),
    ] {
        let result = our_check(&serde_json::from_str(check).unwrap()).test(&answer, &variables);
        assert_eq!(result.is_ok(), holds, "{check}: {result:?}");
    }
}

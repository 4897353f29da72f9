//! Whether an answer is what a case expects.

use serde_json::{Map, Value};

const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// What `got` lacks of `expected`, one line each.
///
/// An object has at least the expected keys. An array has the expected elements, in order and no
/// others. An object with one of these keys is a rule instead: `$contains` (elements that an array
/// has among others), `$set` (its elements in any order), `$all` (what every element is), `$length`,
/// `$text` (a part of a string), `$type`, `$not`, `$exactly`.
pub fn differences(place: &str, expected: &Value, got: Option<&Value>, out: &mut Vec<String>) {
    let Some(got) = got else {
        out.push(format!("{place}: expected {expected}, got nothing"));
        return;
    };
    match expected {
        Value::Object(wanted) => match rule(wanted) {
            Some((name, argument)) => {
                if !follows(name, argument, got) {
                    out.push(format!("{place}: expected {expected}, got {got}"));
                }
            }
            None => {
                for (key, value) in wanted {
                    differences(&format!("{place}/{key}"), value, got.get(key), out);
                }
            }
        },
        Value::Array(wanted) => match got.as_array() {
            Some(list) if list.len() == wanted.len() => {
                for (at, (value, got)) in wanted.iter().zip(list).enumerate() {
                    differences(&format!("{place}/{at}"), value, Some(got), out);
                }
            }
            _ => out.push(format!("{place}: expected {expected}, got {got}")),
        },
        plain if plain == got => {}
        plain => out.push(format!("{place}: expected {plain}, got {got}")),
    }
}

fn rule(object: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = object.iter().next().filter(|_| object.len() == 1)?;
    let name = name.strip_prefix('$').filter(|name| *name != "ref")?;
    Some((name, argument))
}

fn follows(name: &str, argument: &Value, got: &Value) -> bool {
    let list = || got.as_array().map(Vec::as_slice);
    match name {
        "contains" => list().is_some_and(|list| {
            elements(argument).iter().all(|wanted| list.iter().any(|got| matches(wanted, got)))
        }),
        "set" => list().is_some_and(|list| {
            let wanted = elements(argument);
            list.len() == wanted.len() && {
                let mut left: Vec<&Value> = list.iter().collect();
                wanted.iter().all(|wanted| {
                    let found = left.iter().position(|got| matches(wanted, got));
                    found.map(|at| left.swap_remove(at)).is_some()
                })
            }
        }),
        "all" => list().is_some_and(|list| list.iter().all(|got| matches(argument, got))),
        "length" => list().is_some_and(|list| argument.as_u64() == Some(list.len() as u64)),
        "text" => got.as_str().is_some_and(|got| got.contains(argument.as_str().unwrap())),
        "type" => match argument.as_str().unwrap() {
            "string" => got.as_str().is_some_and(|text| !text.is_empty()),
            "integer" => got.is_i64() || got.is_u64(),
            "boolean" => got.is_boolean(),
            "array" => got.is_array(),
            other => panic!("no such type: `{other}`"),
        },
        "not" => !matches(argument, got),
        "exactly" => argument == got,
        other => panic!("no such rule: `${other}`"),
    }
}

fn elements(argument: &Value) -> &[Value] {
    argument.as_array().expect("this rule takes an array")
}

fn matches(expected: &Value, got: &Value) -> bool {
    let mut out = Vec::new();
    differences("", expected, Some(got), &mut out);
    out.is_empty()
}

/// What holds for whatever is answered: errors in SCIM's form on every status (O-12, O-97), integers
/// that count what is there (O-19), no `null`, no password (O-28), no redirect.
pub fn rules_of_every_answer(status: u16, body: &Value, out: &mut Vec<String>) {
    if (300..400).contains(&status) && status != 304 {
        out.push(format!("status: {status} redirects"));
    }
    if body.is_null() {
        if ![204, 304].contains(&status) {
            out.push(format!("{status} without a body"));
        }
        return;
    }
    if status == 204 {
        out.push("204 with a body".to_owned());
    }
    let schemas = body["schemas"].as_array().map(Vec::as_slice).unwrap_or_default();
    if status >= 400 {
        let said = body["detail"].as_str().is_some_and(|detail| !detail.is_empty());
        if !schemas.contains(&ERROR.into()) || body["status"] != status.to_string() || !said {
            out.push("no SCIM error".to_owned());
        }
    }
    if schemas.contains(&LIST.into()) {
        let count = |name: &str| body[name].as_u64();
        let shown = body["Resources"].as_array().map(|list| list.len() as u64);
        let whole = count("totalResults").is_some() && count("startIndex").is_some();
        if !whole || shown.is_none() || count("itemsPerPage") != shown {
            out.push("the list does not count what it holds".to_owned());
        }
    }
    unseemly("", body, out);
}

fn unseemly(place: &str, value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Null => out.push(format!("{place}: null")),
        Value::Array(list) => {
            for (at, value) in list.iter().enumerate() {
                unseemly(&format!("{place}/{at}"), value, out);
            }
        }
        Value::Object(object) => {
            for (key, value) in object {
                if key.eq_ignore_ascii_case("password") {
                    out.push(format!("{place}: a password"));
                }
                unseemly(&format!("{place}/{key}"), value, out);
            }
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn expectations_can_fail() {
    let got = serde_json::json!({
        "active": false, "count": 2, "name": {"givenName": "Ines"}, "id": "u-1",
        "members": [{"value": "a", "type": "User"}, {"value": "b", "type": "User"}],
    });
    for (expected, holds) in [
        (r#"{}"#, true),
        (r#"{"active": false}"#, true),
        (r#"{"active": "false"}"#, false),
        (r#"{"title": "x"}"#, false),
        (r#"{"name": {"givenName": "Ines"}}"#, true),
        (r#"{"name": {"givenName": "Mira"}}"#, false),
        (r#"{"name": {"$exactly": {"givenName": "Ines"}}}"#, true),
        (r#"{"name": {"$exactly": {}}}"#, false),
        (r#"{"members": [{"value": "a"}, {"value": "b"}]}"#, true),
        (r#"{"members": [{"value": "b"}, {"value": "a"}]}"#, false),
        (r#"{"members": [{"value": "a"}]}"#, false),
        (r#"{"members": {"$set": [{"value": "b"}, {"value": "a"}]}}"#, true),
        (r#"{"members": {"$set": [{"value": "a"}, {"value": "a"}]}}"#, false),
        (r#"{"members": {"$contains": [{"value": "b"}]}}"#, true),
        (r#"{"members": {"$contains": [{"value": "c"}]}}"#, false),
        (r#"{"members": {"$all": {"type": "User"}}}"#, true),
        (r#"{"members": {"$all": {"value": "a"}}}"#, false),
        (r#"{"members": {"$length": 2}}"#, true),
        (r#"{"members": {"$length": 1}}"#, false),
        (r#"{"id": {"$text": "u-"}}"#, true),
        (r#"{"id": {"$text": "g-"}}"#, false),
        (r#"{"count": {"$type": "integer"}}"#, true),
        (r#"{"id": {"$type": "integer"}}"#, false),
        (r#"{"id": {"$not": "u-1"}}"#, false),
        (r#"{"id": {"$not": "u-2"}}"#, true),
    ] {
        let matched = matches(&serde_json::from_str(expected).unwrap(), &got);
        assert_eq!(matched, holds, "{expected}");
    }
}

#[test]
fn every_answer_is_judged() {
    let judged = |status, body: &str| {
        let mut out = Vec::new();
        rules_of_every_answer(status, &serde_json::from_str(body).unwrap_or_default(), &mut out);
        out.len()
    };
    let error = format!(r#"{{"schemas": ["{ERROR}"], "status": "404", "detail": "no such user"}}"#);
    assert_eq!(judged(404, &error), 0);
    assert_eq!(judged(400, &error), 1);
    assert_eq!(judged(404, "{}"), 1);
    assert_eq!(judged(308, ""), 2);
    assert_eq!(judged(204, ""), 0);
    assert_eq!(judged(200, ""), 1);
    assert_eq!(judged(200, r#"{"title": null}"#), 1);
    assert_eq!(judged(200, r#"{"password": "x"}"#), 1);
    let list = |counts: &str| format!(r#"{{"schemas": ["{LIST}"], {counts}}}"#);
    let right = r#""totalResults": 0, "startIndex": 1, "itemsPerPage": 0, "Resources": []"#;
    assert_eq!(judged(200, &list(right)), 0);
    assert_eq!(judged(200, &list(&right.replace("x\": 1", "x\": \"1\""))), 1);
    assert_eq!(judged(200, &list(&right.replace(", \"Resources\": []", ""))), 1);
    assert_eq!(judged(200, &list(&right.replace("e\": 0", "e\": 1"))), 1);
}

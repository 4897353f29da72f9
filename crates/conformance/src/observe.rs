//! Rules that hold for every answer, whatever was asked.

use std::{collections::BTreeMap, sync::Arc};

use reqwest::Method;
use serde_json::Value;

use crate::{
    answer::{Answer, ERROR, LIST, is_unassigned, names, shown},
    check::{Found, Stop, Verdict},
    connection::SCIM_JSON,
    report::{Exchange, shorten},
};

/// RFC 7644 §3.12 and RFC 9865 §2.1.
const SCIM_TYPES: [&str; 13] = [
    "invalidFilter",
    "tooMany",
    "uniqueness",
    "mutability",
    "invalidSyntax",
    "invalidPath",
    "noTarget",
    "invalidValue",
    "invalidVers",
    "sensitive",
    "invalidCursor",
    "expiredCursor",
    "invalidCount",
];

/// What a rule came to so far.
#[derive(Debug, Default)]
struct Seen {
    /// Answers to which the rule applied.
    times: usize,
    breaches: usize,
    first: Option<(String, String, Arc<Exchange>)>,
}

/// The rules and what was seen of them, by the rule's name.
#[derive(Debug, Default)]
pub struct Observations {
    seen: BTreeMap<&'static str, Seen>,
}

impl Observations {
    /// What the rule came to.
    pub fn verdict(&self, rule: &str) -> Verdict {
        let Some(seen) = self.seen.get(rule) else {
            return Err(Stop::Unclear("no answer of this run shows it".to_owned()));
        };
        let Some((expected, got, exchange)) = &seen.first else { return Ok(()) };
        let more = match seen.breaches {
            1 => String::new(),
            times => format!(" (in {times} of {} answers)", seen.times),
        };
        Err(Stop::Fail(Box::new(Found {
            expected: expected.clone(),
            got: format!("{got}{more}"),
            shown_by: Some(exchange.clone()),
            level: None,
        })))
    }

    fn rule(
        &mut self,
        rule: &'static str,
        holds: bool,
        answer: &Answer,
        expected: &str,
        got: impl FnOnce() -> String,
    ) {
        let seen = self.seen.entry(rule).or_default();
        seen.times += 1;
        if !holds {
            seen.breaches += 1;
            if seen.first.is_none() {
                seen.first = Some((expected.to_owned(), got(), answer.exchange.clone()));
            }
        }
    }

    /// Holds an answer to every rule. `plain`: SCIM's own media type was asked for.
    pub fn look(&mut self, method: &Method, path: &str, answer: &Answer, plain: bool) {
        let bad = answer.status >= 500 && answer.status != 501;
        let status = || format!("status {}", answer.status);
        self.rule("server-error", !bad, answer, "no status from 500 on, except 501", status);
        if *method == Method::HEAD {
            return;
        }
        let media = answer.header("content-type").split(';').next().unwrap_or_default().trim();
        let has_media = media.eq_ignore_ascii_case(SCIM_JSON);
        let typed = || format!("`Content-Type: {media}`");
        if answer.status >= 400 {
            let body = answer.json.as_ref().filter(|body| body.is_object());
            let form = body.is_some_and(|body| names(body, ERROR));
            let text = || match answer.text.as_str() {
                "" => format!("status {} without a body", answer.status),
                text => format!("status {} with `{}`", answer.status, shorten(text, 200)),
            };
            let expected = "a JSON object whose `schemas` names the Error message";
            self.rule("error-form", form, answer, expected, text);
            if form {
                let wanted = answer.status.to_string();
                let right = answer.at("/status").as_str() == Some(&wanted);
                let expected = format!("`status` to be the string `\"{wanted}\"`");
                let got = || shown(answer.at("/status"));
                self.rule("error-status", right, answer, &expected, got);
                let kind = answer.at("/scimType");
                let right =
                    kind.is_null() || kind.as_str().is_some_and(|k| SCIM_TYPES.contains(&k));
                self.rule("scim-type", right, answer, "one of the defined keywords", || {
                    shown(kind)
                });
                let detail = answer.at("/detail").as_str().unwrap_or_default().trim().is_empty();
                self.rule("error-detail", !detail, answer, "a `detail` in words", || {
                    shown(answer.at("/detail"))
                });
                let expected = format!("`Content-Type: {SCIM_JSON}`");
                self.rule("error-media", has_media, answer, &expected, typed);
            }
            return;
        }
        if !answer.text.is_empty() && plain {
            let expected = format!("`Content-Type: {SCIM_JSON}`");
            self.rule("media", has_media, answer, &expected, typed);
        }
        let Some(body) = &answer.json else { return };
        let whole = !path.to_ascii_lowercase().contains("attributes=")
            && !answer.sent.as_ref().is_some_and(|sent| {
                sent.get("attributes").is_some() || sent.get("excludedAttributes").is_some()
            });
        let discovery = ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas"];
        let discovered = discovery.iter().any(|endpoint| path.starts_with(endpoint));
        if names(body, LIST) {
            self.list(answer, body);
            for resource in answer.elements("/Resources") {
                if !discovered {
                    self.resource(answer, resource, whole);
                }
            }
        } else if !discovered && !path.starts_with("/Bulk") && body["id"].is_string() {
            self.resource(answer, body, whole);
        }
    }

    fn list(&mut self, answer: &Answer, body: &Value) {
        for counter in ["totalResults", "itemsPerPage", "startIndex"] {
            let value = &body[counter];
            if !value.is_null() {
                let expected = format!("`{counter}` to be a JSON integer");
                self.rule("counters", value.is_u64(), answer, &expected, || shown(value));
            }
        }
        let count = body["Resources"].as_array().map_or(0, Vec::len) as u64;
        if let Some(items) = body["itemsPerPage"].as_u64() {
            let expected = format!("`itemsPerPage` to be {count}, the resources on the page");
            self.rule("items", items == count, answer, &expected, || items.to_string());
        }
        if let Some(total) = body["totalResults"].as_u64() {
            let expected = format!("`totalResults` to be {count} or more, as the page holds them");
            self.rule("total", total >= count, answer, &expected, || total.to_string());
        }
    }

    fn resource(&mut self, answer: &Answer, resource: &Value, whole: bool) {
        let id = &resource["id"];
        let has_id = id.as_str().is_some_and(|id| !id.is_empty());
        self.rule("id", has_id, answer, "`id`, a string that is not empty", || shown(id));
        let password = &resource["password"];
        self.rule("password", password.is_null(), answer, "no `password`", || "one".to_owned());
        let active = &resource["active"];
        if !active.is_null() {
            let expected = "`active` to be true or false";
            self.rule("active", active.is_boolean(), answer, expected, || shown(active));
        }
        for (name, value) in resource.as_object().into_iter().flatten() {
            let elements: Vec<&Value> = value.as_array().into_iter().flatten().collect();
            if elements.is_empty() {
                continue;
            }
            let primaries = elements.iter().filter(|element| element["primary"] == true).count();
            let expected = format!("at most one primary value in `{name}`");
            self.rule("primary", primaries <= 1, answer, &expected, || primaries.to_string());
        }
        let null = null_in(resource);
        let expected = "attributes without a value to be left out";
        self.rule("nulls", null.is_none(), answer, expected, || {
            format!("`{}` is null", null.unwrap_or_default())
        });
        if !whole {
            return;
        }
        let schemas = &resource["schemas"];
        let named =
            schemas.as_array().is_some_and(|s| !s.is_empty() && s.iter().all(Value::is_string));
        self.rule("schemas", named, answer, "`schemas`, an array of URIs", || shown(schemas));
        let meta = &resource["meta"];
        for name in ["resourceType", "location"] {
            let right = meta[name].as_str().is_some_and(|text| !text.is_empty());
            let expected = format!("`meta.{name}`");
            self.rule("meta", right, answer, &expected, || shown(&meta[name]));
        }
        for (name, value) in resource.as_object().into_iter().flatten() {
            if name.to_ascii_lowercase().starts_with("urn:") && !is_unassigned(value) {
                let expected = format!("`schemas` to name `{name}`, as the resource has its data");
                self.rule("extension-named", names(resource, name), answer, &expected, || {
                    shown(schemas)
                });
            }
        }
    }
}

/// The first attribute whose value is null.
fn null_in(value: &Value) -> Option<String> {
    match value {
        Value::Object(members) => members.iter().find_map(|(name, value)| match value {
            Value::Null => Some(name.clone()),
            value => null_in(value).map(|inner| format!("{name}.{inner}")),
        }),
        Value::Array(elements) => elements.iter().find_map(null_in),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;
    use serde_json::json;

    use super::*;

    /// The rules that an answer to a GET breaks.
    fn broken(status: u16, media: &str, body: Value) -> Vec<&'static str> {
        let exchange = Exchange {
            method: "GET".into(),
            url: String::new(),
            curl: String::new(),
            status,
            body: String::new(),
        };
        let mut headers = HeaderMap::new();
        headers.insert("content-type", media.parse().expect("a media type"));
        let answer = Answer::new(Arc::new(exchange), headers, body.to_string(), None);
        let mut observations = Observations::default();
        observations.look(&Method::GET, "/Users", &answer, true);
        let failed = |rule: &&&str| observations.verdict(rule).is_err();
        observations.seen.keys().filter(failed).copied().collect()
    }

    fn user(change: Value) -> Value {
        let mut user = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "7",
            "active": true, "meta": {"resourceType": "User", "location": "/Users/7"},
            "emails": [{"value": "a", "primary": true}, {"value": "b"}]});
        for (name, value) in change.as_object().expect("the change is an object") {
            user[name] = value.clone();
        }
        user
    }

    #[test]
    fn resources() {
        let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let two = json!([{"value": "a", "primary": true}, {"value": "b", "primary": true}]);
        for (change, rules) in [
            (json!({}), vec![]),
            (json!({"id": ""}), vec!["id"]),
            (json!({"schemas": []}), vec!["schemas"]),
            (json!({"meta": {"resourceType": "User"}}), vec!["meta"]),
            (json!({"active": "true"}), vec!["active"]),
            (json!({"password": "x"}), vec!["password"]),
            (json!({"emails": two}), vec!["primary"]),
            (json!({"title": null}), vec!["nulls"]),
            (json!({"name": {"givenName": null}}), vec!["nulls"]),
            (json!({urn: {"department": "x"}}), vec!["extension-named"]),
            (json!({urn: {}}), vec![]),
        ] {
            assert_eq!(broken(200, SCIM_JSON, user(change.clone())), rules, "{change}");
        }
        let typed = "application/scim+json; charset=utf-8";
        assert!(broken(200, typed, user(json!({}))).is_empty());
        assert_eq!(broken(200, "application/json", user(json!({}))), ["media"]);
    }

    #[test]
    fn lists() {
        let list = |total: Value, items: Value| {
            broken(
                200,
                SCIM_JSON,
                json!({"schemas": [LIST], "totalResults": total,
                "itemsPerPage": items, "startIndex": 1, "Resources": [user(json!({}))]}),
            )
        };
        assert!(list(json!(1), json!(1)).is_empty());
        assert!(list(json!(9), Value::Null).is_empty());
        assert_eq!(list(json!("1"), json!(1)), ["counters"]);
        assert_eq!(list(json!(0), json!(1)), ["total"]);
        assert_eq!(list(json!(2), json!(2)), ["items"]);
    }

    #[test]
    fn errors() {
        let error = |status: Value| json!({"schemas": [ERROR], "status": status, "detail": "no"});
        assert!(broken(404, SCIM_JSON, error(json!("404"))).is_empty());
        assert_eq!(broken(404, SCIM_JSON, error(json!(404))), ["error-status"]);
        assert_eq!(broken(404, "application/json", error(json!("404"))), ["error-media"]);
        assert_eq!(broken(404, SCIM_JSON, json!({"message": "no"})), ["error-form"]);
        assert_eq!(broken(500, SCIM_JSON, error(json!("500"))), ["server-error"]);
        assert!(broken(501, SCIM_JSON, error(json!("501"))).is_empty());
        let mut unknown = error(json!("400"));
        unknown["scimType"] = json!("badValue");
        assert_eq!(broken(400, SCIM_JSON, unknown), ["scim-type"]);
    }
}

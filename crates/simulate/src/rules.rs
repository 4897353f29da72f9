//! What every answer must be like, whatever was asked, and the case that each rule belongs to.

use serde_json::Value;

use crate::Kind;
use crate::target::{CORE_GROUP, CORE_USER, ERROR, LIST};

/// A rule that holds for all answers of one sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// JSON on every status, from every layer.
    Json,
    ContentType,
    ErrorShape,
    /// A query is answered with a ListResponse whose `Resources` is an array.
    ListShape,
    /// The counters of a list are JSON integers.
    Integers,
    /// The counters of a list agree with each other and with the request.
    Counters,
    /// `id` is a string that is not empty and never changes.
    Id,
    Schemas,
    /// `active` is a JSON boolean.
    Active,
    /// No answer carries a password.
    Password,
    /// An answer comes in time.
    Silence,
    /// 429 says in whole seconds how long to wait.
    RetryAfter,
}

impl Rule {
    pub fn case(self, kind: Kind) -> &'static str {
        let (entra, okta) = match self {
            Rule::Json => ("E-154", "O-97"),
            Rule::ContentType => ("E-130", "O-01"),
            Rule::ErrorShape => ("E-113", "O-97"),
            Rule::ListShape => ("E-01", "O-08"),
            Rule::Integers => ("E-135", "O-19"),
            Rule::Counters => ("E-135", "O-90"),
            Rule::Id => ("E-28", "O-26"),
            Rule::Schemas => ("E-17", "O-23"),
            Rule::Active => ("E-35", "O-54"),
            Rule::Password => ("O-28", "O-28"),
            Rule::Silence => ("E-114", "O-98"),
            Rule::RetryAfter => ("E-110", "O-96"),
        };
        match (self, kind) {
            (_, Kind::Entra) => entra,
            (Rule::ContentType, Kind::OneLogin) => "X-06",
            (Rule::Id, Kind::JumpCloud) => "X-13",
            (_, Kind::Okta | Kind::OneLogin | Kind::JumpCloud) => okta,
        }
    }
}

/// A rule that was broken, and how.
#[derive(Debug, PartialEq)]
pub struct Breach {
    pub rule: Rule,
    pub what: &'static str,
    pub expected: String,
    pub got: String,
}

fn breach(rule: Rule, what: &'static str, expected: &str, got: impl ToString) -> Breach {
    Breach { rule, what, expected: expected.to_owned(), got: got.to_string() }
}

/// RFC 7644 §3.12: the schema, the status as a string, and a text that an administrator can act on.
pub fn of_error(status: u16, body: &Value) -> Option<Breach> {
    let detail = body["detail"].as_str().unwrap_or_default();
    let right = names_schema(body, ERROR)
        && body["status"].as_str() == Some(&status.to_string())
        && !detail.trim().is_empty();
    (!right).then(|| {
        let expected = format!("the error schema, `status` \"{status}\" as a string, a `detail`");
        breach(Rule::ErrorShape, "an error is not in the SCIM form", &expected, body)
    })
}

/// RFC 7644 §3.4.2; a list without a hit still has an empty `Resources`.
pub fn of_list(body: &Value, start: u64) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let Some(resources) = body["Resources"].as_array().filter(|_| names_schema(body, LIST)) else {
        let what = "a query is not answered with a ListResponse";
        let expected = "the ListResponse schema and an array `Resources`";
        return vec![breach(Rule::ListShape, what, expected, body)];
    };
    for counter in ["totalResults", "itemsPerPage", "startIndex"] {
        let left_out = body[counter].is_null() && counter != "totalResults";
        if !body[counter].is_u64() && !left_out {
            let what = "a list's counter is no integer";
            breaches.push(breach(Rule::Integers, what, counter, &body[counter]));
        }
    }
    let count = resources.len() as u64;
    if body["itemsPerPage"].as_u64().is_some_and(|items| items != count) {
        let what = "`itemsPerPage` is not the number of resources on the page";
        breaches.push(breach(Rule::Counters, what, &count.to_string(), &body["itemsPerPage"]));
    }
    if body["startIndex"].as_u64().is_some_and(|index| index != start) {
        let what = "`startIndex` is not the one that was asked for";
        breaches.push(breach(Rule::Counters, what, &start.to_string(), &body["startIndex"]));
    }
    if body["totalResults"].as_u64().is_some_and(|total| total < count) {
        let what = "`totalResults` is less than what is on the page";
        breaches.push(breach(Rule::Counters, what, &count.to_string(), &body["totalResults"]));
    }
    breaches
}

/// A resource in an answer; `id` is the one in the path, if it was asked for by id.
pub fn of_resource(resource: &Value, id: Option<&str>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let held = resource["id"].as_str().unwrap_or_default();
    if held.is_empty() {
        let what = "a resource has no `id`";
        breaches.push(breach(Rule::Id, what, "a string that is not empty", &resource["id"]));
    } else if id.is_some_and(|id| id != held) {
        let what = "a resource changed its `id`";
        breaches.push(breach(Rule::Id, what, id.unwrap_or_default(), held));
    }
    if !names_schema(resource, CORE_USER) && !names_schema(resource, CORE_GROUP) {
        let what = "a resource does not name its schema";
        breaches.push(breach(Rule::Schemas, what, "the core schema", &resource["schemas"]));
    }
    if !resource["active"].is_boolean() && !resource["active"].is_null() {
        let what = "`active` is answered as something other than a JSON boolean";
        breaches.push(breach(Rule::Active, what, "true or false", &resource["active"]));
    }
    if !resource["password"].is_null() {
        let what = "an answer carries a password";
        breaches.push(breach(Rule::Password, what, "no `password`", "a `password`"));
    }
    breaches
}

/// Whether `schemas` holds this URN, whose letters count in either case (RFC 7643 §2.1).
pub fn names_schema(body: &Value, urn: &str) -> bool {
    body["schemas"].as_array().is_some_and(|schemas| {
        schemas.iter().any(|schema| schema.as_str().is_some_and(|s| s.eq_ignore_ascii_case(urn)))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rules(breaches: Vec<Breach>) -> Vec<Rule> {
        breaches.into_iter().map(|breach| breach.rule).collect()
    }

    #[test]
    fn lists() {
        let list = |total: Value, items: Value, start: Value, resources: Value| {
            let body = json!({"schemas": [LIST], "totalResults": total, "itemsPerPage": items,
                "startIndex": start, "Resources": resources});
            rules(of_list(&body, 1))
        };
        assert_eq!(list(json!(0), json!(0), json!(1), json!([])), []);
        assert_eq!(list(json!(9), json!(1), json!(1), json!([{}])), []);
        assert_eq!(list(json!("0"), json!(0), json!(1), json!([])), [Rule::Integers]);
        assert_eq!(list(json!(0), json!(5), json!(1), json!([])), [Rule::Counters]);
        assert_eq!(list(json!(0), json!(0), json!(3), json!([])), [Rule::Counters]);
        assert_eq!(list(json!(0), json!(1), json!(1), json!([{}])), [Rule::Counters]);
        assert_eq!(list(json!(0), json!(0), json!(1), Value::Null), [Rule::ListShape]);
        assert_eq!(rules(of_list(&json!({"id": "1"}), 1)), [Rule::ListShape]);
    }

    #[test]
    fn resources() {
        let user = |change: Value| {
            let mut user = json!({"schemas": [CORE_USER], "id": "7", "active": true});
            for (name, value) in change.as_object().expect("the change is an object") {
                user[name] = value.clone();
            }
            rules(of_resource(&user, Some("7")))
        };
        assert_eq!(user(json!({})), []);
        assert_eq!(user(json!({"id": 7})), [Rule::Id]);
        assert_eq!(user(json!({"id": "8"})), [Rule::Id]);
        assert_eq!(user(json!({"schemas": []})), [Rule::Schemas]);
        assert_eq!(user(json!({"active": "False"})), [Rule::Active]);
        assert_eq!(user(json!({"password": "x"})), [Rule::Password]);
    }

    #[test]
    fn errors() {
        let error = json!({"schemas": [ERROR], "status": "404", "detail": "no such user"});
        assert_eq!(of_error(404, &error), None);
        assert!(of_error(400, &error).is_some());
        assert!(
            of_error(404, &json!({"schemas": [ERROR], "status": 404, "detail": "x"})).is_some()
        );
        assert!(of_error(404, &json!({"schemas": [ERROR], "status": "404"})).is_some());
    }
}

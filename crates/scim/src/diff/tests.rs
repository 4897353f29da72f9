use serde_json::json;

use super::*;
use crate::schema::user_type;

fn object(value: Value) -> Object {
    value.as_object().cloned().unwrap()
}

/// S-072.
#[test]
fn changes_by_attribute() {
    let rt = user_type(Vec::new());
    let e = urn::ENTERPRISE_USER;
    for (before, after, expected) in [
        (json!({ "title": "a" }), json!({ "title": "a" }), json!([])),
        (json!({ "schemas": ["a"] }), json!({ "schemas": ["b"] }), json!([])),
        (json!({ "title": "a" }), json!({ "title": "b" }), json!([["title", "a", "b"]])),
        (
            json!({ "title": "a" }),
            json!({ "Title": "a" }),
            json!([["title", "a", null], ["Title", null, "a"]]),
        ),
        (json!({}), json!({ "active": false }), json!([["active", null, false]])),
        // Sub-attributes of a single complex attribute, one by one.
        (
            json!({ "name": { "givenName": "M", "familyName": "O", "middleName": "x" } }),
            json!({ "name": { "formatted": "f", "familyName": "P", "givenName": "M" } }),
            json!([
                ["name.familyName", "O", "P"],
                ["name.middleName", "x", null],
                ["name.formatted", null, "f"]
            ]),
        ),
        (
            json!({ "name": { "givenName": "M" } }),
            json!({}),
            json!([["name.givenName", "M", null]]),
        ),
        // Lists as wholes; S-072: their order is nothing.
        (
            json!({ "emails": [{ "value": "a", "type": "work" }, { "value": "b" }] }),
            json!({ "emails": [{ "value": "b" }, { "type": "work", "value": "a" }] }),
            json!([]),
        ),
        (
            json!({ "emails": [{ "value": "a" }, { "value": "a" }, { "value": "b" }] }),
            json!({ "emails": [{ "value": "a" }, { "value": "b" }, { "value": "b" }] }),
            json!([["emails", [{ "value": "a" }, { "value": "a" }, { "value": "b" }], [{ "value": "a" }, { "value": "b" }, { "value": "b" }]]]),
        ),
        (
            json!({ "roles": [{ "value": "1" }] }),
            json!({ "roles": [{ "value": 1 }] }),
            json!([["roles", [{ "value": "1" }], [{ "value": 1 }]]]),
        ),
        // Extensions by attribute.
        (
            json!({ e: { "division": "D", "manager": { "value": "1" } } }),
            json!({ e: { "manager": { "value": "2" } } }),
            json!([[format!("{e}:division"), "D", null], [format!("{e}:manager.value"), "1", "2"]]),
        ),
        (
            json!({}),
            json!({ "urn:x:y:User": { "a": { "b": [1, 2] } } }),
            json!([["urn:x:y:User:a", null, { "b": [1, 2] }]]),
        ),
        (
            json!({ "urn:x:y:User": { "a": { "b": [1, { "c": [3, 4] }] } } }),
            json!({ "urn:x:y:User": { "a": { "b": [{ "c": [4, 3] }, 1] } } }),
            json!([]),
        ),
    ] {
        let found: Vec<_> = changes(&rt, &object(before.clone()), &object(after.clone()))
            .into_iter()
            .map(|change| json!([change.path, change.from, change.to]))
            .collect();
        assert_eq!(Value::from(found), expected, "{before} to {after}");
    }
}

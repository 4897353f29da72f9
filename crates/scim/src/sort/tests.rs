use serde_json::json;

use super::*;
use crate::schema::user_type;

fn sorted(by: &str, order: SortOrder, resources: &[Value]) -> String {
    let rt = user_type(Vec::new());
    let mut resources: Vec<Object> =
        resources.iter().map(|resource| resource.as_object().cloned().unwrap()).collect();
    let sort = Sort::parse(&rt, by).unwrap();
    let id = |resource: &Object| resource["id"].as_str().unwrap().to_owned();
    resources
        .sort_by(|a, b| sort.key(a).compare(&sort.key(b), order).then_with(|| id(a).cmp(&id(b))));
    resources.iter().map(id).collect()
}

/// S-183, S-184, S-185, S-186.
#[test]
fn orders() {
    use SortOrder::{Ascending, Descending};
    let e = crate::urn::ENTERPRISE_USER;
    let created = |id: &str, created: &str| json!({ "id": id, "meta": { "created": created } });
    for (by, order, resources, expected) in [
        // S-183: folded; S-185: without a value last, and first when descending.
        (
            "userName",
            Ascending,
            vec![
                json!({ "id": "1", "userName": "b" }),
                json!({ "id": "2" }),
                json!({ "id": "3", "userName": "A" }),
            ],
            "312",
        ),
        (
            "USERNAME",
            Descending,
            vec![
                json!({ "id": "1", "userName": "b" }),
                json!({ "id": "2" }),
                json!({ "id": "3", "userName": "A" }),
            ],
            "213",
        ),
        (
            "externalId",
            Ascending,
            vec![json!({ "id": "1", "externalId": "a" }), json!({ "id": "2", "externalId": "B" })],
            "21",
        ),
        (
            "active",
            Ascending,
            vec![json!({ "id": "1", "active": true }), json!({ "id": "2", "active": false })],
            "21",
        ),
        // S-184: the primary element, else the first.
        (
            "emails",
            Ascending,
            vec![
                json!({ "id": "1", "emails": [{ "value": "a" }, { "value": "z", "primary": true }] }),
                json!({ "id": "2", "emails": [{ "value": "m" }, { "value": "a" }] }),
                json!({ "id": "3", "emails": [] }),
            ],
            "213",
        ),
        (
            "name.familyName",
            Ascending,
            vec![
                json!({ "id": "1", "name": { "familyName": "Ö" } }),
                json!({ "id": "2", "name": { "familyName": "o" } }),
            ],
            "21",
        ),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
            Ascending,
            vec![
                json!({ "id": "1", e: { "manager": { "value": "9" } } }),
                json!({ "id": "2", e: { "manager": { "value": "8" } } }),
            ],
            "21",
        ),
        // As instants, not as text.
        (
            "meta.created",
            Ascending,
            vec![created("1", "2026-03-01T08:00:00Z"), created("2", "2026-03-01T09:00:00+02:00")],
            "21",
        ),
    ] {
        assert_eq!(sorted(by, order, &resources), expected, "{by} {order:?}");
    }
}

/// S-181, S-182, S-187.
#[test]
fn refusals() {
    // S-181, S-182, S-187.
    let rt = user_type(Vec::new());
    for by in ["name", "shoeSize", "addresses", "x509Certificates", "password", "", "a b", "meta"] {
        let error = Sort::parse(&rt, by).expect_err(by);
        assert_eq!(error.scim_type, Some(ScimType::InvalidValue), "{by}");
    }
    assert!(SortOrder::parse("up").is_err());
    assert_eq!(SortOrder::parse("Descending"), Ok(SortOrder::Descending));
}

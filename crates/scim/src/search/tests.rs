use serde_json::json;

use super::*;
use crate::sort::SortOrder;

fn read(body: Value, reading: Reading) -> Result<ListQuery, Error> {
    parse(body.as_object().cloned().unwrap(), reading, &mut Notes::default())
}

/// S-210.
#[test]
fn searches() {
    // S-210: as the GET form has it.
    let body = json!({
        "schemas": [urn::SEARCH_REQUEST.to_lowercase()],
        "attributes": ["displayName", "userName"],
        "Filter": "displayName sw \"s\"",
        "sortBy": "title", "sortOrder": "descending",
        "startIndex": -4, "count": 5000, "excludedAttributes": null, "other": [],
    });
    let expected = ListQuery {
        filter: Some("displayName sw \"s\"".into()),
        attributes: Some("displayName,userName".into()),
        sort_by: Some("title".into()),
        sort_order: SortOrder::Descending,
        count: Some(crate::list::MAX_COUNT),
        ..ListQuery::default()
    };
    assert_eq!(read(body, Reading::Strict), Ok(expected));
    assert_eq!(read(json!({}), Reading::Tolerant), Ok(ListQuery::default()));
    let found = read(json!({ "attributes": "id", "startIndex": u64::MAX }), Reading::Tolerant);
    let found = found.unwrap();
    assert_eq!((found.attributes.as_deref(), found.start_index), (Some("id"), i64::MAX as u64));
}

/// S-211.
#[test]
fn refusals() {
    // S-211.
    for (field, reading) in [
        (json!({ "count": "5" }), Reading::Tolerant),
        (json!({ "startIndex": 1.5 }), Reading::Tolerant),
        (json!({ "filter": ["a"] }), Reading::Tolerant),
        (json!({ "attributes": [1] }), Reading::Tolerant),
        (json!({ "attributes": { "a": 1 } }), Reading::Tolerant),
        (json!({ "attributes": "id", "schemas": [urn::SEARCH_REQUEST] }), Reading::Strict),
        (json!({}), Reading::Strict),
        (json!({ "schemas": urn::SEARCH_REQUEST }), Reading::Strict),
    ] {
        let error = read(field.clone(), reading).expect_err(&field.to_string());
        assert_eq!(error.scim_type, Some(ScimType::InvalidSyntax), "{field}");
    }
}

use super::*;

fn query(text: &str, reading: Reading) -> Result<ListQuery, Error> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name.to_owned(), value.to_owned())
    });
    ListQuery::from_pairs(pairs, reading, &mut Notes::default())
}

/// S-188, S-189, S-192, S-194.
#[test]
fn pages() {
    // S-188, S-189, S-192..S-194.
    for (text, start_index, count) in [
        ("", 1, 1000),
        ("startIndex=0&count=0", 1, 0),
        ("startIndex=-5&count=-1", 1, 0),
        ("startIndex=6&count=5", 6, 5),
        ("STARTINDEX=6&Count=5", 6, 5),
        ("count=1000", 1, 1000),
        ("count=1001", 1, 1000),
        ("startIndex=&count=", 1, 1000),
        ("startIndex=99999999999999999999&count=99999999999999999999", i64::MAX as u64, 1000),
        ("startIndex=-99999999999999999999", 1, 1000),
        ("aadOptscim062020&foo=bar&foo=baz", 1, 1000),
    ] {
        let query = query(text, Reading::Tolerant).unwrap();
        assert_eq!((query.start_index, query.count()), (start_index, count), "{text}");
        assert_eq!(query.cursor, None);
    }
}

/// S-195.
#[test]
fn texts() {
    let found = query(
        "filter=userName pr&sortBy=title&sortOrder=DESCENDING&attributes=id&excludedAttributes=",
        Reading::Tolerant,
    );
    let expected = ListQuery {
        filter: Some("userName pr".into()),
        sort_by: Some("title".into()),
        sort_order: SortOrder::Descending,
        attributes: Some("id".into()),
        ..ListQuery::default()
    };
    assert_eq!(found, Ok(expected));
    // S-195: a cursor without a value begins.
    assert_eq!(query("cursor&count=10", Reading::Strict).unwrap().cursor.as_deref(), Some(""));
    assert_eq!(query("cursor=abc", Reading::Strict).unwrap().cursor.as_deref(), Some("abc"));
}

/// S-199, S-204, S-450.
#[test]
fn refusals() {
    use ScimType::{InvalidCount, InvalidFilter, InvalidValue};
    for (text, reading, scim_type) in [
        ("count=abc", Reading::Tolerant, InvalidValue),
        ("startIndex=1.5", Reading::Tolerant, InvalidValue),
        ("startIndex=1e9", Reading::Tolerant, InvalidValue),
        ("sortOrder=up", Reading::Tolerant, InvalidValue),
        // S-450.
        ("count=1&count=9", Reading::Tolerant, InvalidValue),
        ("filter=a&FILTER=a", Reading::Tolerant, InvalidValue),
        // S-199, S-204.
        ("cursor&startIndex=1", Reading::Tolerant, InvalidValue),
        ("cursor&count=1001", Reading::Tolerant, InvalidCount),
        ("cursor&count=-1", Reading::Tolerant, InvalidCount),
        ("filter=", Reading::Strict, InvalidFilter),
        ("count=", Reading::Strict, InvalidValue),
    ] {
        let error = query(text, reading).expect_err(text);
        assert_eq!((error.status, error.scim_type), (400, Some(scim_type)), "{text}");
    }
}

#[test]
fn responses() {
    for (response, expected) in [
        (
            ListResponse {
                total_results: Some(12),
                start_index: Some(11),
                items_per_page: 2,
                ..Default::default()
            },
            json!({ "totalResults": 12, "startIndex": 11, "itemsPerPage": 2 }),
        ),
        (
            ListResponse {
                items_per_page: 1,
                next_cursor: Some("n".into()),
                previous_cursor: Some("p".into()),
                ..Default::default()
            },
            json!({ "itemsPerPage": 1, "nextCursor": "n", "previousCursor": "p" }),
        ),
    ] {
        let mut object = response.into_object();
        assert_eq!(object.shift_remove("schemas"), Some(json!([urn::LIST_RESPONSE])));
        assert_eq!(Value::Object(object), expected);
    }
}

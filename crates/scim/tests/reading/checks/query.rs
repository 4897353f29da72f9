use scim::{
    Notes,
    dialect::Reading,
    filter,
    list::{ListQuery, MAX_COUNT},
    project::Projection,
    search,
    sort::Sort,
};
use serde_json::{Value, json};

use super::{READINGS, SENT, check_refusal, read_json};

/// Reads the pairs of a query string, or the body of a search if the text is a JSON object: both
/// ways mean the same (S-210), and what they ask for can be done.
pub fn check(bytes: &[u8]) {
    for reading in READINGS {
        let mut notes = Notes::default();
        let query = match read_json(bytes) {
            Some(Value::Object(body)) => search::parse(body, reading, &mut notes),
            _ => {
                let Ok(text) = std::str::from_utf8(bytes) else { return };
                let pairs = text.split('&').map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (name.to_owned(), value.to_owned())
                });
                ListQuery::from_pairs(pairs, reading, &mut notes)
            }
        };
        match query {
            Ok(query) => check_query(&query, reading),
            Err(error) => check_refusal(&error),
        }
    }
}

fn check_query(query: &ListQuery, reading: Reading) {
    assert!(query.start_index >= 1 && query.count() <= MAX_COUNT, "{query:?}");
    check_both_ways(query, reading);
    for (rt, resources) in &*SENT {
        let mut resources = resources.clone();
        if let Some(text) = &query.filter {
            let notes = &mut Notes::default();
            let condition = filter::parse(text, reading, notes)
                .and_then(|filter| filter::resolve_noting(&filter, rt, reading, notes));
            match condition {
                Ok(condition) => resources.retain(|resource| condition.matches(resource)),
                Err(error) => check_refusal(&error.into()),
            }
        }
        if let Some(sort_by) = &query.sort_by {
            match Sort::parse(rt, sort_by) {
                Ok(sort) => {
                    let mut keys: Vec<_> = resources.iter().map(|r| sort.key(r)).collect();
                    keys.sort_by(|a, b| a.compare(b, query.sort_order));
                    let pairs = keys.iter().zip(keys.iter().skip(1));
                    pairs.for_each(|(a, b)| assert!(a.compare(b, query.sort_order).is_le()));
                }
                Err(error) => check_refusal(&error),
            }
        }
        let (attributes, excluded) = (&query.attributes, &query.excluded_attributes);
        match Projection::parse(rt, attributes.as_deref(), excluded.as_deref()) {
            Ok(projection) => {
                for mut resource in resources {
                    projection.apply(rt, &mut resource);
                    assert!(resource.contains_key("id") && resource.contains_key("schemas"));
                    let pin = &resource.get("urn:example:schemas:extension:lab:2.0:User");
                    assert!(pin.is_none_or(|lab| lab.get("pin").is_none()), "{query:?}");
                    let once = resource.clone();
                    projection.apply(rt, &mut resource);
                    assert_eq!(resource, once, "{query:?}");
                }
            }
            Err(error) => check_refusal(&error),
        }
    }
}

/// The query as parameters of a URL and as the body of a search.
fn check_both_ways(query: &ListQuery, reading: Reading) {
    let order = if query.sort_order == Default::default() { "ascending" } else { "descending" };
    let index = query.cursor.is_none().then_some(query.start_index);
    let texts = [
        ("filter", &query.filter),
        ("sortBy", &query.sort_by),
        ("cursor", &query.cursor),
        ("attributes", &query.attributes),
        ("excludedAttributes", &query.excluded_attributes),
    ];
    // An empty text is a value in a body alone, and refused or passed over in a URL.
    if texts.iter().any(|(name, text)| *name != "cursor" && text.as_deref() == Some("")) {
        return;
    }
    let mut pairs = vec![("sortOrder".to_owned(), order.to_owned())];
    let mut body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "sortOrder": order,
    });
    if let Some(count) = query.count {
        pairs.push(("count".to_owned(), count.to_string()));
        body["count"] = count.into();
    }
    if let Some(index) = index.and_then(|index| i64::try_from(index).ok()) {
        pairs.push(("startIndex".to_owned(), index.to_string()));
        body["startIndex"] = index.into();
    }
    for (name, text) in texts {
        let Some(text) = text else { continue };
        pairs.push((name.to_owned(), text.clone()));
        body[name] = match name {
            "attributes" | "excludedAttributes" => text.split(',').collect(),
            _ => text.as_str().into(),
        };
    }
    let notes = &mut Notes::default();
    assert_eq!(ListQuery::from_pairs(pairs, reading, notes).as_ref(), Ok(query));
    let Value::Object(body) = body else { unreachable!("it was made an object") };
    assert_eq!(search::parse(body, reading, notes).as_ref(), Ok(query));
    assert!(notes.is_empty(), "{notes:?}");
}

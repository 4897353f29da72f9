//! The SearchRequest message (RFC 7644 §3.4.3).

use serde_json::Value;

use crate::{
    Error, Notes, Object, ScimType,
    list::{ListQuery, Parameters},
    reading::Reading,
    urn,
};

/// Reads the body of a search; it means what the same parameters mean in a URL (S-210, S-211).
///
/// Names in any letter case. Unknown ones are passed over; `null` is no value. The strict reading
/// insists on `schemas` and on lists of attributes being arrays of strings.
pub fn parse(body: Object, reading: Reading, notes: &mut Notes) -> Result<ListQuery, Error> {
    let mut parameters = Parameters::default();
    let mut is_search = false;
    for (name, value) in body {
        if value.is_null() {
            continue;
        }
        match name.to_ascii_lowercase().as_str() {
            "schemas" => {
                let schemas = value.as_array().map_or(&[][..], Vec::as_slice);
                let mut schemas = schemas.iter().filter_map(Value::as_str);
                is_search = schemas.any(|schema| urn::eq(schema, urn::SEARCH_REQUEST));
            }
            "filter" => parameters.filter = Some(string("filter", value)?),
            "sortby" => parameters.sort_by = Some(string("sortBy", value)?),
            "sortorder" => parameters.sort_order = Some(string("sortOrder", value)?),
            "startindex" => parameters.start_index = Some(integer("startIndex", value)?),
            "count" => parameters.count = Some(integer("count", value)?),
            "cursor" => parameters.cursor = Some(string("cursor", value)?),
            "attributes" => parameters.attributes = Some(names("attributes", value, reading)?),
            "excludedattributes" => {
                parameters.excluded_attributes = Some(names("excludedAttributes", value, reading)?);
            }
            _ => {}
        }
    }
    if !is_search {
        if reading == Reading::Strict {
            return Err(invalid(format!("`schemas` has to name `{}`", urn::SEARCH_REQUEST)));
        }
        notes.add("`schemas` does not name a search: taken from the endpoint");
    }
    parameters.into_query()
}

fn string(name: &str, value: Value) -> Result<String, Error> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(invalid(format!("`{name}` has to be a string"))),
    }
}

fn integer(name: &str, value: Value) -> Result<i64, Error> {
    match value {
        Value::Number(number) if number.is_u64() => Ok(number.as_i64().unwrap_or(i64::MAX)),
        Value::Number(number) if number.is_i64() => Ok(number.as_i64().unwrap_or(i64::MIN)),
        _ => Err(invalid(format!("`{name}` has to be a whole number, not a string"))),
    }
}

/// A list of attribute names, in the form it has in a URL.
fn names(name: &str, value: Value, reading: Reading) -> Result<String, Error> {
    let expected = || invalid(format!("`{name}` has to be an array of strings"));
    match value {
        Value::Array(items) => {
            let items: Option<Vec<_>> = items.iter().map(Value::as_str).collect();
            Ok(items.ok_or_else(expected)?.join(","))
        }
        Value::String(text) if reading == Reading::Tolerant => Ok(text),
        _ => Err(expected()),
    }
}

fn invalid(detail: String) -> Error {
    Error::bad_request(ScimType::InvalidSyntax, detail)
}

#[cfg(test)]
mod tests;

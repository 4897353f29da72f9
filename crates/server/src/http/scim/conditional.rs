//! Entity tags and preconditions (RFC 7644 §3.14, RFC 9110 §13.1).

use axum::http::{HeaderMap, header};

use crate::directory::Precondition;

/// What `If-Match` asks of a write. Tags compare weakly, as the standard's own samples need:
/// `W/"3"` and `"3"` are the same version.
pub(super) fn if_match(headers: &HeaderMap) -> Precondition {
    let tags = tags(headers, header::IF_MATCH.as_str());
    if tags.is_empty() {
        Precondition::None
    } else if tags.iter().any(|tag| tag == "*") {
        Precondition::Exists
    } else {
        Precondition::Version(tags.iter().filter_map(|tag| version(tag)).collect())
    }
}

/// Whether the client has what `current` is the tag of already (`If-None-Match`).
pub(super) fn has(headers: &HeaderMap, current: &str) -> bool {
    tags(headers, header::IF_NONE_MATCH.as_str())
        .iter()
        .any(|tag| tag == "*" || opaque(tag) == opaque(current))
}

fn tags(headers: &HeaderMap, name: &str) -> Vec<String> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|tag| tag.trim().to_owned())
        .filter(|tag| !tag.is_empty())
        .collect()
}

fn opaque(tag: &str) -> &str {
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).unwrap_or(tag)
}

/// The version in a tag. What follows the hyphen is of what is shown beside the resource, and no
/// write depends on that.
fn version(tag: &str) -> Option<i64> {
    let tag = opaque(tag);
    tag.split_once('-').map_or(tag, |(version, _)| version).parse().ok()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    /// S-280, S-281.
    #[test]
    fn tags_compare_weakly() {
        for (value, precondition) in [
            ("W/\"3\"", Precondition::Version(vec![3])),
            ("\"3\", W/\"4\"", Precondition::Version(vec![3, 4])),
            ("W/\"3-9f2c81aa\"", Precondition::Version(vec![3])),
            ("*", Precondition::Exists),
            ("\"other\"", Precondition::Version(vec![])),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_MATCH, HeaderValue::from_static(value));
            assert_eq!(if_match(&headers), precondition, "{value}");
        }
        assert_eq!(if_match(&HeaderMap::new()), Precondition::None);
    }
}

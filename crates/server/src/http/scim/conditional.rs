//! Entity tags and preconditions (RFC 7644 §3.14, RFC 9110 §13.1).

use axum::http::{HeaderMap, header};

use crate::directory::{Precondition, opaque};

/// What `If-Match` asks of a write.
pub(super) fn if_match(headers: &HeaderMap) -> Precondition {
    Precondition::of(tags(headers, header::IF_MATCH.as_str()).iter().map(String::as_str))
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

//! The protocol's error message (RFC 7644 §3.12) and the one mapping from this crate's errors to it.

use serde_json::json;

use crate::{Object, text, urn};

/// The `scimType` keywords: RFC 7644 §3.12 table 9 and RFC 9865 §2.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScimType {
    InvalidFilter,
    TooMany,
    Uniqueness,
    Mutability,
    InvalidSyntax,
    InvalidPath,
    NoTarget,
    InvalidValue,
    InvalidVers,
    Sensitive,
    InvalidCursor,
    ExpiredCursor,
    InvalidCount,
}

impl ScimType {
    /// The keyword as it stands on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::TooMany => "tooMany",
            Self::Uniqueness => "uniqueness",
            Self::Mutability => "mutability",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::InvalidValue => "invalidValue",
            Self::InvalidVers => "invalidVers",
            Self::Sensitive => "sensitive",
            Self::InvalidCursor => "invalidCursor",
            Self::ExpiredCursor => "expiredCursor",
            Self::InvalidCount => "invalidCount",
        }
    }
}

/// A refusal in the standard's form.
///
/// `status` is the number of RFC 7644 §3.12 as it stands in the message (a JSON string there), not
/// a type of any HTTP library. `detail` is read by the customer's IT admin in their identity
/// provider's log: it names the attribute and says what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status} {}: {detail}", .scim_type.map_or("-", ScimType::as_str))]
pub struct Error {
    pub status: u16,
    pub scim_type: Option<ScimType>,
    pub detail: String,
}

impl Error {
    /// The longest `detail` sent, in bytes; longer ones are cut at a character boundary.
    pub const MAX_DETAIL: usize = 1000;

    pub fn new(status: u16, scim_type: Option<ScimType>, detail: impl Into<String>) -> Self {
        let detail = text::shorten(detail.into(), Self::MAX_DETAIL);
        Self { status, scim_type, detail }
    }

    /// 400 with `scim_type`.
    pub fn bad_request(scim_type: ScimType, detail: impl Into<String>) -> Self {
        Self::new(400, Some(scim_type), detail)
    }

    /// The message object.
    pub fn to_object(&self) -> Object {
        let mut object = Object::new();
        object.insert("schemas".into(), json!([urn::ERROR]));
        object.insert("status".into(), self.status.to_string().into());
        if let Some(scim_type) = self.scim_type {
            object.insert("scimType".into(), scim_type.as_str().into());
        }
        object.insert("detail".into(), self.detail.clone().into());
        object
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S-314, S-315, S-318: the keywords as the standards spell them, in the message's form, with a
    /// `detail` of bounded length.
    #[test]
    fn messages_have_the_standards_form() {
        use ScimType::*;
        for (scim_type, keyword) in [
            (InvalidFilter, "invalidFilter"),
            (TooMany, "tooMany"),
            (Uniqueness, "uniqueness"),
            (Mutability, "mutability"),
            (InvalidSyntax, "invalidSyntax"),
            (InvalidPath, "invalidPath"),
            (NoTarget, "noTarget"),
            (InvalidValue, "invalidValue"),
            (InvalidVers, "invalidVers"),
            (Sensitive, "sensitive"),
            (InvalidCursor, "invalidCursor"),
            (ExpiredCursor, "expiredCursor"),
            (InvalidCount, "invalidCount"),
        ] {
            let error = Error::bad_request(scim_type, "é".repeat(2000));
            assert!(error.detail.len() <= Error::MAX_DETAIL);
            let expected = json!({
                "schemas": [urn::ERROR],
                "status": "400",
                "scimType": keyword,
                "detail": error.detail,
            });
            assert_eq!(serde_json::Value::from(error.to_object()), expected);
        }
        let plain = Error::new(404, None, "no such endpoint").to_object();
        assert_eq!((&plain["status"], plain.get("scimType")), (&json!("404"), None));
    }
}

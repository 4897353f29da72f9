//! What a member has: where an attribute mapping leads.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A field of a member, in the order in which they are shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    EmailAddress,
    Username,
    FirstName,
    LastName,
    DisplayName,
    PhoneNumber,
    Locale,
    ExternalId,
    /// Whether the member is to have access: true or false.
    Active,
    OrganizationRole,
    /// A field of the metadata that people can see; the name after `public_metadata.`.
    PublicMetadata(String),
    /// A field of the metadata that only the product sees.
    PrivateMetadata(String),
}

/// The targets that have no name of their own choosing.
pub const FIXED: &[Target] = &[
    Target::EmailAddress,
    Target::Username,
    Target::FirstName,
    Target::LastName,
    Target::DisplayName,
    Target::PhoneNumber,
    Target::Locale,
    Target::ExternalId,
    Target::Active,
    Target::OrganizationRole,
];

const PUBLIC: &str = "public_metadata";
const PRIVATE: &str = "private_metadata";

/// The longest name of a metadata field, in bytes.
pub const MAX_NAME: usize = 128;

/// A text that is no target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownTarget {
    #[error(
        "`{0}` is no target: use one of email_address, username, first_name, last_name, \
         display_name, phone_number, locale, external_id, active, organization_role, \
         public_metadata.NAME, private_metadata.NAME"
    )]
    Unknown(String),
    #[error(
        "`{0}` is no name of metadata: letters, digits, `_` and `-`, joined by dots, at most \
         {MAX_NAME} bytes"
    )]
    Name(String),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmailAddress => "email_address",
            Self::Username => "username",
            Self::FirstName => "first_name",
            Self::LastName => "last_name",
            Self::DisplayName => "display_name",
            Self::PhoneNumber => "phone_number",
            Self::Locale => "locale",
            Self::ExternalId => "external_id",
            Self::Active => "active",
            Self::OrganizationRole => "organization_role",
            Self::PublicMetadata(name) => return write!(f, "{PUBLIC}.{name}"),
            Self::PrivateMetadata(name) => return write!(f, "{PRIVATE}.{name}"),
        })
    }
}

impl FromStr for Target {
    type Err = UnknownTarget;

    fn from_str(text: &str) -> Result<Self, UnknownTarget> {
        if let Some(target) = FIXED.iter().find(|target| target.to_string() == text) {
            return Ok(target.clone());
        }
        let Some((kind @ (PUBLIC | PRIVATE), name)) = text.split_once('.') else {
            return Err(UnknownTarget::Unknown(text.into()));
        };
        let is_part = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        };
        if name.len() > MAX_NAME || !name.split('.').all(is_part) {
            return Err(UnknownTarget::Name(name.into()));
        }
        Ok(match kind {
            PUBLIC => Self::PublicMetadata(name.into()),
            _ => Self::PrivateMetadata(name.into()),
        })
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for text in ["email_address", "active", "public_metadata.a-b.c_1", "private_metadata.x"] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
        for text in ["", "Email_Address", "public_metadata", "public_metadata.", "x.y"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
        for text in ["public_metadata.a..b", "private_metadata.ä"] {
            assert!(matches!(text.parse::<Target>(), Err(UnknownTarget::Name(_))), "{text}");
        }
    }
}

//! Attribute notation (RFC 7644 §3.10) and its meaning for a resource type.

use crate::schema::{Attribute, ResourceType};

/// `[urn:]name[.sub]`, as written: nothing is looked up yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributePath {
    /// The schema URI in front, without the colon that joins it to the name.
    pub schema: Option<String>,
    pub name: String,
    pub sub_attribute: Option<String>,
}

/// What an [`AttributePath`] means for a resource type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ResolvedPath<'s> {
    /// The URI of the declared extension whose object holds the attribute; `None` for attributes of
    /// the base schema and the common ones, which stand on the resource itself.
    pub extension: Option<&'s str>,
    pub attribute: &'s Attribute,
    pub sub_attribute: Option<&'s Attribute>,
}

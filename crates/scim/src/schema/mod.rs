//! Schemas, attributes and their characteristics (RFC 7643 §2.2, §7).
//!
//! One set of data serves `/Schemas`, validation, projection, filters and PATCH: what is published
//! is what is enforced.

use std::sync::Arc;

mod common_attributes;
mod enterprise_user;
mod group;
mod service_provider_config;
mod user;

pub use common_attributes::common_attributes;

/// RFC 7643 §2.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeType {
    String,
    Boolean,
    Decimal,
    Integer,
    DateTime,
    Binary,
    Reference,
    Complex,
}

/// RFC 7643 §7, `mutability`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutability {
    ReadOnly,
    ReadWrite,
    Immutable,
    WriteOnly,
}

/// RFC 7643 §7, `returned`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    Always,
    Never,
    Default,
    Request,
}

/// RFC 7643 §7, `uniqueness`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uniqueness {
    None,
    Server,
    Global,
}

/// One attribute or sub-attribute with all its characteristics.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    pub name: String,
    pub attribute_type: AttributeType,
    pub multi_valued: bool,
    pub description: String,
    pub required: bool,
    /// Suggestions, never a restriction.
    pub canonical_values: Vec<String>,
    pub case_exact: bool,
    pub mutability: Mutability,
    pub returned: Returned,
    pub uniqueness: Uniqueness,
    pub reference_types: Vec<String>,
    pub sub_attributes: Vec<Attribute>,
}

impl Attribute {
    /// The sub-attribute called `name`, in any letter case.
    pub fn sub_attribute(&self, name: &str) -> Option<&Attribute> {
        self.sub_attributes.iter().find(|sub| sub.name.eq_ignore_ascii_case(name))
    }
}

/// A schema: a URI and the attributes it declares.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    /// The URI, in its canonical spelling.
    pub id: String,
    pub name: String,
    pub description: String,
    pub attributes: Vec<Attribute>,
}

impl Schema {
    /// The attribute called `name`, in any letter case.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
    }
}

/// An extension schema of a resource type.
#[derive(Clone, Debug, PartialEq)]
pub struct Extension {
    pub schema: Arc<Schema>,
    pub required: bool,
}

/// A kind of resource: its endpoint, its base schema and its extensions (RFC 7643 §6).
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceType {
    /// `User`; equals `id` and `meta.resourceType` of its resources.
    pub name: String,
    pub description: String,
    /// Relative to the base URL, with a leading slash: `/Users`.
    pub endpoint: String,
    pub schema: Arc<Schema>,
    pub extensions: Vec<Extension>,
}

impl ResourceType {
    /// The declared extension with this URI, in any letter case.
    pub fn extension(&self, urn: &str) -> Option<&Schema> {
        self.extensions.iter().map(|e| &*e.schema).find(|s| crate::urn::eq(&s.id, urn))
    }

    /// The attribute `name` of the base schema or of the common attributes
    /// (`schemas`, `id`, `externalId`, `meta`), in any letter case.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.schema
            .attribute(name)
            .or_else(|| common_attributes().iter().find(|a| a.name.eq_ignore_ascii_case(name)))
    }
}

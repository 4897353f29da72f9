//! Schemas, attributes and their characteristics (RFC 7643 §2.2, §7).
//!
//! One set of data serves `/Schemas`, validation, projection, filters and PATCH: what is published
//! is what is enforced.

use std::sync::{Arc, LazyLock};

use serde_json::Value;

use crate::{Object, text, urn};

mod common_attributes;
mod declared;
mod define;
mod enterprise_user;
mod grantable;
mod group;
mod instant;
mod learned;
mod resource_type;
mod schema_schema;
mod service_provider_config;
mod user;

pub use common_attributes::common_attributes;
pub use declared::{SchemaError, SchemaProblem};
pub use grantable::{ROLE, grantable_type};
pub use instant::instant;
pub use learned::learn;

static CORE: LazyLock<[Arc<Schema>; 6]> = LazyLock::new(|| {
    [
        user::user(),
        group::group(),
        enterprise_user::enterprise_user(),
        service_provider_config::service_provider_config(),
        resource_type::resource_type(),
        schema_schema::schema_schema(),
    ]
    .map(Arc::new)
});

/// The schemas every directory has: User, Group, EnterpriseUser, ServiceProviderConfig,
/// ResourceType and Schema, in this order.
pub fn core_schemas() -> &'static [Arc<Schema>] {
    &*CORE
}

/// The User resource type. EnterpriseUser is always its first extension.
pub fn user_type(extensions: Vec<Extension>) -> ResourceType {
    let enterprise = Extension { schema: CORE[2].clone(), required: false, learned: false };
    ResourceType {
        name: "User".into(),
        description: "People's accounts".into(),
        endpoint: "/Users".into(),
        schema: CORE[0].clone(),
        extensions: std::iter::once(enterprise).chain(extensions).collect(),
    }
}

/// The Group resource type.
pub fn group_type(extensions: Vec<Extension>) -> ResourceType {
    ResourceType {
        name: "Group".into(),
        description: "Sets of users".into(),
        endpoint: "/Groups".into(),
        schema: CORE[1].clone(),
        extensions,
    }
}

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

impl AttributeType {
    /// The keyword as it stands in a published schema.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Decimal => "decimal",
            Self::Integer => "integer",
            Self::DateTime => "dateTime",
            Self::Binary => "binary",
            Self::Reference => "reference",
            Self::Complex => "complex",
        }
    }

    /// The reverse of [`AttributeType::as_str`].
    fn from_keyword(keyword: &str) -> Option<Self> {
        let all = [
            Self::String,
            Self::Boolean,
            Self::Decimal,
            Self::Integer,
            Self::DateTime,
            Self::Binary,
            Self::Reference,
            Self::Complex,
        ];
        all.into_iter().find(|known| known.as_str() == keyword)
    }
}

/// RFC 7643 §7, `mutability`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutability {
    ReadOnly,
    ReadWrite,
    Immutable,
    WriteOnly,
}

impl Mutability {
    /// The keyword as it stands in a published schema.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "readOnly",
            Self::ReadWrite => "readWrite",
            Self::Immutable => "immutable",
            Self::WriteOnly => "writeOnly",
        }
    }

    /// The reverse of [`Mutability::as_str`].
    fn from_keyword(keyword: &str) -> Option<Self> {
        let all = [Self::ReadOnly, Self::ReadWrite, Self::Immutable, Self::WriteOnly];
        all.into_iter().find(|known| known.as_str() == keyword)
    }
}

/// RFC 7643 §7, `returned`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    Always,
    Never,
    Default,
    Request,
}

impl Returned {
    /// The keyword as it stands in a published schema.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Never => "never",
            Self::Default => "default",
            Self::Request => "request",
        }
    }

    /// The reverse of [`Returned::as_str`].
    fn from_keyword(keyword: &str) -> Option<Self> {
        let all = [Self::Always, Self::Never, Self::Default, Self::Request];
        all.into_iter().find(|known| known.as_str() == keyword)
    }
}

/// RFC 7643 §7, `uniqueness`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uniqueness {
    None,
    Server,
    Global,
}

impl Uniqueness {
    /// The keyword as it stands in a published schema.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Server => "server",
            Self::Global => "global",
        }
    }
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
    /// Inferred from values that were sent: others are kept as given.
    pub learned: bool,
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
    /// Whether nobody declared it: see [`learn`].
    pub learned: bool,
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
        self.extensions.iter().map(|e| &*e.schema).find(|s| urn::eq(&s.id, urn))
    }

    /// Whether an extension has unique attributes.
    pub fn has_unique_attributes(&self) -> bool {
        let attributes = self.extensions.iter().flat_map(|e| &e.schema.attributes);
        attributes.into_iter().any(|attribute| attribute.uniqueness == Uniqueness::Server)
    }

    /// What `resource`, in its stored form, holds of the extensions' attributes that are unique: the
    /// attribute in attribute notation, and the key by which its values compare.
    pub fn unique_keys(&self, resource: &Object) -> Vec<(String, String)> {
        let mut keys = Vec::new();
        for Extension { schema, .. } in &self.extensions {
            for attribute in schema.attributes.iter().filter(|a| a.uniqueness == Uniqueness::Server)
            {
                let value = resource.get(&schema.id).and_then(|object| object.get(&attribute.name));
                let key = match value {
                    Some(Value::String(text)) => text::key(text, attribute.case_exact).into_owned(),
                    // 7 and 7.0 are one number.
                    Some(Value::Number(number)) => match number.as_f64() {
                        Some(decimal) if number.is_f64() => decimal.to_string(),
                        _ => number.to_string(),
                    },
                    _ => continue,
                };
                keys.push((format!("{}:{}", schema.id, attribute.name), key));
            }
        }
        keys
    }

    /// The attribute `name` of the base schema or of the common attributes
    /// (`schemas`, `id`, `externalId`, `meta`), in any letter case.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.schema
            .attribute(name)
            .or_else(|| common_attributes().iter().find(|a| a.name.eq_ignore_ascii_case(name)))
    }
}

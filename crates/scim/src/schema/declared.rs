//! Extension schemas declared at run time.

use serde_json::Value;

use super::{
    Attribute, AttributeType, Mutability, Returned, Schema, Uniqueness, core_schemas,
    define::attribute,
};
use crate::{Object, urn};

/// The most attributes of one declared schema, sub-attributes included.
const MAX_ATTRIBUTES: usize = 500;
/// What the URIs of the protocol and of resource types begin with: no extension's (S-116).
const RESERVED: [&str; 3] = [
    "urn:ietf:params:scim:api:",
    "urn:ietf:params:scim:schemas:core:",
    "urn:okta:scim:schemas:core:",
];
const MAX_URI: usize = 256;
const MAX_NAME: usize = 64;
const MAX_TEXT: usize = 1024;

/// Why a declaration is no schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` {problem}")]
pub struct SchemaError {
    /// Where: `id`, or an attribute and one of its characteristics.
    pub path: String,
    pub problem: SchemaProblem,
}

/// Each text continues a sentence that begins with the path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaProblem {
    #[error("has to be {0}")]
    Expected(&'static str),
    #[error("belongs to the protocol or to what every directory has: choose another URI")]
    Core,
    #[error(
        "is no attribute name: begin with a letter, go on with letters, digits, `-` and `_`, at most {MAX_NAME} in all"
    )]
    Name,
    #[error("is declared twice")]
    Repeated,
    #[error("cannot be complex: sub-attributes have no parts of their own")]
    TooDeep,
    #[error("needs sub-attributes, for its type is `complex`")]
    NoSubAttributes,
    #[error("has sub-attributes, but its type is not `complex`")]
    NotComplex,
    #[error("keeps its standard meaning as a sub-attribute: declare it as {0}")]
    Standard(&'static str),
    #[error(
        "can be `server` for a single, simple attribute that is returned and no boolean or dateTime, \
         else it has to be `none`"
    )]
    Unique,
    #[error("declares more than {MAX_ATTRIBUTES} attributes")]
    TooMany,
    #[error("has to be `never`, as the attribute is `writeOnly`")]
    WriteOnly,
}

impl Schema {
    /// Reads the declaration of an extension schema, in the form that `/Schemas` publishes.
    ///
    /// Characteristics that are left out or `null` have the defaults of RFC 7643 §2.2. Refused are
    /// URIs of the protocol's own (S-116), complex sub-attributes (S-062), names outside the grammar of §2.1 (S-063), other meanings
    /// for the standard sub-attributes of §2.4 (S-078), and uniqueness of what is not a single, simple
    /// value to be read.
    pub fn from_json(declaration: &Value) -> Result<Self, SchemaError> {
        let Value::Object(declaration) = declaration else {
            return Err(error("schema", SchemaProblem::Expected("an object")));
        };
        let id = text(declaration, "", "id")?.unwrap_or_default();
        if !urn::is_urn(id)
            || id.len() > MAX_URI
            || id.split(':').count() < 3
            || !id.bytes().all(|byte| byte.is_ascii_graphic() && !br#""'\[](),"#.contains(&byte))
        {
            let expected = "a URI such as urn:example:scim:badges:1.0:User";
            return Err(error("id", SchemaProblem::Expected(expected)));
        }
        let is_reserved = |start: &&str| {
            id.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start))
        };
        if core_schemas().iter().any(|schema| urn::eq(&schema.id, id))
            || RESERVED.iter().any(is_reserved)
        {
            return Err(error("id", SchemaProblem::Core));
        }
        let attributes = attributes(declaration, "", "attributes")?;
        let attributes =
            attributes.ok_or_else(|| error("attributes", SchemaProblem::Expected("an array")))?;
        let count = |attribute: &Attribute| 1 + attribute.sub_attributes.len();
        if attributes.iter().map(count).sum::<usize>() > MAX_ATTRIBUTES {
            return Err(error("attributes", SchemaProblem::TooMany));
        }
        let name = text(declaration, "", "name")?
            .unwrap_or_else(|| id.rsplit(':').next().expect("a split yields at least one part"));
        let description = text(declaration, "", "description")?.unwrap_or_default();
        Ok(Self { id: id.into(), name: name.into(), description: description.into(), attributes })
    }
}

fn error(path: impl Into<String>, problem: SchemaProblem) -> SchemaError {
    SchemaError { path: path.into(), problem }
}

/// The attributes under `key`, which stands in the declaration of `parent` (or of the schema).
fn attributes(
    declaration: &Object,
    parent: &str,
    key: &str,
) -> Result<Option<Vec<Attribute>>, SchemaError> {
    let Some(items) = list(declaration, parent, key)? else { return Ok(None) };
    if items.len() > MAX_ATTRIBUTES {
        return Err(error(join(parent, key), SchemaProblem::TooMany));
    }
    let mut attributes: Vec<Attribute> = Vec::with_capacity(items.len());
    for item in items {
        let Value::Object(item) = item else {
            return Err(error(join(parent, key), SchemaProblem::Expected("an array of objects")));
        };
        let declared = declared(item, parent)?;
        if attributes.iter().any(|known| known.name.eq_ignore_ascii_case(&declared.name)) {
            return Err(error(join(parent, &declared.name), SchemaProblem::Repeated));
        }
        attributes.push(declared);
    }
    Ok(Some(attributes))
}

fn declared(item: &Object, parent: &str) -> Result<Attribute, SchemaError> {
    let name = text(item, parent, "name")?.unwrap_or_default();
    if !is_name(name) && (parent.is_empty() || name != "$ref") {
        let shown = &name[..name.floor_char_boundary(MAX_NAME)];
        return Err(error(join(parent, shown), SchemaProblem::Name));
    }
    let path = join(parent, name);
    let one_of = |key: &str, expected| error(join(&path, key), SchemaProblem::Expected(expected));

    let attribute_type = match text(item, &path, "type")? {
        None => AttributeType::String,
        Some(keyword) => AttributeType::from_keyword(keyword)
            .ok_or_else(|| one_of("type", "a type such as `string` or `complex`"))?,
    };
    let mut declared =
        attribute(name, attribute_type, text(item, &path, "description")?.unwrap_or(""));
    declared.multi_valued = flag(item, &path, "multiValued")?;
    declared.required = flag(item, &path, "required")?;
    declared.canonical_values = texts(item, &path, "canonicalValues")?;
    declared.reference_types = texts(item, &path, "referenceTypes")?;
    // References and binary values compare as they stand, whatever is declared; what is no text has
    // no letter case.
    let case_exact = flag(item, &path, "caseExact")?;
    declared.case_exact = match attribute_type {
        AttributeType::Reference | AttributeType::Binary => true,
        AttributeType::String => case_exact,
        _ => false,
    };
    if let Some(keyword) = text(item, &path, "mutability")? {
        declared.mutability = Mutability::from_keyword(keyword).ok_or_else(|| {
            one_of("mutability", "`readOnly`, `readWrite`, `immutable` or `writeOnly`")
        })?;
    }
    if let Some(keyword) = text(item, &path, "returned")? {
        declared.returned = Returned::from_keyword(keyword)
            .ok_or_else(|| one_of("returned", "`always`, `never`, `default` or `request`"))?;
    }
    if declared.mutability == Mutability::WriteOnly {
        // S-083: what may only be written is never returned.
        if item.get("returned").is_some_and(|r| !r.is_null())
            && declared.returned != Returned::Never
        {
            return Err(error(join(&path, "returned"), SchemaProblem::WriteOnly));
        }
        declared.returned = Returned::Never;
    }
    if !parent.is_empty() {
        check_standard(&declared, &path)?;
    }
    if let Some(keyword) = text(item, &path, "uniqueness")?
        && keyword != Uniqueness::None.as_str()
    {
        use AttributeType::{Binary, Decimal, Integer, Reference, String};
        let is_possible = keyword == Uniqueness::Server.as_str()
            && parent.is_empty()
            && matches!(attribute_type, String | Reference | Binary | Integer | Decimal)
            && !declared.multi_valued
            // Who is told of a value that is taken has to find whose it is.
            && declared.returned != Returned::Never;
        if !is_possible {
            return Err(error(join(&path, "uniqueness"), SchemaProblem::Unique));
        }
        declared.uniqueness = Uniqueness::Server;
    }
    let is_complex = attribute_type == AttributeType::Complex;
    if is_complex && !parent.is_empty() {
        return Err(error(path, SchemaProblem::TooDeep));
    }
    // Sub-attributes of a simple attribute are refused before they are looked at.
    match list(item, &path, "subAttributes")? {
        Some([_, ..]) if !is_complex => return Err(error(path, SchemaProblem::NotComplex)),
        None | Some([]) if is_complex => return Err(error(path, SchemaProblem::NoSubAttributes)),
        _ => {}
    }
    declared.sub_attributes = attributes(item, &path, "subAttributes")?.unwrap_or_default();
    Ok(declared)
}

/// The meanings of RFC 7643 §2.4.
pub(super) fn check_standard(sub: &Attribute, path: &str) -> Result<(), SchemaError> {
    let (expected, text) = match sub.name.as_str() {
        "type" | "display" => (AttributeType::String, "a single string"),
        "primary" => (AttributeType::Boolean, "a single boolean"),
        "$ref" => (AttributeType::Reference, "a single reference"),
        "value" => (sub.attribute_type, "a single value"),
        _ => return Ok(()),
    };
    if sub.attribute_type != expected || sub.multi_valued {
        return Err(error(path, SchemaProblem::Standard(text)));
    }
    Ok(())
}

pub(super) fn is_name(name: &str) -> bool {
    name.len() <= MAX_NAME
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.into() } else { format!("{parent}.{name}") }
}

fn text<'a>(object: &'a Object, path: &str, key: &str) -> Result<Option<&'a str>, SchemaError> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.len() <= MAX_TEXT => Ok(Some(text)),
        Some(_) => {
            Err(error(join(path, key), SchemaProblem::Expected("a string of at most 1024 bytes")))
        }
    }
}

fn flag(object: &Object, path: &str, key: &str) -> Result<bool, SchemaError> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(error(join(path, key), SchemaProblem::Expected("true or false"))),
    }
}

fn list<'a>(object: &'a Object, path: &str, key: &str) -> Result<Option<&'a [Value]>, SchemaError> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(items)) => Ok(Some(items)),
        Some(_) => Err(error(join(path, key), SchemaProblem::Expected("an array"))),
    }
}

fn texts(object: &Object, path: &str, key: &str) -> Result<Vec<String>, SchemaError> {
    let items = list(object, path, key)?.unwrap_or_default();
    let texts = items.iter().map(|item| item.as_str().filter(|t| t.len() <= MAX_TEXT));
    let texts: Option<Vec<_>> = texts.map(|text| text.map(str::to_owned)).collect();
    texts
        .filter(|texts| texts.len() <= MAX_ATTRIBUTES)
        .ok_or_else(|| error(join(path, key), SchemaProblem::Expected("an array of strings")))
}

#[cfg(test)]
mod tests;

//! Attribute paths as clients write them, in PATCH paths and as keys of objects.

use std::borrow::Cow;

use super::{Reading, schemas, values};
use crate::{
    Error, Notes,
    filter::{CompareValue, Filter},
    patch::{self, PatchPath},
    path::{AttributePath, ResolvedPath},
    schema::{Attribute, AttributeType, ResourceType, Schema},
    urn,
};

/// What a key of a resource, or of a path-less PATCH value, stands for.
pub(super) enum Key<'r> {
    /// An attribute of the base schema, or a common one.
    Attribute(&'r Attribute),
    /// The container of a declared extension, under its URI or an alias of it.
    Extension(&'r Schema),
    /// A path to something inside: dotted, with a URI or a filter, or an attribute of the enterprise
    /// extension outside its container.
    Path,
    /// An attribute or a container that nobody declared.
    Undeclared,
}

impl<'r> Key<'r> {
    pub fn of(rt: &'r ResourceType, key: &str, value: &serde_json::Value) -> Self {
        if let Some(attribute) = rt.attribute(key) {
            return Self::Attribute(attribute);
        }
        if let Some(schema) = schemas::canonical(rt, key).and_then(|uri| rt.extension(uri)) {
            return Self::Extension(schema);
        }
        if urn::is_urn(key) {
            let known = || attribute_path(rt, key, &mut Notes::default())?.resolve(rt).map(drop);
            return match value.is_object() && known().is_none() {
                true => Self::Undeclared,
                false => Self::Path,
            };
        }
        match key.contains(['.', '[']) || enterprise_attribute(rt, key).is_some() {
            true => Self::Path,
            false => Self::Undeclared,
        }
    }
}

/// The path that `key` is, without filters; `None` when it is none.
pub(super) fn attribute_path(
    rt: &ResourceType,
    key: &str,
    notes: &mut Notes,
) -> Option<AttributePath> {
    let text = canonical(rt, key, notes);
    let mut path = AttributePath::parse(&text).ok()?;
    qualify(rt, &mut path, notes);
    Some(path)
}

/// The path of a PATCH operation.
pub(super) fn patch_path(
    rt: &ResourceType,
    text: &str,
    reading: Reading,
    notes: &mut Notes,
) -> Result<PatchPath, Error> {
    if reading == Reading::Strict {
        return match rt.extension(text) {
            Some(schema) => Ok(PatchPath::Extension(schema.id.clone())),
            None => Ok(patch::parse_path(text, reading, notes)?),
        };
    }
    let text = text.trim();
    if let Some(schema) = schemas::canonical(rt, text).and_then(|uri| rt.extension(uri)) {
        if !urn::eq(text, &schema.id) {
            notes.add(format!("path `{text}` read as `{}`", schema.id));
        }
        return Ok(PatchPath::Extension(schema.id.clone()));
    }
    let mut path = patch::parse_path(&canonical(rt, text, notes), reading, notes)?;
    match &mut path {
        PatchPath::Attribute(attribute) => qualify(rt, attribute, notes),
        PatchPath::ValuePath { attribute, filter, .. } => {
            qualify(rt, attribute, notes);
            if let Some(resolved) = attribute.resolve(rt) {
                filter_booleans(resolved.attribute, filter, notes);
            }
        }
        PatchPath::Extension(_) => {}
    }
    Ok(path)
}

/// What a PATCH path means for a resource type.
pub(super) enum Target<'r> {
    /// An attribute or sub-attribute with all its values.
    Attribute(ResolvedPath<'r>),
    /// The elements of a multi-valued attribute that a filter picks.
    Element(ResolvedPath<'r>),
    /// A container.
    Extension(&'r Schema),
    /// Something in the base schema that does not exist.
    UnknownCore,
    /// Something in an extension that is not declared.
    Undeclared,
}

impl<'r> Target<'r> {
    pub fn of(rt: &'r ResourceType, path: &PatchPath) -> Self {
        let (attribute, resolved) = match path {
            PatchPath::Extension(uri) => {
                return rt.extension(uri).map_or(Self::Undeclared, Self::Extension);
            }
            PatchPath::Attribute(path) => (path, path.resolve(rt).map(Self::Attribute)),
            PatchPath::ValuePath { attribute, sub_attribute: None, .. } => {
                (attribute, attribute.resolve(rt).map(Self::Element))
            }
            PatchPath::ValuePath { attribute, sub_attribute, .. } => {
                let whole =
                    AttributePath { sub_attribute: sub_attribute.clone(), ..attribute.clone() };
                (attribute, whole.resolve(rt).map(Self::Element))
            }
        };
        resolved.unwrap_or_else(|| match &attribute.schema {
            Some(uri) if !urn::eq(uri, &rt.schema.id) => Self::Undeclared,
            _ => Self::UnknownCore,
        })
    }
}

fn canonical<'t>(rt: &ResourceType, text: &'t str, notes: &mut Notes) -> Cow<'t, str> {
    match schemas::with_canonical_uri(rt, text) {
        Some(rewritten) => {
            notes.add(format!("path `{text}` read as `{rewritten}`"));
            Cow::Owned(rewritten)
        }
        None => Cow::Borrowed(text),
    }
}

/// Enterprise attributes without their URI (E-54, E-65): `{"op": "Add", "path": "manager", …}` in
/// Microsoft's documents, top-level `"department"` in its sample requests (E-18).
fn qualify(rt: &ResourceType, path: &mut AttributePath, notes: &mut Notes) {
    let core = path.schema.as_ref().is_none_or(|uri| urn::eq(uri, &rt.schema.id));
    if core && let Some(schema) = enterprise_attribute(rt, &path.name) {
        notes.add(format!("`{}` read as `{}:{}`", path.name, schema.id, path.name));
        path.schema = Some(schema.id.clone());
    }
}

/// The enterprise extension, if it has an attribute `name` and the base schema has none.
fn enterprise_attribute<'r>(rt: &'r ResourceType, name: &str) -> Option<&'r Schema> {
    let schema = rt.extension(urn::ENTERPRISE_USER)?;
    (rt.attribute(name).is_none() && schema.attribute(name).is_some()).then_some(schema)
}

/// String booleans in a value filter (E-48): `roles[primary eq "True"].value`, the standing form of
/// Entra's single app role.
fn filter_booleans(attribute: &Attribute, filter: &mut Filter, notes: &mut Notes) {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => {
            for part in parts {
                filter_booleans(attribute, part, notes);
            }
        }
        Filter::Not(inner) => filter_booleans(attribute, inner, notes),
        Filter::Compare { path, value, .. } => {
            let boolean = attribute
                .sub_attribute(&path.name)
                .is_some_and(|sub| sub.attribute_type == AttributeType::Boolean);
            if boolean
                && let CompareValue::String(text) = value
                && let Some(boolean) = values::string_boolean(text)
            {
                notes.add(format!(
                    "string `{text}` read as a boolean in the filter on `{}.{}`",
                    attribute.name, path.name
                ));
                *value = CompareValue::Boolean(boolean);
            }
        }
        Filter::Present(_) | Filter::ValuePath { .. } => {}
    }
}

//! What a path means for one resource: the place an operation works on.

use std::borrow::Cow;

use serde_json::Value;

use super::{PatchProblem, path::is_container};
use crate::{
    Object,
    path::{AttributePath, ResolvedPath, check_name},
    reading::Reading,
    schema::{Attribute, ResourceType, Schema},
    urn,
};

/// The place an operation works on.
pub(super) enum Place<'s> {
    /// The resource, by the URI of its base schema.
    Resource,
    /// The object of an extension.
    Extension {
        urn: Cow<'s, str>,
        schema: Option<&'s Schema>,
    },
    Attribute(Slot<'s>, Option<Sub<'s>>),
}

/// Where an attribute is kept.
pub(super) struct Slot<'s> {
    /// The key of the extension's object; `None` for the resource itself.
    pub urn: Option<Cow<'s, str>>,
    pub name: Cow<'s, str>,
    /// The attribute as its schema has it; without one, values are kept as given.
    pub declared: Option<ResolvedPath<'s>>,
}

/// A sub-attribute of a [`Slot`].
pub(super) struct Sub<'s> {
    pub name: Cow<'s, str>,
    pub declared: Option<&'s Attribute>,
}

impl<'s> Slot<'s> {
    pub fn declared(path: ResolvedPath<'s>) -> Self {
        Self {
            urn: path.extension.map(Cow::Borrowed),
            name: Cow::Borrowed(&path.attribute.name),
            declared: Some(ResolvedPath { sub_attribute: None, ..path }),
        }
    }

    pub fn undeclared(urn: Cow<'s, str>, name: &str, container: Option<&Object>) -> Self {
        let stored = container.and_then(|container| stored_key(container, name));
        let name = Cow::Owned(stored.unwrap_or(name).to_owned());
        Self { urn: Some(urn), name, declared: None }
    }

    /// The schema's attribute.
    pub fn attribute(&self) -> Option<&'s Attribute> {
        self.declared.map(|path| path.attribute)
    }

    pub fn is_base(&self, name: &str) -> bool {
        self.urn.is_none() && self.name == name
    }

    /// The sub-attribute of this name; unknown only to a schema.
    pub fn sub<'n>(&self, name: &'n str) -> Option<Sub<'n>>
    where
        's: 'n,
    {
        match self.attribute() {
            None => Some(Sub { name: Cow::Borrowed(name), declared: None }),
            Some(attribute) => match attribute.sub_attribute(name) {
                Some(sub) => Some(Sub { name: Cow::Borrowed(&sub.name), declared: Some(sub) }),
                None if attribute.learned => {
                    Some(Sub { name: Cow::Borrowed(name), declared: None })
                }
                None => None,
            },
        }
    }

    /// In attribute notation.
    pub fn path(&self, sub: Option<&Sub<'_>>) -> String {
        let mut path = match &self.urn {
            Some(urn) => format!("{urn}:{}", self.name),
            None => self.name.to_string(),
        };
        if let Some(sub) = sub {
            path.push('.');
            path.push_str(&sub.name);
        }
        path
    }
}

/// The key of `object` that is `name` in any letter case.
pub(super) fn stored_key<'o>(object: &'o Object, name: &str) -> Option<&'o str> {
    if let Some((key, _)) = object.get_key_value(name) {
        return Some(key);
    }
    object.keys().find(|key| key.eq_ignore_ascii_case(name)).map(String::as_str)
}

/// Finds places in one resource.
#[derive(Clone, Copy)]
pub(super) struct Finder<'s, 'r> {
    pub resource_type: &'s ResourceType,
    /// Without a schema, what is stored tells attributes from extensions.
    pub resource: &'r Object,
    pub reading: Reading,
}

impl<'s> Finder<'s, '_> {
    /// The place of `[urn:]name[.sub]`. `value` is what is to be put there: an object with an
    /// unknown URI for a key is the object of an extension.
    pub fn attribute(
        self,
        path: &AttributePath,
        value: Option<&Value>,
    ) -> Result<Place<'s>, PatchProblem> {
        let rt = self.resource_type;
        if let Some(found) = path.resolve(rt) {
            let sub = found
                .sub_attribute
                .map(|sub| Sub { name: Cow::Borrowed(&sub.name), declared: Some(sub) });
            return Ok(Place::Attribute(Slot::declared(found), sub));
        }
        let unknown = || PatchProblem::UnknownAttribute {
            path: path.to_string(),
            suggestion: path.suggestion(rt),
        };
        let Some(schema) = &path.schema else { return Err(unknown()) };
        if let Some(extension) = rt.extension(schema) {
            if self.reading == Reading::Strict {
                return Err(unknown());
            }
            if let Some(attribute) = extension.attribute(&path.name) {
                let Some(sub) = path.sub_attribute.clone().filter(|_| attribute.learned) else {
                    return Err(unknown());
                };
                let extension = Some(&*extension.id);
                let slot =
                    Slot::declared(ResolvedPath { extension, attribute, sub_attribute: None });
                let sub = Sub { name: Cow::Owned(sub), declared: None };
                return Ok(Place::Attribute(slot, Some(sub)));
            }
            return Ok(self.undeclared(Cow::Borrowed(&extension.id), path));
        }
        let whole = path.to_string();
        if let Some(place) = self.declared_schema(&whole) {
            return Ok(place);
        }
        if !self.may_be_undeclared(schema) {
            return Err(unknown());
        }
        let stored = stored_key(self.resource, schema);
        let is_object = matches!(value, Some(Value::Object(_)));
        if let Some(urn) = stored_key(self.resource, &whole) {
            return Ok(Place::Extension { urn: Cow::Owned(urn.into()), schema: None });
        }
        if is_object && stored.is_none() && !is_container(schema) {
            return Ok(Place::Extension { urn: Cow::Owned(whole), schema: None });
        }
        Ok(self.undeclared(Cow::Owned(stored.unwrap_or(schema).to_owned()), path))
    }

    /// The place of a path that looks like the URI of an extension.
    pub fn extension(self, urn: &str) -> Result<Place<'s>, PatchProblem> {
        if let Some(place) = self.declared_schema(urn) {
            return Ok(place);
        }
        let unknown = || PatchProblem::UnknownAttribute { path: urn.into(), suggestion: None };
        let stored = stored_key(self.resource, urn);
        if let (None, Some((schema, name))) = (stored, urn.rsplit_once(':'))
            && check_name(name).is_ok()
        {
            let is_schema =
                urn::eq(schema, &self.resource_type.schema.id) || self.has_extension(schema);
            if is_schema {
                let path = AttributePath {
                    schema: Some(schema.into()),
                    name: name.into(),
                    sub_attribute: None,
                };
                return self.attribute(&path, None);
            }
        }
        if !self.may_be_undeclared(urn) {
            return Err(unknown());
        }
        Ok(Place::Extension { urn: Cow::Owned(stored.unwrap_or(urn).to_owned()), schema: None })
    }

    fn declared_schema(self, urn: &str) -> Option<Place<'s>> {
        if urn::eq(urn, &self.resource_type.schema.id) {
            return Some(Place::Resource);
        }
        let schema = self.resource_type.extension(urn)?;
        Some(Place::Extension { urn: Cow::Borrowed(&schema.id), schema: Some(schema) })
    }

    fn has_extension(self, urn: &str) -> bool {
        self.resource_type.extension(urn).is_some() || stored_key(self.resource, urn).is_some()
    }

    /// The core schemas of other resource types, the messages and the attributes of declared schemas
    /// are nobody's extension.
    fn may_be_undeclared(self, urn: &str) -> bool {
        const RESERVED: [&str; 2] =
            ["urn:ietf:params:scim:schemas:core:", "urn:ietf:params:scim:api:"];
        let is_reserved = |start: &&str| {
            urn.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start))
        };
        self.reading == Reading::Tolerant
            && !RESERVED.iter().any(is_reserved)
            && !self.resource_type.extensions.iter().any(|e| names_attribute(&e.schema, urn))
    }

    fn undeclared(self, urn: Cow<'s, str>, path: &AttributePath) -> Place<'s> {
        let container = self.resource.get(&*urn).and_then(Value::as_object);
        let sub = path
            .sub_attribute
            .as_ref()
            .map(|sub| Sub { name: Cow::Owned(sub.clone()), declared: None });
        Place::Attribute(Slot::undeclared(urn, &path.name, container), sub)
    }
}

/// Whether `urn` is an attribute of `schema` with more behind it, or nothing.
fn names_attribute(schema: &Schema, urn: &str) -> bool {
    let rest = urn.get(..schema.id.len()).filter(|begin| urn::eq(begin, &schema.id));
    let name = rest.and_then(|_| urn[schema.id.len()..].strip_prefix(':')?.split(':').next());
    name.is_some_and(|name| schema.attribute(name).is_some())
}

//! `bulkId:` references in the data of an operation (RFC 7644 §3.7.2).
//!
//! They are looked for where a resource can be referred to, and nowhere else: a job title that
//! begins with `bulkId:` is a job title.

use std::collections::HashMap;

use serde_json::Value;

use super::Change;
use crate::{
    Error, Object, ScimType,
    filter::{CompareValue, Filter},
    patch::{Operation, PatchPath},
    path::AttributePath,
    schema::{Attribute, AttributeType, Mutability, ResourceType},
    urn,
};

/// What stands in front of a bulkId that is referred to.
pub(super) const PREFIX: &str = "bulkId:";

/// The bulkIds of a job.
pub(super) struct BulkIds {
    /// Where each stands.
    pub places: HashMap<String, usize>,
    /// The id of what each operation creates; `None` for operations that create nothing.
    pub ids: Vec<Option<String>>,
}

impl BulkIds {
    /// The operation that creates what `bulk_id` stands for, and its id.
    pub fn created(&self, bulk_id: &str) -> Result<(usize, &str), Error> {
        let unknown = |why: &str| {
            let detail = format!("`{PREFIX}{bulk_id}` refers to {why}");
            Err(Error::bad_request(ScimType::InvalidValue, detail))
        };
        match self.places.get(bulk_id) {
            None => unknown("no operation of this request"),
            Some(&at) => match &self.ids[at] {
                None => unknown("an operation that creates nothing"),
                Some(id) => Ok((at, id)),
            },
        }
    }
}

/// Puts ids in the place of references; the operations that create what they stand for, each
/// once.
pub(super) fn resolve(
    rt: &ResourceType,
    change: &mut Change,
    bulk_ids: &BulkIds,
) -> Result<Vec<usize>, Error> {
    let mut references = References { rt, bulk_ids, found: Vec::new() };
    match change {
        Change::Create(resource) | Change::Replace(resource) => references.resource(resource)?,
        Change::Patch(request) => {
            for operation in &mut request.operations {
                references.operation(operation)?;
            }
        }
        Change::Delete => {}
    }
    let mut found = references.found;
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

struct References<'a> {
    rt: &'a ResourceType,
    bulk_ids: &'a BulkIds,
    found: Vec<usize>,
}

/// Whether a text that looks like a reference is one for certain.
#[derive(Clone, Copy)]
enum Place {
    /// The schema says so.
    Reference,
    /// No schema declares the place, or one that was only learned: only a bulkId of the job is one.
    Undeclared,
}

impl References<'_> {
    fn resource(&mut self, resource: &mut Object) -> Result<(), Error> {
        let rt = self.rt;
        for (key, value) in resource {
            if let Some(attribute) = rt.attribute(key) {
                self.attribute(attribute, value)?;
            } else if urn::is_urn(key) {
                self.container(key, value)?;
            } else {
                self.undeclared(value)?;
            }
        }
        Ok(())
    }

    /// The object of an extension.
    fn container(&mut self, uri: &str, value: &mut Value) -> Result<(), Error> {
        let rt = self.rt;
        let (Some(schema), Value::Object(object)) = (rt.extension(uri), &mut *value) else {
            return self.undeclared(value);
        };
        for (key, value) in object {
            match schema.attribute(key) {
                Some(attribute) => self.attribute(attribute, value)?,
                None => self.undeclared(value)?,
            }
        }
        Ok(())
    }

    /// The value of an attribute, or one element of it.
    fn attribute(&mut self, attribute: &Attribute, value: &mut Value) -> Result<(), Error> {
        if attribute.mutability == Mutability::ReadOnly {
            return Ok(());
        }
        if attribute.learned {
            return self.undeclared(value);
        }
        match (attribute.attribute_type, value) {
            (AttributeType::Complex | AttributeType::Reference, Value::Array(elements)) => {
                elements.iter_mut().try_for_each(|element| self.attribute(attribute, element))
            }
            (AttributeType::Complex, Value::Object(object)) => {
                for (key, value) in object {
                    match attribute.sub_attribute(key) {
                        Some(sub) => self.sub_attribute(attribute, sub, value)?,
                        None => self.undeclared(value)?,
                    }
                }
                Ok(())
            }
            // A bare id for the object that holds it: a manager, a member.
            (AttributeType::Complex, Value::String(text)) if refers(attribute) => {
                self.text(text, Place::Reference)
            }
            (AttributeType::Reference, Value::String(text)) if to_resources(attribute) => {
                self.text(text, Place::Reference)
            }
            _ => Ok(()),
        }
    }

    fn sub_attribute(
        &mut self,
        parent: &Attribute,
        sub: &Attribute,
        value: &mut Value,
    ) -> Result<(), Error> {
        match value {
            Value::String(text) if refers(parent) && sub.name == "value" => {
                self.text(text, Place::Reference)
            }
            value => self.attribute(sub, value),
        }
    }

    fn undeclared(&mut self, value: &mut Value) -> Result<(), Error> {
        match value {
            Value::String(text) => self.text(text, Place::Undeclared),
            Value::Array(elements) => elements.iter_mut().try_for_each(|e| self.undeclared(e)),
            Value::Object(object) => object.values_mut().try_for_each(|v| self.undeclared(v)),
            _ => Ok(()),
        }
    }

    fn operation(&mut self, operation: &mut Operation) -> Result<(), Error> {
        let rt = self.rt;
        let mut nothing = Value::Null;
        let value = operation.value.as_mut().unwrap_or(&mut nothing);
        match &mut operation.path {
            None => match value {
                Value::Object(resource) => self.resource(resource),
                _ => Ok(()),
            },
            Some(PatchPath::Extension(uri)) => self.container(uri, value),
            Some(PatchPath::Attribute(path)) => self.at(path.resolve(rt), value),
            Some(PatchPath::ValuePath { attribute: path, filter, sub_attribute }) => {
                let resolved = path.resolve(rt);
                match &resolved {
                    Some(resolved) if refers(resolved.attribute) => {
                        self.filter(filter, Place::Reference)?;
                    }
                    Some(resolved) if !resolved.attribute.learned => {}
                    _ => self.filter(filter, Place::Undeclared)?,
                }
                let whole = AttributePath { sub_attribute: sub_attribute.clone(), ..path.clone() };
                self.at(whole.resolve(rt), value)
            }
        }
    }

    fn at(
        &mut self,
        resolved: Option<crate::path::ResolvedPath<'_>>,
        value: &mut Value,
    ) -> Result<(), Error> {
        match resolved {
            None => self.undeclared(value),
            Some(resolved) => match resolved.sub_attribute {
                None => self.attribute(resolved.attribute, value),
                Some(sub) => self.sub_attribute(resolved.attribute, sub, value),
            },
        }
    }

    fn filter(&mut self, filter: &mut Filter, place: Place) -> Result<(), Error> {
        match filter {
            Filter::And(parts) | Filter::Or(parts) => {
                parts.iter_mut().try_for_each(|part| self.filter(part, place))
            }
            Filter::Not(part) | Filter::ValuePath { filter: part, .. } => self.filter(part, place),
            Filter::Compare { value: CompareValue::String(text), .. } => self.text(text, place),
            Filter::Compare { .. } | Filter::Present(_) => Ok(()),
        }
    }

    /// `bulkId:x`, or a URL that ends in it.
    fn text(&mut self, text: &mut String, place: Place) -> Result<(), Error> {
        let at = if text.starts_with(PREFIX) {
            0
        } else {
            match text.rfind("/bulkId:") {
                Some(slash) => slash + 1,
                None => return Ok(()),
            }
        };
        match (self.bulk_ids.created(&text[at + PREFIX.len()..]), place) {
            (Ok((created_by, id)), _) => {
                text.replace_range(at.., id);
                self.found.push(created_by);
                Ok(())
            }
            (Err(error), Place::Reference) => Err(error),
            (Err(_), Place::Undeclared) => Ok(()),
        }
    }
}

/// Whether the `value` of a complex attribute is the id of a resource: it then has a `$ref`.
fn refers(attribute: &Attribute) -> bool {
    attribute.sub_attribute("$ref").is_some()
}

/// Whether a reference can be to a resource of the directory, rather than to anything on the web.
fn to_resources(attribute: &Attribute) -> bool {
    let elsewhere = |kind: &String| kind == "external" || kind == "uri";
    attribute.reference_types.is_empty() || !attribute.reference_types.iter().all(elsewhere)
}

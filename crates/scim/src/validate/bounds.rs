use serde_json::Value;

use super::{
    Problem, ValidationError,
    error::{Place, excerpt},
};
use crate::{
    Object,
    schema::{Attribute, Mutability, ResourceType},
    urn,
};

/// The longest value of a string attribute, in bytes. Binary and reference values are bounded by
/// the limits of [`crate::json`] alone.
pub const MAX_STRING: usize = 8 * 1024;

/// The most elements of a multi-valued attribute, members of a group excepted.
pub const MAX_ELEMENTS: usize = 1000;

/// The most that one resource may carry of what no schema declares, in bytes: names and values,
/// and eight for each value.
pub const MAX_UNDECLARED: usize = 64 * 1024;

/// Checks a resource in its stored form as a whole: everything required is there (S-050, S-082),
/// lists and undeclared attributes are within their bounds. For use after every edit.
pub fn check_resource(rt: &ResourceType, resource: &Object) -> Result<(), ValidationError> {
    check_attributes(None, &rt.schema.attributes, resource)?;
    let mut undeclared = 0;
    for (key, value) in resource {
        if let Value::Object(object) = value
            && urn::is_urn(key)
        {
            let weight = match rt.extension(key) {
                Some(schema) => {
                    check_attributes(Some(&schema.id), &schema.attributes, object)?;
                    let fields = object.iter();
                    let is_free = |a: &Attribute| a.learned;
                    let unknown =
                        fields.filter(|(name, _)| schema.attribute(name).is_none_or(is_free));
                    unknown.map(|(name, value)| weight(name, value)).sum()
                }
                None => weight(key, value),
            };
            undeclared += weight;
            if undeclared > MAX_UNDECLARED {
                let problem = Problem::TooMuchUndeclared(MAX_UNDECLARED);
                return Err(ValidationError { path: excerpt(key).into(), problem });
            }
        }
    }
    for extension in &rt.extensions {
        if extension.required && !resource.contains_key(&extension.schema.id) {
            return Err(Place::base(&extension.schema.id).problem(Problem::Required));
        }
    }
    Ok(())
}

fn check_attributes(
    extension: Option<&str>,
    attributes: &[Attribute],
    object: &Object,
) -> Result<(), ValidationError> {
    for attribute in attributes {
        // Nobody can give a value to what is readOnly.
        let is_required = |a: &Attribute| a.required && a.mutability != Mutability::ReadOnly;
        let requires = is_required(attribute) || attribute.sub_attributes.iter().any(is_required);
        if !requires && !attribute.multi_valued {
            continue;
        }
        let place = Place { extension, attribute: &attribute.name, sub_attribute: None };
        let value = object.get(&attribute.name);
        if is_required(attribute) && is_blank(value) {
            return Err(place.problem(Problem::Required));
        }
        let elements = match value {
            Some(Value::Array(elements)) => elements.as_slice(),
            Some(value) => std::slice::from_ref(value),
            None => &[],
        };
        if elements.len() > MAX_ELEMENTS {
            return Err(place.problem(Problem::TooMany(MAX_ELEMENTS)));
        }
        for sub in attribute.sub_attributes.iter().filter(|sub| is_required(sub)) {
            if elements.iter().any(|element| is_blank(element.get(&sub.name))) {
                return Err(place.sub(&sub.name).problem(Problem::Required));
            }
        }
    }
    Ok(())
}

/// Nothing, or nothing but white space: no name for anything.
fn is_blank(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.trim().is_empty(),
        Some(_) => false,
    }
}

fn weight(name: &str, value: &Value) -> usize {
    let inside: usize = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(|item| weight("", item)).sum(),
        Value::Object(object) => object.iter().map(|(name, value)| weight(name, value)).sum(),
        _ => 0,
    };
    name.len() + 8 + inside
}

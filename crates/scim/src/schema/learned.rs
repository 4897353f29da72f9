//! Extension schemas inferred from values that were sent.

use serde_json::Value;

use super::{
    Attribute, AttributeType, ResourceType, Schema,
    declared::{check_standard, is_name},
    define::attribute,
};
use crate::{Object, discovery::schema_object, urn};

/// What a learned schema says of itself.
const DESCRIPTION: &str = "Learned from values that were sent: nobody has declared it.";

impl Schema {
    /// The schema as one that was inferred: values that do not fit it are kept as given.
    pub fn into_learned(mut self) -> Self {
        for attribute in &mut self.attributes {
            attribute.learned = true;
            attribute.sub_attributes.iter_mut().for_each(|sub| sub.learned = true);
        }
        self
    }
}

/// The schemas to declare so that what `resource`, in its stored form, holds under URIs of
/// extensions is declared: new ones, and learned ones with attributes more than they had. None for
/// what cannot be declared: names outside RFC 7643 §2.1, lists of values of several types, objects
/// within objects.
pub fn learn(rt: &ResourceType, resource: &Object) -> Vec<Schema> {
    let containers = resource.iter().filter(|(key, _)| urn::is_urn(key));
    let mut learned = Vec::new();
    for (urn, container) in containers {
        let Value::Object(container) = container else { continue };
        let known = rt.extensions.iter().find(|e| urn::eq(&e.schema.id, urn));
        let mut schema = match known {
            Some(extension) if extension.learned => Schema::clone(&extension.schema),
            Some(_) => continue,
            None => Schema {
                id: urn.clone(),
                name: urn.rsplit(':').next().unwrap_or(urn).into(),
                description: DESCRIPTION.into(),
                attributes: Vec::new(),
            },
        };
        if !extend(&mut schema.attributes, container, Depth::Attribute) {
            continue;
        }
        // A URI that cannot be declared, or more attributes than a schema may have.
        if Schema::from_json(&schema_object(&schema, "").into()).is_ok() {
            learned.push(schema.into_learned());
        }
    }
    learned
}

#[derive(Clone, Copy, PartialEq)]
enum Depth {
    Attribute,
    SubAttribute,
}

/// Adds what `object` has and `attributes` lack. Whether that was anything.
fn extend(attributes: &mut Vec<Attribute>, object: &Object, depth: Depth) -> bool {
    let mut grew = false;
    for (name, value) in object {
        let known = attributes.iter_mut().find(|known| known.name.eq_ignore_ascii_case(name));
        match known {
            Some(known) if known.attribute_type == AttributeType::Complex => {
                for element in elements(value).iter().filter_map(Value::as_object) {
                    grew |= extend(&mut known.sub_attributes, element, Depth::SubAttribute);
                }
            }
            Some(_) => {}
            None => {
                if let Some(attribute) = infer(name, value, depth) {
                    attributes.push(attribute);
                    grew = true;
                }
            }
        }
    }
    grew
}

fn infer(name: &str, value: &Value, depth: Depth) -> Option<Attribute> {
    if !is_name(name) && (depth == Depth::Attribute || name != "$ref") {
        return None;
    }
    let mut types = elements(value).iter().map(kind);
    let first = types.next()??;
    let attribute_type = types.try_fold(first, |known, kind| common(known, kind?))?;
    let mut inferred = attribute(name, attribute_type, "");
    inferred.multi_valued = value.is_array();
    if attribute_type == AttributeType::Complex {
        if depth == Depth::SubAttribute {
            return None;
        }
        for element in elements(value).iter().filter_map(Value::as_object) {
            extend(&mut inferred.sub_attributes, element, Depth::SubAttribute);
        }
        if inferred.sub_attributes.is_empty() {
            return None;
        }
    }
    if name == "$ref" && attribute_type == AttributeType::String {
        inferred.attribute_type = AttributeType::Reference;
        inferred.case_exact = true;
    }
    let fits = depth == Depth::Attribute || check_standard(&inferred, name).is_ok();
    fits.then_some(inferred)
}

fn elements(value: &Value) -> &[Value] {
    match value {
        Value::Array(elements) => elements,
        value => std::slice::from_ref(value),
    }
}

fn kind(value: &Value) -> Option<AttributeType> {
    match value {
        Value::Null | Value::Array(_) => None,
        Value::Bool(_) => Some(AttributeType::Boolean),
        Value::Number(number) if number.is_f64() => Some(AttributeType::Decimal),
        Value::Number(_) => Some(AttributeType::Integer),
        Value::String(_) => Some(AttributeType::String),
        Value::Object(_) => Some(AttributeType::Complex),
    }
}

/// The type of a list that holds both.
fn common(a: AttributeType, b: AttributeType) -> Option<AttributeType> {
    use AttributeType::{Decimal, Integer};
    match (a, b) {
        (a, b) if a == b => Some(a),
        (Integer, Decimal) | (Decimal, Integer) => Some(Decimal),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

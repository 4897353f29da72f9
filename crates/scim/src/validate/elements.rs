//! What makes two values one, and a value none.

use std::collections::HashMap;

use serde_json::Value;

use super::draft::Slots;
use crate::{
    Object,
    diff::canonical,
    schema::{Attribute, Schema},
    text, urn,
};

/// `value` without anything empty in it; `None` if nothing is left.
pub(crate) fn tidy(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::String(text) => (!text.is_empty()).then_some(Value::String(text)),
        Value::Array(items) => {
            let items: Vec<_> = items.into_iter().filter_map(tidy).collect();
            (!items.is_empty()).then_some(Value::Array(items))
        }
        Value::Object(object) => {
            let fields = object.into_iter();
            let object: Object =
                fields.filter_map(|(key, value)| Some((key, tidy(value)?))).collect();
            (!object.is_empty()).then_some(Value::Object(object))
        }
        value => Some(value),
    }
}

/// Whether an element says more than its `type` and `primary` (E-18, O-33).
pub(super) fn is_significant(element: &Value) -> bool {
    match element {
        Value::Object(object) => object.keys().any(|key| key != "type" && key != "primary"),
        _ => true,
    }
}

fn is_primary(element: &Value) -> bool {
    element.get("primary") == Some(&Value::Bool(true))
}

/// Leaves `primary` to the last element that claims it (S-076). Whether there were several.
pub(super) fn keep_last_primary(elements: &mut [Value]) -> bool {
    let mut claims = elements.iter_mut().rev().filter(|element| is_primary(element)).skip(1);
    let mut several = false;
    for element in &mut claims {
        element["primary"] = Value::Bool(false);
        several = true;
    }
    several
}

/// Lays later elements over earlier ones of the same `type` and `value` (S-077). An element without
/// a `value`, such as an address, is only ever the same as one that equals it altogether.
pub(super) fn merge_equal(attribute: &Attribute, elements: Vec<Value>) -> Vec<Value> {
    if elements.len() < 2 {
        return elements;
    }
    let sub = |name| attribute.sub_attribute(name).is_some_and(|sub| sub.case_exact);
    let (type_exact, value_exact) = (sub("type"), sub("value"));
    let mut seen = HashMap::with_capacity(elements.len());
    let mut merged: Vec<Value> = Vec::with_capacity(elements.len());
    for element in elements {
        let key = match &element {
            Value::Object(object) => match object.get("value") {
                Some(value) => {
                    (part(object.get("type"), type_exact), part(Some(value), value_exact))
                }
                None => (String::new(), canonical(&element)),
            },
            value => (String::new(), part(Some(value), attribute.case_exact)),
        };
        match (seen.get(&key), element) {
            (None, element) => {
                seen.insert(key, merged.len());
                merged.push(element);
            }
            (Some(&index), Value::Object(later)) => {
                if let Value::Object(earlier) = &mut merged[index] {
                    let primary = earlier.get("primary") == Some(&Value::Bool(true));
                    earlier.extend(later);
                    if primary {
                        earlier.insert("primary".into(), Value::Bool(true));
                    }
                }
                merged[index] = arranged(attribute, merged[index].take(), Unknown::Keep);
            }
            (Some(_), _) => {}
        }
    }
    merged
}

fn part(value: Option<&Value>, case_exact: bool) -> String {
    match value {
        None => String::new(),
        Some(Value::String(text)) => text::key(text, case_exact).into_owned(),
        Some(value) => canonical(value),
    }
}

/// Whether `attribute` is the enterprise extension's `manager`.
pub(super) fn is_manager(extension: Option<&str>, attribute: &Attribute) -> bool {
    attribute.name == "manager" && extension == Some(urn::ENTERPRISE_USER)
}

/// Leaves of a manager the id. `$ref` and `displayName` beside it are computed when it is read; a
/// manager known by name only is kept as given (O-32).
pub(super) fn reduce_manager(manager: &mut Object) {
    let kept = if manager.contains_key("value") { "value" } else { "displayName" };
    manager.retain(|key, _| key == kept);
}

/// What becomes of sub-attributes that are not declared.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Unknown {
    Drop,
    /// Learned, or stored before their schema was declared: nothing else gets this far.
    Keep,
}

/// The stored form of an attribute's value, unchecked.
pub(super) fn normal_value(attribute: &Attribute, value: Value, unknown: Unknown) -> Option<Value> {
    match tidy(value)? {
        Value::Array(elements) => {
            let elements = elements.into_iter();
            let elements = elements.map(|element| arranged(attribute, element, unknown));
            let elements = elements.filter(is_significant).collect();
            let elements = merge_equal(attribute, elements);
            (!elements.is_empty()).then_some(Value::Array(elements))
        }
        value => tidy(arranged(attribute, value, unknown)),
    }
}

/// A complex value with its sub-attributes in the schema's order and spelling.
fn arranged(attribute: &Attribute, value: Value, unknown: Unknown) -> Value {
    let Value::Object(object) = value else { return value };
    let subs = &attribute.sub_attributes;
    let mut slots = Slots::new(subs.len());
    for (key, value) in object {
        if let Some(index) = subs.iter().position(|sub| sub.name.eq_ignore_ascii_case(&key)) {
            slots.set(index, key, &subs[index].name, Some(value));
        } else if unknown == Unknown::Keep {
            slots.add_undeclared(key, value);
        }
    }
    Value::Object(slots.into_object())
}

/// The stored form of an extension's object, unchecked.
pub(super) fn normal_extension(schema: &Schema, object: Object) -> Slots {
    let mut slots = Slots::new(schema.attributes.len());
    for (key, value) in object {
        let named = |attribute: &Attribute| attribute.name.eq_ignore_ascii_case(&key);
        let Some(index) = schema.attributes.iter().position(named) else {
            if let Some(value) = tidy(value) {
                slots.add_undeclared(key, value);
            }
            continue;
        };
        let attribute = &schema.attributes[index];
        let mut value = normal_value(attribute, value, Unknown::Keep);
        if is_manager(Some(&schema.id), attribute)
            && let Some(Value::Object(manager)) = &mut value
        {
            reduce_manager(manager);
        }
        slots.set(index, key, &attribute.name, value.and_then(tidy));
    }
    slots
}

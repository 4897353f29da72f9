use scim::{
    Object,
    filter::{CompareOperator, CompareValue, Filter},
    path::AttributePath,
    schema::{Attribute, AttributeType, ResourceType},
    text::fold,
};
use serde_json::{Map, Value, json};

use super::filter::element_matches;

/// An operation on something that a schema declares.
#[derive(Clone, Debug)]
pub struct Operation {
    pub op: &'static str,
    pub path: AttributePath,
    pub filter: Option<Filter>,
    /// Well-typed for the path, or something that unassigns.
    pub value: Option<Value>,
}

impl Operation {
    /// As it is sent.
    pub fn to_json(&self) -> Value {
        let AttributePath { schema, name, sub_attribute } = self.path.clone();
        let mut path = AttributePath { schema, name, sub_attribute: None }.to_string();
        if let Some(filter) = &self.filter {
            path.push_str(&format!("[{filter}]"));
        }
        if let Some(sub) = sub_attribute {
            path.push_str(&format!(".{sub}"));
        }
        let mut operation = json!({"op": self.op, "path": path});
        if let Some(value) = &self.value {
            operation["value"] = value.clone();
        }
        operation
    }
}

/// What the operations make of a resource, without `schemas`; nothing if they are refused.
pub fn apply(rt: &ResourceType, stored: &Object, operations: &[Operation]) -> Option<Object> {
    let mut resource = stored.clone();
    for operation in operations {
        let found = operation.path.resolve(rt).expect("a declared path");
        let holder = match found.extension {
            None => &mut resource,
            Some(urn) => match resource.entry(urn).or_insert_with(|| json!({})) {
                Value::Object(object) => object,
                other => panic!("{other} under a URI"),
            },
        };
        let before = holder.get(&found.attribute.name).cloned().unwrap_or(Value::Null);
        let mut after = change(found.attribute, before, operation)?;
        if let Value::Array(elements) = &mut after {
            elements.retain(|element| !element.is_null());
        }
        if tidy(after.clone()).is_null() {
            if found.attribute.required {
                return None;
            }
            after = Value::Null;
        }
        holder.insert(found.attribute.name.clone(), after);
    }
    // An element may become one in several steps.
    for schema in std::iter::once(&rt.schema).chain(rt.extensions.iter().map(|e| &e.schema)) {
        let holder = match resource.get_mut(&schema.id) {
            Some(Value::Object(object)) => object,
            _ if schema.id == rt.schema.id => &mut resource,
            _ => continue,
        };
        for attribute in &schema.attributes {
            if let Some(value) = holder.get_mut(&attribute.name) {
                *value = settled(attribute, value.take());
            }
        }
    }
    let Value::Object(mut resource) = tidy(Value::Object(resource)) else {
        return None;
    };
    resource.shift_remove("schemas");
    Some(resource)
}

/// The value of a whole attribute after an operation.
fn change(attribute: &Attribute, before: Value, operation: &Operation) -> Option<Value> {
    let Operation { op, path, filter, value } = operation;
    let sub = path.sub_attribute.as_deref().and_then(|sub| attribute.sub_attribute(sub));
    let value = value.clone().unwrap_or(Value::Null);
    if let Some(filter) = filter {
        return change_matching(attribute, before, op, filter, sub, value);
    }
    let mut elements = list(before.clone());
    match (sub, *op, attribute.multi_valued) {
        (None, "remove", _) => Some(Value::Null),
        // Adding nothing to a list adds nothing; anything else that is empty unassigns.
        (None, "add", true) => {
            for given in list(given_list(attribute, value)) {
                let at = elements.iter().position(|element| is_meant(attribute, &given, element));
                match at {
                    Some(at) => {
                        elements[at] = laid_over(elements[at].clone(), given);
                        // If it is primary now, it alone is.
                        let element = elements.remove(at);
                        put(&mut elements, at, element);
                    }
                    None => {
                        let end = elements.len();
                        put(&mut elements, end, given);
                    }
                }
            }
            Some(Value::Array(elements))
        }
        (None, _, true) => Some(given_list(attribute, value)),
        (None, _, false) if attribute.attribute_type == AttributeType::Complex => match value {
            // What is given is merged; a part that is given as empty goes.
            Value::Object(given) => Some(laid_over(before, Value::Object(given))),
            _ => Some(Value::Null),
        },
        (None, _, false) => Some(value),
        (Some(sub), op, true) => {
            if elements.is_empty() && op != "remove" {
                elements.push(json!({}));
            }
            for element in &mut elements {
                element[&sub.name] = if op == "remove" { Value::Null } else { value.clone() };
            }
            keep_last_primary(&mut elements);
            Some(Value::Array(elements))
        }
        (Some(sub), op, false) => {
            let value = if op == "remove" { Value::Null } else { value };
            Some(laid_over(before, json!({ &sub.name: value })))
        }
    }
}

/// The same where a filter picks the elements.
fn change_matching(
    attribute: &Attribute,
    before: Value,
    op: &str,
    filter: &Filter,
    sub: Option<&Attribute>,
    value: Value,
) -> Option<Value> {
    let given = match sub {
        Some(sub) => json!({ &sub.name: value }),
        None => value.clone(),
    };
    let mut elements = list(before);
    let matching: Vec<bool> =
        elements.iter().map(|element| element_matches(attribute, element, filter)).collect();
    if op != "remove" && !matching.contains(&true) {
        if tidy(value) == Value::Null {
            return Some(Value::Array(elements));
        }
        let seed = seed(filter)?;
        let end = elements.len();
        put(&mut elements, end, laid_over(seed, given));
        return Some(Value::Array(elements));
    }
    let last = matching.iter().rposition(|matches| *matches);
    for (element, _) in elements.iter_mut().zip(&matching).filter(|(_, matches)| **matches) {
        *element = match (op, sub) {
            ("remove", None) => Value::Null,
            ("remove", Some(sub)) => laid_over(element.take(), json!({ &sub.name: null })),
            (_, Some(_)) => laid_over(element.take(), given.clone()),
            // Adding nothing changes nothing; nothing in its place takes the element away.
            ("add", None) if tidy(given.clone()).is_null() => element.take(),
            ("add", None) => laid_over(element.take(), given.clone()),
            _ => list(settled_elements(Value::Array(vec![given.clone()])))
                .pop()
                .unwrap_or(Value::Null),
        };
    }
    if op != "remove" && last.is_some() {
        // Of those that were changed the last is primary, if they are.
        let changed: Vec<usize> = (0..elements.len())
            .filter(|&at| matching[at] && elements[at]["primary"] == true)
            .collect();
        if let Some(&primary) = changed.last() {
            for (at, element) in elements.iter_mut().enumerate() {
                if at != primary && element["primary"] == true {
                    element["primary"] = false.into();
                }
            }
        }
    }
    Some(Value::Array(elements))
}

/// A list as it is given: one primary, nothing twice.
fn given_list(attribute: &Attribute, value: Value) -> Value {
    let mut elements = list(settled_elements(tidy(value)));
    keep_last_primary(&mut elements);
    settled(attribute, Value::Array(elements))
}

/// Without the elements that say nothing.
fn settled_elements(value: Value) -> Value {
    let says = |element: &Value| match element {
        Value::Object(object) => object.keys().any(|name| name != "type" && name != "primary"),
        _ => true,
    };
    Value::Array(list(value).into_iter().filter(says).collect())
}

/// Puts an element into a list; if it is primary, no other is.
fn put(elements: &mut Vec<Value>, at: usize, element: Value) {
    if element["primary"] == true {
        for other in elements.iter_mut().filter(|other| other["primary"] == true) {
            other["primary"] = false.into();
        }
    }
    elements.insert(at, element);
}

fn keep_last_primary(elements: &mut [Value]) {
    let last = elements.iter().rposition(|element| element["primary"] == true);
    for (at, element) in elements.iter_mut().enumerate() {
        if element["primary"] == true && Some(at) != last {
            element["primary"] = false.into();
        }
    }
}

/// What an element has to hold for a filter of `eq` terms joined by `and`.
fn seed(filter: &Filter) -> Option<Value> {
    match filter {
        Filter::And(parts) => {
            let mut seeds = json!({});
            for part in parts {
                let Value::Object(part) = seed(part)? else { return None };
                for (name, value) in part {
                    // Two values for one place are no element.
                    if !seeds[&name].is_null() {
                        return None;
                    }
                    seeds[&name] = value;
                }
            }
            Some(seeds)
        }
        Filter::Compare { path, operator: CompareOperator::Eq, value } => {
            let value: Value = match value {
                CompareValue::String(text) => text.as_str().into(),
                CompareValue::Number(number) => number.clone().into(),
                CompareValue::Boolean(value) => (*value).into(),
                CompareValue::Null => return None,
            };
            Some(json!({ &path.name: value }))
        }
        _ => None,
    }
}

/// Whether `existing` is what `given` is about: the same in all that it says, `primary` and
/// `display` aside.
fn is_meant(attribute: &Attribute, given: &Value, existing: &Value) -> bool {
    let same = |a: &Value, b: &Value, exact: bool| match (a, b) {
        (Value::String(a), Value::String(b)) if !exact => fold(a) == fold(b),
        _ => a == b,
    };
    let Value::Object(given) = given else { return same(given, existing, attribute.case_exact) };
    let says: Vec<&String> = match given.keys().filter(|name| !is_aside(name)).count() {
        0 => given.keys().collect(),
        _ => given.keys().filter(|name| !is_aside(name)).collect(),
    };
    says.into_iter().all(|name| {
        let exact = attribute.sub_attribute(name).is_some_and(|sub| sub.case_exact);
        !existing[name].is_null() && same(&given[name], &existing[name], exact)
    })
}

fn is_aside(name: &str) -> bool {
    name == "primary" || name == "display"
}

fn laid_over(value: Value, given: Value) -> Value {
    match (value, given) {
        (Value::Object(mut object), Value::Object(given)) => {
            for (name, value) in given {
                object.insert(name, value);
            }
            Value::Object(object)
        }
        (_, given) => given,
    }
}

/// The elements of a list, those without anything in them left out.
fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(elements) => elements,
        Value::Null => Vec::new(),
        value => vec![value],
    }
}

/// A value without what is empty.
fn tidy(value: Value) -> Value {
    let value = match value {
        Value::Array(items) => {
            Value::Array(items.into_iter().map(tidy).filter(|item| !item.is_null()).collect())
        }
        Value::Object(object) => {
            let fields = object.into_iter().map(|(name, value)| (name, tidy(value)));
            Value::Object(fields.filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>())
        }
        value => value,
    };
    match &value {
        Value::String(text) if text.is_empty() => Value::Null,
        Value::Array(items) if items.is_empty() => Value::Null,
        Value::Object(object) if object.is_empty() => Value::Null,
        _ => value,
    }
}

/// Elements that say nothing go, and of several with one type and value the last counts.
fn settled(attribute: &Attribute, value: Value) -> Value {
    let value = tidy(value);
    if !value.is_array() {
        return value;
    }
    let elements = list(settled_elements(value));
    let part = |element: &Value, name: &str| match (&element[name], attribute.sub_attribute(name)) {
        (Value::String(text), Some(sub)) if !sub.case_exact => fold(text).into(),
        (part, _) => part.clone(),
    };
    let mut kept: Vec<Value> = Vec::new();
    for element in elements {
        let same = |other: &&mut Value| match (&element, &**other) {
            (Value::Object(one), Value::Object(two)) => {
                match (one.get("value"), two.get("value")) {
                    (Some(_), Some(_)) => {
                        part(&element, "value") == part(other, "value")
                            && part(&element, "type") == part(other, "type")
                    }
                    (None, None) => element == **other,
                    _ => false,
                }
            }
            (Value::String(one), Value::String(two)) if !attribute.case_exact => {
                attribute.sub_attributes.is_empty() && fold(one) == fold(two)
            }
            (one, two) => one == two,
        };
        match kept.iter_mut().find(same) {
            Some(earlier) if element.is_object() => {
                let primary = earlier["primary"] == true;
                *earlier = laid_over(earlier.take(), element);
                if primary {
                    earlier["primary"] = true.into();
                }
            }
            Some(_) => {}
            None => kept.push(element),
        }
    }
    tidy(Value::Array(kept))
}

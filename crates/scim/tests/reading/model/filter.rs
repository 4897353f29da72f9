use scim::{
    Object,
    filter::{CompareOperator as Op, CompareValue, Filter},
    path::AttributePath,
    schema::{Attribute, AttributeType, ResourceType, instant},
    text::fold,
};
use serde_json::Value;

use crate::random::parts;

/// Whether a resource matches a filter that has a meaning for its type.
pub fn matches(rt: &ResourceType, resource: &Object, filter: &Filter) -> bool {
    match filter {
        Filter::And(parts) => parts.iter().all(|part| matches(rt, resource, part)),
        Filter::Or(parts) => parts.iter().any(|part| matches(rt, resource, part)),
        Filter::Not(part) => !matches(rt, resource, part),
        Filter::Present(path) => !of_path(rt, resource, path).0.is_empty(),
        Filter::Compare { path, operator, value } => {
            let (elements, attribute) = whole(rt, resource, path);
            if path_to_primary(path)
                && let CompareValue::Boolean(value) = value
            {
                let wanted = *value == (*operator == Op::Eq);
                let mut primary = elements.iter().map(|element| element["primary"] == true);
                let none = elements.is_empty() && *operator == Op::Ne && !wanted;
                return none || primary.any(|is| is == wanted);
            }
            let (values, leaf) = of_path(rt, resource, path);
            let (values, leaf) = value_of(values, leaf, value);
            let multi_valued = attribute.multi_valued || leaf.multi_valued;
            compare(&values, leaf, multi_valued, *operator, value)
        }
        Filter::ValuePath { path, filter } => {
            let (elements, attribute) = whole(rt, resource, path);
            elements.iter().any(|element| element_matches(attribute, element, filter))
        }
    }
}

fn path_to_primary(path: &AttributePath) -> bool {
    path.sub_attribute.as_deref() == Some("primary")
}

/// Whether one element of `attribute` matches a filter in brackets.
pub fn element_matches(attribute: &Attribute, element: &Value, filter: &Filter) -> bool {
    let sub = |path: &AttributePath| {
        let sub = attribute.sub_attribute(&path.name).expect("a sub-attribute");
        (assigned(element.get(&sub.name)), sub)
    };
    match filter {
        Filter::And(parts) => parts.iter().all(|part| element_matches(attribute, element, part)),
        Filter::Or(parts) => parts.iter().any(|part| element_matches(attribute, element, part)),
        Filter::Not(part) => !element_matches(attribute, element, part),
        Filter::Present(path) => !sub(path).0.is_empty(),
        Filter::Compare { path, operator, value } => {
            if path.name == "primary"
                && let CompareValue::Boolean(value) = value
            {
                // Absent means false.
                return (element["primary"] == true) == (*value == (*operator == Op::Eq));
            }
            let (values, sub) = sub(path);
            compare(&values, sub, sub.multi_valued, *operator, value)
        }
        Filter::ValuePath { .. } => panic!("brackets in brackets"),
    }
}

/// The assigned elements of the attribute that a path names or leads through.
fn whole<'a>(
    rt: &'a ResourceType,
    resource: &'a Object,
    path: &AttributePath,
) -> (Vec<&'a Value>, &'a Attribute) {
    let found = path.resolve(rt).expect("a path with a meaning");
    let holder = match found.extension {
        None => Some(resource),
        Some(urn) => resource.get(urn).and_then(Value::as_object),
    };
    (assigned(holder.and_then(|holder| holder.get(&found.attribute.name))), found.attribute)
}

/// The assigned values at a path.
fn of_path<'a>(
    rt: &'a ResourceType,
    resource: &'a Object,
    path: &AttributePath,
) -> (Vec<&'a Value>, &'a Attribute) {
    let (elements, attribute) = whole(rt, resource, path);
    let Some(sub) = &path.sub_attribute else { return (elements, attribute) };
    let sub = attribute.sub_attribute(sub).expect("a sub-attribute");
    (elements.iter().flat_map(|element| assigned(element.get(&sub.name))).collect(), sub)
}

/// A complex attribute compares by its `value`, except with null.
fn value_of<'a>(
    values: Vec<&'a Value>,
    leaf: &'a Attribute,
    value: &CompareValue,
) -> (Vec<&'a Value>, &'a Attribute) {
    match leaf.sub_attribute("value") {
        Some(sub) if *value != CompareValue::Null => {
            (values.iter().flat_map(|element| assigned(element.get("value"))).collect(), sub)
        }
        _ => (values, leaf),
    }
}

fn assigned(value: Option<&Value>) -> Vec<&Value> {
    let is_assigned = |value: &&Value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(object) => !object.is_empty(),
        _ => true,
    };
    match value {
        Some(Value::Array(items)) => items.iter().filter(is_assigned).collect(),
        value => value.into_iter().filter(is_assigned).collect(),
    }
}

fn compare(
    values: &[&Value],
    leaf: &Attribute,
    multi_valued: bool,
    operator: Op,
    operand: &CompareValue,
) -> bool {
    let fits = |operator: Op| values.iter().any(|value| fit(value, leaf, operator, operand));
    match (operator, operand) {
        (Op::Eq, CompareValue::Null) => values.is_empty(),
        (Op::Ne, CompareValue::Null) => !values.is_empty(),
        (Op::Ne, _) if multi_valued => values.is_empty() || fits(Op::Ne),
        (Op::Ne, _) => !fits(Op::Eq),
        _ => fits(operator),
    }
}

fn fit(value: &Value, leaf: &Attribute, operator: Op, operand: &CompareValue) -> bool {
    let order = match (value, operand) {
        (Value::Bool(a), CompareValue::Boolean(b)) => a.cmp(b),
        (Value::Number(a), CompareValue::Number(b)) => {
            parts(a).partial_cmp(&parts(b)).expect("numbers have an order")
        }
        (Value::String(a), CompareValue::String(b)) => match leaf.attribute_type {
            AttributeType::DateTime => {
                instant(a).expect("a time").cmp(&instant(b).expect("a time"))
            }
            kind => {
                let exact = leaf.case_exact && leaf.name != "schemas";
                let key = |text: &str| match kind {
                    AttributeType::Binary => text.trim_end_matches('=').to_owned(),
                    _ if exact => text.to_owned(),
                    _ => fold(text),
                };
                let (a, b) = (key(a), key(b));
                match operator {
                    Op::Co => return a.contains(&b),
                    Op::Sw => return a.starts_with(&b),
                    Op::Ew => return a.ends_with(&b),
                    _ => a.cmp(&b),
                }
            }
        },
        _ => return false,
    };
    match operator {
        Op::Eq => order.is_eq(),
        Op::Ne => order.is_ne(),
        Op::Gt => order.is_gt(),
        Op::Ge => order.is_ge(),
        Op::Lt => order.is_lt(),
        Op::Le => order.is_le(),
        Op::Co | Op::Sw | Op::Ew => false,
    }
}

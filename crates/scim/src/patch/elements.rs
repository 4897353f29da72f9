//! The elements of multi-valued attributes: which are the same, which is primary, and what a new
//! one holds.

use std::borrow::Cow;

use serde_json::Value;

use super::place::Slot;
use crate::{
    Object,
    filter::{CompareOperator, CompareValue, Filter},
    text,
};

/// Whether `existing` is the element that `given` means: all that `given` says of it is so, except
/// `primary` and `display` (S-254); those count where nothing else is said.
///
/// Strings compare as the schema says, and exactly where there is none.
pub(super) fn is_meant(slot: &Slot<'_>, given: &Value, existing: &Value) -> bool {
    let Value::Object(given) = given else {
        return is_equal(given, existing, slot.attribute().is_none_or(|a| a.case_exact));
    };
    let Value::Object(existing) = existing else { return false };
    let significant = |name: &str| name != "primary" && name != "display";
    let all = !given.keys().any(|name| significant(name));
    given.iter().filter(|(name, _)| all || significant(name)).all(|(name, given)| {
        let exact = match slot.attribute() {
            None => true,
            Some(attribute) => attribute.sub_attribute(name).is_none_or(|sub| sub.case_exact),
        };
        existing.get(name).is_some_and(|existing| is_equal(given, existing, exact))
    })
}

/// Whether two values are the same; strings as `caseExact` says.
pub(super) fn is_equal(a: &Value, b: &Value, case_exact: bool) -> bool {
    match (a, b) {
        (Value::String(a), Value::String(b)) if !case_exact => {
            if a.is_ascii() && b.is_ascii() {
                a.eq_ignore_ascii_case(b)
            } else {
                text::fold(a) == text::fold(b)
            }
        }
        _ => a == b,
    }
}

/// If an element that was `touched` is primary, it alone is; of several the last (S-244, E-71).
pub(super) fn settle_primary(elements: &mut [Value], touched: impl Fn(usize) -> bool) {
    let is_primary = |element: &Value| element.get("primary") == Some(&Value::Bool(true));
    let primary = (0..elements.len()).rev().find(|&at| touched(at) && is_primary(&elements[at]));
    let Some(primary) = primary else { return };
    for (at, element) in elements.iter_mut().enumerate() {
        if at != primary && is_primary(element) {
            element["primary"] = Value::Bool(false);
        }
    }
}

/// The terms of a filter that says what an element holds: `eq` terms joined by `and`, one for each
/// sub-attribute (S-256). `None` for any other.
pub(super) fn seeds(filter: &Filter) -> Option<Vec<(&str, Value)>> {
    let terms = match filter {
        Filter::And(terms) => terms.as_slice(),
        term => std::slice::from_ref(term),
    };
    let mut seeds: Vec<(&str, Value)> = Vec::with_capacity(terms.len() + 1);
    for term in terms {
        match term {
            Filter::And(_) => seeds.extend(self::seeds(term)?),
            Filter::Compare { path, operator: CompareOperator::Eq, value } => {
                seeds.push((&path.name, literal(value)?));
            }
            _ => return None,
        }
    }
    let repeats = |(at, (name, _)): (usize, &(&str, Value))| {
        seeds[..at].iter().any(|(earlier, _)| earlier.eq_ignore_ascii_case(name))
    };
    (!seeds.iter().enumerate().any(repeats)).then_some(seeds)
}

fn literal(value: &CompareValue) -> Option<Value> {
    match value {
        CompareValue::String(text) => Some(Value::String(text.clone())),
        CompareValue::Number(number) => Some(Value::Number(number.clone())),
        CompareValue::Boolean(value) => Some(Value::Bool(*value)),
        CompareValue::Null => None,
    }
}

/// The strings that `value` equals by a filter of `value eq` terms joined by `or`; `None` for any
/// other filter.
pub(super) fn values_named(filter: &Filter) -> Option<Vec<String>> {
    let terms = match filter {
        Filter::Or(terms) => terms.as_slice(),
        term => std::slice::from_ref(term),
    };
    let mut values = Vec::with_capacity(terms.len());
    for term in terms {
        match term {
            Filter::Or(_) => values.extend(values_named(term)?),
            Filter::Compare { path, operator: CompareOperator::Eq, value }
                if path.schema.is_none()
                    && path.sub_attribute.is_none()
                    && path.name.eq_ignore_ascii_case("value") =>
            {
                values.push(match value {
                    CompareValue::String(text) => text.clone(),
                    // Without quotes (E-13), an id of digits reads as a number.
                    CompareValue::Number(number) => number.to_string(),
                    _ => return None,
                });
            }
            _ => return None,
        }
    }
    Some(values)
}

/// The elements of a value: an array's, or the one it is.
pub(super) fn elements(value: Option<Value>) -> Vec<Value> {
    match value {
        None => Vec::new(),
        Some(Value::Array(elements)) => elements,
        Some(value) => vec![value],
    }
}

/// [`elements`], borrowed.
pub(super) fn elements_of(value: &Value) -> &[Value] {
    match value {
        Value::Array(elements) => elements,
        value => std::slice::from_ref(value),
    }
}

/// The key under which an element keeps the sub-attribute: canonical if declared, else as stored.
pub(super) fn key_in<'n>(element: &Object, name: &'n str) -> Cow<'n, str> {
    match super::place::stored_key(element, name) {
        Some(key) if key != name => Cow::Owned(key.to_owned()),
        _ => Cow::Borrowed(name),
    }
}

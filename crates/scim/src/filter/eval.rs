//! Evaluation in memory. Nothing is allocated but for folding a value that has capitals or letters
//! past ASCII.

use std::{borrow::Cow, cmp::Ordering};

use serde_json::{Number, Value};

use super::{CompareOperator, Condition, Operand, Target};
use crate::{
    Object,
    schema::{AttributeType, instant},
    text,
};

/// Where a target's values are looked for.
#[derive(Clone, Copy)]
enum Scope<'v> {
    Resource(&'v Object),
    Element(&'v Value),
}

impl Condition {
    /// Whether `resource` matches: a resource in canonical spelling, with `id`, `meta`, `groups` and
    /// `members` as far as [`Condition::targets`] asks for them.
    pub fn matches(&self, resource: &Object) -> bool {
        self.holds(Scope::Resource(resource))
    }

    /// Whether one element, or one simple value, of the attribute before the brackets matches.
    pub fn matches_element(&self, element: &Value) -> bool {
        self.holds(Scope::Element(element))
    }

    fn holds(&self, scope: Scope<'_>) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.holds(scope)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(scope)),
            Self::Not(condition) => !condition.holds(scope),
            Self::Present(target) => target.any(scope, |_| true),
            Self::Compare { target, operator, operand } => {
                target.any(scope, |value| fits(value, *operator, operand, target))
            }
            Self::Element { target, condition } => {
                target.any(scope, |element| condition.matches_element(element))
            }
        }
    }
}

impl Target {
    /// Whether an assigned value passes `test`.
    fn any(&self, scope: Scope<'_>, test: impl Fn(&Value) -> bool) -> bool {
        let test = |value: &Value| is_assigned(value) && test(value);
        let within = |element: &Value| match self.value_in(element) {
            None => false,
            Some(Value::Array(values)) => values.iter().any(&test),
            Some(value) => test(value),
        };
        match scope {
            Scope::Element(element) => within(element),
            Scope::Resource(resource) => {
                let container = match &self.extension {
                    None => Some(resource),
                    Some(urn) => resource.get(urn).and_then(Value::as_object),
                };
                match container.and_then(|container| container.get(&self.attribute)) {
                    None => false,
                    Some(Value::Array(elements)) => elements.iter().any(within),
                    Some(value) => within(value),
                }
            }
        }
    }

    fn value_in<'v>(&self, element: &'v Value) -> Option<&'v Value> {
        match (&self.sub_attribute, element) {
            (None, _) => Some(element),
            (Some(sub), Value::Object(element)) => element.get(sub).or_else(|| {
                // Undeclared attributes are kept in the spelling they came in.
                let same = |(name, _): &(&String, _)| name.eq_ignore_ascii_case(sub);
                element.iter().find(same).map(|(_, value)| value)
            }),
            // A simple value of an undeclared attribute.
            (Some(sub), _) => sub.eq_ignore_ascii_case("value").then_some(element),
        }
    }
}

/// null, empty strings, arrays and objects are no value (S-060, S-169).
pub fn is_assigned(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => values.iter().any(is_assigned),
        Value::Object(object) => object.values().any(is_assigned),
    }
}

fn fits(value: &Value, operator: CompareOperator, operand: &Operand, target: &Target) -> bool {
    match (operand, value) {
        (Operand::Boolean(operand), Value::Bool(value)) => ordered(value.cmp(operand), operator),
        (Operand::Number(operand), Value::Number(value)) => {
            ordered(compare_numbers(value, operand), operator)
        }
        (Operand::DateTime(operand), Value::String(text)) => {
            instant(text).is_some_and(|value| ordered(value.cmp(operand), operator))
        }
        (Operand::String { key, .. }, Value::String(text)) => {
            string_fits(text, operator, key, target)
        }
        _ => false,
    }
}

fn string_fits(text: &str, operator: CompareOperator, key: &str, target: &Target) -> bool {
    let folds = !target.case_exact && target.attribute_type != AttributeType::Binary;
    if folds && operator == CompareOperator::Eq && text.is_ascii() {
        return text.eq_ignore_ascii_case(key);
    }
    let value = match target.attribute_type {
        AttributeType::Binary => Cow::Borrowed(text.trim_end_matches('=')),
        _ if folds && text.bytes().any(|b| b.is_ascii_uppercase() || !b.is_ascii()) => {
            text::key(text, false)
        }
        _ => Cow::Borrowed(text),
    };
    match operator {
        CompareOperator::Eq if is_place(target) => same_place(&value, key),
        CompareOperator::Ne if is_place(target) => !same_place(&value, key),
        CompareOperator::Co => value.contains(key),
        CompareOperator::Sw => value.starts_with(key),
        CompareOperator::Ew => value.ends_with(key),
        _ => ordered((*value).cmp(key), operator),
    }
}

/// Whether the target holds URLs of this server's own resources.
fn is_place(target: &Target) -> bool {
    target.attribute_type == AttributeType::Reference
        && matches!(target.sub_attribute.as_deref(), Some("$ref" | "location"))
}

/// Whether two references lead to one resource (RFC 7643 §2.3.7, S-071): a relative one counts from
/// above the endpoint, as in `../Users/1`, and the version in either does not count.
fn same_place(value: &str, wanted: &str) -> bool {
    let parts = |text: &str| -> Vec<String> {
        let parts = text.split('/').filter(|part| !matches!(*part, "" | "." | ".." | "v2"));
        parts.map(str::to_owned).collect()
    };
    let (value_parts, wanted_parts) = (parts(value), parts(wanted));
    match (value.contains("://"), wanted.contains("://")) {
        (true, false) => wanted_parts.len() > 1 && value_parts.ends_with(&wanted_parts),
        (false, true) => value_parts.len() > 1 && wanted_parts.ends_with(&value_parts),
        _ => value_parts == wanted_parts,
    }
}

fn ordered(order: Ordering, operator: CompareOperator) -> bool {
    match operator {
        CompareOperator::Eq => order.is_eq(),
        CompareOperator::Ne => order.is_ne(),
        CompareOperator::Gt => order.is_gt(),
        CompareOperator::Ge => order.is_ge(),
        CompareOperator::Lt => order.is_lt(),
        CompareOperator::Le => order.is_le(),
        CompareOperator::Co | CompareOperator::Sw | CompareOperator::Ew => false,
    }
}

/// By value, to the last digit: integers past 2^53 stay apart, from each other and from fractions.
pub(crate) fn compare_numbers(a: &Number, b: &Number) -> Ordering {
    match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(a), None) => compare_mixed(a, fraction(b)),
        (None, Some(b)) => compare_mixed(b, fraction(a)).reverse(),
        (None, None) => fraction(a).partial_cmp(&fraction(b)).unwrap_or(Ordering::Equal),
    }
}

fn fraction(number: &Number) -> f64 {
    number.as_f64().expect("a number that is no integer is a finite fraction")
}

fn compare_mixed(integer: i128, number: f64) -> Ordering {
    // What is too large for the cast becomes the largest there is, beyond any integer of JSON's.
    let whole = number.trunc();
    let rest = number - whole;
    integer
        .cmp(&(whole as i128))
        .then_with(|| 0.0_f64.partial_cmp(&rest).unwrap_or(Ordering::Equal))
}

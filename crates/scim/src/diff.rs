//! What changed between two states of a resource.

use std::sync::LazyLock;

use serde_json::Value;

use crate::{
    Object,
    schema::{Attribute, AttributeType, ResourceType},
    urn,
};

/// One attribute's change.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// In attribute notation: `title`, `name.givenName`, `urn:…:User:manager.value`.
    pub path: String,
    pub from: Option<Value>,
    pub to: Option<Value>,
}

/// What an edit from `before` to `after`, both in stored form, changed; empty if nothing did.
///
/// A change is that of an attribute; of a sub-attribute where a single-valued complex attribute
/// holds it. Neither the order of keys nor that of list elements counts (S-072). `schemas` follows
/// from the rest and is not reported.
pub fn changes(rt: &ResourceType, before: &Object, after: &Object) -> Vec<Change> {
    let mut changes = Vec::new();
    each_difference(before, after, |key, from, to| {
        if key == "schemas" {
            return;
        }
        if !urn::is_urn(key) {
            compare(rt.attribute(key), key.into(), from, to, &mut changes);
            return;
        }
        let schema = rt.extension(key);
        each_difference(fields(from), fields(to), |name, from, to| {
            let attribute = schema.and_then(|schema| schema.attribute(name));
            compare(attribute, format!("{key}:{name}"), from, to, &mut changes);
        });
    });
    changes
}

/// Whether two values are the same: neither the order of keys nor that of elements counts (S-072).
pub fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, a)| b.get(k).is_some_and(|b| is_same(a, b)))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && (a == b || sorted(a) == sorted(b))
        }
        _ => a == b,
    }
}

/// A text that two values share exactly if they are the same.
pub(crate) fn canonical(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", sorted(items).join(",")),
        Value::Object(object) => {
            let mut fields: Vec<_> = object.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| *key);
            let fields = fields.iter().map(|(key, value)| format!("{key:?}:{}", canonical(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        value => value.to_string(),
    }
}

fn sorted(items: &[Value]) -> Vec<String> {
    let mut items: Vec<_> = items.iter().map(canonical).collect();
    items.sort_unstable();
    items
}

fn compare(
    attribute: Option<&Attribute>,
    path: String,
    from: Option<&Value>,
    to: Option<&Value>,
    changes: &mut Vec<Change>,
) {
    let by_parts = attribute
        .is_some_and(|a| a.attribute_type == AttributeType::Complex && !a.multi_valued)
        && [from, to].into_iter().flatten().all(Value::is_object);
    if by_parts {
        each_difference(fields(from), fields(to), |name, from, to| {
            compare(None, format!("{path}.{name}"), from, to, changes);
        });
    } else {
        changes.push(Change { path, from: from.cloned(), to: to.cloned() });
    }
}

static NOTHING: LazyLock<Object> = LazyLock::new(Object::new);

/// The fields of an object; none of anything else.
fn fields(value: Option<&Value>) -> &Object {
    value.and_then(Value::as_object).unwrap_or(&NOTHING)
}

/// Calls `visit` for every key whose values differ: those of `before` first.
fn each_difference<'a>(
    before: &'a Object,
    after: &'a Object,
    mut visit: impl FnMut(&'a str, Option<&'a Value>, Option<&'a Value>),
) {
    for (key, from) in before {
        let to = after.get(key);
        if !to.is_some_and(|to| is_same(from, to)) {
            visit(key, Some(from), to);
        }
    }
    for (key, to) in after {
        if !before.contains_key(key) {
            visit(key, None, Some(to));
        }
    }
}

#[cfg(test)]
mod tests;

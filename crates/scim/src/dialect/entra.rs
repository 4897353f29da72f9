//! Shapes that only Microsoft Entra ID sends.

use serde_json::Value;

use super::{member, take, values::Place};
use crate::{
    Notes, Object,
    json::{self, Limits},
    urn,
};

/// Whether a value at `place` is a role of a user.
pub(super) fn is_roles(place: Place<'_>) -> bool {
    place.extension.is_none() && place.attribute == "roles" && place.sub_attribute.is_none()
}

/// Whether a value at `place` is the enterprise extension's `manager`.
pub(super) fn is_manager(place: Place<'_>) -> bool {
    place.extension.is_some_and(|extension| urn::eq(extension, urn::ENTERPRISE_USER))
        && place.attribute == "manager"
        && place.sub_attribute.is_none()
}

/// App roles (E-69, E-166): the mapping `AppRoleAssignmentsComplex` puts a JSON document as text
/// into `value`, and calls `displayName` what the standard calls `display`.
///
/// ```json
/// {"value": "{\"id\":\"9d1c…\",\"value\":\"reviewer\",\"displayName\":\"Reviewer\"}"}
/// ```
///
/// Text that is no JSON object, or one without a `value`, is the value as given.
pub(super) fn role(role: &mut Object, place: Place<'_>, notes: &mut Notes) {
    if let Some(document) = member(role, "value").and_then(document)
        && let Some(value) = member(&document, "value")
    {
        notes.add(format!("JSON text opened at `{place}.value`"));
        set(role, "value", value.clone());
        for (inner, name) in [("displayName", "display"), ("display", "display"), ("type", "type")]
        {
            if let Some(value @ Value::String(_)) = member(&document, inner)
                && member(role, name).is_none()
            {
                set(role, name, value.clone());
            }
        }
    }
    if member(role, "display").is_none()
        && let Some(name @ Value::String(_)) = member(role, "displayName").cloned()
    {
        notes.add(format!("`displayName` read as `display` at `{place}`"));
        role.retain(|key, _| !key.eq_ignore_ascii_case("displayName"));
        set(role, "display", name);
    }
}

/// The same where a path leads to the `value` of a role alone.
pub(super) fn role_value(mut value: Value, place: Place<'_>, notes: &mut Notes) -> Value {
    let is_value =
        place.sub_attribute == Some("value") && is_roles(Place { sub_attribute: None, ..place });
    while is_value
        && let Some(mut document) = document(&value)
        && let Some(inner) = take(&mut document, "value")
    {
        notes.add(format!("JSON text opened at `{place}`"));
        value = inner;
    }
    value
}

/// The JSON object with a text as its `value` that a text is.
fn document(text: &Value) -> Option<Object> {
    let text = text.as_str().filter(|text| text.trim_start().starts_with('{'))?;
    match json::parse(text.as_bytes(), &Limits::default()) {
        Ok(Value::Object(document)) if member(&document, "value")?.is_string() => Some(document),
        _ => None,
    }
}

/// A blank `value` clears the manager (E-66, O-43): `{"value": ""}`. A manager known by name alone
/// is one all the same (O-32).
pub(super) fn manager(manager: Object, notes: &mut Notes) -> Value {
    let blank = |value: &Value| value.is_null() || value.as_str() == Some("");
    let named = member(&manager, "displayName").is_some_and(|name| !blank(name));
    if member(&manager, "value").is_some_and(blank) && !named {
        notes.add("blank `manager.value` read as no manager");
        return Value::Null;
    }
    Value::Object(manager)
}

/// The value object of the oldest PATCH grammar, where a plain value belongs; only Entra's old
/// library wraps plain values so.
///
/// ```json
/// {"op": "Replace", "path": "active", "value": [{"$ref": null, "value": "False"}]}
/// ```
pub(super) fn operation_value(value: Value, place: Place<'_>, notes: &mut Notes) -> Value {
    let Value::Object(object) = &value else { return value };
    let only_value = object.iter().all(|(key, value)| {
        key.eq_ignore_ascii_case("value") || key.eq_ignore_ascii_case("$ref") && value.is_null()
    });
    match member(object, "value") {
        Some(inner) if only_value && !inner.is_object() && !inner.is_array() => {
            notes.add(format!("object with a `value` read as that value at `{place}`"));
            inner.clone()
        }
        _ => value,
    }
}

fn set(object: &mut Object, name: &str, value: Value) {
    let key = object.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned();
    object.insert(key.unwrap_or_else(|| name.to_owned()), value);
}

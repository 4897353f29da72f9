//! Values made to fit the type that the schema declares for them.
//!
//! Only where the meaning is beyond doubt. What does not fit afterwards is left as it came, for
//! validation to refuse. Read-only attributes are left alone altogether: clients send them back
//! as they were told them, and nothing here depends on them.

use std::fmt;

use serde_json::{Map, Number, Value};

use super::entra;
use crate::{
    Notes, Object,
    path::ResolvedPath,
    schema::{Attribute, AttributeType, Mutability, Schema},
};

/// Where a value stands, for the notes: `[urn:]attribute[.sub-attribute]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub extension: Option<&'a str>,
    pub attribute: &'a str,
    pub sub_attribute: Option<&'a str>,
}

impl<'a> Place<'a> {
    pub fn base(attribute: &'a Attribute) -> Self {
        Self { extension: None, attribute: &attribute.name, sub_attribute: None }
    }

    pub fn of(path: &ResolvedPath<'a>) -> Self {
        Self {
            extension: path.extension,
            attribute: &path.attribute.name,
            sub_attribute: path.sub_attribute.map(|sub| sub.name.as_str()),
        }
    }

    fn sub(self, name: &'a str) -> Self {
        Self { sub_attribute: Some(name), ..self }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(extension) = self.extension {
            write!(f, "{extension}:")?;
        }
        f.write_str(self.attribute)?;
        self.sub_attribute.map_or(Ok(()), |sub| write!(f, ".{sub}"))
    }
}

/// The whole value of `attribute`.
pub(super) fn attribute(
    attribute: &Attribute,
    value: Value,
    place: Place<'_>,
    notes: &mut Notes,
) -> Value {
    if attribute.mutability == Mutability::ReadOnly {
        value
    } else if attribute.multi_valued {
        elements(attribute, value, place, notes)
    } else {
        let value = lone_element(value, place, notes);
        element(attribute, value, place, notes)
    }
}

/// The one element of a multi-valued attribute that a value filter picks.
pub(super) fn lone(
    attribute: &Attribute,
    value: Value,
    place: Place<'_>,
    notes: &mut Notes,
) -> Value {
    let value = lone_element(value, place, notes);
    element(attribute, value, place, notes)
}

/// One value of `attribute`: that of a single-valued attribute, or one element of a multi-valued
/// one.
pub(super) fn element(
    attribute: &Attribute,
    value: Value,
    place: Place<'_>,
    notes: &mut Notes,
) -> Value {
    match attribute.attribute_type {
        AttributeType::Complex => complex(attribute, value, place, notes),
        simple => {
            let value = entra::operation_value(value, place, notes);
            match simple {
                AttributeType::Boolean => boolean(value, place, notes),
                AttributeType::Integer | AttributeType::Decimal => {
                    number(simple, value, place, notes)
                }
                AttributeType::String => {
                    string(entra::role_value(value, place, notes), place, notes)
                }
                _ => value,
            }
        }
    }
}

/// The attributes of an extension, in their container.
pub(super) fn container(schema: &Schema, value: Value, notes: &mut Notes) -> Value {
    let place = Place { extension: None, attribute: &schema.id, sub_attribute: None };
    let value = match lone_element(value, place, notes) {
        Value::String(text) if text.is_empty() => Value::Null,
        other => other,
    };
    let Value::Object(mut object) = value else { return value };
    for (key, value) in object.iter_mut() {
        if let Some(declared) = schema.attribute(key) {
            let place = Place { extension: Some(&schema.id), ..Place::base(declared) };
            *value = attribute(declared, value.take(), place, notes);
        }
    }
    Value::Object(object)
}

/// A single value where an array belongs (X-04 OneLogin `"emails": {"value": …}`, E-83 a bare
/// member id, S-074); an empty string there means no value.
fn elements(attribute: &Attribute, value: Value, place: Place<'_>, notes: &mut Notes) -> Value {
    let elements = match value {
        Value::Null => return Value::Null,
        Value::String(text) if text.is_empty() => {
            notes.add(format!("empty string read as no value at `{place}`"));
            return Value::Null;
        }
        Value::Array(elements) => elements,
        single => {
            notes.add(format!("single value read as an array of one at `{place}`"));
            vec![single]
        }
    };
    elements
        .into_iter()
        .map(|value| element(attribute, value, place, notes))
        .filter(|value| !value.is_null())
        .collect()
}

/// An array of one where a single value belongs (S-074; Entra's documented `manager`, E-65, and
/// `["False"]`, E-35), and one of such an array; an empty array there means no value.
fn lone_element(mut value: Value, place: Place<'_>, notes: &mut Notes) -> Value {
    loop {
        match value {
            Value::Array(mut elements) if elements.len() <= 1 => {
                let Some(inner) = elements.pop() else { return Value::Null };
                notes.add(format!("array of one read as a single value at `{place}`"));
                value = inner;
            }
            other => return other,
        }
    }
}

/// A bare value where an object with a `value` belongs: a member id (E-83), a manager id (E-23,
/// S-106), a mail address (`"emails": ["a@b.example"]`).
fn complex(attribute: &Attribute, value: Value, place: Place<'_>, notes: &mut Notes) -> Value {
    let mut object = match value {
        Value::Object(object) => object,
        Value::String(text) if text.is_empty() => {
            notes.add(format!("empty string read as no value at `{place}`"));
            return Value::Null;
        }
        bare @ (Value::String(_) | Value::Number(_))
            if attribute.sub_attribute("value").is_some() =>
        {
            notes.add(format!("bare value read as an object with that `value` at `{place}`"));
            Map::from_iter([("value".to_owned(), bare)])
        }
        other => return other,
    };
    if entra::is_roles(place) {
        entra::role(&mut object, place, notes);
    }
    sub_attributes(attribute, &mut object, place, notes);
    if entra::is_manager(place) { entra::manager(object, notes) } else { Value::Object(object) }
}

fn sub_attributes(parent: &Attribute, object: &mut Object, place: Place<'_>, notes: &mut Notes) {
    for (key, value) in object.iter_mut() {
        if let Some(sub) = parent.sub_attribute(key) {
            *value = attribute(sub, value.take(), place.sub(&sub.name), notes);
        }
    }
}

/// `"True"`, `"False"` in any letter case as booleans (E-22, E-35, O-54, X-05, X-46, S-067): Entra
/// without its flag writes every boolean so, and templates of other clients do.
fn boolean(value: Value, place: Place<'_>, notes: &mut Notes) -> Value {
    let Value::String(text) = &value else { return value };
    if text.is_empty() {
        notes.add(format!("empty string read as no value at `{place}`"));
        return Value::Null;
    }
    match string_boolean(text) {
        Some(boolean) => {
            notes.add(format!("string `{text}` read as a boolean at `{place}`"));
            Value::Bool(boolean)
        }
        None => value,
    }
}

/// `true` or `false` in any letter case.
pub(super) fn string_boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// A number written as a string, from clients whose mappings only know strings (S-348).
fn number(of: AttributeType, value: Value, place: Place<'_>, notes: &mut Notes) -> Value {
    let Value::String(text) = &value else { return value };
    if text.is_empty() {
        notes.add(format!("empty string read as no value at `{place}`"));
        return Value::Null;
    }
    match text.parse::<Number>() {
        Ok(number) if of == AttributeType::Decimal || !number.is_f64() => {
            notes.add(format!("string read as a number at `{place}`"));
            Value::Number(number)
        }
        _ => value,
    }
}

/// Numbers and booleans as strings (S-075): `"externalId": 701984` in Okta's documented samples.
fn string(value: Value, place: Place<'_>, notes: &mut Notes) -> Value {
    let (what, text) = match value {
        Value::Number(number) => ("number", number.to_string()),
        Value::Bool(boolean) => ("boolean", boolean.to_string()),
        other => return other,
    };
    notes.add(format!("{what} read as a string at `{place}`"));
    Value::String(text)
}

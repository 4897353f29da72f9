//! What a schema that is declared late finds in resources stored before it.

use serde_json::Value;

use super::{
    ValidationError,
    error::Place,
    value::{Context, whole},
};
use crate::{
    Notes, Object,
    reading::Reading,
    schema::{Attribute, Schema},
    urn,
};

/// The first of the values of `container`, an extension's object, that `schema` would refuse.
pub fn first_misfit(schema: &Schema, container: &Object) -> Option<ValidationError> {
    let mut notes = Notes::default();
    let mut context = Context { reading: Reading::Strict, notes: &mut notes };
    container.iter().find_map(|(key, value)| {
        let attribute = schema.attribute(key)?;
        let place =
            Place { extension: Some(&schema.id), attribute: &attribute.name, sub_attribute: None };
        whole(place, attribute, value.clone(), &mut context).err()
    })
}

/// `resource` with the URI, attributes and sub-attributes of `schema` spelt as it declares them;
/// `None` if they are, or if there are none.
pub fn respelt(schema: &Schema, resource: &Object) -> Option<Object> {
    let is_meant = |key: &str| urn::eq(key, &schema.id);
    let mut merged = Object::new();
    for (_, container) in resource.iter().filter(|(key, _)| is_meant(key)) {
        for (name, value) in container.as_object()? {
            merged.entry(name).or_insert_with(|| value.clone());
        }
    }
    let container = respell(&schema.attributes, &merged);
    let exact = resource.get(&schema.id).and_then(Value::as_object);
    let is_same =
        exact.is_some_and(|exact| exact.keys().eq(container.keys()) && *exact == container);
    if merged.is_empty() || is_same {
        return None;
    }
    let mut respelt = Object::with_capacity(resource.len());
    for (key, value) in resource {
        if is_meant(key) {
            respelt.insert(schema.id.clone(), Value::Object(container.clone()));
        } else if key == "schemas" {
            let listed = value.as_array().into_iter().flatten();
            let mut schemas: Vec<Value> = Vec::new();
            for uri in listed {
                let own = uri.as_str().is_some_and(is_meant);
                let uri = if own { Value::from(schema.id.as_str()) } else { uri.clone() };
                if !schemas.contains(&uri) {
                    schemas.push(uri);
                }
            }
            respelt.insert(key.clone(), schemas.into());
        } else {
            respelt.insert(key.clone(), value.clone());
        }
    }
    Some(respelt)
}

fn respell(attributes: &[Attribute], object: &Object) -> Object {
    let mut respelt = Object::with_capacity(object.len());
    for (key, value) in object {
        let attribute = attributes.iter().find(|a| a.name.eq_ignore_ascii_case(key));
        let name = attribute.map_or(key.as_str(), |attribute| &attribute.name);
        let value = match (attribute, value) {
            (Some(attribute), Value::Object(parts)) => {
                respell(&attribute.sub_attributes, parts).into()
            }
            (Some(attribute), Value::Array(elements)) => elements
                .iter()
                .map(|element| match element {
                    Value::Object(parts) => respell(&attribute.sub_attributes, parts).into(),
                    element => element.clone(),
                })
                .collect(),
            (_, value) => value.clone(),
        };
        // Of two spellings of one name, the other stays as it is.
        let is_taken = name != key && (object.contains_key(name) || respelt.contains_key(name));
        respelt.insert(if is_taken { key.clone() } else { name.to_owned() }, value);
    }
    respelt
}

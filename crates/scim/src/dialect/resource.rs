//! The body of a POST or PUT.

use serde_json::Value;

use super::{
    member_key, path,
    path::Key,
    schemas,
    values::{self, Place},
};
use crate::{
    Notes, Object,
    path::AttributePath,
    schema::{ResourceType, Schema},
    urn,
};

/// Every key in its place, every declared attribute in its type.
pub(super) fn read(rt: &ResourceType, body: Object, notes: &mut Notes) -> Object {
    let mut resource = Object::new();
    let mut displaced = Vec::new();
    for (key, value) in body {
        match Key::of(rt, &key, &value) {
            Key::Attribute(declared) => {
                let value = values::attribute(declared, value, Place::base(declared), notes);
                resource.insert(key, value);
            }
            Key::Extension(schema) => put_container(&mut resource, schema, &key, value, notes),
            Key::Path => displaced.push((key, value)),
            Key::Undeclared => {
                resource.insert(key, value);
            }
        }
    }
    for (key, value) in displaced {
        put(rt, &mut resource, key, value, notes);
    }
    schemas::listed(rt, &mut resource, notes);
    resource
}

/// Puts a container, which came under `key`, under its URI. An object may hold one extension under
/// two spellings: what is there already wins.
pub(super) fn put_container(
    object: &mut Object,
    schema: &Schema,
    key: &str,
    value: Value,
    notes: &mut Notes,
) {
    if !urn::eq(key, &schema.id) {
        notes.add(format!("`{key}` read as `{}`", schema.id));
    }
    let container = values::container(schema, value, notes);
    match (object.get_mut(&schema.id), container) {
        (Some(Value::Object(present)), Value::Object(container)) => {
            for (key, value) in container {
                put_absent(present, &key, value);
            }
        }
        (None | Some(Value::Null), container) => {
            object.insert(schema.id.clone(), container);
        }
        (Some(_), _) => {}
    }
}

/// A value under a key that is a path: `"name.givenName"`, `"urn:…:User:department"`, a bare
/// `"department"`. What the body says in the standard's place wins; a path into a multi-valued
/// attribute is no place in a resource and stays as it came.
fn put(rt: &ResourceType, resource: &mut Object, key: String, value: Value, notes: &mut Notes) {
    let placed = path::attribute_path(rt, &key, &mut Notes::default())
        .and_then(|path| put_at(rt, resource, &path, &value, notes));
    match placed {
        Some(place) => {
            if !urn::eq(&place, &key) {
                notes.add(format!("key `{key}` read as `{place}`"));
            }
        }
        None => {
            resource.insert(key, value);
        }
    }
}

fn put_at(
    rt: &ResourceType,
    resource: &mut Object,
    path: &AttributePath,
    value: &Value,
    notes: &mut Notes,
) -> Option<String> {
    let Some(target) = path.resolve(rt) else {
        let uri = path.schema.as_ref().filter(|uri| !urn::eq(uri, &rt.schema.id))?;
        let container = object_at(resource, uri)?;
        match &path.sub_attribute {
            Some(sub) => put_absent(object_at(container, &path.name)?, sub, value.clone()),
            None => put_absent(container, &path.name, value.clone()),
        }
        return Some(path.to_string());
    };
    let place = Place::of(&target);
    let holder = match target.extension {
        Some(uri) => object_at(resource, uri)?,
        None => resource,
    };
    match target.sub_attribute {
        None => {
            let value = values::attribute(target.attribute, value.clone(), place, notes);
            put_absent(holder, &target.attribute.name, value);
        }
        Some(_) if target.attribute.multi_valued => return None,
        Some(sub) => {
            let value = values::attribute(sub, value.clone(), place, notes);
            put_absent(object_at(holder, &target.attribute.name)?, &sub.name, value);
        }
    }
    Some(place.to_string())
}

/// The object under `name`, made if there is none; `None` when something else is there.
fn object_at<'o>(holder: &'o mut Object, name: &str) -> Option<&'o mut Object> {
    let key = member_key(holder, name).unwrap_or(name).to_owned();
    let value = holder.entry(key).or_insert(Value::Null);
    if value.is_null() {
        *value = Value::Object(Object::new());
    }
    value.as_object_mut()
}

fn put_absent(object: &mut Object, name: &str, value: Value) {
    if member_key(object, name).is_none() {
        object.insert(name.to_owned(), value);
    }
}

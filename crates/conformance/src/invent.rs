//! Invented people and groups, as the server's schemas want them.

use serde_json::{Map, Value, json};

use crate::{
    PREFIX,
    target::{GROUP, Target, USER},
};

/// A random word of ten letters and digits, for the names of one run.
pub fn word() -> String {
    let mut bytes = [0; 10];
    // Without randomness the process number has to do; the prefix still tells ours apart.
    if getrandom::fill(&mut bytes).is_err() {
        bytes[..4].copy_from_slice(&std::process::id().to_be_bytes());
    }
    let letters = b"abcdefghijklmnopqrstuvwxyz234567";
    bytes.iter().map(|byte| char::from(letters[usize::from(byte % 32)])).collect()
}

/// A user of this unique name, with all that the server's schemas require.
pub fn user(target: &Target, name: &str) -> Value {
    let mail = format!("{name}@example.com");
    let usual = json!({
        "userName": mail,
        "externalId": name,
        "name": {"givenName": "Ines", "familyName": "Okafor"},
        "displayName": "Ines Okafor",
        "emails": [{"value": mail, "type": "work", "primary": true}],
        "active": true,
    });
    body(target, USER, usual, name)
}

/// A group of this unique name, without members.
pub fn group(target: &Target, name: &str) -> Value {
    body(target, GROUP, json!({"displayName": name}), name)
}

/// The usual attributes as far as the server knows them, and those that it requires.
fn body(target: &Target, schema: &str, usual: Value, name: &str) -> Value {
    let mut body = Map::new();
    let mut schemas = vec![json!(schema)];
    body.insert("schemas".into(), Value::Null);
    for (attribute, value) in usual.as_object().into_iter().flatten() {
        if attribute == "externalId" || target.knows(schema, attribute) {
            body.insert(attribute.clone(), value.clone());
        }
    }
    let take = |into: &mut Map<String, Value>, urn: &str| {
        let attributes = target.schema(urn).and_then(|schema| schema["attributes"].as_array());
        for attribute in attributes.into_iter().flatten() {
            fill(into, attribute, name);
        }
    };
    take(&mut body, schema);
    for urn in target.required_extensions(schema) {
        let mut extension = Map::new();
        take(&mut extension, urn);
        body.insert(urn.to_owned(), extension.into());
        schemas.push(json!(urn));
    }
    body.insert("schemas".into(), schemas.into());
    body.into()
}

/// Adds a required attribute that is not there.
fn fill(into: &mut Map<String, Value>, attribute: &Value, name: &str) {
    let Some(key) = attribute["name"].as_str() else { return };
    // Common attributes, which some servers list among the others.
    let common = ["schemas", "id", "meta", "externalId"];
    if attribute["required"] != true
        || attribute["mutability"] == "readOnly"
        || common.contains(&key)
        || into.contains_key(key)
    {
        return;
    }
    let one = match attribute["type"].as_str().unwrap_or("string") {
        "boolean" => json!(true),
        // The number at the name's end, as the attribute may have to be unique.
        "integer" | "decimal" => {
            name.rsplit('-').next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(1).into()
        }
        "dateTime" => json!("2020-02-20T20:20:20Z"),
        "binary" => json!("aGVhZGNvdW50"),
        "reference" => json!("https://example.com/headcount"),
        "complex" => {
            let mut element = Map::new();
            for sub in attribute["subAttributes"].as_array().into_iter().flatten() {
                fill(&mut element, sub, name);
            }
            if element.is_empty() {
                element.insert("value".into(), json!(name));
            }
            element.into()
        }
        _ => attribute["canonicalValues"][0].as_str().unwrap_or(name).into(),
    };
    let value = if attribute["multiValued"] == true { json!([one]) } else { one };
    into.insert(key.to_owned(), value);
}

/// Adds an extension to a body's `schemas`, where it may stand already.
pub fn name_schema(body: &mut Value, urn: &str) {
    if let Some(schemas) = body["schemas"].as_array_mut()
        && !schemas.contains(&json!(urn))
    {
        schemas.push(json!(urn));
    }
}

/// Whether a name was invented by any run.
pub fn is_invented(name: &str, run: &str) -> bool {
    let name = name.to_lowercase();
    name.starts_with(&format!("{PREFIX}{run}"))
}

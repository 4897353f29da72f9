use scim::{
    Object,
    schema::{ResourceType, Returned},
};
use serde_json::Value;

use crate::random::{ENTERPRISE, LAB, user_with_lab};

/// Names in lists of attributes, some of nothing.
pub const NAMES: [&str; 22] = [
    "userName",
    "USERNAME",
    "id",
    "schemas",
    "meta",
    "meta.created",
    "name",
    "name.givenName",
    "Name.FamilyName",
    "emails",
    "emails.value",
    "emails.primary",
    "groups",
    "groups.value",
    "active",
    "nothing",
    "name.nothing",
    "urn:ietf:params:scim:schemas:core:2.0:User:title",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
    "urn:example:schemas:extension:lab:2.0:User:keys.level",
    "urn:example:schemas:extension:lab:2.0:user:BADGE",
];

/// Users with attributes that are returned in each way.
pub fn user_type() -> ResourceType {
    let mut rt = user_with_lab();
    for extension in &mut rt.extensions {
        if extension.schema.id == LAB {
            let mut schema = (*extension.schema).clone();
            for attribute in &mut schema.attributes {
                attribute.returned = match attribute.name.as_str() {
                    "badge" => Returned::Request,
                    "shoeSize" => Returned::Never,
                    "height" => Returned::Always,
                    _ => Returned::Default,
                };
            }
            extension.schema = schema.into();
        }
    }
    rt
}

/// Every leaf that an answer may carry, by its whole name, decided one by one.
pub fn project(rt: &ResourceType, sent: &Object, names: &[&str], excludes: bool) -> Object {
    let chosen: Vec<String> = names
        .iter()
        .map(|name| name.to_lowercase())
        .map(|name| match name.strip_prefix("urn:ietf:params:scim:schemas:core:2.0:user:") {
            Some(core) => core.to_owned(),
            None => name,
        })
        // Names of nothing choose nothing.
        .filter(|name| !name.contains("nothing"))
        .collect();
    let mut projected = Object::new();
    for (key, value) in sent {
        if [ENTERPRISE, LAB].contains(&key.as_str()) {
            let schema = rt.extension(key).expect("declared");
            let fields = value.as_object().expect("an extension's object").iter();
            let kept: Object = fields
                .filter_map(|(name, value)| {
                    let returned = schema.attribute(name).expect("declared").returned;
                    let path = format!("{key}:{name}").to_lowercase();
                    let all = chosen.contains(&key.to_lowercase());
                    Some((name.clone(), attribute(&path, all, returned, value, &chosen, excludes)?))
                })
                .collect();
            if !kept.is_empty() {
                projected.insert(key.clone(), kept.into());
            }
        } else {
            let returned = rt.attribute(key).expect("declared").returned;
            let path = key.to_lowercase();
            if let Some(value) = attribute(&path, false, returned, value, &chosen, excludes) {
                projected.insert(key.clone(), value);
            }
        }
    }
    projected
}

/// `all` if the schema as a whole is chosen.
fn attribute(
    path: &str,
    all: bool,
    returned: Returned,
    value: &Value,
    chosen: &[String],
    excludes: bool,
) -> Option<Value> {
    let whole = all || chosen.iter().any(|name| name == path);
    let part = |sub: &str| chosen.contains(&format!("{path}.{}", sub.to_lowercase()));
    let some = chosen.iter().any(|name| name.starts_with(&format!("{path}.")));
    match returned {
        Returned::Always => return Some(value.clone()),
        Returned::Never => return None,
        Returned::Request if excludes || !(whole || some) => return None,
        Returned::Default if excludes && whole => return None,
        Returned::Default if !excludes && !whole && !some => return None,
        _ => {}
    }
    let keeps = |sub: &str| if excludes { !part(sub) } else { whole || part(sub) };
    let of = |element: &Value| match element {
        Value::Object(parts) => {
            let parts = parts.iter().filter(|(sub, _)| keeps(sub));
            let parts: Object = parts.map(|(sub, value)| (sub.clone(), value.clone())).collect();
            (!parts.is_empty()).then_some(Value::Object(parts))
        }
        simple => Some(simple.clone()),
    };
    match value {
        Value::Array(elements) if !elements.is_empty() => {
            let elements: Vec<Value> = elements.iter().filter_map(of).collect();
            (!elements.is_empty()).then_some(Value::Array(elements))
        }
        value => of(value),
    }
}

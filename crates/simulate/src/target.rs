//! The places in a resource that values are mapped to.

use std::fmt;

use serde_json::{Map, Value, json};

pub const CORE_USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub const CORE_GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
pub const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
pub const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// One place. Prints as the path that Entra writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// `displayName`
    Plain(&'static str),
    /// `name.givenName`
    Sub(&'static str, &'static str),
    /// `emails[type eq "work"].value`
    Typed(&'static str, &'static str, &'static str),
    /// `emails[primary eq true].value`
    Primary(&'static str, &'static str),
    /// `urn:…:User:department`
    Enterprise(&'static str),
    /// `urn:…:User:manager.displayName`
    EnterpriseSub(&'static str, &'static str),
}

impl Target {
    /// The value, unless it is absent or empty.
    pub fn read(self, resource: &Value) -> Option<&Value> {
        let value = match self {
            Target::Plain(name) => &resource[name],
            Target::Sub(name, sub) => &resource[name][sub],
            Target::Enterprise(name) => &resource[ENTERPRISE][name],
            Target::EnterpriseSub(name, sub) => &resource[ENTERPRISE][name][sub],
            Target::Typed(name, kind, sub) => {
                let element = |element: &&Value| element["type"].as_str() == Some(kind);
                &resource[name].as_array()?.iter().find(element)?[sub]
            }
            Target::Primary(name, sub) => {
                let elements = resource[name].as_array()?;
                &elements.iter().find(|element| element["primary"] == true)?[sub]
            }
        };
        let empty = match value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(values) => values.is_empty(),
            _ => false,
        };
        (!empty).then_some(value)
    }

    /// Puts a value there and leaves everything around it alone. `resource` must be an object whose complex attributes
    /// are of the kind that the target expects; anything else there is replaced.
    pub fn write(self, resource: &mut Value, value: Value) {
        match self {
            Target::Plain(name) => resource[name] = value,
            Target::Sub(name, sub) => {
                object(&mut resource[name]).insert(sub.to_owned(), value).map_or((), drop)
            }
            Target::Enterprise(name) => {
                object(&mut resource[ENTERPRISE]).insert(name.to_owned(), value);
            }
            Target::EnterpriseSub(name, sub) => {
                let extension = object(&mut resource[ENTERPRISE]);
                object(extension.entry(name).or_insert(Value::Null)).insert(sub.to_owned(), value);
            }
            Target::Typed(name, kind, sub) => {
                let is = |element: &Value| element["type"].as_str() == Some(kind);
                element(&mut resource[name], is, json!({"type": kind}))[sub] = value;
            }
            Target::Primary(name, sub) => {
                let is = |element: &Value| element["primary"] == true;
                element(&mut resource[name], is, json!({"primary": true}))[sub] = value;
            }
        }
    }
}

fn object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = json!({});
    }
    value.as_object_mut().expect("it was just made one")
}

fn element(list: &mut Value, is: impl Fn(&Value) -> bool, fresh: Value) -> &mut Value {
    if !list.is_array() {
        *list = json!([]);
    }
    let elements = list.as_array_mut().expect("it was just made one");
    let place = elements.iter().position(is).unwrap_or_else(|| {
        elements.push(fresh);
        elements.len() - 1
    });
    &mut elements[place]
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Plain(name) => f.write_str(name),
            Target::Sub(name, sub) => write!(f, "{name}.{sub}"),
            Target::Typed(name, kind, sub) => write!(f, "{name}[type eq \"{kind}\"].{sub}"),
            Target::Primary(name, sub) => write!(f, "{name}[primary eq true].{sub}"),
            Target::Enterprise(name) => write!(f, "{ENTERPRISE}:{name}"),
            Target::EnterpriseSub(name, sub) => write!(f, "{ENTERPRISE}:{name}.{sub}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else_changes() {
        let targets = [
            (Target::Plain("title"), "title"),
            (Target::Sub("name", "givenName"), "name.givenName"),
            (Target::Sub("name", "familyName"), "name.familyName"),
            (Target::Typed("emails", "work", "value"), "emails[type eq \"work\"].value"),
            (Target::Primary("phoneNumbers", "value"), "phoneNumbers[primary eq true].value"),
            (
                Target::Enterprise("department"),
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
            ),
            (
                Target::EnterpriseSub("manager", "displayName"),
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.displayName",
            ),
        ];
        let mut resource = json!({});
        for (target, path) in targets {
            assert_eq!(target.read(&resource), None);
            target.write(&mut resource, json!(path));
            assert_eq!(target.to_string(), path);
        }
        for (target, path) in targets {
            assert_eq!(target.read(&resource), Some(&json!(path)));
            target.write(&mut resource, json!(""));
            assert_eq!(target.read(&resource), None, "an empty value is none");
        }
    }
}

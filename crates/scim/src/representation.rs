//! A resource as it is sent: the stored form with `id`, `meta` and what the server computes.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::{Object, urn};

/// Everything a representation is made of. Times are microseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct Representation<'a> {
    /// `User`
    pub resource_type: &'a str,
    /// `/Users`
    pub endpoint: &'a str,
    /// The directory's base URL without a trailing slash.
    pub base_url: &'a str,
    pub id: &'a str,
    pub version: i64,
    pub created_at: i64,
    pub last_modified_at: i64,
    /// The stored form, as JSON text.
    pub document: &'a str,
    /// The user's manager: the id as written and, if that is a user of the directory, their name,
    /// which may be empty.
    pub manager: Option<(&'a str, Option<&'a str>)>,
    /// A user's groups or a group's members; `None` leaves the attribute out.
    pub references: Option<&'a [Reference]>,
}

/// An element of a user's `groups` or a group's `members`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub id: String,
    /// Its name; empty where it has none, and not shown then.
    pub display: String,
    /// `User` or `Group`: the type of a member. `groups` are all direct memberships.
    pub resource_type: ReferenceType,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferenceType {
    User,
    Group,
}

impl ReferenceType {
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
        }
    }

    fn endpoint(self) -> &'static str {
        match self {
            Self::User => "/Users",
            Self::Group => "/Groups",
        }
    }
}

impl Reference {
    /// The element of `members` that this is.
    pub fn to_member(&self, base_url: &str) -> Value {
        let mut member = json!({
            "value": self.id,
            "$ref": format!("{base_url}{}/{}", self.resource_type.endpoint(), self.id),
            "type": self.resource_type.name(),
        });
        if !self.display.is_empty() {
            member["display"] = self.display.as_str().into();
        }
        member
    }
}

/// The entity tag of a version alone: weak, because different projections share it
/// (RFC 7644 §3.14).
pub fn etag(version: i64) -> String {
    format!("W/\"{version}\"")
}

/// A time as `meta` shows it: UTC, RFC 3339.
pub fn date_time(microseconds: i64) -> String {
    jiff::Timestamp::from_microsecond(microseconds)
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .to_string()
}

impl Representation<'_> {
    /// The entity tag, `meta.version`: of the version, and of what is shown beside a user without
    /// being part of it — groups and the manager's name (`W/"3-9f2c81aa"`) — so that it changes
    /// whenever the answer does.
    ///
    /// A group's version covers who its members are. Their names are left out: they are not loaded
    /// when a group is changed, and one state must have one tag.
    pub fn tag(&self) -> String {
        if self.resource_type == "Group" {
            return etag(self.version);
        }
        let mut shown = crc32fast::Hasher::new();
        let mut any = false;
        for reference in self.references.unwrap_or_default() {
            any = true;
            shown.update(reference.id.as_bytes());
            shown.update(reference.display.as_bytes());
            shown.update(&[0]);
        }
        if let Some((_, Some(display))) = self.manager {
            any = true;
            shown.update(display.as_bytes());
        }
        if any {
            format!("W/\"{}-{:08x}\"", self.version, shown.finalize())
        } else {
            etag(self.version)
        }
    }

    /// The resource's URL, `meta.location`.
    pub fn location(&self) -> String {
        format!("{}{}/{}", self.base_url, self.endpoint, self.id)
    }

    /// Appends the JSON text to `out`. The document is copied, not parsed.
    pub fn write(&self, out: &mut String) {
        out.push_str("{\"id\":");
        json_string(out, self.id);
        let attributes = self.document.trim_ascii();
        let attributes = attributes.strip_prefix('{').unwrap_or(attributes);
        let attributes = attributes.strip_suffix('}').unwrap_or(attributes);
        if !attributes.is_empty() {
            out.push(',');
            self.write_attributes(attributes, out);
        }
        if let Some(references) = self.references {
            self.write_references(references, out);
        }
        out.push_str(",\"meta\":{\"resourceType\":");
        json_string(out, self.resource_type);
        let created = date_time(self.created_at);
        let _ = write!(out, ",\"created\":\"{created}\",\"lastModified\":\"");
        if self.last_modified_at == self.created_at {
            out.push_str(&created);
        } else {
            out.push_str(&date_time(self.last_modified_at));
        }
        out.push_str("\",\"location\":");
        json_string(out, &self.location());
        out.push_str(",\"version\":");
        json_string(out, &self.tag());
        out.push_str("}}");
    }

    /// The same as an object, for projection, filters and sorting; `None` when the stored document
    /// is no JSON object.
    pub fn object(&self) -> Option<Object> {
        let mut text = String::with_capacity(self.document.len() + 512);
        self.write(&mut text);
        serde_json::from_str(&text).ok()
    }

    /// Copies the attributes, and completes `manager` with `$ref` and `displayName` where that is
    /// a user (RFC 7643 §4.3).
    ///
    /// The place is found by text: the stored form is compact JSON of ours in which `value` comes
    /// first in `manager`, and quotes inside string values are escaped, so that the pattern cannot
    /// stand inside one.
    fn write_attributes(&self, attributes: &str, out: &mut String) {
        if let Some((id, Some(display))) = self.manager {
            let mut pattern = String::from("\"manager\":{\"value\":");
            json_string(&mut pattern, id);
            let container = attributes.find(urn::ENTERPRISE_USER_KEY).unwrap_or(0);
            if let Some(found) = attributes[container..].find(&pattern) {
                let end = container + found + pattern.len();
                out.push_str(&attributes[..end]);
                out.push_str(",\"$ref\":");
                json_string(out, &format!("{}/Users/{id}", self.base_url));
                if !display.is_empty() {
                    out.push_str(",\"displayName\":");
                    json_string(out, display);
                }
                out.push_str(&attributes[end..]);
                return;
            }
        }
        out.push_str(attributes);
    }

    fn write_references(&self, references: &[Reference], out: &mut String) {
        let members = self.resource_type == "Group";
        // An empty `members` is shown, an empty `groups` too: clients tell "none" from "not said"
        // by them (O-60, X-56).
        out.push_str(if members { ",\"members\":[" } else { ",\"groups\":[" });
        for (at, reference) in references.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            out.push_str("{\"value\":");
            json_string(out, &reference.id);
            out.push_str(",\"$ref\":");
            let endpoint = if members { reference.resource_type.endpoint() } else { "/Groups" };
            json_string(out, &format!("{}{endpoint}/{}", self.base_url, reference.id));
            if !reference.display.is_empty() {
                out.push_str(",\"display\":");
                json_string(out, &reference.display);
            }
            out.push_str(",\"type\":\"");
            out.push_str(if members { reference.resource_type.name() } else { "direct" });
            out.push_str("\"}");
        }
        out.push(']');
    }
}

fn json_string(out: &mut String, text: &str) {
    let plain = text.bytes().all(|b| b >= 0x20 && b != b'"' && b != b'\\');
    if plain {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&Value::from(text).to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user<'a>(
        document: &'a str,
        manager: Option<(&'a str, Option<&'a str>)>,
    ) -> Representation<'a> {
        Representation {
            resource_type: "User",
            endpoint: "/Users",
            base_url: "https://dir.example.com/scim/v2/dir-1",
            id: "u1",
            version: 3,
            created_at: 1_790_000_000_000_000,
            last_modified_at: 1_790_000_001_500_000,
            document,
            manager,
            references: None,
        }
    }

    /// S-105, S-107.
    #[test]
    fn completes_a_known_manager_and_leaves_an_unknown_one() {
        let document = r#"{"schemas":["s"],"title":"\"manager\":{\"value\":\"m1\"","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"m1"},"department":"D"}}"#;
        let full = user(document, Some(("m1", Some("Jo \"X\"")))).object().unwrap();
        assert_eq!(
            full[urn::ENTERPRISE_USER],
            json!({"manager": {"value": "m1", "$ref": "https://dir.example.com/scim/v2/dir-1/Users/m1",
                   "displayName": "Jo \"X\""}, "department": "D"})
        );
        let unknown = user(document, Some(("m1", None))).object().unwrap();
        assert_eq!(unknown[urn::ENTERPRISE_USER]["manager"], json!({"value": "m1"}));
    }

    #[test]
    fn carries_meta() {
        assert_eq!(
            Value::Object(user(r#"{"schemas":["s"]}"#, None).object().unwrap()),
            json!({"id": "u1", "schemas": ["s"], "meta": {"resourceType": "User",
                "created": "2026-09-21T14:13:20Z", "lastModified": "2026-09-21T14:13:21.5Z",
                "location": "https://dir.example.com/scim/v2/dir-1/Users/u1", "version": "W/\"3\""}})
        );
    }
}

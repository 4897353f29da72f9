//! A simulation written down: every request as a line of JSON, then every resource as the server held it at the end.
//!
//! What the server chose itself stands in it under stable names, so that the same seed gives the same bytes and the
//! script can be replayed against another server: `{user-7}` and `{group-2}` for ids, in the order in which they were
//! first given, and `{base}` for the base URL. Times and versions in an echoed `meta` are constants.

use std::collections::HashMap;

use reqwest::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::client::Client;
use crate::report::{Report, Sent};
use crate::run::Run;
use crate::trouble::Trouble;
use crate::{Kind, Options};

/// The first line.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Title {
    /// The version of this form.
    pub script: u32,
    pub kind: Kind,
    pub seed: u64,
    pub users: usize,
    pub groups: usize,
    pub scenarios: Vec<String>,
    pub knobs: Vec<(String, String)>,
}

pub const VERSION: u32 = 1;

/// A request.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Milliseconds of the simulation's own time.
    pub at_ms: u64,
    pub scenario: String,
    pub method: String,
    /// Below the base URL, with the query.
    pub path: String,
    /// Those that say something about the client, without the token.
    pub headers: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// What the server answered; absent where it was not reached or did not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The name of the id that this answer gave for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gives: Option<String>,
    /// Not the service's own request, but a check of an earlier one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub check: bool,
    /// Sent with a token that the server never issued.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub foreign_token: bool,
    /// What the simulation made of it on its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
}

/// A resource at the end.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Held {
    pub held: Value,
}

/// Ids and the names that stand for them.
#[derive(Debug, Default)]
pub struct Names {
    names: HashMap<String, String>,
    users: usize,
    groups: usize,
}

impl Names {
    /// The name of an id, and whether it is new.
    fn name(&mut self, path: &str, id: &str) -> Option<(String, bool)> {
        if let Some(name) = self.names.get(id) {
            return Some((name.clone(), false));
        }
        let (kind, count) = match path {
            _ if path.starts_with("/Users") => ("user", &mut self.users),
            _ if path.starts_with("/Groups") => ("group", &mut self.groups),
            _ => return None,
        };
        *count += 1;
        let name = format!("{{{kind}-{count}}}");
        self.names.insert(id.to_owned(), name.clone());
        Some((name, true))
    }

    pub fn bind(&mut self, id: &str, name: &str) {
        self.names.insert(id.to_owned(), name.to_owned());
    }

    /// The text with names for the ids that stand between its delimiters, or are all of it.
    pub fn text(&self, text: &str, base: &str) -> String {
        let text = match text.strip_prefix(base) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("{{base}}{rest}"),
            _ => text.to_owned(),
        };
        let mut named = String::with_capacity(text.len());
        let mut rest = text.as_str();
        loop {
            let end = rest.find(['"', '/', '?', '&', '=']);
            let coded = rest.find("%22");
            let (end, width) = match (end, coded) {
                (Some(end), Some(coded)) if coded < end => (coded, 3),
                (None, Some(coded)) => (coded, 3),
                (Some(end), _) => (end, 1),
                (None, None) => (rest.len(), 0),
            };
            let (piece, after) = rest.split_at(end);
            named.push_str(self.names.get(piece).map_or(piece, String::as_str));
            named.push_str(&after[..width]);
            rest = &after[width..];
            if width == 0 {
                return named;
            }
        }
    }

    pub fn value(&self, value: &mut Value, base: &str) {
        match value {
            Value::String(text) => *text = self.text(text, base),
            Value::Array(values) => values.iter_mut().for_each(|value| self.value(value, base)),
            Value::Object(object) => {
                for (name, value) in object {
                    if name == "meta" {
                        constant_meta(value);
                    }
                    self.value(value, base);
                }
            }
            _ => {}
        }
    }
}

/// Times and versions are the server's own.
fn constant_meta(meta: &mut Value) {
    let Some(meta) = meta.as_object_mut() else { return };
    for (name, constant) in [
        ("created", "2026-01-01T00:00:00Z"),
        ("lastModified", "2026-01-01T00:00:00Z"),
        ("version", "W/\"1\""),
    ] {
        if let Some(value) = meta.get_mut(name) {
            *value = constant.into();
        }
    }
}

/// Reads everything that the server holds, without what the server alone decides.
pub async fn read_state(run: &Run<'_>) -> Vec<Value> {
    let mut state = Vec::new();
    for endpoint in ["/Users", "/Groups"] {
        let mut start = 1;
        loop {
            let call = Call::query(endpoint).with("startIndex", start).with("count", 100);
            let Some(list) = run.client.list(call.verifying(), "O-89").await else { break };
            start += list.resources.len() as u64;
            let last = list.resources.is_empty() || start > list.total;
            state.extend(list.resources);
            if last {
                break;
            }
        }
    }
    state
}

/// Resources in the order of their names, or ids where they have none, comparable with those of another server.
pub fn held(state: Vec<Value>, names: &Names, base: &str) -> Vec<Value> {
    let mut held = Vec::new();
    for resource in &state {
        let id = resource["id"].as_str().unwrap_or_default();
        let name = names.names.get(id).map_or(id, String::as_str).to_owned();
        held.push((name.len(), name, resource.clone()));
    }
    held.sort_by(|(one_length, one, _), (other_length, other, _)| {
        (one_length, one).cmp(&(other_length, other))
    });
    let plain = |(_, _, mut resource): (usize, String, Value)| {
        if let Some(object) = resource.as_object_mut() {
            object.remove("meta");
        }
        names.value(&mut resource, base);
        for list in ["members", "groups"] {
            if let Some(list) = resource[list].as_array_mut() {
                list.sort_by_key(Value::to_string);
            }
        }
        if let Some(object) = resource.as_object_mut() {
            object.retain(|_, value| !value.is_null());
        }
        resource
    };
    held.into_iter().map(plain).collect()
}

/// Writes down what was sent and what came of it.
pub fn write(report: &Report, options: &Options, client: &Client, state: Vec<Value>) -> String {
    let header = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.to_string(), value.to_str().unwrap_or_default().into())
    };
    let headers: Map<String, Value> = client.wire().headers.iter().map(header).collect();
    let base = client.base();
    let title = Title {
        script: VERSION,
        kind: options.kind,
        seed: options.seed,
        users: options.users,
        groups: options.groups,
        scenarios: report.scenarios.iter().map(|name| (*name).to_owned()).collect(),
        knobs: options.knobs.clone(),
    };
    let mut names = Names::default();
    let mut given = Vec::new();
    for sent in &report.sent {
        let mut gives = None;
        for id in &sent.ids {
            if let Some((name, true)) = names.name(&sent.request.path, id)
                && sent.ids.len() == 1
            {
                gives = Some(name);
            }
        }
        given.push(gives);
    }
    let mut text = json!(title).to_string() + "\n";
    for (sent, gives) in report.sent.iter().zip(given) {
        let line = line(sent, gives, &names, &headers, client);
        text += &(json!(line).to_string() + "\n");
    }
    for held in held(state, &names, base) {
        text += &(json!(Held { held }).to_string() + "\n");
    }
    text
}

fn line(
    sent: &Sent,
    gives: Option<String>,
    names: &Names,
    headers: &Map<String, Value>,
    client: &Client,
) -> Line {
    let base = client.base();
    let mut headers = headers.clone();
    let mut body = sent.request.body.clone();
    if let Some(body) = &mut body {
        headers.insert("content-type".to_owned(), client.wire().content_type.into());
        names.value(body, base);
    }
    Line {
        at_ms: sent.at_ms,
        scenario: sent.scenario.to_owned(),
        method: sent.request.method.clone(),
        path: names.text(&sent.request.path, base),
        headers,
        body,
        status: sent.status,
        gives,
        check: sent.verification,
        foreign_token: sent.foreign_token,
        trouble: sent.trouble,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_get_names_where_they_stand_as_ids() {
        let mut names = Names::default();
        let (one, two) = (names.name("/Users", "a-1"), names.name("/Groups/x", "17"));
        assert_eq!(one, Some(("{user-1}".to_owned(), true)));
        assert_eq!(two, Some(("{group-1}".to_owned(), true)));
        assert_eq!(names.name("/Users?x", "a-1"), Some(("{user-1}".to_owned(), false)));
        assert_eq!(names.name("/Roles", "r"), None);
        for (text, expected) in [
            ("/Users/a-1?x=17", "/Users/{user-1}?x={group-1}"),
            ("/Users?filter=id+eq+%22a-1%22", "/Users?filter=id+eq+%22{user-1}%22"),
            ("members[value eq \"a-1\"]", "members[value eq \"{user-1}\"]"),
            ("http://h.example/v2/Users/a-1", "{base}/Users/{user-1}"),
            ("a-12", "a-12"),
            ("Rua Augusta 17", "Rua Augusta 17"),
            ("17", "{group-1}"),
        ] {
            assert_eq!(names.text(text, "http://h.example/v2"), expected);
        }
        let mut body = json!({"id": "a-1", "meta": {"lastModified": "2027", "version": "x"}});
        names.value(&mut body, "");
        let meta = json!({"lastModified": "2026-01-01T00:00:00Z", "version": "W/\"1\""});
        assert_eq!(body, json!({"id": "{user-1}", "meta": meta}));
    }
}

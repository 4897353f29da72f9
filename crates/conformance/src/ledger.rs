//! What the run created, so that nothing of it stays.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use crate::{PREFIX, answer::Answer};

/// Everything that was created and not yet deleted.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Paths below the base URL, oldest first.
    there: Vec<String>,
    /// The same, with what was deleted.
    ever: Vec<String>,
    pub created: usize,
    pub deleted: usize,
    /// Invented names that were sent for creation and for which no id came back, each with its
    /// endpoint and attribute. A server may have kept them all the same.
    pub unsure: BTreeSet<(String, &'static str, String)>,
    /// Whether anything was sent that could create.
    pub wrote: bool,
    /// What path URLs of the server begin with.
    pub base: String,
}

impl Ledger {
    pub fn about_to_send(&mut self, method: &Method, path: &str, body: Option<&[u8]>) {
        if *method == Method::GET || *method == Method::HEAD {
            return;
        }
        self.wrote = true;
        let Some(body) = body.and_then(|body| serde_json::from_slice::<Value>(body).ok()) else {
            return;
        };
        if *method == Method::POST {
            self.unsure.extend(invented(path, &body));
        }
    }

    pub fn answered(&mut self, method: &Method, path: &str, answer: &Answer) {
        let place = path.split('?').next().unwrap_or_default().trim_end_matches('/');
        if *method == Method::DELETE && (answer.ok() || answer.status == 404) {
            self.gone(place);
        }
        if !answer.ok() {
            return;
        }
        if *method == Method::POST && place.ends_with("/Bulk") {
            for operation in answer.elements("/Operations") {
                let location = operation["location"].as_str().unwrap_or_default();
                let status = operation["status"].as_str().unwrap_or_default();
                let method = operation["method"].as_str().unwrap_or_default();
                let path = location.strip_prefix(&self.base).unwrap_or(location);
                match method.to_ascii_uppercase().as_str() {
                    "POST" if status.starts_with('2') && !path.is_empty() => self.add(path),
                    "DELETE" if status.starts_with('2') => self.gone(path),
                    _ => {}
                }
            }
        } else if *method == Method::POST && !place.ends_with("/.search") {
            if let Some(id) = answer.at("/id").as_str().filter(|id| !id.is_empty()) {
                self.add(&format!("{place}/{}", crate::connection::encode(id)));
                for known in answer.sent.iter().flat_map(|sent| invented(path, sent)) {
                    self.unsure.remove(&known);
                }
            }
        } else if *method == Method::PUT {
            // A server that creates on PUT: the path was invented, so what is there now is ours.
            self.add(place);
        }
    }

    fn add(&mut self, path: &str) {
        if !self.there.iter().any(|known| known == path) {
            self.there.push(path.to_owned());
            self.ever.push(path.to_owned());
            self.created += 1;
        }
    }

    pub fn gone(&mut self, path: &str) {
        let before = self.there.len();
        self.there.retain(|known| known != path);
        self.deleted += before - self.there.len();
    }

    /// Paths of everything that was created.
    pub fn all(&self) -> Vec<String> {
        self.ever.clone()
    }

    /// Paths of what is still there, newest first.
    pub fn remaining(&self) -> Vec<String> {
        self.there.iter().rev().cloned().collect()
    }
}

/// The invented names in a body for creation.
fn invented(path: &str, body: &Value) -> Vec<(String, &'static str, String)> {
    let place = path.split('?').next().unwrap_or_default().trim_end_matches('/');
    let name = |attribute: &'static str| {
        let name = body[attribute].as_str().filter(|name| name.contains(PREFIX))?;
        Some((place.to_owned(), attribute, name.to_owned()))
    };
    // A user's display name is invented too, but the user name is what finds them.
    name("userName").or_else(|| name("displayName")).into_iter().collect()
}

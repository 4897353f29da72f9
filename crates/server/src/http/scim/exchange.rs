//! One request and what becomes of it, for the provisioning log.

use std::{sync::Arc, time::Instant};

use axum::http::{HeaderMap, header, request::Parts};
use scim::{Notes, dialect::Client};
use store::provisioning_log::Entry;

use crate::{app::App, clock, http::auth::Access, ids, token};

/// The longest path and query that are logged, in bytes.
const MAX_TARGET: usize = 2_000;

/// Gathers a log entry. One that is dropped unfinished — the client went away — is logged as
/// such, with status 499.
pub(in crate::http) struct Exchange {
    app: Arc<App>,
    started: Instant,
    /// Without a directory there is no log to write to.
    logged: bool,
    entry: Entry,
    pub notes: Notes,
}

impl Exchange {
    pub fn begin(app: &Arc<App>, parts: &Parts) -> Self {
        Self {
            app: Arc::clone(app),
            started: Instant::now(),
            logged: false,
            entry: Entry {
                request_id: ids::uuid(),
                at: clock::now(),
                client: client(&parts.headers).into(),
                method: parts.method.to_string(),
                target: target(parts),
                ..Entry::default()
            },
            notes: Notes::default(),
        }
    }

    pub fn request_id(&self) -> &str {
        &self.entry.request_id
    }

    pub fn now(&self) -> i64 {
        self.entry.at
    }

    pub fn of(&mut self, access: &Access) {
        self.of_directory(&access.directory.id);
        self.entry.token_id = Some(access.token.id.clone());
    }

    pub fn of_directory(&mut self, directory_id: &str) {
        self.logged = true;
        self.entry.directory_id = directory_id.into();
    }

    pub fn concerns(&mut self, resource_type: &str, id: &str) {
        self.entry.resource_type = Some(resource_type.into());
        self.entry.resource_id = Some(id.into());
    }

    /// What the log entry of one operation of this request begins with.
    pub fn part(&self) -> Entry {
        Entry {
            directory_id: self.entry.directory_id.clone(),
            at: self.entry.at,
            token_id: self.entry.token_id.clone(),
            client: self.entry.client.clone(),
            part_of: Some(self.entry.request_id.clone()),
            ..Entry::default()
        }
    }

    pub async fn finish(mut self, status: u16, error: Option<scim::Error>) {
        if let Some(entry) = self.close(status, error) {
            self.app.log.add(entry).await;
        }
    }

    fn close(&mut self, status: u16, error: Option<scim::Error>) -> Option<Entry> {
        if !std::mem::take(&mut self.logged) {
            return None;
        }
        let elapsed = self.started.elapsed();
        let entry = &mut self.entry;
        entry.duration_us = i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX);
        entry.status = status.into();
        entry.notes = self.notes.as_slice().iter().map(|note| mask_tokens(note)).collect();
        if let Some(error) = error {
            entry.scim_type = error.scim_type.map(|scim_type| scim_type.as_str().to_owned());
            entry.detail = Some(mask_tokens(&error.detail));
        }
        entry.resource_id = entry.resource_id.as_deref().map(mask_tokens);
        // That the store is away is said once, not for each request; 501 is an answer like others.
        if status >= 500 && !matches!(status, 501 | 503) {
            tracing::error!(
                request.id = entry.request_id,
                directory.id = entry.directory_id,
                status,
                "a request failed"
            );
        } else {
            tracing::debug!(
                request.id = entry.request_id,
                directory.id = entry.directory_id,
                method = entry.method,
                status,
                duration_us = entry.duration_us,
                "request answered"
            );
        }
        Some(std::mem::take(entry))
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let gone = scim::Error::new(499, None, "the client closed the connection early");
        if let Some(entry) = self.close(499, Some(gone)) {
            self.app.log.add_now(entry);
        }
    }
}

fn client(headers: &HeaderMap) -> &'static str {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    Client::recognise(text(header::USER_AGENT.as_str()), text("adscimversion")).as_str()
}

/// Path and query below the directory's base URL. Secrets that somebody put there are masked.
fn target(parts: &Parts) -> String {
    let path = parts.uri.path();
    let below = [
        "/Users",
        "/Groups",
        "/Schemas",
        "/ResourceTypes",
        "/ServiceProviderConfig",
        "/Bulk",
        "/Me",
    ]
    .iter()
    .find_map(|endpoint| path.find(endpoint))
    .map_or(path, |at| &path[at..]);
    let mut target = below.to_owned();
    if let Some(query) = parts.uri.query() {
        target.push('?');
        target.push_str(&mask_secrets(query));
    }
    let mut target = mask_tokens(&target);
    if target.len() > MAX_TARGET {
        let end = (0..=MAX_TARGET).rev().find(|&at| target.is_char_boundary(at)).unwrap_or(0);
        target.truncate(end);
        target.push('…');
    }
    target
}

/// The query without the values of parameters that speak of a secret, by their name or by what
/// they hold, as a filter on `password` does.
fn mask_secrets(query: &str) -> String {
    let secret = |text: &str| {
        let text = text.to_ascii_lowercase();
        ["token", "secret", "password", "authorization"].iter().any(|word| text.contains(word))
    };
    let masked: Vec<String> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((key, _)) if secret(pair) => format!("{key}=…"),
            _ => pair.to_owned(),
        })
        .collect();
    masked.join("&")
}

/// The text without the secrets of tokens of ours.
pub(super) fn mask_tokens(text: &str) -> String {
    let masked = mask_after(text, token::PREFIX);
    mask_after(&masked, token::ACCESS_PREFIX)
}

fn mask_after(text: &str, prefix: &str) -> String {
    let mut parts = text.split(prefix);
    let mut masked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        masked.push_str(prefix);
        masked.push('…');
        masked.push_str(part.trim_start_matches(|c: char| c.is_ascii_alphanumeric()));
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked() {
        for (query, masked) in [
            ("count=1&filter=userName+eq+%22a%22", "count=1&filter=userName+eq+%22a%22"),
            ("access_token=x&count=1", "access_token=…&count=1"),
            ("filter=passWord%20eq%20%22x%22&count=1", "filter=…&count=1"),
        ] {
            assert_eq!(mask_secrets(query), masked);
        }
        assert_eq!(mask_tokens("a `hcscim_Ab1` hcaccess_x"), "a `hcscim_…` hcaccess_…");
    }
}

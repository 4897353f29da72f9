//! An answer, and what can be asked of it.

use std::sync::Arc;

use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::{
    check::{Found, Level, Stop, Verdict},
    report::{Exchange, shorten},
};

pub const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
pub const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// An answer. Everything that asks something of it fails with the exchange as proof.
#[derive(Clone, Debug)]
pub struct Answer {
    pub exchange: Arc<Exchange>,
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    /// The body, if it is JSON.
    pub json: Option<Value>,
    /// The request's body, if it was JSON.
    pub sent: Option<Value>,
}

impl Answer {
    pub fn new(
        exchange: Arc<Exchange>,
        headers: HeaderMap,
        text: String,
        sent: Option<Vec<u8>>,
    ) -> Self {
        let status = exchange.status;
        let json = serde_json::from_str(&text).ok();
        let sent = sent.and_then(|body| serde_json::from_slice(&body).ok());
        Self { exchange, status, headers, text, json, sent }
    }

    pub fn ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The header's text; empty where it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The value at a JSON pointer; null where nothing is.
    pub fn at(&self, pointer: &str) -> &Value {
        self.json.as_ref().and_then(|json| json.pointer(pointer)).unwrap_or(&Value::Null)
    }

    pub fn fail(&self, expected: impl Into<String>, got: impl Into<String>) -> Stop {
        Stop::Fail(Box::new(Found {
            expected: expected.into(),
            got: got.into(),
            shown_by: Some(self.exchange.clone()),
            level: None,
        }))
    }

    /// Fails unless `holds`.
    pub fn hold(
        &self,
        holds: bool,
        expected: impl Into<String>,
        got: impl Into<String>,
    ) -> Verdict {
        if holds { Ok(()) } else { Err(self.fail(expected, got)) }
    }

    pub fn status(&self, wanted: &[u16]) -> Result<&Self, Stop> {
        if wanted.contains(&self.status) {
            return Ok(self);
        }
        let wanted: Vec<String> = wanted.iter().map(u16::to_string).collect();
        let said = match self.at("/detail").as_str() {
            Some(detail) => format!(", which says `{}`", shorten(detail, 200)),
            None => String::new(),
        };
        Err(self.fail(
            format!("status {}", wanted.join(" or ")),
            format!("status {}{said}", self.status),
        ))
    }

    /// The body, which must be a JSON object.
    pub fn object(&self) -> Result<&Value, Stop> {
        match &self.json {
            Some(json) if json.is_object() => Ok(json),
            _ => Err(self.fail("a JSON object", format!("`{}`", shorten(&self.text, 120)))),
        }
    }

    /// Status 200 and a JSON object.
    pub fn fine(&self) -> Result<&Value, Stop> {
        self.status(&[200])?.object()
    }

    /// A refusal with one of these statuses. With another 4xx it is still a refusal, and the fault
    /// is a milder one.
    pub fn refused(&self, wanted: &[u16]) -> Result<&Self, Stop> {
        self.status(wanted).map_err(|stop| match self.status {
            400..=499 => stop.at_level(Level::Should),
            _ => stop,
        })
    }

    /// The refusal's `scimType`.
    pub fn scim_type(&self, wanted: &[&str]) -> Result<&Self, Stop> {
        let got = self.at("/scimType");
        if got.as_str().is_some_and(|got| wanted.contains(&got)) {
            return Ok(self);
        }
        let got = match got {
            Value::Null => "none".to_owned(),
            other => other.to_string(),
        };
        Err(self.fail(format!("`scimType` `{}`", wanted.join("` or `")), got))
    }

    /// That the value at a JSON pointer is this one.
    pub fn is(&self, pointer: &str, wanted: impl Into<Value>) -> Result<&Self, Stop> {
        let (wanted, got) = (wanted.into(), self.at(pointer));
        if *got == wanted {
            return Ok(self);
        }
        let name = pointer.trim_start_matches('/').replace('/', ".");
        Err(self.fail(format!("`{name}` to be `{wanted}`"), shown(got)))
    }

    /// That nothing, null or an empty array is at a JSON pointer (RFC 7643 §2.5).
    pub fn unassigned(&self, pointer: &str) -> Result<&Self, Stop> {
        let got = self.at(pointer);
        if is_unassigned(got) {
            return Ok(self);
        }
        let name = pointer.trim_start_matches('/').replace('/', ".");
        Err(self.fail(format!("`{name}` to have no value"), shown(got)))
    }

    /// That something is at a JSON pointer.
    pub fn present(&self, pointer: &str) -> Result<&Self, Stop> {
        if !is_unassigned(self.at(pointer)) {
            return Ok(self);
        }
        let name = pointer.trim_start_matches('/').replace('/', ".");
        Err(self.fail(format!("`{name}`"), "no value"))
    }

    /// The elements of a multi-valued attribute.
    pub fn elements(&self, pointer: &str) -> Vec<&Value> {
        self.at(pointer).as_array().into_iter().flatten().collect()
    }

    /// The resources of a list, which must be a ListResponse (RFC 7644 §3.4.2).
    pub fn list(&self) -> Result<Vec<&Value>, Stop> {
        let body = self.fine()?;
        if !names(body, LIST) {
            let got = format!("`schemas` is {}", shown(&body["schemas"]));
            return Err(self.fail("a ListResponse", got));
        }
        if !body["totalResults"].is_u64() {
            let got = shown(&body["totalResults"]);
            return Err(self.fail("`totalResults` to be a JSON integer", got));
        }
        match &body["Resources"] {
            Value::Array(resources) => Ok(resources.iter().collect()),
            Value::Null if body["totalResults"] == 0 => Ok(Vec::new()),
            // A page may be empty, and its `Resources` left out then.
            Value::Null if body["itemsPerPage"] == 0 => Ok(Vec::new()),
            other => Err(self.fail("`Resources` to be an array", shown(other))),
        }
    }
}

/// A value for a sentence.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Null => "no value".to_owned(),
        other => format!("`{}`", shorten(&other.to_string(), 300)),
    }
}

/// Null, absent, an empty array or an empty object: one state (RFC 7643 §2.5).
pub fn is_unassigned(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(elements) => elements.is_empty(),
        Value::Object(members) => members.values().all(is_unassigned),
        _ => false,
    }
}

/// Whether `schemas` holds this URN, whose letters count in either case (RFC 7643 §2.1).
pub fn names(body: &Value, urn: &str) -> bool {
    let named = |schema: &Value| schema.as_str().is_some_and(|s| s.eq_ignore_ascii_case(urn));
    body["schemas"].as_array().is_some_and(|schemas| schemas.iter().any(named))
}

//! A request to be made, and the answer to it.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::Value;

use crate::report::{Request, shorten};

pub const UNRESERVED: AsciiSet =
    NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How a blank in a query is written: both occur (`O-05`, `E-132`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blank {
    Plus,
    Percent,
}

/// A request to be made.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: Method,
    pub path: String,
    pub query: Vec<(&'static str, String)>,
    pub body: Option<Value>,
    pub id: Option<String>,
    pub verification: bool,
    pub foreign_token: bool,
    pub blank: Blank,
    /// What follows the path or query without a meaning (`X-01`, `X-02`).
    pub tail: &'static str,
}

impl Call {
    fn new(method: Method, path: String, body: Option<Value>) -> Self {
        Call {
            method,
            path,
            query: Vec::new(),
            body,
            id: None,
            verification: false,
            foreign_token: false,
            blank: Blank::Plus,
            tail: "",
        }
    }

    fn by_id(method: Method, endpoint: &str, id: &str, body: Option<Value>) -> Self {
        let path = format!("{endpoint}/{}", utf8_percent_encode(id, &UNRESERVED));
        Call { id: Some(id.to_owned()), ..Call::new(method, path, body) }
    }

    pub fn query(endpoint: &str) -> Self {
        Call::new(Method::GET, endpoint.to_owned(), None)
    }

    pub fn get(endpoint: &str, id: &str) -> Self {
        Call::by_id(Method::GET, endpoint, id, None)
    }

    pub fn post(endpoint: &str, body: Value) -> Self {
        Call::new(Method::POST, endpoint.to_owned(), Some(body))
    }

    pub fn put(endpoint: &str, id: &str, body: Value) -> Self {
        Call::by_id(Method::PUT, endpoint, id, Some(body))
    }

    pub fn patch(endpoint: &str, id: &str, body: Value) -> Self {
        Call::by_id(Method::PATCH, endpoint, id, Some(body))
    }

    pub fn delete(endpoint: &str, id: &str) -> Self {
        Call::by_id(Method::DELETE, endpoint, id, None)
    }

    /// Adds a query parameter after those that are there.
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// A request that the service would not make: it checks what another one did.
    pub fn verifying(mut self) -> Self {
        self.verification = true;
        self
    }

    /// Sends a token that the server never issued.
    pub fn with_foreign_token(mut self) -> Self {
        self.foreign_token = true;
        self
    }

    pub fn tail(mut self, tail: &'static str) -> Self {
        self.tail = tail;
        self
    }

    pub fn blank(mut self, blank: Blank) -> Self {
        self.blank = blank;
        self
    }

    /// The first resource that is asked for.
    pub fn start(&self) -> u64 {
        let start = self.query.iter().find(|(name, _)| *name == "startIndex");
        start.and_then(|(_, value)| value.parse().ok()).unwrap_or(1)
    }

    /// Whether single attributes are asked for.
    pub fn partial(&self) -> bool {
        self.query.iter().any(|(name, _)| *name == "attributes")
    }

    /// The query, encoded, without anything that a pasted URL adds.
    pub fn parameters(&self) -> Vec<String> {
        let encode = |(name, value): &(&'static str, String)| {
            let value = utf8_percent_encode(value, &UNRESERVED).to_string();
            let value = match self.blank {
                Blank::Plus => value.replace("%20", "+"),
                Blank::Percent => value,
            };
            format!("{name}={value}")
        };
        self.query.iter().map(encode).collect()
    }
}

/// A filter that matches one value of one attribute; quotes in the value are escaped as in JSON (RFC 7644 §3.4.2.2).
pub fn equals(attribute: &str, value: &str) -> String {
    format!("{attribute} eq {}", Value::from(value))
}

/// An answer that came. Anything wrong with its form is already in the log.
#[derive(Clone, Debug)]
pub struct Answer {
    pub request: Request,
    pub status: u16,
    /// `None` for no body or one that is not JSON.
    pub body: Option<Value>,
    /// Whether `WWW-Authenticate` came with it.
    pub challenges: bool,
    /// Whether the simulation made it up, and the server has no part in it.
    pub made_up: bool,
    /// Whether it answers a second sending, after the first one's answer got lost or was 503.
    pub repeated: bool,
}

impl Answer {
    /// Whether it is what a request is answered that was sent before and done.
    pub fn meets_itself(&self) -> bool {
        self.repeated
            && matches!(
                (self.request.method.as_str(), self.status),
                ("POST", 409) | ("DELETE", 404)
            )
    }

    /// Status and reason on one line.
    pub fn summary(&self) -> String {
        match &self.body {
            Some(body) if body["detail"].is_string() => {
                let kind = body["scimType"].as_str().unwrap_or_default();
                let detail = body["detail"].as_str().unwrap_or_default();
                format!("{} {kind} {detail}", self.status).replace("  ", " ")
            }
            Some(body) => format!("{} {}", self.status, shorten(&body.to_string(), 300)),
            None => format!("{} without a JSON body", self.status),
        }
    }
}

/// A list in an answer.
#[derive(Clone, Debug)]
pub struct List {
    pub answer: Answer,
    pub total: u64,
    pub resources: Vec<Value>,
}

impl List {
    pub fn ids(&self) -> Vec<&str> {
        self.resources.iter().filter_map(|resource| resource["id"].as_str()).collect()
    }
}

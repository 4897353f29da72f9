//! A server with one fault: ours behind a proxy that changes requests or answers.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::Response,
};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

use crate::harness::http_client;

/// A request on its way to the server.
pub struct Asked {
    pub method: Method,
    pub path: String,
    /// Decoded.
    pub query: BTreeMap<String, String>,
    pub headers: HeaderMap,
    /// Null where there is none, or none that is JSON.
    pub body: Value,
}

/// An answer on its way back.
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    /// `Null` when there is no body.
    pub body: Value,
}

impl Reply {
    pub fn new(status: u16, body: Value) -> Self {
        Self { status, headers: HeaderMap::new(), body }
    }

    /// Every resource in the answer.
    pub fn resources(&mut self) -> Vec<&mut Value> {
        if self.body["Resources"].is_array() {
            return self.body["Resources"].as_array_mut().unwrap().iter_mut().collect();
        }
        match self.body["id"].is_string() {
            true => vec![&mut self.body],
            false => Vec::new(),
        }
    }
}

impl Asked {
    pub fn is(&self, method: Method) -> bool {
        self.method == method
    }

    /// Whether it is about users or groups.
    pub fn of_resources(&self) -> bool {
        self.path.contains("/Users") || self.path.contains("/Groups")
    }

    pub fn operations(&mut self) -> Vec<&mut Value> {
        if !self.is(Method::PATCH) {
            return Vec::new();
        }
        self.body["Operations"].as_array_mut().into_iter().flatten().collect()
    }

    pub fn filter(&mut self, change: impl Fn(&str) -> String) {
        if let Some(filter) = self.query.get_mut("filter") {
            *filter = change(filter);
        }
    }
}

pub type OnRequest = fn(&mut Asked) -> Option<Reply>;
pub type OnAnswer = fn(&Asked, &mut Reply);

/// What is wrong with the server.
#[derive(Clone, Copy)]
pub enum Fault {
    Request(OnRequest),
    Answer(OnAnswer),
}

pub fn error(status: u16) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": status.to_string(), "detail": "an invented refusal"})
}

struct Proxy {
    http: reqwest::Client,
    /// Base URL of the real server.
    base: String,
    own: String,
    token: String,
    fault: Option<Fault>,
}

/// Starts a proxy before a SCIM base URL; its own base URL.
pub async fn proxy(base: String, token: &str, fault: Option<Fault>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = format!("http://{}", listener.local_addr().unwrap());
    let token = token.to_owned();
    let state = Arc::new(Proxy { http: http_client(), base, own: own.clone(), token, fault });
    let router = Router::new().fallback(pass).with_state(state);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    own
}

async fn pass(State(proxy): State<Arc<Proxy>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let decode =
        |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pairs = parts.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    };
    let json = serde_json::from_slice(&bytes).ok();
    let mut asked = Asked {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: pairs.map(pair).collect(),
        headers: parts.headers,
        body: json.clone().unwrap_or_default(),
    };
    let right = format!("Bearer {}", proxy.token);
    asked.headers.insert("x-right", right.parse().unwrap());
    let short = match proxy.fault {
        Some(Fault::Request(change)) => change(&mut asked),
        _ => None,
    };
    let mut reply = match short {
        Some(reply) => reply,
        None => {
            let body = if json.is_some() { asked.body.to_string().into() } else { bytes };
            forward(&proxy, &asked, body).await
        }
    };
    if let Some(Fault::Answer(change)) = proxy.fault {
        change(&asked, &mut reply);
    }
    let mut response = Response::builder().status(StatusCode::from_u16(reply.status).unwrap());
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    if !reply.headers.contains_key(header::CONTENT_TYPE) {
        response = response.header(header::CONTENT_TYPE, "application/scim+json");
    }
    let text = if reply.body.is_null() { String::new() } else { reply.body.to_string() };
    response.body(Body::from(text)).unwrap()
}

async fn forward(proxy: &Proxy, asked: &Asked, body: Bytes) -> Reply {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let query: Vec<String> = asked
        .query
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    let url = format!("{}{}?{}", proxy.base, asked.path, query.join("&"));
    let mut request = proxy.http.request(asked.method.clone(), url);
    for name in ["authorization", "accept", "content-type", "if-match", "if-none-match"] {
        if let Some(value) = asked.headers.get(name) {
            request = request.header(name, value);
        }
    }
    let response = request.body(body).send().await.unwrap();
    let status = response.status().as_u16();
    let mut headers = HeaderMap::new();
    for name in [
        header::CONTENT_TYPE,
        header::LOCATION,
        header::ETAG,
        header::ALLOW,
        header::WWW_AUTHENTICATE,
        header::CONTENT_LOCATION,
    ] {
        if let Some(value) = response.headers().get(&name) {
            let text = value.to_str().unwrap().replace(&proxy.base, &proxy.own);
            headers.insert(name, text.parse().unwrap());
        }
    }
    let text = response.text().await.unwrap().replace(&proxy.base, &proxy.own);
    Reply { status, headers, body: serde_json::from_str(&text).unwrap_or_default() }
}

//! What is sent back: answers and refusals, always in SCIM's form.

use axum::{
    body::Body,
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header, request::Parts,
    },
};

use crate::http::retry_after;

const SCIM_JSON: HeaderValue = HeaderValue::from_static("application/scim+json");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A success.
pub(super) struct Answer {
    status: StatusCode,
    body: Option<String>,
    headers: Vec<(HeaderName, String)>,
}

impl Answer {
    pub fn json(status: StatusCode, body: String) -> Self {
        Self { status, body: Some(body), headers: Vec::new() }
    }

    pub fn empty(status: StatusCode) -> Self {
        Self { status, body: None, headers: Vec::new() }
    }

    pub fn options(allowed: &str) -> Self {
        Self::empty(StatusCode::NO_CONTENT).with(header::ALLOW, allowed)
    }

    pub fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn into_response(self, parts: &Parts, request_id: &str) -> Response<Body> {
        respond(self.status, self.body, &self.headers, parts, request_id)
    }
}

/// A refusal: the error message and the headers that belong to it.
pub(super) struct Refusal {
    pub error: scim::Error,
    /// Why the store did not serve the request, if that is the reason.
    pub unavailable: Option<store::Error>,
    headers: Vec<(HeaderName, String)>,
}

impl Refusal {
    pub fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same request may succeed in a moment.
    pub fn retry(self) -> Self {
        self.with(header::RETRY_AFTER, retry_after().to_string())
    }

    pub fn into_response(self, parts: &Parts, request_id: &str) -> Response<Body> {
        let mut error = self.error;
        let status =
            StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if status.is_server_error() {
            error.detail.push_str(&format!(" (request {request_id})"));
        }
        let body = serde_json::Value::from(error.to_object()).to_string();
        respond(status, Some(body), &self.headers, parts, request_id)
    }
}

impl From<scim::Error> for Refusal {
    fn from(error: scim::Error) -> Self {
        Self { error, unavailable: None, headers: Vec::new() }
    }
}

impl From<crate::directory::Error> for Refusal {
    fn from(error: crate::directory::Error) -> Self {
        let refusal = Refusal::from(error.to_scim());
        match error.unavailable() {
            Some(why) => Refusal { unavailable: Some(why.clone()), ..refusal.retry() },
            None => {
                if refusal.error.status >= 500 {
                    tracing::error!(%error, "a use case failed");
                }
                refusal
            }
        }
    }
}

fn respond(
    status: StatusCode,
    body: Option<String>,
    more: &[(HeaderName, String)],
    parts: &Parts,
    request_id: &str,
) -> Response<Body> {
    let length = body.as_ref().map(String::len);
    let body = match body {
        Some(body) if parts.method != Method::HEAD => Body::from(body),
        _ => Body::empty(),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if let Some(length) = length {
        headers.insert(header::CONTENT_TYPE, content_type(&parts.headers));
        headers.insert(header::CONTENT_LENGTH, length.into());
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept, Authorization"));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-request-id", id);
    }
    for (name, value) in more {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    response
}

/// `application/scim+json`, unless the client asks for plain JSON only (RFC 7644 §3.8, X-06).
fn content_type(headers: &HeaderMap) -> HeaderValue {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let Some(accept) = accept else { return SCIM_JSON };
    let asks = |media: &str| {
        accept.split(',').any(|range| {
            range.split(';').next().is_some_and(|range| range.trim().eq_ignore_ascii_case(media))
        })
    };
    if asks("application/json") && !asks("application/scim+json") { JSON } else { SCIM_JSON }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S-009, S-316, S-321: while the store cannot be written, clients are told to come back.
    #[test]
    fn a_store_that_is_unavailable_says_when_to_come_back() {
        let error = store::Error::Unavailable("the disk at /secret is full".into());
        let refusal = Refusal::from(crate::directory::Error::from(error));
        let (parts, ()) = axum::http::Request::new(()).into_parts();
        assert!(matches!(refusal.unavailable, Some(store::Error::Unavailable(_))));
        let detail = refusal.error.detail.clone();
        let response = refusal.into_response(&parts, "request-7");
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        let retry_after = response.headers()[header::RETRY_AFTER].to_str().expect("a number");
        assert!((1..=10).contains(&retry_after.parse().expect("seconds")), "{retry_after}");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/scim+json");
        assert!(!detail.contains("secret"), "{detail}");
    }
}

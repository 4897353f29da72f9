//! Requests, and waiting where the server asks for it.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{
    Method,
    header::{HeaderMap, HeaderValue, RETRY_AFTER},
};
use serde_json::Value;

use crate::{
    Error, Options,
    answer::Answer,
    check::Stop,
    ledger::Ledger,
    observe::Observations,
    report::{Exchange, shorten},
};

pub const SCIM_JSON: &str = "application/scim+json";
/// The longest that a `Retry-After` is obeyed.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Attempts until a throttled request is given up.
const ATTEMPTS: u32 = 10;
/// After so many requests in a row without an answer the server counts as gone.
const GONE: u32 = 3;
/// More of an answer is not read.
const LONGEST_ANSWER: usize = 64 << 20;
/// More of a body is not kept for the report.
const KEPT: usize = 4_000;
/// What RFC 3986 §2.3 lets stand.
const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A value as it stands in a path or query.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, &UNRESERVED).to_string()
}

/// The server, and everything that passed to and fro.
pub struct Connection {
    http: reqwest::Client,
    base: String,
    authorization: HeaderValue,
    silent: AtomicU32,
    pub requests: AtomicU64,
    pub throttled: AtomicU64,
    pub ledger: Mutex<Ledger>,
    pub observations: Mutex<Observations>,
    /// The exchanges of the check that is running.
    pub steps: Mutex<Vec<Arc<Exchange>>>,
}

/// A request in the making.
pub struct Call<'c> {
    connection: &'c Connection,
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
    authorization: Option<HeaderValue>,
    /// Whether the answer is held to the rules for all answers.
    observed: bool,
}

impl Connection {
    pub fn new(options: &Options) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Url { url: options.url.clone(), reason };
        let url = reqwest::Url::parse(&options.url).map_err(|error| wrong(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("it must begin with `https://` or `http://`".into()));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("it must hold neither `?` nor `#` (RFC 7644 §1.3)".into()));
        }
        let token = options.token.trim();
        let header = match token.contains(' ') {
            true => token.to_owned(),
            false => format!("Bearer {token}"),
        };
        let mut authorization = HeaderValue::from_str(&header).map_err(|_| Error::Token)?;
        authorization.set_sensitive(true);
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(options.time_out)
            .user_agent(concat!("headcount-check/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| wrong(error.to_string()))?;
        Ok(Self {
            http,
            base: options.url.trim_end_matches('/').to_owned(),
            authorization,
            silent: AtomicU32::new(0),
            requests: AtomicU64::new(0),
            throttled: AtomicU64::new(0),
            ledger: Mutex::default(),
            observations: Mutex::default(),
            steps: Mutex::default(),
        })
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    /// A path below the base URL from a URL or path that the server gave.
    pub fn path_of<'t>(&self, location: &'t str) -> &'t str {
        location.strip_prefix(&self.base).unwrap_or(location)
    }

    /// The token, if that is how the run authenticates.
    pub fn bearer(&self) -> Option<&str> {
        self.authorization.to_str().ok()?.strip_prefix("Bearer ")
    }

    pub fn call(&self, method: Method, path: impl Into<String>) -> Call<'_> {
        Call {
            connection: self,
            method,
            path: path.into(),
            headers: Vec::new(),
            body: None,
            authorization: Some(self.authorization.clone()),
            observed: true,
        }
    }
}

/// A request's answer as it came.
struct Raw {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Call<'_> {
    /// Sets a header; an empty one is not sent.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }

    pub fn json(self, body: &Value) -> Self {
        self.bytes(body.to_string())
    }

    pub fn bytes(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// With these credentials in place of the run's own, or none.
    pub fn authorized(mut self, authorization: Option<&str>) -> Self {
        self.authorization = authorization.and_then(|text| HeaderValue::from_str(text).ok());
        self
    }

    /// Whatever the answer is, it says nothing about answers in general.
    pub fn unobserved(mut self) -> Self {
        self.observed = false;
        self
    }

    fn header_list(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![("accept", SCIM_JSON.to_owned())];
        if self.body.is_some() {
            headers.push(("content-type", SCIM_JSON.to_owned()));
        }
        for (name, value) in &self.headers {
            headers.retain(|(known, _)| known != name);
            if !value.is_empty() {
                headers.push((name, value.clone()));
            }
        }
        headers
    }

    /// As a line for a shell in which `TOKEN` is set.
    fn curl(&self) -> String {
        let url = format!("{}{}", self.connection.base, self.path);
        let mut line = match self.method.as_str() {
            "GET" => "curl".to_owned(),
            "HEAD" => "curl --head".to_owned(),
            method => format!("curl -X {method}"),
        };
        line.push_str(&format!(" {}", quoted(&url)));
        match &self.authorization {
            Some(own) if *own == self.connection.authorization => {
                let token = self.connection.authorization.to_str().unwrap_or_default();
                let scheme = match token.strip_prefix("Bearer ") {
                    Some(_) => "Bearer ",
                    None => "",
                };
                line.push_str(&format!(" -H \"Authorization: {scheme}$TOKEN\""));
            }
            Some(other) => {
                let text = other.to_str().unwrap_or_default();
                let own = self.connection.authorization.to_str().unwrap_or_default();
                let token = own.rsplit(' ').next().unwrap_or_default();
                let text = text.replace(token, "$TOKEN");
                line.push_str(&format!(" -H \"Authorization: {text}\""));
            }
            None => {}
        }
        for (name, value) in self.header_list() {
            line.push_str(&format!(" -H {}", quoted(&format!("{name}: {value}"))));
        }
        if let Some(body) = &self.body {
            let text = String::from_utf8_lossy(body);
            line.push_str(&format!(" --data-binary {}", quoted(&shorten(&text, KEPT))));
        }
        line
    }

    /// Sends it, again where the server asks to wait.
    ///
    /// # Errors
    ///
    /// [`Stop::Unclear`] when no answer came.
    pub async fn send(self) -> Result<Answer, Stop> {
        self.exchange().await.map_err(Stop::Unclear)
    }

    /// The same; the error says why no answer came.
    pub async fn exchange(self) -> Result<Answer, String> {
        let connection = self.connection;
        let what = format!("{} {}", self.method, shorten(&self.path, 200));
        if connection.silent.load(Ordering::Relaxed) >= GONE {
            return Err("the server does not answer any more".to_owned());
        }
        locked(&connection.ledger).about_to_send(&self.method, &self.path, self.body.as_deref());
        let mut attempt = 0;
        let raw = loop {
            attempt += 1;
            connection.requests.fetch_add(1, Ordering::Relaxed);
            let raw = match self.once().await {
                Ok(raw) => raw,
                // A server may close a connection that the next request is already on. What
                // creates is not sent twice.
                Err(error)
                    if attempt == 1 && !error.is_timeout() && self.method != Method::POST =>
                {
                    continue;
                }
                Err(error) => {
                    connection.silent.fetch_add(1, Ordering::Relaxed);
                    self.keep(0, "");
                    return Err(format!("no answer to `{what}`: {}", cause(&error)));
                }
            };
            connection.silent.store(0, Ordering::Relaxed);
            let waits =
                raw.status == 429 || raw.status == 503 && raw.headers.contains_key(RETRY_AFTER);
            if !waits || attempt == ATTEMPTS {
                break raw;
            }
            connection.throttled.fetch_add(1, Ordering::Relaxed);
            let told = raw.headers.get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.parse().ok());
            let pause = told.map_or(Duration::from_secs(u64::from(attempt)), Duration::from_secs);
            tokio::time::sleep(pause.clamp(Duration::from_millis(200), LONGEST_PAUSE)).await;
        };
        let exchange = self.keep(raw.status, &raw.text);
        let answer = Answer::new(exchange, raw.headers, raw.text, self.body.clone());
        locked(&connection.ledger).answered(&self.method, connection.path_of(&self.path), &answer);
        if self.observed {
            let accepts = self.header_list().into_iter().find(|(name, _)| *name == "accept");
            let plain = accepts.is_none_or(|(_, value)| value == SCIM_JSON);
            locked(&connection.observations).look(&self.method, &self.path, &answer, plain);
        }
        Ok(answer)
    }

    fn keep(&self, status: u16, text: &str) -> Arc<Exchange> {
        let exchange = Arc::new(Exchange {
            method: self.method.to_string(),
            url: format!("{}{}", self.connection.base, self.path),
            curl: self.curl(),
            status,
            body: shorten(text, KEPT),
        });
        locked(&self.connection.steps).push(exchange.clone());
        exchange
    }

    async fn once(&self) -> reqwest::Result<Raw> {
        let url = format!("{}{}", self.connection.base, self.path);
        let mut request = self.connection.http.request(self.method.clone(), url);
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        for (name, value) in self.header_list() {
            request = request.header(name, value);
        }
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        let mut response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > LONGEST_ANSWER {
                break;
            }
        }
        Ok(Raw { status, headers, text: String::from_utf8_lossy(&bytes).into_owned() })
    }
}

/// In single quotes for a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(next) = innermost.source() {
        innermost = next;
    }
    if error.is_timeout() { "none came in time".to_owned() } else { innermost.to_string() }
}

/// No holder of a lock panics, and if one did, what it held is still good for a report.
pub fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(token: &str) -> Connection {
        let options = Options::new("https://scim.example.com/v2/", token);
        Connection::new(&options).expect("the URL and the token are good")
    }

    /// The line runs in a shell, and never holds the token.
    #[test]
    fn requests_as_lines_for_a_shell() {
        let bearer = connection("s3cret");
        let body = serde_json::json!({"displayName": "O'Neil"});
        assert_eq!(
            bearer.call(Method::POST, "/Users").json(&body).curl(),
            "curl -X POST 'https://scim.example.com/v2/Users' -H \"Authorization: Bearer $TOKEN\" \
             -H 'accept: application/scim+json' -H 'content-type: application/scim+json' \
             --data-binary '{\"displayName\":\"O'\\''Neil\"}'"
        );
        let plain = bearer.call(Method::GET, "/Users").header("accept", "").authorized(None);
        assert_eq!(plain.curl(), "curl 'https://scim.example.com/v2/Users'");
        let lower = bearer.call(Method::GET, "/").authorized(Some("bearer s3cret"));
        assert!(lower.curl().contains("\"Authorization: bearer $TOKEN\""), "{}", lower.curl());
        let basic = connection("Basic dXNlcjpwYXNz");
        let line = basic.call(Method::GET, "/").curl();
        assert!(line.contains("\"Authorization: $TOKEN\""), "{line}");
    }

    #[test]
    fn base_urls() {
        for (url, good) in [
            ("https://scim.example.com/v2", true),
            ("http://127.0.0.1:8080", true),
            ("scim.example.com/v2", false),
            ("ftp://scim.example.com", false),
            ("https://scim.example.com/v2?x=1", false),
            ("https://scim.example.com/v2#x", false),
        ] {
            assert_eq!(Connection::new(&Options::new(url, "x")).is_ok(), good, "{url}");
        }
        assert!(Connection::new(&Options::new("https://scim.example.com", "a\nb")).is_err());
    }
}

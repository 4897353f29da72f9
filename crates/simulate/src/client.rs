//! Requests as the services make them, and what is asked of every answer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use reqwest::header::{
    ACCEPT, ACCEPT_CHARSET, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue,
    RETRY_AFTER, USER_AGENT,
};
use serde_json::Value;

use crate::log::Log;
use crate::report::{Request, shorten};
use crate::rules::{self, Breach, Rule};
use crate::{Error, Kind, Options};

/// Nothing is waited for longer.
const TIME_OUT: Duration = Duration::from_secs(30);
/// The longest that a `Retry-After` is obeyed.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Attempts until a throttled request counts as failed (`O-96`).
const ATTEMPTS: u32 = 10;
/// After so many requests in a row without an answer the server counts as gone.
const GONE: u32 = 20;

const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How a blank in a query is written: both occur (`O-05`, `E-132`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blank {
    Plus,
    Percent,
}

/// A request to be made.
#[derive(Clone, Debug)]
pub struct Call {
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    body: Option<Value>,
    id: Option<String>,
    verification: bool,
    foreign_token: bool,
    blank: Blank,
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

    pub fn blank(mut self, blank: Blank) -> Self {
        self.blank = blank;
        self
    }

    fn parameters(&self) -> Vec<String> {
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
}

impl Answer {
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

/// One administrator's connection: URL, token, and the log of everything that passes through it.
pub struct Client {
    http: reqwest::Client,
    kind: Kind,
    base: String,
    /// The query in the pasted URL: Entra's compatibility flag is put there.
    pasted: Option<String>,
    flag: Mutex<bool>,
    flagged: AtomicUsize,
    authorization: HeaderValue,
    paused: Mutex<Option<Instant>>,
    log: Mutex<Log>,
}

/// Forms of the flag that administrators paste and gateways make of it (`E-34`).
const FLAG_FORMS: [&str; 4] =
    ["aadOptscim062020", "aadOptscim062020=", "aadOptscim062020=true", "AADOPTSCIM062020"];

impl Client {
    pub fn new(options: &Options) -> Result<Self, Error> {
        let wrong =
            |reason: &str| Error::Url { url: options.url.clone(), reason: reason.to_owned() };
        let url = reqwest::Url::parse(&options.url).map_err(|error| wrong(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("it must begin with `https://` or `http://`"));
        }
        if url.fragment().is_some() {
            return Err(wrong("it must not hold a `#`"));
        }
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", options.token.trim()))
            .map_err(|_| Error::Token)?;
        authorization.set_sensitive(true);
        let http = reqwest::Client::builder()
            .default_headers(headers(options.kind))
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIME_OUT)
            .http1_only()
            .gzip(options.kind == Kind::Okta)
            .deflate(options.kind == Kind::Okta)
            .pool_max_idle_per_host(options.parallel)
            .build()
            .map_err(|error| wrong(&error.to_string()))?;
        let (base, pasted) = match options.url.split_once('?') {
            None => (options.url.as_str(), None),
            Some((base, query)) => (base, Some(query.to_owned()).filter(|query| !query.is_empty())),
        };
        let asked = pasted.as_deref().unwrap_or_default().to_ascii_lowercase();
        Ok(Client {
            http,
            kind: options.kind,
            base: base.to_owned(),
            flag: Mutex::new(asked.contains("aadoptscim062020")),
            pasted,
            flagged: AtomicUsize::new(0),
            authorization,
            paused: Mutex::new(None),
            log: Mutex::new(Log::new(options.record)),
        })
    }

    pub fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("no holder of the log panics")
    }

    pub fn case(&self, rule: Rule) -> &'static str {
        rule.case(self.kind)
    }

    /// Whether requests carry Entra's compatibility flag.
    pub fn flag(&self) -> bool {
        *self.flag.lock().expect("no holder of the flag panics")
    }

    pub fn set_flag(&self, on: bool) {
        *self.flag.lock().expect("no holder of the flag panics") = on;
    }

    /// A resource's own URL.
    pub fn location(&self, endpoint: &str, id: &str) -> String {
        format!("{}{endpoint}/{}", self.base, utf8_percent_encode(id, &UNRESERVED))
    }

    /// Asks for one page. `None`: no list came, and the log says why under `case`.
    pub async fn list(&self, call: Call, case: &'static str) -> Option<List> {
        let start =
            |(name, value): &(&str, String)| (*name == "startIndex").then(|| value.parse().ok());
        let start = call.query.iter().find_map(start).flatten().unwrap_or(1);
        let partial = call.query.iter().any(|(name, _)| *name == "attributes");
        let answer = self.send(call).await?;
        if !self.log().expect(&answer, case, "a query is refused", &[200]) {
            return None;
        }
        let body = answer.body.as_ref()?;
        let mut breaches = rules::of_list(body, start);
        let resources = body["Resources"].as_array().cloned().unwrap_or_default();
        for resource in &resources {
            let of_resource = rules::of_resource(resource, None);
            breaches
                .extend(of_resource.into_iter().filter(|b| !partial || b.rule != Rule::Schemas));
        }
        let readable = body["Resources"].is_array();
        let total = body["totalResults"].as_u64();
        self.file(breaches, &answer.request);
        readable.then(|| List { total: total.unwrap_or(resources.len() as u64), resources, answer })
    }

    /// Sends a request and waits as told when it is throttled. `None`: no answer came, or none but 429.
    pub async fn send(&self, call: Call) -> Option<Answer> {
        let target = self.target(&call);
        let request = Request {
            method: call.method.to_string(),
            path: target.clone(),
            body: call.body.clone(),
        };
        if self.log().silent >= GONE {
            return None;
        }
        let mut pause = Duration::ZERO;
        for attempt in 1..=ATTEMPTS {
            self.wait().await;
            let begun = Instant::now();
            let response = match self.exchange(&call, &target).await {
                Ok(response) => response,
                Err(error) => {
                    let mut log = self.log();
                    log.answered(&request, call.verification, None);
                    let (case, what) = (self.case(Rule::Silence), "a request got no answer");
                    log.fault(case, what, &request, "an answer within 30 s", reason(&error));
                    return None;
                }
            };
            {
                let mut log = self.log();
                log.micros.push(begun.elapsed().as_micros() as u64);
                log.answered(&request, call.verification, Some(response.status));
                log.throttled += u64::from(response.status == 429);
            }
            if response.status == 429 {
                pause = self.throttled(&response, &request, pause, attempt);
                if self.kind == Kind::Okta {
                    tokio::time::sleep(pause).await;
                }
                continue;
            }
            return Some(self.examine(response, request, call.id.as_deref()));
        }
        let mut log = self.log();
        let (case, what) = (self.case(Rule::RetryAfter), "a request is throttled without end");
        log.fault(case, what, &request, "an answer after waiting", format!("{ATTEMPTS} × 429"));
        None
    }

    /// Sends a request whose answer gets lost on the way back.
    pub async fn send_and_lose(&self, call: Call) {
        let target = self.target(&call);
        let request = Request {
            method: call.method.to_string(),
            path: target.clone(),
            body: call.body.clone(),
        };
        for _ in 1..=ATTEMPTS {
            self.wait().await;
            let Ok(response) = self.exchange(&call, &target).await else { return };
            self.log().answered(&request, call.verification, Some(response.status));
            if response.status != 429 {
                return;
            }
            tokio::time::sleep(self.throttled(&response, &request, Duration::ZERO, 1)).await;
        }
    }

    /// Path and query below the base URL, the flag in one of its forms and places.
    fn target(&self, call: &Call) -> String {
        let mut parameters = call.parameters();
        if self.kind == Kind::Entra && self.flag() {
            let turn = self.flagged.fetch_add(1, Ordering::Relaxed);
            let form = FLAG_FORMS[turn / 2 % FLAG_FORMS.len()].to_owned();
            let place = if turn.is_multiple_of(2) { 0 } else { parameters.len() };
            parameters.insert(place, form);
        } else if let Some(pasted) = &self.pasted {
            parameters.insert(0, pasted.clone());
        }
        match parameters.is_empty() {
            true => call.path.clone(),
            false => format!("{}?{}", call.path, parameters.join("&")),
        }
    }

    async fn exchange(&self, call: &Call, target: &str) -> reqwest::Result<Response> {
        let url = format!("{}{target}", self.base);
        let authorization = match call.foreign_token {
            false => self.authorization.clone(),
            true => HeaderValue::from_static("Bearer never-issued-by-anybody"),
        };
        let mut request =
            self.http.request(call.method.clone(), url).header(AUTHORIZATION, authorization);
        if let Some(body) = &call.body {
            request = request
                .header(CONTENT_TYPE, "application/scim+json; charset=utf-8")
                .body(body.to_string());
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = response.bytes().await?.to_vec();
        Ok(Response { status, headers, body })
    }

    /// Entra pauses the whole job, Okta the task; both obey seconds (`E-110`, `O-96`). Okta doubles its pause each time.
    fn throttled(
        &self,
        response: &Response,
        request: &Request,
        earlier: Duration,
        attempt: u32,
    ) -> Duration {
        let after = response.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let seconds = after.and_then(|text| text.parse::<u64>().ok());
        if seconds.is_none() {
            let (case, what) = (self.case(Rule::RetryAfter), "429 does not say how long to wait");
            let got = after.unwrap_or("no `Retry-After`");
            self.log().fault(case, what, request, "`Retry-After` in whole seconds", got);
        }
        let told = Duration::from_secs(seconds.unwrap_or(5));
        let pause =
            if self.kind == Kind::Okta && attempt > 1 { told.max(earlier * 2) } else { told };
        let pause = pause.min(LONGEST_PAUSE);
        if self.kind == Kind::Entra {
            let until = Instant::now() + pause;
            let mut paused = self.paused.lock().expect("no holder of the pause panics");
            *paused = paused.max(Some(until));
        }
        pause
    }

    async fn wait(&self) {
        let until = *self.paused.lock().expect("no holder of the pause panics");
        if let Some(until) = until {
            tokio::time::sleep_until(until.into()).await;
        }
    }

    fn examine(&self, response: Response, request: Request, id: Option<&str>) -> Answer {
        let Response { status, headers, body } = response;
        let mut breaches = Vec::new();
        let parsed = match (status, body.is_empty()) {
            (204, true) => None,
            _ => serde_json::from_slice::<Value>(&body).ok().filter(Value::is_object),
        };
        match &parsed {
            None if status == 204 => {}
            None => breaches.push(Breach {
                rule: Rule::Json,
                what: "an answer is not JSON",
                expected: "a JSON object".to_owned(),
                got: format!("{status} {}", shorten(&String::from_utf8_lossy(&body), 200)),
            }),
            Some(body) if status >= 400 => breaches.extend(rules::of_error(status, body)),
            Some(body) => {
                let resource =
                    request.path.starts_with("/Users") || request.path.starts_with("/Groups");
                let list =
                    body["Resources"].is_array() || rules::names_schema(body, crate::target::LIST);
                let partial =
                    request.path.contains("attributes=") && !request.path.contains("excluded");
                if resource && !list && !partial && (id.is_some() || request.method == "POST") {
                    breaches.extend(rules::of_resource(body, id));
                }
            }
        }
        let kind =
            headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("none");
        let scim = kind.to_ascii_lowercase().starts_with("application/scim+json");
        if parsed.is_some() && !scim {
            breaches.push(Breach {
                rule: Rule::ContentType,
                what: "an answer has another content type",
                expected: "application/scim+json".to_owned(),
                got: kind.to_owned(),
            });
        }
        self.file(breaches, &request);
        let challenges = headers.contains_key(reqwest::header::WWW_AUTHENTICATE);
        Answer { request, status, body: parsed, challenges }
    }

    fn file(&self, breaches: Vec<Breach>, request: &Request) {
        let mut log = self.log();
        for Breach { rule, what, expected, got } in breaches {
            log.fault(rule.case(self.kind), what, request, expected, shorten(&got, 300));
        }
    }
}

struct Response {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// Entra sends no `User-Agent` (`E-05`); Okta's set is that of its cloud client (`O-01`).
fn headers(kind: Kind) -> HeaderMap {
    let scim = HeaderValue::from_static("application/scim+json");
    let mut headers = HeaderMap::from_iter([(ACCEPT, scim)]);
    match kind {
        Kind::Entra => {
            headers.insert("adscimversion", HeaderValue::from_static("5.0"));
        }
        Kind::Okta => {
            headers.insert(USER_AGENT, HeaderValue::from_static("Okta SCIM Client 1.0.0"));
            headers.insert(ACCEPT_CHARSET, HeaderValue::from_static("utf-8"));
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip,deflate"));
        }
    }
    headers
}

/// The innermost cause, which says more than the library's own words.
pub fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "nothing within 30 s".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_on_the_wire() {
        let entra = Options::new(Kind::Entra, "https://dir.example/scim/v2", "t");
        let client = Client::new(&entra).expect("the options are right");
        let search = || Call::query("/Users").with("filter", "userName eq \"mira+b@x.example\"");
        let encoded = "filter=userName+eq+%22mira%2Bb%40x.example%22";
        assert_eq!(client.target(&search()), format!("/Users?{encoded}"));
        assert_eq!(
            client.target(&search().blank(Blank::Percent)),
            "/Users?filter=userName%20eq%20%22mira%2Bb%40x.example%22"
        );
        assert_eq!(client.target(&Call::get("/Users", "a/b")), "/Users/a%2Fb");
        client.set_flag(true);
        let seen: Vec<_> = (0..8).map(|_| client.target(&search())).collect();
        assert_eq!(seen[0], format!("/Users?aadOptscim062020&{encoded}"));
        assert_eq!(seen[1], format!("/Users?{encoded}&aadOptscim062020"));
        assert_eq!(seen[4], format!("/Users?aadOptscim062020=true&{encoded}"));
    }

    #[test]
    fn options_that_are_wrong() {
        for url in ["nonsense", "ftp://x.example", "https://x.example/#top"] {
            let options = Options::new(Kind::Entra, url, "t");
            assert!(matches!(Client::new(&options), Err(Error::Url { .. })), "{url}");
        }
        let options = Options::new(Kind::Okta, "https://x.example", "a\nb");
        assert!(matches!(Client::new(&options), Err(Error::Token)));
    }
}

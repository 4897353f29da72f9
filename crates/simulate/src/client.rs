//! Requests as the services make them, and what is asked of every answer.

use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use percent_encoding::utf8_percent_encode;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use serde_json::{Value, json};

use crate::call::{Answer, Call, List, UNRESERVED};
use crate::knobs::Settings;
use crate::log::Log;
use crate::report::{Request, Sent, shorten};
use crate::rules::{self, Breach, Rule};
use crate::timeline::{Moment, Place, SECOND};
use crate::trouble::{Outage, Trouble, Troubles};
use crate::wire::{ClientForm, Flag, Wire};
use crate::{Error, Kind, Options, TokenEndpoint};

/// Nothing is waited for longer.
const TIME_OUT: Duration = Duration::from_secs(30);
/// The longest that a `Retry-After` is obeyed in real time.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The longest that a server which may be away is asked again.
const LONGEST_OUTAGE: Duration = Duration::from_secs(120);
/// Attempts until a throttled request counts as failed (`O-96`).
const ATTEMPTS: u32 = 10;
/// After so many requests in a row without an answer the server counts as gone.
const GONE: u32 = 20;
/// What a made-up 429 asks for.
const RETRY_SECONDS: &str = "20";
/// What Okta waits where no whole seconds are told (`O-96`).
const UNTOLD: Moment = 300 * SECOND;

/// What is in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Whole users or groups.
    Whole,
    /// Some of their attributes.
    Partial,
    /// Something else.
    Foreign,
}

/// One administrator's connection: URL, token, and the log of everything that passes through it.
pub struct Client {
    http: reqwest::Client,
    kind: Kind,
    base: String,
    /// The query in the pasted URL: Entra's compatibility flag is put there.
    pasted: Option<String>,
    flag: Mutex<bool>,
    wire: Wire,
    authorization: Mutex<HeaderValue>,
    endpoint: Option<TokenEndpoint>,
    /// Whether the server may be away for moments.
    outages: bool,
    /// What access tokens are asked for with.
    secret: Mutex<String>,
    paused: Mutex<Option<Instant>>,
    troubles: Mutex<Troubles>,
    log: Mutex<Log>,
}

impl Client {
    pub fn new(options: &Options, settings: &Settings) -> Result<Self, Error> {
        let wrong =
            |reason: &str| Error::Url { url: options.url.clone(), reason: reason.to_owned() };
        let url = reqwest::Url::parse(&options.url).map_err(|error| wrong(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("it must begin with `https://` or `http://`"));
        }
        if url.fragment().is_some() {
            return Err(wrong("it must not hold a `#`"));
        }
        let wire = Wire::new(options.kind, settings);
        let authorization = wire.authorization(&options.token)?;
        let http = reqwest::Client::builder()
            .default_headers(wire.headers.clone())
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
        let troubles = Troubles {
            seed: options.seed,
            rates: options.troubles.clone(),
            outages: options.outages,
            ..Troubles::default()
        };
        Ok(Client {
            http,
            kind: options.kind,
            base: base.to_owned(),
            flag: Mutex::new(asked.contains("aadoptscim062020") || wire.flag != Flag::Off),
            pasted,
            wire,
            authorization: Mutex::new(authorization),
            endpoint: options.token_endpoint.clone(),
            outages: options.outages,
            secret: Mutex::new(options.token.trim().to_owned()),
            paused: Mutex::new(None),
            troubles: Mutex::new(troubles),
            log: Mutex::new(Log::new(options.record || options.script)),
        })
    }

    pub fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("no holder of the log panics")
    }

    pub fn troubles(&self) -> MutexGuard<'_, Troubles> {
        self.troubles.lock().expect("no holder of the troubles panics")
    }

    /// Everything meets this trouble for a while of the simulation's own time.
    pub fn break_for(&self, trouble: Trouble, time: Moment) {
        let until = self.log().timeline.now() + time;
        self.troubles().outage = Some(Outage { trouble, until, writes_only: false });
    }

    /// Every write does.
    pub fn break_writes_for(&self, trouble: Trouble, time: Moment) {
        let until = self.log().timeline.now() + time;
        self.troubles().outage = Some(Outage { trouble, until, writes_only: true });
    }

    /// The administrator pastes another token.
    pub async fn paste_token(&self, token: &str) -> Result<(), Error> {
        token.trim().clone_into(&mut self.secret.lock().expect("no holder of the secret panics"));
        match self.wire.client_form() {
            None => self.send_with(token),
            Some(_) => self.sign_in().await,
        }
    }

    fn send_with(&self, token: &str) -> Result<(), Error> {
        let authorization = self.wire.authorization(token)?;
        *self.authorization.lock().expect("no holder of the token panics") = authorization;
        Ok(())
    }

    /// Asks for an access token, where the service is set to use them (`E-125`, `E-126`).
    pub async fn sign_in(&self) -> Result<(), Error> {
        let Some(form) = self.wire.client_form() else { return Ok(()) };
        let Some(TokenEndpoint { url, client_id }) = &self.endpoint else {
            return Err(Error::TokenEndpoint);
        };
        let secret = self.secret.lock().expect("no holder of the secret panics").clone();
        let mut body = "grant_type=client_credentials&scope=scim".to_owned();
        let mut request = self.http.post(url);
        match form {
            ClientForm::Body => {
                for (name, value) in [("client_id", client_id), ("client_secret", &secret)] {
                    body += &format!("&{name}={}", utf8_percent_encode(value, &UNRESERVED));
                }
            }
            ClientForm::Basic => request = request.basic_auth(client_id, Some(secret)),
        }
        request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let unreachable =
            |error: reqwest::Error| Error::Unreachable { url: url.clone(), reason: reason(&error) };
        let response = request.body(body).send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let answer = response.bytes().await.map_err(unreachable)?;
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        let Some(token) = answer["access_token"].as_str().filter(|_| status == 200) else {
            let detail = answer["error_description"].as_str().or(answer["error"].as_str());
            let detail = detail.unwrap_or("no access token, and no reason given").to_owned();
            return Err(Error::Credentials { status, detail });
        };
        if !answer["expires_in"].as_u64().is_some_and(|seconds| (3600..=21_600).contains(&seconds))
        {
            let request = Request { method: "POST".to_owned(), path: url.clone(), body: None };
            let what = "an access token does not live for one to six hours";
            let got = answer["expires_in"].to_string();
            self.log().fault("E-125", what, &request, "3600 to 21600 seconds", got);
        }
        self.send_with(token)
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    pub fn wire(&self) -> &Wire {
        &self.wire
    }

    /// The header that carries the token.
    pub fn authorization(&self) -> HeaderValue {
        self.authorization.lock().expect("no holder of the token panics").clone()
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
        let reading = if call.partial() { Reading::Partial } else { Reading::Whole };
        self.list_of(call, reading, case).await
    }

    /// Asks for one page of whatever it is.
    pub async fn list_of(&self, call: Call, reading: Reading, case: &'static str) -> Option<List> {
        let start = call.start();
        let answer = self.send(call).await?;
        self.read_list(answer, start, reading, case)
    }

    /// The list in an answer to a query from `start` on.
    pub fn read_list(
        &self,
        answer: Answer,
        start: u64,
        reading: Reading,
        case: &'static str,
    ) -> Option<List> {
        if !self.log().expect(&answer, case, "a query is refused", &[200]) {
            return None;
        }
        let body = answer.body.as_ref()?;
        let mut breaches = rules::of_list(body, start);
        let resources = body["Resources"].as_array().cloned().unwrap_or_default();
        for resource in resources.iter().filter(|_| reading != Reading::Foreign) {
            let of_resource = rules::of_resource(resource, None).into_iter();
            let whole = reading == Reading::Whole;
            breaches.extend(of_resource.filter(|b| whole || b.rule != Rule::Schemas));
        }
        let readable = body["Resources"].is_array();
        let total = body["totalResults"].as_u64();
        self.file(breaches, &answer.request);
        readable.then(|| List { total: total.unwrap_or(resources.len() as u64), resources, answer })
    }

    /// Sends a request and waits as told when it is throttled. `None`: no answer came, or none but 429.
    pub async fn send(&self, call: Call) -> Option<Answer> {
        if self.log().silent >= GONE {
            return None;
        }
        let place = self.log().timeline.next();
        let target = self.target(&call, place);
        let request = Request {
            method: call.method.to_string(),
            path: target.clone(),
            body: call.body.clone(),
        };
        let mut pause = 0;
        let mut repeated = false;
        for attempt in 1..=ATTEMPTS {
            self.wait().await;
            let at_ms = {
                let mut log = self.log();
                let now = log.timeline.now();
                log.timeline.pass(self.wire.gap);
                now
            };
            let write = call.body.is_some() || call.method == reqwest::Method::DELETE;
            let trouble = (!call.verification)
                .then(|| self.troubles().meets(place, attempt, at_ms, write))
                .flatten();
            let sent = |status, ids| Sent {
                at_ms,
                request: request.clone(),
                status,
                scenario: self.log().scenario,
                verification: call.verification,
                foreign_token: call.foreign_token,
                trouble,
                ids,
                place,
            };
            let begun = Instant::now();
            // While the service works by itself, it comes back in its own ways.
            let returns = !call.verification && self.troubles().on;
            let mut away = false;
            let outcome = match trouble {
                None => {
                    let mut outcome = self.exchange(&call, &target).await;
                    while self.outages && is_away(&outcome) {
                        let status = outcome.as_ref().ok().map(|response| response.status);
                        let sent = sent(status, Vec::new());
                        self.log().away(sent);
                        tokio::time::sleep(pause_of(&outcome)).await;
                        away = returns || begun.elapsed() > LONGEST_OUTAGE;
                        if away {
                            break;
                        }
                        repeated = true;
                        outcome = self.exchange(&call, &target).await;
                    }
                    outcome
                }
                Some(Trouble::Repeated) => {
                    let first = self.exchange(&call, &target).await;
                    let _second = self.exchange(&call, &target).await;
                    away = self.outages && is_away(&first);
                    if away {
                        let status = first.as_ref().ok().map(|response| response.status);
                        let sent = sent(status, Vec::new());
                        self.log().away(sent);
                    }
                    first
                }
                Some(Trouble::Lost) => {
                    let lost = self.exchange(&call, &target).await.ok();
                    let ids = lost.as_ref().map(Response::ids).unwrap_or_default();
                    let sent = sent(lost.map(|lost| lost.status), ids);
                    self.log().answered(sent);
                    if self.hears_nothing(&mut repeated) {
                        continue;
                    }
                    return None;
                }
                Some(Trouble::TimedOut) => {
                    let sent = sent(None, Vec::new());
                    self.log().answered(sent);
                    if self.hears_nothing(&mut repeated) {
                        continue;
                    }
                    return None;
                }
                Some(made_up) => Ok(Response::made_up(made_up)),
            };
            let made_up = trouble.is_some_and(|trouble| !trouble.reaches());
            let own = !call.verification && !call.foreign_token;
            let response = match outcome {
                Ok(response) if away => return Some(response.unexamined(request)),
                Ok(response) => response,
                Err(_) if away => {
                    if self.hears_nothing(&mut repeated) {
                        continue;
                    }
                    return None;
                }
                Err(error) => {
                    let sent = sent(None, Vec::new());
                    let mut log = self.log();
                    log.answered(sent);
                    let (case, what) = (self.case(Rule::Silence), "a request got no answer");
                    log.fault(case, what, &request, "an answer within 30 s", reason(&error));
                    return None;
                }
            };
            // E-128: an access token has ended, and another one is asked for.
            let ended = response.status == 401 && attempt == 1 && !made_up && !call.foreign_token;
            let renewed =
                ended && self.wire.client_form().is_some() && self.sign_in().await.is_ok();
            {
                let sent = sent(Some(response.status), response.ids());
                let mut log = self.log();
                if !made_up {
                    log.micros.push(begun.elapsed().as_micros() as u64);
                    log.throttled += u64::from(response.status == 429);
                }
                log.answered(sent);
                log.unauthorized |= own && response.status == 401 && !renewed;
            }
            if renewed {
                continue;
            }
            if response.status == 429 {
                pause = self.throttled(&response, &request, pause, made_up).await;
                continue;
            }
            let mut answer = match made_up {
                false => self.examine(response, request, call.id.as_deref()),
                true => response.unexamined(request),
            };
            answer.repeated = repeated;
            return Some(answer);
        }
        let mut log = self.log();
        if !self.troubles().raging(log.timeline.now()) {
            let (case, what) = (self.case(Rule::RetryAfter), "a request is throttled without end");
            log.fault(case, what, &request, "an answer after waiting", format!("{ATTEMPTS} × 429"));
        }
        None
    }

    /// The service has waited in vain. Whether it sends the request again at once, which it does once.
    fn hears_nothing(&self, repeated: &mut bool) -> bool {
        self.log().timeline.pass(self.wire.patience);
        self.wire.immediate && !std::mem::replace(repeated, true)
    }

    /// Sends a request whose answer gets lost on the way back.
    pub async fn send_and_lose(&self, call: Call) {
        let (place, at_ms) = {
            let mut log = self.log();
            (log.timeline.next(), log.timeline.now())
        };
        let target = self.target(&call, place);
        let request = Request {
            method: call.method.to_string(),
            path: target.clone(),
            body: call.body.clone(),
        };
        for _ in 1..=ATTEMPTS {
            self.wait().await;
            let mut outcome = self.exchange(&call, &target).await;
            while self.outages && is_away(&outcome) {
                tokio::time::sleep(pause_of(&outcome)).await;
                outcome = self.exchange(&call, &target).await;
            }
            let Ok(response) = outcome else { return };
            let throttled = response.status == 429;
            let sent = Sent {
                at_ms,
                request: request.clone(),
                status: Some(response.status),
                scenario: self.log().scenario,
                verification: call.verification,
                foreign_token: false,
                trouble: (!throttled).then_some(Trouble::Lost),
                ids: response.ids(),
                place,
            };
            self.log().answered(sent);
            if !throttled {
                return;
            }
            self.throttled(&response, &request, 0, false).await;
        }
    }

    /// Path and query below the base URL, the flag in one of its forms and places.
    fn target(&self, call: &Call, place: Place) -> String {
        let mut parameters = call.parameters();
        if self.kind == Kind::Entra && self.flag() {
            let (form, leading) = self.wire.flag_form(place);
            let at = if leading { 0 } else { parameters.len() };
            parameters.insert(at, form.to_owned());
        } else if let Some(pasted) = &self.pasted {
            parameters.insert(0, pasted.clone());
        }
        let target = match parameters.is_empty() {
            true => call.path.clone(),
            false => format!("{}?{}", call.path, parameters.join("&")),
        };
        target + call.tail
    }

    async fn exchange(&self, call: &Call, target: &str) -> reqwest::Result<Response> {
        let url = format!("{}{target}", self.base);
        let authorization = match call.foreign_token {
            false => self.authorization(),
            true => HeaderValue::from_static("Bearer never-issued-by-anybody"),
        };
        let mut request =
            self.http.request(call.method.clone(), url).header(AUTHORIZATION, authorization);
        if let Some(body) = &call.body {
            request = request.header(CONTENT_TYPE, self.wire.content_type).body(body.to_string());
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = response.bytes().await?.to_vec();
        Ok(Response { status, headers, body })
    }

    /// Entra pauses the whole job, the others the task; all obey seconds (`E-110`, `O-96`). Okta doubles its pause each
    /// time. What was made up is waited for in the simulation's own time alone.
    async fn throttled(
        &self,
        response: &Response,
        request: &Request,
        earlier: Moment,
        made_up: bool,
    ) -> Moment {
        let after = response.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let seconds = after.and_then(|text| text.parse::<u64>().ok());
        if seconds.is_none() {
            let (case, what) = (self.case(Rule::RetryAfter), "429 does not say how long to wait");
            let got = after.unwrap_or("no `Retry-After`");
            self.log().fault(case, what, request, "`Retry-After` in whole seconds", got);
        }
        let told = seconds.map_or(UNTOLD, |seconds| seconds.saturating_mul(SECOND));
        let pause = match self.kind {
            Kind::Okta => told.max(earlier.saturating_mul(2)),
            _ => told,
        };
        self.log().timeline.pass(pause);
        if !made_up {
            let real = if seconds.is_some() { Duration::from_millis(pause) } else { FALLBACK };
            let real = real.min(LONGEST_PAUSE);
            match self.kind {
                Kind::Entra => {
                    let until = Instant::now() + real;
                    let mut paused = self.paused.lock().expect("no holder of the pause panics");
                    *paused = paused.max(Some(until));
                }
                _ => tokio::time::sleep(real).await,
            }
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
        let right = kind.to_ascii_lowercase().starts_with(self.wire.accepts);
        if parsed.is_some() && !right {
            breaches.push(Breach {
                rule: Rule::ContentType,
                what: "an answer has another content type",
                expected: self.wire.accepts.to_owned(),
                got: kind.to_owned(),
            });
        }
        self.file(breaches, &request);
        let challenges = headers.contains_key(reqwest::header::WWW_AUTHENTICATE);
        Answer { request, status, body: parsed, challenges, made_up: false, repeated: false }
    }

    fn file(&self, breaches: Vec<Breach>, request: &Request) {
        let mut log = self.log();
        for Breach { rule, what, expected, got } in breaches {
            log.fault(rule.case(self.kind), what, request, expected, shorten(&got, 300));
        }
    }
}

/// Whether a server that may be away is: no answer, or 503 with the wish to be asked again.
fn is_away(outcome: &reqwest::Result<Response>) -> bool {
    match outcome {
        Ok(response) => response.status == 503 && response.headers.contains_key(RETRY_AFTER),
        Err(_) => true,
    }
}

/// What is really waited until a server that is away is asked again: others may stand in for it at once, but not for its
/// database.
fn pause_of(outcome: &reqwest::Result<Response>) -> Duration {
    Duration::from_millis(if outcome.is_ok() { 1000 } else { 100 })
}

/// What is really waited where no whole seconds are told.
const FALLBACK: Duration = Duration::from_secs(5);

struct Response {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Response {
    fn made_up(trouble: Trouble) -> Self {
        let (status, detail) = match trouble {
            Trouble::Throttled => (429, "too many requests"),
            Trouble::Unavailable => (503, "out of order for a moment"),
            Trouble::Unauthorized => (401, "the token is not valid any more"),
            Trouble::BadGateway => (502, ""),
            Trouble::TimedOut | Trouble::Lost | Trouble::Repeated => {
                unreachable!("`{trouble}` has no answer of its own")
            }
        };
        let mut headers = HeaderMap::new();
        if trouble == Trouble::Throttled {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_SECONDS));
        }
        let body = match trouble {
            Trouble::BadGateway => "<html><body>502 Bad Gateway</body></html>".to_owned(),
            _ => json!({"schemas": [crate::target::ERROR], "status": status.to_string(),
                "detail": detail})
            .to_string(),
        };
        Response { status, headers, body: body.into_bytes() }
    }

    fn unexamined(self, request: Request) -> Answer {
        let body = serde_json::from_slice(&self.body).ok();
        let Response { status, .. } = self;
        Answer { request, status, body, challenges: true, made_up: true, repeated: false }
    }

    /// The ids of the resources in it.
    fn ids(&self) -> Vec<String> {
        let Ok(body) = serde_json::from_slice::<Value>(&self.body) else { return Vec::new() };
        let id = |resource: &Value| resource["id"].as_str().map(str::to_owned);
        match body["Resources"].as_array() {
            Some(resources) => resources.iter().filter_map(id).collect(),
            None => id(&body).into_iter().collect(),
        }
    }
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
    use crate::call::Blank;

    fn client(options: &Options) -> Result<Client, Error> {
        Client::new(options, &Settings::new(options.kind, &options.knobs)?)
    }

    #[test]
    fn targets_on_the_wire() {
        let entra = Options::new(Kind::Entra, "https://dir.example/scim/v2", "t");
        let client = client(&entra).expect("the options are right");
        let place = |number| Place { step: 0, lane: 0, number };
        let search = || Call::query("/Users").with("filter", "userName eq \"mira+b@x.example\"");
        let encoded = "filter=userName+eq+%22mira%2Bb%40x.example%22";
        assert_eq!(client.target(&search(), place(0)), format!("/Users?{encoded}"));
        assert_eq!(
            client.target(&search().blank(Blank::Percent).tail("&"), place(0)),
            "/Users?filter=userName%20eq%20%22mira%2Bb%40x.example%22&"
        );
        assert_eq!(client.target(&Call::get("/Users", "a/b"), place(0)), "/Users/a%2Fb");
        client.set_flag(true);
        let seen: Vec<_> = (0..8).map(|n| client.target(&search(), place(n))).collect();
        assert_eq!(seen[0], format!("/Users?aadOptscim062020&{encoded}"));
        assert_eq!(seen[1], format!("/Users?{encoded}&aadOptscim062020"));
        assert_eq!(seen[4], format!("/Users?aadOptscim062020=true&{encoded}"));
    }

    #[test]
    fn options_that_are_wrong() {
        for url in ["nonsense", "ftp://x.example", "https://x.example/#top"] {
            let options = Options::new(Kind::Entra, url, "t");
            assert!(matches!(client(&options), Err(Error::Url { .. })), "{url}");
        }
        let options = Options::new(Kind::Okta, "https://x.example", "a\nb");
        assert!(matches!(client(&options), Err(Error::Token)));
    }
}

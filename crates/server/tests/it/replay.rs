//! What Entra ID and Okta send, and what they must be answered: one file per case of
//! `fixtures/idp/{entra,okta}`, each on a directory of its own. `HEADCOUNT_REPLAY=E-80` runs one.
//!
//! A file holds `case`, `about`, perhaps a `note` on why the answer is what it is, `setup` (users
//! and groups that exist before, under the name by which `{name}` means their id), `each` (the case
//! runs once for every element, `{each}` or `{each.key}` in its steps) and `steps`.
//!
//! `send`: `method`, `path` below the base URL, `query` (text as on the wire, or pairs to encode),
//! `headers` (`null` leaves one out), and `body`, `operations` of a PATCH, or `raw` text. Names that
//! are always there: `{base}`, `{token}`; in a step with `times` also `{number}`, which can be part of
//! a name: `{user{number}}`.
//! `expect`: see [`Expect`] and [`matching`]. `save`: a name and the JSON pointer of its value;
//! `name+` collects values in a list.

mod matching;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::redirect::Policy;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::harness::{Directory, TestServer, in_parallel, patch};
use matching::{differences, rules_of_every_answer};

type Object = Map<String, Value>;

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    case: String,
    #[expect(dead_code, reason = "for the reader of the file")]
    about: String,
    #[expect(dead_code, reason = "for the reader of the file")]
    note: Option<String>,
    #[serde(default)]
    setup: Setup,
    #[serde(default)]
    each: Vec<Value>,
    steps: Vec<Step>,
}

/// Bodies of the POSTs that create what is there before, without `schemas`.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Setup {
    #[serde(default)]
    users: Object,
    #[serde(default)]
    groups: Object,
    /// Requests a second; 0 is no limit.
    #[serde(default)]
    rate_limit: u32,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    send: Send,
    #[serde(default = "once")]
    times: usize,
    /// Only one of the times has to be answered as expected; the rest are not sent any more.
    #[serde(default)]
    until: bool,
    expect: Expect,
    #[serde(default)]
    save: Object,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Send {
    method: String,
    path: String,
    #[serde(default)]
    query: Value,
    #[serde(default)]
    headers: Object,
    body: Option<Value>,
    operations: Option<Value>,
    raw: Option<Value>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    /// One, or a list of those that are right.
    status: Value,
    #[serde(default)]
    headers: Object,
    #[serde(default)]
    body: Value,
    /// JSON pointers at which the answer has nothing.
    #[serde(default)]
    absent: Vec<String>,
}

fn once() -> usize {
    1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replay() {
    let cases = Arc::new(read_cases());
    let server = Arc::new(TestServer::start().await);
    // No header is sent that the file does not name, but for `Accept: */*`; a redirect is an answer
    // like any other.
    let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
    // The organization exists before several ask for it at once.
    server.directory("generic", 0).await;
    let failures = in_parallel(cases.len(), 4, {
        let cases = cases.clone();
        move |at| {
            let (server, cases, http) = (server.clone(), cases.clone(), http.clone());
            async move { failures(&cases[at], &server, &http).await }
        }
    })
    .await
    .concat();
    let count = failures.len();
    assert!(failures.is_empty(), "{count} runs failed:\n\n{}", failures.join("\n\n"));
}

/// Runs the case once, or once for every element of `each` on the same directory, emptied between.
async fn failures(case: &Case, server: &TestServer, http: &reqwest::Client) -> Vec<String> {
    let kind = if case.case.starts_with('E') { "entra" } else { "okta" };
    let directory = server.directory(kind, case.setup.rate_limit).await;
    let once = [Value::Null];
    let mut failures = Vec::new();
    for (at, each) in if case.each.is_empty() { &once[..] } else { &case.each }.iter().enumerate() {
        let mut run = Run::new(http.clone(), &server.scim_url(&directory), &directory, each);
        let emptied = if at == 0 { Ok(()) } else { run.empty_directory().await };
        let played = match emptied {
            Ok(()) => run.play(case).await,
            Err(problem) => Err(problem),
        };
        if let Err(problem) = played {
            let variant = if each.is_null() { "".into() } else { format!(" with {each}") };
            failures.push(format!("{}{variant}\n  {problem}", case.case));
        }
    }
    failures
}

fn read_cases() -> Vec<Case> {
    let only = std::env::var("HEADCOUNT_REPLAY").ok();
    let mut cases = Vec::new();
    for (vendor, letter) in [("entra", "E-"), ("okta", "O-")] {
        for file in files(vendor) {
            let name = file.file_stem().unwrap().to_str().unwrap();
            let numbered = name.starts_with(letter);
            if !numbered || only.as_ref().is_some_and(|only| only != name) {
                continue;
            }
            let text = std::fs::read_to_string(&file).unwrap();
            let case: Case = serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            assert_eq!(case.case, name, "{}", file.display());
            cases.push(case);
        }
    }
    assert!(!cases.is_empty(), "no cases");
    cases
}

fn files(vendor: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/idp").join(vendor);
    let entries = std::fs::read_dir(&folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// One run of a case.
struct Run {
    http: reqwest::Client,
    base: String,
    /// What `{name}` stands for.
    names: Object,
}

struct Answer {
    status: u16,
    headers: reqwest::header::HeaderMap,
    text: String,
}

impl Run {
    fn new(http: reqwest::Client, base: &str, directory: &Directory, each: &Value) -> Self {
        let mut names = Object::new();
        names.insert("base".into(), base.into());
        names.insert("token".into(), directory.token.clone().into());
        names.insert("each".into(), each.clone());
        Self { http, base: base.to_owned(), names }
    }

    /// Every step, up to the first whose answer is wrong: the later ones stand on it.
    async fn play(&mut self, case: &Case) -> Result<(), String> {
        for (endpoint, schema, resources) in
            [("/Users", "User", &case.setup.users), ("/Groups", "Group", &case.setup.groups)]
        {
            for (name, body) in resources {
                let mut body = self.fill(body)?;
                let schema = format!("urn:ietf:params:scim:schemas:core:2.0:{schema}");
                body.as_object_mut()
                    .ok_or_else(|| format!("setup of `{name}`: no object"))?
                    .entry("schemas")
                    .or_insert_with(|| json!([schema]));
                let created = self.setup(endpoint, &body).await;
                let id = created.map_err(|error| format!("setup of `{name}`: {error}"))?;
                self.names.insert(name.clone(), id);
            }
        }
        for (number, step) in case.steps.iter().enumerate() {
            for time in 1..=step.times {
                self.names.insert("number".into(), time.into());
                let failed = self.step(step).await.err();
                if step.until && failed.is_none() {
                    break;
                }
                if let Some(problems) = failed.filter(|_| !step.until || time == step.times) {
                    let shown = |text| self.text(text).unwrap_or_else(|_| text.to_owned());
                    let (method, path) = (shown(&step.send.method), shown(&step.send.path));
                    let time = if step.times > 1 { format!(", time {time}") } else { "".into() };
                    return Err(format!(
                        "step {} ({method} {path}{time})\n    {}",
                        number + 1,
                        problems.join("\n    ")
                    ));
                }
            }
        }
        Ok(())
    }

    async fn setup(&self, endpoint: &str, body: &Value) -> Result<Value, String> {
        let send = json!({"method": "POST", "path": endpoint, "body": body});
        let answer = self.send(&serde_json::from_value(send).unwrap()).await?;
        let body: Value = serde_json::from_str(&answer.text).unwrap_or_default();
        match (answer.status, &body["id"]) {
            (201, id @ Value::String(_)) => Ok(id.clone()),
            (status, _) => Err(format!("{status} {body}")),
        }
    }

    async fn empty_directory(&self) -> Result<(), String> {
        for endpoint in ["/Groups", "/Users"] {
            let ask =
                json!({"method": "GET", "path": endpoint, "query": "attributes=id&count=1000"});
            let answer = self.send(&serde_json::from_value(ask).unwrap()).await?;
            let found: Value = serde_json::from_str(&answer.text).unwrap_or_default();
            for resource in found["Resources"].as_array().into_iter().flatten() {
                let path = format!("{endpoint}/{}", resource["id"].as_str().unwrap_or_default());
                let delete = json!({"method": "DELETE", "path": path});
                let answer = self.send(&serde_json::from_value(delete).unwrap()).await?;
                if answer.status != 204 {
                    return Err(format!("DELETE {path} after the run before: {}", answer.text));
                }
            }
        }
        Ok(())
    }

    async fn step(&mut self, step: &Step) -> Result<(), Vec<String>> {
        let answer = self.send(&step.send).await.map_err(|error| vec![error])?;
        let body: Value = match answer.text.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text).map_err(|_| vec![format!("no JSON: {text}")])?,
        };
        let mut problems = Vec::new();
        let wanted = self.fill(&step.expect.status).map_err(|error| vec![error])?;
        let fits = match &wanted {
            Value::Array(statuses) => statuses.contains(&answer.status.into()),
            one => *one == answer.status,
        };
        if !fits {
            problems.push(format!("status: expected {wanted}, got {}", answer.status));
        }
        let headers: Object = answer
            .headers
            .iter()
            .map(|(name, value)| {
                (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into())
            })
            .collect();
        rules_of_every_answer(answer.status, &body, &mut problems);
        if !body.is_null() && !step.expect.headers.contains_key("content-type") {
            let scim = json!({"$text": "application/scim+json"});
            differences("header content-type", &scim, headers.get("content-type"), &mut problems);
        }
        let headers = Value::Object(headers);
        for (wanted, got, place) in [
            (Value::Object(step.expect.headers.clone()), &headers, "header "),
            (step.expect.body.clone(), &body, ""),
        ] {
            let wanted = self.fill(&wanted).map_err(|error| vec![error])?;
            if !wanted.is_null() {
                differences(place, &wanted, Some(got), &mut problems);
            }
        }
        for pointer in &step.expect.absent {
            let pointer = self.text(pointer).map_err(|error| vec![error])?;
            if let Some(got) = body.pointer(&pointer) {
                problems.push(format!("{pointer}: expected nothing, got {got}"));
            }
        }
        if !problems.is_empty() {
            problems.push(format!("answered: {} {}", answer.status, shortened(&answer.text)));
            return Err(problems);
        }
        for (name, what) in &step.save {
            self.save(name, what, &body).map_err(|error| vec![error])?;
        }
        Ok(())
    }

    async fn send(&self, send: &Send) -> Result<Answer, String> {
        let mut url = format!("{}{}", self.base, self.text(&send.path)?);
        let query = match &send.query {
            Value::Object(pairs) => {
                let mut parts = Vec::new();
                for (key, value) in pairs {
                    let value = self.text(value.as_str().unwrap_or(&value.to_string()))?;
                    parts.push(format!("{key}={}", utf8_percent_encode(&value, NON_ALPHANUMERIC)));
                }
                parts.join("&")
            }
            Value::String(text) => self.text(text)?,
            _ => String::new(),
        };
        if !query.is_empty() {
            url = format!("{url}?{query}");
        }
        let method = self.text(&send.method)?.parse().map_err(|_| "no method".to_owned())?;
        let mut request = self.http.request(method, &url);
        let body = match (&send.body, &send.operations, &send.raw) {
            (Some(body), None, None) => {
                Some(self.fill(body)?).filter(|body| !body.is_null()).map(|body| body.to_string())
            }
            (None, Some(operations), None) => Some(patch(self.fill(operations)?).to_string()),
            (None, None, Some(raw)) => Some(match self.fill(raw)? {
                Value::String(text) => text,
                other => other.to_string(),
            }),
            (None, None, None) => None,
            _ => return Err("more than one of `body`, `operations` and `raw`".into()),
        };
        let mut headers = Object::new();
        headers.insert("authorization".into(), format!("Bearer {}", self.text("{token}")?).into());
        if body.is_some() {
            headers.insert("content-type".into(), "application/scim+json; charset=utf-8".into());
        }
        for (name, value) in &send.headers {
            headers.insert(name.to_ascii_lowercase(), value.clone());
        }
        for (name, value) in headers {
            if let Value::String(value) = self.fill(&value)? {
                request = request.header(name, value);
            }
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = request.send().await.map_err(|error| format!("no answer: {error:?}"))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.map_err(|error| error.to_string())?;
        Ok(Answer { status, headers, text })
    }

    fn save(&mut self, name: &str, what: &Value, body: &Value) -> Result<(), String> {
        let value = match what {
            Value::Object(pointers) => pointers
                .iter()
                .map(|(key, pointer)| Ok((key.clone(), at(body, pointer)?)))
                .collect::<Result<Object, String>>()?
                .into(),
            pointer => at(body, pointer)?,
        };
        let name = self.text(name)?;
        match name.strip_suffix('+') {
            Some(list) => match self.names.entry(list).or_insert_with(|| json!([])) {
                Value::Array(list) => list.push(value),
                _ => return Err(format!("`{list}` is no list")),
            },
            None => {
                self.names.insert(name, value);
            }
        }
        Ok(())
    }

    /// `value` with every `{name}` replaced; a text that is nothing but `{name}` becomes the value.
    fn fill(&self, value: &Value) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => match placeholder(text) {
                Some(("", name, "")) => self.value(name)?,
                _ => Value::String(self.text(text)?),
            },
            Value::Array(list) => {
                list.iter().map(|value| self.fill(value)).collect::<Result<_, _>>()?
            }
            Value::Object(object) => object
                .iter()
                .map(|(key, value)| Ok((self.text(key)?, self.fill(value)?)))
                .collect::<Result<Object, String>>()?
                .into(),
            other => other.clone(),
        })
    }

    fn text(&self, text: &str) -> Result<String, String> {
        let number = self.names.get("number").unwrap_or(&Value::Null);
        let text = text.replace("{number}", &number.to_string());
        let mut filled = String::new();
        let mut rest = &*text;
        while let Some((before, name, after)) = placeholder(rest) {
            filled.push_str(before);
            match self.value(name)? {
                Value::String(text) => filled.push_str(&text),
                other => filled.push_str(&other.to_string()),
            }
            rest = after;
        }
        Ok(filled + rest)
    }

    /// What a name stands for; elements of `each` may hold names themselves.
    fn value(&self, name: &str) -> Result<Value, String> {
        let (first, members) = name.split_once('.').unwrap_or((name, ""));
        let mut members = members.split('.').filter(|member| !member.is_empty());
        let value =
            self.names.get(first).and_then(|value| members.try_fold(value, |v, m| v.get(m)));
        let value = value.ok_or_else(|| format!("nothing is named `{name}`"))?;
        if first == "each" { self.fill(value) } else { Ok(value.clone()) }
    }
}

fn at(body: &Value, pointer: &Value) -> Result<Value, String> {
    let pointer = pointer.as_str().unwrap_or_default();
    body.pointer(pointer).cloned().ok_or_else(|| format!("nothing to save at `{pointer}`: {body}"))
}

/// The first `{name}` of a text, and what surrounds it. Other braces are text.
fn placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let part = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    text.match_indices('{').find_map(|(at, _)| {
        let (name, after) = text[at + 1..].split_once('}')?;
        (!name.is_empty() && name.chars().all(part)).then_some((&text[..at], name, after))
    })
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(2000) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

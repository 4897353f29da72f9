//! Playing a case.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::case::{Case, Object, Request, Step};
use super::matching::{differences, rules_of_every_answer};
use crate::harness::{Directory, PATIENCE, TestServer, in_parallel, patch};

/// One run of a case.
#[derive(Clone)]
pub struct Run {
    http: reqwest::Client,
    server: Arc<TestServer>,
    directory: Directory,
    base: String,
    /// What `{name}` stands for; shared by requests that are under way at once.
    names: Arc<Object>,
    /// What `{number}` stands for.
    number: usize,
}

struct Answer {
    status: u16,
    headers: reqwest::header::HeaderMap,
    text: String,
}

impl Run {
    pub fn new(
        http: reqwest::Client,
        server: Arc<TestServer>,
        directory: Directory,
        each: &Value,
    ) -> Self {
        let base = server.scim_url(&directory);
        let mut names = Object::new();
        names.insert("base".into(), base.clone().into());
        names.insert("directory".into(), directory.id.clone().into());
        names.insert("token".into(), directory.token.clone().into());
        names.insert("basic".into(), BASE64.encode(format!("scim:{}", directory.token)).into());
        names.insert("file".into(), file_of(&server, &directory).display().to_string().into());
        names.insert("each".into(), each.clone());
        Self { http, server, directory, base, names: Arc::new(names), number: 0 }
    }

    /// Every step, up to the first whose answer is wrong: the later ones stand on it.
    pub async fn play(&mut self, case: &Case) -> Result<(), String> {
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
                Arc::make_mut(&mut self.names).insert(name.clone(), id);
            }
        }
        for (number, step) in case.steps.iter().enumerate() {
            if let Err((time, problems)) = self.times(step).await {
                let at = match &step.send {
                    Some(send) => format!("{} {}", send.method, send.path),
                    None => step.command.clone().unwrap_or_default(),
                };
                let at = self.text(&at).unwrap_or(at);
                let time = if step.times > 1 { format!(", time {time}") } else { "".into() };
                return Err(format!(
                    "step {} ({at}{time})\n    {}",
                    number + 1,
                    problems.join("\n    ")
                ));
            }
        }
        Ok(())
    }

    /// The step as often as it says; which time failed, and why.
    async fn times(&mut self, step: &Step) -> Result<(), (usize, Vec<String>)> {
        if step.parallel > 1 {
            let run = self.clone();
            let shared = Arc::new(step.clone());
            let outcomes = in_parallel(step.times, step.parallel, move |at| {
                let (run, step) = (Self { number: at + 1, ..run.clone() }, shared.clone());
                async move { run.step(&step).await }
            });
            for (at, saved) in outcomes.await.into_iter().enumerate() {
                for (name, value) in saved.map_err(|problems| (at + 1, problems))? {
                    self.keep(name, value).map_err(|problem| (at + 1, vec![problem]))?;
                }
            }
            return Ok(());
        }
        for time in 1..=step.times {
            self.number = time;
            match self.step(step).await {
                Ok(saved) => {
                    for (name, value) in saved {
                        self.keep(name, value).map_err(|problem| (time, vec![problem]))?;
                    }
                    if step.until {
                        break;
                    }
                }
                Err(_) if step.until && time < step.times => {}
                Err(problems) => return Err((time, problems)),
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

    /// Deletes every group and user.
    pub async fn empty_directory(&self) -> Result<(), String> {
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

    /// What the step saves, by name.
    async fn step(&self, step: &Step) -> Result<Vec<(String, Value)>, Vec<String>> {
        let Some(send) = &step.send else { return self.command(step).await };
        let answer = self.send(send).await.map_err(|error| vec![error])?;
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
        if problems.is_empty() && !step.expect.notes.is_empty() {
            let request_id = headers["x-request-id"].as_str().unwrap_or_default();
            let noted = self.notes(request_id).await;
            for note in &step.expect.notes {
                let note = self.text(note).map_err(|error| vec![error])?;
                if !noted.iter().any(|noted| noted.contains(&note)) {
                    problems.push(format!("log: expected a note of `{note}`, got {noted:?}"));
                }
            }
        }
        if !problems.is_empty() {
            problems.push(format!("answered: {} {}", answer.status, shortened(&answer.text)));
            return Err(problems);
        }
        self.saved(step, &body).map_err(|error| vec![error])
    }

    async fn command(&self, step: &Step) -> Result<Vec<(String, Value)>, Vec<String>> {
        let command = step.command.as_deref().ok_or_else(|| vec!["nothing to do".to_owned()])?;
        let command = self.text(command).map_err(|error| vec![error])?;
        if !step.file.is_null() {
            let file = self.fill(&step.file).map_err(|error| vec![error])?;
            std::fs::write(file_of(&self.server, &self.directory), file.to_string()).unwrap();
        }
        let printed = self.server.command(&command).await;
        let wanted = self.fill(&step.expect.body).map_err(|error| vec![error])?;
        let mut problems = Vec::new();
        if !wanted.is_null() {
            differences("", &wanted, Some(&printed), &mut problems);
        }
        if problems.is_empty() {
            self.saved(step, &printed).map_err(|error| vec![error])
        } else {
            Err(problems)
        }
    }

    /// What the provisioning log notes about a request, once it tells of it.
    async fn notes(&self, request_id: &str) -> Vec<String> {
        let asked = Instant::now();
        loop {
            let log = self.server.provisioning_log(&self.directory).await;
            if let Some(entry) = log.into_iter().find(|entry| entry.request_id == request_id) {
                return entry.notes;
            }
            assert!(asked.elapsed() < PATIENCE, "no log entry of request {request_id}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn send(&self, send: &Request) -> Result<Answer, String> {
        let path = self.text(&send.path)?;
        let mut url = if path.starts_with('/') { format!("{}{path}", self.base) } else { path };
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
            (None, None, Some(raw)) => self.fill(raw)?.as_str().map(str::to_owned),
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

    fn saved(&self, step: &Step, body: &Value) -> Result<Vec<(String, Value)>, String> {
        let mut saved = Vec::new();
        for (name, what) in &step.save {
            let value = match what {
                Value::Object(pointers) => pointers
                    .iter()
                    .map(|(key, pointer)| Ok((key.clone(), at(body, pointer)?)))
                    .collect::<Result<Object, String>>()?
                    .into(),
                pointer => at(body, pointer)?,
            };
            saved.push((self.text(name)?, value));
        }
        Ok(saved)
    }

    fn keep(&mut self, name: String, value: Value) -> Result<(), String> {
        let names = Arc::make_mut(&mut self.names);
        match name.strip_suffix('+') {
            Some(list) => match names.entry(list).or_insert_with(|| json!([])) {
                Value::Array(list) => list.push(value),
                _ => return Err(format!("`{list}` is no list")),
            },
            None => {
                names.insert(name, value);
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
            Value::Object(object) if object.contains_key("$times") => {
                let times = object["$times"].as_u64().ok_or("`$times` is no number")?;
                let of = object.get("of").ok_or("`$times` of nothing")?;
                let one = |number| Self { number, ..self.clone() }.fill(of);
                (1..=times as usize).map(one).collect::<Result<_, _>>()?
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
        let text = text.replace("{number}", &self.number.to_string());
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
        if name == "number" {
            return Ok(self.number.into());
        }
        let (first, members) = name.split_once('.').unwrap_or((name, ""));
        let mut members = members.split('.').filter(|member| !member.is_empty());
        let value =
            self.names.get(first).and_then(|value| members.try_fold(value, |v, m| v.get(m)));
        let value = value.ok_or_else(|| format!("nothing is named `{name}`"))?;
        if first == "each" { self.fill(value) } else { Ok(value.clone()) }
    }
}

/// Where a case puts a file for its commands.
fn file_of(server: &TestServer, directory: &Directory) -> PathBuf {
    server.data().join(format!("{}.json", directory.id))
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

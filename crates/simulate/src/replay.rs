//! A script sent once more, to another server or another directory.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use percent_encoding::utf8_percent_encode;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue, RETRY_AFTER};
use serde::Serialize;
use serde_json::Value;

use crate::call::UNRESERVED;
use crate::report::shorten;
use crate::run::Run;
use crate::script::{self, Held, Line, Names, Title, VERSION};
use crate::trouble::Trouble;
use crate::{Error, Options};

/// What a replay came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Replayed {
    pub requests: u64,
    /// Requests that never reached the server when the script was written, and were left out.
    pub left_out: u64,
    /// Answers with another status than the one written down.
    pub statuses: Vec<OtherStatus>,
    /// Resources at the end.
    pub resources: usize,
    /// Resources that are there no more, or otherwise than written down.
    pub differences: Vec<OtherResource>,
}

impl Replayed {
    pub fn passed(&self) -> bool {
        self.statuses.is_empty() && self.differences.is_empty()
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct OtherStatus {
    /// From 1.
    pub line: usize,
    pub request: String,
    pub expected: Option<u16>,
    /// `None` where no answer came.
    pub got: Option<u16>,
}

#[derive(Clone, Debug, Serialize)]
pub struct OtherResource {
    pub name: String,
    /// `None`: it is not in the script.
    pub expected: Option<Value>,
    /// `None`: the server does not hold it.
    pub got: Option<Value>,
}

/// Sends the requests of a script one after the other, then compares what the server holds with what the script says.
/// The directory should be fresh. `told` gets how many lines are done, of how many.
pub async fn replay(
    script: &str,
    url: &str,
    token: &str,
    told: impl Fn(usize, usize) + Send + Sync,
) -> Result<Replayed, Error> {
    let (title, lines, expected) = read(script)?;
    // Whoever replays has a token of their own, in whatever way the script's was got.
    let mut knobs = title.knobs;
    knobs.retain(|(name, value)| name != "auth" || !value.starts_with("oauth"));
    let options = Options { knobs, ..Options::new(title.kind, url, token) };
    let mut run = Run::new(&options, &|_| ())?;
    run.reach().await?;
    let mut replay = Replay { ids: HashMap::new(), base: run.client.base().to_owned() };
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let http = http.http1_only().timeout(Duration::from_secs(60)).build();
    let http =
        http.map_err(|error| Error::Url { url: url.to_owned(), reason: error.to_string() })?;
    let authorization = run.client.authorization();
    let mut done = Replayed::default();
    let count = lines.len();
    for (place, (number, line)) in lines.into_iter().enumerate() {
        told(place, count);
        if line.trouble.is_some_and(|trouble| !trouble.reaches()) {
            done.left_out += 1;
            continue;
        }
        let twice = line.trouble == Some(Trouble::Repeated);
        let mut answer = None;
        for time in 0..=usize::from(twice) {
            let token = match line.foreign_token {
                true => HeaderValue::from_static("Bearer never-issued-by-anybody"),
                false => authorization.clone(),
            };
            let came = replay.send(&http, &line, token, number).await?;
            done.requests += 1;
            if time == 0 {
                answer = came;
            }
        }
        let status = answer.as_ref().map(|(status, _)| *status);
        if status != line.status {
            let request = format!("{} {}", line.method, line.path);
            let expected = line.status;
            done.statuses.push(OtherStatus { line: number, request, expected, got: status });
        }
        if let (Some(name), Some((_, body))) = (&line.gives, &answer) {
            let one = body["Resources"].as_array().map_or(Some(body), |list| list.first());
            if let Some(id) = one.and_then(|one| one["id"].as_str()) {
                replay.ids.insert(name.clone(), id.to_owned());
            }
        }
    }
    let mut names = Names::default();
    for (name, id) in &replay.ids {
        names.bind(id, name);
    }
    let got = script::held(script::read_state(&run).await, &names, &replay.base);
    done.resources = got.len();
    done.differences = differences(expected, got);
    Ok(done)
}

type Numbered = (usize, Line);

fn read(script: &str) -> Result<(Title, Vec<Numbered>, Vec<Value>), Error> {
    let wrong = |line: usize, reason: String| Error::Script { line, reason };
    let mut lines = script.lines().enumerate().map(|(place, line)| (place + 1, line));
    let (_, first) = lines.next().ok_or_else(|| wrong(1, "the file is empty".to_owned()))?;
    let title: Title = serde_json::from_str(first).map_err(|error| wrong(1, error.to_string()))?;
    if title.script != VERSION {
        let reason = format!("version {} is not known, only {VERSION}", title.script);
        return Err(wrong(1, reason));
    }
    let (mut requests, mut held) = (Vec::new(), Vec::new());
    for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let value: Value =
            serde_json::from_str(line).map_err(|error| wrong(number, error.to_string()))?;
        let read = |error: serde_json::Error| wrong(number, error.to_string());
        match value.get("held").is_some() {
            true => held.push(serde_json::from_value::<Held>(value).map_err(read)?.held),
            false => requests.push((number, serde_json::from_value(value).map_err(read)?)),
        }
    }
    Ok((title, requests, held))
}

struct Replay {
    /// Names and the ids that stand for them here.
    ids: HashMap<String, String>,
    base: String,
}

impl Replay {
    /// `None`: no answer came.
    async fn send(
        &self,
        http: &reqwest::Client,
        line: &Line,
        authorization: HeaderValue,
        number: usize,
    ) -> Result<Option<(u16, Value)>, Error> {
        let wrong = |reason: String| Error::Script { line: number, reason };
        let method = Method::from_bytes(line.method.as_bytes());
        let method = method.map_err(|_| wrong(format!("`{}` is no method", line.method)))?;
        let encoded = |id: &str| utf8_percent_encode(id, &UNRESERVED).to_string();
        let url = format!("{}{}", self.base, self.text(&line.path, encoded));
        loop {
            let mut request = http.request(method.clone(), &url);
            request = request.header(AUTHORIZATION, authorization.clone());
            for (name, value) in &line.headers {
                let header = HeaderName::from_bytes(name.as_bytes());
                let value = HeaderValue::from_str(value.as_str().unwrap_or_default());
                let (Ok(header), Ok(value)) = (header, value) else {
                    return Err(wrong(format!("`{name}` is no header")));
                };
                request = request.header(header, value);
            }
            if let Some(body) = &line.body {
                request = request.body(self.text(&body.to_string(), str::to_owned));
            }
            let Ok(response) = request.send().await else { return Ok(None) };
            let status = response.status().as_u16();
            if status == 429 && line.status != Some(429) {
                let after = response.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok());
                let seconds = after.and_then(|text| text.parse().ok()).unwrap_or(5);
                tokio::time::sleep(Duration::from_secs(u64::clamp(seconds, 1, 60))).await;
                continue;
            }
            let body = response.bytes().await.unwrap_or_default();
            return Ok(Some((status, serde_json::from_slice(&body).unwrap_or_default())));
        }
    }

    /// The text with ids for their names.
    fn text(&self, text: &str, write: impl Fn(&str) -> String) -> String {
        let mut full = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            let (before, after) = rest.split_at(at);
            full.push_str(before);
            let name = after.find('}').map(|end| &after[..=end]);
            let id = name.and_then(|name| match name {
                "{base}" => Some(self.base.clone()),
                name => self.ids.get(name).map(|id| write(id)),
            });
            let (text, width) = match (id, name) {
                (Some(id), Some(name)) => (id, name.len()),
                _ => ("{".to_owned(), 1),
            };
            full.push_str(&text);
            rest = &after[width..];
        }
        full + rest
    }
}

fn differences(expected: Vec<Value>, got: Vec<Value>) -> Vec<OtherResource> {
    let by_name = |list: Vec<Value>| -> BTreeMap<String, Value> {
        let name = |value: &Value| value["id"].as_str().unwrap_or_default().to_owned();
        list.into_iter().map(|value| (name(&value), value)).collect()
    };
    let (expected, mut got) = (by_name(expected), by_name(got));
    let mut differences = Vec::new();
    for (name, expected) in expected {
        let got = got.remove(&name);
        if got.as_ref() != Some(&expected) {
            differences.push(OtherResource { name, expected: Some(expected), got });
        }
    }
    let rest = got.into_iter();
    differences.extend(rest.map(|(name, got)| OtherResource {
        name,
        expected: None,
        got: Some(got),
    }));
    differences
}

impl std::fmt::Display for Replayed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const PRINTED: usize = 20;
        let Replayed { requests, left_out, resources, .. } = self;
        writeln!(
            f,
            "{requests} requests replayed, {left_out} left out; {resources} resources now"
        )?;
        for other in self.statuses.iter().take(PRINTED) {
            let status = |status: Option<u16>| {
                status.map_or("no answer".to_owned(), |status| status.to_string())
            };
            let (expected, got) = (status(other.expected), status(other.got));
            writeln!(f, "line {}: {expected} then, {got} now: {}", other.line, other.request)?;
        }
        for OtherResource { name, expected, got } in self.differences.iter().take(PRINTED) {
            let text = |value: &Option<Value>| {
                value.as_ref().map_or("nothing".to_owned(), |v| shorten(&v.to_string(), 600))
            };
            writeln!(f, "difference {name}\n  then  {}\n  now   {}", text(expected), text(got))?;
        }
        match (self.statuses.len(), self.differences.len()) {
            (0, 0) => write!(f, "the same answers, the same end"),
            (statuses, differences) => {
                write!(f, "{statuses} other answers, {differences} differences at the end")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_that_cannot_be_read() {
        let title =
            r#"{"script":1,"kind":"okta","seed":1,"users":1,"groups":0,"scenarios":[],"knobs":[]}"#;
        for (text, line) in [
            (String::new(), 1),
            ("nonsense".to_owned(), 1),
            (title.replacen('1', "9", 1), 1),
            (format!("{title}\n{{"), 2),
            (format!("{title}\n\n{{\"at_ms\":0}}"), 3),
        ] {
            match read(&text) {
                Err(Error::Script { line: at, .. }) => assert_eq!(at, line, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
        assert!(read(title).is_ok());
    }
}

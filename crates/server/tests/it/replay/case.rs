//! The file of a case.
//!
//! `{name}` stands for the id of what was set up or for what a step saved; a text that is nothing but
//! `{name}` becomes that value, of whatever type. Always there: `{base}`, the directory's URL, and
//! `{token}`, its first token, `{basic}`, the same in the form of a Basic password, and
//! `{directory}`, its id; in a step with `times` also `{number}`, which can be part of a name:
//! `{user{number}}`. `{"$times": 3, "of": …}` is a list of as many, each with its `{number}`.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

pub type Object = Map<String, Value>;

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The number, followed by a part of its own where one number has several files: `E-134-V07`.
    pub case: String,
    #[expect(dead_code, reason = "for the reader of the file")]
    pub title: String,
    /// Public reports of servers that failed at it.
    #[expect(dead_code, reason = "for the reader of the file")]
    #[serde(default)]
    pub source: Vec<String>,
    /// Why the answer is what it is, where that is a decision.
    #[expect(dead_code, reason = "for the reader of the file")]
    pub note: Option<String>,
    #[serde(default)]
    pub setup: Setup,
    /// The case runs once for every element: `{each}`, or `{each.key}` of an object.
    #[serde(default)]
    pub each: Vec<Value>,
    pub steps: Vec<Step>,
}

/// Bodies of the POSTs that create what is there before, without `schemas`.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    #[serde(default)]
    pub users: Object,
    #[serde(default)]
    pub groups: Object,
    /// Requests a second; 0 is no limit.
    #[serde(default)]
    pub rate_limit: u32,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// A request, or a command line of `headcount` whose JSON is judged and saved like an answer.
    pub send: Option<Request>,
    pub command: Option<String>,
    /// What is in the file that a command line calls `{file}`.
    #[serde(default)]
    pub file: Value,
    #[serde(default = "once")]
    pub times: usize,
    /// How many of the times are under way at once.
    #[serde(default = "once")]
    pub parallel: usize,
    /// Only one of the times has to be answered as expected; the rest are not sent any more.
    #[serde(default)]
    pub until: bool,
    #[serde(default)]
    pub expect: Expect,
    /// Names, and the JSON pointers of their values or an object of such; `name+` collects a list.
    #[serde(default)]
    pub save: Object,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    pub method: String,
    /// Below the base URL, or a whole URL.
    pub path: String,
    /// Text as on the wire, or an object whose values are to be encoded.
    #[serde(default)]
    pub query: Value,
    /// Beside the token and the media type; `null` leaves one out.
    #[serde(default)]
    pub headers: Object,
    pub body: Option<Value>,
    /// Of a PATCH, without the message around them.
    pub operations: Option<Value>,
    /// A body that is text.
    pub raw: Option<Value>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// One, or a list of those that are right. Every request expects one.
    #[serde(default)]
    pub status: Value,
    #[serde(default)]
    pub headers: Object,
    /// See [`super::matching::differences`].
    #[serde(default)]
    pub body: Value,
    /// JSON pointers at which the answer has nothing.
    #[serde(default)]
    pub absent: Vec<String>,
    /// Parts of what the provisioning log notes about the request.
    #[serde(default)]
    pub notes: Vec<String>,
}

fn once() -> usize {
    1
}

/// Folders of `fixtures/idp`, and the letter of their cases' numbers.
const PROVIDERS: [(&str, char); 12] = [
    ("authentik", 'X'),
    ("cyberark", 'X'),
    ("duo", 'X'),
    ("entra", 'E'),
    ("google", 'X'),
    ("jumpcloud", 'X'),
    ("keycloak", 'X'),
    ("okta", 'O'),
    ("onelogin", 'X'),
    ("ping", 'X'),
    ("rauthy", 'X'),
    ("rippling", 'X'),
];

impl Case {
    /// All cases, or those whose number `HEADCOUNT_REPLAY` names, with the providers that they are of.
    pub fn read_all() -> Vec<(&'static str, Self)> {
        let only = std::env::var("HEADCOUNT_REPLAY").ok();
        let named = |name: &str| {
            let rest = only.as_ref().map(|only| name.strip_prefix(only.as_str()));
            rest.is_none_or(|rest| {
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            })
        };
        let mut cases = Vec::new();
        for (provider, name, file) in files().into_iter().filter(|(_, name, _)| named(name)) {
            let text = std::fs::read_to_string(&file).unwrap();
            let case: Self = serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            assert_eq!(case.case, name, "{}", file.display());
            cases.push((provider, case));
        }
        assert!(!cases.is_empty(), "no cases");
        cases
    }
}

/// Provider, name and path of every case's file.
pub fn files() -> Vec<(&'static str, String, PathBuf)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()) {
        if !entry.is_dir() {
            continue;
        }
        let name = entry.file_name().unwrap().to_str().unwrap();
        let known = PROVIDERS.iter().find(|(provider, _)| *provider == name);
        let (provider, letter) = known.unwrap_or_else(|| panic!("whose cases are `{name}`?"));
        for file in std::fs::read_dir(&entry).unwrap().map(|file| file.unwrap().path()) {
            let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
            if name.starts_with(&format!("{letter}-")) {
                files.push((*provider, name, file));
            }
        }
    }
    files.sort();
    files
}

/// The number of a file's name: `E-134` of `E-134-V07`.
pub fn number_of(name: &str) -> String {
    name.splitn(3, '-').take(2).collect::<Vec<_>>().join("-")
}

/// `fixtures/idp`.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/idp")
}

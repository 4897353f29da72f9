//! The file of a case.
//!
//! `{name}` stands for the id of what was set up or for what a step saved; a text that is nothing but
//! `{name}` becomes that value, of whatever type. Always there: `{base}`, the directory's URL, and
//! `{token}`; in a step with `times` also `{number}`, which can be part of a name: `{user{number}}`.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

pub type Object = Map<String, Value>;

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub case: String,
    #[expect(dead_code, reason = "for the reader of the file")]
    pub about: String,
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
    pub send: Request,
    #[serde(default = "once")]
    pub times: usize,
    /// Only one of the times has to be answered as expected; the rest are not sent any more.
    #[serde(default)]
    pub until: bool,
    pub expect: Expect,
    /// Names, and the JSON pointers of their values or an object of such; `name+` collects a list.
    #[serde(default)]
    pub save: Object,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    pub method: String,
    /// Below the base URL.
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

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// One, or a list of those that are right.
    pub status: Value,
    #[serde(default)]
    pub headers: Object,
    /// See [`super::matching::differences`].
    #[serde(default)]
    pub body: Value,
    /// JSON pointers at which the answer has nothing.
    #[serde(default)]
    pub absent: Vec<String>,
}

fn once() -> usize {
    1
}

impl Case {
    /// All cases, or the one that `HEADCOUNT_REPLAY` names.
    pub fn read_all() -> Vec<Self> {
        let only = std::env::var("HEADCOUNT_REPLAY").ok();
        let mut cases = Vec::new();
        for (file, name) in files() {
            if only.as_ref().is_some_and(|only| *only != name) {
                continue;
            }
            let text = std::fs::read_to_string(&file).unwrap();
            let case: Self = serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            assert_eq!(case.case, name, "{}", file.display());
            cases.push(case);
        }
        assert!(!cases.is_empty(), "no cases");
        cases
    }
}

/// The files of all cases and the numbers that name them.
pub fn files() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for (vendor, letter) in [("entra", "E-"), ("okta", "O-")] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/idp").join(vendor);
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            if name.starts_with(letter) {
                found.push((path, name));
            }
        }
    }
    found.sort();
    found
}

//! Inputs to start from, taken out of the fixtures.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

/// Seeds by the name of their target.
#[derive(Default)]
struct Seeds(HashMap<&'static str, BTreeSet<String>>);

/// Writes the seeds of a target into the folder that `FUZZ_SEEDS` names, if it does.
pub fn write(target: &str) {
    let Some(folder) = std::env::var_os("FUZZ_SEEDS") else { return };
    let mut seeds = Seeds::default();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    for file in files(&fixtures) {
        let text = fs::read_to_string(&file).unwrap_or_default();
        if let Ok(fixture) = serde_json::from_str::<Value>(&text) {
            seeds.collect(&fixture);
        }
    }
    let folder = PathBuf::from(folder);
    for (number, seed) in seeds.0.remove(target).unwrap_or_default().iter().enumerate() {
        fs::write(folder.join(format!("seed-{number}")), seed).expect("the folder takes seeds");
    }
    let found = fixtures.join("fuzz").join(target);
    for (number, input) in files(&found).iter().enumerate() {
        let input = fs::read(input).expect("a fixture can be read");
        fs::write(folder.join(format!("found-{number}")), input).expect("the folder takes seeds");
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries
        .flat_map(|entry| match entry.path() {
            path if path.is_dir() => files(&path),
            path => vec![path],
        })
        .collect();
    files.sort();
    files
}

impl Seeds {
    fn add(&mut self, target: &'static str, seed: impl Into<String>) {
        let seed = seed.into();
        // The same quirk in another order is no news; long lists are for other tests.
        if seed.len() < 4096 {
            self.0.entry(target).or_default().insert(seed);
        }
    }

    /// Whatever in a fixture looks like the input of a reader.
    fn collect(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.collect(item)),
            Value::Object(object) => {
                let text = |name: &str| object.get(name).and_then(Value::as_str);
                if let Some(filter) = text("filter") {
                    self.add("filter", filter);
                    self.add("query", format!("filter={filter}"));
                }
                if let (Some(path), Some(_)) = (text("path"), text("op")) {
                    self.add("path", path);
                    if let (Some(open), Some(close)) = (path.find('['), path.rfind(']')) {
                        self.add("filter", path.get(open + 1..close).unwrap_or_default());
                    }
                }
                if let Some(query) = text("query") {
                    let query = decoded(query);
                    for pair in query.split('&') {
                        if let Some(filter) = pair.strip_prefix("filter=") {
                            self.add("filter", filter);
                        }
                    }
                    self.add("query", query);
                }
                if let Some(operations) = object.get("operations").or(object.get("Operations")) {
                    let (target, message) = match operations[0].get("method") {
                        Some(_) => ("bulk", "BulkRequest"),
                        None => ("patch", "PatchOp"),
                    };
                    let schema = format!("urn:ietf:params:scim:api:messages:2.0:{message}");
                    let body = json!({"schemas": [schema], "Operations": operations});
                    self.add(target, body.to_string());
                }
                let names = |name: &str| object.keys().any(|key| key.eq_ignore_ascii_case(name));
                if names("userName") || names("displayName") {
                    self.add("resource", value.to_string());
                    self.add("json", value.to_string());
                }
                if names("mapping") {
                    self.add("mapping", value.to_string());
                }
                if names("attributes") && names("id") {
                    self.add("schema", value.to_string());
                }
                if value.to_string().contains("SearchRequest") && names("schemas") {
                    self.add("query", value.to_string());
                }
                object.values().for_each(|value| self.collect(value));
            }
            _ => {}
        }
    }
}

/// Percent-encoding undone.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match (first, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

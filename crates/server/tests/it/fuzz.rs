//! Requests at random.

use std::collections::BTreeMap;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{TestServer, answer, group, patch, user};

/// S-320: nothing that a request says makes the server fail, and it never leaves the standard's
/// form. The requests are the same in every run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_320_no_request_makes_the_server_fail() {
    const CALLERS: u64 = 8;
    const REQUESTS: usize = 300;
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    let one = client.post("/Users", user("a@example.com")).await.expect(201).id();
    let crew = client.post("/Groups", group("Crew")).await.expect(201).id();
    let callers: Vec<_> = (1..=CALLERS)
        .map(|seed| {
            let (client, ids) = (client.clone(), [one.clone(), crew.clone()]);
            tokio::spawn(async move {
                let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
                let mut statuses = BTreeMap::new();
                for _ in 0..REQUESTS {
                    let method = dice.one_of(&["GET", "POST", "PUT", "PATCH", "PATCH", "DELETE"]);
                    let target = dice.target(&ids, method == "DELETE");
                    let body = dice.body(method, &ids);
                    let sent = Method::from_bytes(method.as_bytes()).unwrap();
                    let request = client.request(sent, &target).body(body.clone());
                    let answered = answer(request).await.unwrap();
                    let status = answered.status.as_u16();
                    *statuses.entry(status).or_insert(0) += 1;
                    if status >= 400 {
                        assert!(status < 500, "{method} {target} {body}: {}", answered.body);
                        answered.refused(status);
                    }
                }
                statuses
            })
        })
        .collect();
    let mut statuses = BTreeMap::new();
    for caller in callers {
        for (status, count) in caller.await.unwrap() {
            *statuses.entry(status).or_insert(0) += count;
        }
    }
    // Requests that are all refused at the door would prove nothing.
    let of = |status: u16| statuses.get(&status).copied().unwrap_or(0);
    assert!(of(200) > 100 && of(201) > 20 && of(400) > 100, "{statuses:?}");
    // Whatever is stored reads, and can be put back as it is: nothing changes then (S-223).
    for endpoint in ["/Users", "/Groups"] {
        let listed = client.get(&format!("{endpoint}?count=1000")).await.expect(200).body;
        for resource in listed["Resources"].as_array().unwrap() {
            let target = format!("{endpoint}/{}", resource["id"].as_str().unwrap());
            assert_eq!(client.get(&target).await.expect(200).body, *resource);
            let put = client.put(&target, resource.clone()).await;
            assert_eq!((put.status.as_u16(), &put.body), (200, resource));
        }
    }
    let failed = server.provisioning_log(&directory).await;
    assert!(failed.iter().all(|entry| entry.status < 500), "{failed:#?}");
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

/// Chooses: always the same for the same seed.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }

    fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.roll(choices.len())]
    }

    /// An endpoint or resource with parameters; what is `spared` is not deleted.
    fn target(&mut self, ids: &[String; 2], spared: bool) -> String {
        let mut target = match self.roll(if spared { 3 } else { 6 }) {
            0 => "/Users/none".to_owned(),
            1 => self.one_of(&["/Users", "/Groups", "/Users/.search", "/Groups/.search"]).into(),
            2 => self.one_of(&["", "/Me", "/Schemas", "/Groups/%00", "/Users/%F0%9F%A6%80"]).into(),
            3 | 4 => format!("/Users/{}", ids[0]),
            _ => format!("/Groups/{}", ids[1]),
        };
        // The endpoints that are not served answer 501, and have a test of their own.
        target = target.replace("/Me", "/Users");
        let mut separator = '?';
        for _ in 0..self.roll(3) {
            target.push(separator);
            separator = '&';
            match self.roll(4) {
                0 | 1 => {
                    let filter = self.filter(0);
                    let encoded = utf8_percent_encode(&filter, NON_ALPHANUMERIC);
                    target.push_str(&format!("filter={encoded}"));
                }
                2 => {
                    let name = self.one_of(&["startIndex", "count", "cursor", "x"]);
                    let value =
                        self.one_of(&["0", "-1", "1", "9223372036854775807", "1e3", "a", ""]);
                    target.push_str(&format!("{name}={value}"));
                }
                _ => {
                    let names = ["attributes", "excludedAttributes", "sortBy", "sortOrder"];
                    let (name, path) = (self.one_of(&names), self.path());
                    let encoded = utf8_percent_encode(&path, NON_ALPHANUMERIC);
                    target.push_str(&format!("{name}={encoded}"));
                }
            }
        }
        target
    }

    fn path(&mut self) -> String {
        const PATHS: &[&str] = &[
            "userName",
            "USERNAME",
            "displayName",
            "name",
            "name.givenName",
            "name.none",
            "emails",
            "emails.value",
            "emails[type eq \"work\"]",
            "emails[type eq \"work\"].value",
            "emails[",
            "members",
            "members.value",
            "members[value eq \"x\"]",
            "members[value pr].display",
            "groups",
            "active",
            "id",
            "meta",
            "meta.created",
            "meta.version",
            "schemas",
            "password",
            "x509Certificates",
            "roles[primary eq true]",
            "externalId",
            "urn:ietf:params:scim:schemas:core:2.0:User",
            "urn:ietf:params:scim:schemas:core:2.0:User:userName",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
            "urn:example:none:2.0:User:badge",
            "urn:",
            "",
            ".",
            "é",
            "a.b.c",
        ];
        self.one_of(PATHS).to_owned()
    }

    fn filter(&mut self, depth: usize) -> String {
        match self.roll(if depth > 4 { 2 } else { 6 }) {
            0..=2 => {
                let operators = ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "EQ", "zz"];
                let values = [
                    "\"a@example.com\"",
                    "\"\"",
                    "\"\\u0000\"",
                    "true",
                    "null",
                    "1",
                    "1e999",
                    "\"2026-01-01T00:00:00Z\"",
                    "\"%_\\\\\"",
                    "'x'",
                    "",
                ];
                let (path, operator) = (self.path(), self.one_of(&operators));
                format!("{path} {operator} {}", self.one_of(&values))
            }
            3 => format!("{} pr", self.path()),
            4 => {
                let joint = self.one_of(&["and", "or", "AND", "xor"]);
                format!("{} {joint} {}", self.filter(depth + 1), self.filter(depth + 1))
            }
            _ => format!("not ({})", self.filter(depth + 1)),
        }
    }

    fn value(&mut self, ids: &[String; 2], depth: usize) -> Value {
        match self.roll(if depth > 3 { 9 } else { 13 }) {
            0 => Value::Null,
            1 => true.into(),
            2 => i64::MAX.into(),
            3 => (-0.5).into(),
            4 => "".into(),
            5 => self.one_of(&["a@example.com", "True", "work", "\u{202e}x", "2026-01-01"]).into(),
            6 => ids[0].clone().into(),
            7 => ids[1].clone().into(),
            8 => "long ".repeat(self.roll(2000)).into(),
            9 | 10 => (0..self.roll(4)).map(|_| self.value(ids, depth + 1)).collect(),
            _ => {
                let names = ["value", "type", "primary", "display", "$ref", "operation", "x", ""];
                (0..self.roll(5))
                    .map(|_| (self.one_of(&names).to_owned(), self.value(ids, depth + 1)))
                    .collect()
            }
        }
    }

    fn body(&mut self, method: &str, ids: &[String; 2]) -> String {
        let mut body = if method == "PATCH" {
            let operations: Vec<Value> = (0..self.roll(4))
                .map(|_| {
                    let op = self.one_of(&["add", "replace", "remove", "Add", "Replace", "move"]);
                    let mut operation = json!({"op": op});
                    if self.roll(4) > 0 {
                        operation["path"] = self.path().into();
                    }
                    if self.roll(5) > 0 {
                        operation["value"] = self.value(ids, 0);
                    }
                    operation
                })
                .collect();
            patch(operations.into())
        } else {
            let name = format!("u{}@example.com", self.roll(1 << 20));
            let mut body = if self.roll(4) == 0 { group(&name) } else { user(&name) };
            for _ in 0..self.roll(3) {
                body[self.path()] = self.value(ids, 0);
            }
            if self.roll(6) == 0 {
                body["filter"] = self.filter(0).into();
                body["schemas"] = json!(["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]);
            }
            body
        };
        if self.roll(8) == 0 {
            body["schemas"] = self.value(ids, 0);
        }
        let mut text = body.to_string();
        if self.roll(10) == 0 {
            // Something is missing.
            let at = self.roll(text.len());
            if text.is_char_boundary(at) {
                text.remove(at);
            }
        }
        text
    }
}

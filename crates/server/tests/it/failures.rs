//! Processes, connections and databases that fail under load: nothing that was acknowledged is lost,
//! nothing is done twice or left by half, and all is well again by itself.

mod clashes;
mod connections;
mod cutter;
mod frozen;
mod full;
mod outages;
mod pooler;
mod starting;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::{task::JoinHandle, time::sleep};

use crate::{
    harness::{Answer, PATIENCE, ScimClient, TestStore, group, in_parallel, patch, user},
    processes::whole_journal,
};

/// What callers met, and came back from.
#[derive(Default)]
pub struct Met {
    /// Answers for good.
    pub answered: AtomicUsize,
    /// 503 with `Retry-After`.
    pub unavailable: AtomicUsize,
    /// Connections without an answer.
    pub lost: AtomicUsize,
    /// Requests that an earlier sending had done, although its answer was none or 503.
    pub done_before: AtomicUsize,
}

impl Met {
    pub fn count(of: &AtomicUsize) -> usize {
        of.load(Ordering::SeqCst)
    }

    fn one(of: &AtomicUsize) {
        of.fetch_add(1, Ordering::SeqCst);
    }
}

/// Somebody who writes to a directory, and sends each request until it is answered for good.
#[derive(Clone)]
pub struct Caller {
    pub client: ScimClient,
    /// The path of a group that everybody joins.
    crew: String,
    is_over: Arc<AtomicBool>,
    pub met: Arc<Met>,
}

/// A user as the last of its requests left it.
struct Left {
    user_name: String,
    /// `None` where it was deleted.
    kept: Option<(String, String)>,
}

impl Caller {
    pub async fn new(client: ScimClient) -> Self {
        let crew = client.post("/Groups", group("Crew")).await.expect(201).id();
        Self {
            client,
            crew: format!("/Groups/{crew}"),
            is_over: Arc::default(),
            met: Arc::default(),
        }
    }

    /// The answer, and whether an earlier sending may have been done.
    pub async fn insist(&self, method: Method, target: &str, body: &Value) -> (Answer, bool) {
        let start = Instant::now();
        let mut is_repeated = false;
        loop {
            match self.client.try_send(method.clone(), target, body).await {
                Err(_) => Met::one(&self.met.lost),
                Ok(answer) if answer.status == 503 => {
                    let seconds: u64 = answer.refused(503).header("retry-after").parse().unwrap();
                    assert!((1..=60).contains(&seconds), "{seconds}");
                    Met::one(&self.met.unavailable);
                }
                Ok(answer) => {
                    Met::one(&self.met.answered);
                    return (answer, is_repeated);
                }
            }
            is_repeated = true;
            assert!(start.elapsed() < PATIENCE * 3, "never answered: {method} {target}");
            sleep(Duration::from_millis(30)).await;
        }
    }

    async fn create(&self, user_name: &str) -> String {
        let (created, is_repeated) = self.insist(Method::POST, "/Users", &user(user_name)).await;
        if !is_repeated || created.status == 201 {
            return created.expect(201).id();
        }
        created.refused(409);
        Met::one(&self.met.done_before);
        let target = format!("/Users?filter=userName%20eq%20%22{user_name}%22");
        let (found, _) = self.insist(Method::GET, &target, &Value::Null).await;
        let found = found.expect(200).body;
        assert_eq!(found["totalResults"], 1, "{found}");
        found["Resources"][0]["id"].as_str().unwrap().to_owned()
    }

    async fn delete(&self, target: &str) {
        let (deleted, is_repeated) = self.insist(Method::DELETE, target, &Value::Null).await;
        if is_repeated && deleted.status == 404 {
            Met::one(&self.met.done_before);
        } else {
            deleted.expect(204);
        }
    }

    /// Creates, changes and deletes users until it is over.
    async fn write(self, number: usize) -> Vec<Left> {
        let mut left = Vec::new();
        while !self.is_over.load(Ordering::SeqCst) {
            let user_name = format!("c{number}-{}@example.com", left.len());
            let id = self.create(&user_name).await;
            let target = format!("/Users/{id}");
            let join = json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]);
            let (joined, _) = self.insist(Method::PATCH, &self.crew, &patch(join)).await;
            joined.expect(204);
            let title = format!("Title {number}-{}", left.len());
            let retitle = json!([{ "op": "replace", "path": "title", "value": title }]);
            let (retitled, _) = self.insist(Method::PATCH, &target, &patch(retitle)).await;
            assert_eq!(retitled.expect(200).body["title"], title);
            let kept = match left.len() % 3 {
                2 => {
                    self.delete(&target).await;
                    None
                }
                _ => Some((id, title)),
            };
            left.push(Left { user_name, kept });
        }
        left
    }

    /// So many callers at once.
    pub fn start(&self, callers: usize) -> Load {
        let all = (0..callers).map(|number| tokio::spawn(self.clone().write(number))).collect();
        Load { caller: self.clone(), all }
    }
}

/// Callers at work.
pub struct Load {
    caller: Caller,
    all: Vec<JoinHandle<Vec<Left>>>,
}

impl Load {
    /// Lets the callers finish, and holds what the server has against what they know, asking `client`.
    pub async fn settle(self, store: &Arc<TestStore>, client: &ScimClient) {
        self.caller.is_over.store(true, Ordering::SeqCst);
        let mut left = Vec::new();
        for callers in self.all {
            left.extend(callers.await.unwrap());
        }
        let group = client.get(&self.caller.crew).await.expect(200).body;
        let members = group["members"].as_array().cloned().unwrap_or_default();
        let ids: BTreeSet<String> =
            members.iter().map(|member| member["value"].as_str().unwrap().to_owned()).collect();
        assert_eq!(ids.len(), members.len(), "somebody is there twice");
        let kept: BTreeSet<String> =
            left.iter().filter_map(|left| Some(left.kept.as_ref()?.0.clone())).collect();
        assert_eq!(ids, kept);
        let listed = client.get("/Users?count=0").await.expect(200).body;
        assert_eq!(listed["totalResults"], kept.len());
        let left = Arc::new(left);
        in_parallel(left.len(), 8, |number| {
            let (left, client) = (Arc::clone(&left), client.clone());
            async move {
                let Left { user_name, kept } = &left[number];
                let found = client.find_users(&format!("userName eq \"{user_name}\"")).await;
                match kept {
                    None => assert_eq!(found, [Value::Null; 0]),
                    Some((id, title)) => {
                        assert_eq!(found.len(), 1, "{user_name}");
                        assert_eq!(
                            (&found[0]["id"], &found[0]["title"]),
                            (&json!(id), &json!(title))
                        );
                    }
                }
            }
        })
        .await;
        whole_journal(store).await;
    }
}

/// The database's server as a text in its address.
pub fn at_port(url: &str, port: u16) -> String {
    let (scheme, rest) = url.split_once("127.0.0.1:").unwrap();
    let (_, database) = rest.split_once('/').unwrap();
    format!("{scheme}127.0.0.1:{port}/{database}")
}

//! What was acknowledged survives SIGKILL, and nothing is there by half.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{ScimClient, TestServer, group, in_parallel, patch, user};

const ROUNDS: usize = 100;
const CALLERS: usize = 10;
const GROUPS: usize = 3;

/// What a caller knows of one of its users: `None` where the answer never came.
#[derive(Clone, Debug)]
struct Known {
    user_name: String,
    /// `None` when the create was not acknowledged.
    id: Option<String>,
    /// The values that may be stored: one when the last write was acknowledged, otherwise both.
    titles: BTreeSet<String>,
    memberships: [BTreeSet<bool>; GROUPS],
    deleted: BTreeSet<bool>,
}

impl Known {
    fn new(user_name: String) -> Self {
        Self {
            user_name,
            id: None,
            titles: BTreeSet::from(["Engineer".to_owned()]),
            memberships: std::array::from_fn(|_| BTreeSet::from([false])),
            deleted: BTreeSet::from([false]),
        }
    }
}

/// A server killed under load a hundred times: every acknowledged write is there afterwards, and
/// every other one is wholly there or wholly absent, in the resource, its look-ups and its groups.
/// S-133.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_kills_lose_nothing_and_leave_nothing_by_half() {
    let mut server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let mut groups = Vec::new();
    for number in 0..GROUPS {
        let body = group(&format!("Crew {number}"));
        groups.push(server.client(&directory).post("/Groups", body).await.expect(201).id());
    }
    let groups = Arc::new(groups);
    // Users that exist, by user name, as of the last check.
    let mut settled: BTreeMap<String, Known> = BTreeMap::new();
    let (mut acknowledged, mut unanswered) = (0, 0);

    for round in 0..ROUNDS {
        let load = Load {
            client: server.client(&directory),
            groups: groups.clone(),
            round,
            killed: Arc::default(),
            acknowledged: Arc::default(),
        };
        // Each caller goes on with a few users of earlier rounds; none is shared between callers.
        let mut earlier = settled.values().rev().take(CALLERS * 2).cloned();
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let users = earlier.by_ref().take(2).collect();
                tokio::spawn(load.clone().run(caller, users))
            })
            .collect();
        // The pauses differ, so that the kills meet different moments of the group commit.
        tokio::time::sleep(Duration::from_millis(100 + (round as u64 * 37) % 200)).await;
        load.killed.store(true, Ordering::SeqCst);
        server.kill9().await;
        let mut touched = Vec::new();
        for caller in callers {
            touched.extend(caller.await.unwrap());
        }
        acknowledged += load.acknowledged.load(Ordering::SeqCst);
        unanswered += touched.iter().filter(|known| is_open(known)).count();

        server.start_again().await;
        let client = server.client(&directory);
        for known in settle(&client, &groups, touched).await {
            match known.deleted.contains(&true) {
                true => settled.remove(&known.user_name),
                false => settled.insert(known.user_name.clone(), known),
            };
        }
        let listed = client.get("/Users?count=1").await.expect(200).body;
        assert_eq!(listed["totalResults"], settled.len(), "round {round}");
    }

    // A load that acknowledged little, or was never caught in the middle, would prove nothing.
    assert!(acknowledged > ROUNDS * CALLERS, "only {acknowledged} writes were acknowledged");
    assert!(unanswered > ROUNDS, "only {unanswered} writes were caught in the middle");
    let all: Vec<Known> = settled.into_values().collect();
    let count = all.len();
    let client = server.client(&directory);
    assert_eq!(settle(&client, &groups, all).await.len(), count);
}

/// SIGTERM ends the server with success, and the store is as it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_graceful_restart_keeps_everything() {
    let mut server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let created = server.client(&directory).post("/Users", user("a@example.com")).await.expect(201);
    server.restart().await;
    let target = format!("/Users/{}", created.id());
    let mut stored = server.client(&directory).get(&target).await.expect(200).body;
    let mut expected = created.body;
    // The address has changed with the port.
    for body in [&mut stored, &mut expected] {
        body["meta"].as_object_mut().unwrap().remove("location");
    }
    assert_eq!(stored, expected);
}

/// Callers that write until the server is killed.
#[derive(Clone)]
struct Load {
    client: ScimClient,
    groups: Arc<Vec<String>>,
    round: usize,
    killed: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
}

impl Load {
    /// Writes, one request after another, until one is not answered; what is then known.
    async fn run(self, caller: usize, mut users: Vec<Known>) -> Vec<Known> {
        for step in 0.. {
            let going_on = match step % 6 {
                0 => {
                    let name = format!("r{}-c{caller}-s{step}@example.com", self.round);
                    users.push(Known::new(name));
                    self.create(users.last_mut().unwrap()).await
                }
                1 | 3 => {
                    let at = step * 7 % users.len();
                    self.retitle(&mut users[at], &format!("Title {} {step}", self.round)).await
                }
                2 | 4 => {
                    let at = step * 5 % users.len();
                    self.join_or_leave(&mut users[at], step % GROUPS).await
                }
                _ if step % 18 == 17 => self.delete(&mut users[0]).await,
                _ => true,
            };
            if !going_on {
                break;
            }
        }
        users
    }

    async fn create(&self, known: &mut Known) -> bool {
        let Some(body) = self.send(Method::POST, "/Users", user(&known.user_name), 201).await
        else {
            return false;
        };
        known.id = Some(body["id"].as_str().unwrap().to_owned());
        true
    }

    async fn retitle(&self, known: &mut Known, title: &str) -> bool {
        if known.deleted.contains(&true) {
            return true;
        }
        known.titles.insert(title.to_owned());
        let operations = patch(json!([{ "op": "replace", "path": "title", "value": title }]));
        let answered = self.send(Method::PATCH, &path("Users", known), operations, 200).await;
        if answered.is_some() {
            known.titles = BTreeSet::from([title.to_owned()]);
        }
        answered.is_some()
    }

    async fn join_or_leave(&self, known: &mut Known, number: usize) -> bool {
        if known.deleted.contains(&true) {
            return true;
        }
        let joins = !known.memberships[number].contains(&true);
        known.memberships[number].insert(joins);
        let op = if joins { "add" } else { "remove" };
        let value = json!([{ "value": known.id }]);
        let operations = patch(json!([{ "op": op, "path": "members", "value": value }]));
        let target = format!("/Groups/{}", self.groups[number]);
        let answered = self.send(Method::PATCH, &target, operations, 204).await;
        if answered.is_some() {
            known.memberships[number] = BTreeSet::from([joins]);
        }
        answered.is_some()
    }

    async fn delete(&self, known: &mut Known) -> bool {
        if known.deleted.contains(&true) {
            return true;
        }
        known.deleted.insert(true);
        let answered = self.send(Method::DELETE, &path("Users", known), Value::Null, 204).await;
        if answered.is_some() {
            known.deleted = BTreeSet::from([true]);
        }
        answered.is_some()
    }

    /// The answer's body; `None` when the server was killed before it came.
    async fn send(
        &self,
        method: Method,
        target: &str,
        body: Value,
        expected: u16,
    ) -> Option<Value> {
        match self.client.try_send(method, target, &body).await {
            Ok(answer) => {
                self.acknowledged.fetch_add(1, Ordering::SeqCst);
                Some(answer.expect(expected).body)
            }
            Err(error) => {
                assert!(self.killed.load(Ordering::SeqCst), "{target}: {error}");
                None
            }
        }
    }
}

fn path(endpoint: &str, known: &Known) -> String {
    format!("/{endpoint}/{}", known.id.as_ref().expect("a caller stops when a create fails"))
}

/// Whether the last write to a user was not answered.
fn is_open(known: &Known) -> bool {
    known.id.is_none()
        || known.titles.len() > 1
        || known.deleted.len() > 1
        || known.memberships.iter().any(|member| member.len() > 1)
}

/// Checks each user against what the server holds, and answers what is now known for certain.
async fn settle(client: &ScimClient, groups: &[String], users: Vec<Known>) -> Vec<Known> {
    let mut members: Vec<BTreeMap<String, Value>> = Vec::new();
    for id in groups {
        let group = client.get(&format!("/Groups/{id}")).await.expect(200).body;
        let list = group["members"].as_array().cloned().unwrap_or_default();
        let count = list.len();
        let list: BTreeMap<_, _> = list
            .into_iter()
            .map(|member| (member["value"].as_str().unwrap().to_owned(), member))
            .collect();
        assert_eq!(list.len(), count, "a member is there twice: {group}");
        members.push(list);
    }
    let members = Arc::new((groups.to_vec(), members));
    let users = Arc::new(users);
    in_parallel(users.len(), 8, |number| {
        let (client, members, users) = (client.clone(), members.clone(), users.clone());
        async move { settle_one(&client, &members.0, &members.1, users[number].clone()).await }
    })
    .await
}

async fn settle_one(
    client: &ScimClient,
    groups: &[String],
    members: &[BTreeMap<String, Value>],
    mut known: Known,
) -> Known {
    let name = &known.user_name;
    let found = client.find_users(&format!("userName eq \"{name}\"")).await;
    let by_external_id = client.find_users(&format!("externalId eq \"ext-{name}\"")).await;
    assert_eq!(found, by_external_id, "{known:?}");
    let created = known.id.is_some();
    let Some(stored) = found.first() else {
        // Gone, or never there: then nothing of it may be left.
        assert!(!created || known.deleted.contains(&true), "lost: {known:?}");
        if let Some(id) = &known.id {
            client.get(&format!("/Users/{id}")).await.expect(404);
            assert!(
                members.iter().all(|list| !list.contains_key(id)),
                "left in a group: {known:?}"
            );
        } else {
            // An entry left in a look-up would refuse the name.
            let id = client.post("/Users", user(name)).await.expect(201).id();
            return Known { id: Some(id), ..Known::new(known.user_name) };
        }
        known.deleted = BTreeSet::from([true]);
        return known;
    };
    assert!(known.deleted.contains(&false), "still there: {known:?}");
    let id = stored["id"].as_str().unwrap().to_owned();
    assert!(!created || known.id.as_ref() == Some(&id), "another id: {known:?}");
    let by_id = client.get(&format!("/Users/{id}")).await.expect(200).body;
    assert_eq!(&by_id, stored, "{known:?}");

    // All of what was sent, and one of the titles that may be.
    let title = stored["title"].as_str().unwrap().to_owned();
    assert!(known.titles.contains(&title), "{title}: {known:?}");
    for (attribute, value) in user(name).as_object().unwrap() {
        if attribute != "title" && attribute != "schemas" {
            assert_eq!(&stored[attribute], value, "{known:?}");
        }
    }

    // The group's list and the user's own agree.
    let own: BTreeSet<&str> = stored["groups"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|group| group["value"].as_str().unwrap())
        .collect();
    for (number, list) in members.iter().enumerate() {
        let is_member = list.contains_key(&id);
        assert_eq!(own.contains(groups[number].as_str()), is_member, "group {number}: {known:?}");
        assert!(known.memberships[number].contains(&is_member), "group {number}: {known:?}");
        known.memberships[number] = BTreeSet::from([is_member]);
    }
    known.id = Some(id);
    known.titles = BTreeSet::from([title]);
    known.deleted = BTreeSet::from([false]);
    known
}

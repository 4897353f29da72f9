//! Jobs whose operations refer to each other in any direction and fail now and then, against a
//! model that knows nothing of transactions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{bulk, change_members, create, create_group, delete, state, statuses};
use crate::{fuzz::Dice, harness::TestServer};

/// An operation; resources go by the place of the operation that creates them.
#[derive(Clone, Debug)]
enum Operation {
    User { name: usize },
    Group { name: usize, members: Vec<usize> },
    Add { group: usize, member: usize },
    Remove { group: usize, member: usize },
    Delete { resource: usize },
}

impl Operation {
    fn creates(&self) -> bool {
        matches!(self, Self::User { .. } | Self::Group { .. })
    }

    /// What its data refers to, and what its path does.
    fn references(&self) -> (&[usize], Option<usize>) {
        match self {
            Self::User { .. } => (&[], None),
            Self::Group { members, .. } => (members, None),
            Self::Add { group, member } | Self::Remove { group, member } => {
                (std::slice::from_ref(member), Some(*group))
            }
            Self::Delete { resource } => (&[], Some(*resource)),
        }
    }

    fn to_json(&self, at: usize, endpoints: &[&str]) -> Value {
        let reference = |place: &usize| format!("bulkId:{place}");
        match self {
            Self::User { name } => {
                create("/Users", &at.to_string(), json!({"userName": format!("u{name}")}))
            }
            Self::Group { name, members } => {
                let members: Vec<String> = members.iter().map(reference).collect();
                let members: Vec<&str> = members.iter().map(String::as_str).collect();
                let mut operation = create_group(&at.to_string(), &members);
                operation["data"]["displayName"] = json!(format!("g{name}"));
                operation
            }
            Self::Add { group, member } => {
                change_members(&format!("/Groups/bulkId:{group}"), "add", &reference(member))
            }
            Self::Remove { group, member } => {
                change_members(&format!("/Groups/bulkId:{group}"), "remove", &reference(member))
            }
            Self::Delete { resource } => {
                delete(&format!("{}/bulkId:{resource}", endpoints[*resource]))
            }
        }
    }
}

/// What a directory is to hold after an operation, and which operations have failed.
#[derive(Default)]
struct Model {
    users: BTreeMap<usize, usize>,
    groups: BTreeMap<usize, (usize, BTreeSet<usize>)>,
    deleted: BTreeSet<usize>,
    statuses: BTreeMap<usize, u16>,
}

impl Model {
    /// The job in order, as if everything could be referred to from the start, but for the
    /// `refused` operations.
    fn run(job: &[Operation], refused: &BTreeSet<usize>) -> Self {
        let mut model = Self::default();
        for at in order(job) {
            let (data, path) = job[at].references();
            let failed = |place: &usize| model.statuses.get(place).is_some_and(|s| *s >= 400);
            let lost = refused.contains(&at) || data.iter().chain(&path).any(failed);
            let status = if lost { 409 } else { model.apply(at, &job[at]) };
            model.statuses.insert(at, status);
        }
        model
    }

    fn apply(&mut self, at: usize, operation: &Operation) -> u16 {
        match operation {
            Operation::User { name } => {
                if self.users.values().any(|taken| taken == name) {
                    return 409;
                }
                self.users.insert(at, *name);
                201
            }
            Operation::Group { name, members } => {
                if self.groups.values().any(|(taken, _)| taken == name) {
                    return 409;
                }
                if members.contains(&at) {
                    return 400;
                }
                let there = members.iter().copied().filter(|place| !self.deleted.contains(place));
                self.groups.insert(at, (*name, there.collect()));
                201
            }
            Operation::Add { group, member } => match self.groups.get_mut(group) {
                None => 404,
                Some(_) if group == member => 400,
                Some((_, members)) => {
                    if !self.deleted.contains(member) {
                        members.insert(*member);
                    }
                    204
                }
            },
            Operation::Remove { group, member } => match self.groups.get_mut(group) {
                None => 404,
                Some((_, members)) => {
                    members.remove(member);
                    204
                }
            },
            Operation::Delete { resource } => {
                let was_there =
                    self.users.remove(resource).is_some() | self.groups.remove(resource).is_some();
                self.deleted.insert(*resource);
                self.groups.values_mut().for_each(|(_, members)| {
                    members.remove(resource);
                });
                if was_there { 204 } else { 404 }
            }
        }
    }

    fn has_failed(&self, place: usize) -> bool {
        self.statuses[&place] >= 400
    }

    fn state(&self) -> BTreeMap<String, Value> {
        let name = |place: &usize| match self.users.get(place) {
            Some(name) => format!("/Users/u{name}"),
            None => format!("/Groups/g{}", self.groups[place].0),
        };
        let shown =
            |members: Vec<String>| json!({"title": null, "manager": null, "members": members});
        let users = self.users.keys().map(|place| (name(place), shown(Vec::new())));
        let groups = self.groups.iter().map(|(place, (_, members))| {
            let mut members: Vec<String> = members.iter().map(name).collect();
            members.sort();
            (name(place), shown(members))
        });
        users.chain(groups).collect()
    }
}

/// The order of the request, with changes of what is created later right behind its creation.
fn order(job: &[Operation]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..job.len()).collect();
    order.sort_by_key(|&at| (job[at].references().1.unwrap_or(at).max(at), !job[at].creates(), at));
    order
}

/// Refuses, again and again, what succeeds although what it refers to does not.
fn expected(job: &[Operation]) -> Model {
    let mut refused = BTreeSet::new();
    loop {
        let model = Model::run(job, &refused);
        let before = refused.len();
        let mut broken = BTreeSet::new();
        for &at in order(job).iter().rev() {
            let lost = |place: &usize| model.has_failed(*place) || broken.contains(place);
            if !model.has_failed(at) && job[at].references().0.iter().any(lost) {
                broken.insert(at);
            }
        }
        refused.extend(broken);
        if refused.len() == before {
            return model;
        }
    }
}

/// S-300, S-302, S-303: what the job comes to is what the model says, in statuses and in state.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_302_promises_are_kept_or_taken_back() {
    let server = TestServer::start().await;
    let mut dice = Dice(0x0DD5_EED5);
    let mut seen: BTreeMap<u16, usize> = BTreeMap::new();
    for round in 0..25 {
        let client = server.client(&server.directory("generic", 0).await);
        let job = random_job(&mut dice, 6 + round);
        let endpoints: Vec<&str> = job
            .iter()
            .map(|operation| match operation {
                Operation::User { .. } => "/Users",
                _ => "/Groups",
            })
            .collect();
        let operations: Vec<Value> = job
            .iter()
            .enumerate()
            .map(|(at, operation)| operation.to_json(at, &endpoints))
            .collect();
        let results = bulk(&client, operations).await;
        let model = expected(&job);
        let statuses: Vec<u16> = statuses(&results).iter().map(|s| s.parse().unwrap()).collect();
        let named: Vec<u16> = model.statuses.values().copied().collect();
        assert_eq!(statuses, named, "round {round}: {job:#?} {results:#?}");
        assert_eq!(state(&client).await, model.state(), "round {round}: {job:#?}");
        for status in statuses {
            *seen.entry(status).or_insert(0) += 1;
        }
    }
    for status in [201, 204, 400, 404, 409] {
        assert!(seen.get(&status).is_some_and(|count| *count > 3), "{status}: {seen:?}");
    }
}

fn random_job(dice: &mut Dice, length: usize) -> Vec<Operation> {
    // What each creates first, so that all can refer to all.
    let kinds: Vec<usize> = (0..length).map(|_| dice.roll(6)).collect();
    let places = |of: &[usize]| -> Vec<usize> {
        (0..length).filter(|&at| of.contains(&kinds[at])).collect()
    };
    let (groups, all) = (places(&[2, 3]), places(&[0, 1, 2, 3]));
    let one = |dice: &mut Dice, of: &[usize]| of[dice.roll(of.len())];
    (0..length)
        .map(|at| match kinds[at] {
            kind if kind < 2 || groups.is_empty() => Operation::User { name: dice.roll(length) },
            2 | 3 => Operation::Group {
                name: dice.roll(length),
                members: (0..dice.roll(4)).map(|_| one(dice, &all)).collect(),
            },
            4 => match dice.roll(3) {
                0 => Operation::Remove { group: one(dice, &groups), member: one(dice, &all) },
                _ => Operation::Add { group: one(dice, &groups), member: one(dice, &all) },
            },
            _ if dice.roll(3) == 0 => Operation::Delete { resource: one(dice, &all) },
            _ => Operation::Add { group: one(dice, &groups), member: one(dice, &all) },
        })
        .collect()
}

//! A directory under load: the measured operations.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use hyper::{StatusCode, Uri};

use crate::database::Database;
use crate::documents;
use crate::load::{Answer, Call, Client, Limit, Samples};
use crate::measure::Plan;
use crate::process;

/// Loading the users may take no longer than this.
const LOADING: Duration = Duration::from_secs(300);
/// Members of one request that fills the large group.
const FILL: usize = 1000;
/// Groups that the one-member patches fill one after another.
const GROUPS: usize = 64;
const SMALL_GROUP: usize = 10;
/// Users on a page of the list.
pub const PAGE: usize = 100;
/// Users that one Bulk request creates.
pub const BULK: usize = 100;

/// A directory and what it is known to hold.
#[derive(Clone)]
pub struct Directory {
    client: Rc<Client>,
    token: String,
    /// Of the SCIM endpoint.
    path: String,
    pub users: Rc<RefCell<Vec<String>>>,
    groups: Rc<RefCell<Vec<String>>>,
    /// Titles given so far: no two are the same, so every PATCH changes something.
    patched: Rc<RefCell<u64>>,
    /// Pairs of user and group joined so far.
    added: Rc<RefCell<u64>>,
}

impl Directory {
    /// A new organization's new directory, served at these addresses.
    pub fn open(
        server_binary: &Path,
        database: &Database,
        organization: &str,
        addresses: &[SocketAddr],
    ) -> anyhow::Result<Self> {
        let (path, token) = process::create_directory(server_binary, database, organization)?;
        Ok(Self {
            client: Client::new(addresses, Some(&token))?,
            token,
            path,
            users: Rc::default(),
            groups: Rc::default(),
            patched: Rc::default(),
            added: Rc::default(),
        })
    }

    /// The same directory, through the servers at these addresses.
    pub fn through(&self, addresses: &[SocketAddr]) -> anyhow::Result<Self> {
        Ok(Self { client: Client::new(addresses, Some(&self.token))?, ..self.clone() })
    }

    fn uri(&self, rest: &str) -> anyhow::Result<Uri> {
        let uri = format!("{}{rest}", self.path);
        uri.parse().with_context(|| format!("`{uri}` is no path"))
    }

    pub async fn create(&self, callers: usize, limit: Limit) -> anyhow::Result<Samples> {
        let target = self.uri("/Users")?;
        let first = self.users.borrow().len() as u64;
        let users = self.users.clone();
        let next = move |number| {
            let body = documents::user(&documents::key(first + number));
            Some(Call::post(target.clone(), body.into()))
        };
        // Every number that was taken is answered, so the keys are 0 to the length of the list,
        // though not in its order.
        let seen = move |_, answer: &Answer| {
            users.borrow_mut().push(answer.id()?);
            Ok(())
        };
        self.client.run(callers, limit, next, seen).await
    }

    pub async fn get(&self, callers: usize, limit: Limit) -> anyhow::Result<Samples> {
        let targets = self.spread(|id, _| format!("/Users/{id}"))?;
        let next = move |number| Some(Call::get(targets[number as usize % targets.len()].clone()));
        self.client.run(callers, limit, next, |_, _| Ok(())).await
    }

    pub async fn look_up(&self, callers: usize, limit: Limit) -> anyhow::Result<Samples> {
        let targets = self.spread(|_, number| {
            format!("/Users?filter=userName%20eq%20%22{}%40acme.example%22", documents::key(number))
        })?;
        let next = move |number| {
            let call = Call::get(targets[number as usize % targets.len()].clone());
            Some(Call { contains: Some("\"totalResults\":1,"), ..call })
        };
        self.client.run(callers, limit, next, |_, _| Ok(())).await
    }

    pub async fn replace_title(&self, callers: usize, limit: Limit) -> anyhow::Result<Samples> {
        let targets = self.spread(|id, _| format!("/Users/{id}"))?;
        let patched = self.patched.clone();
        let next = move |number| {
            let mut patched = patched.borrow_mut();
            *patched += 1;
            let body = documents::replace_title(&format!("Engineer {patched}"));
            let target = targets[number as usize % targets.len()].clone();
            Some(Call::patch(target, body, StatusCode::OK))
        };
        self.client.run(callers, limit, next, |_, _| Ok(())).await
    }

    /// Every request joins a user and a group that were not joined before; the groups are filled
    /// one after another, so nearly all callers meet in one.
    pub async fn add_member(&self, callers: usize, limit: Limit) -> anyhow::Result<Samples> {
        let mut targets = Vec::new();
        for id in &*self.groups.borrow() {
            targets.push(self.uri(&format!("/Groups/{id}"))?);
        }
        let (users, added) = (self.users.clone(), self.added.clone());
        let share = users.borrow().len() as u64;
        // The list of users grows between rounds: a round starts at a group of its own.
        let start = added.borrow().div_ceil(share) * share;
        *added.borrow_mut() = start;
        let next = move |_| {
            let mut added = added.borrow_mut();
            let (group, user) = ((*added / share) as usize, (*added % share) as usize);
            let target = targets.get(group)?.clone();
            *added += 1;
            let body = documents::add_members(&users.borrow()[user..=user]);
            Some(Call::patch(target, body, StatusCode::NO_CONTENT))
        };
        self.client.run(callers, limit, next, |_, _| Ok(())).await
    }

    pub async fn create_groups(&self) -> anyhow::Result<()> {
        for number in 0..GROUPS {
            let id = self.create_group(&format!("Crane {number}"), &[]).await?;
            self.groups.borrow_mut().push(id);
        }
        Ok(())
    }

    async fn create_group(&self, name: &str, members: &[String]) -> anyhow::Result<String> {
        let call = Call::post(self.uri("/Groups")?, documents::group(name, members));
        self.client.call(call).await?.id()
    }

    /// Creates users until there are `users`, and some to spare that are in no group.
    pub async fn fill(&self, callers: usize, users: usize) -> anyhow::Result<()> {
        let wanted = users + SMALL_GROUP;
        let missing = wanted.saturating_sub(self.users.borrow().len());
        self.create(callers, Limit { time: LOADING, count: missing as u64 }).await?;
        let loaded = self.users.borrow().len();
        ensure!(loaded >= wanted, "only {loaded} users were loaded in {LOADING:?}");
        Ok(())
    }

    /// Reads the list of users to its end, by index and by cursor in turn, so that both see the
    /// same moments.
    pub async fn two_walks(&self) -> anyhow::Result<(Samples, Samples)> {
        let start = Instant::now();
        let mut samples = [Vec::new(), Vec::new()];
        let (mut index, mut cursor) = (1, String::new());
        loop {
            let by_index = self.uri(&format!("/Users?startIndex={index}&count={PAGE}"))?;
            samples[0].push(self.client.timed(Call::get(by_index)).await?.0);
            let by_cursor = self.uri(&format!("/Users?cursor={cursor}&count={PAGE}"))?;
            let (latency, answer) = self.client.timed(Call::get(by_cursor)).await?;
            samples[1].push(latency);
            let page: serde_json::Value = serde_json::from_slice(&answer.body)?;
            let Some(next) = page["nextCursor"].as_str() else { break };
            cursor = next.to_owned();
            index += PAGE;
        }
        let elapsed = start.elapsed();
        let [by_index, by_cursor] = samples.map(|latencies| Samples { latencies, elapsed });
        Ok((by_index, by_cursor))
    }

    /// Creates as many users by one Bulk request as by single ones after another, in turn.
    pub async fn two_loads(&self, pairs: usize) -> anyhow::Result<(Samples, Samples)> {
        let (bulk, users) = (self.uri("/Bulk")?, self.uri("/Users")?);
        let start = Instant::now();
        let mut samples = [Vec::new(), Vec::new()];
        // Far beyond the numbers of the others.
        let mut numbers = (1_u64 << 40)..;
        let mut keys = || numbers.by_ref().take(BULK).map(documents::key).collect::<Vec<String>>();
        for _ in 0..pairs {
            let call = Call::post(bulk.clone(), documents::bulk(&keys()));
            let call = Call { expect: StatusCode::OK, ..call };
            let (latency, answer) = self.client.timed(call).await?;
            let answer: serde_json::Value = serde_json::from_slice(&answer.body)?;
            let created = answer["Operations"].as_array().into_iter().flatten();
            let created = created.filter(|operation| operation["status"] == "201").count();
            ensure!(created == BULK, "only {created} of {BULK} were created: {answer}");
            samples[0].push(latency);
            let mut single = Duration::ZERO;
            for key in keys() {
                let call = Call::post(users.clone(), documents::user(&key).into());
                single += self.client.timed(call).await?.0;
            }
            samples[1].push(single);
        }
        let elapsed = start.elapsed();
        let [bulk, single] = samples.map(|latencies| Samples { latencies, elapsed });
        Ok((bulk, single))
    }

    /// Adds one member to a small and to a large group in turn, one request at a time, and takes
    /// it out again unmeasured: the sizes stay, and both groups see the same moments.
    pub async fn two_groups(&self, plan: &Plan) -> anyhow::Result<(Samples, Samples)> {
        let (members, spare) = {
            let users = self.users.borrow();
            (users[..plan.users].to_vec(), users[plan.users..].to_vec())
        };
        let small = self.create_group("Small", &members[..SMALL_GROUP]).await?;
        let large = self.create_group("Large", &[]).await?;
        let (small, large) = (format!("/Groups/{small}"), format!("/Groups/{large}"));
        for part in members.chunks(FILL) {
            let body = documents::add_members(part);
            self.client.call(Call::patch(self.uri(&large)?, body, StatusCode::NO_CONTENT)).await?;
        }
        let start = Instant::now();
        let mut samples = [Vec::new(), Vec::new()];
        for pair in 0..plan.pairs {
            let member = &spare[pair % spare.len()];
            let order = if pair % 2 == 0 { [0, 1] } else { [1, 0] };
            for group in order {
                let target = self.uri([&small, &large][group])?;
                let add = documents::add_members(std::slice::from_ref(member));
                let call = Call::patch(target.clone(), add, StatusCode::NO_CONTENT);
                samples[group].push(self.client.timed(call).await?.0);
                let remove = documents::remove_member(member);
                self.client.call(Call::patch(target, remove, StatusCode::NO_CONTENT)).await?;
            }
        }
        let elapsed = start.elapsed();
        let [small, large] = samples.map(|latencies| Samples { latencies, elapsed });
        Ok((small, large))
    }

    /// Up to 4,096 targets over all users, made before the clock starts.
    fn spread(&self, target: impl Fn(&str, u64) -> String) -> anyhow::Result<Vec<Uri>> {
        let users = self.users.borrow();
        ensure!(!users.is_empty(), "no user was created");
        let step = users.len().div_ceil(4096);
        let mut targets = Vec::new();
        for (number, id) in users.iter().enumerate().step_by(step) {
            targets.push(self.uri(&target(id, number as u64))?);
        }
        Ok(targets)
    }
}

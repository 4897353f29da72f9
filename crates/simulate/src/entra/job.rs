//! One provisioning job: its links and its cycle.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::{Beliefs, Gone, HeldGroup, HeldUser};
use crate::client::Call;
use crate::directory::{Bin, Directory};
use crate::run::Run;
use rand::RngExt;

use super::attributes::{ExternalId, Mapping, Matching};
use super::patch::{Grammar, Membership};

/// The job stopped: the server failed what decides about credentials and reachability.
#[derive(Debug)]
pub struct Quarantine;

/// One object failed; the next cycle tries it again.
#[derive(Debug)]
pub struct Retry;

/// How much a cycle looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// What changed since the watermark, and what failed before.
    Incremental,
    /// Everything, as after a restart.
    Full,
}

/// A linked group. Entra never reads members, so what it pushed and what the group holds are two things: a group that
/// was there before the link may have members of its own.
#[derive(Clone, Debug)]
pub struct GroupLink {
    pub held: HeldGroup,
    pub pushed: BTreeSet<String>,
}

pub struct Job<'a, 'r> {
    pub run: &'a mut Run<'r>,
    pub source: Directory,
    pub users: BTreeMap<usize, HeldUser>,
    pub groups: BTreeMap<usize, GroupLink>,
    pub gone: Vec<Gone>,
    /// Accounts whose link was dropped while they were out of scope: never looked at again, but still there.
    pub left_behind: Vec<HeldUser>,
    pub mapping: Mapping,
    pub grammar: Grammar,
    /// Everything that is searched exists: what is not found is a fault in this case.
    pub must_find: Option<&'static str>,
    /// What was believed about groups before their links were dropped.
    pub former: BTreeMap<String, HeldGroup>,
    failed_users: BTreeSet<usize>,
    failed_groups: BTreeSet<usize>,
    started: bool,
}

impl<'a, 'r> Job<'a, 'r> {
    pub fn new(run: &'a mut Run<'r>) -> Self {
        let options = run.options;
        let grammar = if run.client.flag() { Grammar::Flag } else { Grammar::Old };
        Job {
            source: Directory::new(options.seed, options.users, options.groups),
            run,
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            gone: Vec::new(),
            left_behind: Vec::new(),
            mapping: Mapping { external_id: ExternalId::MailNickname, matching: Matching::Name },
            grammar,
            must_find: None,
            former: BTreeMap::new(),
            failed_users: BTreeSet::new(),
            failed_groups: BTreeSet::new(),
            started: false,
        }
    }

    pub fn into_beliefs(self) -> Beliefs {
        Beliefs {
            users: self.users.into_values().chain(self.left_behind).collect(),
            groups: self.groups.into_values().map(|link| link.held).collect(),
            gone: self.gone,
        }
    }

    /// Sees to it that the first cycle has run.
    pub async fn start(&mut self) -> Result<(), Quarantine> {
        if !self.started {
            self.cycle(Depth::Incremental).await?;
            self.started = true;
        }
        Ok(())
    }

    /// Opens every kind of activity: searches that cannot hit anything (`E-01`, `E-02`, `E-03`).
    pub async fn probe(&mut self) -> Result<(), Quarantine> {
        let (user, group) = match self.mapping.matching {
            Matching::Name => ("userName", "displayName"),
            Matching::ExternalId => ("externalId", "externalId"),
        };
        let case = if self.mapping.matching == Matching::Name { "E-01" } else { "E-03" };
        let users = Call::query("/Users").with("filter", self.guid_filter(user));
        let groups = Call::query("/Groups")
            .with("excludedAttributes", "members")
            .with("filter", self.guid_filter(group));
        for (call, case) in [(users, case), (groups, "E-02")] {
            let list = self.run.client.list(call, case).await.ok_or(Quarantine)?;
            if list.total > 0 {
                let what = "a search for a random GUID finds something";
                let got = format!("{} hits", list.total);
                self.run.client.log().fault(case, what, &list.answer.request, "no hit", got);
                return Err(Quarantine);
            }
        }
        Ok(())
    }

    pub fn guid_filter(&mut self, attribute: &str) -> String {
        format!("{attribute} eq \"{}\"", self.source.guid())
    }

    pub async fn cycle(&mut self, depth: Depth) -> Result<(), Quarantine> {
        self.probe().await?;
        let mut people = self.source.take_changed_people();
        people.append(&mut self.failed_users);
        let mut groups = self.source.take_changed_groups();
        groups.append(&mut self.failed_groups);
        if depth == Depth::Full {
            people.extend(self.users.keys());
            groups.extend(self.groups.keys());
        }
        self.leave_behind(&people);
        self.provision_people(&people).await;
        self.provision_groups(&groups).await;
        self.set_managers(&people, depth).await;
        self.push_members().await;
        Ok(())
    }

    /// Runs cycles until nothing fails any more, or nothing gets better (`E-114`).
    pub async fn settle(&mut self) -> Result<(), Quarantine> {
        for _ in 0..2 {
            if self.failed_users.is_empty() && self.failed_groups.is_empty() {
                break;
            }
            self.cycle(Depth::Incremental).await?;
        }
        Ok(())
    }

    /// Whoever was unassigned first and deleted later is not managed any more: no request, and the account stays.
    fn leave_behind(&mut self, places: &BTreeSet<usize>) {
        for place in places {
            let person = &self.source.people[*place];
            if person.bin == Bin::Purged && !person.assigned {
                self.left_behind.extend(self.users.remove(place));
            }
        }
    }

    async fn provision_people(&mut self, places: &BTreeSet<usize>) {
        let due: Vec<usize> = places.iter().copied().collect();
        let done = self.run.each("users", due, async |place| {
            (place, self.provision_user(place, self.grammar).await)
        });
        for (place, outcome) in done.await {
            self.settle_user(place, outcome);
        }
    }

    pub fn settle_user(&mut self, place: usize, outcome: Result<Option<HeldUser>, Retry>) {
        match outcome {
            Ok(Some(held)) => {
                self.users.insert(place, held);
            }
            Ok(None) => {
                if let Some(held) = self.users.remove(&place) {
                    self.forget(&held.id);
                    let name = held.name().to_owned();
                    self.gone.push(Gone { endpoint: "/Users", id: held.id, name });
                }
            }
            Err(Retry) => {
                self.failed_users.insert(place);
            }
        }
    }

    /// A deleted user is in no group any more (`E-101`) and nobody's manager.
    fn forget(&mut self, id: &str) {
        for link in self.groups.values_mut() {
            link.held.members.remove(id);
            link.pushed.remove(id);
        }
        for user in self.users.values_mut() {
            user.manager.take_if(|manager| manager == id);
        }
    }

    async fn provision_groups(&mut self, places: &BTreeSet<usize>) {
        let due: Vec<usize> = places.iter().copied().collect();
        let done = self.run.each("groups", due, async |place| {
            (place, self.provision_group(place, self.grammar).await)
        });
        for (place, outcome) in done.await {
            self.settle_group(place, outcome);
        }
    }

    pub fn settle_group(&mut self, place: usize, outcome: Result<Option<GroupLink>, Retry>) {
        match outcome {
            Ok(Some(link)) => {
                self.groups.insert(place, link);
            }
            Ok(None) => {
                if let Some(link) = self.groups.remove(&place) {
                    let name = link.held.name().to_owned();
                    self.gone.push(Gone { endpoint: "/Groups", id: link.held.id, name });
                }
            }
            Err(Retry) => {
                self.failed_groups.insert(place);
            }
        }
    }

    /// Everybody in the source group who has a link, whether in scope or not.
    pub fn source_members(&self, group: usize) -> BTreeSet<String> {
        let members = self.source.groups[group].members.iter();
        members.filter_map(|place| self.users.get(place)).map(|user| user.id.clone()).collect()
    }

    /// Who has to come and go in each group.
    pub fn member_changes(&self) -> Vec<(usize, Membership, Vec<String>)> {
        let mut changes = Vec::new();
        for (place, link) in &self.groups {
            let wanted = self.source_members(*place);
            let leave: Vec<_> = link.pushed.difference(&wanted).cloned().collect();
            let come: Vec<_> = wanted.difference(&link.pushed).cloned().collect();
            changes.push((*place, Membership::Remove, leave));
            changes.push((*place, Membership::Add, come));
        }
        changes.retain(|(_, _, ids)| !ids.is_empty());
        changes
    }

    /// References come last, in batches of 1 to 100 (`E-86`).
    async fn push_members(&mut self) {
        let mut plans: BTreeMap<usize, Vec<(Membership, Vec<String>)>> = BTreeMap::new();
        for (place, change, ids) in self.member_changes() {
            let mut rest = ids.as_slice();
            while !rest.is_empty() {
                let size = self.source.rng.random_range(1..=100).min(rest.len());
                let (batch, others) = rest.split_at(size);
                plans.entry(place).or_default().push((change, batch.to_vec()));
                rest = others;
            }
        }
        let plans: Vec<_> = plans.into_iter().collect();
        let done = self.run.each("members", plans, async |(place, batches)| {
            let link = self.groups[&place].clone();
            (place, self.push_batches(link, batches, self.grammar).await)
        });
        for (place, (link, outcome)) in done.await {
            self.groups.insert(place, link);
            if let Err(Retry) = outcome {
                self.failed_groups.insert(place);
            }
        }
    }

    /// Drops the links of everything in scope, as a restart with full reset does.
    pub fn reset(&mut self) {
        self.must_find = Some("E-116");
        for (place, held) in std::mem::take(&mut self.users) {
            match self.source.people[place].in_scope() {
                true => self.source.change(place, |_| {}),
                false => self.left_behind.push(held),
            }
        }
        for (place, link) in std::mem::take(&mut self.groups) {
            self.source.change_group(place, |_| {});
            self.former.insert(link.held.id.clone(), link.held);
        }
    }
}

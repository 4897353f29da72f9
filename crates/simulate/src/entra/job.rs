//! One provisioning job: its links and its cycle.

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt;
use serde_json::Value;

use crate::audit::{ACTIVE, Beliefs, Gone, HeldGroup, HeldUser};
use crate::call::Call;
use crate::client::Reading;
use crate::directory::{Bin, Directory};
use crate::run::Run;
use crate::target::Target;
use crate::timeline::Moment;
use crate::wire::Flag;

use super::attributes::Mapping;
use super::knobs::{self, Setup};
use super::patch::{Change, Grammar, Membership};
use super::quarantine::{Cause, Halt, Health};

/// The job is over: it was in quarantine for too long, or the server fails what decides about credentials and
/// reachability and will not get better by itself.
#[derive(Debug)]
pub struct Disabled;

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

/// People and groups whom a search must find; that it does not is a fault of this case.
#[derive(Debug, Default)]
pub struct Existing {
    pub case: &'static str,
    pub people: BTreeSet<usize>,
    pub groups: BTreeSet<usize>,
}

/// Objects that failed, and in which cycle each is tried again: the next one, then less and less often.
#[derive(Debug, Default)]
struct Failures(BTreeMap<usize, (u32, u32)>);

impl Failures {
    fn add(&mut self, place: usize, cycle: u32) {
        let (times, due) = self.0.entry(place).or_default();
        *times += 1;
        *due = cycle + (1 << (*times - 1).min(10));
    }

    fn next(&self) -> Option<u32> {
        self.0.values().map(|(_, due)| *due).min()
    }

    fn due(&self, cycle: u32) -> impl Iterator<Item = usize> {
        self.0.iter().filter(move |(_, (_, due))| *due <= cycle).map(|(place, _)| *place)
    }
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
    pub setup: Setup,
    pub grammar: Grammar,
    /// Whether the job waits for a server that is really ill, not only for one that is said to be.
    pub patient: bool,
    /// Whether somebody has looked at the deletions that are due.
    pub approved: bool,
    /// Users of whose manager nobody knows whether they were written.
    pub unsure_managers: BTreeSet<String>,
    pub health: Health,
    last_cycle: Option<Moment>,
    due_people: BTreeSet<usize>,
    due_groups: BTreeSet<usize>,
    due_managers: BTreeSet<usize>,
    /// What exists although there is no link to it.
    pub existing: Existing,
    /// What was believed about groups before their links were dropped.
    pub former: BTreeMap<String, HeldGroup>,
    failed_users: Failures,
    failed_groups: Failures,
    cycles: u32,
    started: bool,
}

impl<'a, 'r> Job<'a, 'r> {
    pub fn new(run: &'a mut Run<'r>) -> Self {
        let options = run.options;
        let grammar = if run.client.flag() { Grammar::Flag } else { Grammar::Old };
        let setup = Setup::new(&run.settings, run.client.wire().flag);
        let mapping = knobs::mapping(&run.settings);
        let mut source = Directory::new(options.seed, options.users, options.groups);
        if setup.scoped {
            source.narrow(Some(0));
        }
        Job {
            source,
            run,
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            gone: Vec::new(),
            left_behind: Vec::new(),
            mapping,
            setup,
            grammar,
            patient: false,
            approved: false,
            unsure_managers: BTreeSet::new(),
            health: Health::default(),
            last_cycle: None,
            due_people: BTreeSet::new(),
            due_groups: BTreeSet::new(),
            due_managers: BTreeSet::new(),
            existing: Existing::default(),
            former: BTreeMap::new(),
            failed_users: Failures::default(),
            failed_groups: Failures::default(),
            cycles: 0,
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
    pub async fn start(&mut self) -> Result<(), Disabled> {
        if !self.started {
            self.cycle(Depth::Incremental).await?;
            self.started = true;
        }
        Ok(())
    }

    /// Opens every kind of activity: searches that cannot hit anything (`E-01`, `E-02`, `E-03`).
    pub async fn probe(&mut self) -> Result<(), Halt> {
        let user = self.mapping.users[0];
        let (attribute, case) = (user.user_target().to_string(), user.probe_case());
        let users = Call::query("/Users").with("filter", self.guid_filter(&attribute));
        let attribute = self.mapping.groups.group_attribute();
        let groups = Call::query("/Groups")
            .with("excludedAttributes", "members")
            .with("filter", self.guid_filter(attribute));
        for (call, case) in [(users, case), (groups, "E-02")] {
            self.probe_by(call, case).await?;
        }
        Ok(())
    }

    async fn probe_by(&self, call: Call, case: &'static str) -> Result<(), Halt> {
        let client = &self.run.client;
        let halt = |cause, reason: String, passing| Err(Halt { cause, reason, passing });
        let Some(answer) = client.send(call).await else {
            // The wait for an answer may have outlasted the trouble.
            let asked = self.last_cycle.unwrap_or_default();
            let passing = client.troubles().raging(asked);
            return halt(Cause::Unreachable, "a probe got no answer".to_owned(), passing);
        };
        if answer.made_up {
            let cause = match answer.status {
                500.. => Cause::Unreachable,
                _ => Cause::Credentials,
            };
            return halt(cause, format!("a probe was answered with {}", answer.status), true);
        }
        let status = answer.status;
        let Some(list) = client.read_list(answer, 1, Reading::Whole, case) else {
            let cause = if status >= 500 { Cause::Unreachable } else { Cause::Credentials };
            return halt(
                cause,
                format!("a probe was answered with {status}, without a list"),
                false,
            );
        };
        if list.total > 0 {
            let what = "a search for a random GUID finds something";
            let got = format!("{} hits", list.total);
            client.log().fault(case, what, &list.answer.request, "no hit", got);
            return halt(Cause::Credentials, what.to_owned(), false);
        }
        Ok(())
    }

    pub fn guid_filter(&mut self, attribute: &str) -> String {
        format!("{attribute} eq \"{}\"", self.source.guid())
    }

    /// When the next cycle is due.
    pub fn next_cycle(&self) -> Moment {
        self.last_cycle.map_or(0, |last| last + self.setup.cycle)
    }

    /// A cycle at its due time, however often it takes, and where trouble is made up more of them until what failed is
    /// made good.
    pub async fn cycle(&mut self, depth: Depth) -> Result<(), Disabled> {
        let due = self.next_cycle();
        self.run.client.log().timeline.pass_until(due);
        while let Err(halt) = self.once(depth).await {
            let until = self.stand_still(halt)?;
            self.run.client.log().timeline.pass_until(until);
        }
        if self.run.client.log().troubled() {
            self.settle().await?;
        }
        Ok(())
    }

    /// One cycle, as far as it gets.
    pub async fn once(&mut self, depth: Depth) -> Result<(), Halt> {
        self.run.client.troubles().on = true;
        self.last_cycle = Some(self.run.now());
        let outcome = self.work(depth).await;
        self.run.client.troubles().on = false;
        if outcome.is_ok() {
            self.health.recover();
        }
        outcome
    }

    async fn work(&mut self, depth: Depth) -> Result<(), Halt> {
        self.run.client.log().unauthorized = false;
        self.probe().await?;
        self.cycles += 1;
        let changed = self.source.take_changed_people();
        self.due_people.extend(changed);
        self.due_people.extend(self.failed_users.due(self.cycles));
        let changed = self.source.take_changed_groups();
        self.due_groups.extend(changed);
        self.due_groups.extend(self.failed_groups.due(self.cycles));
        if depth == Depth::Full {
            self.due_people.extend(self.users.keys());
            self.due_groups.extend(self.groups.keys());
        }
        self.count_deletions()?;
        let people = std::mem::take(&mut self.due_people);
        self.leave_behind(&people);
        let failed = self.provision_people(&people).await;
        self.due_managers.extend(&people);
        self.check_escrow(failed, people.len())?;
        let groups = std::mem::take(&mut self.due_groups);
        let failed = self.provision_groups(&groups).await;
        self.check_escrow(failed, groups.len())?;
        let people = std::mem::take(&mut self.due_managers);
        self.set_managers(&people, depth).await;
        self.push_members().await;
        self.check_escrow(0, 0)?;
        self.approved = false;
        Ok(())
    }

    /// `E-107`: the guard against accidental deletions.
    fn count_deletions(&self) -> Result<(), Halt> {
        let Some(threshold) = self.setup.threshold.filter(|_| !self.approved) else {
            return Ok(());
        };
        let leaves = |place: &&usize| {
            let person = &self.source.people[**place];
            let on = self.users.get(place).and_then(|held| held.values.get(&ACTIVE));
            on == Some(&true.into()) && !person.in_scope()
        };
        let ends = |place: &&usize| {
            self.groups.contains_key(place) && !self.source.groups[**place].assigned
        };
        let people = self.due_people.iter().filter(leaves).count();
        let groups = self.due_groups.iter().filter(ends).count();
        if people + groups <= threshold {
            return Ok(());
        }
        let reason = format!(
            "{people} people would be switched off and {groups} groups deleted, more than {threshold}: \
             somebody has to look at it"
        );
        Err(Halt { cause: Cause::Deletions, reason, passing: true })
    }

    /// Whether the job goes on after a step in which objects failed.
    fn check_escrow(&self, failed: usize, objects: usize) -> Result<(), Halt> {
        let mut log = self.run.client.log();
        let passing = log.failing_by_trouble();
        if std::mem::take(&mut log.unauthorized) {
            let reason = "the token was refused in the middle of a cycle".to_owned();
            return Err(Halt { cause: Cause::Credentials, reason, passing });
        }
        let share = failed * 100 > objects * self.setup.escrow_share;
        if failed >= self.setup.escrow && share || failed >= self.setup.escrow_total {
            let reason = format!("{failed} of {objects} objects failed");
            return Err(Halt { cause: Cause::Escrow, reason, passing });
        }
        Ok(())
    }

    /// Runs cycles until nothing fails any more, or nothing gets better (`E-114`).
    pub async fn settle(&mut self) -> Result<(), Disabled> {
        let troubled = self.run.client.log().troubled();
        for _ in 0..if troubled { 60 } else { 2 } {
            let next = [&self.failed_users, &self.failed_groups].map(Failures::next);
            let Some(next) = next.into_iter().flatten().min() else { break };
            if troubled {
                // Nothing else happens meanwhile, so the cycles in between are left out.
                let idle = next.saturating_sub(self.cycles + 1);
                self.run.pass(self.setup.cycle * Moment::from(idle));
                self.cycles += idle;
            }
            let due = self.next_cycle();
            self.run.client.log().timeline.pass_until(due);
            while let Err(halt) = self.once(Depth::Incremental).await {
                let until = self.stand_still(halt)?;
                self.run.client.log().timeline.pass_until(until);
            }
        }
        Ok(())
    }

    /// Whether the last attempt at this person's account failed.
    pub fn failed(&self, place: usize) -> bool {
        self.failed_users.0.contains_key(&place)
    }

    /// Objects that failed and wait for another attempt.
    pub fn failures(&self) -> usize {
        self.failed_users.0.len() + self.failed_groups.0.len()
    }

    pub fn change(&self, target: Target, value: Value, now: Option<&Value>) -> Change {
        Change { target, value, absent: now.is_none() && self.setup.add_when_empty }
    }

    /// The grammar that is sent for an object.
    pub fn grammar_of(&self, place: usize) -> Grammar {
        match self.setup.flag {
            Flag::Mixed if place % 2 == 1 => Grammar::Old,
            _ => self.grammar,
        }
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

    /// How many failed.
    async fn provision_people(&mut self, places: &BTreeSet<usize>) -> usize {
        let due: Vec<usize> = places.iter().copied().collect();
        let done = self.run.each("users", due, async |place| {
            (place, self.provision_user(place, self.grammar_of(place)).await)
        });
        let mut failed = 0;
        for (place, outcome) in done.await {
            failed += usize::from(outcome.is_err());
            self.settle_user(place, outcome);
        }
        failed
    }

    pub fn settle_user(&mut self, place: usize, outcome: Result<Option<HeldUser>, Retry>) {
        if outcome.is_ok() {
            self.failed_users.0.remove(&place);
        }
        match outcome {
            Ok(Some(held)) => {
                self.left_behind.retain(|former| former.id != held.id);
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
                self.failed_users.add(place, self.cycles);
            }
        }
    }

    /// A deleted user is in no group any more (`E-101`) and nobody's manager.
    fn forget(&mut self, id: &str) {
        for link in self.groups.values_mut() {
            link.held.members.remove(id);
            link.held.undecided.remove(id);
            link.pushed.remove(id);
        }
        for user in self.users.values_mut() {
            user.manager.take_if(|manager| manager == id);
        }
    }

    /// How many failed.
    async fn provision_groups(&mut self, places: &BTreeSet<usize>) -> usize {
        let due: Vec<usize> = places.iter().copied().collect();
        let done = self.run.each("groups", due, async |place| {
            (place, self.provision_group(place, self.grammar_of(place)).await)
        });
        let mut failed = 0;
        for (place, outcome) in done.await {
            failed += usize::from(outcome.is_err());
            self.settle_group(place, outcome);
        }
        failed
    }

    pub fn settle_group(&mut self, place: usize, outcome: Result<Option<GroupLink>, Retry>) {
        if outcome.is_ok() {
            self.failed_groups.0.remove(&place);
        }
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
                self.failed_groups.add(place, self.cycles);
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
            let unsure = &link.held.undecided;
            let leave = link.pushed.union(unsure).filter(|id| !wanted.contains(*id));
            let leave: Vec<_> = leave.cloned().collect();
            let come =
                wanted.iter().filter(|id| !link.pushed.contains(*id) || unsure.contains(*id));
            let come: Vec<_> = come.cloned().collect();
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
                let size = match self.setup.batch {
                    Some(size) => size,
                    None => self.source.rng.random_range(1..=100),
                };
                let size = size.min(rest.len());
                let (batch, others) = rest.split_at(size);
                plans.entry(place).or_default().push((change, batch.to_vec()));
                rest = others;
            }
        }
        let plans: Vec<_> = plans.into_iter().collect();
        let done = self.run.each("members", plans, async |(place, batches)| {
            let link = self.groups[&place].clone();
            (place, self.push_batches(link, batches, self.grammar_of(place)).await)
        });
        for (place, (link, outcome)) in done.await {
            self.groups.insert(place, link);
            if let Err(Retry) = outcome {
                self.failed_groups.add(place, self.cycles);
            }
        }
    }

    /// Drops the links of everything in scope, as a restart with full reset does, and runs a cycle that must find it
    /// all again (`E-116`).
    pub async fn reset(&mut self) -> Result<(), Disabled> {
        let case = "E-116";
        let mut existing = Existing { case, ..Existing::default() };
        for (place, held) in std::mem::take(&mut self.users) {
            if self.source.people[place].in_scope() {
                self.source.change(place, |_| ());
                existing.people.insert(place);
            } else {
                self.left_behind.push(held);
            }
        }
        for (place, link) in std::mem::take(&mut self.groups) {
            self.source.change_group(place, |_| ());
            existing.groups.insert(place);
            self.former.insert(link.held.id.clone(), link.held);
        }
        self.find_again(existing).await
    }

    /// A cycle that must find what exists.
    pub async fn find_again(&mut self, existing: Existing) -> Result<(), Disabled> {
        self.existing = existing;
        let outcome = self.cycle(Depth::Incremental).await;
        self.existing = Existing::default();
        outcome
    }
}

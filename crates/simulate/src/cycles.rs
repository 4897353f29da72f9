//! Cycle after cycle, against a clock that runs faster than the real one: for watching a server over weeks in minutes,
//! and for stopping it in between to see what a service does then.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::audit::{self, ACTIVE, Beliefs, DISPLAY_NAME, Gone, HeldGroup};
use crate::call::Call;
use crate::cast;
use crate::directory::{Directory, Person};
use crate::entra::{Depth, Job};
use crate::okta::{self, Family, Org};
use crate::plain::{self, Plain};
use crate::report::Report;
use crate::run::Run;
use crate::timeline::{MINUTE, Moment, clock};
use crate::{Error, Kind, Options, Progress, Scenario, jumpcloud, onelogin};

/// How fast the time goes, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How many times as fast as the real time; at least 1.
    pub speed: u32,
    /// The number of cycles; without one they go on until the run is stopped.
    pub cycles: Option<u32>,
}

/// What a cycle came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CycleLine {
    /// From 1.
    pub number: u32,
    /// Milliseconds of the simulation's own time.
    pub at_ms: u64,
    /// People and groups that changed since the last one.
    pub changes: usize,
    pub requests: u64,
    /// Objects that failed and will be tried again.
    pub failed: usize,
    /// When the next one is due.
    pub next_ms: u64,
    /// Why the cycle ended early.
    pub halted: Option<String>,
}

impl fmt::Display for CycleLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CycleLine { number, at_ms, changes, requests, failed, next_ms, halted } = self;
        let at = clock(*at_ms);
        write!(f, "cycle {number:<4} {at}  {changes} changes, {requests} requests")?;
        if *failed > 0 {
            write!(f, ", {failed} failed")?;
        }
        if let Some(reason) = halted {
            write!(f, ", halted: {reason}; next at {}", clock(*next_ms))?;
        }
        Ok(())
    }
}

/// The time from one look at an event-driven service to the next.
const INTERVAL: Moment = 40 * MINUTE;

/// Runs cycles with changes between them until `stopped` or the pace's number is reached, then reads everything back.
/// `told` gets a line for each. A server that fails is waited for as the service would.
pub async fn run_cycles(
    options: Options,
    pace: Pace,
    stopped: impl Future<Output = ()>,
    progress: impl Fn(Progress) + Send + Sync,
    told: impl Fn(&CycleLine),
) -> Result<Report, Error> {
    let started = Instant::now();
    let mut run = Run::new(&options, &progress)?;
    run.reach().await?;
    run.begin("cycles");
    let mut service = Service::new(&mut run);
    let mut stopped = pin!(stopped);
    let mut number = 0;
    let mut due = 0;
    while pace.cycles.is_none_or(|cycles| number < cycles) {
        let real = Duration::from_millis(due / Moment::from(pace.speed.max(1)));
        tokio::select! {
            biased;
            () = &mut stopped => break,
            () = tokio::time::sleep_until((started + real).into()) => {}
        }
        number += 1;
        let line = service.turn(number, due).await;
        told(&line);
        due = line.next_ms.max(due);
        if line.halted.is_some() && line.next_ms <= line.at_ms {
            break;
        }
    }
    let beliefs = service.into_beliefs().await;
    run.client.troubles().quiet();
    audit::read_back(&mut run, &beliefs).await;
    let chosen = [Scenario { name: "cycles", description: "" }];
    Ok(run.into_report(&chosen, &beliefs, started).await)
}

/// What happened in the source between two cycles.
#[derive(Debug, Default)]
pub struct Stirred {
    pub hired: Vec<usize>,
    pub updated: Vec<usize>,
    pub left: Vec<usize>,
    pub back: Vec<usize>,
    /// Groups with other members.
    pub groups: Vec<usize>,
    /// Groups with another name.
    pub renamed: Vec<usize>,
    /// Groups that are deleted, on the server as well.
    pub deleted: Vec<usize>,
    /// Groups that are not pushed any more, and stay on the server where the service leaves them.
    pub unlinked: Vec<usize>,
}

impl Stirred {
    fn count(&self) -> usize {
        let people = [&self.hired, &self.updated, &self.left, &self.back];
        let groups = [&self.groups, &self.renamed, &self.deleted, &self.unlinked];
        people.into_iter().chain(groups).map(Vec::len).sum()
    }
}

pub enum Service<'a, 'r> {
    Entra(Box<Job<'a, 'r>>),
    Okta(Box<Org<'a, 'r>>),
    Plain(Box<Plain<'a, 'r>>),
}

impl<'a, 'r> Service<'a, 'r> {
    pub fn new(run: &'a mut Run<'r>) -> Self {
        match run.options.kind {
            Kind::Entra => {
                let mut job = Job::new(run);
                job.patient = true;
                Service::Entra(Box::new(job))
            }
            Kind::Okta => Service::Okta(Box::new(Org::new(run))),
            Kind::OneLogin => {
                let dialect = onelogin::dialect(&run.settings);
                Service::Plain(Box::new(Plain::new(run, dialect)))
            }
            Kind::JumpCloud => {
                let dialect = jumpcloud::dialect(&run.settings);
                Service::Plain(Box::new(Plain::new(run, dialect)))
            }
        }
    }

    pub fn parts(&mut self) -> (&Run<'r>, &mut Directory) {
        match self {
            Service::Entra(job) => (job.run, &mut job.source),
            Service::Okta(org) => (org.run, &mut org.source),
            Service::Plain(plain) => (plain.run, &mut plain.source),
        }
    }

    async fn turn(&mut self, number: u32, due: Moment) -> CycleLine {
        let (run, source) = self.parts();
        run.client.log().timeline.pass_until(due);
        let stirred = match number {
            // At first there is nobody yet to whom anything could happen.
            1 => Stirred::default(),
            _ => stir(run, source, number).await,
        };
        self.push(number, stirred).await
    }

    /// A cycle, or what an event-driven service does in the time of one.
    pub async fn push(&mut self, number: u32, stirred: Stirred) -> CycleLine {
        let (run, _) = self.parts();
        let before = {
            let mut log = run.client.log();
            log.silent = 0;
            log.requests.values().flat_map(BTreeMap::values).sum::<u64>()
        };
        let at_ms = run.now();
        let mut line = CycleLine {
            number,
            at_ms,
            changes: stirred.count(),
            next_ms: at_ms + INTERVAL,
            ..CycleLine::default()
        };
        match self {
            Service::Entra(job) => {
                match job.once(Depth::Incremental).await {
                    Ok(()) => line.next_ms = job.next_cycle(),
                    Err(halt) => {
                        line.halted = Some(halt.reason.clone());
                        line.next_ms = job.stand_still(halt).unwrap_or(at_ms);
                    }
                }
                line.failed = job.failures();
            }
            Service::Okta(org) => match okta_turn(org, stirred).await {
                Ok(failed) => line.failed = failed,
                Err(okta::Stop) => line.halted = Some("the connector test failed".to_owned()),
            },
            Service::Plain(plain) => line.failed = plain_turn(plain, stirred).await,
        }
        let (run, _) = self.parts();
        let after: u64 = run.client.log().requests.values().flat_map(BTreeMap::values).sum();
        line.requests = after - before;
        line
    }

    /// Deletes somebody's account on the server and drops the link to it.
    pub async fn forget(&mut self, place: usize) {
        let (held, groups, gone): (_, Vec<&mut HeldGroup>, _) = match self {
            Service::Entra(job) => {
                let groups = job.groups.values_mut().map(|link| &mut link.held);
                (job.users.remove(&place), groups.collect(), &mut job.gone)
            }
            Service::Okta(org) => {
                (org.users.remove(&place), org.groups.values_mut().collect(), &mut org.gone)
            }
            Service::Plain(plain) => {
                (plain.users.remove(&place), plain.groups.values_mut().collect(), &mut plain.gone)
            }
        };
        let Some(held) = held else { return };
        for group in groups {
            group.members.remove(&held.id);
        }
        let call = Call::delete("/Users", &held.id).verifying();
        gone.push(Gone { endpoint: "/Users", name: held.name().to_owned(), id: held.id });
        self.parts().0.client.send(call).await;
    }

    pub async fn into_beliefs(self) -> Beliefs {
        match self {
            Service::Entra(mut job) => {
                job.run.client.troubles().quiet();
                let _ = job.settle().await;
                job.into_beliefs()
            }
            Service::Okta(org) => org.into_beliefs(),
            Service::Plain(plain) => plain.into_beliefs(),
        }
    }
}

/// A day at the office: somebody joins, some are promoted, somebody leaves or comes back, groups change.
async fn stir(run: &Run<'_>, source: &mut Directory, number: u32) -> Stirred {
    let mut stirred = Stirred::default();
    let first = source.first_people;
    for place in source.some_people((first / 50).clamp(1, 20)) {
        let person = &source.people[place];
        if !person.assigned {
            source.change(place, |person| person.assigned = true);
            stirred.back.push(place);
        } else if number.is_multiple_of(3) && place > 0 {
            source.change(place, |person| person.assigned = false);
            stirred.left.push(place);
        } else {
            source.change(place, |person| person.title = format!("Keeper of Day {number}"));
            stirred.updated.push(place);
        }
    }
    if number.is_multiple_of(2) {
        let people: Vec<Person> = cast::people(run, source, "clock", 1).await;
        stirred.hired = source.hire(people);
    }
    for group in (1..source.first_groups).take(3) {
        let person = source.some_people(1);
        let joins = !source.groups[group].members.contains(&person[0]);
        source.change_group(group, |group| match joins {
            true => group.members.insert(person[0]),
            false => group.members.remove(&person[0]),
        });
        stirred.groups.push(group);
    }
    stirred
}

/// How many tasks an administrator would find failed.
async fn okta_turn(org: &mut Org<'_, '_>, stirred: Stirred) -> Result<usize, okta::Stop> {
    let family = org.setup.family.unwrap_or(Family::Oin);
    org.start(family).await?;
    for place in stirred.left {
        org.happen("users deactivated", family, okta::Event::Unassign, &[place]).await;
    }
    org.happen("users reactivated", family, okta::Event::Reassign, &stirred.back).await;
    org.happen("users assigned", family, okta::Event::Assign, &stirred.hired).await;
    org.happen("profiles pushed", family, okta::Event::Update, &stirred.updated).await;
    // What failed before differs still, and is tried again with the rest.
    org.catch_up(family).await;
    for place in stirred.unlinked {
        org.left_behind.extend(org.groups.remove(&place));
    }
    for place in stirred.deleted {
        let Some(held) = org.groups.get(&place).cloned() else { continue };
        if org.delete_group(&held).await.is_ok() {
            org.groups.remove(&place);
            let name = held.name().to_owned();
            org.gone.push(Gone { endpoint: "/Groups", id: held.id, name });
        }
    }
    org.start_groups().await;
    for place in stirred.renamed {
        let Some(mut held) = org.groups.get(&place).cloned() else { continue };
        held.values.insert(DISPLAY_NAME, org.source.groups[place].name.clone().into());
        if let Ok(held) = org.rename_group(family, held).await {
            org.groups.insert(place, held);
        }
    }
    let places: Vec<usize> = org.groups.keys().copied().collect();
    for place in places {
        let Some(held) = org.groups.get(&place).cloned() else { continue };
        let wanted = org.pushed_members(place);
        let active = |id: &&String| {
            org.users
                .values()
                .any(|user| user.id == **id && user.values.get(&ACTIVE) == Some(&true.into()))
        };
        let come = wanted.iter().filter(|(id, _)| !held.members.contains(*id));
        let come: okta::Members = come.map(|(id, name)| (id.clone(), name.clone())).collect();
        let leave = held.members.iter().filter(|id| !wanted.contains_key(*id)).filter(active);
        let leave = leave.cloned().collect::<std::collections::BTreeSet<_>>();
        if come.is_empty() && leave.is_empty() {
            continue;
        }
        if let Ok(held) = org.change(family, held, come, leave).await {
            org.groups.insert(place, held);
        }
    }
    Ok(org.behind().len())
}

async fn plain_turn(plain: &mut Plain<'_, '_>, stirred: Stirred) -> usize {
    plain.start_assigned().await;
    plain.happen("users leave", plain::Event::Leave, &stirred.left).await;
    let assigned = [stirred.back, stirred.hired].concat();
    plain.happen("users assigned", plain::Event::Assign, &assigned).await;
    plain.happen("profiles pushed", plain::Event::Update, &stirred.updated).await;
    for place in stirred.deleted {
        plain.delete_group(place, plain.dialect.end).await;
    }
    for place in stirred.renamed {
        plain.rename_group(place, plain.dialect.update).await;
    }
    let mut groups: Vec<usize> = (0..plain.source.first_groups).collect();
    groups.retain(|place| plain.source.groups[*place].assigned);
    for place in groups {
        if !plain.groups.contains_key(&place) && plain.push(place).await.is_err() {
            continue;
        }
        let Some(held) = plain.groups.get(&place).cloned() else { continue };
        let wanted = plain.source.groups[place].members.clone();
        let member = |person: &usize| {
            plain.users.get(person).is_some_and(|user| held.members.contains(&user.id))
        };
        let come: Vec<usize> = wanted.iter().filter(|one| !member(one)).copied().collect();
        let leave: Vec<usize> = plain
            .users
            .keys()
            .filter(|one| !wanted.contains(one) && member(one))
            .copied()
            .collect();
        if !come.is_empty() {
            plain.change_members(place, "add", &come).await;
        }
        if !leave.is_empty() {
            plain.change_members(place, "remove", &leave).await;
        }
    }
    let people = plain.source.people.iter().enumerate();
    people.filter(|(place, person)| person.assigned && !plain.users.contains_key(place)).count()
}

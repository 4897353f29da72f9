use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::Kind;
use crate::timeline::{Place, clock};
use crate::trouble::Trouble;

/// What a simulation did and what the server got wrong.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub kind: Kind,
    pub url: String,
    pub seed: u64,
    pub scenarios: Vec<&'static str>,
    /// Users and groups that the service believes to exist at the end.
    pub users: usize,
    pub groups: usize,
    pub seconds: f64,
    /// All requests, `verification` included.
    pub total: u64,
    /// Requests that the real service would not have sent: they check what an earlier request did.
    pub verification: u64,
    /// Method, then status (`lost` where no answer came), then how many.
    pub requests: BTreeMap<String, BTreeMap<String, u64>>,
    pub durations: Durations,
    pub changes: Changes,
    /// Answers with status 429, each waited for.
    pub throttled: u64,
    /// What the simulation made up between itself and the server, and how often.
    pub troubles: BTreeMap<Trouble, u64>,
    /// What was met of a server that may be away.
    pub outages: Outages,
    /// When the job stood still, and why.
    pub quarantines: Vec<Quarantine>,
    /// How long all of it took in the simulation's own time, in milliseconds.
    pub clock_ms: u64,
    pub faults: Vec<Fault>,
    pub differences: Vec<Difference>,
    /// Every request, when [`Options::record`](crate::Options::record) asked for it, in the order in which one request
    /// at a time would have been made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sent: Vec<Sent>,
    /// What the service believes that the server holds.
    #[serde(skip)]
    pub believed: Believed,
    /// All of it as JSON lines, when [`Options::script`](crate::Options::script) asked for it.
    #[serde(skip)]
    pub script: Option<String>,
}

impl Report {
    /// Whether the server did everything right.
    pub fn passed(&self) -> bool {
        self.faults.is_empty() && self.differences.is_empty()
    }
}

/// What a service believes that a server holds.
#[derive(Clone, Debug, Default)]
pub struct Believed {
    pub users: Vec<BelievedUser>,
    pub groups: Vec<BelievedGroup>,
}

#[derive(Clone, Debug)]
pub struct BelievedUser {
    pub id: String,
    pub user_name: String,
    pub email: Option<String>,
    pub active: bool,
}

#[derive(Clone, Debug)]
pub struct BelievedGroup {
    pub id: String,
    pub name: String,
    /// Ids of users.
    pub members: BTreeSet<String>,
    /// Ids of users who may be members or not, as the server likes.
    pub undecided: BTreeSet<String>,
}

/// How often a server was not there that may be away ([`Options::outages`](crate::Options::outages)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Outages {
    /// No connection, or one that was lost before the answer.
    pub lost: u64,
    /// Status 503 with `Retry-After`.
    pub unavailable: u64,
}

/// How long answers took, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Durations {
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
    pub max: f64,
}

impl Durations {
    pub(crate) fn of(mut micros: Vec<u64>) -> Self {
        micros.sort_unstable();
        let at = |share: f64| {
            let place = (micros.len() as f64 * share).ceil() as usize;
            micros.get(place.saturating_sub(1)).map_or(0.0, |micros| *micros as f64 / 1000.0)
        };
        Durations { p50: at(0.50), p95: at(0.95), p99: at(0.99), max: at(1.0) }
    }
}

/// What the service changed on the server, as it believes.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Changes {
    pub users_created: u64,
    pub users_linked: u64,
    pub users_updated: u64,
    pub users_deactivated: u64,
    pub users_reactivated: u64,
    pub users_deleted: u64,
    pub managers_set: u64,
    pub passwords_set: u64,
    pub groups_created: u64,
    pub groups_linked: u64,
    pub groups_updated: u64,
    pub groups_deleted: u64,
    pub members_added: u64,
    pub members_removed: u64,
}

/// A request as it went out; `path` is below the base URL and includes the query.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub body: Option<Value>,
}

/// An answer that would hurt the service, with the case it breaks.
#[derive(Clone, Debug, Serialize)]
pub struct Fault {
    pub case: &'static str,
    pub what: String,
    /// The first request that showed it.
    pub request: Request,
    pub expected: String,
    pub got: String,
    pub scenario: &'static str,
    /// How often it was seen.
    pub times: u64,
}

/// Something that the service believes and the server does not hold.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    pub case: &'static str,
    /// `User` or `Group`.
    pub resource: &'static str,
    pub id: String,
    pub name: String,
    pub attribute: String,
    pub believed: String,
    pub held: String,
}

/// A recorded request.
#[derive(Clone, Debug, Serialize)]
pub struct Sent {
    /// Milliseconds of the simulation's own time.
    pub at_ms: u64,
    #[serde(flatten)]
    pub request: Request,
    /// `None` where no answer came.
    pub status: Option<u16>,
    pub scenario: &'static str,
    /// Not the service's own request, but a check of an earlier one.
    pub verification: bool,
    /// Sent with a token that the server never issued.
    pub foreign_token: bool,
    /// What the simulation made of it on its way.
    pub trouble: Option<Trouble>,
    /// The ids of the resources in the answer.
    #[serde(skip)]
    pub ids: Vec<String>,
    #[serde(skip)]
    pub(crate) place: Place,
}

/// A time in which a job stood still.
#[derive(Clone, Debug, Serialize)]
pub struct Quarantine {
    pub reason: String,
    /// How many times in a row the job had stopped, this time included.
    pub stage: u32,
    /// Milliseconds of the simulation's own time.
    pub from_ms: u64,
    pub until_ms: u64,
    pub scenario: &'static str,
}

/// How many faults and differences are printed in full.
const PRINTED: usize = 20;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = self.total as f64 / self.seconds.max(0.001);
        writeln!(f, "{} against {}", self.kind.title(), self.url)?;
        writeln!(f, "  scenarios   {}", self.scenarios.join(", "))?;
        writeln!(
            f,
            "  requests    {} in {:.1} s ({rate:.0}/s), {} of them to check earlier ones",
            self.total, self.seconds, self.verification
        )?;
        for (method, statuses) in &self.requests {
            let statuses = statuses.iter().map(|(status, times)| format!("{status} × {times}"));
            writeln!(f, "    {method:<8}  {}", statuses.collect::<Vec<_>>().join(", "))?;
        }
        let Durations { p50, p95, p99, max } = self.durations;
        writeln!(
            f,
            "  answers     p50 {p50:.1} ms, p95 {p95:.1} ms, p99 {p99:.1} ms, slowest {max:.1} ms"
        )?;
        if self.throttled > 0 {
            writeln!(f, "  throttled   {} times, waited as told", self.throttled)?;
        }
        if !self.troubles.is_empty() {
            let troubles = self.troubles.iter().map(|(name, times)| format!("{name} × {times}"));
            writeln!(f, "  made up     {}", troubles.collect::<Vec<_>>().join(", "))?;
        }
        let Outages { lost, unavailable } = self.outages;
        if lost + unavailable > 0 {
            writeln!(f, "  away        {lost} × no answer, {unavailable} × 503")?;
        }
        writeln!(f, "  own time    {}", clock(self.clock_ms))?;
        for Quarantine { reason, stage, from_ms, until_ms, scenario } in &self.quarantines {
            let (from, until) = (clock(*from_ms), clock(*until_ms));
            writeln!(f, "  quarantine  {from} to {until}, stage {stage}, {scenario}: {reason}")?;
        }
        let c = &self.changes;
        writeln!(
            f,
            "  users       {} created, {} found and linked, {} updated, {} deactivated, {} reactivated, {} deleted; {} now",
            c.users_created,
            c.users_linked,
            c.users_updated,
            c.users_deactivated,
            c.users_reactivated,
            c.users_deleted,
            self.users
        )?;
        writeln!(
            f,
            "  groups      {} created, {} found and linked, {} updated, {} deleted; {} now",
            c.groups_created, c.groups_linked, c.groups_updated, c.groups_deleted, self.groups
        )?;
        writeln!(
            f,
            "  references  {} members added, {} removed, {} managers set",
            c.members_added, c.members_removed, c.managers_set
        )?;
        for fault in self.faults.iter().take(PRINTED) {
            let times =
                if fault.times > 1 { format!(" ({} times)", fault.times) } else { String::new() };
            writeln!(
                f,
                "fault {}: {}{times}, in scenario `{}`",
                fault.case, fault.what, fault.scenario
            )?;
            writeln!(f, "  request   {} {}", fault.request.method, fault.request.path)?;
            if let Some(body) = &fault.request.body {
                writeln!(f, "            {}", shorten(&body.to_string(), 400))?;
            }
            writeln!(f, "  expected  {}", shorten(&fault.expected, 400))?;
            writeln!(f, "  got       {}", shorten(&fault.got, 400))?;
        }
        rest(f, self.faults.len(), "faults")?;
        for difference in self.differences.iter().take(PRINTED) {
            let Difference { case, resource, id, name, attribute, believed, held } = difference;
            writeln!(f, "difference {case}: {resource} `{name}` ({id}), {attribute}")?;
            writeln!(f, "  believed  {}", shorten(believed, 400))?;
            writeln!(f, "  held      {}", shorten(held, 400))?;
        }
        rest(f, self.differences.len(), "differences")?;
        match (self.faults.len(), self.differences.len()) {
            (0, 0) => write!(f, "no fault, no difference"),
            (faults, differences) => write!(f, "{faults} faults, {differences} differences"),
        }
    }
}

fn rest(f: &mut fmt::Formatter<'_>, count: usize, noun: &str) -> fmt::Result {
    match count.checked_sub(PRINTED) {
        None | Some(0) => Ok(()),
        Some(more) => writeln!(f, "… and {more} more {noun}"),
    }
}

/// Cuts at a character's border and says that it did.
pub(crate) fn shorten(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

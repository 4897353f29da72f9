use std::collections::{BTreeMap, HashMap};

use crate::call::Answer;
use crate::report::{Changes, Fault, Outages, Quarantine, Request, Sent};
use crate::timeline::Timeline;
use crate::trouble::Trouble;

/// What has been sent and found so far.
#[derive(Debug, Default)]
pub struct Log {
    pub scenario: &'static str,
    pub timeline: Timeline,
    pub requests: BTreeMap<String, BTreeMap<String, u64>>,
    pub micros: Vec<u64>,
    pub verification: u64,
    pub throttled: u64,
    pub troubles: BTreeMap<Trouble, u64>,
    pub outages: Outages,
    pub quarantines: Vec<Quarantine>,
    pub changes: Changes,
    pub faults: Vec<Fault>,
    places: HashMap<(&'static str, String), usize>,
    record: bool,
    pub sent: Vec<Sent>,
    /// Requests without an answer since the last answer.
    pub silent: u32,
    /// Whether the service's own requests have been refused for their token, until somebody asks.
    pub unauthorized: bool,
}

impl Log {
    pub fn new(record: bool) -> Self {
        Log { record, timeline: Timeline::new(), ..Log::default() }
    }

    /// One attempt is over.
    pub fn answered(&mut self, sent: Sent) {
        let statuses = self.requests.entry(sent.request.method.clone()).or_default();
        let heard = sent.status.filter(|_| sent.trouble != Some(Trouble::Lost));
        let status = match (heard, sent.trouble) {
            (Some(status), Some(trouble)) if !trouble.reaches() => format!("{status} made up"),
            (Some(status), _) => status.to_string(),
            (None, _) => "lost".to_owned(),
        };
        *statuses.entry(status).or_default() += 1;
        self.verification += u64::from(sent.verification);
        match (heard, sent.trouble) {
            (Some(_), _) => self.silent = 0,
            (None, Some(_)) => {}
            (None, None) => self.silent += 1,
        }
        if let Some(trouble) = sent.trouble {
            *self.troubles.entry(trouble).or_default() += 1;
        }
        if self.record {
            self.sent.push(sent);
        }
    }

    /// One attempt met a server that is away.
    pub fn away(&mut self, sent: Sent) {
        match sent.status {
            None => self.outages.lost += 1,
            Some(_) => self.outages.unavailable += 1,
        }
        let silent = self.silent;
        self.answered(sent);
        self.silent = silent;
    }

    /// Whether there was trouble on the way so far, so that the service may have to do things again.
    pub fn troubled(&self) -> bool {
        self.outages != Outages::default() || !self.troubles.is_empty()
    }

    /// Whether that can have made requests fail.
    pub fn failing_by_trouble(&self) -> bool {
        self.outages != Outages::default()
            || self.troubles.keys().any(|trouble| *trouble != Trouble::Repeated)
    }

    /// Records a fault, or counts it if the same one is there already.
    pub fn fault(
        &mut self,
        case: &'static str,
        what: impl Into<String>,
        request: &Request,
        expected: impl Into<String>,
        got: impl Into<String>,
    ) {
        let what = what.into();
        if let Some(place) = self.places.get(&(case, what.clone())) {
            self.faults[*place].times += 1;
            return;
        }
        self.places.insert((case, what.clone()), self.faults.len());
        self.faults.push(Fault {
            case,
            what,
            request: request.clone(),
            expected: expected.into(),
            got: got.into(),
            scenario: self.scenario,
            times: 1,
        });
    }

    /// Whether the answer has one of these statuses; if not, that is a fault, unless the answer was made up, or may be to
    /// a request that an earlier sending has done already.
    pub fn expect(
        &mut self,
        answer: &Answer,
        case: &'static str,
        what: &'static str,
        statuses: &[u16],
    ) -> bool {
        let right = statuses.contains(&answer.status);
        if !right && !answer.made_up && !answer.meets_itself() {
            let statuses: Vec<_> = statuses.iter().map(u16::to_string).collect();
            let expected = format!("status {}", statuses.join(" or "));
            self.fault(case, what, &answer.request, expected, answer.summary());
        }
        right
    }
}

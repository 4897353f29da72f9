use std::collections::{BTreeMap, HashMap};

use crate::call::Answer;
use crate::report::{Changes, Fault, Request, Sent};

/// What has been sent and found so far.
#[derive(Debug, Default)]
pub struct Log {
    pub scenario: &'static str,
    pub requests: BTreeMap<String, BTreeMap<String, u64>>,
    pub micros: Vec<u64>,
    pub verification: u64,
    pub throttled: u64,
    pub changes: Changes,
    pub faults: Vec<Fault>,
    places: HashMap<(&'static str, String), usize>,
    record: bool,
    pub sent: Vec<Sent>,
    /// Requests without an answer since the last answer.
    pub silent: u32,
}

impl Log {
    pub fn new(record: bool) -> Self {
        Log { record, ..Log::default() }
    }

    pub fn answered(&mut self, request: &Request, verification: bool, status: Option<u16>) {
        let statuses = self.requests.entry(request.method.clone()).or_default();
        let status_text = status.map_or("lost".to_owned(), |status| status.to_string());
        *statuses.entry(status_text).or_default() += 1;
        self.verification += u64::from(verification);
        self.silent = if status.is_some() { 0 } else { self.silent + 1 };
        if self.record {
            let scenario = self.scenario;
            self.sent.push(Sent { request: request.clone(), status, scenario, verification });
        }
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

    /// Whether the answer has one of these statuses; if not, that is a fault.
    pub fn expect(
        &mut self,
        answer: &Answer,
        case: &'static str,
        what: &'static str,
        statuses: &[u16],
    ) -> bool {
        let right = statuses.contains(&answer.status);
        if !right {
            let statuses: Vec<_> = statuses.iter().map(u16::to_string).collect();
            let expected = format!("status {}", statuses.join(" or "));
            self.fault(case, what, &answer.request, expected, answer.summary());
        }
        right
    }
}

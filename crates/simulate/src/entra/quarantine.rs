//! When a job stands still, and for how long.

use crate::report::Quarantine;
use crate::timeline::{DAY, HOUR, Moment};

use super::job::{Disabled, Job};

/// Why a cycle ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Halt {
    pub cause: Cause,
    pub reason: String,
    /// Whether the simulation made the cause up, so that it will pass.
    pub passing: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The token is refused, a query is answered with 404, or the answer cannot be read.
    Credentials,
    /// 5xx, or no answer at all: the next cycle tries again; the third one in a row is a quarantine (`E-114`).
    Unreachable,
    /// Too many objects failed.
    Escrow,
    /// More people and groups would be switched off or deleted than the administrator allows (`E-107`).
    Deletions,
}

/// Cycles in a row that may find nobody there.
const ABSENCES: u32 = 3;
/// After that long in quarantine the job is disabled.
const LONGEST: Moment = 28 * DAY;

/// How a job stands: in good health, or for how long not.
#[derive(Clone, Copy, Debug, Default)]
pub struct Health {
    absences: u32,
    stage: u32,
    since: Option<Moment>,
}

impl Health {
    /// When the job tries again, and the stage of its quarantine, 0 for none. `None`: never.
    pub fn next_try(
        &mut self,
        cause: Cause,
        now: Moment,
        next_cycle: Moment,
    ) -> Option<(Moment, u32)> {
        if cause == Cause::Unreachable {
            self.absences += 1;
            if self.absences < ABSENCES {
                return Some((next_cycle, 0));
            }
        }
        let since = *self.since.get_or_insert(now);
        self.stage += 1;
        let wait = match self.stage {
            _ if cause == Cause::Deletions => DAY,
            1 => 6 * HOUR,
            2 => 12 * HOUR,
            _ => 24 * HOUR,
        };
        (now + wait - since <= LONGEST).then_some((now + wait, self.stage))
    }

    /// A cycle went well.
    pub fn recover(&mut self) {
        *self = Health::default();
    }

    pub fn stage(&self) -> u32 {
        self.stage
    }
}

impl Job<'_, '_> {
    /// Notes that the job stands still, and says until when.
    pub fn stand_still(&mut self, halt: Halt) -> Result<Moment, Disabled> {
        let now = self.run.now();
        if halt.cause == Cause::Deletions {
            self.approved = true;
        }
        let next = self.health.next_try(halt.cause, now, self.next_cycle());
        let mut log = self.run.client.log();
        let scenario = log.scenario;
        let Some((until, stage)) = next else {
            let reason = format!("{}; after 28 days the job is disabled", halt.reason);
            let stage = self.health.stage();
            let (from_ms, until_ms) = (now, now);
            log.quarantines.push(Quarantine { reason, stage, from_ms, until_ms, scenario });
            return Err(Disabled);
        };
        if stage > 0 {
            let reason = halt.reason.clone();
            let (from_ms, until_ms) = (now, until);
            log.quarantines.push(Quarantine { reason, stage, from_ms, until_ms, scenario });
        }
        drop(log);
        // What the server does by itself does not get better by waiting in a time of one's own.
        if halt.passing || self.patient { Ok(until) } else { Err(Disabled) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::MINUTE;

    /// 6 h, 12 h, then every 24 h; after 28 days it is over.
    #[test]
    fn waits_longer_and_longer() {
        let mut health = Health::default();
        let (mut now, mut waits) = (0, Vec::new());
        while let Some((next, _)) = health.next_try(Cause::Credentials, now, now + 40 * MINUTE) {
            waits.push((next - now) / HOUR);
            now = next;
        }
        assert_eq!(waits[..4], [6, 12, 24, 24]);
        assert!(now <= LONGEST && now > LONGEST - DAY);
        health.recover();
        let again = health.next_try(Cause::Escrow, now, now);
        assert_eq!(again, Some((now + 6 * HOUR, 1)));
    }

    /// E-114: an outage of 50 minutes is over before anybody speaks of quarantine.
    #[test]
    fn e_114_an_outage_is_no_quarantine_at_once() {
        let mut health = Health::default();
        let mut stages = Vec::new();
        for cycle in 0..3 {
            let now = cycle * 40 * MINUTE;
            let next = health.next_try(Cause::Unreachable, now, now + 40 * MINUTE);
            stages.push(next.map(|(_, stage)| stage));
        }
        assert_eq!(stages, [Some(0), Some(0), Some(1)]);
    }
}

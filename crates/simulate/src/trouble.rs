//! Trouble between the service and the server, made up by the simulation: the server need not be ill for one to see how
//! the service takes it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::timeline::{Moment, Place};

/// What can happen to a request on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// 429 with `Retry-After: 20`, before the server is reached (`E-110`, `O-96`).
    Throttled,
    /// 503, before the server is reached (`E-114`).
    Unavailable,
    /// Nothing comes back, and the server was not reached.
    TimedOut,
    /// The server does what it is asked, and its answer gets lost (`E-111`, `O-31`).
    Lost,
    /// 502 with HTML from a proxy (`O-12`, `T20`).
    BadGateway,
    /// 401, as for a token that has just been replaced (`E-128`, `O-165`).
    Unauthorized,
    /// The network sends a write twice; the first answer counts (`O-99`).
    Repeated,
}

impl Trouble {
    pub const ALL: [Trouble; 7] = [
        Trouble::Throttled,
        Trouble::Unavailable,
        Trouble::TimedOut,
        Trouble::Lost,
        Trouble::BadGateway,
        Trouble::Unauthorized,
        Trouble::Repeated,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Trouble::Throttled => "throttled",
            Trouble::Unavailable => "unavailable",
            Trouble::TimedOut => "timed-out",
            Trouble::Lost => "lost",
            Trouble::BadGateway => "bad-gateway",
            Trouble::Unauthorized => "unauthorized",
            Trouble::Repeated => "repeated",
        }
    }

    /// In a few words, for people.
    pub fn description(self) -> &'static str {
        match self {
            Trouble::Throttled => "429 with Retry-After, without reaching the server",
            Trouble::Unavailable => "503, without reaching the server",
            Trouble::TimedOut => "no answer, without reaching the server",
            Trouble::Lost => "the server does it, its answer gets lost",
            Trouble::BadGateway => "502 with HTML from a proxy, without reaching the server",
            Trouble::Unauthorized => "401, without reaching the server",
            Trouble::Repeated => "a write reaches the server twice",
        }
    }

    /// Whether the server gets to see the request.
    pub fn reaches(self) -> bool {
        matches!(self, Trouble::Lost | Trouble::Repeated)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One request in `one_in` meets this trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Troubled {
    pub trouble: Trouble,
    pub one_in: u64,
}

/// `lost=20`.
impl FromStr for Troubled {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::Trouble {
            text: text.to_owned(),
            known: Trouble::ALL.map(Trouble::name).join(", "),
        };
        let (name, number) = text.split_once('=').ok_or_else(wrong)?;
        let trouble = Trouble::ALL.into_iter().find(|trouble| trouble.name() == name);
        let one_in = number.parse().ok().filter(|number| *number >= 2);
        Ok(Troubled { trouble: trouble.ok_or_else(wrong)?, one_in: one_in.ok_or_else(wrong)? })
    }
}

/// Decides what happens to each request.
#[derive(Debug, Default)]
pub struct Troubles {
    pub seed: u64,
    pub rates: Vec<Troubled>,
    /// Whether the server may really be away, which is never made up.
    pub outages: bool,
    /// Whether the rates count now. They do while the service works by itself and repairs what failed.
    pub on: bool,
    /// Everything meets this, or every write.
    pub outage: Option<Outage>,
}

#[derive(Clone, Copy, Debug)]
pub struct Outage {
    pub trouble: Trouble,
    pub until: Moment,
    pub writes_only: bool,
}

impl Troubles {
    /// Nothing happens any more.
    pub fn quiet(&mut self) {
        self.on = false;
        self.outage = None;
    }

    /// Whether something may happen to a request now.
    pub fn raging(&self, now: Moment) -> bool {
        self.on && (self.outages || !self.rates.is_empty())
            || self.outage.is_some_and(|outage| now < outage.until)
    }

    /// What happens to a request.
    pub fn meets(&self, place: Place, attempt: u32, now: Moment, write: bool) -> Option<Trouble> {
        if let Some(Outage { trouble, until, writes_only }) = self.outage
            && now < until
            && (write || !writes_only)
        {
            return Some(trouble);
        }
        let hit = |(number, rate): (usize, &Troubled)| {
            let purpose = (number as u64) << 32 | u64::from(attempt);
            let possible = write || rate.trouble != Trouble::Repeated;
            (possible && place.draw(self.seed, purpose).is_multiple_of(rate.one_in))
                .then_some(rate.trouble)
        };
        self.rates.iter().enumerate().filter(|_| self.on).find_map(hit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for trouble in Trouble::ALL {
            let text = format!("{trouble}=20");
            assert_eq!(text.parse::<Troubled>().ok(), Some(Troubled { trouble, one_in: 20 }));
        }
        for text in ["lost", "lost=", "lost=0", "lost=1", "lost=-3", "flood=9", "=4", ""] {
            let error = text.parse::<Troubled>().expect_err("it is wrong").to_string();
            assert!(error.contains(&format!("`{text}`")), "{error}");
        }
    }

    #[test]
    fn rates_are_kept_and_outages_end() {
        let mut troubles = Troubles {
            rates: vec![Troubled { trouble: Trouble::Lost, one_in: 10 }],
            ..Troubles::default()
        };
        let hits = |troubles: &Troubles| {
            let place = |number| Place { step: 3, lane: 1, number };
            (0..10_000).filter(|n| troubles.meets(place(*n), 1, 0, true).is_some()).count()
        };
        assert_eq!(hits(&troubles), 0, "they are off");
        troubles.on = true;
        assert!((800..1200).contains(&hits(&troubles)));
        troubles.on = false;
        let trouble = Trouble::Unavailable;
        troubles.outage = Some(Outage { trouble, until: 100, writes_only: false });
        let at = |now| troubles.meets(Place::default(), 1, now, false);
        assert_eq!((at(99), at(100)), (Some(Trouble::Unavailable), None));
    }
}

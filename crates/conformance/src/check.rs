//! What a check is and how it ends.

use std::{pin::Pin, sync::Arc};

use serde::Serialize;

use crate::{Listed, report::Exchange, session::Session};

/// How much a requirement binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The standards say MUST or SHALL.
    Must,
    /// The standards say SHOULD, or leave a choice of which one is plainly better.
    Should,
    /// Beyond the standards, but an identity provider's client depends on it.
    Client,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Pass,
    Fail,
    /// It concerns something that the server says it does not have.
    Skip,
    /// What happened allows no judgement.
    Unclear,
}

/// Why a check ended before its end.
#[derive(Debug)]
pub enum Stop {
    Fail(Box<Found>),
    Skip(String),
    Unclear(String),
}

/// A fault and the exchange that shows it.
#[derive(Debug)]
pub struct Found {
    pub expected: String,
    pub got: String,
    pub shown_by: Option<Arc<Exchange>>,
    /// In place of the check's own level, where this way of failing is milder.
    pub level: Option<Level>,
}

impl Stop {
    /// The same fault, counted under a milder level.
    pub fn at_level(mut self, level: Level) -> Self {
        if let Self::Fail(found) = &mut self {
            found.level = Some(level);
        }
        self
    }

    /// What stands in the way of a check that is about something else.
    pub fn in_the_way(self, of: &str) -> Self {
        match self {
            Self::Fail(found) => {
                Self::Unclear(format!("{of}: expected {}, got {}", found.expected, found.got))
            }
            other => other,
        }
    }
}

pub type Verdict = Result<(), Stop>;
pub type Running<'a> = Pin<Box<dyn Future<Output = Verdict> + Send + 'a>>;
pub type Run = for<'a> fn(&'a Session) -> Running<'a>;

/// One requirement, and how to see whether it is met.
pub struct Check {
    /// Its name in reports; never changes.
    pub name: &'static str,
    /// Requirement numbers, separated by spaces.
    pub numbers: &'static str,
    pub title: &'static str,
    pub level: Level,
    pub source: &'static str,
    /// What goes wrong for whom when it is not met.
    pub why: &'static str,
    pub writes: bool,
    pub run: Run,
}

impl Check {
    pub fn listed(&self) -> Listed {
        let &Check { name, numbers, title, level, source, writes, .. } = self;
        Listed { name, numbers, title, level, source, writes }
    }

    /// The same check, which writes nothing.
    pub fn reads(mut self) -> Self {
        self.writes = false;
        self
    }

    /// Whether `wanted` names this check, by number or by name.
    pub fn is(&self, wanted: &str) -> bool {
        let numbers = self.numbers.split(' ');
        self.name == wanted || numbers.into_iter().any(|n| n.eq_ignore_ascii_case(wanted))
    }
}

/// The columns of a catalog's line: name, numbers, title, source, why.
pub type Words = [&'static str; 5];

pub fn must(words: Words, run: Run) -> Check {
    of_level(Level::Must, words, run)
}

pub fn should(words: Words, run: Run) -> Check {
    of_level(Level::Should, words, run)
}

pub fn client(words: Words, run: Run) -> Check {
    of_level(Level::Client, words, run)
}

fn of_level(level: Level, [name, numbers, title, source, why]: Words, run: Run) -> Check {
    Check { name, numbers, title, level, source, why, writes: true, run }
}

//! What a run found, for people and as JSON.

use std::fmt;

use serde::Serialize;

use crate::check::{Level, Outcome};

/// What a run found. Its JSON form is stable: keys are added, never renamed.
#[derive(Debug, Serialize)]
pub struct Report {
    pub url: String,
    pub server: Server,
    pub seconds: f64,
    pub requests: u64,
    /// Answers with 429 or 503 that were waited for.
    pub throttled: u64,
    /// Broken off before the last check.
    pub interrupted: bool,
    /// No MUST failed.
    pub passed: bool,
    pub counts: Counts,
    pub results: Vec<Verdict>,
    pub left: Left,
}

/// What the server says of itself.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Server {
    /// Features that its ServiceProviderConfig announces.
    pub features: Vec<&'static str>,
    pub resource_types: Vec<String>,
}

/// Outcomes by level.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Counts {
    pub must: Count,
    pub should: Count,
    pub client: Count,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    pub pass: usize,
    pub fail: usize,
    pub skip: usize,
    pub unclear: usize,
}

/// How one check ended.
#[derive(Debug, Serialize)]
pub struct Verdict {
    pub name: &'static str,
    pub numbers: Vec<&'static str>,
    pub title: &'static str,
    pub level: Level,
    pub source: &'static str,
    pub outcome: Outcome,
    /// Why it was skipped or could not be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// A fault in words, and what shows it.
#[derive(Debug, Serialize)]
pub struct Failure {
    pub expected: String,
    pub got: String,
    pub why: &'static str,
    /// The writes of the same check before the exchange that shows the fault, oldest first.
    pub before: Vec<Exchange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown_by: Option<Exchange>,
}

/// A request and its answer.
#[derive(Clone, Debug, Serialize)]
pub struct Exchange {
    pub method: String,
    pub url: String,
    /// Runnable in a shell where `TOKEN` is set.
    pub curl: String,
    /// 0 where no answer came.
    pub status: u16,
    /// The answer's body, shortened.
    pub body: String,
}

/// What became of everything that the run created.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Left {
    pub created: usize,
    pub deleted: usize,
    /// Paths of what is still there, or may be.
    pub remaining: Vec<String>,
    /// Whether the server was asked at the end, and what the question was.
    pub verified: String,
}

impl Report {
    pub fn count(results: &[Verdict]) -> Counts {
        let mut counts = Counts::default();
        for result in results {
            let count = match result.level {
                Level::Must => &mut counts.must,
                Level::Should => &mut counts.should,
                Level::Client => &mut counts.client,
            };
            match result.outcome {
                Outcome::Pass => count.pass += 1,
                Outcome::Fail => count.fail += 1,
                Outcome::Skip => count.skip += 1,
                Outcome::Unclear => count.unclear += 1,
            }
        }
        counts
    }

    /// The checks that failed at this level.
    pub fn failures(&self, level: Level) -> impl Iterator<Item = &Verdict> {
        let failed = move |v: &&Verdict| v.outcome == Outcome::Fail && v.level == level;
        self.results.iter().filter(failed)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.url)?;
        let list = |names: Vec<&str>| match names.is_empty() {
            true => "none".to_owned(),
            false => names.join(", "),
        };
        let types = self.server.resource_types.iter().map(String::as_str).collect();
        writeln!(f, "  announces   {}", list(self.server.features.clone()))?;
        writeln!(f, "  resources   {}", list(types))?;
        let throttled = match self.throttled {
            0 => String::new(),
            times => format!(", {times} times asked to wait"),
        };
        writeln!(f, "  requests    {} in {:.1} s{throttled}", self.requests, self.seconds)?;
        let headings = [
            (Level::Must, "MUST", "what the standards require"),
            (Level::Should, "SHOULD", "what they recommend"),
            (Level::Client, "CLIENT", "what identity providers need beyond them"),
        ];
        for (level, heading, meaning) in headings {
            let mut failures = self.failures(level).peekable();
            if failures.peek().is_some() {
                writeln!(f, "\n{heading}: {meaning}")?;
            }
            for failure in failures {
                failed(f, failure)?;
            }
        }
        for (outcome, heading) in [(Outcome::Unclear, "COULD NOT TELL"), (Outcome::Skip, "SKIPPED")]
        {
            let mut results = self.results.iter().filter(|r| r.outcome == outcome).peekable();
            if results.peek().is_some() {
                writeln!(f, "\n{heading}")?;
            }
            for result in results {
                let reason = result.reason.as_deref().unwrap_or_default();
                writeln!(f, "  {:<10} {}: {reason}", result.numbers[0], result.title)?;
            }
        }
        writeln!(f, "\n          pass  fail  skip  could not tell")?;
        let Counts { must, should, client } = self.counts;
        for (name, c) in [("MUST", must), ("SHOULD", should), ("CLIENT", client)] {
            let Count { pass, fail, skip, unclear } = c;
            writeln!(f, "  {name:<7}{pass:>5} {fail:>5} {skip:>5} {unclear:>5}")?;
        }
        let Left { created, deleted, remaining, verified } = &self.left;
        match remaining.len() {
            0 => writeln!(f, "\n{created} resources created, {deleted} deleted; {verified}")?,
            left => {
                writeln!(f, "\n{created} resources created, {deleted} deleted, {left} left:")?;
                for path in remaining {
                    writeln!(f, "  {path}")?;
                }
            }
        }
        if self.interrupted {
            writeln!(f, "broken off before the last check")?;
        }
        match self.counts.must.fail {
            0 => write!(f, "no MUST failed"),
            1 => write!(f, "1 MUST failed"),
            failed => write!(f, "{failed} MUSTs failed"),
        }
    }
}

fn failed(f: &mut fmt::Formatter<'_>, result: &Verdict) -> fmt::Result {
    writeln!(f, "\n  {} {}", result.numbers.join(" "), result.title)?;
    let Some(failure) = &result.failure else { return Ok(()) };
    writeln!(f, "    expected  {}", failure.expected)?;
    writeln!(f, "    got       {}", failure.got)?;
    writeln!(f, "    matters   {}", failure.why)?;
    writeln!(f, "    source    {}", result.source)?;
    for exchange in &failure.before {
        writeln!(f, "    before    {}", exchange.curl)?;
    }
    if let Some(exchange) = &failure.shown_by {
        writeln!(f, "    request   {}", exchange.curl)?;
        writeln!(f, "    answer    {} {}", exchange.status, shorten(&exchange.body, 600))?;
    }
    Ok(())
}

/// Cuts at a character's border and says that it did.
pub fn shorten(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

//! Black-box conformance checks for SCIM 2.0 servers (RFC 7643, 7644, 9865), requirement by
//! requirement.
//!
//! Knows a base URL and a token, sends HTTP, and judges the raw JSON that comes back; none of
//! Headcount's own types take part. What a server says it does not have is passed over with that
//! reason, and what the standards leave open is never called a failure.
//!
//! Everything is created under invented names that begin with [`PREFIX`] and a random word, and is
//! deleted at the end, also when the run is broken off. Nothing else is ever written to.

mod answer;
mod check;
mod checks;
mod connection;
mod invent;
mod ledger;
mod observe;
mod report;
mod session;
mod target;

use std::time::Duration;

pub use check::{Level, Outcome};
pub use report::{Count, Counts, Exchange, Failure, Left, Report, Server, Verdict};

/// What every invented name begins with.
pub const PREFIX: &str = "hcc-";

/// What to check, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The SCIM base URL.
    pub url: String,
    /// Sent as a bearer token; with a space in it, as the whole `Authorization` header.
    pub token: String,
    /// Only checks with one of these numbers (`S-256`) or of these names; all when empty.
    pub only: Vec<String>,
    /// Only checks that write nothing.
    pub read_only: bool,
    /// How long an answer is waited for.
    pub time_out: Duration,
}

impl Options {
    pub fn new(url: impl Into<String>, token: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            token: token.into(),
            only: Vec::new(),
            read_only: false,
            time_out: Duration::from_secs(30),
        }
    }
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub done: usize,
    pub total: usize,
    /// The title of the check that begins.
    pub title: &'static str,
}

/// Why the checks could not run at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`{url}` is not a base URL: {reason}")]
    Url { url: String, reason: String },
    #[error("the token holds characters that a header cannot carry")]
    Token,
    #[error("there is no check `{0}`; `headcount check --list` names them all")]
    Unknown(String),
    #[error("no answer from `{url}`: {reason}")]
    Unreachable { url: String, reason: String },
    #[error("the server refuses the token: `GET {url}` was answered with status {status}")]
    Refused { url: String, status: u16 },
    #[error("`{url}` is not a SCIM 2.0 server: {reason}")]
    NotScim { url: String, reason: String },
}

/// One check of the catalog, as `--list` shows it.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Listed {
    pub name: &'static str,
    /// Requirement numbers, separated by spaces.
    pub numbers: &'static str,
    pub title: &'static str,
    pub level: Level,
    /// Where the standards ask for it, or whose client needs it.
    pub source: &'static str,
    /// Whether it writes to the server.
    pub writes: bool,
}

/// All checks, in the order in which they run.
pub fn catalog() -> Vec<Listed> {
    checks::all().iter().map(check::Check::listed).collect()
}

/// Runs the checks; `stop` ends the run early, and what was created is deleted then as well.
///
/// # Errors
///
/// When no check could run: a bad URL, no answer, a refused token, no SCIM server.
pub async fn run(
    options: Options,
    progress: impl Fn(Progress),
    stop: impl Future<Output = ()>,
) -> Result<Report, Error> {
    session::run(options, progress, stop).await
}

//! The provisioning clients of Microsoft Entra ID and Okta, simulated.
//!
//! A simulation keeps a source directory of its own, changes it the way offices change (people join, move, marry and
//! leave), and pushes every change to a SCIM 2.0 server as that service would. Each answer is held against what the
//! service needs, and at the end everything is read back and compared with what the service believes. The crate speaks
//! HTTP and knows nothing else of the server, so it runs against any.
//!
//! Case numbers such as `E-80` and `O-62` name the behaviour that a fault breaks.

mod audit;
mod cast;
mod client;
mod directory;
mod entra;
mod error;
mod log;
mod names;
mod okta;
mod parallel;
mod report;
mod rules;
mod run;
mod target;

use std::fmt;
use std::time::Instant;

use serde::Serialize;

pub use error::Error;
pub use report::{Changes, Difference, Durations, Fault, Report, Request, Sent};

use run::Run;

/// Which service is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Entra,
    Okta,
}

impl Kind {
    /// The service's own name, for people.
    pub fn title(self) -> &'static str {
        match self {
            Kind::Entra => "Microsoft Entra ID",
            Kind::Okta => "Okta",
        }
    }
}

/// What to simulate and against which server.
#[derive(Clone)]
pub struct Options {
    pub kind: Kind,
    /// The SCIM base URL, as an administrator pastes it. Entra's compatibility flag may be in it as a query.
    pub url: String,
    /// The bearer token, without the word `Bearer`.
    pub token: String,
    /// People in the source directory; scenarios hire a few more for themselves.
    pub users: usize,
    /// Groups in the source directory.
    pub groups: usize,
    /// The same seed invents the same people.
    pub seed: u64,
    /// Requests in flight at once, 1 to 256.
    pub parallel: usize,
    /// Names out of [`scenarios`], run in this order; empty for all of them.
    pub scenarios: Vec<String>,
    /// Keep every request in [`Report::sent`].
    pub record: bool,
}

impl Options {
    /// A directory of 200 people and 12 groups, all scenarios.
    pub fn new(kind: Kind, url: impl Into<String>, token: impl Into<String>) -> Self {
        Options {
            kind,
            url: url.into(),
            token: token.into(),
            users: 200,
            groups: 12,
            seed: 1,
            parallel: 5,
            scenarios: Vec::new(),
            record: false,
        }
    }
}

/// Without the token.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { kind, url, token: _, users, groups, seed, parallel, scenarios, record } =
            self;
        f.debug_struct("Options")
            .field("kind", kind)
            .field("url", url)
            .field("users", users)
            .field("groups", groups)
            .field("seed", seed)
            .field("parallel", parallel)
            .field("scenarios", scenarios)
            .field("record", record)
            .finish_non_exhaustive()
    }
}

/// One thing that happens to a directory, with all the requests that follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Scenario {
    pub name: &'static str,
    pub description: &'static str,
}

/// How far the simulation is. `step` says what is being done in `scenario`; `total` is known from the step's first
/// report on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub scenario: &'static str,
    pub step: &'static str,
    pub done: usize,
    pub total: usize,
}

/// The scenarios of a service, in the order in which a run without a choice goes through them.
pub fn scenarios(kind: Kind) -> &'static [Scenario] {
    match kind {
        Kind::Entra => &entra::SCENARIOS,
        Kind::Okta => &okta::SCENARIOS,
    }
}

/// Runs the scenarios and reads everything back.
///
/// What the server gets wrong is in the report. An error means that the simulation could not begin: an option is wrong,
/// nothing answers at the URL, or the token is refused.
pub async fn run(
    options: Options,
    progress: impl Fn(Progress) + Send + Sync,
) -> Result<Report, Error> {
    let chosen = choose(&options)?;
    let started = Instant::now();
    let mut run = Run::new(&options, &progress)?;
    run.reach().await?;
    let beliefs = match options.kind {
        Kind::Entra => entra::play(&mut run, &chosen).await,
        Kind::Okta => okta::play(&mut run, &chosen).await,
    };
    audit::read_back(&mut run, &beliefs).await;
    Ok(run.into_report(&chosen, &beliefs, started.elapsed()))
}

fn choose(options: &Options) -> Result<Vec<Scenario>, Error> {
    let all = scenarios(options.kind);
    if options.scenarios.is_empty() {
        return Ok(all.to_vec());
    }
    let find = |name: &String| {
        all.iter().find(|scenario| scenario.name == name).copied().ok_or_else(|| Error::Scenario {
            name: name.clone(),
            service: options.kind.title(),
            known: all.iter().map(|scenario| scenario.name).collect::<Vec<_>>().join(", "),
        })
    };
    options.scenarios.iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_can_be_spawned() {
        fn assert_send<T: Send>(_: &T) {}
        let options = Options::new(Kind::Entra, "https://dir.example/scim/v2", "t");
        assert_send(&run(options, |_| ()));
    }

    #[tokio::test]
    async fn wrong_options_read_well() {
        let with = |scenario: &str, url: &str| Options {
            scenarios: vec![scenario.to_owned()],
            ..Options::new(Kind::Okta, url, "t")
        };
        for (options, message) in [
            (with("nonsense", "http://x.example"), "there is no scenario `nonsense` for Okta"),
            (with("connect", "x"), "`x` is not a SCIM base URL: relative URL without a base"),
            (with("connect", "http://127.0.0.1:1"), "nothing answers at `http://127.0.0.1:1`"),
        ] {
            let error = run(options, |_| ()).await.expect_err("the options are wrong").to_string();
            assert!(error.starts_with(message), "{error}");
            assert!(!error.contains('\n'));
        }
    }
}

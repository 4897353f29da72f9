//! The provisioning clients of Microsoft Entra ID, Okta, OneLogin and JumpCloud, simulated.
//!
//! A simulation keeps a source directory of its own, changes it the way offices change (people join, move, marry and
//! leave), and pushes every change to a SCIM 2.0 server as that service would. Each answer is held against what the
//! service needs, and at the end everything is read back and compared with what the service believes. The crate speaks
//! HTTP and knows nothing else of the server, so it runs against any.
//!
//! Case numbers such as `E-80` and `O-62` name the behaviour that a fault breaks.

mod audit;
mod call;
mod cast;
mod client;
mod cycles;
mod directory;
mod entra;
mod error;
mod jumpcloud;
mod knobs;
mod log;
mod names;
mod okta;
mod onelogin;
mod parallel;
mod plain;
mod replay;
mod report;
mod rules;
mod run;
mod script;
mod target;
mod tenant;
mod timeline;
mod trouble;
mod wire;

use std::fmt;
use std::time::Instant;

use serde::{Deserialize, Serialize};

pub use cycles::{CycleLine, Pace, run_cycles};
pub use error::Error;
pub use knobs::{Knob, Values};
pub use replay::{OtherResource, OtherStatus, Replayed, replay};
pub use report::{
    Believed, BelievedGroup, BelievedUser, Changes, Difference, Durations, Fault, Outages,
    Quarantine, Report, Request, Sent,
};
pub use tenant::{Act, Tenant, steer};
pub use timeline::clock;
pub use trouble::{Trouble, Troubled};

use run::Run;

/// Which service is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Entra,
    Okta,
    OneLogin,
    JumpCloud,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Entra, Kind::Okta, Kind::OneLogin, Kind::JumpCloud];

    /// The service's own name, for people.
    pub fn title(self) -> &'static str {
        match self {
            Kind::Entra => "Microsoft Entra ID",
            Kind::Okta => "Okta",
            Kind::OneLogin => "OneLogin",
            Kind::JumpCloud => "JumpCloud",
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
    /// Names out of [`knobs`] and what they are set to.
    pub knobs: Vec<(String, String)>,
    /// What happens to requests on their way, and how often.
    pub troubles: Vec<Troubled>,
    /// The server may be away for moments: what it then leaves without an answer, or answers with 503 and
    /// `Retry-After`, is trouble on the way like that which is made up, and no fault.
    pub outages: bool,
    /// The token that takes over when the administrator changes it; without one the old one is pasted again.
    pub next_token: Option<String>,
    /// Where access tokens come from, with `token` as the client secret, if the service is set to use them.
    pub token_endpoint: Option<TokenEndpoint>,
    /// Keep every request in [`Report::sent`].
    pub record: bool,
    /// Write everything down in [`Report::script`], which implies `record`.
    pub script: bool,
}

/// An OAuth token endpoint, and who one is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenEndpoint {
    pub url: String,
    pub client_id: String,
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
            knobs: Vec::new(),
            troubles: Vec::new(),
            outages: false,
            next_token: None,
            token_endpoint: None,
            record: false,
            script: false,
        }
    }
}

/// Without the tokens.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("kind", &self.kind)
            .field("url", &self.url)
            .field("users", &self.users)
            .field("groups", &self.groups)
            .field("seed", &self.seed)
            .field("parallel", &self.parallel)
            .field("scenarios", &self.scenarios)
            .field("knobs", &self.knobs)
            .field("troubles", &self.troubles)
            .field("outages", &self.outages)
            .field("record", &self.record)
            .field("script", &self.script)
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
        Kind::OneLogin => &onelogin::SCENARIOS,
        Kind::JumpCloud => &jumpcloud::SCENARIOS,
    }
}

/// What can be set about a service.
pub fn knobs(kind: Kind) -> &'static [Knob] {
    match kind {
        Kind::Entra => &entra::KNOBS,
        Kind::Okta => &okta::KNOBS,
        Kind::OneLogin => &onelogin::KNOBS,
        Kind::JumpCloud => &jumpcloud::KNOBS,
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
        Kind::OneLogin => onelogin::play(&mut run, &chosen).await,
        Kind::JumpCloud => jumpcloud::play(&mut run, &chosen).await,
    };
    run.client.troubles().quiet();
    audit::read_back(&mut run, &beliefs).await;
    Ok(run.into_report(&chosen, &beliefs, started).await)
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

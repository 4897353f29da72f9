//! `headcount simulate`.

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use simulate::{CycleLine, Kind, Options, Pace, Progress, TokenEndpoint, Trouble, Troubled};

use super::{Failure, output, serve::stop_signal};

#[derive(clap::Args)]
#[command(after_help = after_help())]
pub struct Args {
    /// The service to act as, or `replay` to send a script once more
    kind: ServiceKind,
    /// The script that `replay` sends, as `--record` wrote it
    #[arg(value_name = "FILE", required_if_eq("kind", "replay"))]
    file: Option<PathBuf>,
    /// The server's SCIM base URL
    #[arg(long, required_unless_present = "list")]
    url: Option<String>,
    /// The token, without the word Bearer
    #[arg(long, env = "HEADCOUNT_TOKEN", hide_env_values = true, required_unless_present = "list")]
    token: Option<String>,
    /// People in the source directory
    #[arg(long, value_name = "N", default_value_t = 200)]
    users: usize,
    /// Groups in the source directory
    #[arg(long, value_name = "M", default_value_t = 12)]
    groups: usize,
    /// The same seed invents the same people and changes, and sends the same requests
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Requests at a time
    #[arg(long, value_name = "P", default_value_t = 5)]
    parallel: usize,
    /// What to act out; may be given several times [default: everything]
    #[arg(long = "scenario", value_name = "NAME")]
    scenarios: Vec<String>,
    /// List the scenarios, the knobs and the troubles, and do nothing
    #[arg(long)]
    list: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,

    /// Turn one of the service's knobs; may be given several times. `--list` shows them
    #[arg(long = "set", value_name = "KNOB=VALUE", value_parser = pair, help_heading = "Behaviour")]
    knobs: Vec<(String, String)>,
    /// Let one request in N meet trouble on its way; may be given several times. `--list` shows
    /// what there is
    #[arg(long = "trouble", value_name = "NAME=N", help_heading = "Behaviour")]
    troubles: Vec<Troubled>,
    /// The token that takes over in the scenarios that replace it
    #[arg(
        long,
        value_name = "TOKEN",
        env = "HEADCOUNT_NEXT_TOKEN",
        hide_env_values = true,
        help_heading = "Behaviour"
    )]
    next_token: Option<String>,

    /// The token endpoint, for `--set auth=oauth-body` or `oauth-basic`: the token is the client secret then
    #[arg(long, value_name = "URL", requires = "client_id", help_heading = "Behaviour")]
    token_url: Option<String>,
    /// The client id at the token endpoint; with Headcount it is the directory's id
    #[arg(long, value_name = "ID", requires = "token_url", help_heading = "Behaviour")]
    client_id: Option<String>,

    /// Write everything that is sent to this file, as JSON lines; use a fresh directory
    #[arg(long, value_name = "FILE", help_heading = "Scripts", conflicts_with = "against_clock")]
    record: Option<PathBuf>,

    /// Run cycle after cycle instead of scenarios, in a time N times as fast as the real one: 600
    /// makes 4 seconds of 40 minutes
    #[arg(
        long,
        value_name = "N",
        help_heading = "Cycles",
        conflicts_with = "scenarios",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    against_clock: Option<u32>,
    /// Stop after so many cycles [default: at Ctrl-C]
    #[arg(long, value_name = "K", help_heading = "Cycles", requires = "against_clock")]
    cycles: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ServiceKind {
    /// Microsoft Entra ID
    Entra,
    /// Okta
    Okta,
    /// OneLogin
    #[value(name = "onelogin")]
    OneLogin,
    /// JumpCloud
    #[value(name = "jumpcloud")]
    JumpCloud,
    /// A script that `--record` wrote
    Replay,
}

impl ServiceKind {
    /// `None` for a replay.
    fn kind(self) -> Option<Kind> {
        match self {
            ServiceKind::Entra => Some(Kind::Entra),
            ServiceKind::Okta => Some(Kind::Okta),
            ServiceKind::OneLogin => Some(Kind::OneLogin),
            ServiceKind::JumpCloud => Some(Kind::JumpCloud),
            ServiceKind::Replay => None,
        }
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').ok_or("write KNOB=VALUE")?;
    Ok((pair.0.to_owned(), pair.1.to_owned()))
}

fn after_help() -> String {
    let mut text = String::new();
    for kind in Kind::ALL {
        let names: Vec<&str> = simulate::scenarios(kind).iter().map(|s| s.name).collect();
        text += &format!("Scenarios of {}: {}\n", kind.title(), names.join(", "));
    }
    let troubles = Trouble::ALL.map(Trouble::name).join(", ");
    text + &format!(
        "Troubles: {troubles}\n\nExit status 1 means that the server got something wrong, or that \
         a replay ended otherwise."
    )
}

/// Scenarios, knobs and troubles.
fn list(kind: Kind) {
    let rows: Vec<Vec<String>> = simulate::scenarios(kind)
        .iter()
        .map(|scenario| vec![scenario.name.into(), scenario.description.into()])
        .collect();
    output::table(&["SCENARIO", "WHAT HAPPENS"], &rows);
    println!();
    let rows: Vec<Vec<String>> = simulate::knobs(kind)
        .iter()
        .map(|knob| {
            let (group, name) = (knob.group.into(), knob.name.into());
            let default = knob.default.into();
            vec![group, name, default, knob.values.text(), knob.description.into()]
        })
        .collect();
    output::table(&["ABOUT", "KNOB", "DEFAULT", "VALUES", "WHAT IT SETS"], &rows);
    println!();
    let rows: Vec<Vec<String>> = Trouble::ALL
        .iter()
        .map(|trouble| vec![trouble.name().into(), trouble.description().into()])
        .collect();
    output::table(&["TROUBLE", "WHAT HAPPENS TO A REQUEST"], &rows);
}

pub async fn run(args: Args) -> Result<(), Failure> {
    if args.list {
        let Some(kind) = args.kind.kind() else {
            return Err(Failure::Usage("a replay has nothing to list".into()));
        };
        list(kind);
        return Ok(());
    }
    let (Some(url), Some(token)) = (args.url, args.token) else {
        return Err(Failure::Usage("--url and --token are needed".into()));
    };
    let Some(kind) = args.kind.kind() else {
        let Some(file) = args.file else {
            return Err(Failure::Usage("which script is to be replayed?".into()));
        };
        return replay(&file, &url, &token, args.json).await;
    };
    if args.file.is_some() {
        return Err(Failure::Usage("only `replay` takes a file".into()));
    }
    let mut options = Options::new(kind, url, token);
    options.users = args.users;
    options.groups = args.groups;
    options.seed = args.seed;
    options.parallel = args.parallel;
    options.scenarios = args.scenarios;
    options.knobs = args.knobs;
    options.troubles = args.troubles;
    options.next_token = args.next_token;
    if let (Some(url), Some(client_id)) = (args.token_url, args.client_id) {
        options.token_endpoint = Some(TokenEndpoint { url, client_id });
    }
    options.script = args.record.is_some();
    let view = ProgressView::start("");
    let report = match args.against_clock {
        Some(speed) => {
            let pace = Pace { speed, cycles: args.cycles };
            let tell = |line: &CycleLine| view.line(&line.to_string(), args.json);
            let stopped = stop_signal()?;
            simulate::run_cycles(options, pace, stopped, |progress| view.show(progress), tell).await
        }
        None => simulate::run(options, |progress| view.show(progress)).await,
    };
    view.finish();
    let report = report.map_err(|error| Failure::Usage(error.to_string()))?;
    if let (Some(file), Some(script)) = (&args.record, &report.script) {
        std::fs::write(file, script)
            .map_err(|error| Failure::Failed(format!("`{}`: {error}", file.display())))?;
    }
    if args.json {
        output::json(&serde_json::to_value(&report).map_err(anyhow::Error::from)?);
    } else {
        println!("{report}");
    }
    if report.passed() { Ok(()) } else { Err(Failure::Reported) }
}

async fn replay(file: &Path, url: &str, token: &str, json: bool) -> Result<(), Failure> {
    let script = std::fs::read_to_string(file)
        .map_err(|error| Failure::Usage(format!("`{}`: {error}", file.display())))?;
    let view = ProgressView::start("");
    let tell = |done, total| {
        view.show(Progress { scenario: "replay", step: "lines", done, total });
    };
    let replayed = simulate::replay(&script, url, token, tell).await;
    view.finish();
    let replayed = replayed.map_err(|error| Failure::Usage(error.to_string()))?;
    if json {
        output::json(&serde_json::to_value(&replayed).map_err(anyhow::Error::from)?);
    } else {
        println!("{replayed}");
    }
    if replayed.passed() { Ok(()) } else { Err(Failure::Reported) }
}

/// Shows how far a simulation is: a bar on a terminal, a line every few seconds elsewhere. On
/// standard error, as the report goes to standard output.
pub struct ProgressView {
    bar: Option<ProgressBar>,
    label: String,
    last: Mutex<(Option<Instant>, String)>,
}

impl ProgressView {
    const EVERY: Duration = Duration::from_secs(2);

    pub fn start(label: &str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            let style = ProgressStyle::with_template("{prefix}{msg:42} {bar:28} {pos:>6}/{len}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_prefix(if label.is_empty() { String::new() } else { format!("{label:8}") });
            bar
        });
        Self { bar, label: label.into(), last: Mutex::default() }
    }

    pub fn show(&self, progress: Progress) {
        let what = format!("{}: {}", progress.scenario, progress.step);
        if let Some(bar) = &self.bar {
            bar.set_length(progress.total as u64);
            bar.set_position(progress.done as u64);
            bar.set_message(what);
            return;
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.0.is_none_or(|at| at.elapsed() >= Self::EVERY);
        if due && last.1 != what {
            eprintln!("{} {what} {}/{}", self.label, progress.done, progress.total);
            *last = (Some(Instant::now()), what);
        }
    }

    /// Prints a line above the bar, on standard output unless that one is for programs.
    fn line(&self, text: &str, aside: bool) {
        let print = || match aside {
            true => eprintln!("{text}"),
            false => println!("{text}"),
        };
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

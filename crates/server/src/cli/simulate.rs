//! `headcount simulate`.

use std::{
    io::IsTerminal,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use simulate::{Kind, Options, Progress};

use super::{Failure, output};

#[derive(clap::Args)]
#[command(after_help = after_help())]
pub struct Args {
    /// The service to act as
    kind: ServiceKind,
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
    /// The same seed invents the same people and changes
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Requests at a time
    #[arg(long, value_name = "P", default_value_t = 5)]
    parallel: usize,
    /// What to act out; may be given several times [default: everything]
    #[arg(long = "scenario", value_name = "NAME")]
    scenarios: Vec<String>,
    /// List the scenarios and do nothing
    #[arg(long)]
    list: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum ServiceKind {
    /// Microsoft Entra ID
    Entra,
    /// Okta
    Okta,
}

impl From<ServiceKind> for Kind {
    fn from(kind: ServiceKind) -> Self {
        match kind {
            ServiceKind::Entra => Kind::Entra,
            ServiceKind::Okta => Kind::Okta,
        }
    }
}

fn after_help() -> String {
    let names = |kind| {
        let names: Vec<&str> = simulate::scenarios(kind).iter().map(|s| s.name).collect();
        names.join(", ")
    };
    format!(
        "Scenarios of entra: {}\nScenarios of okta: {}\n\nExit status 1 means that the server got \
         something wrong.",
        names(Kind::Entra),
        names(Kind::Okta)
    )
}

pub async fn run(args: Args) -> Result<(), Failure> {
    let kind = Kind::from(args.kind);
    if args.list {
        let rows: Vec<Vec<String>> = simulate::scenarios(kind)
            .iter()
            .map(|scenario| vec![scenario.name.into(), scenario.description.into()])
            .collect();
        output::table(&["SCENARIO", "WHAT HAPPENS"], &rows);
        return Ok(());
    }
    let (Some(url), Some(token)) = (args.url, args.token) else {
        return Err(Failure::Usage("--url and --token are needed".into()));
    };
    let mut options = Options::new(kind, url, token);
    options.users = args.users;
    options.groups = args.groups;
    options.seed = args.seed;
    options.parallel = args.parallel;
    options.scenarios = args.scenarios;
    let view = ProgressView::start("");
    let report = simulate::run(options, |progress| view.show(progress)).await;
    view.finish();
    let report = report.map_err(|error| Failure::Usage(error.to_string()))?;
    if args.json {
        output::json(&serde_json::to_value(&report).map_err(anyhow::Error::from)?);
    } else {
        println!("{report}");
    }
    if report.passed() { Ok(()) } else { Err(Failure::Reported) }
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

    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

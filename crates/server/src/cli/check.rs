//! `headcount check`.

use std::time::Duration;

use conformance::{Options, Report};

use super::{Failure, output, simulate::ProgressView};

#[derive(clap::Args)]
#[command(after_help = "What the checks create bears invented names and is deleted at the end, \
    also after Ctrl-C.\n\nExit status: 0 every MUST passed, 1 a MUST failed, 2 the checks could \
    not run.\n\nExample:\n  headcount check --url https://scim.example.com/scim/v2 --token \"$TOKEN\"")]
pub struct Args {
    /// The server's SCIM base URL
    #[arg(long, required_unless_present = "list")]
    url: Option<String>,
    /// The token, without the word Bearer; with a space in it, the whole Authorization header
    #[arg(long, env = "HEADCOUNT_TOKEN", hide_env_values = true, required_unless_present = "list")]
    token: Option<String>,
    /// Only checks of this requirement (S-256) or name; may be given several times
    #[arg(long, value_name = "NUMBER")]
    only: Vec<String>,
    /// Only checks that write nothing
    #[arg(long)]
    read_only: bool,
    /// Seconds that an answer is waited for
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    time_out: u64,
    /// List the checks and do nothing
    #[arg(long)]
    list: bool,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args) -> Result<(), Failure> {
    if args.list {
        list(args.json)?;
        return Ok(());
    }
    let (Some(url), Some(token)) = (args.url, args.token) else {
        return Err(Failure::Usage("--url and --token are needed".into()));
    };
    let mut options = Options::new(url, token);
    options.only = args.only;
    options.read_only = args.read_only;
    options.time_out = Duration::from_secs(args.time_out.max(1));
    let view = ProgressView::start("");
    let show = |progress: conformance::Progress| {
        view.show(::simulate::Progress {
            scenario: "check",
            step: progress.title,
            done: progress.done,
            total: progress.total,
        });
    };
    let stop = async {
        if tokio::signal::ctrl_c().await.is_err() {
            // No signal will come, so nothing stops the run.
            std::future::pending::<()>().await;
        }
        eprintln!("stopping: what was created is being deleted");
    };
    let report = conformance::run(options, show, stop).await;
    view.finish();
    let report = report.map_err(|error| Failure::Usage(error.to_string()))?;
    print(&report, args.json)?;
    if report.passed { Ok(()) } else { Err(Failure::Reported) }
}

fn print(report: &Report, json: bool) -> Result<(), Failure> {
    if json {
        output::json(&serde_json::to_value(report).map_err(anyhow::Error::from)?);
    } else {
        println!("{report}");
    }
    Ok(())
}

fn list(json: bool) -> Result<(), Failure> {
    let catalog = conformance::catalog();
    if json {
        output::json(&serde_json::to_value(&catalog).map_err(anyhow::Error::from)?);
        return Ok(());
    }
    let level = |level| match level {
        conformance::Level::Must => "must",
        conformance::Level::Should => "should",
        conformance::Level::Client => "client",
    };
    let row = |check: &conformance::Listed| {
        let words = [check.name, level(check.level), check.numbers, check.title];
        words.map(str::to_owned).to_vec()
    };
    let rows: Vec<Vec<String>> = catalog.iter().map(row).collect();
    output::table(&["CHECK", "LEVEL", "NUMBERS", "WHAT MUST HOLD"], &rows);
    Ok(())
}

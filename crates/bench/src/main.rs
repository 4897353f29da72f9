//! `headcount-bench`: what the server costs beside a bare HTTP server that answers one stored
//! document, and beside bare durable statements on the same kind of database, in one run and as
//! ratios. Figures of separate runs are not comparable on a busy machine; ratios of one run are.

mod bare_http;
mod bare_inserts;
mod bare_postgres;
mod database;
mod directory;
mod documents;
mod floors;
mod load;
mod measure;
mod operations;
mod process;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::{Parser, Subcommand};

use database::Databases;

#[derive(Parser)]
#[command(
    name = "headcount-bench",
    version,
    about = "Requests a second and latencies of a Headcount server, beside a bare HTTP server and \
             bare statements on its database"
)]
struct Arguments {
    /// The server to measure [default: `headcount` beside this program]
    #[arg(long, value_name = "PATH")]
    server_binary: Option<PathBuf>,
    /// Parallel callers that create users, and of the bare inserts
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
    create_callers: u16,
    /// Parallel callers of every other operation
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
    callers: u16,
    /// Measuring time of one operation in one round, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0)]
    seconds: f64,
    /// Rounds; every operation is measured once in each, and the middle one counts
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=20))]
    rounds: u8,
    /// Users to load for the memory reading, and members of the large group
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(100..=2_000_000))]
    users: u32,
    /// Measure on PostgreSQL: one that is started for this run, from the programs that are installed
    #[arg(long)]
    postgres: bool,
    /// Measure on this empty PostgreSQL database: postgres://user:password@host/database
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Directory for the temporary stores; its disk is part of the measurement
    #[arg(long, value_name = "DIR", default_value_os_t = std::env::temp_dir())]
    dir: PathBuf,
    /// One short round with few users: checks that everything answers, measures nothing of worth
    #[arg(long)]
    quick: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Subcommand)]
enum Part {
    /// The bare HTTP server, in a process of its own
    #[command(hide = true)]
    BareServer,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.part {
        Some(Part::BareServer) => bare_http::serve(),
        None => measure(arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: Arguments) -> anyhow::Result<()> {
    let server_binary = match arguments.server_binary {
        Some(path) => path,
        None => std::env::current_exe().context("own path")?.with_file_name("headcount"),
    };
    ensure!(
        server_binary.is_file(),
        "no server at `{}`: build it with `cargo build --release`, or name it with \
         `--server-binary`",
        server_binary.display()
    );
    let seconds = if arguments.quick { 0.1 } else { arguments.seconds.clamp(0.05, 60.0) };
    let plan = measure::Plan {
        server_binary,
        dir: std::path::absolute(&arguments.dir)?,
        create_callers: arguments.create_callers.into(),
        callers: arguments.callers.into(),
        round: Duration::from_secs_f64(seconds),
        rounds: if arguments.quick { 1 } else { arguments.rounds.into() },
        users: if arguments.quick { 300 } else { arguments.users as usize },
        pairs: if arguments.quick { 10 } else { 500 },
        starts: if arguments.quick { 1 } else { 4 },
        trial: Duration::from_secs_f64(seconds / 2.0),
    };
    let databases = match arguments.database {
        Some(url) => Databases::Given(url),
        None if arguments.postgres => Databases::private(&plan.dir)?,
        None => Databases::Embedded,
    };

    // One thread for all callers: the generator shares the cores with what it measures.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime
        .block_on(tokio::task::LocalSet::new().run_until(measure::run(&plan, &databases)))?;
    if arguments.json {
        println!("{:#}", report.json());
    } else {
        print!("{}", report.table());
    }
    Ok(())
}

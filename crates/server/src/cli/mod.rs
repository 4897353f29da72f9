//! The command line.
//!
//! Exit status: 0 done, 1 it could not be done (or a simulated service or a check found faults), 2
//! the arguments or settings are wrong. What goes wrong is said in one line on standard error.

mod account;
mod backup;
mod check;
mod demo;
mod directory;
mod domain;
mod grantable;
mod mail;
mod mapping;
mod member;
mod new_file;
mod organization;
mod output;
mod progress;
mod projection;
mod role;
mod rule;
mod schema;
mod serve;
mod settings;
mod simulate;
mod team;
mod token;
mod transfer;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use store::Store;

use crate::{
    admin, clock,
    config::{self, ServeArgs, StoreArgs},
};

/// Directory sync that you run yourself: your customers' identity providers push users and groups
/// by SCIM 2.0, and you get members, teams and roles.
#[derive(Parser)]
#[command(name = "headcount", version, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    store: StoreArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server
    #[command(after_help = "Example:\n  headcount serve --data /var/lib/headcount \
        --listen 0.0.0.0:8080 --public-url https://scim.example.com")]
    Serve(ServeArgs),
    /// Create, list and delete organizations: your customers
    Organization {
        #[command(subcommand)]
        command: organization::Command,
    },
    /// Create, list, switch and delete directories: the connections of an organization's identity
    /// providers
    Directory {
        #[command(subcommand)]
        command: directory::Command,
    },
    /// Add, verify, list and remove the e-mail domains of an organization
    Domain {
        #[command(subcommand)]
        command: domain::Command,
    },
    /// Create, list, revoke and regenerate the tokens of a directory
    Token {
        #[command(subcommand)]
        command: token::Command,
    },
    /// List, show, create and change the members of an organization
    Member {
        #[command(subcommand)]
        command: member::Command,
    },
    /// List and show the teams of an organization
    Team {
        #[command(subcommand)]
        command: team::Command,
    },
    /// Show people's accounts, which organizations share
    Account {
        #[command(subcommand)]
        command: account::Command,
    },
    /// List mails to members, send one again, test the mail server
    Mail {
        #[command(subcommand)]
        command: mail::Command,
    },
    /// Show, set and clear which attributes of a directory's users become which fields of members
    Mapping {
        #[command(subcommand)]
        command: mapping::Command,
    },
    /// Declare, change, list and delete the roles that members can have
    Role {
        #[command(subcommand)]
        command: role::Command,
    },
    /// Say which groups of an organization give which roles
    Rule {
        #[command(subcommand)]
        command: rule::Command,
    },
    /// Show and change what holds for all organizations
    Settings {
        #[command(subcommand)]
        command: settings::Command,
    },
    /// Show how far an organization's members have been brought to its configuration
    Projection(projection::Args),
    /// Act as Microsoft Entra ID, Okta, OneLogin or JumpCloud towards any SCIM 2.0 server, and report
    /// what it gets wrong
    Simulate(simulate::Args),
    /// Check any SCIM 2.0 server against the standards and what identity providers need
    Check(check::Args),
    /// Write everything that the store holds to a file, for another store
    Export(transfer::Export),
    /// Read an export into a new store
    Import(transfer::Import),
    /// Copy the embedded store while servers run on it
    Backup(backup::Args),
    /// Start a server on a fresh store and let simulated Entra and Okta directories fill it
    Demo(demo::Args),
}

/// Why a command ended.
enum Failure {
    /// Arguments or settings are wrong: exit status 2.
    Usage(String),
    /// It could not be done: exit status 1.
    Failed(String),
    /// Everything is said already: exit status 1.
    Reported,
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(format!("{error:#}"))
    }
}

impl From<admin::Error> for Failure {
    fn from(error: admin::Error) -> Self {
        match error {
            admin::Error::Invalid(why) => Self::Usage(why),
            mapping @ admin::Error::Mapping(_) => Self::Usage(mapping.to_string()),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

fn settings<T>(result: anyhow::Result<T>) -> Result<T, Failure> {
    result.map_err(|error| Failure::Usage(format!("{error:#}")))
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(cli)),
        Err(error) => Err(Failure::Failed(format!("cannot start: {error}"))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Reported) => ExitCode::FAILURE,
        Err(Failure::Failed(why)) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
        Err(Failure::Usage(why)) => {
            eprintln!("error: {why}");
            ExitCode::from(2)
        }
    }
}

/// Help goes to standard output whole; a mistake becomes one line.
fn usage(error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind;
    match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => error.exit(),
        _ => {
            let text = error.to_string();
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            let is_tip = |line: &str| line.starts_with("Usage:") || line.starts_with("For more");
            let said: Vec<&str> = lines.take_while(|line| !is_tip(line)).collect();
            let tip = if text.contains("--help") { " (see --help)" } else { "" };
            eprintln!("{}{tip}", said.join(" "));
            ExitCode::from(2)
        }
    }
}

async fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Serve(args) => serve::run(&cli.store, &args).await,
        Command::Organization { command } => organization::run(command, &cli.store).await,
        Command::Directory { command } => directory::run(command, &cli.store).await,
        Command::Domain { command } => domain::run(command, &cli.store).await,
        Command::Token { command } => token::run(command, &cli.store).await,
        Command::Member { command } => member::run(command, &cli.store).await,
        Command::Team { command } => team::run(command, &cli.store).await,
        Command::Account { command } => account::run(command, &cli.store).await,
        Command::Mail { command } => mail::run(command, &cli.store).await,
        Command::Mapping { command } => mapping::run(command, &cli.store).await,
        Command::Projection(args) => projection::run(args, &cli.store).await,
        Command::Role { command } => role::run(command, &cli.store).await,
        Command::Rule { command } => rule::run(command, &cli.store).await,
        Command::Settings { command } => settings::run(command, &cli.store).await,
        Command::Simulate(args) => simulate::run(args).await,
        Command::Check(args) => check::run(args).await,
        Command::Export(args) => transfer::export(args, &cli.store).await,
        Command::Import(args) => transfer::import(args, &cli.store).await,
        Command::Backup(args) => backup::run(args, &cli.store).await,
        Command::Demo(args) => demo::run(args).await,
    }
}

/// Opens the store of a command that administers it.
async fn open(args: &StoreArgs) -> Result<Store, Failure> {
    let database = settings(config::database(args))?;
    Ok(Store::open(&database, clock::now()).await?)
}

/// Waits until a running server has noticed that a token or directory ended.
async fn settle() {
    tokio::time::sleep(crate::http::auth::REMEMBERED).await;
}

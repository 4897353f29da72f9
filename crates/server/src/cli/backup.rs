//! `headcount backup`.

use std::path::PathBuf;

use indicatif::HumanBytes;
use serde_json::json;
use store::Database;

use super::{Failure, new_file::NewFile, output, progress::LongCommand, settings};
use crate::config::{self, StoreArgs};

#[derive(clap::Args)]
#[command(
    after_help = "To restore, put the file as headcount.sqlite into an empty folder and start \
    the server with --data naming that folder.\n\n\
    Example:\n  headcount backup --data /var/lib/headcount /backup/headcount-monday.sqlite"
)]
pub struct Args {
    /// The file to write
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
    /// Print JSON: file, bytes
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args, store: &StoreArgs) -> Result<(), Failure> {
    let folder = match settings(config::database(store))? {
        Database::Embedded(folder) => folder,
        Database::Postgres(_) => {
            return Err(Failure::Usage(
                "`headcount backup` copies the embedded store: back PostgreSQL up with `pg_dump` or \
                 what your database service has for it, or write a file that any store can \
                 import with `headcount export`"
                    .into(),
            ));
        }
    };
    let file = NewFile::create(&args.file, args.force)?;
    let command = LongCommand::start("{elapsed:>5} {bar:28} {pos:>3}%  {msg}")?;
    command.bar.set_length(100);
    let watch = {
        let command = command.clone();
        move |copied: f64| {
            command.bar.set_position((copied * 100.0) as u64);
            command.bar.set_message(if copied < 1.0 { "copying" } else { "checking" });
            command.go_on()
        }
    };
    let copied = store::backup(&folder, file.temporary_path().to_owned(), watch).await;
    command.end();
    let name = args.file.display();
    copied.map_err(|error| Failure::Failed(format!("cannot back up to `{name}`: {error}")))?;
    let bytes = file.finish()?;
    if args.json {
        output::json(&json!({"file": args.file, "bytes": bytes}));
    } else {
        println!("backed up to {name}: {}, checked", HumanBytes(bytes));
    }
    Ok(())
}

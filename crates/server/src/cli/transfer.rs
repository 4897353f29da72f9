//! `headcount export` and `headcount import`.

use std::{
    fs::File,
    io::{self, Seek},
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};
use store::transfer::{self, Progress, Summary, Watch};

use super::{Failure, new_file::NewFile, open, progress::LongCommand, settings};
use crate::config::{self, StoreArgs};

/// The name that stands for standard input or output.
const STANDARD: &str = "-";

#[derive(clap::Args)]
#[command(
    after_help = "The file holds personal data and the digests of tokens: keep it as you keep \
    the store. It can be written while servers run on the store.\n\n\
    Example:\n  headcount export --data /var/lib/headcount move.jsonl\n  \
    headcount import --database postgres://headcount@db.internal/headcount move.jsonl"
)]
pub struct Export {
    /// The file to write; - is standard output
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
    /// Print JSON: sha256, total, rows by table
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
#[command(after_help = "The store must be new and no server may run on it. All of the file is \
    imported, or nothing.\n\n\
    Example:\n  headcount import --database postgres://headcount@db.internal/headcount move.jsonl")]
pub struct Import {
    /// The file to read, as `headcount export` wrote it; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print JSON: sha256, total, rows by table
    #[arg(long)]
    json: bool,
}

pub async fn export(args: Export, store: &StoreArgs) -> Result<(), Failure> {
    let database = settings(config::database(store))?;
    if database.is_absent() {
        return Err(Failure::Failed(format!("there is no store in `{database}`")));
    }
    let to_standard = args.file == Path::new(STANDARD);
    let file = match to_standard {
        true => None,
        false => Some(NewFile::create(&args.file, args.force)?),
    };
    let store = open(store).await?;
    let command = LongCommand::start(ROWS)?;
    let watch = watch(&command, None);
    let summary = match &file {
        Some(file) => transfer::export(&store, file.writer()?, watch).await,
        None => transfer::export(&store, io::stdout(), watch).await,
    };
    command.end();
    let name = args.file.display();
    let summary =
        summary.map_err(|error| Failure::Failed(format!("cannot export to `{name}`: {error}")))?;
    if let Some(file) = file {
        file.finish()?;
    }
    let text = report(&summary, args.json, &format!("exported to {name}"));
    // Standard output is the export itself.
    if to_standard {
        eprint!("{text}")
    } else {
        print!("{text}")
    }
    Ok(())
}

pub async fn import(args: Import, store: &StoreArgs) -> Result<(), Failure> {
    let name = args.file.display().to_string();
    let file = input(&args.file)
        .map_err(|error| Failure::Usage(format!("cannot read `{name}`: {error}")))?;
    let bytes = file.metadata().map_err(anyhow::Error::from)?.len();
    let store = open(store).await?;
    let command = LongCommand::start(ROWS)?;
    let imported = transfer::import(&store, file, watch(&command, Some(bytes))).await;
    command.end();
    let summary = imported.map_err(|error| {
        let outcome = match &error {
            // It may have been lost while it was told to keep everything.
            transfer::Error::Store(store::Error::Unavailable(_)) => {
                "import again; if everything was stored in spite of this, that says so"
            }
            _ => "nothing is stored",
        };
        Failure::Failed(format!("cannot import `{name}`: {error}; {outcome}"))
    })?;
    print!("{}", report(&summary, args.json, &format!("imported from {name}")));
    Ok(())
}

/// The file to read. What can be read only once is copied to a temporary file, since the database may
/// ask for it again.
fn input(path: &Path) -> io::Result<File> {
    let spool = |reader: &mut dyn io::Read| {
        let mut copy = tempfile::tempfile()?;
        io::copy(reader, &mut copy)?;
        copy.rewind()?;
        Ok(copy)
    };
    if path == Path::new(STANDARD) {
        return spool(&mut io::stdin().lock());
    }
    let mut file = File::open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if kind.is_file() { Ok(file) } else { spool(&mut file) }
}

/// The rows of each table and the digest: the same lines for an export and its import.
fn report(summary: &Summary, as_json: bool, done: &str) -> String {
    if as_json {
        let rows = summary.rows.iter().map(|(table, rows)| ((*table).into(), (*rows).into()));
        let rows: Map<String, Value> = rows.collect();
        let report = json!({"sha256": summary.sha256, "total": summary.total(), "rows": rows});
        return format!("{report:#}\n");
    }
    let mut text = String::new();
    for (table, rows) in &summary.rows {
        text.push_str(&format!("{table:20}{rows:>12}\n"));
    }
    text.push_str(&format!("{:20}{:>12}  {done}\n", "rows", summary.total()));
    text.push_str(&format!("sha256 {}\n", summary.sha256));
    text
}

/// How many rows went over, how fast, and where it is.
const ROWS: &str = "{elapsed:>5} {human_pos:>12} rows {rate:>12}  {msg}";

/// Shows the rows, and what part of the file was read where its length is known.
fn watch(command: &LongCommand, length: Option<u64>) -> impl Watch {
    let command = command.clone();
    move |Progress { table, rows, bytes }| {
        command.bar.set_position(rows);
        command.bar.set_message(match length {
            Some(length) => format!("{table} {}%", bytes * 100 / length.max(1)),
            None => table.to_owned(),
        });
        command.go_on()
    }
}

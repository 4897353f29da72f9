//! Everything that a store holds, as one file: written by [`export`], read by [`import`] into an
//! empty store of either kind.
//!
//! The file is JSON lines. The first says what it is: the format and its version, the newest
//! migration of the store, and the columns of each table. Then comes a line for each row, an array of
//! its table and its values, table by table and within each in the order of the key. The last line
//! has the number of rows of each table and the SHA-256 of all bytes before that line. Nothing in
//! it depends on the database or the time: the same content makes the same file.

mod export;
mod import;
mod tables;

use std::{io, ops::ControlFlow};

use serde_json::{Map, Value};

pub use export::export;
pub use import::import;

use tables::TABLES;

/// What the first line calls the format.
const FORMAT: &str = "headcount export";

/// The format that is written, and the newest that is read.
const VERSION: i64 = 1;

/// How far it has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub table: &'static str,
    /// All rows so far.
    pub rows: u64,
    /// Of the file.
    pub bytes: u64,
}

/// Is told how far it has come every few hundred rows, and answers whether to go on.
pub trait Watch: Fn(Progress) -> ControlFlow<()> + Send + 'static {}

impl<F: Fn(Progress) -> ControlFlow<()> + Send + 'static> Watch for F {}

/// What was written or read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The number of rows of each table, in the order of the file.
    pub rows: Vec<(&'static str, u64)>,
    /// Of the file without its last line, in hexadecimal.
    pub sha256: String,
}

impl Summary {
    /// The rows of all tables.
    pub fn total(&self) -> u64 {
        self.rows.iter().map(|(_, rows)| rows).sum()
    }

    /// The last line of the file.
    fn to_line(&self) -> String {
        let rows = self.rows.iter().map(|(table, rows)| ((*table).to_owned(), (*rows).into()));
        let rows: Map<String, Value> = rows.collect();
        format!("{}\n", serde_json::json!({"rows": rows, "sha256": self.sha256}))
    }
}

/// Why an export or an import came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] io::Error),
    #[error(transparent)]
    Store(#[from] crate::Error),
    /// A line of the file is not what it has to be.
    #[error("line {line}: {damage}")]
    Line { line: u64, damage: Damage },
    /// The database does not take rows of these lines.
    #[error("{}: {error}", lines(*first, *last))]
    Rows { first: u64, last: u64, error: crate::Error },
    /// As `progress` asked for.
    #[error("stopped")]
    Stopped,
    #[error(
        "the server `{process}` runs on the store, or was killed there: stop it, or import into a \
         new store"
    )]
    InUse { process: String },
    #[error("the store is not empty, it has rows in `{table}`: import into a new one")]
    NotEmpty { table: &'static str },
}

fn lines(first: u64, last: u64) -> String {
    if first == last { format!("line {first}") } else { format!("lines {first} to {last}") }
}

/// What is wrong with a line of the file.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Damage {
    #[error("this is no export of Headcount's")]
    NoExport,
    #[error("the format's version is {0}, this version of Headcount reads up to {VERSION}")]
    NewerFormat(i64),
    #[error(
        "the export was made by a later version (its tables are number {made_at}, this version \
         knows {known}): import it with that one"
    )]
    NewerTables { made_at: i64, known: i64 },
    #[error("there is no table `{0}`")]
    Table(String),
    #[error("table `{table}` has no column `{column}`")]
    Column { table: &'static str, column: String },
    #[error("this is no row: it must be an array of a table's name and its values")]
    NoRow,
    #[error("a row of `{table}` has {expected} values, this one has {found}")]
    Values { table: &'static str, expected: usize, found: usize },
    #[error("`{column}` of `{table}` must be {expected} or null")]
    Kind { table: &'static str, column: &'static str, expected: &'static str },
    #[error("the file is cut off here: its last line is missing")]
    CutOff,
    #[error("the line is longer than {} MiB", import::LONGEST_LINE >> 20)]
    TooLong,
    #[error("this is not the last line of an export")]
    NoEnd,
    #[error("`{table}` is said to have {said} rows, the file holds {found}")]
    Count { table: String, said: u64, found: u64 },
    #[error("the file was changed: its SHA-256 is said to be `{said}`, and is `{found}`")]
    Digest { said: String, found: String },
    #[error("something follows the last line of the export")]
    After,
}

/// The number of rows of each table.
#[derive(Default)]
struct Counts([u64; TABLES.len()]);

impl Counts {
    fn add(&mut self, table: usize, rows: u64) {
        self.0[table] += rows;
    }

    fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    fn summary(&self, digest: impl AsRef<[u8]>) -> Summary {
        Summary {
            rows: TABLES.iter().map(|table| table.name).zip(self.0).collect(),
            sha256: digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}

#[cfg(test)]
mod tests;

//! Writes everything that a store holds to a file.

use std::io::Write;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{
    Counts, Error, FORMAT, Progress, Summary, VERSION, Watch,
    tables::{Column, Kind, TABLES, Table},
};
use crate::{Param, Row, Store, Tx, error::Result as StoreResult, migrations};

/// The most rows that are read at once.
const ROWS: i64 = 256;

/// How much is read at once, in bytes, going by how long the rows before were.
const CHUNK: usize = 1 << 20;

/// Writes the store to `out`, as it is at one moment. Other processes may write to the store
/// meanwhile. Takes as much memory as a few of the longest rows, however many there are.
pub async fn export<W>(store: &Store, out: W, watch: impl Watch) -> Result<Summary, Error>
where
    W: Write + Send + 'static,
{
    store
        .scan_all(async move |tx: &mut Tx| {
            if let Some(sql) = tx.dialect().wait_for_us() {
                tx.batch(sql).await?;
            }
            let mut lines = Lines { out, digest: Sha256::new(), bytes: 0 };
            lines.write(&first_line(migrations::must_be_known(tx).await?))?;
            let mut counts = Counts::default();
            for (number, table) in TABLES.iter().enumerate() {
                let mut chunks = Chunks::new(table);
                while let Some(rows) = chunks.next(tx).await? {
                    lines.write(&chunks.text)?;
                    counts.add(number, rows);
                    let (rows, bytes) = (counts.total(), lines.bytes);
                    let progress = Progress { table: table.name, rows, bytes };
                    if watch(progress).is_break() {
                        return Err(Error::Stopped);
                    }
                }
            }
            lines.finish(&counts)
        })
        .await
}

fn first_line(migration: i64) -> Vec<u8> {
    let tables = TABLES.iter().map(|table| {
        let columns: Value = table.columns.iter().map(|column| column.name).collect();
        (table.name.to_owned(), columns)
    });
    let tables: Map<String, Value> = tables.collect();
    let line =
        json!({"format": FORMAT, "version": VERSION, "migration": migration, "tables": tables});
    format!("{line}\n").into_bytes()
}

/// The file that is written.
struct Lines<W> {
    out: W,
    digest: Sha256,
    bytes: u64,
}

impl<W: Write> Lines<W> {
    fn write(&mut self, lines: &[u8]) -> Result<(), Error> {
        self.digest.update(lines);
        self.bytes += lines.len() as u64;
        Ok(self.out.write_all(lines)?)
    }

    fn finish(mut self, counts: &Counts) -> Result<Summary, Error> {
        let summary = counts.summary(self.digest.finalize());
        self.out.write_all(summary.to_line().as_bytes())?;
        self.out.flush()?;
        Ok(summary)
    }
}

/// Reads a table, some rows at a time.
struct Chunks<'t> {
    table: &'t Table,
    /// The key of the last row that was read.
    last: Option<Vec<Value>>,
    /// How many rows are asked for next.
    rows: i64,
    /// The lines of the rows that were read last.
    text: Vec<u8>,
}

impl<'t> Chunks<'t> {
    fn new(table: &'t Table) -> Self {
        Self { table, last: None, rows: ROWS, text: Vec::new() }
    }

    /// Reads the next rows; how many there were, and none at the end.
    async fn next(&mut self, tx: &mut Tx) -> StoreResult<Option<u64>> {
        self.text.clear();
        let Self { table, last, rows, text } = self;
        let sql = if last.is_none() { table.first() } else { table.next() };
        let before = last.take().unwrap_or_default();
        let mut params = vec![Param::Int(*rows)];
        params.extend(before.iter().map(param));
        let (mut read, mut key) = (0, Vec::new());
        tx.each(&sql, &params, |row| {
            write_row(text, table, row)?;
            key.clear();
            for (number, column) in table.key().iter().enumerate() {
                key.push(value(row, number, column)?);
            }
            read += 1;
            Ok(())
        })
        .await?;
        if read == 0 {
            return Ok(None);
        }
        *last = Some(key);
        let longest = (text.len() / read).max(1);
        *rows = i64::try_from(CHUNK / longest).unwrap_or(ROWS).clamp(1, ROWS);
        Ok(Some(read as u64))
    }
}

/// A value of a row as it is bound to a statement.
pub(super) fn param(value: &Value) -> Param<'_> {
    match value {
        Value::String(text) => Param::Text(text),
        Value::Number(number) => number.as_i64().map_or(Param::Null, Param::Int),
        _ => Param::Null,
    }
}

fn value(row: &Row<'_>, number: usize, column: &Column) -> StoreResult<Value> {
    Ok(match column.kind {
        Kind::Int => row.optional_int(number)?.into(),
        Kind::Text => row.optional_text(number)?.into(),
    })
}

fn write_row(line: &mut Vec<u8>, table: &Table, row: &Row<'_>) -> StoreResult<()> {
    line.push(b'[');
    write_text(line, table.name);
    for (number, column) in table.columns.iter().enumerate() {
        line.push(b',');
        let null = match column.kind {
            Kind::Int => row.optional_int(number)?.map(|int| write_int(line, int)),
            Kind::Text => row.optional_text(number)?.map(|text| write_text(line, text)),
        };
        if null.is_none() {
            line.extend(b"null");
        }
    }
    line.extend(b"]\n");
    Ok(())
}

fn write_int(line: &mut Vec<u8>, int: i64) {
    line.extend(int.to_string().as_bytes());
}

fn write_text(line: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(line, text).expect("a text is written to memory");
}

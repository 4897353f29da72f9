//! Reads everything that a store holds from a file.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Seek, SeekFrom},
};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{
    Counts, Damage, Error, FORMAT, Progress, Summary, VERSION, Watch,
    export::param,
    tables::{Column, Kind, SETTING, TABLES, Table},
};
use crate::{Store, Tx, dialect::Dialect, error::Result as StoreResult, leases, migrations};

/// The most rows of a statement. Fewer come in powers of two, so that few statements are prepared.
const ROWS: usize = 128;

/// How much is collected for a statement, in bytes of the file, before the last row of it.
const CHUNK: usize = 1 << 20;

/// No row is as long as this: what is not a text file is not read into memory whole.
pub(super) const LONGEST_LINE: usize = 256 << 20;

/// Reads `file` from its beginning into a store that holds nothing but settings, which are replaced:
/// all of it or nothing. `watch` is told less than before when the database asks for the work again.
/// Takes as much memory as a few of the longest rows, however many there are.
///
/// No server should run on the store: it knows nothing of what it did not write itself. One that
/// runs there when the import begins is noticed by its leases, one that starts later is not.
pub async fn import(store: &Store, file: File, watch: impl Watch) -> Result<Summary, Error> {
    let summary = store
        .administer(async move |tx: &mut Tx| {
            (&file).seek(SeekFrom::Start(0))?;
            must_be_unused(tx).await?;
            let summary = Import::read(tx, Lines::new(&file), &watch).await?;
            number_on(tx).await?;
            Ok::<_, Error>(summary)
        })
        .await?;
    let analyzed = store.administer(async |tx: &mut Tx| analyze(tx).await).await;
    if let Err(error) = analyzed {
        // It does so by itself, later.
        tracing::warn!(%error, "the database has not looked at what was imported yet");
    }
    Ok(summary)
}

async fn must_be_unused(tx: &mut Tx) -> Result<(), Error> {
    if let Some(lease) = leases::list(tx).await?.pop() {
        return Err(Error::InUse { process: lease.holder });
    }
    for Table { name: table, .. } in TABLES.iter().filter(|table| table.name != SETTING) {
        let sql = format!("SELECT 1 FROM {table} LIMIT 1");
        if tx.query_opt(&sql, &[], |row| row.int(0)).await?.is_some() {
            return Err(Error::NotEmpty { table });
        }
    }
    tx.execute(&format!("DELETE FROM {SETTING}"), &[]).await?;
    Ok(())
}

/// The lines of the file.
struct Lines<'f> {
    reader: BufReader<&'f File>,
    /// The line that was read last, with its end.
    line: Vec<u8>,
    number: u64,
    bytes: u64,
    /// Of the lines before the last one that was read.
    digest: Sha256,
}

impl<'f> Lines<'f> {
    fn new(file: &'f File) -> Self {
        let reader = BufReader::with_capacity(1 << 16, file);
        Self { reader, line: Vec::new(), number: 0, bytes: 0, digest: Sha256::new() }
    }

    /// Reads the next line; whether there is one.
    fn advance(&mut self) -> Result<bool, Error> {
        self.digest.update(&self.line);
        self.line.clear();
        self.number += 1;
        let mut limited = (&mut self.reader).take(LONGEST_LINE as u64);
        let read = limited.read_until(b'\n', &mut self.line)?;
        self.bytes += read as u64;
        match self.line.last() {
            None | Some(b'\n') => Ok(read > 0),
            Some(_) if self.number == 1 => Err(self.damaged(Damage::NoExport)),
            Some(_) if read == LONGEST_LINE => Err(self.damaged(Damage::TooLong)),
            Some(_) => Err(self.damaged(Damage::CutOff)),
        }
    }

    fn damaged(&self, damage: Damage) -> Error {
        Error::Line { line: self.number, damage }
    }
}

/// A table as the file has it: its columns may be fewer and in another order.
struct TableInFile {
    /// Among [`TABLES`].
    number: usize,
    columns: Vec<&'static Column>,
}

impl TableInFile {
    fn table(&self) -> &'static Table {
        &TABLES[self.number]
    }
}

/// An import on its way.
struct Import<'i> {
    tx: &'i mut Tx,
    tables: Vec<TableInFile>,
    /// The table of the last row, among `tables`.
    at: usize,
    /// Rows of that table that are not inserted yet, their length in the file, and the line of the first.
    rows: Vec<Vec<Value>>,
    bytes: usize,
    first: u64,
    counts: Counts,
}

impl Import<'_> {
    async fn read(tx: &mut Tx, mut lines: Lines<'_>, watch: &impl Watch) -> Result<Summary, Error> {
        let known = migrations::must_be_known(tx).await?;
        if !lines.advance()? {
            return Err(lines.damaged(Damage::NoExport));
        }
        let tables = first_line(&lines.line, known).map_err(|damage| lines.damaged(damage))?;
        let mut import = Import {
            tx,
            tables,
            at: 0,
            rows: Vec::new(),
            bytes: 0,
            first: 0,
            counts: Counts::default(),
        };
        loop {
            if !lines.advance()? {
                return Err(lines.damaged(Damage::CutOff));
            }
            if !lines.line.starts_with(b"[") {
                break;
            }
            let (at, row) = import.row(&lines.line).map_err(|damage| lines.damaged(damage))?;
            let is_other = at != import.at && !import.rows.is_empty();
            if is_other || import.rows.len() == ROWS || import.bytes >= CHUNK {
                import.insert(lines.number - 1).await?;
                let table = import.tables[import.at].table().name;
                let rows = import.counts.total();
                if watch(Progress { table, rows, bytes: lines.bytes }).is_break() {
                    return Err(Error::Stopped);
                }
            }
            import.at = at;
            if import.rows.is_empty() {
                import.first = lines.number;
            }
            import.bytes += lines.line.len();
            import.rows.push(row);
        }
        import.insert(lines.number - 1).await?;
        let summary = import.counts.summary(lines.digest.clone().finalize());
        last_line(&lines.line, &summary).map_err(|damage| lines.damaged(damage))?;
        if lines.advance()? {
            return Err(lines.damaged(Damage::After));
        }
        Ok(summary)
    }

    /// The values of a row, and its table.
    fn row(&self, line: &[u8]) -> Result<(usize, Vec<Value>), Damage> {
        let mut row: Vec<Value> = serde_json::from_slice(line).map_err(|_| Damage::NoRow)?;
        if row.is_empty() {
            return Err(Damage::NoRow);
        }
        let Value::String(name) = row.remove(0) else { return Err(Damage::NoRow) };
        // Rows of a table come together.
        let is_its = |at: &usize| self.tables.get(*at).is_some_and(|t| t.table().name == name);
        let at = Some(self.at).filter(is_its).or_else(|| (0..self.tables.len()).find(is_its));
        let at = at.ok_or(Damage::Table(name))?;
        let (table, columns) = (self.tables[at].table().name, &self.tables[at].columns);
        if row.len() != columns.len() {
            return Err(Damage::Values { table, expected: columns.len(), found: row.len() });
        }
        for (value, column) in row.iter().zip(columns) {
            let (is_one, expected) = match column.kind {
                Kind::Int => (value.is_i64(), "an integer"),
                Kind::Text => (value.is_string(), "a text"),
            };
            if !is_one && !value.is_null() {
                return Err(Damage::Kind { table, column: column.name, expected });
            }
        }
        Ok((at, row))
    }

    /// Inserts the rows that were collected, the last of which stands in line `last`.
    async fn insert(&mut self, last: u64) -> Result<(), Error> {
        let Some(in_file) = self.tables.get(self.at) else { return Ok(()) };
        let mut rest = self.rows.as_slice();
        while !rest.is_empty() {
            let (rows, others) = rest.split_at(1 << rest.len().ilog2());
            let sql = in_file.table().insert(&in_file.columns, rows.len());
            let params: Vec<_> = rows.iter().flatten().map(param).collect();
            self.tx.execute(&sql, &params).await.map_err(|error| match error {
                crate::Error::Unavailable(_) => Error::Store(error),
                error => Error::Rows { first: self.first, last, error },
            })?;
            rest = others;
        }
        self.counts.add(in_file.number, self.rows.len() as u64);
        self.rows.clear();
        self.bytes = 0;
        Ok(())
    }
}

/// The tables that the file has.
fn first_line(line: &[u8], known: i64) -> Result<Vec<TableInFile>, Damage> {
    let header: Map<String, Value> = serde_json::from_slice(line).map_err(|_| Damage::NoExport)?;
    let int = |name: &str| header.get(name).and_then(Value::as_i64).ok_or(Damage::NoExport);
    if header.get("format").and_then(Value::as_str) != Some(FORMAT) {
        return Err(Damage::NoExport);
    }
    let (version, made_at) = (int("version")?, int("migration")?);
    if version > VERSION {
        return Err(Damage::NewerFormat(version));
    }
    if made_at > known {
        return Err(Damage::NewerTables { made_at, known });
    }
    let tables = header.get("tables").and_then(Value::as_object).ok_or(Damage::NoExport)?;
    let in_file = tables.iter().map(|(name, columns)| {
        let number = TABLES.iter().position(|table| table.name == name);
        let number = number.ok_or_else(|| Damage::Table(name.clone()))?;
        let columns = columns.as_array().ok_or(Damage::NoExport)?.iter().map(|column| {
            let column = column.as_str().ok_or(Damage::NoExport)?;
            let Table { name: table, columns, .. } = &TABLES[number];
            let unknown = || Damage::Column { table, column: column.to_owned() };
            columns.iter().find(|known| known.name == column).ok_or_else(unknown)
        });
        Ok(TableInFile { number, columns: columns.collect::<Result<_, _>>()? })
    });
    in_file.collect()
}

/// Whether the last line says what was read.
fn last_line(line: &[u8], read: &Summary) -> Result<(), Damage> {
    let end: Map<String, Value> = serde_json::from_slice(line).map_err(|_| Damage::NoEnd)?;
    let (Some(rows), Some(said)) =
        (end.get("rows").and_then(Value::as_object), end.get("sha256").and_then(Value::as_str))
    else {
        return Err(Damage::NoEnd);
    };
    for (table, said) in rows {
        let said = said.as_u64().ok_or(Damage::NoEnd)?;
        let found = read.rows.iter().find(|(name, _)| name == table).map_or(0, |(_, rows)| *rows);
        if said != found {
            return Err(Damage::Count { table: table.clone(), said, found });
        }
    }
    if said != read.sha256 {
        return Err(Damage::Digest { said: said.to_owned(), found: read.sha256.clone() });
    }
    Ok(())
}

/// Lets the database go on after the numbers that were inserted.
async fn number_on(tx: &mut Tx) -> StoreResult<()> {
    for table in TABLES {
        if let Some(column) = table.numbered
            && let Some(sql) = tx.dialect().number_on(table.name, column)
        {
            tx.query_opt(&sql, &[], |_| Ok(())).await?;
        }
    }
    Ok(())
}

/// Lets the database learn how much it holds, where it plans by that.
async fn analyze(tx: &mut Tx) -> StoreResult<()> {
    if tx.dialect() == Dialect::Sqlite {
        return Ok(());
    }
    for Table { name, .. } in TABLES {
        tx.batch(&format!("ANALYZE {name}")).await?;
    }
    Ok(())
}

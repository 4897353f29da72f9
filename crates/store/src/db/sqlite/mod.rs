//! The embedded database. Every await of a job is ready at once, so a transaction runs to its end in
//! a single poll, wherever its connection lives:
//!
//! * **Writes** run on one writer thread. It begins a transaction, runs up to
//!   [`writer::BATCH`] waiting jobs in it, commits once for all, and only then answers: a hundred
//!   callers share one `fsync`. What a refused job has written is undone, the others' is not.
//! * **Reads** that touch a handful of rows ([`Sqlite::read`]) run on the caller's thread with a
//!   connection of their own: a hop to another thread costs more than the read.
//! * **Scans** ([`Sqlite::scan`]) may touch every row and run on threads that no request waits on.

pub mod backup;
mod scans;
mod writer;

use std::{
    fs,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Sender, channel},
    },
    task::{Context, Poll, Waker},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rusqlite::{
    Connection, OpenFlags,
    config::DbConfig,
    types::{ToSql, ToSqlOutput, Value, ValueRef},
};
use tokio::sync::oneshot;

use super::{
    Param, Row, RowOf, Tx, TxOf,
    job::{Job, WriteJob},
};
use crate::{
    dialect::Dialect,
    error::{Error, Result},
};
use scans::Scans;
use writer::write_loop;

/// The file of the database inside its folder.
const FILE: &str = "headcount.sqlite";

/// How long a connection waits for another process that is writing (the command line beside the
/// server) before the job fails as unavailable.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

impl ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match *self {
            Self::Null => ToSqlOutput::Owned(Value::Null),
            Self::Int(number) => ToSqlOutput::Owned(Value::Integer(number)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let text = error.to_string();
        match error.sqlite_error_code() {
            Some(Code::ConstraintViolation) if text.contains("resource.user_name") => {
                Error::Conflict { attribute: "userName" }
            }
            Some(Code::ConstraintViolation) if text.contains("organization.slug") => {
                Error::Conflict { attribute: "slug" }
            }
            Some(
                Code::DatabaseBusy
                | Code::DatabaseLocked
                | Code::DiskFull
                | Code::SystemIoFailure
                | Code::CannotOpen
                | Code::OutOfMemory
                | Code::ReadOnly,
            ) => Error::Unavailable(text),
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => {
                Error::Corrupt { table: "database", row: String::new(), problem: text }
            }
            _ => Error::Refused(text),
        }
    }
}

fn wrong(column: usize, error: &dyn std::error::Error) -> Error {
    Error::Refused(format!("column {column}: {error}"))
}

pub(super) fn text<'r>(row: &'r rusqlite::Row<'_>, column: usize) -> Result<&'r str> {
    row.get_ref(column)?.as_str().map_err(|e| wrong(column, &e))
}

pub(super) fn optional_text<'r>(
    row: &'r rusqlite::Row<'_>,
    column: usize,
) -> Result<Option<&'r str>> {
    row.get_ref(column)?.as_str_or_null().map_err(|e| wrong(column, &e))
}

pub(super) fn int(row: &rusqlite::Row<'_>, column: usize) -> Result<i64> {
    row.get_ref(column)?.as_i64().map_err(|e| wrong(column, &e))
}

pub(super) fn optional_int(row: &rusqlite::Row<'_>, column: usize) -> Result<Option<i64>> {
    row.get_ref(column)?.as_i64_or_null().map_err(|e| wrong(column, &e))
}

pub(super) fn execute(connection: &Connection, sql: &str, params: &[Param<'_>]) -> Result<u64> {
    let mut statement = connection.prepare_cached(&Dialect::Sqlite.spell(sql))?;
    Ok(statement.execute(rusqlite::params_from_iter(params))? as u64)
}

pub(super) fn each(
    connection: &Connection,
    sql: &str,
    params: &[Param<'_>],
    mut take: impl FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    let mut statement = connection.prepare_cached(&Dialect::Sqlite.spell(sql))?;
    let mut rows = statement.query(rusqlite::params_from_iter(params))?;
    while let Some(row) = rows.next()? {
        take(&Row(RowOf::Sqlite(row)))?;
    }
    Ok(())
}

pub(super) fn query_opt<T>(
    connection: &Connection,
    sql: &str,
    params: &[Param<'_>],
    read: impl FnOnce(&Row<'_>) -> Result<T>,
) -> Result<Option<T>> {
    let mut statement = connection.prepare_cached(&Dialect::Sqlite.spell(sql))?;
    let mut rows = statement.query(rusqlite::params_from_iter(params))?;
    rows.next()?.map(|row| read(&Row(RowOf::Sqlite(row)))).transpose()
}

/// The connection of a transaction that this module has opened.
fn connection(tx: &mut Tx) -> &mut Connection {
    match &mut tx.0 {
        TxOf::Sqlite(connection) => connection,
        TxOf::Postgres(_) => unreachable!("the transactions of this module are SQLite's"),
    }
}

/// The file of the database in `folder`.
pub(super) fn file(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

/// The open database.
pub struct Sqlite {
    writes: Option<Sender<Box<dyn WriteJob>>>,
    writer: Option<JoinHandle<()>>,
    idle_readers: Mutex<Vec<Tx>>,
    scans: Arc<Scans>,
    path: PathBuf,
}

impl Sqlite {
    /// Opens the database in `folder`; both are created if they are not there.
    pub fn open_in(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).map_err(|e| {
            Error::Unavailable(format!("cannot create `{}`: {e}", folder.display()))
        })?;
        let path = file(folder);
        Self::open(&path).map_err(|e| match e {
            Error::Unavailable(why) => {
                Error::Unavailable(format!("cannot open `{}`: {why}", path.display()))
            }
            other => other,
        })
    }

    fn open(path: &Path) -> Result<Self> {
        let connection = connect(path)?;
        write_ahead(&connection)?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "cache_size", -8_192)?;
        connection.pragma_update(None, "wal_autocheckpoint", 4_000)?;
        let (writes, jobs) = channel();
        let writer = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || write_loop(Tx(TxOf::Sqlite(connection)), &jobs))
            .map_err(|e| Error::Unavailable(e.to_string()))?;
        Ok(Self {
            writes: Some(writes),
            writer: Some(writer),
            idle_readers: Mutex::new(Vec::new()),
            scans: Scans::start(path)?,
            path: path.to_owned(),
        })
    }

    pub async fn write<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: AsyncFn(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Job::new(job, reply));
        let sent = self.writes.as_ref().is_some_and(|writes| writes.send(job).is_ok());
        if !sent {
            return Err(Error::Unavailable("the writer has stopped".into()).into());
        }
        match answer.await {
            Ok(result) => result,
            Err(_) => Err(Error::Unavailable("the writer has stopped".into()).into()),
        }
    }

    pub fn read<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send,
        T: Send,
        E: From<Error> + Send,
    {
        self.on_reader(|tx| read_now(tx, job))
    }

    pub fn read_one<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send,
        T: Send,
        E: From<Error> + Send,
    {
        self.on_reader(|tx| run_now(tx, job))
    }

    fn on_reader<T, E: From<Error>>(
        &self,
        job: impl FnOnce(&mut Tx) -> Result<T, E>,
    ) -> Result<T, E> {
        let idle = self.idle_readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut tx = match idle {
            Some(tx) => tx,
            None => connect_reader(&self.path)?,
        };
        let result = job(&mut tx);
        self.idle_readers.lock().unwrap_or_else(PoisonError::into_inner).push(tx);
        result
    }

    pub async fn scan<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.scans.push(Box::new(move |tx| {
            // Whoever asked may be gone; that is no failure.
            let _ = reply.send(read_now(tx, job));
        }));
        match answer.await {
            Ok(result) => result,
            Err(_) => Err(Error::Unavailable("the reader has stopped".into()).into()),
        }
    }
}

impl Drop for Sqlite {
    /// Lets the writer finish what it accepted.
    fn drop(&mut self) {
        self.writes = None;
        self.scans.stop();
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the store's writer thread panicked");
        }
    }
}

/// Switches to the write-ahead log. Of several processes that open a new file at the same moment one
/// does so, while the others are refused without any wait.
fn write_ahead(connection: &Connection) -> Result<()> {
    let begun = Instant::now();
    loop {
        match connection.pragma_update(None, "journal_mode", "wal").map_err(Error::from) {
            Err(Error::Unavailable(_)) if begun.elapsed() < BUSY_TIMEOUT => {
                std::thread::sleep(Duration::from_millis(10));
            }
            switched => return switched,
        }
    }
}

fn connect(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    keep_statements(&connection)?;
    Ok(connection)
}

/// Statements are prepared once: their plan may not depend on the values bound to them, or SQLite
/// would prepare them anew each time those change.
fn keep_statements(connection: &Connection) -> Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(())
}

fn connect_reader(path: &Path) -> Result<Tx> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "cache_size", -4_096)?;
    keep_statements(&connection)?;
    Ok(Tx(TxOf::Sqlite(connection)))
}

/// Polls a future that is ready at once, because it awaits nothing but SQLite.
fn ready<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

fn awaited_elsewhere() -> Error {
    Error::Refused("a store function awaited something that is not the database".into())
}

fn read_now<T, E, F>(tx: &mut Tx, job: F) -> Result<T, E>
where
    F: AsyncFnOnce(&mut Tx) -> Result<T, E>,
    E: From<Error>,
{
    run_cached(connection(tx), "BEGIN")?;
    let result = run_now(tx, job);
    run_cached(connection(tx), "COMMIT")?;
    result
}

fn run_now<T, E, F>(tx: &mut Tx, job: F) -> Result<T, E>
where
    F: AsyncFnOnce(&mut Tx) -> Result<T, E>,
    E: From<Error>,
{
    match catch_unwind(AssertUnwindSafe(|| ready(job(tx)))) {
        Ok(result) => result.unwrap_or_else(|| Err(awaited_elsewhere().into())),
        Err(_) => Err(Error::Refused("a read panicked".into()).into()),
    }
}

fn run_cached(connection: &Connection, sql: &str) -> Result<()> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

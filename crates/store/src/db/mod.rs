//! The connection to the database: the only folder that names a driver.
//!
//! Every store function is written once, as `async fn f(tx: &mut Tx, …)`, and awaits nothing but
//! `tx`. Jobs made of them are handed to [`Db`], which runs them where their database wants it:
//! [`sqlite`] on threads of its own or the caller's, each in a single poll; [`postgres`] on threads
//! of its own, each waiting for its connection.

mod job;
mod postgres;
mod sqlite;

use std::{fmt, path::PathBuf};

use crate::{
    dialect::Dialect,
    error::{Error, Result},
};
use postgres::{PgTx, Postgres};
use sqlite::Sqlite;

pub use sqlite::backup::{BackupError, backup};

/// Where a store is.
#[derive(Clone, Debug)]
pub enum Database {
    /// The embedded database, in this folder.
    Embedded(PathBuf),
    /// A PostgreSQL server.
    Postgres(PostgresOptions),
}

impl Database {
    /// Whether opening it would create it. Of a server's database that is not known.
    pub fn is_absent(&self) -> bool {
        match self {
            Self::Embedded(folder) => !sqlite::file(folder).exists(),
            Self::Postgres(_) => false,
        }
    }
}

/// Where it is, without its secrets.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded(folder) => folder.display().fmt(f),
            Self::Postgres(options) => options.fmt(f),
        }
    }
}

/// How a PostgreSQL server is reached.
#[derive(Clone)]
pub struct PostgresOptions {
    /// `postgres://user:password@host:port/database?…`
    pub url: String,
    /// The most connections of this process.
    pub connections: usize,
}

/// The address without what stands before the host and behind the database. Of one that is not
/// formed as it should be nothing is shown: any part of it may be the password.
impl fmt::Display for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = self.url.split_once("://").map_or("", |(_, rest)| rest);
        let (address, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let (hosts, database) = address.split_once('/').unwrap_or((address, ""));
        let hosts = hosts.rsplit_once('@').map_or(hosts, |(_, hosts)| hosts);
        let is_host = |host: &str| {
            let port = host.rsplit_once(':').map_or("", |(_, port)| port);
            port.bytes().all(|byte| byte.is_ascii_digit()) || host.ends_with(']')
        };
        if [database, parameters].iter().any(|part| part.contains('@'))
            || !hosts.split(',').all(is_host)
        {
            return f.write_str("postgres://…");
        }
        write!(f, "postgres://{hosts}/{database}")
    }
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A value bound to a statement.
#[derive(Clone, Copy, Debug)]
pub enum Param<'a> {
    Null,
    Int(i64),
    Text(&'a str),
}

impl<'a> From<&'a str> for Param<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Param<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Param<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Param<'_> {
    fn from(truth: bool) -> Self {
        Self::Int(truth.into())
    }
}

impl<'a, T: Into<Param<'a>>> From<Option<T>> for Param<'a> {
    fn from(option: Option<T>) -> Self {
        option.map_or(Self::Null, Into::into)
    }
}

/// One row of an answer. Columns are read by position; a column of another type than asked for is
/// [`Error::Refused`](crate::Error::Refused), as the statement and its reader stand side by side.
pub struct Row<'r>(RowOf<'r>);

enum RowOf<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r tokio_postgres::Row),
}

impl<'r> Row<'r> {
    pub fn text(&self, column: usize) -> Result<&'r str> {
        match self.0 {
            RowOf::Sqlite(row) => sqlite::text(row, column),
            RowOf::Postgres(row) => postgres::text(row, column),
        }
    }

    pub fn optional_text(&self, column: usize) -> Result<Option<&'r str>> {
        match self.0 {
            RowOf::Sqlite(row) => sqlite::optional_text(row, column),
            RowOf::Postgres(row) => postgres::optional_text(row, column),
        }
    }

    pub fn int(&self, column: usize) -> Result<i64> {
        match self.0 {
            RowOf::Sqlite(row) => sqlite::int(row, column),
            RowOf::Postgres(row) => postgres::int(row, column),
        }
    }

    pub fn optional_int(&self, column: usize) -> Result<Option<i64>> {
        match self.0 {
            RowOf::Sqlite(row) => sqlite::optional_int(row, column),
            RowOf::Postgres(row) => postgres::optional_int(row, column),
        }
    }
}

/// An open transaction. Statements number their parameters `?1`, `?2`, …
#[derive(Debug)]
pub struct Tx(TxOf);

#[derive(Debug)]
enum TxOf {
    Sqlite(rusqlite::Connection),
    Postgres(Box<PgTx>),
}

impl Tx {
    /// What reads the statements.
    pub(crate) fn dialect(&self) -> Dialect {
        match &self.0 {
            TxOf::Sqlite(_) => Dialect::Sqlite,
            TxOf::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs a statement; the number of rows it touched.
    pub async fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64> {
        match &mut self.0 {
            TxOf::Sqlite(connection) => sqlite::execute(connection, sql, params),
            TxOf::Postgres(tx) => tx.execute(sql, params).await,
        }
    }

    /// Runs a statement that changes something and whose answer is not needed. It may wait until the
    /// transaction's next statement and travel with that: an error of it can come from there.
    pub async fn send(&mut self, sql: &str, params: &[Param<'_>]) -> Result<()> {
        match &mut self.0 {
            TxOf::Sqlite(connection) => sqlite::execute(connection, sql, params).map(drop),
            TxOf::Postgres(tx) => tx.send(sql, params),
        }
    }

    /// Runs a query and reads each row.
    pub async fn query<T>(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut all = Vec::new();
        self.each(sql, params, |row| {
            all.push(read(row)?);
            Ok(())
        })
        .await?;
        Ok(all)
    }

    /// Runs a query and hands each row to `take`, keeping none.
    pub async fn each(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        take: impl FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        match &mut self.0 {
            TxOf::Sqlite(connection) => sqlite::each(connection, sql, params, take),
            TxOf::Postgres(tx) => tx.each(sql, params, take).await,
        }
    }

    /// Runs a query for at most one row.
    pub async fn query_opt<T>(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        match &mut self.0 {
            TxOf::Sqlite(connection) => sqlite::query_opt(connection, sql, params, read),
            TxOf::Postgres(tx) => tx.query_opt(sql, params, read).await,
        }
    }

    /// Runs several statements without parameters: a migration.
    pub async fn batch(&mut self, sql: &str) -> Result<()> {
        match &mut self.0 {
            TxOf::Sqlite(connection) => Ok(connection.execute_batch(sql)?),
            TxOf::Postgres(tx) => tx.batch(sql).await,
        }
    }

    /// How many rows were written so far. A statement that fails writes none.
    pub(crate) fn writes(&self) -> u64 {
        match &self.0 {
            TxOf::Sqlite(connection) => connection.total_changes(),
            TxOf::Postgres(tx) => tx.writes(),
        }
    }

    /// Begins a part of the transaction that can be undone by itself.
    pub(crate) async fn begin_attempt(&mut self) -> Result<()> {
        self.control("SAVEPOINT attempt").await
    }

    /// Undoes what came since [`Self::begin_attempt`], also a statement that failed.
    pub(crate) async fn undo_attempt(&mut self) -> Result<()> {
        match &mut self.0 {
            TxOf::Sqlite(_) => self.control("ROLLBACK TO SAVEPOINT attempt").await,
            TxOf::Postgres(tx) => tx.undo_attempt().await,
        }
    }

    /// Ends the part; what was not undone stays.
    pub(crate) async fn end_attempt(&mut self) -> Result<()> {
        self.control("RELEASE SAVEPOINT attempt").await
    }

    async fn control(&mut self, sql: &str) -> Result<()> {
        match &mut self.0 {
            TxOf::Sqlite(connection) => sqlite::execute(connection, sql, &[]).map(drop),
            TxOf::Postgres(tx) => {
                tx.plain(sql);
                Ok(())
            }
        }
    }
}

/// The open database.
pub enum Db {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Db {
    /// Opens the database; the embedded one is created if it is not there.
    pub async fn open(database: &Database) -> Result<Self> {
        match database {
            Database::Embedded(folder) => Ok(Self::Sqlite(Sqlite::open_in(folder)?)),
            Database::Postgres(options) => Ok(Self::Postgres(Postgres::open(options).await?)),
        }
    }

    /// Runs `job` in a transaction of its own; answers once it is durably stored. A job that
    /// answers an error leaves nothing behind.
    ///
    /// The job may run more than once (a database that answers "serialisation failure" asks for
    /// it), so it takes what it needs by reference. Jobs that name the same directory, or another of
    /// its organization, run one after another: what one of them has found stays true until its end.
    pub async fn write<T, E, F>(&self, directory_id: Option<String>, job: F) -> Result<T, E>
    where
        F: AsyncFn(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        match self {
            // It has one writer.
            Self::Sqlite(sqlite) => {
                drop(directory_id);
                sqlite.write(job).await
            }
            Self::Postgres(postgres) => postgres.write(directory_id, job).await,
        }
    }

    /// Runs `job` on one consistent state of the database. For jobs that touch a handful of rows;
    /// anything else is a [`Db::scan`].
    pub async fn read<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        match self {
            Self::Sqlite(sqlite) => sqlite.read(job),
            Self::Postgres(postgres) => postgres.read(job).await,
        }
    }

    /// Runs a job of a single statement, which is a consistent state by itself: cheaper than a
    /// [`Db::read`] by the beginning and the end of a transaction.
    pub async fn read_one<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        match self {
            Self::Sqlite(sqlite) => sqlite.read_one(job),
            Self::Postgres(postgres) => postgres.read_one(job).await,
        }
    }

    /// Runs `job` on one consistent state of the database, where no request waits for it.
    pub async fn scan<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        match self {
            Self::Sqlite(sqlite) => sqlite.scan(job).await,
            Self::Postgres(postgres) => postgres.scan(job).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_without_secrets() {
        for (url, shown) in [
            (
                "postgres://ines:s3cret@db.example:5433/people?sslmode=require",
                "db.example:5433/people",
            ),
            ("postgresql://a.example:1,b.example:2/x?password=s3cret", "a.example:1,b.example:2/x"),
            ("postgres://ines:s3%2Fcret@[::1]/x", "[::1]/x"),
            ("postgres://db.example", "db.example/"),
            // What a password must not hold, and addresses that are none.
            ("postgres://ines:s3/cret@db.example/x", "…"),
            ("postgres://ines:s3?cret@db.example/x", "…"),
            ("postgres://ines:s3@cret@db.example/x", "db.example/x"),
            ("postgres://ines:s3cret", "…"),
            ("host=db.example password=s3cret", "/"),
        ] {
            let options = PostgresOptions { url: url.into(), connections: 4 };
            assert_eq!(options.to_string(), format!("postgres://{shown}"), "{url}");
            assert_eq!(format!("{options:?}"), options.to_string());
        }
    }
}

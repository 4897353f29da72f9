//! Headcount's store: all SQL.
//!
//! [`Store::write`], [`Store::read`] and [`Store::scan`] open a transaction of one directory;
//! resources, memberships, the journal and the log can be reached through that [`DirectoryTx`]
//! only, and every statement of it is keyed by the directory. Organizations, directories and
//! tokens are kept by [`Store::administer`].

// What integration tests and unit tests share names this crate.
#[cfg(test)]
extern crate self as store;

pub mod accounts;
mod attribute_index;
mod configuration;
mod db;
mod dialect;
pub mod directories;
pub mod domains;
pub mod enrolment;
mod error;
pub mod events;
mod filter_sql;
#[cfg(test)]
#[path = "../tests/fresh/mod.rs"]
mod fresh;
pub mod grantables;
pub mod journal;
mod key;
pub mod leases;
pub mod mail;
pub mod members;
pub mod memberships;
mod migrations;
pub mod organizations;
pub mod projections;
pub mod provisioning_log;
pub mod rate_limits;
pub mod resources;
pub mod role_rules;
pub mod roles;
pub mod roster;
pub mod schemas;
pub mod search;
pub mod settings;
pub mod teams;
pub mod tokens;
mod tombstones;
pub mod transfer;

pub use db::{BackupError, Database, Param, PostgresOptions, Row, Tx, backup};
pub use error::{Error, Result};
pub use members::OrganizationTx;

use db::Db;

/// The open store.
pub struct Store {
    db: Db,
}

impl Store {
    /// Opens the store and brings its tables up to date. The embedded one is created if it is not
    /// there. `now` in microseconds.
    pub async fn open(database: &Database, now: i64) -> Result<Self> {
        let store = Self { db: Db::open(database).await? };
        migrations::run(&store.db, now).await?;
        Ok(store)
    }

    /// Writes to one directory: all of `job` or nothing of it, durably stored when this answers.
    pub async fn write<T, E, F>(&self, directory_id: &str, job: F) -> Result<T, E>
    where
        F: AsyncFn(DirectoryTx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let directory_id = directory_id.to_owned();
        self.db
            .write(Some(directory_id.clone()), async move |tx: &mut Tx| {
                job(DirectoryTx { tx, directory_id: directory_id.clone() }).await
            })
            .await
    }

    /// Reads a handful of rows of one directory, all from the same state.
    pub async fn read<T, E, F>(&self, directory_id: &str, job: F) -> Result<T, E>
    where
        F: AsyncFnOnce(DirectoryTx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let directory_id = directory_id.to_owned();
        self.db.read(async move |tx: &mut Tx| job(DirectoryTx { tx, directory_id }).await).await
    }

    /// The same for a job of a single statement.
    pub async fn read_one<T, E, F>(&self, directory_id: &str, job: F) -> Result<T, E>
    where
        F: AsyncFnOnce(DirectoryTx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let directory_id = directory_id.to_owned();
        self.db.read_one(async move |tx: &mut Tx| job(DirectoryTx { tx, directory_id }).await).await
    }

    /// Reads one directory, however much of it: never on a thread that answers requests.
    pub async fn scan<T, E, F>(&self, directory_id: &str, job: F) -> Result<T, E>
    where
        F: AsyncFnOnce(DirectoryTx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let directory_id = directory_id.to_owned();
        self.db.scan(async move |tx: &mut Tx| job(DirectoryTx { tx, directory_id }).await).await
    }

    /// Reads the members and teams of one organization, however much of them, from the same state:
    /// never on a thread that answers requests.
    pub async fn look_through<T, E, F>(&self, organization_id: &str, job: F) -> Result<T, E>
    where
        F: AsyncFnOnce(OrganizationTx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let id = organization_id.to_owned();
        self.db.scan(async move |tx: &mut Tx| job(OrganizationTx::new(tx, &id)).await).await
    }

    /// Reads all directories, however much of them, from the same state.
    pub(crate) async fn scan_all<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.db.scan(job).await
    }

    /// Writes organizations, directories and tokens.
    pub async fn administer<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: AsyncFn(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.db.write(None, job).await
    }

    /// Reads organizations, directories or tokens by a single statement.
    pub async fn look_up<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.db.read_one(job).await
    }
}

/// A moment of a transaction.
#[derive(Clone, Copy, Debug)]
pub struct Mark(u64);

impl Mark {
    /// How many rows the embedded store has written since an earlier moment.
    pub fn rows_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// An open transaction of one directory.
pub struct DirectoryTx<'t> {
    tx: &'t mut Tx,
    directory_id: String,
}

impl DirectoryTx<'_> {
    /// The directory whose rows this transaction sees.
    pub fn directory_id(&self) -> &str {
        &self.directory_id
    }
    /// Where the transaction stands, for [`Self::is_untouched_since`].
    pub fn mark(&mut self) -> Mark {
        Mark(self.tx.writes())
    }

    /// Whether a job that has refused since `mark` has left nothing to undo: then it needs no
    /// [`Self::attempt`], which costs a copy of every page that it touches.
    pub fn is_untouched_since(&mut self, mark: Mark) -> bool {
        self.tx.writes() == mark.0
    }

    /// Runs `job` as a part of the transaction that is undone by itself when it refuses.
    pub async fn attempt<T, E, F>(&mut self, job: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut DirectoryTx<'_>) -> Result<T, E>,
        E: From<Error>,
    {
        self.tx.begin_attempt().await?;
        let result = job(self).await;
        if result.is_err() {
            self.tx.undo_attempt().await?;
        }
        self.tx.end_attempt().await?;
        result
    }
}

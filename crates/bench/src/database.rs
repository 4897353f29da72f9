//! Where the measured servers keep their data.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use local_postgres::{LocalPostgres, Options};

/// The database of one server, or of several.
#[derive(Clone, Debug)]
pub enum Database {
    /// The embedded one, in this folder.
    Embedded(PathBuf),
    /// The address of one on PostgreSQL.
    Postgres(String),
}

impl Database {
    /// The option of the server and its command line that names it.
    pub fn option(&self) -> [&OsStr; 2] {
        match self {
            Self::Embedded(folder) => ["--data".as_ref(), folder.as_os_str()],
            Self::Postgres(url) => ["--database".as_ref(), url.as_ref()],
        }
    }
}

/// Where a run gets its databases from.
pub enum Databases {
    Embedded,
    /// A PostgreSQL of this run, with its own defaults: a commit is on the disk when it is answered.
    Private(LocalPostgres),
    /// One empty database on somebody's PostgreSQL.
    Given(String),
}

impl Databases {
    /// Starts a PostgreSQL in `dir`. Blocks.
    pub fn private(dir: &Path) -> anyhow::Result<Self> {
        let options = Options { durable: true, parent: Some(dir.into()), ..Options::default() };
        Ok(Self::Private(LocalPostgres::start(&options)?))
    }

    /// A new database; none when there is only the one that was given. `dir` is for embedded ones.
    pub fn create(&self, dir: &Path) -> anyhow::Result<Option<Database>> {
        match self {
            Self::Embedded => {
                std::fs::create_dir_all(dir)
                    .with_context(|| format!("cannot create `{}`", dir.display()))?;
                Ok(Some(Database::Embedded(dir.into())))
            }
            Self::Private(postgres) => Ok(Some(Database::Postgres(postgres.create_database()?))),
            Self::Given(_) => Ok(None),
        }
    }

    /// The database of the main run.
    pub fn main(&self, dir: &Path) -> anyhow::Result<Database> {
        match self {
            Self::Given(url) => Ok(Database::Postgres(url.clone())),
            Self::Embedded | Self::Private(_) => {
                self.create(dir)?.context("these have as many databases as needed")
            }
        }
    }
}

//! Where the store of one test is.

use std::{
    env,
    path::Path,
    sync::{Arc, OnceLock},
};

use tempfile::TempDir;

use crate::{LocalPostgres, Options};

/// Names the database that the tests use: `sqlite`, also where it is not set, `postgres`, or
/// `pgbouncer` for a PostgreSQL behind that.
const VARIABLE: &str = "HEADCOUNT_TEST_STORE";

/// An empty folder, and an empty database of PostgreSQL where the tests use that; both go when
/// this is dropped.
pub struct TestDatabase {
    folder: TempDir,
    postgres: Option<OnPostgres>,
}

struct OnPostgres {
    server: Arc<LocalPostgres>,
    url: String,
}

impl TestDatabase {
    /// Whether the tests use PostgreSQL.
    ///
    /// # Panics
    /// When they are told to use something that we do not know.
    pub fn is_postgres() -> bool {
        match env::var(VARIABLE).as_deref() {
            Ok("postgres" | "pgbouncer") => true,
            Ok("sqlite" | "") | Err(_) => false,
            Ok(other) => {
                panic!("{VARIABLE} is `{other}`: sqlite, postgres and pgbouncer are possible")
            }
        }
    }

    /// What the tests use: a folder, or a database of the server that they share.
    #[expect(clippy::new_without_default, reason = "it starts processes")]
    pub fn new() -> Self {
        if !Self::is_postgres() {
            return Self::of(None);
        }
        match env::var(VARIABLE).as_deref() {
            Ok("pgbouncer") => Self::behind_pooler(shared()),
            _ => Self::on(shared()),
        }
    }

    /// A folder, whatever the tests use.
    pub fn embedded() -> Self {
        Self::of(None)
    }

    /// A database of this server, whatever the tests use.
    ///
    /// # Panics
    /// When it cannot be created.
    pub fn on(server: &Arc<LocalPostgres>) -> Self {
        let url = server.create_database().unwrap_or_else(|error| panic!("no database: {error}"));
        Self::of(Some(OnPostgres { server: Arc::clone(server), url }))
    }

    /// The same, reached through PgBouncer.
    ///
    /// # Panics
    /// When it cannot be created.
    pub fn behind_pooler(server: &Arc<LocalPostgres>) -> Self {
        let mut database = Self::on(server);
        if let Some(postgres) = &mut database.postgres {
            let pooled = server.pooled_url(name(&postgres.url));
            postgres.url = pooled.unwrap_or_else(|error| panic!("no pooler: {error}"));
        }
        database
    }

    fn of(postgres: Option<OnPostgres>) -> Self {
        let folder = tempfile::tempdir();
        Self { folder: folder.unwrap_or_else(|error| panic!("no folder: {error}")), postgres }
    }

    /// Where the embedded database is, and whatever else a test writes.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The address of the database, where it is one of PostgreSQL.
    pub fn url(&self) -> Option<&str> {
        self.postgres.as_ref().map(|postgres| &*postgres.url)
    }

    /// The server of the database, where it is one of PostgreSQL.
    pub fn server(&self) -> Option<&Arc<LocalPostgres>> {
        self.postgres.as_ref().map(|postgres| &postgres.server)
    }

    /// The rows of a statement, in the form of [`LocalPostgres::run`].
    ///
    /// # Panics
    /// When this is no database of PostgreSQL, and when it refuses the statement.
    pub fn run(&self, sql: &str) -> String {
        let OnPostgres { server, url } = self.postgres.as_ref().expect("a test of PostgreSQL");
        server.run(name(url), sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }
}

fn name(url: &str) -> &str {
    url.rsplit_once('/').map_or("", |(_, name)| name)
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // What cannot be dropped goes with its server.
        if let Some(postgres) = &self.postgres {
            let _ = postgres.server.drop_database(&postgres.url);
        }
    }
}

/// One server for the whole process, not durable, started by whoever asks first.
///
/// # Panics
/// When it cannot be started.
pub fn shared() -> &'static Arc<LocalPostgres> {
    static SHARED: OnceLock<Arc<LocalPostgres>> = OnceLock::new();
    SHARED.get_or_init(|| {
        let options = Options { max_connections: 1000, ..Options::default() };
        let server = LocalPostgres::start(&options);
        Arc::new(server.unwrap_or_else(|error| panic!("no PostgreSQL: {error}")))
    })
}

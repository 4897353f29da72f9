//! The store of a test, and the command line on it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use local_postgres::{LocalPostgres, TestDatabase};
use scim::schema::Schema;
use serde_json::Value;
use store::{
    Database, DirectoryTx, OrganizationTx, PostgresOptions, Store, Tx, events::Event,
    journal::Entry as Change, members::Loaded, provisioning_log::Entry, schemas::DeclaredSchema,
    teams::Team,
};
use tokio::sync::OnceCell;

use super::{BINARY, blocking, user};

/// A store for any number of processes.
pub struct TestStore {
    // Closed before the database goes.
    store: OnceCell<Store>,
    database: TestDatabase,
    logs: AtomicUsize,
    /// By which address the database is reached, where not by its own.
    address: Mutex<Option<String>>,
}

/// One directory of the store and its first token.
#[derive(Clone)]
pub struct Directory {
    pub id: String,
    pub token: String,
    /// Of its SCIM endpoint; stays the same over restarts.
    pub path: String,
}

impl TestStore {
    /// On what the tests use: SQLite or PostgreSQL.
    pub async fn new() -> Arc<Self> {
        Self::of(blocking(TestDatabase::new).await)
    }

    /// In a folder, whatever the tests use.
    pub fn embedded() -> Arc<Self> {
        Self::of(TestDatabase::embedded())
    }

    /// In a database of this server, whatever the tests use.
    pub async fn on(server: &Arc<LocalPostgres>) -> Arc<Self> {
        let server = Arc::clone(server);
        Self::of(blocking(move || TestDatabase::on(&server)).await)
    }

    /// In a database of the PostgreSQL that the tests share, whatever they use.
    pub async fn on_postgres() -> Arc<Self> {
        Self::on(blocking(local_postgres::shared).await).await
    }

    pub fn of(database: TestDatabase) -> Arc<Self> {
        Arc::new(Self {
            store: OnceCell::new(),
            database,
            logs: AtomicUsize::new(0),
            address: Mutex::default(),
        })
    }

    /// Where it is.
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// A folder of the test: logs, and the embedded store where that is used.
    pub fn data(&self) -> &Path {
        self.database.folder()
    }

    /// What names the store on a command line.
    pub fn arguments(&self) -> [String; 2] {
        let address = self.address.lock().unwrap().clone();
        match address.as_deref().or(self.database.url()) {
            Some(url) => ["--database".to_owned(), url.to_owned()],
            None => ["--data".to_owned(), self.data().display().to_string()],
        }
    }

    /// Whatever is started from now on reaches the database by this address.
    pub fn reach_by(&self, url: &str) {
        *self.address.lock().unwrap() = Some(url.to_owned());
    }

    /// The store, opened by this process.
    pub async fn open(&self) -> &Store {
        let open = async || {
            let database = match self.database.url() {
                Some(url) => {
                    Database::Postgres(PostgresOptions { url: url.into(), connections: 4 })
                }
                None => Database::Embedded(self.data().into()),
            };
            Store::open(&database, 0).await.unwrap()
        };
        self.store.get_or_init(open).await
    }

    /// The file of a server's log.
    pub fn new_log(&self) -> PathBuf {
        self.data().join(format!("server-{}.log", self.logs.fetch_add(1, Ordering::Relaxed)))
    }

    /// All that is kept: the files of the folder, and the rows of the database where that is none
    /// of them; each with its name.
    pub async fn everything_kept(self: &Arc<Self>) -> Vec<(String, Vec<u8>)> {
        let store = Arc::clone(self);
        blocking(move || {
            let files = std::fs::read_dir(store.data()).unwrap().map(|file| {
                let path = file.unwrap().path();
                (path.display().to_string(), std::fs::read(path).unwrap())
            });
            let mut kept: Vec<_> = files.collect();
            if store.database.url().is_some() {
                let tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'";
                for table in store.database.run(tables).lines() {
                    let rows = store.database.run(&format!("SELECT t::TEXT FROM {table} t"));
                    kept.push((table.to_owned(), rows.into_bytes()));
                }
            }
            kept
        })
        .await
    }

    /// A new directory of the organization `acme`; a rate limit of 0 is none.
    pub async fn directory(&self, kind: &str, rate_limit: u32) -> Directory {
        self.directory_of("acme", kind, rate_limit).await
    }

    /// A new directory of an organization, which is created if it is not there.
    pub async fn directory_of(&self, slug: &str, kind: &str, rate_limit: u32) -> Directory {
        self.directory_with(slug, &format!("--kind {kind} --rate-limit {rate_limit}")).await
    }

    /// A new directory of the organization `acme` that reads strictly, without a rate limit.
    pub async fn strict_directory(&self) -> Directory {
        self.directory_with("acme", "--strict --rate-limit 0").await
    }

    async fn directory_with(&self, slug: &str, options: &str) -> Directory {
        let listed = self.command("organization list").await;
        if !listed.to_string().contains(&format!("\"{slug}\"")) {
            self.command(&format!("organization create {slug}")).await;
        }
        let arguments = format!("directory create --organization {slug} {options}");
        let created = self.command(&arguments).await;
        let text = |key: &str| {
            created[key].as_str().unwrap_or_else(|| panic!("no `{key}` in {created}")).to_owned()
        };
        let url = text("scim_url");
        let (_, rest) = url.split_once("://").unwrap();
        let path = rest[rest.find('/').unwrap()..].trim_end_matches('/').to_owned();
        Directory { id: text("id"), token: text("token"), path }
    }

    /// A command line on the store, its words separated by spaces; its JSON answer.
    pub async fn command(&self, arguments: &str) -> Value {
        let stdout = self.command_text(&format!("{arguments} --json")).await;
        serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{arguments}: no JSON: {stdout}"))
    }

    /// A command line on the store, its words separated by spaces; what it prints.
    pub async fn command_text(&self, arguments: &str) -> String {
        let output = self.command_output(arguments).await;
        let stdout = String::from_utf8_lossy(&output.stdout);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments}: {} {stdout}{stderr}", output.status);
        stdout.into_owned()
    }

    /// A command line on the store, its words separated by spaces; how it ends.
    pub async fn command_output(&self, arguments: &str) -> Output {
        let mut command = Command::new(BINARY);
        command.args(arguments.split(' ')).args(self.arguments()).stdin(Stdio::null());
        blocking(move || command.output().unwrap()).await
    }

    /// The id of an organization.
    pub async fn organization(&self, slug: &str) -> String {
        let slug = slug.to_owned();
        let read = async move |tx: &mut Tx| store::organizations::get(tx, &slug).await;
        let found = self.open().await.look_up::<_, store::Error, _>(read).await.unwrap();
        found.unwrap().id
    }

    /// The members of an organization that are not deleted, with their links and teams, oldest
    /// first.
    pub async fn members(&self, slug: &str) -> Vec<Loaded> {
        let id = self.organization(slug).await;
        let read = async move |tx: &mut Tx| {
            let mut tx = OrganizationTx::new(tx, &id);
            let ids = tx.member_ids("", 100_000).await?;
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            tx.load_members(&ids).await
        };
        self.open().await.administer::<_, store::Error, _>(read).await.unwrap()
    }

    /// The teams of an organization that are not deleted, oldest first.
    pub async fn teams(&self, slug: &str) -> Vec<Team> {
        let id = self.organization(slug).await;
        let read =
            async move |tx: &mut Tx| OrganizationTx::new(tx, &id).teams_after("", 100_000).await;
        self.open().await.administer::<_, store::Error, _>(read).await.unwrap()
    }

    /// Waits until the members of an organization are brought to its latest configuration.
    pub async fn configured(&self, slug: &str) {
        let id = self.organization(slug).await;
        super::until("the members follow the configuration", async || {
            let id = id.clone();
            let read = async move |tx: &mut Tx| store::projections::get(tx, &id).await;
            let run = self.open().await.look_up::<_, store::Error, _>(read).await.unwrap();
            run.is_none_or(|run| run.is_done).then_some(())
        })
        .await;
    }

    /// The events of an organization after a number.
    pub async fn events(&self, slug: &str, after: i64) -> Vec<Event> {
        let id = self.organization(slug).await;
        let read = async move |tx: &mut Tx| {
            OrganizationTx::new(tx, &id).events_after(after, 100_000).await
        };
        self.open().await.administer::<_, store::Error, _>(read).await.unwrap()
    }

    /// The newest entries of the directory's provisioning log, newest first. An answered request
    /// is there a moment later.
    pub async fn provisioning_log(&self, directory: &Directory) -> Vec<Entry> {
        let read = async |mut tx: DirectoryTx<'_>| tx.log(1000).await;
        self.open().await.read::<_, store::Error, _>(&directory.id, read).await.unwrap()
    }

    /// What the request with this id changed, by the journal.
    pub async fn changes_by(&self, directory: &Directory, request_id: &str) -> Vec<Change> {
        let request_id = request_id.to_owned();
        let read = async move |mut tx: DirectoryTx<'_>| tx.changes_by(&request_id).await;
        self.open().await.read::<_, store::Error, _>(&directory.id, read).await.unwrap()
    }

    /// Puts users into the store without asking the server, and answers their ids in order: all
    /// active, older than whoever comes by a request.
    pub async fn seed_users(&self, directory: &Directory, count: usize) -> Vec<String> {
        let id = |number: usize| format!("01900000-0000-7000-8000-{number:012x}");
        for first in (0..count).step_by(2_000) {
            let numbers = first..count.min(first + 2_000);
            self.open()
                .await
                .write::<_, store::Error, _>(&directory.id, async move |mut tx: DirectoryTx<'_>| {
                    for number in numbers.clone() {
                        let user = user(&format!("person{number:05}@example.com"));
                        let user = user.as_object().unwrap();
                        tx.create("User", &id(number), user, number as i64, "seed").await?;
                    }
                    Ok(())
                })
                .await
                .unwrap();
        }
        (0..count).map(id).collect()
    }

    /// Declares an extension of users for the directory.
    pub async fn declare_schema(&self, directory: &Directory, schema: &Value) {
        let declared = DeclaredSchema {
            schema: Schema::from_json(schema).unwrap(),
            resource_type: "User".into(),
            required: false,
            learned: false,
            declared_at: 0,
        };
        self.open()
            .await
            .write::<_, store::Error, _>(&directory.id, async move |mut tx: DirectoryTx<'_>| {
                tx.declare_schema(&declared).await
            })
            .await
            .unwrap();
    }
}

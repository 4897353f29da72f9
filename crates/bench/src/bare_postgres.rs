//! The floors on PostgreSQL: rows of the size of a user into copies of the store's own tables, and
//! look-ups of them by their key, by prepared statements on the same server with the same
//! durability. Nothing is parsed and nothing is checked.
//!
//! How many connections serve the callers, and in which way, decides over these figures more than
//! anything else: each floor stands twice in the report, once through a pool as a server has it and
//! once in the best of many [`Way`]s.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context as Task, Poll, Waker};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, NoTls, Statement};

use crate::documents;
use crate::load::Samples;

/// As many connections as a server has that was told nothing else.
pub const POOL: usize = 16;

/// As many waiting users as one commit takes; the real store's number.
const BATCH: usize = 64;

const DIRECTORY: &str = "dir_0198c0de00007000";

/// What the user of this benchmark can be found by, beside its user name.
const LOOK_UPS: [&str; 5] = ["displayName", "emails", "emails 2", "employeeNumber", "externalId"];

/// What a caller does again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Inserts one row with the document, its id and its user name: what a database can do at best.
    OneRow,
    /// Inserts the rows that creating a user stores, in a transaction: the resource, its look-up
    /// rows and the journal entry.
    User,
    /// Reads a row that was inserted, by its primary key.
    LookUp,
}

/// How callers share connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A caller has a connection for itself while it works, and waits until one is free.
    Pool(usize),
    /// Callers send without waiting for each other, on one connection of these each.
    Shared(usize),
    /// Each connection stores the users that wait for it in one transaction.
    Batches(usize),
}

impl Way {
    /// The connections that it needs.
    fn connections(self) -> usize {
        match self {
            Self::Pool(connections) | Self::Shared(connections) | Self::Batches(connections) => {
                connections
            }
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pool(connections) => write!(f, "a pool of {connections}"),
            Self::Shared(connections) => write!(f, "pipelined on {connections}"),
            Self::Batches(connections) => write!(f, "batches on {connections}"),
        }
    }
}

/// The tables and the connections to them.
pub struct BarePostgres {
    url: String,
    connections: RefCell<Vec<Rc<Connection>>>,
    /// The number of the next user, and that of the next row alone.
    users: Rc<Cell<u64>>,
    rows: Rc<Cell<u64>>,
}

impl BarePostgres {
    /// Copies the tables of the store in this database, which a server has brought up to date, with
    /// all their keys and indexes.
    pub async fn open(url: &str) -> anyhow::Result<Self> {
        let client = connect(url).await?;
        client
            .batch_execute(
                "CREATE SCHEMA bare;
                 CREATE TABLE bare.one_row (LIKE resource INCLUDING ALL);
                 CREATE TABLE bare.resource (LIKE resource INCLUDING ALL);
                 CREATE TABLE bare.attribute_index (LIKE attribute_index INCLUDING ALL);
                 CREATE TABLE bare.journal (LIKE journal INCLUDING ALL);
                 CREATE TABLE bare.member (LIKE member INCLUDING ALL);
                 CREATE TABLE bare.member_source (LIKE member_source INCLUDING ALL);
                 CREATE TABLE bare.event (LIKE event INCLUDING ALL)",
            )
            .await
            .context("the tables of the store could not be copied")?;
        let (connections, users, rows) = Default::default();
        Ok(Self { url: url.to_owned(), connections, users, rows })
    }

    /// Refuses a PostgreSQL that answers a commit before it is on the disk.
    pub async fn check_durability(&self) -> anyhow::Result<()> {
        let client = connect(&self.url).await?;
        for setting in ["fsync", "synchronous_commit"] {
            let row = client.query_one(&format!("SHOW {setting}"), &[]).await?;
            let value: &str = row.get(0);
            ensure!(value == "on", "`{setting}` is `{value}` in this PostgreSQL: set it to on");
        }
        Ok(())
    }

    /// `callers` do the same again and again, each waiting for its own to be done.
    pub async fn run(
        &self,
        work: Work,
        way: Way,
        callers: usize,
        time: Duration,
    ) -> anyhow::Result<Samples> {
        let connections = self.connect(way.connections()).await?;
        let numbers = match work {
            Work::OneRow => self.rows.clone(),
            Work::User | Work::LookUp => self.users.clone(),
        };
        let stored = self.users.get();
        ensure!(work != Work::LookUp || stored > 0, "no user was stored");
        let pool = Rc::new(Pool {
            idle: connections.clone().into(),
            free: Semaphore::new(connections.len()),
        });
        let batches: Vec<_> = match way {
            Way::Batches(_) => connections.iter().cloned().map(Connection::batches).collect(),
            Way::Pool(_) | Way::Shared(_) => Vec::new(),
        };
        let start = Instant::now();
        let until = start + time;
        let mut tasks = JoinSet::new();
        for caller in 0..callers {
            let (numbers, pool) = (numbers.clone(), pool.clone());
            let own = connections[caller % connections.len()].clone();
            let batch = batches.get(caller % batches.len().max(1)).cloned();
            tasks.spawn_local(async move {
                let mut latencies = Vec::new();
                while Instant::now() < until {
                    let user = match work {
                        // Spread, as the servers' look-ups are.
                        Work::LookUp => User::new(spread(latencies.len(), caller) % stored),
                        Work::OneRow | Work::User => User::new(numbers.replace(numbers.get() + 1)),
                    };
                    let started = Instant::now();
                    match (&batch, way) {
                        (Some(batch), _) => {
                            let (stored, answer) = oneshot::channel();
                            batch.send((user, stored)).ok().context("a writer ended")?;
                            answer.await.context("a writer ended")?;
                        }
                        (None, Way::Pool(_)) => {
                            let _permit = pool.free.acquire().await?;
                            let idle = pool.idle.borrow_mut().pop();
                            let connection = idle.context("a permit stands for a connection")?;
                            connection.work(work, &user).await?;
                            pool.idle.borrow_mut().push(connection);
                        }
                        (None, _) => own.work(work, &user).await?,
                    }
                    latencies.push(started.elapsed());
                }
                Ok(latencies)
            });
        }
        Samples::gather(tasks, start).await
    }

    /// The way with the highest rate, by trying all for a moment.
    pub async fn best_way(
        &self,
        work: Work,
        callers: usize,
        time: Duration,
    ) -> anyhow::Result<Way> {
        let shared = [1, 2, 4, 8, 16, 32, 64].map(Way::Shared);
        let batches = [1, 2, 4].map(Way::Batches);
        let mut best = (0.0, Way::Pool(POOL));
        for way in shared.into_iter().chain(batches) {
            if matches!(way, Way::Batches(_)) && work != Work::User {
                continue;
            }
            let rate = self.run(work, way, callers, time).await?.rate();
            if rate > best.0 {
                best = (rate, way);
            }
        }
        Ok(best.1)
    }

    async fn connect(&self, wanted: usize) -> anyhow::Result<Vec<Rc<Connection>>> {
        let open = self.connections.borrow().len();
        for _ in open..wanted {
            let connection = Connection::open(&self.url).await?;
            self.connections.borrow_mut().push(Rc::new(connection));
        }
        Ok(self.connections.borrow()[..wanted].to_vec())
    }

    /// What PostgreSQL says of itself.
    pub async fn version(&self) -> anyhow::Result<String> {
        let client = connect(&self.url).await?;
        Ok(client.query_one("SHOW server_version", &[]).await?.get(0))
    }
}

/// A number for the look-ups of a caller, without an order.
fn spread(number: usize, caller: usize) -> u64 {
    let number = (caller as u64) << 32 | number as u64;
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20
}

struct Pool {
    idle: RefCell<Vec<Rc<Connection>>>,
    free: Semaphore,
}

async fn connect(url: &str) -> anyhow::Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .context("no connection to the PostgreSQL of the bare statements")?;
    // An error of the connection is also the error of the statement that it carried.
    tokio::spawn(async move { connection.await.ok() });
    Ok(client)
}

/// What is bound to the statements of a user.
struct User {
    number: i64,
    id: String,
    user_name: String,
    display: String,
    document: String,
    member: String,
}

impl User {
    fn new(number: u64) -> Self {
        let key = documents::key(number);
        Self {
            number: number as i64,
            // Ids ascend like UUID v7.
            id: format!("0198c0de-0000-7000-8000-{number:012x}"),
            user_name: format!("{key}@acme.example"),
            display: format!("Wilhelmina Oosterhuis {key}"),
            document: documents::user(&key),
            member: documents::member(&key),
        }
    }
}

/// A connection and its prepared statements.
struct Connection {
    client: Client,
    begin: Statement,
    commit: Statement,
    one_row: Statement,
    resource: Statement,
    look_up_row: Statement,
    journal: Statement,
    member: Statement,
    source: Statement,
    event: Statement,
    get: Statement,
}

type Params<'p> = Vec<&'p (dyn ToSql + Sync)>;
type Sent<'c> = Pin<Box<dyn Future<Output = Result<u64, Error>> + 'c>>;

impl Connection {
    async fn open(url: &str) -> anyhow::Result<Self> {
        let client = connect(url).await?;
        let resource = |table| {
            format!(
                "INSERT INTO bare.{table} (directory_id, resource_type, id, user_name, display, \
                 manager_id, version, created_at, last_modified_at, document) \
                 VALUES ($1, 'User', $2, $3, $4, NULL, 1, $5, $5, $6)"
            )
        };
        Ok(Self {
            begin: client.prepare("BEGIN").await?,
            commit: client.prepare("COMMIT").await?,
            one_row: client.prepare(&resource("one_row")).await?,
            resource: client.prepare(&resource("resource")).await?,
            look_up_row: client
                .prepare(
                    "INSERT INTO bare.attribute_index (directory_id, resource_type, attribute, \
                     value_key, resource_id) VALUES ($1, 'User', $2, $3, $4)",
                )
                .await?,
            journal: client
                .prepare(
                    "INSERT INTO bare.journal (directory_id, resource_type, resource_id, \
                     operation, version, at, request_id, changes) \
                     VALUES ($1, 'User', $2, 'create', 1, $3, $2, NULL)",
                )
                .await?,
            member: client
                .prepare(
                    "INSERT INTO bare.member (organization_id, id, state, email_key, \
                     username_key, external_id_key, version, created_at, updated_at, document) \
                     VALUES ($1, $2, 'active', $3, $3, $3, 1, $4, $4, $5)",
                )
                .await?,
            source: client
                .prepare(
                    "INSERT INTO bare.member_source (organization_id, directory_id, user_id, \
                     member_id, linked_by, linked_at) VALUES ($1, $1, $2, $2, 'created', $3)",
                )
                .await?,
            event: client
                .prepare(
                    "INSERT INTO bare.event (organization_id, sequence, at, kind, member_id, \
                     cause, cause_id, after) VALUES ($1, $2, $2, 'member.created', $3, 'request', \
                     $3, $4)",
                )
                .await?,
            get: client
                .prepare(
                    "SELECT id, version, created_at, last_modified_at, document \
                     FROM bare.resource \
                     WHERE directory_id = $1 AND resource_type = 'User' AND id = $2",
                )
                .await?,
            client,
        })
    }

    async fn work(&self, work: Work, user: &User) -> anyhow::Result<()> {
        match work {
            Work::OneRow => {
                let params = resource(user);
                self.client.execute(&self.one_row, &params).await?;
            }
            Work::User => self.insert(std::slice::from_ref(user)).await?,
            Work::LookUp => {
                let row = self.client.query_one(&self.get, &[&DIRECTORY, &user.id]).await?;
                ensure!(row.try_get::<_, &str>(4)?.len() == user.document.len(), "another row");
            }
        }
        Ok(())
    }

    /// Stores users in one transaction, sent without waiting for any answer in between.
    async fn insert(&self, users: &[User]) -> Result<(), Error> {
        let mut statements: Vec<(&Statement, Params<'_>)> = vec![(&self.begin, vec![])];
        for user in users {
            statements.push((&self.resource, resource(user)));
            for attribute in &LOOK_UPS {
                let row: Params<'_> = vec![&DIRECTORY, attribute, &user.user_name, &user.id];
                statements.push((&self.look_up_row, row));
            }
            statements.push((&self.journal, vec![&DIRECTORY, &user.id, &user.number]));
            let (id, number) = (&user.id, &user.number);
            statements
                .push((&self.member, vec![&DIRECTORY, id, &user.user_name, number, &user.member]));
            statements.push((&self.source, vec![&DIRECTORY, id, number]));
            statements.push((&self.event, vec![&DIRECTORY, number, id, &user.member]));
        }
        statements.push((&self.commit, vec![]));
        let mut sent: Vec<Sent<'_>> = Vec::with_capacity(statements.len());
        for (statement, params) in &statements {
            let mut answer: Sent<'_> = Box::pin(self.client.execute(*statement, params));
            // The first poll puts it on its way; who waits is told to a later one.
            let first = answer.as_mut().poll(&mut Task::from_waker(Waker::noop()));
            if let Poll::Ready(answered) = first {
                answered?;
            } else {
                sent.push(answer);
            }
        }
        for answer in sent {
            answer.await?;
        }
        Ok(())
    }

    /// Stores the users that wait, together, until nobody can send any more.
    fn batches(self: Rc<Self>) -> mpsc::UnboundedSender<(User, oneshot::Sender<()>)> {
        let (users, mut waiting) = mpsc::unbounded_channel();
        tokio::task::spawn_local(async move {
            let mut batch = Vec::new();
            while waiting.recv_many(&mut batch, BATCH).await > 0 {
                let (users, stored): (Vec<User>, Vec<oneshot::Sender<()>>) =
                    batch.drain(..).unzip();
                // The dropped answers tell of an error.
                if self.insert(&users).await.is_err() {
                    return;
                }
                for stored in stored {
                    // The caller may have stopped waiting at the end of the round.
                    let _ = stored.send(());
                }
            }
        });
        users
    }
}

fn resource(user: &User) -> Params<'_> {
    vec![&DIRECTORY, &user.id, &user.user_name, &user.display, &user.number, &user.document]
}

#[cfg(test)]
mod tests {

    use super::*;

    /// What the statements need of the store's tables.
    const TABLES: &str = "
        CREATE TABLE resource (directory_id TEXT, resource_type TEXT, id TEXT, user_name TEXT,
            display TEXT, manager_id TEXT, version BIGINT, created_at BIGINT,
            last_modified_at BIGINT, document TEXT, PRIMARY KEY (directory_id, resource_type, id));
        CREATE TABLE attribute_index (directory_id TEXT, resource_type TEXT, attribute TEXT,
            value_key TEXT, resource_id TEXT);
        CREATE TABLE journal (directory_id TEXT, resource_type TEXT, resource_id TEXT,
            operation TEXT, version BIGINT, at BIGINT, request_id TEXT, changes TEXT);
        CREATE TABLE member (organization_id TEXT, id TEXT, state TEXT, email_key TEXT,
            username_key TEXT, external_id_key TEXT, version BIGINT, created_at BIGINT,
            updated_at BIGINT, document TEXT);
        CREATE TABLE member_source (organization_id TEXT, directory_id TEXT, user_id TEXT,
            member_id TEXT, linked_by TEXT, linked_at BIGINT);
        CREATE TABLE event (organization_id TEXT, sequence BIGINT, at BIGINT, kind TEXT,
            member_id TEXT, cause TEXT, cause_id TEXT, after TEXT)";

    #[tokio::test(flavor = "current_thread")]
    async fn every_answered_row_is_stored_in_every_way() {
        let postgres = local_postgres::shared();
        let url = postgres.create_database().unwrap();
        let client = connect(&url).await.unwrap();
        client.batch_execute(TABLES).await.unwrap();
        let bare = BarePostgres::open(&url).await.unwrap();
        let time = Duration::from_millis(30);
        let mut stored = 0;
        tokio::task::LocalSet::new()
            .run_until(async {
                for way in [Way::Pool(2), Way::Shared(2), Way::Batches(2)] {
                    let samples = bare.run(Work::User, way, 8, time).await.unwrap();
                    assert!(!samples.latencies.is_empty(), "{way}");
                    stored += samples.latencies.len();
                }
                for way in [Way::Pool(2), Way::Shared(2)] {
                    let samples = bare.run(Work::LookUp, way, 8, time).await.unwrap();
                    assert!(!samples.latencies.is_empty(), "{way}");
                }
            })
            .await;
        let query = "SELECT count(*), count(DISTINCT k.resource_id), count(k.*)
             FROM bare.resource r JOIN bare.journal j ON j.resource_id = r.id
             JOIN bare.attribute_index k ON k.resource_id = r.id
             JOIN bare.member m ON m.id = r.id JOIN bare.event e ON e.member_id = m.id";
        let row = client.query_one(query, &[]).await.unwrap();
        assert_eq!(row.get::<_, i64>(1) as usize, stored);
        assert_eq!(row.get::<_, i64>(2) as usize, stored * LOOK_UPS.len());
        drop(bare);
        postgres.drop_database(&url).unwrap();
    }
}

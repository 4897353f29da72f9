//! The floor for writes: rows of the size of a user into SQLite with the settings of the server's store
//! (write-ahead log, `synchronous=FULL`, cache, checkpoints), by one writer thread that commits waiting callers
//! together. Nothing is parsed and nothing is checked.

use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::Context;
use rusqlite::{Connection, params};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::documents;
use crate::load::Samples;

/// As many waiting rows as one commit takes; the real store's number.
const BATCH: usize = 128;

/// What the user of this benchmark can be found by, beside its user name.
const LOOK_UPS: [&str; 5] = ["externalId", "displayName", "emails", "emails 2", "employeeNumber"];

struct Row {
    number: u64,
    document: String,
    stored: oneshot::Sender<Result<(), String>>,
}

/// What one insert stores.
#[derive(Clone, Copy, PartialEq)]
pub enum Shape {
    /// One row with the document, its id and its user name: what a database can do at best.
    OneRow,
    /// The rows that creating a user stores: the resource, its look-up rows and the journal entry; the
    /// member, its link and the event.
    User,
}

/// A database of its own and its writer, which stops when this is dropped.
pub struct BareInserts {
    rows: mpsc::Sender<Row>,
    next: std::rc::Rc<std::cell::Cell<u64>>,
}

impl BareInserts {
    pub fn open(shape: Shape, file: &Path) -> anyhow::Result<Self> {
        let connection = Connection::open(file)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA cache_size = -8192;
             PRAGMA wal_autocheckpoint = 4000;
             CREATE TABLE resource (
                 directory_id TEXT NOT NULL,
                 resource_type TEXT NOT NULL,
                 id TEXT NOT NULL,
                 user_name TEXT,
                 display TEXT NOT NULL,
                 version INTEGER NOT NULL,
                 created_at INTEGER NOT NULL,
                 last_modified_at INTEGER NOT NULL,
                 document TEXT NOT NULL,
                 PRIMARY KEY (directory_id, resource_type, id)
             ) STRICT;
             CREATE UNIQUE INDEX resource_user_name ON resource (directory_id, user_name);
             CREATE TABLE attribute_index (
                 directory_id TEXT NOT NULL,
                 resource_type TEXT NOT NULL,
                 attribute TEXT NOT NULL,
                 value_key TEXT NOT NULL,
                 resource_id TEXT NOT NULL,
                 PRIMARY KEY (directory_id, resource_type, attribute, value_key, resource_id)
             ) STRICT, WITHOUT ROWID;
             CREATE TABLE journal (
                 entry INTEGER PRIMARY KEY,
                 directory_id TEXT NOT NULL,
                 resource_id TEXT NOT NULL,
                 operation TEXT NOT NULL,
                 at INTEGER NOT NULL,
                 request_id TEXT NOT NULL
             ) STRICT;
             CREATE INDEX journal_resource ON journal (directory_id, resource_id, entry);
             CREATE INDEX journal_request ON journal (directory_id, request_id);
             CREATE TABLE member (
                 organization_id TEXT NOT NULL,
                 id TEXT NOT NULL,
                 state TEXT NOT NULL,
                 email_key TEXT,
                 username_key TEXT,
                 external_id_key TEXT,
                 wanted_email_key TEXT,
                 role TEXT,
                 account_id TEXT,
                 created_at INTEGER NOT NULL,
                 document TEXT NOT NULL,
                 PRIMARY KEY (organization_id, id)
             ) STRICT;
             CREATE UNIQUE INDEX member_email ON member (email_key, organization_id);
             CREATE INDEX member_username ON member (username_key, organization_id);
             CREATE INDEX member_external_id ON member (external_id_key, organization_id);
             CREATE INDEX member_wanted_email ON member (wanted_email_key, organization_id);
             CREATE INDEX member_role ON member (role, organization_id, state);
             CREATE INDEX member_account ON member (account_id);
             CREATE TABLE member_source (
                 organization_id TEXT NOT NULL,
                 directory_id TEXT NOT NULL,
                 user_id TEXT NOT NULL,
                 member_id TEXT NOT NULL,
                 PRIMARY KEY (organization_id, directory_id, user_id)
             ) STRICT, WITHOUT ROWID;
             CREATE INDEX member_source_member ON member_source (member_id, organization_id);
             CREATE TABLE event (
                 organization_id TEXT NOT NULL,
                 sequence INTEGER NOT NULL,
                 at INTEGER NOT NULL,
                 kind TEXT NOT NULL,
                 member_id TEXT,
                 team_id TEXT,
                 after TEXT,
                 PRIMARY KEY (organization_id, sequence)
             ) STRICT, WITHOUT ROWID;
             CREATE INDEX event_member ON event (member_id, organization_id, sequence);
             CREATE INDEX event_team ON event (team_id, organization_id, sequence);",
        )?;
        let (rows, waiting) = mpsc::channel();
        std::thread::Builder::new()
            .name("bare-inserts".to_owned())
            .spawn(move || write(shape, &connection, &waiting))
            .context("the writer thread")?;
        Ok(Self { rows, next: Default::default() })
    }

    /// `callers` insert one row after another, each waiting for its own to be durable.
    pub async fn run(&self, callers: usize, time: Duration) -> anyhow::Result<Samples> {
        let start = Instant::now();
        let until = start + time;
        let mut tasks = JoinSet::new();
        for _ in 0..callers {
            let rows = self.rows.clone();
            let next = self.next.clone();
            tasks.spawn_local(async move {
                let mut latencies = Vec::new();
                while Instant::now() < until {
                    let number = next.get();
                    next.set(number + 1);
                    let document = documents::user(&documents::key(number));
                    let started = Instant::now();
                    let (stored, answer) = oneshot::channel();
                    rows.send(Row { number, document, stored })
                        .ok()
                        .context("the writer of the bare inserts ended")?;
                    answer.await?.map_err(anyhow::Error::msg)?;
                    latencies.push(started.elapsed());
                }
                Ok(latencies)
            });
        }
        Samples::gather(tasks, start).await
    }
}

fn write(shape: Shape, connection: &Connection, waiting: &mpsc::Receiver<Row>) {
    while let Ok(first) = waiting.recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH {
            let Ok(row) = waiting.try_recv() else { break };
            batch.push(row);
        }
        let result = insert(shape, connection, &batch).map_err(|error| error.to_string());
        for row in batch {
            // The caller may have stopped waiting at the end of the round.
            let _ = row.stored.send(result.clone());
        }
    }
}

fn insert(shape: Shape, connection: &Connection, batch: &[Row]) -> rusqlite::Result<()> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let mut resource = connection.prepare_cached(
        "INSERT INTO resource (directory_id, resource_type, id, user_name, display, version,
             created_at, last_modified_at, document)
         VALUES ('dir_0198c0de00007000', 'User', ?1, ?2, ?2, 1, ?3, ?3, ?4)",
    )?;
    let mut look_up = connection.prepare_cached(
        "INSERT INTO attribute_index (directory_id, resource_type, attribute, value_key, resource_id)
         VALUES ('dir_0198c0de00007000', 'User', ?1, ?2, ?3)",
    )?;
    let mut journal = connection.prepare_cached(
        "INSERT INTO journal (directory_id, resource_id, operation, at, request_id)
         VALUES ('dir_0198c0de00007000', ?1, 'create', ?2, ?1)",
    )?;
    let mut member = connection.prepare_cached(
        "INSERT INTO member (organization_id, id, state, email_key, username_key, external_id_key,
             created_at, document) VALUES ('org-0198c0de00007000', ?1, 'active', ?2, ?2, ?2, ?3, ?4)",
    )?;
    let mut source = connection.prepare_cached(
        "INSERT INTO member_source (organization_id, directory_id, user_id, member_id)
         VALUES ('org-0198c0de00007000', 'dir_0198c0de00007000', ?1, ?1)",
    )?;
    let mut event = connection.prepare_cached(
        "INSERT INTO event (organization_id, sequence, at, kind, member_id, after)
         VALUES ('org-0198c0de00007000', ?1, ?1, 'member.created', ?2, ?3)",
    )?;
    for row in batch {
        // Ids ascend like UUID v7.
        let id = format!("0198c0de-0000-7000-8000-{:012x}", row.number);
        let user_name = format!("{}@acme.example", documents::key(row.number));
        resource.execute(params![id, user_name, row.number as i64, row.document])?;
        if shape == Shape::User {
            for attribute in LOOK_UPS {
                look_up.execute(params![attribute, user_name, id])?;
            }
            let number = row.number as i64;
            journal.execute(params![id, number])?;
            let document = documents::member(&documents::key(row.number));
            member.execute(params![id, user_name, number, document])?;
            source.execute(params![id])?;
            event.execute(params![number, id, document])?;
        }
    }
    connection.prepare_cached("COMMIT")?.execute([])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn every_answered_row_is_stored() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("bare.db");
        let inserts = BareInserts::open(Shape::User, &file).unwrap();
        let samples = tokio::task::LocalSet::new()
            .run_until(inserts.run(8, Duration::from_millis(50)))
            .await
            .unwrap();
        let stored: i64 = Connection::open(&file)
            .unwrap()
            .query_row(
                "SELECT count(*) FROM resource JOIN journal ON resource_id = resource.id
                     JOIN member ON member.id = resource.id JOIN event ON member_id = member.id",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(stored as usize, samples.latencies.len());
        assert!(stored > 0);
    }
}

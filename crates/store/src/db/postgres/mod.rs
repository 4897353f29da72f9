//! A PostgreSQL server, shared by any number of processes.
//!
//! Jobs run on threads of the store ([`thread`]), each with connections of its own: threads for
//! writes, for reads that requests wait on, and for scans. A job and its connection never leave their
//! thread, so that a caller that goes away leaves no transaction in the middle.
//!
//! Writes to a directory wait in its lane ([`lanes`]): one transaction at a time locks the
//! directory's organization, runs all that wait, and commits once for all. The lock is a row, held
//! until the commit, so that it counts for every process.

mod connect;
mod error;
mod lanes;
mod param;
mod pooler;
mod thread;
mod tls;
mod tx;

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::atomic::{AtomicUsize, Ordering},
    thread::available_parallelism,
    time::Duration,
};

use tokio::sync::oneshot;

use super::{
    PostgresOptions, Tx,
    job::{Job, WriteJob},
};
use crate::error::{Error, Result};
use connect::Connector;
use thread::Thread;
use tx::Isolation;

pub(super) use param::{int, optional_int, optional_text, text};
pub(super) use tx::PgTx;

/// Threads of one kind at most: past that, more processes are the answer.
const MAX_THREADS: usize = 4;

/// Threads that scan, with a connection each.
const SCANS: usize = 2;

/// The longest wait for the answer to a statement that a request waits on, and of a scan.
const PATIENCE: Duration = Duration::from_secs(30);
const SCAN_PATIENCE: Duration = Duration::from_secs(600);

/// The open database.
pub struct Postgres {
    writes: Vec<Thread>,
    reads: Vec<Thread>,
    scans: Vec<Thread>,
    turn: AtomicUsize,
}

impl Postgres {
    /// Connects, or says why not.
    pub async fn open(options: &PostgresOptions) -> Result<Self> {
        let connector = Connector::new(options).await?;
        let rest = options.connections.saturating_sub(SCANS).max(2);
        let cores = available_parallelism().map_or(1, usize::from);
        let threads = |kind: &str, connections: usize, most: usize, patience: Duration| {
            let count = most.clamp(1, connections);
            (0..count)
                .map(|number| {
                    let name = format!("store-{kind}-{number}");
                    let mine = connections / count + usize::from(number < connections % count);
                    Thread::start(name, &connector, mine, patience)
                })
                .collect::<Result<Vec<_>>>()
        };
        let each = (cores / 4).clamp(1, MAX_THREADS);
        Ok(Self {
            writes: threads("write", rest / 2, each, PATIENCE)?,
            reads: threads("read", rest - rest / 2, each, PATIENCE)?,
            scans: threads("scan", SCANS, SCANS, SCAN_PATIENCE)?,
            turn: AtomicUsize::new(0),
        })
    }

    pub async fn write<T, E, F>(&self, directory_id: Option<String>, job: F) -> Result<T, E>
    where
        F: AsyncFn(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job: Box<dyn WriteJob> = Box::new(Job::new(job, reply));
        let thread = match &directory_id {
            None => self.next(&self.writes),
            // Always the same, which keeps its lane.
            Some(id) => {
                let mut hasher = DefaultHasher::new();
                id.hash(&mut hasher);
                &self.writes[(hasher.finish() % self.writes.len() as u64) as usize]
            }
        };
        thread.run(move |local| local.write(directory_id, job));
        answer.await.unwrap_or_else(|_| Err(stopped().into()))
    }

    pub async fn read<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        read_on(self.next(&self.reads), Isolation::Snapshot, job).await
    }

    pub async fn read_one<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        read_on(self.next(&self.reads), Isolation::None, job).await
    }

    pub async fn scan<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        read_on(self.next(&self.scans), Isolation::Snapshot, job).await
    }

    fn next<'t>(&self, threads: &'t [Thread]) -> &'t Thread {
        &threads[self.turn.fetch_add(1, Ordering::Relaxed) % threads.len()]
    }
}

async fn read_on<T, E, F>(thread: &Thread, isolation: Isolation, job: F) -> Result<T, E>
where
    F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    thread.run(move |local| {
        tokio::task::spawn_local(async move {
            // Whoever asked may be gone; that is no failure.
            let _ = reply.send(local.read(isolation, job).await);
        });
    });
    answer.await.unwrap_or_else(|_| Err(stopped().into()))
}

fn stopped() -> Error {
    Error::Unavailable("the store has stopped, or the job panicked".into())
}

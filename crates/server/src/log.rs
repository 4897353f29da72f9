//! Carries provisioning log entries from requests to the store.
//!
//! Entries are collected for a moment and written together, after the answer: reading a user does
//! not wait for the disk. What a write changed does not depend on it, as the journal is part of
//! the write itself.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use store::{Store, Tx, provisioning_log::Entry};
use tokio::{
    sync::{Notify, mpsc},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use crate::{clock, ids};

/// Entries that may wait; past that, requests wait for the log.
const WAITING: usize = 32_768;

/// Entries that are written at once, and as many as end the wait early.
const BATCH: usize = 512;
const EARLY: usize = 8_192;

/// How long entries are collected. Every write makes readers fetch anew what they have cached, so
/// this is not shorter than people need who watch the log.
pub const DELAY: Duration = Duration::from_millis(500);

/// The longest wait for the last of the requests to let go of the log.
const PATIENCE: Duration = Duration::from_secs(10);

const PRUNE_EVERY: Duration = Duration::from_secs(3600);
const PRUNE_BATCH: i64 = 1000;

/// Takes entries. Adding one wakes nobody: the writer comes by itself.
#[derive(Clone)]
pub struct Log {
    collected: Arc<Collected>,
    /// Nothing is ever sent: the writer ends when nobody can add entries any more.
    _in_use: mpsc::Sender<Infallible>,
}

#[derive(Default)]
struct Collected {
    entries: Mutex<Vec<Entry>>,
    /// There are [`EARLY`] entries.
    full: Notify,
    /// There is room again.
    taken: Notify,
}

impl Collected {
    fn push(&self, entry: Entry) -> usize {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.push(entry);
        entries.len()
    }

    /// Takes what was added, for `empty`: two lists that take turns need not grow again.
    fn take(&self, mut empty: Vec<Entry>) -> Vec<Entry> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut *entries, &mut empty);
        drop(entries);
        self.taken.notify_waiters();
        empty
    }
}

/// The task that writes entries.
pub struct LogWriter(JoinHandle<()>);

impl LogWriter {
    /// Waits until every [`Log`] is dropped and everything that was added is written.
    pub async fn finish(self) {
        match timeout(PATIENCE, self.0).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the provisioning log's writer failed"),
            Err(_) => tracing::error!("the provisioning log was still in use at the end"),
        }
    }
}

impl Log {
    /// Starts the writer.
    pub fn start(store: Arc<Store>, retention_days: u32) -> (Self, LogWriter) {
        let collected = Arc::new(Collected::default());
        let (in_use, unused) = mpsc::channel(1);
        let task = tokio::spawn(run(store, Arc::clone(&collected), unused, retention_days));
        (Self { collected, _in_use: in_use }, LogWriter(task))
    }

    /// Hands over an entry, waiting while too many are unwritten.
    pub async fn add(&self, entry: Entry) {
        let waiting = self.collected.push(entry);
        if waiting == EARLY {
            self.collected.full.notify_one();
        }
        if waiting >= WAITING {
            // The timer is for a writer that took them between the two lines.
            let _ = timeout(DELAY, self.collected.taken.notified()).await;
        }
    }

    /// Hands over an entry from where nothing can wait.
    pub fn add_now(&self, entry: Entry) {
        self.collected.push(entry);
    }
}

async fn run(
    store: Arc<Store>,
    collected: Arc<Collected>,
    mut unused: mpsc::Receiver<Infallible>,
    retention_days: u32,
) {
    let mut pruned = Instant::now();
    let mut entries = Vec::new();
    loop {
        let last = tokio::select! {
            () = sleep(DELAY) => false,
            () = collected.full.notified() => false,
            _ = unused.recv() => true,
        };
        entries = collected.take(entries);
        let mut taken = entries.drain(..);
        loop {
            let batch: Vec<Entry> = taken.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                break;
            }
            write(&store, batch).await;
        }
        drop(taken);
        if last {
            return;
        }
        if pruned.elapsed() >= PRUNE_EVERY {
            pruned = Instant::now();
            prune(&store, retention_days).await;
        }
    }
}

async fn write(store: &Store, batch: Vec<Entry>) {
    // In one order, so that processes that write the same tokens do not wait for each other.
    let mut used: BTreeMap<String, i64> = BTreeMap::new();
    for entry in &batch {
        if let Some(token_id) = &entry.token_id {
            let at = used.entry(token_id.clone()).or_insert(entry.at);
            *at = entry.at.max(*at);
        }
    }
    let count = batch.len();
    let written: Result<(), store::Error> = store
        .administer(async move |tx: &mut Tx| {
            store::provisioning_log::append(tx, &batch).await?;
            for (token_id, at) in &used {
                store::tokens::used(tx, token_id, *at).await?;
            }
            Ok(())
        })
        .await;
    if let Err(error) = written {
        tracing::error!(%error, entries = count, "provisioning log entries could not be stored");
    }
}

/// Deletes what is older than the retention, a little at a time.
async fn prune(store: &Store, retention_days: u32) {
    let before = ids::uuid_at(clock::now() - i64::from(retention_days) * 24 * 3600 * 1_000_000);
    let directories = match crate::admin::directories::list(store, None).await {
        Ok(directories) => directories,
        Err(error) => {
            tracing::error!(%error, "the provisioning log could not be pruned");
            return;
        }
    };
    for directory in directories {
        loop {
            let (id, before) = (directory.id.clone(), before.clone());
            let deleted: Result<u64, store::Error> = store
                .administer(async move |tx: &mut Tx| {
                    store::provisioning_log::prune(tx, &id, &before, PRUNE_BATCH).await
                })
                .await;
            match deleted {
                Ok(deleted) if deleted as i64 == PRUNE_BATCH => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::error!(%error, "the provisioning log could not be pruned");
                    return;
                }
            }
        }
    }
}

//! Carries provisioning log entries from requests to the store.
//!
//! Entries are collected for a moment and written together, after the answer: reading a user does
//! not wait for the disk. What a write changed does not depend on it, as the journal is part of
//! the write itself.

use std::{collections::HashMap, sync::Arc, time::Duration};

use store::{Store, Tx, provisioning_log::Entry};
use tokio::{
    sync::mpsc::{Receiver, Sender, channel},
    task::JoinHandle,
    time::{Instant, timeout_at},
};

use crate::{clock, ids};

/// Entries that may wait; past that, requests wait for the log.
const WAITING: usize = 16_384;

/// Entries written at a time, and the longest wait for more of them.
const BATCH: usize = 512;
pub const DELAY: Duration = Duration::from_millis(100);

const PRUNE_EVERY: Duration = Duration::from_secs(3600);
const PRUNE_BATCH: i64 = 1000;

/// Takes entries.
#[derive(Clone)]
pub struct Log(Sender<Entry>);

impl Log {
    /// Starts the writer. It ends, with everything written, when every `Log` is dropped.
    pub fn start(store: Arc<Store>, retention_days: u32) -> (Self, JoinHandle<()>) {
        let (entries, waiting) = channel(WAITING);
        let task = tokio::spawn(run(store, waiting, retention_days));
        (Self(entries), task)
    }

    /// Hands over an entry, waiting while too many are unwritten.
    pub async fn add(&self, entry: Entry) {
        if self.0.send(entry).await.is_err() {
            tracing::error!("the provisioning log's writer has stopped");
        }
    }

    /// Hands over an entry from where nothing can wait.
    pub fn add_now(&self, entry: Entry) {
        if self.0.try_send(entry).is_err() {
            tracing::error!("a provisioning log entry was lost: too many are waiting");
        }
    }
}

async fn run(store: Arc<Store>, mut waiting: Receiver<Entry>, retention_days: u32) {
    let mut pruned = Instant::now();
    while let Some(first) = waiting.recv().await {
        let mut batch = Vec::with_capacity(BATCH);
        batch.push(first);
        let deadline = Instant::now() + DELAY;
        while batch.len() < BATCH {
            match timeout_at(deadline, waiting.recv()).await {
                Ok(Some(entry)) => batch.push(entry),
                Ok(None) | Err(_) => break,
            }
        }
        write(&store, batch).await;
        if pruned.elapsed() >= PRUNE_EVERY {
            pruned = Instant::now();
            prune(&store, retention_days).await;
        }
    }
}

async fn write(store: &Store, batch: Vec<Entry>) {
    let mut used: HashMap<String, i64> = HashMap::new();
    for entry in &batch {
        if let Some(token_id) = &entry.token_id {
            let at = used.entry(token_id.clone()).or_insert(entry.at);
            *at = entry.at.max(*at);
        }
    }
    let count = batch.len();
    let written: Result<(), store::Error> = store
        .administer(async move |tx: &mut Tx| {
            for entry in &batch {
                store::provisioning_log::append(tx, entry).await?;
            }
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
    let before =
        ids::uuid_at(clock::now() - i64::from(retention_days) * 24 * 3600 * 1_000_000);
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

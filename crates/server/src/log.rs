//! Carries provisioning log entries from requests to the store.
//!
//! Entries are collected for a moment and written together, after the answer: reading a user does
//! not wait for the disk. What a write changed does not depend on it, as the journal is part of
//! the write itself. While the store cannot take them they are kept, up to [`KEPT`] of them.

use std::{
    collections::{BTreeMap, VecDeque},
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

use crate::{
    availability::Availability,
    background::{Done, Held},
    clock, ids,
};

/// Entries that may wait; past that, requests wait for the log.
const WAITING: usize = 32_768;

/// Entries that are written at once, and as many as end the wait early.
const BATCH: usize = 512;
const EARLY: usize = 8_192;

/// Entries that are kept while the store does not take them; past that, the oldest go.
const KEPT: usize = 65_536;

/// How long entries are collected. Every write makes readers fetch anew what they have cached, so
/// this is not shorter than people need who watch the log.
pub const DELAY: Duration = Duration::from_millis(500);

/// The longest wait for the last of the requests to let go of the log, and for the store to take
/// what is left then.
const PATIENCE: Duration = Duration::from_secs(10);
const LAST_PATIENCE: Duration = Duration::from_secs(5);

/// How often the store is tried at the end.
const TRY_EVERY: Duration = Duration::from_millis(100);

/// How often what is too old is deleted.
pub const PRUNE_EVERY: Duration = Duration::from_secs(3600);
const PRUNE_BATCH: i64 = 1000;
/// Directories that are looked through in one transaction.
const PRUNE_DIRECTORIES: usize = 100;

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
    /// Waits until every [`Log`] is dropped and everything that was added is written, or given up.
    pub async fn finish(self) {
        match timeout(PATIENCE + LAST_PATIENCE, self.0).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the provisioning log's writer failed"),
            Err(_) => tracing::error!("the provisioning log was still in use at the end"),
        }
    }
}

impl Log {
    /// Starts the writer.
    pub fn start(store: Arc<Store>, availability: Arc<Availability>) -> (Self, LogWriter) {
        let collected = Arc::new(Collected::default());
        let (in_use, unused) = mpsc::channel(1);
        let unwritten = Unwritten { store, availability, batches: VecDeque::new(), entries: 0 };
        let task = tokio::spawn(run(unwritten, Arc::clone(&collected), unused));
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
    mut unwritten: Unwritten,
    collected: Arc<Collected>,
    mut unused: mpsc::Receiver<Infallible>,
) {
    let mut entries = Vec::new();
    loop {
        let last = tokio::select! {
            () = sleep(DELAY) => false,
            () = collected.full.notified() => false,
            _ = unused.recv() => true,
        };
        entries = collected.take(entries);
        unwritten.add(&mut entries);
        unwritten.write().await;
        if last {
            return unwritten.finish().await;
        }
    }
}

/// Entries that were taken and are not stored yet, in batches, oldest first.
struct Unwritten {
    store: Arc<Store>,
    availability: Arc<Availability>,
    batches: VecDeque<Arc<Vec<Entry>>>,
    entries: usize,
}

impl Unwritten {
    /// Takes `entries` out. The oldest of all go when there are too many.
    fn add(&mut self, entries: &mut Vec<Entry>) {
        self.entries += entries.len();
        let mut taken = entries.drain(..);
        loop {
            let batch: Vec<Entry> = taken.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                break;
            }
            self.batches.push_back(Arc::new(batch));
        }
        let mut lost = 0;
        while self.entries > KEPT
            && let Some(batch) = self.batches.pop_front()
        {
            self.entries -= batch.len();
            lost += batch.len();
        }
        if lost > 0 {
            tracing::error!(
                entries = lost,
                "the oldest provisioning log entries were given up: the store takes none, and no \
                 more than {KEPT} are kept"
            );
        }
    }

    /// Writes as many as the store takes.
    async fn write(&mut self) {
        while let Some(batch) = self.batches.pop_front() {
            let Err(error) = append(&self.store, Arc::clone(&batch)).await else {
                self.entries -= batch.len();
                continue;
            };
            if self.availability.failed(&error) {
                self.batches.push_front(batch);
                return;
            }
            // One entry that cannot be stored must not take the others with it.
            if let [entry] = &**batch {
                tracing::error!(
                    %error,
                    request.id = entry.request_id,
                    directory.id = entry.directory_id,
                    "a provisioning log entry could not be stored"
                );
                self.entries -= 1;
            } else {
                let (first, second) = batch.split_at(batch.len() / 2);
                self.batches.push_front(Arc::new(second.to_vec()));
                self.batches.push_front(Arc::new(first.to_vec()));
            }
        }
    }

    /// Writes all that is left, trying again for as long as there is patience.
    async fn finish(mut self) {
        let begun = Instant::now();
        while !self.batches.is_empty() && begun.elapsed() < LAST_PATIENCE {
            sleep(TRY_EVERY).await;
            // A store that does not answer is not waited for.
            let _ = timeout(LAST_PATIENCE.saturating_sub(begun.elapsed()), self.write()).await;
        }
        if self.entries > 0 {
            tracing::error!(
                entries = self.entries,
                "provisioning log entries were lost: the store was not available at the end"
            );
        }
    }
}

/// Stores the entries, each once, however often this is tried.
async fn append(store: &Store, batch: Arc<Vec<Entry>>) -> Done {
    // In order: two processes that note the use of the same tokens do not wait for each other.
    let mut used: BTreeMap<String, i64> = BTreeMap::new();
    for entry in &*batch {
        if let Some(token_id) = &entry.token_id {
            let at = used.entry(token_id.clone()).or_insert(entry.at);
            *at = entry.at.max(*at);
        }
    }
    store
        .administer(async move |tx: &mut Tx| {
            store::provisioning_log::append(tx, &batch).await?;
            for (token_id, at) in &used {
                store::tokens::used(tx, token_id, *at).await?;
            }
            Ok(())
        })
        .await
}

/// Deletes what is older than the retention, a little at a time.
pub async fn prune(held: Held, retention_days: u32) -> Done {
    let before = ids::uuid_at(clock::now() - i64::from(retention_days) * 24 * 3600 * 1_000_000);
    let before: Arc<str> = before.into();
    let list = async |tx: &mut Tx| store::directories::list(tx, None).await;
    let directories = held.store.look_up::<_, store::Error, _>(list).await?;
    let directories: Vec<String> = directories.into_iter().map(|directory| directory.id).collect();
    for some in directories.chunks(PRUNE_DIRECTORIES) {
        let some: Arc<[String]> = some.into();
        loop {
            let (some, before) = (Arc::clone(&some), Arc::clone(&before));
            let deleted = held.write(async move |tx: &mut Tx| {
                let mut deleted = 0;
                for id in &*some {
                    let left = PRUNE_BATCH - deleted;
                    if left == 0 {
                        break;
                    }
                    let gone = store::provisioning_log::prune(tx, id, &before, left).await?;
                    deleted += i64::try_from(gone).unwrap_or(left);
                }
                Ok(deleted)
            });
            if deleted.await? < PRUNE_BATCH {
                break;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use store::{Database, DirectoryTx};

    use super::*;

    fn entry(number: usize) -> Entry {
        Entry {
            directory_id: "dir-1".into(),
            request_id: format!("request-{number:06}"),
            ..Entry::default()
        }
    }

    /// While the store takes none the newest are kept; each is written once, also when it is tried
    /// twice.
    #[tokio::test]
    async fn the_newest_entries_are_kept_and_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::Embedded(folder.path().into());
        let store = Arc::new(Store::open(&database, 0).await.unwrap());
        let mut unwritten = Unwritten {
            store: Arc::clone(&store),
            availability: Arc::default(),
            batches: VecDeque::new(),
            entries: 0,
        };
        const ALL: usize = KEPT + 10_000;
        for first in (0..ALL).step_by(1_000) {
            let mut some = (first..ALL.min(first + 1_000)).map(entry).collect();
            unwritten.add(&mut some);
            assert!(some.is_empty());
            let counted: usize = unwritten.batches.iter().map(|batch| batch.len()).sum();
            assert_eq!(counted, unwritten.entries);
            assert!((first.min(KEPT - BATCH)..=KEPT).contains(&counted), "{counted}");
        }
        let oldest = &unwritten.batches[0][0].request_id;
        assert!(*oldest >= entry(ALL - KEPT).request_id, "{oldest}");
        assert_eq!(unwritten.batches.back().unwrap().last().unwrap(), &entry(ALL - 1));

        unwritten.batches.truncate(4);
        let kept: Vec<Entry> =
            unwritten.batches.iter().flat_map(|batch| batch.to_vec()).rev().collect();
        unwritten.entries = kept.len();
        // As if the answer to its commit had been lost.
        append(&store, Arc::clone(&unwritten.batches[1])).await.unwrap();
        unwritten.write().await;
        assert_eq!((unwritten.batches.len(), unwritten.entries), (0, 0));
        let read = async |mut tx: DirectoryTx<'_>| tx.log(10_000).await;
        let written = store.read::<_, store::Error, _>("dir-1", read).await.unwrap();
        assert_eq!(written, kept);
    }
}

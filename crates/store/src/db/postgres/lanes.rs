//! Writes: those of one directory one batch after another.

use std::{
    cell::RefCell,
    collections::{HashMap, VecDeque},
    panic::AssertUnwindSafe,
    rc::Rc,
    time::Duration,
};

use futures_util::FutureExt;
use tokio::{task::spawn_local, time::sleep};

use super::{
    super::{
        Tx, TxOf,
        job::{WriteJob, not_stored},
    },
    error::{Failure, Kind},
    thread::Local,
    tx::{Isolation, PgTx},
};
use crate::{
    Param,
    error::{Error, Result},
};

/// The most jobs that share one commit.
const BATCH: usize = 64;

/// How often a batch that clashed with another process's, or lost its connection before it could be
/// stored, is done again, and the first of the pauses between, which double.
const REPEATS: u32 = 8;
const PAUSE: Duration = Duration::from_millis(5);

/// A job that was asked for so long ago is not begun any more: whoever asked has given up and asks
/// somebody else, or is about to, and must not be overtaken by what it sent before.
const TOO_LATE: Duration = Duration::from_secs(20);

/// Taken first by every write to a directory, held until its end: what it has seen of the
/// organization's directories stays true until then, whichever process writes.
const LOCK: &str = "SELECT 1 FROM organization WHERE id = \
     (SELECT organization_id FROM directory WHERE id = ?1) FOR UPDATE";

type Batch = Vec<Box<dyn WriteJob>>;

/// The jobs that wait, by directory. A directory has an entry while a task works its jobs off.
#[derive(Default)]
pub(super) struct Lanes(RefCell<HashMap<String, VecDeque<Box<dyn WriteJob>>>>);

impl Lanes {
    /// Takes up to `most` jobs of the directory.
    fn take(&self, directory_id: &str, most: usize) -> Batch {
        let mut lanes = self.0.borrow_mut();
        let Some(waiting) = lanes.get_mut(directory_id) else { return Vec::new() };
        let count = most.min(waiting.len());
        waiting.drain(..count).collect()
    }
}

impl Local {
    /// Runs the job in its directory's turn, or at once where it is of none.
    pub fn write(self: Rc<Self>, directory_id: Option<String>, job: Box<dyn WriteJob>) {
        let Some(directory_id) = directory_id else {
            spawn_local(async move { self.write_batch(None, vec![job]).await });
            return;
        };
        let mut lanes = self.lanes.0.borrow_mut();
        if let Some(waiting) = lanes.get_mut(&directory_id) {
            waiting.push_back(job);
            return;
        }
        lanes.insert(directory_id.clone(), VecDeque::from([job]));
        drop(lanes);
        spawn_local(async move {
            loop {
                let batch = self.lanes.take(&directory_id, BATCH);
                if batch.is_empty() {
                    self.lanes.0.borrow_mut().remove(&directory_id);
                    return;
                }
                let writing = self.write_batch(Some(&directory_id), batch);
                if AssertUnwindSafe(writing).catch_unwind().await.is_err() {
                    tracing::error!("a batch of writes panicked");
                }
            }
        });
    }

    /// Stores what the jobs write, and answers them.
    async fn write_batch(&self, directory_id: Option<&str>, mut batch: Batch) {
        let mut repeats = 0;
        let stored = loop {
            let failure = match self.try_batch(directory_id, &mut batch).await {
                Ok(()) => break Ok(()),
                Err(NotStored::Before(failure)) => failure,
                Err(NotStored::Perhaps(failure)) => break Err(failure.error),
            };
            let most = match failure.kind {
                Kind::Serialisation => REPEATS,
                // One that was idle too long is replaced once; what is down stays down longer.
                Kind::Connection => 1,
                Kind::Full | Kind::Statement => 0,
            };
            if repeats >= most {
                break Err(failure.error);
            }
            tracing::debug!(error = %failure.error, jobs = batch.len(), "a batch is done again");
            sleep(PAUSE * 2_u32.pow(repeats)).await;
            repeats += 1;
        };
        if let Err(error) = &stored {
            not_stored(error, batch.len());
        }
        for job in batch {
            job.finish(&stored);
        }
    }

    /// Runs the jobs, and those that come meanwhile, in one transaction.
    ///
    /// One that refuses after it has written, or by a statement that fails, makes the batch run again
    /// with a savepoint for each job: too much to pay for what hardly ever happens.
    async fn try_batch(
        &self,
        directory_id: Option<&str>,
        batch: &mut Batch,
    ) -> Result<(), NotStored> {
        let mut tx = self.begin_writing(directory_id).await?;
        let mut at = 0;
        loop {
            let before = tx.writes();
            let keep = run(&mut *batch[at], &mut tx).await;
            let undone = !keep && tx.writes() != before;
            match postgres(&mut tx).failure() {
                Some(failure) if failure.kind != Kind::Statement => {
                    return Err(NotStored::Before(failure.clone()));
                }
                // It has passed over an error that undoes the transaction.
                Some(failure) if keep => {
                    batch[at].fail(failure.error.clone());
                    return self.one_by_one(directory_id, batch, tx).await;
                }
                Some(_) => return self.one_by_one(directory_id, batch, tx).await,
                None if undone => return self.one_by_one(directory_id, batch, tx).await,
                None => at += 1,
            }
            if at == batch.len() {
                if let Some(directory_id) = directory_id {
                    batch.extend(self.lanes.take(directory_id, BATCH - at.min(BATCH)));
                }
                if at == batch.len() {
                    break;
                }
            }
        }
        match commit(tx).await {
            // A statement that nobody awaited was refused: whose it was shows when each is by itself.
            Err(NotStored::Before(Failure { kind: Kind::Statement, .. })) if batch.len() > 1 => {
                let tx = self.begin_writing(directory_id).await?;
                self.apart(batch, tx).await
            }
            stored => stored,
        }
    }

    /// Undoes the transaction and runs the jobs again, so that what one refuses is undone alone.
    async fn one_by_one(
        &self,
        directory_id: Option<&str>,
        batch: &mut Batch,
        mut tx: Tx,
    ) -> Result<(), NotStored> {
        postgres(&mut tx).end("ROLLBACK");
        drop(tx);
        if batch.len() == 1 {
            // It has refused, and that is its answer.
            return Ok(());
        }
        let tx = self.begin_writing(directory_id).await?;
        self.apart(batch, tx).await
    }

    async fn apart(&self, batch: &mut Batch, mut tx: Tx) -> Result<(), NotStored> {
        for job in batch {
            postgres(&mut tx).plain("SAVEPOINT attempt");
            let mut keep = run(&mut **job, &mut tx).await;
            let pg = postgres(&mut tx);
            if keep && let Err(error) = pg.flush().await {
                job.fail(error);
                keep = false;
            }
            if !keep && pg.undo_attempt().await.is_err() {
                let failure = pg.failure().cloned();
                let failure = failure.unwrap_or_else(|| Failure::lost("a savepoint is gone"));
                return Err(NotStored::Before(failure));
            }
            pg.plain("RELEASE SAVEPOINT attempt");
        }
        commit(tx).await
    }

    async fn begin_writing(&self, directory_id: Option<&str>) -> Result<Tx, NotStored> {
        let lost = |error| NotStored::Before(Failure { kind: Kind::Statement, error });
        let mut tx = self.begin(Isolation::Writing).await.map_err(lost)?;
        if let Some(id) = directory_id {
            postgres(&mut tx).lock(LOCK, Param::Text(id));
        }
        Ok(tx)
    }
}

/// Why a batch is not stored.
enum NotStored {
    /// It certainly is not.
    Before(Failure),
    /// The connection was lost while it was being committed: nobody knows.
    Perhaps(Failure),
}

async fn commit(tx: Tx) -> Result<(), NotStored> {
    let TxOf::Postgres(tx) = tx.0 else { unreachable!("these transactions are PostgreSQL's") };
    tx.commit().await.map_err(|failure| match failure.kind {
        Kind::Connection => NotStored::Perhaps(failure),
        _ => NotStored::Before(failure),
    })
}

fn postgres(tx: &mut Tx) -> &mut PgTx {
    match &mut tx.0 {
        TxOf::Postgres(tx) => tx,
        TxOf::Sqlite(_) => unreachable!("these transactions are PostgreSQL's"),
    }
}

/// Whether the job's writes are to be kept.
async fn run(job: &mut dyn WriteJob, tx: &mut Tx) -> bool {
    if job.age() > TOO_LATE {
        let why = format!("the write waited for more than {} seconds", TOO_LATE.as_secs());
        job.fail(Error::Unavailable(why));
        return false;
    }
    let ran = AssertUnwindSafe(job.run(tx)).catch_unwind().await;
    ran.unwrap_or_else(|_| {
        job.fail(Error::Refused("a write panicked".into()));
        false
    })
}

//! The writer: jobs run in one transaction, committed together, answered afterwards.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::Duration,
};

use rusqlite::Connection;

use super::{awaited_elsewhere, connection, ready, run_cached};
use crate::{
    Tx,
    db::job::{WriteJob, not_stored},
    error::{Error, Result},
};

/// The most jobs that share one commit.
pub(super) const BATCH: usize = 128;

pub(super) fn write_loop(mut tx: Tx, jobs: &Receiver<Box<dyn WriteJob>>) {
    let mut dirty = false;
    loop {
        let first = match jobs.recv_timeout(Duration::from_secs(2)) {
            Ok(job) => job,
            Err(RecvTimeoutError::Timeout) => {
                // Idle: move the write-ahead log into the database, so that reads stay short.
                if std::mem::take(&mut dirty) {
                    checkpoint(connection(&mut tx));
                }
                continue;
            }
            // The last connection to close moves the log by itself; beside a running server this is
            // not the last.
            Err(RecvTimeoutError::Disconnected) => return,
        };
        dirty = true;
        let mut batch = vec![first];
        let commit = write_batch(&mut tx, &mut batch, jobs);
        if let Err(error) = &commit {
            not_stored(error, batch.len());
        }
        for job in batch {
            job.finish(&commit);
        }
    }
}

/// Runs the first job and all that are waiting by then in one transaction.
///
/// A job that refuses before it has written leaves nothing to undo. One that refuses afterwards
/// makes the batch run again with a savepoint for each job: that costs a copy of every page a job
/// touches, too much to pay for what hardly ever happens.
fn write_batch(
    tx: &mut Tx,
    batch: &mut Vec<Box<dyn WriteJob>>,
    jobs: &Receiver<Box<dyn WriteJob>>,
) -> Result<()> {
    let ran = match run_together(tx, batch, jobs) {
        Ok(Ran::Together) => run_cached(connection(tx), "COMMIT"),
        Ok(Ran::Alone) => run_cached(connection(tx), "ROLLBACK"),
        Ok(Ran::Apart) => run_cached(connection(tx), "ROLLBACK")
            .and_then(|()| run_apart(tx, batch))
            .and_then(|()| run_cached(connection(tx), "COMMIT")),
        Err(error) => Err(error),
    };
    if ran.is_err() && !connection(tx).is_autocommit() {
        // A failed rollback leaves the transaction to the next BEGIN, which then fails likewise.
        let _ = connection(tx).execute_batch("ROLLBACK");
    }
    ran
}

/// Whether the job's writes are to be kept.
fn run(job: &mut dyn WriteJob, tx: &mut Tx) -> bool {
    let failure = match catch_unwind(AssertUnwindSafe(|| ready(job.run(tx)))) {
        Ok(Some(keep)) => return keep,
        Ok(None) => awaited_elsewhere(),
        Err(_) => Error::Refused("a write panicked".into()),
    };
    job.fail(failure);
    false
}

enum Ran {
    /// What the jobs that succeeded have written is there, and nothing else.
    Together,
    /// The only job refused: whatever it did, schema changes included, is to be undone.
    Alone,
    /// A job refused after it had written: all have to run again, apart.
    Apart,
}

fn run_together(
    tx: &mut Tx,
    batch: &mut Vec<Box<dyn WriteJob>>,
    jobs: &Receiver<Box<dyn WriteJob>>,
) -> Result<Ran> {
    run_cached(connection(tx), "BEGIN IMMEDIATE")?;
    let mut at = 0;
    loop {
        let before = connection(tx).total_changes();
        let keep = run(&mut *batch[at], tx);
        still_open(tx)?;
        if !keep && at == 0 {
            return Ok(Ran::Alone);
        }
        if !keep && connection(tx).total_changes() != before {
            return Ok(Ran::Apart);
        }
        at += 1;
        if at == BATCH {
            return Ok(Ran::Together);
        }
        match jobs.try_recv() {
            Ok(job) => batch.push(job),
            Err(_) => return Ok(Ran::Together),
        }
    }
}

fn run_apart(tx: &mut Tx, batch: &mut [Box<dyn WriteJob>]) -> Result<()> {
    run_cached(connection(tx), "BEGIN IMMEDIATE")?;
    for job in batch {
        run_cached(connection(tx), "SAVEPOINT job")?;
        let keep = run(&mut **job, tx);
        still_open(tx)?;
        if !keep {
            run_cached(connection(tx), "ROLLBACK TO job")?;
        }
        run_cached(connection(tx), "RELEASE job")?;
    }
    Ok(())
}

/// A full disk or a failing one can end the transaction in the middle of a job: what ran before is
/// lost then, and what would run after must not be stored by itself.
fn still_open(tx: &mut Tx) -> Result<()> {
    if connection(tx).is_autocommit() {
        return Err(Error::Unavailable("the database gave the transaction up".into()));
    }
    Ok(())
}

fn checkpoint(connection: &Connection) {
    let result = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    if let Err(error) = result {
        tracing::debug!(%error, "the write-ahead log could not be moved into the database yet");
    }
}

//! The threads that read through directories.

use std::{
    collections::VecDeque,
    path::Path,
    sync::{Arc, Condvar, Mutex, PoisonError},
};

use super::connect_reader;
use crate::{
    Tx,
    error::{Error, Result},
};

const THREADS: usize = 2;

pub(super) type ScanJob = Box<dyn FnOnce(&mut Tx) + Send>;

/// The threads that run scans, and what waits for them.
pub(super) struct Scans {
    waiting: Mutex<ScanQueue>,
    wake: Condvar,
}

#[derive(Default)]
struct ScanQueue {
    jobs: VecDeque<ScanJob>,
    stopped: bool,
}

impl Scans {
    pub fn start(path: &Path) -> Result<Arc<Self>> {
        let scans = Arc::new(Self { waiting: Mutex::default(), wake: Condvar::new() });
        for number in 0..THREADS {
            let (scans, path) = (Arc::clone(&scans), path.to_owned());
            std::thread::Builder::new()
                .name(format!("store-scan-{number}"))
                .spawn(move || scans.run(&path))
                .map_err(|e| Error::Unavailable(e.to_string()))?;
        }
        Ok(scans)
    }

    pub fn push(&self, job: ScanJob) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).jobs.push_back(job);
        self.wake.notify_one();
    }

    pub fn stop(&self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).stopped = true;
        self.wake.notify_all();
    }

    fn run(&self, path: &Path) {
        let mut tx: Option<Tx> = None;
        while let Some(job) = self.next() {
            if tx.is_none() {
                match connect_reader(path) {
                    Ok(opened) => tx = Some(opened),
                    Err(error) => tracing::error!(%error, "the database cannot be opened"),
                }
            }
            // Without a connection the job is dropped, and its caller told that it is unavailable.
            if let Some(tx) = &mut tx {
                job(tx);
            }
        }
    }

    fn next(&self) -> Option<ScanJob> {
        let mut queue = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            if queue.stopped {
                return None;
            }
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

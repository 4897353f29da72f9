//! Background work: done by one process at a time, whichever that is.
//!
//! Each job has a lease in the store, which its process renews about every second. Whoever sees a
//! lease that has not been renewed for [`LASTS`] takes it over. A process that could not renew for as
//! long ends the work by itself; and one that has slept through all of it notices at its next write,
//! because every write of a job begins by renewing the lease in the same transaction ([`Held`]).

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use store::{
    Store, Tx,
    leases::{self, Lease},
};
use tokio::{
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use crate::{availability::Availability, clock, ids};

/// How long a lease stands without being renewed.
const LASTS: Duration = Duration::from_secs(5);

/// How often leases are renewed and looked at: this, and up to half of it on top, so that several
/// processes do not come at the same moment.
const LOOK_EVERY: Duration = Duration::from_millis(1_000);

/// The longest wait for the store at a look, and at the end.
const PATIENCE: Duration = Duration::from_secs(2);

/// How soon work that failed is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// Work that is done again and again.
pub struct Job {
    /// What its lease is called.
    pub name: &'static str,
    pub every: Duration,
    pub work: Work,
}

pub type Work = Box<dyn Fn(Held) -> Pin<Box<dyn Future<Output = Done> + Send>> + Send + Sync>;
pub type Done = Result<(), store::Error>;

/// Who else may be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// Nobody, as with the embedded store: leases that are found are those of a predecessor, and need
    /// not be renewed for anybody.
    Nobody,
    Processes,
}

/// The lease of a job that this process does.
#[derive(Clone)]
pub struct Held {
    pub store: Arc<Store>,
    name: &'static str,
    process: Arc<str>,
}

impl Held {
    /// Writes a batch of the work; [`store::Error::Stale`], and nothing is written, if the lease is
    /// gone.
    pub async fn write<T, F>(&self, batch: F) -> Result<T, store::Error>
    where
        F: AsyncFn(&mut Tx) -> Result<T, store::Error> + Send + Sync + 'static,
        T: Send + 'static,
    {
        let (name, process) = (self.name, Arc::clone(&self.process));
        self.store
            .administer(async move |tx: &mut Tx| {
                leases::hold(tx, name, &process).await?;
                batch(tx).await
            })
            .await
    }
}

/// The task that takes leases and does what they are for.
pub struct Background {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Background {
    /// Starts to look for work in the name of `process`, which no other may have.
    pub fn start(
        store: Arc<Store>,
        availability: Arc<Availability>,
        others: Others,
        process: &str,
        jobs: Vec<Job>,
    ) -> Self {
        let places = jobs.into_iter().map(Arc::new).map(Place::new).collect();
        let mut desk = Desk { store, availability, others, process: process.into(), places };
        let (stop, mut stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            loop {
                desk.look().await;
                if desk.is_settled() {
                    let _ = stopped.await;
                    break;
                }
                // A dropped sender stops the work as well.
                if timeout(next_look(), &mut stopped).await.is_ok() {
                    break;
                }
            }
            desk.leave().await;
        });
        Self { stop, task }
    }

    /// Ends the work and gives the leases up, so that others have them at once.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        if let Err(error) = self.task.await {
            tracing::error!(%error, "background work failed");
        }
    }
}

fn next_look() -> Duration {
    let half = u32::try_from(LOOK_EVERY.as_millis() / 2).unwrap_or(0);
    LOOK_EVERY + Duration::from_millis(ids::below(half).into())
}

/// What a process knows of one job.
struct Place {
    job: Arc<Job>,
    /// The lease of another process, and since when it has stood so.
    seen: Option<(Lease, Instant)>,
    doing: Option<Doing>,
}

struct Doing {
    task: JoinHandle<()>,
    /// When the renewal was begun that has succeeded last.
    renewed: Instant,
}

impl Place {
    fn new(job: Arc<Job>) -> Self {
        Self { job, seen: None, doing: None }
    }

    fn end(&mut self) {
        if let Some(doing) = self.doing.take() {
            doing.task.abort();
        }
    }
}

struct Desk {
    store: Arc<Store>,
    availability: Arc<Availability>,
    others: Others,
    process: Arc<str>,
    places: Vec<Place>,
}

impl Desk {
    /// Whether there is nothing to look for any more.
    fn is_settled(&self) -> bool {
        self.others == Others::Nobody && self.places.iter().all(|place| place.doing.is_some())
    }

    /// Renews what is held, begins what is free, ends what is lost.
    async fn look(&mut self) {
        let begun = Instant::now();
        match self.renew().await {
            Ok(leases) => {
                for at in 0..self.places.len() {
                    let name = self.places[at].job.name;
                    let lease = leases.iter().find(|lease| lease.name == name);
                    self.settle(at, lease.cloned(), begun).await;
                }
            }
            Err(error) => {
                self.report(&error);
                for place in &mut self.places {
                    let renewed = place.doing.as_ref().map(|doing| doing.renewed);
                    if renewed.is_some_and(|renewed| renewed.elapsed() >= LASTS) {
                        place.end();
                        tracing::warn!(
                            job = place.job.name,
                            "background work ended: its lease could not be renewed"
                        );
                    }
                }
            }
        }
    }

    /// Decides on one job by its lease as it stood after `begun`.
    async fn settle(&mut self, at: usize, lease: Option<Lease>, begun: Instant) {
        let (others, process) = (self.others, Arc::clone(&self.process));
        let place = &mut self.places[at];
        let name = place.job.name;
        let lease = match lease {
            Some(lease) if *lease.holder == *process => {
                match &mut place.doing {
                    Some(doing) if !doing.task.is_finished() => doing.renewed = begun,
                    // It was taken, but the answer was lost; or it ended for another reason.
                    _ => self.begin(at, begun, None),
                }
                return;
            }
            lease => lease,
        };
        if place.doing.is_some() {
            let holder = lease.as_ref().map_or("nobody", |lease| &lease.holder);
            tracing::warn!(job = name, holder, "background work ended: its lease was taken over");
            place.end();
        }
        let from = match lease {
            None => None,
            Some(lease) => {
                let since = match &place.seen {
                    Some((seen, since)) if *seen == lease => *since,
                    _ => Instant::now(),
                };
                place.seen = Some((lease.clone(), since));
                if others == Others::Processes && since.elapsed() < LASTS {
                    return;
                }
                Some(lease)
            }
        };
        let begun = Instant::now();
        let taken = self.take(name, from.clone()).await;
        match taken {
            Ok(true) => self.begin(at, begun, from),
            // Somebody else was faster.
            Ok(false) => {}
            Err(error) => self.report(&error),
        }
    }

    fn begin(&mut self, at: usize, renewed: Instant, from: Option<Lease>) {
        let place = &mut self.places[at];
        place.seen = None;
        let job = Arc::clone(&place.job);
        match from {
            None => tracing::info!(job = job.name, "background work taken"),
            Some(lease) => tracing::info!(
                job = job.name,
                from = lease.holder,
                "background work taken over: its process did not renew the lease"
            ),
        }
        let held = Held {
            store: Arc::clone(&self.store),
            name: job.name,
            process: Arc::clone(&self.process),
        };
        let task = tokio::spawn(work(job, held, Arc::clone(&self.availability)));
        place.doing = Some(Doing { task, renewed });
    }

    async fn leave(&mut self) {
        let held = self.places.iter_mut().filter(|place| place.doing.is_some());
        let held = held.map(Place::end).count();
        if held == 0 {
            return;
        }
        let process = Arc::clone(&self.process);
        let released =
            self.store.administer(async move |tx: &mut Tx| leases::release(tx, &process).await);
        match within(released).await {
            Ok(released) => tracing::info!(released, "background work given up"),
            Err(error) => self.report(&error),
        }
    }

    async fn renew(&self) -> Result<Vec<Lease>, store::Error> {
        let holds = self.places.iter().any(|place| place.doing.is_some());
        if !holds {
            return within(self.store.look_up(async |tx: &mut Tx| leases::list(tx).await)).await;
        }
        let process = Arc::clone(&self.process);
        within(self.store.administer(async move |tx: &mut Tx| {
            leases::renew(tx, &process).await?;
            leases::list(tx).await
        }))
        .await
    }

    async fn take(&self, name: &'static str, from: Option<Lease>) -> Result<bool, store::Error> {
        let (process, now) = (Arc::clone(&self.process), clock::now());
        within(self.store.administer(async move |tx: &mut Tx| match &from {
            None => leases::take(tx, name, &process, now).await,
            Some(seen) => leases::take_over(tx, seen, &process, now).await,
        }))
        .await
    }

    fn report(&self, error: &store::Error) {
        if !self.availability.failed(error) {
            tracing::error!(%error, "the leases of background work could not be looked at");
        }
    }
}

async fn within<T>(
    answer: impl Future<Output = Result<T, store::Error>>,
) -> Result<T, store::Error> {
    let late = |_| Err(store::Error::Unavailable("no answer in time".into()));
    timeout(PATIENCE, answer).await.unwrap_or_else(late)
}

/// Does the job again and again, until its lease is gone.
async fn work(job: Arc<Job>, held: Held, availability: Arc<Availability>) {
    loop {
        let wait = match (job.work)(held.clone()).await {
            Ok(()) => job.every,
            // The next look sees who has it.
            Err(store::Error::Stale) => return,
            Err(error) => {
                if !availability.failed(&error) {
                    tracing::error!(%error, job = job.name, "background work failed");
                }
                AGAIN.min(job.every)
            }
        };
        sleep(wait).await;
    }
}

#[cfg(test)]
mod tests;

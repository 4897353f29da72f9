//! How many requests a directory may make, when several processes answer them.
//!
//! A row in the store holds what is left for all. A process takes a slice of it at a time, a tenth of
//! a second's worth, when it has used the last one up; so the store is asked ten times a second and
//! directory at most, and it does not matter which process gets the requests. What is taken is
//! debited at once: together the processes never let in more than the rate and one burst.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use store::{
    Store, Tx,
    rate_limits::{self, Slice, Taken},
};

use crate::{
    background::{Done, Held},
    clock,
    rate_limit::{BURST, OverLimit},
};

/// More directories than this lose what they had in this process.
const MAX_DIRECTORIES: usize = 100_000;

/// How often the store forgets directories that nobody uses, and how long they were not used then.
pub const FORGET_EVERY: Duration = Duration::from_secs(3600);

/// What this process has of each directory's rate.
#[derive(Default)]
pub struct SharedRates(RwLock<HashMap<String, Arc<Bucket>>>);

#[derive(Default)]
struct Bucket(Mutex<State>);

#[derive(Default)]
struct State {
    share: Share,
    /// What all who find nothing left wait for.
    fetching: Option<Fetching>,
}

type Fetching = Shared<BoxFuture<'static, Result<(), store::Error>>>;

impl SharedRates {
    /// Takes one request of the directory's budget of `rate` a second; 0 is no limit.
    pub async fn take(
        &self,
        store: &Arc<Store>,
        directory_id: &str,
        rate: u32,
    ) -> Result<(), OverLimit> {
        if rate == 0 {
            return Ok(());
        }
        let bucket = self.bucket(directory_id);
        loop {
            let fetching = {
                let mut state = bucket.state();
                match state.share.step(rate, clock::now()) {
                    Step::Granted => return Ok(()),
                    Step::Refused(wait) => return Err(OverLimit::For(wait)),
                    Step::Fetch(requests, slice) => {
                        let running = state.fetching.take().filter(|one| one.peek().is_none());
                        let fetching = running.unwrap_or_else(|| {
                            fetch(Arc::clone(store), &bucket, directory_id, requests, slice)
                        });
                        state.fetching = Some(fetching.clone());
                        fetching
                    }
                }
            };
            fetching.await.map_err(OverLimit::Unavailable)?;
        }
    }

    fn bucket(&self, directory_id: &str) -> Arc<Bucket> {
        {
            let buckets = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(bucket) = buckets.get(directory_id) {
                return Arc::clone(bucket);
            }
        }
        let mut buckets = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_DIRECTORIES {
            buckets.clear();
        }
        Arc::clone(buckets.entry(directory_id.to_owned()).or_default())
    }
}

impl Bucket {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the store for a slice. In a task of its own: the request that asks may be given up, and
/// others wait for the same.
fn fetch(
    store: Arc<Store>,
    bucket: &Arc<Bucket>,
    directory_id: &str,
    requests: u32,
    slice: Slice,
) -> Fetching {
    let (bucket, directory_id) = (Arc::clone(bucket), directory_id.to_owned());
    let task = tokio::spawn(async move {
        let taken = store.administer::<_, store::Error, _>(async move |tx: &mut Tx| {
            rate_limits::take(tx, &directory_id, &slice).await
        });
        let taken = taken.await?;
        let now = clock::now();
        bucket.state().share.answered(requests, &slice, taken, now);
        Ok(())
    });
    let ended = |error: tokio::task::JoinError| Err(store::Error::Refused(error.to_string()));
    task.map(move |fetched| fetched.unwrap_or_else(ended)).boxed().shared()
}

/// Deletes the rows of directories that were not used for a while.
pub async fn forget_unused(held: Held) -> Done {
    let unused = i64::try_from(FORGET_EVERY.as_micros()).unwrap_or(i64::MAX);
    let before = clock::now() - unused;
    held.write(async move |tx: &mut Tx| rate_limits::forget_unused(tx, before).await).await?;
    Ok(())
}

/// What a process knows of a directory's rate. Times in microseconds by its own clock.
#[derive(Debug, Default)]
struct Share {
    /// Requests that are left of the last slice.
    left: u32,
    /// How far the furthest clock of all processes is ahead of this one's, as far as is known: the
    /// row goes by that one.
    ahead: i64,
    /// When there may be some again.
    again_at: i64,
}

enum Step {
    Granted,
    Refused(Duration),
    /// So many requests are to be asked for.
    Fetch(u32, Slice),
}

impl Share {
    /// What a request at `now` is told.
    fn step(&mut self, rate: u32, now: i64) -> Step {
        if self.left > 0 {
            self.left -= 1;
            return Step::Granted;
        }
        let requests = (rate / 10).max(1);
        let lasts = (i64::from(requests) * 1_000_000) / i64::from(rate).max(1) + 1;
        let wait = self.again_at - now;
        // Nobody is ever told to wait for longer than that: it was said before the clock went back.
        if (1..=lasts).contains(&wait) {
            return Step::Refused(Duration::from_micros(wait.unsigned_abs()));
        }
        let burst = i64::try_from(BURST.as_micros()).unwrap_or(i64::MAX).max(lasts);
        Step::Fetch(requests, Slice { now: now + self.ahead, lasts, burst })
    }

    /// What the store has answered, and `now` that it has.
    fn answered(&mut self, requests: u32, slice: &Slice, taken: Taken, now: i64) {
        let (Taken::All { latest } | Taken::Nothing { latest, .. }) = taken;
        // Never too far: `latest` was somebody's time before it was this one's `now`.
        self.ahead = self.ahead.max(latest - now);
        match taken {
            Taken::All { .. } => self.left = self.left.saturating_add(requests),
            Taken::Nothing { earned_at, .. } => {
                self.again_at = earned_at + slice.lasts - slice.burst - self.ahead;
            }
        }
    }
}

#[cfg(test)]
mod tests;

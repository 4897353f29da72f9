//! Whether the store can be used, as far as this process has seen: said once when it stops and once
//! when it is back, however many requests notice.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use store::{Store, Tx};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

use crate::clock;

/// How often the store is tried while it is away.
const TRY_EVERY: Duration = Duration::from_millis(500);

/// How long nothing may fail until the store is said to be back. So a store that takes one write and
/// not the other is no news every moment.
const QUIET: Duration = Duration::from_secs(2);

/// What is written to see whether the store takes writes.
const SETTING: &str = "written_after_outage";

#[derive(Default)]
pub struct Availability {
    outage: Mutex<Option<Outage>>,
    begun: Notify,
}

#[derive(Clone, Copy)]
struct Outage {
    since: Instant,
    /// When something failed for the last time.
    last: Instant,
}

impl Availability {
    /// Takes note of an error. Whether it means that the store is unavailable: then there is nothing
    /// more to be said of it.
    pub fn failed(&self, error: &store::Error) -> bool {
        if !matches!(error, store::Error::Unavailable(_)) {
            return false;
        }
        let last = Instant::now();
        let mut outage = self.outage();
        match &mut *outage {
            Some(outage) => outage.last = last,
            None => {
                *outage = Some(Outage { since: last, last });
                self.begun.notify_one();
                tracing::error!(
                    %error,
                    "the store is unavailable: requests get 503 until it is back"
                );
            }
        }
        true
    }

    fn outage(&self) -> MutexGuard<'_, Option<Outage>> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says when the store is back, every time; never ends.
    pub async fn watch(self: Arc<Self>, store: Arc<Store>) {
        loop {
            self.begun.notified().await;
            let mut back: Option<Instant> = None;
            loop {
                sleep(TRY_EVERY).await;
                match write(&store).await {
                    Ok(()) => {
                        let now = Instant::now();
                        let mut outage = self.outage();
                        let Some(Outage { since, last }) = *outage else { break };
                        let at = back.filter(|back| *back > last).unwrap_or(now);
                        back = Some(at);
                        if now - last >= QUIET {
                            *outage = None;
                            tracing::info!(
                                // To the tenth.
                                seconds = ((at - since).as_secs_f64() * 10.0).round() / 10.0,
                                "the store is available again"
                            );
                            break;
                        }
                    }
                    Err(error) => {
                        back = None;
                        if !self.failed(&error) {
                            tracing::error!(%error, "the store could not be tried");
                        }
                    }
                }
            }
        }
    }
}

/// Whether the store can be read: an error if not.
pub async fn read(store: &Store) -> Result<(), store::Error> {
    store.look_up(async |tx: &mut Tx| store::settings::get(tx, SETTING).await.map(|_| ())).await
}

/// Whether it takes writes.
async fn write(store: &Store) -> Result<(), store::Error> {
    let now = clock::now().to_string();
    store.administer(async move |tx: &mut Tx| store::settings::set(tx, SETTING, &now).await).await
}

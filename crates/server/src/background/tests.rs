//! Two takers of one lease on one store. Real time: leases last for seconds.

#[path = "../../../store/tests/fresh/mod.rs"]
mod fresh;

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU32, Ordering},
};

use super::*;
use fresh::Fresh;

/// Long enough for a busy machine.
const WAIT: Duration = Duration::from_secs(60);

/// A store, and who has written to it in the course of the work.
struct Bench {
    store: Fresh,
    wrote: Arc<Mutex<Vec<String>>>,
    refused: Arc<AtomicU32>,
}

impl Bench {
    async fn new() -> Self {
        let store = fresh::open().await;
        Self { store, wrote: Arc::default(), refused: Arc::default() }
    }

    /// A process that does one job, twenty times a second.
    fn process(&self, process: &'static str, others: Others) -> Background {
        let (wrote, refused) = (Arc::clone(&self.wrote), Arc::clone(&self.refused));
        let work: Work = Box::new(move |held| {
            let (wrote, refused) = (Arc::clone(&wrote), Arc::clone(&refused));
            Box::pin(async move {
                let written =
                    held.write(async |tx: &mut Tx| store::settings::set(tx, "worked", "yes").await);
                match written.await {
                    Ok(()) => {
                        wrote.lock().unwrap_or_else(PoisonError::into_inner).push(process.into());
                        Ok(())
                    }
                    Err(error) => {
                        refused.fetch_add(1, Ordering::Relaxed);
                        Err(error)
                    }
                }
            })
        });
        let job = Job { name: "work", every: Duration::from_millis(50), work };
        let store = Arc::clone(&self.store.store);
        Background::start(store, Arc::default(), others, process, vec![job])
    }

    async fn lease(&self) -> Option<Lease> {
        let leases =
            self.store.look_up::<_, store::Error, _>(async |tx: &mut Tx| leases::list(tx).await);
        leases.await.unwrap().into_iter().next()
    }

    async fn administer<T: Send + 'static>(
        &self,
        job: impl AsyncFn(&mut Tx) -> Result<T, store::Error> + Send + 'static,
    ) -> T {
        self.store.administer(job).await.unwrap()
    }

    /// Waits until this process does the work.
    async fn until_done_by(&self, process: &str) {
        self.wrote.lock().unwrap().clear();
        let begun = Instant::now();
        while self.wrote.lock().unwrap().last().is_none_or(|last| last != process) {
            assert!(begun.elapsed() < WAIT, "never done by {process}: {:?}", self.lease().await);
            sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
async fn one_at_a_time_does_the_work_and_leaves_it_to_the_next() {
    let bench = Bench::new().await;
    let first = bench.process("first", Others::Processes);
    bench.until_done_by("first").await;
    let second = bench.process("second", Others::Processes);
    // For longer than a lease lasts: it is renewed.
    sleep(LASTS + 2 * LOOK_EVERY).await;
    let wrote = bench.wrote.lock().unwrap().clone();
    assert!(wrote.iter().all(|process| process == "first"), "{wrote:?}");
    assert!(bench.lease().await.unwrap().renewals > 1);

    first.stop().await;
    // Given up, so that nobody waits until it runs out.
    let lease = bench.lease().await;
    assert!(lease.as_ref().is_none_or(|lease| lease.holder == "second"), "{lease:?}");
    bench.until_done_by("second").await;
    second.stop().await;
    assert_eq!(bench.lease().await, None);
}

#[tokio::test]
async fn what_a_dead_process_held_is_taken_over() {
    let bench = Bench::new().await;
    bench.administer(async |tx| leases::take(tx, "work", "dead", 0).await).await;
    let begun = Instant::now();
    let process = bench.process("living", Others::Processes);
    bench.until_done_by("living").await;
    assert!(begun.elapsed() >= LASTS, "taken from one who may live: {:?}", begun.elapsed());
    process.stop().await;
}

/// As after a process was frozen for longer than its lease: what it still writes is refused.
#[tokio::test]
async fn who_has_lost_the_lease_writes_nothing_more() {
    let bench = Bench::new().await;
    let process = bench.process("slow", Others::Processes);
    bench.until_done_by("slow").await;
    let taken = bench
        .administer(async |tx| {
            let seen = leases::list(tx).await?.remove(0);
            leases::take_over(tx, &seen, "quick", 0).await
        })
        .await;
    assert!(taken);
    let begun = Instant::now();
    while bench.refused.load(Ordering::Relaxed) == 0 {
        assert!(begun.elapsed() < WAIT, "{:?}", bench.wrote.lock().unwrap());
        sleep(Duration::from_millis(10)).await;
    }
    bench.wrote.lock().unwrap().clear();
    // `quick` does not renew it, so that it comes back in time; until then nothing is written.
    bench.until_done_by("slow").await;
    assert!(begun.elapsed() + LOOK_EVERY >= LASTS, "{:?}", begun.elapsed());
    assert_eq!(bench.refused.load(Ordering::Relaxed), 1, "one refusal ends the work");
    process.stop().await;
}

/// With the embedded store nobody else can be alive.
#[tokio::test]
async fn a_successor_without_others_does_not_wait() {
    let bench = Bench::new().await;
    bench.administer(async |tx| leases::take(tx, "work", "dead", 0).await).await;
    let begun = Instant::now();
    let process = bench.process("living", Others::Nobody);
    bench.until_done_by("living").await;
    assert!(begun.elapsed() < LASTS, "{:?}", begun.elapsed());
    process.stop().await;
    assert_eq!(bench.lease().await, None);
}

//! How many requests a directory may make, as far as one process answers them.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter, clock::Clock};

/// How long a directory may save up requests: a burst is as many as are earned in this time.
pub const BURST: Duration = Duration::from_secs(2);

/// Why a directory's request is not let in now.
#[derive(Debug)]
pub enum OverLimit {
    /// Its budget is used up for this long.
    For(Duration),
    /// What is left cannot be told.
    Unavailable(store::Error),
}

/// One limiter per key: its rate, and a burst of as many requests as [`BURST`] allows.
#[derive(Default)]
pub struct RateLimits(RwLock<HashMap<String, (u32, Arc<DefaultDirectRateLimiter>)>>);

/// More directories than this make the least recently built limiters start anew.
const MAX_LIMITERS: usize = 100_000;

impl RateLimits {
    /// Takes one request of `key`'s budget of `rate` a second; 0 is no limit. Where the budget is
    /// used up, how long until there is some again.
    pub fn take(&self, key: &str, rate: u32) -> Result<(), Duration> {
        let Some(per_second) = NonZeroU32::new(rate) else { return Ok(()) };
        let limiter = self.limiter(key, rate, per_second);
        limiter.check().map_err(|refused| {
            refused.wait_time_from(governor::clock::DefaultClock::default().now())
        })
    }

    fn limiter(
        &self,
        key: &str,
        rate: u32,
        per_second: NonZeroU32,
    ) -> Arc<DefaultDirectRateLimiter> {
        {
            let limiters = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if let Some((of_rate, limiter)) = limiters.get(key)
                && *of_rate == rate
            {
                return Arc::clone(limiter);
            }
        }
        let seconds = u32::try_from(BURST.as_secs()).ok().and_then(NonZeroU32::new);
        let burst = per_second.saturating_mul(seconds.unwrap_or(NonZeroU32::MIN));
        let limiter =
            Arc::new(RateLimiter::direct(Quota::per_second(per_second).allow_burst(burst)));
        let mut limiters = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if limiters.len() >= MAX_LIMITERS {
            limiters.clear();
        }
        limiters.insert(key.to_owned(), (rate, Arc::clone(&limiter)));
        limiter
    }
}

/// One at a time per directory: for work that is too much for many at once.
#[derive(Default)]
pub struct Turns(Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>);

/// Somebody's turn, until it is dropped.
pub type Turn = tokio::sync::OwnedMutexGuard<()>;

impl Turns {
    /// Waits for the turn of `key`, first come, first served; `None` when it does not come within
    /// `patience`.
    pub async fn wait(&self, key: &str, patience: Duration) -> Option<Turn> {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if !turns.contains_key(key) {
                // Those that nobody waits for any more.
                turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            }
            Arc::clone(turns.entry(key.to_owned()).or_default())
        };
        tokio::time::timeout(patience, turn.lock_owned()).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::RateLimits;

    #[test]
    fn allows_a_burst_then_says_when() {
        let limits = RateLimits::default();
        let allowed = (0..500).take_while(|_| limits.take("a", 10).is_ok()).count();
        assert!((20..=21).contains(&allowed), "{allowed}");
        let wait = limits.take("a", 10).unwrap_err();
        assert!(wait.as_millis() <= 100, "{wait:?}");
        assert!(limits.take("b", 10).is_ok(), "one directory does not use up another's");
        assert!((0..5000).all(|_| limits.take("c", 0).is_ok()), "0 is no limit");
    }
}

//! What processes share: conditional statements, one of which wins.

mod fresh;

use std::sync::Arc;

use store::{
    Error, Tx,
    leases::{self, Lease},
    rate_limits::{self, Slice, Taken},
};

#[tokio::test]
async fn a_lease_has_one_holder() {
    let store = fresh::open().await;
    store
        .administer::<_, Error, _>(async |tx: &mut Tx| {
            assert!(leases::list(tx).await?.is_empty());
            assert!(leases::take(tx, "work", "a", 7).await?);
            assert!(!leases::take(tx, "work", "b", 8).await?, "it is held");
            assert!(!leases::take(tx, "work", "a", 8).await?, "nobody takes it twice");
            let seen = leases::list(tx).await?;
            let held =
                Lease { name: "work".into(), holder: "a".into(), renewals: 0, held_since: 7 };
            assert_eq!(seen, [held]);

            // Renewed since it was seen: nobody takes it over.
            assert_eq!(leases::renew(tx, "a").await?, 1);
            assert!(!leases::take_over(tx, &seen[0], "b", 9).await?);
            leases::hold(tx, "work", "a").await?;
            assert!(matches!(leases::hold(tx, "work", "b").await, Err(Error::Stale)));

            // Not renewed since: one of two does.
            let seen = leases::list(tx).await?;
            assert!(leases::take_over(tx, &seen[0], "b", 10).await?);
            assert!(!leases::take_over(tx, &seen[0], "c", 10).await?, "b was first");
            assert!(matches!(leases::hold(tx, "work", "a").await, Err(Error::Stale)));
            assert_eq!(leases::renew(tx, "a").await?, 0);
            assert_eq!(leases::release(tx, "a").await?, 0);
            let seen = leases::list(tx).await?;
            assert_eq!((&*seen[0].holder, seen[0].held_since), ("b", 10));

            // Released: it is there at once.
            assert!(leases::take(tx, "other", "b", 11).await?);
            assert_eq!(leases::release(tx, "b").await?, 2);
            assert!(!leases::take_over(tx, &seen[0], "c", 12).await?);
            assert!(leases::take(tx, "work", "c", 12).await?);
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn slices_are_taken_whole_until_the_burst_is_used_up() {
    let store = fresh::open().await;
    let all = |latest| Taken::All { latest };
    let nothing = |latest, earned_at| Taken::Nothing { latest, earned_at };
    // When each asks in turn, and what becomes of it: a slice lasts 100, a burst 300.
    let cases = [
        (1_000, all(1_000)),
        (1_000, all(1_000)),
        (1_000, all(1_000)),
        (1_000, nothing(1_000, 1_300)),
        (1_099, nothing(1_000, 1_300)),
        (1_100, all(1_100)),
        (1_199, nothing(1_100, 1_400)),
        // Long unused: a burst, and no more.
        (9_000, all(9_000)),
        (9_000, all(9_000)),
        // From a clock that is behind: what is there is there for it, too.
        (2_000, all(9_000)),
        (2_000, nothing(9_000, 9_300)),
        (9_099, nothing(9_000, 9_300)),
        (9_150, all(9_150)),
        (9_150, nothing(9_150, 9_400)),
    ];
    for (now, taken) in cases {
        let slice = Slice { now, lasts: 100, burst: 300 };
        let became = store
            .administer::<_, Error, _>(async move |tx: &mut Tx| {
                rate_limits::take(tx, "dir-1", &slice).await
            })
            .await
            .unwrap();
        assert_eq!(became, taken, "at {now}");
    }
    store
        .administer::<_, Error, _>(async move |tx: &mut Tx| {
            let slice = Slice { now: 500, lasts: 100, burst: 300 };
            assert_eq!(rate_limits::take(tx, "dir-2", &slice).await?, all(500), "its own");
            assert_eq!(rate_limits::forget_unused(tx, 9_400).await?, 1);
            assert_eq!(rate_limits::forget_unused(tx, 9_401).await?, 1);
            Ok(())
        })
        .await
        .unwrap();
}

/// Of many at the same moment one gets the lease, and slices are given until the burst is used up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_race_is_decided_once() {
    let store = Arc::new(fresh::open().await);
    store
        .administer::<_, Error, _>(async |tx: &mut Tx| leases::take(tx, "old", "dead", 0).await)
        .await
        .unwrap();
    let list = async |tx: &mut Tx| leases::list(tx).await;
    let seen = store.look_up::<_, Error, _>(list).await.unwrap().remove(0);
    let racers: Vec<_> = (0..32)
        .map(|number| {
            let (store, seen) = (Arc::clone(&store), seen.clone());
            tokio::spawn(async move {
                store
                    .administer::<_, Error, _>(async move |tx: &mut Tx| {
                        let holder = format!("racer {number}");
                        let slice = Slice { now: 1_000, lasts: 100, burst: 1_000 };
                        let slice = rate_limits::take(tx, "dir-1", &slice).await?;
                        let free = leases::take(tx, "free", &holder, 0).await?;
                        let old = leases::take_over(tx, &seen, &holder, 0).await?;
                        Ok((free, old, matches!(slice, Taken::All { .. })))
                    })
                    .await
            })
        })
        .collect();
    let (mut free, mut old, mut slices) = (0, 0, 0);
    for racer in racers {
        let won = racer.await.unwrap().unwrap();
        free += u32::from(won.0);
        old += u32::from(won.1);
        slices += u32::from(won.2);
    }
    assert_eq!((free, old, slices), (1, 1, 10));
}

//! What directories have used of the requests that they may make, for all processes together.
//!
//! A directory's row holds one time: when everything that was taken will have been earned. Whatever
//! is taken moves it on by the time that so many requests last; it may lie ahead of now by as long
//! as the burst lasts, and no further. So nothing has to be added up while nobody asks, and a change
//! of the rate needs no change of the row.

use crate::{Tx, error::Result};

/// Some requests of a directory, taken together. All in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    pub now: i64,
    /// How long it takes to earn these requests.
    pub lasts: i64,
    /// How long it takes to earn a burst.
    pub burst: i64,
}

/// What became of a [`Slice`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    All,
    /// Not even a part of it: what was taken before is earned at this time.
    Nothing {
        earned_at: i64,
    },
}

/// Takes the slice for the directory, all of it or nothing.
pub async fn take(tx: &mut Tx, directory_id: &str, slice: &Slice) -> Result<Taken> {
    let Slice { now, lasts, burst } = *slice;
    let taken = tx
        .query_opt(
            "INSERT INTO rate_limit (directory_id, earned_at) VALUES (?1, ?2) \
             ON CONFLICT (directory_id) DO UPDATE SET earned_at = CASE \
             WHEN rate_limit.earned_at > ?3 THEN rate_limit.earned_at ELSE ?3 END + ?4 \
             WHERE rate_limit.earned_at <= ?5 RETURNING earned_at",
            &[
                directory_id.into(),
                (now + lasts).into(),
                now.into(),
                lasts.into(),
                (now + burst - lasts).into(),
            ],
            |row| row.int(0),
        )
        .await?;
    if taken.is_some() {
        return Ok(Taken::All);
    }
    let earned_at = tx
        .query_opt(
            "SELECT earned_at FROM rate_limit WHERE directory_id = ?1",
            &[directory_id.into()],
            |row| row.int(0),
        )
        .await?;
    // Forgotten between the two statements: then there is nothing to wait for.
    Ok(Taken::Nothing { earned_at: earned_at.unwrap_or(now) })
}

/// Forgets the directories that have earned everything before this time; how many.
pub async fn forget_unused(tx: &mut Tx, before: i64) -> Result<u64> {
    tx.execute("DELETE FROM rate_limit WHERE earned_at < ?1", &[before.into()]).await
}

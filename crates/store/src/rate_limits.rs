//! What directories have used of the requests that they may make, for all processes together.
//!
//! A directory's row holds two times. Whatever is taken moves `earned_at` on by the time that so many
//! requests last; it may lie ahead of now by as long as a burst lasts, and no further. So nothing has
//! to be added up while nobody asks, and a change of the rate needs no change of the row. Now is
//! `latest`, the latest time that anybody has taken something at: clocks of several machines differ, and
//! the row goes by the one that is furthest ahead.

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

/// What became of a [`Slice`], and the row's own `latest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    All {
        latest: i64,
    },
    /// Not even a part of it: what was taken before is earned at this time.
    Nothing {
        latest: i64,
        earned_at: i64,
    },
}

/// Takes the slice for the directory, all of it or nothing.
pub async fn take(tx: &mut Tx, directory_id: &str, slice: &Slice) -> Result<Taken> {
    let Slice { now, lasts, burst } = *slice;
    let taken = tx
        .query_opt(
            "INSERT INTO rate_limit (directory_id, latest, earned_at) VALUES (?1, ?2, ?3) \
             ON CONFLICT (directory_id) DO UPDATE SET \
             latest = CASE WHEN rate_limit.latest > ?2 THEN rate_limit.latest ELSE ?2 END, \
             earned_at = CASE WHEN rate_limit.earned_at > ?2 THEN rate_limit.earned_at ELSE ?2 END \
             + ?4 \
             WHERE rate_limit.earned_at <= ?5 OR rate_limit.earned_at <= rate_limit.latest + ?6 \
             RETURNING latest",
            &[
                directory_id.into(),
                now.into(),
                (now + lasts).into(),
                lasts.into(),
                (now + burst - lasts).into(),
                (burst - lasts).into(),
            ],
            |row| row.int(0),
        )
        .await?;
    if let Some(latest) = taken {
        return Ok(Taken::All { latest });
    }
    let row = tx
        .query_opt(
            "SELECT latest, earned_at FROM rate_limit WHERE directory_id = ?1",
            &[directory_id.into()],
            |row| Ok((row.int(0)?, row.int(1)?)),
        )
        .await?;
    // Forgotten between the two statements: then there is nothing to wait for.
    let (latest, earned_at) = row.unwrap_or((now, now));
    Ok(Taken::Nothing { latest, earned_at })
}

/// Forgets the directories that have earned everything before this time; how many.
pub async fn forget_unused(tx: &mut Tx, before: i64) -> Result<u64> {
    tx.execute("DELETE FROM rate_limit WHERE earned_at < ?1", &[before.into()]).await
}

//! Leases: which process does which background work.
//!
//! A lease has no time at which it ends: clocks of several machines do not agree on one. It counts
//! its renewals instead. Whoever wants it watches the count, and takes the lease over once it has
//! stood still for long enough by their own watch ([`take_over`]).

use crate::{
    Tx,
    error::{Error, Result},
};

/// A lease that somebody holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The work that it is for.
    pub name: String,
    /// The process that does the work.
    pub holder: String,
    pub renewals: i64,
    /// Since when, in microseconds since 1970 by the holder's clock. For people.
    pub held_since: i64,
}

/// All leases that are held, by name.
pub async fn list(tx: &mut Tx) -> Result<Vec<Lease>> {
    tx.query("SELECT name, holder, renewals, held_since FROM lease ORDER BY name", &[], |row| {
        Ok(Lease {
            name: row.text(0)?.into(),
            holder: row.text(1)?.into(),
            renewals: row.int(2)?,
            held_since: row.int(3)?,
        })
    })
    .await
}

/// Takes a lease that nobody holds. Whether that was so.
pub async fn take(tx: &mut Tx, name: &str, holder: &str, now: i64) -> Result<bool> {
    let taken = tx
        .execute(
            "INSERT INTO lease (name, holder, renewals, held_since) VALUES (?1, ?2, 0, ?3) \
             ON CONFLICT DO NOTHING",
            &[name.into(), holder.into(), now.into()],
        )
        .await?;
    Ok(taken == 1)
}

/// Takes a lease from who holds it, unless it has been renewed, released or taken since it was
/// `seen`. Whether that was so.
pub async fn take_over(tx: &mut Tx, seen: &Lease, holder: &str, now: i64) -> Result<bool> {
    let taken = tx
        .execute(
            "UPDATE lease SET holder = ?2, renewals = renewals + 1, held_since = ?3 \
             WHERE name = ?1 AND holder = ?4 AND renewals = ?5",
            &[
                (&seen.name).into(),
                holder.into(),
                now.into(),
                (&seen.holder).into(),
                seen.renewals.into(),
            ],
        )
        .await?;
    Ok(taken == 1)
}

/// Renews all leases of the holder; how many it has.
pub async fn renew(tx: &mut Tx, holder: &str) -> Result<u64> {
    tx.execute("UPDATE lease SET renewals = renewals + 1 WHERE holder = ?1", &[holder.into()]).await
}

/// Renews one lease and keeps it until the transaction ends, whatever happens meanwhile;
/// [`Error::Stale`] if it is not the holder's any more. What a lease is for is written behind this,
/// in the same transaction.
pub async fn hold(tx: &mut Tx, name: &str, holder: &str) -> Result<()> {
    let held = tx
        .execute(
            "UPDATE lease SET renewals = renewals + 1 WHERE name = ?1 AND holder = ?2",
            &[name.into(), holder.into()],
        )
        .await?;
    if held == 1 { Ok(()) } else { Err(Error::Stale) }
}

/// Gives up all leases of the holder; how many.
pub async fn release(tx: &mut Tx, holder: &str) -> Result<u64> {
    tx.execute("DELETE FROM lease WHERE holder = ?1", &[holder.into()]).await
}

//! Bringing the members and teams of an organization to its configuration: what is to be done, and
//! how far it is done. One row for each organization, so that a run goes on after a crash, and the
//! latest change of the configuration is the one that counts.

use crate::{Row, Tx, error::Result, organizations};

/// The latest run of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Projection {
    pub organization_id: String,
    pub id: String,
    /// What was changed, as events name it: `attribute_mapping`, `roles`, `role_rules`, `domains`,
    /// `directories`, `settings`.
    pub reason: String,
    pub is_done: bool,
    /// The last team and member that were seen; empty: none yet.
    pub team_id: String,
    pub member_id: String,
    pub seen: i64,
    pub changed: i64,
    pub total: i64,
    /// Microseconds since 1970.
    pub started_at: i64,
    pub finished_at: Option<i64>,
}

const COLUMNS: &str = "organization_id, id, reason, state, team_id, member_id, seen, changed, total, \
     started_at, finished_at";

fn read(row: &Row<'_>) -> Result<Projection> {
    Ok(Projection {
        organization_id: row.text(0)?.into(),
        id: row.text(1)?.into(),
        reason: row.text(2)?.into(),
        is_done: row.text(3)? == "done",
        team_id: row.text(4)?.into(),
        member_id: row.text(5)?.into(),
        seen: row.int(6)?,
        changed: row.int(7)?,
        total: row.int(8)?,
        started_at: row.int(9)?,
        finished_at: row.optional_int(10)?,
    })
}

/// Says that the configuration of an organization has changed: its members and teams have to be
/// looked at again. In the transaction of the change. `id` is the new run's.
pub async fn begin(
    tx: &mut Tx,
    organization_id: &str,
    reason: &str,
    id: &str,
    now: i64,
) -> Result<()> {
    organizations::reconfigured(tx, organization_id, now).await?;
    tx.send(
        "INSERT INTO projection (organization_id, id, reason, state, team_id, member_id, seen, \
         changed, total, started_at) \
         VALUES (?1, ?2, ?3, 'running', '', '', 0, 0, (SELECT COUNT(*) FROM member \
         WHERE organization_id = ?1 AND state <> 'deleted'), ?4) \
         ON CONFLICT (organization_id) DO UPDATE SET id = excluded.id, reason = excluded.reason, \
         state = excluded.state, team_id = '', member_id = '', seen = 0, changed = 0, \
         total = excluded.total, started_at = excluded.started_at, finished_at = NULL",
        &[organization_id.into(), id.into(), reason.into(), now.into()],
    )
    .await
}

/// The same for all living organizations, which are held from then on. Their runs have one id.
pub async fn begin_everywhere(tx: &mut Tx, reason: &str, id: &str, now: i64) -> Result<()> {
    for organization_id in organizations::hold_all(tx).await? {
        begin(tx, &organization_id, reason, id, now).await?;
    }
    Ok(())
}

/// The latest run of an organization; none if its configuration has never changed.
pub async fn get(tx: &mut Tx, organization_id: &str) -> Result<Option<Projection>> {
    let sql = format!("SELECT {COLUMNS} FROM projection WHERE organization_id = ?1");
    tx.query_opt(&sql, &[organization_id.into()], read).await
}

/// The runs that are not done.
pub async fn running(tx: &mut Tx) -> Result<Vec<Projection>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM projection WHERE state = 'running' ORDER BY organization_id"
    );
    tx.query(&sql, &[], read).await
}

/// Keeps how far a run is, unless a newer one has begun.
pub async fn save(tx: &mut Tx, projection: &Projection) -> Result<()> {
    tx.send(
        "UPDATE projection SET state = ?3, team_id = ?4, member_id = ?5, seen = ?6, changed = ?7, \
         finished_at = ?8 WHERE organization_id = ?1 AND id = ?2",
        &[
            (&projection.organization_id).into(),
            (&projection.id).into(),
            if projection.is_done { "done" } else { "running" }.into(),
            (&projection.team_id).into(),
            (&projection.member_id).into(),
            projection.seen.into(),
            projection.changed.into(),
            projection.finished_at.into(),
        ],
    )
    .await
}

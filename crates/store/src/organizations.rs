//! Organizations: one customer of the operator's product each.

use serde_json::Value;

use crate::{
    Row, Tx,
    error::{Error, Result},
};

/// An organization. Deleted ones are kept, but found by none of these functions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    pub id: String,
    pub slug: String,
    pub name: String,
    /// Microseconds since 1970.
    pub created_at: i64,
}

const COLUMNS: &str = "id, slug, name, created_at";

fn read(row: &Row<'_>) -> Result<Organization> {
    Ok(Organization {
        id: row.text(0)?.into(),
        slug: row.text(1)?.into(),
        name: row.text(2)?.into(),
        created_at: row.int(3)?,
    })
}

/// Stores a new organization; `Conflict` when a living one has the slug.
pub async fn create(tx: &mut Tx, organization: &Organization) -> Result<()> {
    // A refusal by the index would end PostgreSQL's transaction.
    let touched = tx
        .execute(
            "INSERT INTO organization (id, slug, name, created_at) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (slug) WHERE deleted_at IS NULL DO NOTHING",
            &[
                (&organization.id).into(),
                (&organization.slug).into(),
                (&organization.name).into(),
                organization.created_at.into(),
            ],
        )
        .await?;
    if touched == 1 { Ok(()) } else { Err(Error::Conflict { attribute: "slug" }) }
}

/// All organizations, by slug.
pub async fn list(tx: &mut Tx) -> Result<Vec<Organization>> {
    let sql = format!("SELECT {COLUMNS} FROM organization WHERE deleted_at IS NULL ORDER BY slug");
    tx.query(&sql, &[], read).await
}

/// The organization with this slug.
pub async fn get(tx: &mut Tx, slug: &str) -> Result<Option<Organization>> {
    let sql = format!("SELECT {COLUMNS} FROM organization WHERE slug = ?1 AND deleted_at IS NULL");
    tx.query_opt(&sql, &[slug.into()], read).await
}

/// The living organization with this id.
pub async fn with_id(tx: &mut Tx, id: &str) -> Result<Option<Organization>> {
    let sql = format!("SELECT {COLUMNS} FROM organization WHERE id = ?1 AND deleted_at IS NULL");
    tx.query_opt(&sql, &[id.into()], read).await
}

/// Holds the row of a living organization until the transaction ends, so that nobody deletes it
/// meanwhile. Whether there is one with this id.
pub async fn hold(tx: &mut Tx, id: &str) -> Result<bool> {
    let sql = "SELECT id FROM organization WHERE id = ?1 AND deleted_at IS NULL {for update}";
    Ok(tx.query_opt(sql, &[id.into()], |_| Ok(())).await?.is_some())
}

/// Holds all living organizations in the same way; their ids, in order. Whoever holds several in one
/// transaction holds all, so that nobody waits for one who waits for them.
pub async fn hold_all(tx: &mut Tx) -> Result<Vec<String>> {
    let sql = "SELECT id FROM organization WHERE deleted_at IS NULL ORDER BY id {for update}";
    tx.query(sql, &[], |row| Ok(row.text(0)?.to_owned())).await
}

/// Gives the configuration of an organization its next number. It is of the time, so that a number
/// that a transaction used in vain does not come back for another configuration.
pub(crate) async fn reconfigured(tx: &mut Tx, id: &str, now: i64) -> Result<()> {
    tx.send(
        "UPDATE organization SET configuration = CASE WHEN configuration < ?2 THEN ?2 \
         ELSE configuration + 1 END WHERE id = ?1",
        &[id.into(), now.into()],
    )
    .await
}

/// What was set of an organization otherwise than by default, by name.
pub async fn settings(tx: &mut Tx, id: &str) -> Result<serde_json::Map<String, Value>> {
    let sql = "SELECT settings FROM organization WHERE id = ?1";
    let text = tx.query_opt(sql, &[id.into()], |row| Ok(row.text(0)?.to_owned())).await?;
    serde_json::from_str(text.as_deref().unwrap_or("{}")).map_err(|e| Error::Corrupt {
        table: "organization",
        row: id.into(),
        problem: e.to_string(),
    })
}

/// Sets one of them, or takes it away. Call [`hold`] before: others may set another one.
pub async fn set_setting(tx: &mut Tx, id: &str, name: &str, value: Option<Value>) -> Result<()> {
    let mut settings = settings(tx, id).await?;
    match value {
        None => drop(settings.shift_remove(name)),
        Some(value) => drop(settings.insert(name.into(), value)),
    }
    let settings = Value::from(settings).to_string();
    let sql = "UPDATE organization SET settings = ?2 WHERE id = ?1";
    tx.send(sql, &[id.into(), (&settings).into()]).await
}

/// Deletes the organization and its directories: their endpoints answer nobody from then on, the
/// slug is free, the data stays. Whether there was one.
pub async fn delete(tx: &mut Tx, slug: &str, now: i64) -> Result<bool> {
    let deleted = tx
        .query_opt(
            "UPDATE organization SET deleted_at = ?2 WHERE slug = ?1 AND deleted_at IS NULL \
             RETURNING id",
            &[slug.into(), now.into()],
            |row| Ok(row.text(0)?.to_owned()),
        )
        .await?;
    let Some(id) = deleted else { return Ok(false) };
    // Its row is ours now: no directory can be created in it any more.
    tx.send(
        "UPDATE directory SET deleted_at = ?2 WHERE organization_id = ?1 AND deleted_at IS NULL",
        &[(&id).into(), now.into()],
    )
    .await?;
    Ok(true)
}

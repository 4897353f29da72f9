//! Organizations: one customer of the operator's product each.

use crate::{Row, Tx, error::Result};

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
    tx.execute(
        "INSERT INTO organization (id, slug, name, created_at) VALUES (?1, ?2, ?3, ?4)",
        &[
            (&organization.id).into(),
            (&organization.slug).into(),
            (&organization.name).into(),
            organization.created_at.into(),
        ],
    )
    .await?;
    Ok(())
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

/// Deletes the organization and its directories: their endpoints answer nobody from then on, the
/// slug is free, the data stays. Whether there was one.
pub async fn delete(tx: &mut Tx, slug: &str, now: i64) -> Result<bool> {
    let Some(organization) = get(tx, slug).await? else { return Ok(false) };
    tx.execute(
        "UPDATE directory SET deleted_at = ?2 WHERE organization_id = ?1 AND deleted_at IS NULL",
        &[(&organization.id).into(), now.into()],
    )
    .await?;
    tx.execute(
        "UPDATE organization SET deleted_at = ?2 WHERE id = ?1",
        &[(&organization.id).into(), now.into()],
    )
    .await?;
    Ok(true)
}

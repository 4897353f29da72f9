//! The roles that the operator declares, for all organizations.
//!
//! Whoever changes them holds [`CHANGING`] first: what one reads of them to write them stays true.

use mapping::roles::Role;

use crate::{Row, Tx, error::Result};

/// The setting that is held by who changes roles.
pub const CHANGING: &str = "roles";

/// A role as it was declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredRole {
    pub role: Role,
    pub description: Option<String>,
    /// Microseconds since 1970.
    pub created_at: i64,
}

fn read(row: &Row<'_>) -> Result<DeclaredRole> {
    Ok(DeclaredRole {
        role: Role {
            name: row.text(0)?.into(),
            precedence: row.int(1)?,
            is_default: row.int(2)? != 0,
            is_owner: row.int(3)? != 0,
        },
        description: row.optional_text(4)?.map(str::to_owned),
        created_at: row.int(5)?,
    })
}

/// All roles, the highest first.
pub async fn list(tx: &mut Tx) -> Result<Vec<DeclaredRole>> {
    let sql = "SELECT name, precedence, is_default, is_owner, description, created_at FROM role \
         ORDER BY precedence, name";
    tx.query(sql, &[], read).await
}

/// Holds a role until the transaction ends: it is not removed meanwhile. Whether it is declared.
/// Whoever also holds organizations holds those before.
pub async fn hold(tx: &mut Tx, name: &str) -> Result<bool> {
    let sql = "SELECT name FROM role WHERE name = ?1 {for update}";
    Ok(tx.query_opt(sql, &[name.into()], |_| Ok(())).await?.is_some())
}

/// Declares a role. Whether there was none of this name; else that one stays as it is.
pub async fn declare(tx: &mut Tx, declared: &DeclaredRole) -> Result<bool> {
    let DeclaredRole { role, description, created_at } = declared;
    let touched = tx
        .execute(
            "INSERT INTO role (name, precedence, description, is_default, is_owner, created_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (name) DO NOTHING",
            &[
                (&role.name).into(),
                role.precedence.into(),
                description.as_ref().into(),
                role.is_default.into(),
                role.is_owner.into(),
                (*created_at).into(),
            ],
        )
        .await?;
    Ok(touched == 1)
}

/// Stores everything of a declared role but its name. Whether there was one.
pub async fn update(tx: &mut Tx, declared: &DeclaredRole) -> Result<bool> {
    let DeclaredRole { role, description, .. } = declared;
    let touched = tx
        .execute(
            "UPDATE role SET precedence = ?2, description = ?3, is_default = ?4, is_owner = ?5 \
             WHERE name = ?1",
            &[
                (&role.name).into(),
                role.precedence.into(),
                description.as_ref().into(),
                role.is_default.into(),
                role.is_owner.into(),
            ],
        )
        .await?;
    Ok(touched == 1)
}

/// Takes a role back. Whether there was one.
pub async fn remove(tx: &mut Tx, name: &str) -> Result<bool> {
    Ok(tx.execute("DELETE FROM role WHERE name = ?1", &[name.into()]).await? == 1)
}

/// What names a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Use {
    /// A rule of an organization.
    Rule { organization_slug: String, pattern: String },
    /// The ceiling of a directory.
    Ceiling { organization_slug: String, directory_id: String },
}

/// What names a role in organizations and directories that are not deleted, by organization.
pub async fn uses(tx: &mut Tx, name: &str) -> Result<Vec<Use>> {
    let rules = tx
        .query(
            "SELECT o.slug, r.pattern FROM role_rule r \
             JOIN organization o ON o.id = r.organization_id \
             WHERE r.role = ?1 AND o.deleted_at IS NULL ORDER BY o.slug, r.position",
            &[name.into()],
            |row| {
                Ok(Use::Rule {
                    organization_slug: row.text(0)?.into(),
                    pattern: row.text(1)?.into(),
                })
            },
        )
        .await?;
    let ceilings = tx
        .query(
            "SELECT o.slug, d.id FROM directory d \
             JOIN organization o ON o.id = d.organization_id \
             WHERE d.role_ceiling = ?1 AND d.deleted_at IS NULL AND o.deleted_at IS NULL \
             ORDER BY o.slug, d.id",
            &[name.into()],
            |row| {
                Ok(Use::Ceiling {
                    organization_slug: row.text(0)?.into(),
                    directory_id: row.text(1)?.into(),
                })
            },
        )
        .await?;
    Ok([rules, ceilings].concat())
}

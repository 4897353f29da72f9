//! Directories: one connection from an organization's identity provider each.

use mapping::{Target, configuration::Leaves};

use crate::{
    Row, Tx,
    error::{Error, Result},
    organizations,
};

/// A directory with its organization's slug. Deleted ones are kept, but found by none of these
/// functions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    pub id: String,
    pub organization_id: String,
    pub organization_slug: String,
    /// `entra`, `okta` or `generic`: what the people call it. No request is read by it.
    pub kind: String,
    pub enabled: bool,
    /// Turns all tolerance for clients off.
    pub strict: bool,
    /// Whether groups are taken in; otherwise nobody sees any, and those that are stored stay.
    pub group_sync: bool,
    /// Requests a second; 0 is no limit.
    pub rate_limit: u32,
    /// Grows with every change of what the directory declares; 0 as long as it declares nothing.
    pub schemas_version: i64,
    /// Whether extension schemas that nobody declared are declared from what is sent.
    pub learn_schemas: bool,
    /// Whether discovery answers requests without a token.
    pub public_discovery: bool,
    /// Microseconds since 1970.
    pub created_at: i64,
}

/// What [`read`] reads, from `directory d` and `organization o`.
pub(crate) const COLUMNS: &str = "d.id, d.organization_id, o.slug, d.kind, d.enabled, d.strict, \
     d.group_sync, d.rate_limit, d.schemas_version, d.learn_schemas, d.public_discovery, \
     d.created_at";

/// How many columns that is.
pub(crate) const WIDTH: usize = 12;

const FROM: &str = "FROM directory d JOIN organization o ON o.id = d.organization_id \
     WHERE d.deleted_at IS NULL AND o.deleted_at IS NULL";

pub(crate) fn read(row: &Row<'_>) -> Result<Directory> {
    Ok(Directory {
        id: row.text(0)?.into(),
        organization_id: row.text(1)?.into(),
        organization_slug: row.text(2)?.into(),
        kind: row.text(3)?.into(),
        enabled: row.int(4)? != 0,
        strict: row.int(5)? != 0,
        group_sync: row.int(6)? != 0,
        rate_limit: u32::try_from(row.int(7)?).unwrap_or(u32::MAX),
        schemas_version: row.int(8)?,
        learn_schemas: row.int(9)? != 0,
        public_discovery: row.int(10)? != 0,
        created_at: row.int(11)?,
    })
}

/// Stores a new directory. Whether its organization is there.
pub async fn create(tx: &mut Tx, directory: &Directory) -> Result<bool> {
    if !organizations::hold(tx, &directory.organization_id).await? {
        return Ok(false);
    }
    tx.send(
        "INSERT INTO directory (id, organization_id, kind, enabled, strict, group_sync, \
         rate_limit, schemas_version, learn_schemas, public_discovery, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        &[
            (&directory.id).into(),
            (&directory.organization_id).into(),
            (&directory.kind).into(),
            directory.enabled.into(),
            directory.strict.into(),
            directory.group_sync.into(),
            i64::from(directory.rate_limit).into(),
            directory.schemas_version.into(),
            directory.learn_schemas.into(),
            directory.public_discovery.into(),
            directory.created_at.into(),
        ],
    )
    .await?;
    // Nobody has to be looked at again for a directory that has nobody yet.
    organizations::reconfigured(tx, &directory.organization_id, directory.created_at).await?;
    Ok(true)
}

/// All directories, or those of one organization, oldest first.
pub async fn list(tx: &mut Tx, organization_id: Option<&str>) -> Result<Vec<Directory>> {
    const ORDER: &str = "ORDER BY o.slug, d.created_at, d.id";
    match organization_id {
        None => tx.query(&format!("SELECT {COLUMNS} {FROM} {ORDER}"), &[], read).await,
        Some(id) => {
            let sql = format!("SELECT {COLUMNS} {FROM} AND d.organization_id = ?1 {ORDER}");
            tx.query(&sql, &[id.into()], read).await
        }
    }
}

/// The directory with this id.
pub async fn get(tx: &mut Tx, id: &str) -> Result<Option<Directory>> {
    tx.query_opt(&format!("SELECT {COLUMNS} {FROM} AND d.id = ?1"), &[id.into()], read).await
}

/// Holds the row of a living directory until the transaction ends: others who would wait, and it is
/// not deleted meanwhile. Whether there is one with this id.
pub async fn hold(tx: &mut Tx, id: &str) -> Result<bool> {
    let sql = "SELECT id FROM directory WHERE id = ?1 AND deleted_at IS NULL {for update}";
    Ok(tx.query_opt(sql, &[id.into()], |_| Ok(())).await?.is_some())
}

/// Switches the directory on or off. Whether it exists.
pub async fn set_enabled(tx: &mut Tx, id: &str, enabled: bool) -> Result<bool> {
    let touched = tx
        .execute(
            "UPDATE directory SET enabled = ?2 WHERE id = ?1 AND deleted_at IS NULL",
            &[id.into(), enabled.into()],
        )
        .await?;
    Ok(touched == 1)
}

/// Sets whether extension schemas are learned. Whether the directory exists.
pub async fn set_learn_schemas(tx: &mut Tx, id: &str, learn_schemas: bool) -> Result<bool> {
    let touched = tx
        .execute(
            "UPDATE directory SET learn_schemas = ?2 WHERE id = ?1 AND deleted_at IS NULL",
            &[id.into(), learn_schemas.into()],
        )
        .await?;
    Ok(touched == 1)
}

/// Sets whether discovery answers requests without a token. Whether the directory exists.
pub async fn set_public_discovery(tx: &mut Tx, id: &str, public: bool) -> Result<bool> {
    let touched = tx
        .execute(
            "UPDATE directory SET public_discovery = ?2 WHERE id = ?1 AND deleted_at IS NULL",
            &[id.into(), public.into()],
        )
        .await?;
    Ok(touched == 1)
}

/// Switches the sync of groups on or off. Whether the directory exists.
pub async fn set_group_sync(tx: &mut Tx, id: &str, group_sync: bool) -> Result<bool> {
    let touched = tx
        .execute(
            "UPDATE directory SET group_sync = ?2 WHERE id = ?1 AND deleted_at IS NULL",
            &[id.into(), group_sync.into()],
        )
        .await?;
    Ok(touched == 1)
}

/// Deletes the directory: its endpoint answers nobody from then on, its data stays; `leaves` says
/// what becomes of members that only it provides. Whether it existed.
pub async fn delete(tx: &mut Tx, id: &str, leaves: Leaves, now: i64) -> Result<bool> {
    let leaves = match leaves {
        Leaves::Keep => KEEP,
        Leaves::Deactivate => DEACTIVATE,
    };
    let touched = tx
        .execute(
            "UPDATE directory SET deleted_at = ?3, leaves = ?2 \
             WHERE id = ?1 AND deleted_at IS NULL",
            &[id.into(), leaves.into(), now.into()],
        )
        .await?;
    Ok(touched == 1)
}

const KEEP: &str = "keep";
const DEACTIVATE: &str = "deactivate";

/// What is configured of a directory for the members of its organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policies {
    /// The directory's.
    pub id: String,
    pub enabled: bool,
    /// Where it is deleted: what becomes of members that only it provides.
    pub deleted: Option<Leaves>,
    /// What is laid over the default attribute mapping, JSON as it was saved.
    pub attribute_mapping: Option<String>,
    /// The target by which its users are linked to members before all else.
    pub identifier: Target,
    /// The highest role that it may give; none: any.
    pub role_ceiling: Option<String>,
}

const POLICIES: &str =
    "id, enabled, deleted_at, leaves, attribute_mapping, identifier, role_ceiling";

fn read_policies(row: &Row<'_>) -> Result<Policies> {
    let id = row.text(0)?;
    let corrupt = |problem: String| Error::Corrupt { table: "directory", row: id.into(), problem };
    let leaves = match row.text(3)? {
        KEEP => Leaves::Keep,
        DEACTIVATE => Leaves::Deactivate,
        other => return Err(corrupt(format!("`{other}` is no way to leave members"))),
    };
    Ok(Policies {
        id: id.into(),
        enabled: row.int(1)? != 0,
        deleted: row.optional_int(2)?.map(|_| leaves),
        attribute_mapping: row.optional_text(4)?.map(str::to_owned),
        identifier: row.text(5)?.parse::<Target>().map_err(|error| corrupt(error.to_string()))?,
        role_ceiling: row.optional_text(6)?.map(str::to_owned),
    })
}

/// The policies of all directories of an organization, oldest first; also of deleted ones.
pub async fn policies(tx: &mut Tx, organization_id: &str) -> Result<Vec<Policies>> {
    let sql = format!(
        "SELECT {POLICIES} FROM directory WHERE organization_id = ?1 ORDER BY created_at, id"
    );
    tx.query(&sql, &[organization_id.into()], read_policies).await
}

/// The policies of the directory with this id, also of a deleted one.
pub async fn policies_of(tx: &mut Tx, id: &str) -> Result<Option<Policies>> {
    let sql = format!("SELECT {POLICIES} FROM directory WHERE id = ?1");
    tx.query_opt(&sql, &[id.into()], read_policies).await
}

/// Sets what is laid over the default attribute mapping. Whether the directory exists.
pub async fn set_attribute_mapping(
    tx: &mut Tx,
    id: &str,
    attribute_mapping: Option<&str>,
) -> Result<bool> {
    let touched = tx
        .execute(
            "UPDATE directory SET attribute_mapping = ?2 WHERE id = ?1 AND deleted_at IS NULL",
            &[id.into(), attribute_mapping.into()],
        )
        .await?;
    Ok(touched == 1)
}

/// Sets the target by which its users are linked to members before all else. Whether the directory
/// exists.
pub async fn set_identifier(tx: &mut Tx, id: &str, identifier: &Target) -> Result<bool> {
    let touched = tx
        .execute(
            "UPDATE directory SET identifier = ?2 WHERE id = ?1 AND deleted_at IS NULL",
            &[id.into(), (&identifier.to_string()).into()],
        )
        .await?;
    Ok(touched == 1)
}

/// Sets the highest role that it may give, which is held ([`roles::hold`](crate::roles::hold)).
/// Whether the directory exists.
pub async fn set_role_ceiling(tx: &mut Tx, id: &str, role: Option<&str>) -> Result<bool> {
    let touched = tx
        .execute(
            "UPDATE directory SET role_ceiling = ?2 WHERE id = ?1 AND deleted_at IS NULL",
            &[id.into(), role.into()],
        )
        .await?;
    Ok(touched == 1)
}

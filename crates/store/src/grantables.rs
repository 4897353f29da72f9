//! The roles and entitlements that a directory's client may give to users.

use crate::{DirectoryTx, Row, error::Result};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grantable {
    /// `Role`, or the type of an entitlement.
    pub resource_type: String,
    /// What a user's `roles` or `entitlements` have as `value`.
    pub id: String,
    pub display_name: String,
    pub description: Option<String>,
    /// Microseconds since 1970.
    pub declared_at: i64,
}

fn read(row: &Row<'_>) -> Result<Grantable> {
    Ok(Grantable {
        resource_type: row.text(0)?.into(),
        id: row.text(1)?.into(),
        display_name: row.text(2)?.into(),
        description: row.optional_text(3)?.map(str::to_owned),
        declared_at: row.int(4)?,
    })
}

impl DirectoryTx<'_> {
    /// All of the directory's, by type and id.
    pub async fn grantables(&mut self) -> Result<Vec<Grantable>> {
        self.tx
            .query(
                "SELECT resource_type, id, display_name, description, declared_at \
                 FROM grantable WHERE directory_id = ?1 ORDER BY resource_type, id",
                &[(&self.directory_id).into()],
                read,
            )
            .await
    }

    /// Declares them, over earlier ones of the same types and ids.
    pub async fn declare_grantables(&mut self, grantables: &[Grantable]) -> Result<()> {
        for grantable in grantables {
            self.tx
                .send(
                    "INSERT INTO grantable (directory_id, resource_type, id, display_name, \
                     description, declared_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
                     ON CONFLICT (directory_id, resource_type, id) DO UPDATE SET \
                     display_name = excluded.display_name, description = excluded.description",
                    &[
                        (&self.directory_id).into(),
                        (&grantable.resource_type).into(),
                        (&grantable.id).into(),
                        (&grantable.display_name).into(),
                        grantable.description.as_ref().into(),
                        grantable.declared_at.into(),
                    ],
                )
                .await?;
        }
        self.declarations_changed().await
    }

    /// Takes one back. Whether it was there.
    pub async fn remove_grantable(&mut self, resource_type: &str, id: &str) -> Result<bool> {
        let touched = self
            .tx
            .execute(
                "DELETE FROM grantable WHERE directory_id = ?1 AND resource_type = ?2 AND id = ?3",
                &[(&self.directory_id).into(), resource_type.into(), id.into()],
            )
            .await?;
        if touched == 1 {
            self.declarations_changed().await?;
        }
        Ok(touched == 1)
    }
}

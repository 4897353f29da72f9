//! The extension schemas that a directory declares.

use scim::{discovery::schema_object, schema::Schema};
use serde_json::Value;

use crate::{
    DirectoryTx, Row,
    error::{Error, Result},
    resources::{self, Resource},
};

/// Resources read at a time.
const CHUNK: i64 = 500;

/// An extension schema of a directory.
#[derive(Clone, Debug, PartialEq)]
pub struct DeclaredSchema {
    pub schema: Schema,
    /// What it extends: `User` or `Group`.
    pub resource_type: String,
    /// Whether every resource of that type must carry it.
    pub required: bool,
    /// Whether it was inferred from values that were sent.
    pub learned: bool,
    /// Microseconds since 1970.
    pub declared_at: i64,
}

fn key(uri: &str) -> String {
    uri.to_ascii_lowercase()
}

fn read(row: &Row<'_>) -> Result<DeclaredSchema> {
    let learned = row.int(3)? != 0;
    let corrupt = |problem: String| Error::Corrupt {
        table: "declared_schema",
        row: row.text(0).unwrap_or_default().into(),
        problem,
    };
    let declaration: Value =
        serde_json::from_str(row.text(5)?).map_err(|e| corrupt(e.to_string()))?;
    let schema = Schema::from_json(&declaration).map_err(|e| corrupt(e.to_string()))?;
    Ok(DeclaredSchema {
        schema: if learned { schema.into_learned() } else { schema },
        resource_type: row.text(1)?.into(),
        required: row.int(2)? != 0,
        learned,
        declared_at: row.int(4)?,
    })
}

impl DirectoryTx<'_> {
    /// The version of what the directory declares.
    pub async fn schemas_version(&mut self) -> Result<i64> {
        let version = self
            .tx
            .query_opt(
                "SELECT schemas_version FROM directory WHERE id = ?1",
                &[(&self.directory_id).into()],
                |row| row.int(0),
            )
            .await?;
        Ok(version.unwrap_or(0))
    }

    /// The directory's extension schemas, in the order in which they were first declared.
    pub async fn declared_schemas(&mut self) -> Result<Vec<DeclaredSchema>> {
        self.tx
            .query(
                "SELECT uri_key, resource_type, required, learned, declared_at, declaration \
                 FROM declared_schema WHERE directory_id = ?1 ORDER BY declared_at, uri_key",
                &[(&self.directory_id).into()],
                read,
            )
            .await
    }

    /// Declares the schema, over an earlier declaration of the same URI: that one's place in the
    /// order stays.
    pub async fn declare_schema(&mut self, declared: &DeclaredSchema) -> Result<()> {
        let declaration = Value::from(schema_object(&declared.schema, "")).to_string();
        self.tx
            .send(
                "INSERT INTO declared_schema (directory_id, uri_key, resource_type, required, \
                 learned, declared_at, declaration) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
                 ON CONFLICT (directory_id, uri_key) DO UPDATE SET \
                 resource_type = excluded.resource_type, required = excluded.required, \
                 learned = excluded.learned, declaration = excluded.declaration",
                &[
                    (&self.directory_id).into(),
                    (&key(&declared.schema.id)).into(),
                    (&declared.resource_type).into(),
                    declared.required.into(),
                    declared.learned.into(),
                    declared.declared_at.into(),
                    (&declaration).into(),
                ],
            )
            .await?;
        self.declarations_changed().await
    }

    /// Takes a declaration back. Whether there was one with this URI, in any letter case.
    pub async fn remove_schema(&mut self, uri: &str) -> Result<bool> {
        let touched = self
            .tx
            .execute(
                "DELETE FROM declared_schema WHERE directory_id = ?1 AND uri_key = ?2",
                &[(&self.directory_id).into(), (&key(uri)).into()],
            )
            .await?;
        if touched == 1 {
            self.declarations_changed().await?;
        }
        Ok(touched == 1)
    }

    /// Resources whose document names `uri`, in any letter case, after the one with the id `after`,
    /// oldest first: some of them, and none when there are no more. Others may be among them.
    pub async fn resources_naming(
        &mut self,
        uri: &str,
        resource_type: &str,
        after: &str,
    ) -> Result<Vec<Resource>> {
        let name = Value::from(key(uri)).to_string();
        let name = name.replace('!', "!!").replace('%', "!%").replace('_', "!_");
        let pattern = format!("%{name}%");
        let sql = format!(
            "SELECT {} FROM resource r WHERE r.directory_id = ?1 AND r.resource_type = ?2 \
             AND r.id > ?3 \
             AND lower(r.document) LIKE ?4 ESCAPE '!' ORDER BY r.id LIMIT ?5",
            resources::COLUMNS
        );
        self.tx
            .query(
                &sql,
                &[
                    (&self.directory_id).into(),
                    resource_type.into(),
                    after.into(),
                    (&pattern).into(),
                    CHUNK.into(),
                ],
                resources::read,
            )
            .await
    }

    /// Counts the directory's version of what it declares up, so that every process reads it anew.
    pub(crate) async fn declarations_changed(&mut self) -> Result<()> {
        self.tx
            .send(
                "UPDATE directory SET schemas_version = schemas_version + 1 WHERE id = ?1",
                &[(&self.directory_id).into()],
            )
            .await
    }
}

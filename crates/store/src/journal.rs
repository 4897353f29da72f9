//! The journal: every change of a resource, with what was there before and the request that did it.

use crate::{
    DirectoryTx, Row,
    error::{Error, Result},
};

/// One change. Written in the transaction of the change itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub resource_type: String,
    pub resource_id: String,
    pub operation: Operation,
    /// The resource's version after the change.
    pub version: i64,
    /// Microseconds since 1970.
    pub at: i64,
    pub request_id: String,
    /// JSON. For `replace`, `patch` and effects of other resources' changes:
    /// `[{"path", "from", "to"}]`, and for memberships
    /// `[{"path": "members", "added": […], "removed": […]}]`; for `delete` the last document; for
    /// `create` nothing, as the resource itself is what came.
    pub changes: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Create,
    Replace,
    Patch,
    Delete,
    /// A consequence of another resource's deletion.
    Cascade,
    /// A schema was declared: values that were there got the spelling it gives.
    Declare,
}

impl Operation {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::Cascade => "cascade",
            Self::Declare => "declare",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        let all =
            [Self::Create, Self::Replace, Self::Patch, Self::Delete, Self::Cascade, Self::Declare];
        all.into_iter().find(|operation| operation.as_str() == name)
    }
}

fn read(row: &Row<'_>) -> Result<Entry> {
    let operation = row.text(2)?;
    Ok(Entry {
        resource_type: row.text(0)?.into(),
        resource_id: row.text(1)?.into(),
        operation: Operation::parse(operation).ok_or_else(|| Error::Corrupt {
            table: "journal",
            row: operation.into(),
            problem: "unknown operation".into(),
        })?,
        version: row.int(3)?,
        at: row.int(4)?,
        request_id: row.text(5)?.into(),
        changes: row.optional_text(6)?.map(str::to_owned),
    })
}

impl DirectoryTx<'_> {
    /// Adds to the journal.
    pub async fn record(&mut self, entry: &Entry) -> Result<()> {
        self.tx
            .send(
                "INSERT INTO journal (directory_id, resource_type, resource_id, operation, \
                 version, at, request_id, changes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                &[
                    (&self.directory_id).into(),
                    (&entry.resource_type).into(),
                    (&entry.resource_id).into(),
                    entry.operation.as_str().into(),
                    entry.version.into(),
                    entry.at.into(),
                    (&entry.request_id).into(),
                    entry.changes.as_ref().into(),
                ],
            )
            .await
    }

    /// What a request changed, in the order in which it did.
    pub async fn changes_by(&mut self, request_id: &str) -> Result<Vec<Entry>> {
        self.tx
            .query(
                "SELECT resource_type, resource_id, operation, version, at, request_id, changes \
                 FROM journal WHERE directory_id = ?1 AND request_id = ?2 ORDER BY entry",
                &[(&self.directory_id).into(), request_id.into()],
                read,
            )
            .await
    }

    /// How many changes of each operation the directory has seen.
    pub async fn journal_counts(&mut self) -> Result<Vec<(String, String, i64)>> {
        self.tx
            .query(
                "SELECT resource_type, operation, COUNT(*) FROM journal WHERE directory_id = ?1 \
                 GROUP BY resource_type, operation ORDER BY resource_type, operation",
                &[(&self.directory_id).into()],
                |row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned(), row.int(2)?)),
            )
            .await
    }
}

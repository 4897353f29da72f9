//! The provisioning log: every request that reached a directory's endpoint.

use std::sync::LazyLock;

use crate::{DirectoryTx, Param, Tx, error::Result};

/// One request and its outcome. What it changed is in the journal, under the same request id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    pub directory_id: String,
    /// UUID v7: entries ordered by it are ordered by arrival.
    pub request_id: String,
    /// Microseconds since 1970.
    pub at: i64,
    pub duration_us: i64,
    pub token_id: Option<String>,
    /// The kind of client, as far as it can be told.
    pub client: String,
    pub method: String,
    /// Path and query below the directory's base URL.
    pub target: String,
    pub status: i64,
    pub scim_type: Option<String>,
    pub detail: Option<String>,
    /// What was read otherwise than it was written.
    pub notes: Vec<String>,
    pub resource_type: Option<String>,
    pub resource_id: Option<String>,
    /// The request that this is one operation of, which the journal names for its changes.
    pub part_of: Option<String>,
}

const COLUMNS: &str = "directory_id, request_id, at, duration_us, token_id, client, method, \
     target, status, scim_type, detail, notes, resource_type, resource_id, part_of";
const WIDTH: usize = 15;

/// Entries of one statement.
const ROWS: usize = 32;

/// Adds entries. Most go many at a time: a log is the most written table there is.
pub async fn append(tx: &mut Tx, entries: &[Entry]) -> Result<()> {
    static MANY: LazyLock<String> = LazyLock::new(|| insert(ROWS));
    static ONE: LazyLock<String> = LazyLock::new(|| insert(1));
    let many = entries.chunks_exact(ROWS);
    let rest = many.remainder();
    for entries in many {
        add(tx, &MANY, entries).await?;
    }
    for entry in rest {
        add(tx, &ONE, std::slice::from_ref(entry)).await?;
    }
    Ok(())
}

fn insert(rows: usize) -> String {
    let row = |row: usize| {
        let first = row * WIDTH + 1;
        let places: Vec<String> = (first..first + WIDTH).map(|place| format!("?{place}")).collect();
        format!("({})", places.join(", "))
    };
    let rows: Vec<String> = (0..rows).map(row).collect();
    let rows = rows.join(", ");
    format!("INSERT INTO provisioning_log ({COLUMNS}) VALUES {rows} ON CONFLICT DO NOTHING")
}

async fn add(tx: &mut Tx, sql: &str, entries: &[Entry]) -> Result<()> {
    let json = |notes: &Vec<String>| {
        (!notes.is_empty()).then(|| serde_json::Value::from(notes.clone()).to_string())
    };
    let notes: Vec<Option<String>> = entries.iter().map(|entry| json(&entry.notes)).collect();
    let mut params: Vec<Param<'_>> = Vec::with_capacity(entries.len() * WIDTH);
    for (entry, notes) in entries.iter().zip(&notes) {
        let row: [Param<'_>; WIDTH] = [
            (&entry.directory_id).into(),
            (&entry.request_id).into(),
            entry.at.into(),
            entry.duration_us.into(),
            entry.token_id.as_ref().into(),
            (&entry.client).into(),
            (&entry.method).into(),
            (&entry.target).into(),
            entry.status.into(),
            entry.scim_type.as_ref().into(),
            entry.detail.as_ref().into(),
            notes.as_ref().into(),
            entry.resource_type.as_ref().into(),
            entry.resource_id.as_ref().into(),
            entry.part_of.as_ref().into(),
        ];
        params.extend(row);
    }
    tx.send(sql, &params).await
}

/// Deletes up to `limit` entries of a directory that came before `request_id`; how many.
pub async fn prune(tx: &mut Tx, directory_id: &str, request_id: &str, limit: i64) -> Result<u64> {
    let end = tx
        .query_opt(
            "SELECT request_id FROM provisioning_log WHERE directory_id = ?1 AND request_id < ?2 \
             ORDER BY directory_id, request_id LIMIT 1 OFFSET ?3",
            &[directory_id.into(), request_id.into(), limit.into()],
            |row| Ok(row.text(0)?.to_owned()),
        )
        .await?;
    tx.execute(
        "DELETE FROM provisioning_log WHERE directory_id = ?1 AND request_id < ?2",
        &[directory_id.into(), end.as_deref().unwrap_or(request_id).into()],
    )
    .await
}

impl DirectoryTx<'_> {
    /// The newest entries, newest first.
    pub async fn log(&mut self, limit: i64) -> Result<Vec<Entry>> {
        self.tx
            .query(
                &format!(
                    "SELECT {COLUMNS} FROM provisioning_log WHERE directory_id = ?1 \
                     ORDER BY directory_id DESC, request_id DESC LIMIT ?2"
                ),
                &[(&self.directory_id).into(), limit.into()],
                |row| {
                    let optional = |column| {
                        Ok::<_, crate::Error>(row.optional_text(column)?.map(str::to_owned))
                    };
                    Ok(Entry {
                        directory_id: row.text(0)?.into(),
                        request_id: row.text(1)?.into(),
                        at: row.int(2)?,
                        duration_us: row.int(3)?,
                        token_id: optional(4)?,
                        client: row.text(5)?.into(),
                        method: row.text(6)?.into(),
                        target: row.text(7)?.into(),
                        status: row.int(8)?,
                        scim_type: optional(9)?,
                        detail: optional(10)?,
                        notes: row
                            .optional_text(11)?
                            .and_then(|notes| serde_json::from_str(notes).ok())
                            .unwrap_or_default(),
                        resource_type: optional(12)?,
                        resource_id: optional(13)?,
                        part_of: optional(14)?,
                    })
                },
            )
            .await
    }

    /// How many requests ended with which status, method and reason, most first.
    pub async fn log_refusals(&mut self) -> Result<Vec<(i64, Option<String>, String, i64)>> {
        self.tx
            .query(
                "SELECT status, scim_type, MAX(detail), COUNT(*) FROM provisioning_log \
                 WHERE directory_id = ?1 AND status >= 400 GROUP BY status, scim_type \
                 ORDER BY COUNT(*) DESC, status",
                &[(&self.directory_id).into()],
                |row| {
                    Ok((
                        row.int(0)?,
                        row.optional_text(1)?.map(str::to_owned),
                        row.optional_text(2)?.unwrap_or_default().to_owned(),
                        row.int(3)?,
                    ))
                },
            )
            .await
    }
}

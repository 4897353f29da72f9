//! Brings the tables up to date: embedded files, each run once, in order, forward only.

use crate::{
    db::{Db, Tx},
    error::{Error, Result},
};

/// Number, name and statements of each migration.
const SQLITE: &[(i64, &str, &str)] =
    &[(1, "core", include_str!("migrations/sqlite/0001_core.sql"))];

const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migration (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    applied_at INTEGER NOT NULL
)";

/// Runs what has not been run. A store that a later version has migrated is refused.
pub(crate) async fn run(db: &Db, now: i64) -> Result<()> {
    db.write(None, async move |tx: &mut Tx| {
        tx.batch(TABLE).await?;
        let applied = tx
            .query_opt("SELECT COALESCE(MAX(number), 0) FROM schema_migration", &[], |row| {
                row.int(0)
            })
            .await?
            .unwrap_or(0);
        let newest = SQLITE.last().map_or(0, |(number, ..)| *number);
        if applied > newest {
            return Err(Error::Refused(format!(
                "the store was written by a later version (its tables are number {applied}, \
                     this version knows {newest}): run that version or restore a backup"
            )));
        }
        for (number, name, statements) in SQLITE.iter().filter(|(n, ..)| *n > applied) {
            tx.batch(statements).await?;
            tx.execute(
                "INSERT INTO schema_migration (number, name, applied_at) VALUES (?1, ?2, ?3)",
                &[(*number).into(), (*name).into(), now.into()],
            )
            .await?;
        }
        Ok(())
    })
    .await
}

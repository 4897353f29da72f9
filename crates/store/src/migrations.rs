//! Brings the tables up to date: embedded files, each run once, in order, forward only.
//!
//! Any number of processes may start at the same moment: whoever comes second waits for the row
//! that the first one holds, and finds everything done. Processes of the previous version go on
//! beside it, and can be started again, as long as the newer migrations say that they may
//! ([`Migration::needs`]).

use sha2::{Digest, Sha256};

use crate::{
    db::{Db, Tx},
    error::{Error, Result},
};

/// A step of the tables' history. Once it is released its text never changes.
#[derive(Clone, Copy, Debug)]
struct Migration {
    number: i64,
    name: &'static str,
    /// The oldest migration that a program must know to work on what this one leaves. An earlier
    /// one than this where it only adds what programs of before can do without (a table, an index,
    /// a column with a default), so that they need not be stopped while it is brought in.
    needs: i64,
    statements: &'static str,
}

const MIGRATIONS: &[Migration] = &[Migration {
    number: 1,
    name: "core",
    needs: 1,
    statements: include_str!("migrations/0001_core.sql"),
}];

/// Row 0 is no migration: whoever migrates holds it.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migration (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    needs INTEGER NOT NULL,
    checksum TEXT NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT;";

/// How often the table is created anew after another process did the same at the same moment.
const ATTEMPTS: usize = 5;

const ADD: &str = "INSERT INTO schema_migration (number, name, needs, checksum, applied_at) \
     VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";

/// Runs what has not been run. A store that cannot be understood is refused as
/// [`Error::Version`]; one that a later version has migrated and left usable is used.
pub(crate) async fn run(db: &Db, now: i64) -> Result<()> {
    migrate(db, MIGRATIONS, now).await
}

async fn migrate(db: &Db, known: &'static [Migration], now: i64) -> Result<()> {
    create_table(db, now).await?;
    let newest_applied =
        db.write(None, async move |tx: &mut Tx| apply(tx, known, now).await).await?;
    let newest = newest(known);
    if newest_applied > newest {
        tracing::warn!(
            store = newest_applied,
            program = newest,
            "the store was migrated by a later version, which says that this one can work on it"
        );
    }
    Ok(())
}

/// PostgreSQL answers "exists already" to one of two who create a table at the same moment, in
/// spite of IF NOT EXISTS.
async fn create_table(db: &Db, now: i64) -> Result<()> {
    let mut attempt = 1;
    loop {
        let created = db
            .write(None, async move |tx: &mut Tx| {
                let table = tx.dialect().ddl(TABLE);
                tx.batch(&table).await?;
                let row = [0.into(), "lock".into(), 0.into(), "".into(), now.into()];
                tx.execute(ADD, &row).await
            })
            .await;
        match created {
            Ok(_) => return Ok(()),
            Err(error @ Error::Unavailable(_)) => return Err(error),
            Err(error) if attempt == ATTEMPTS => return Err(error),
            Err(_) => attempt += 1,
        }
    }
}

/// Runs what has not been run; the number of the newest migration of the store.
async fn apply(tx: &mut Tx, known: &[Migration], now: i64) -> Result<i64> {
    let hold = "SELECT number FROM schema_migration WHERE number = 0 {for update}";
    tx.query_opt(hold, &[], |row| row.int(0)).await?;
    let applied = tx
        .query(
            "SELECT number, name, needs, checksum FROM schema_migration WHERE number > 0 \
             ORDER BY number",
            &[],
            |row| Ok((row.int(0)?, row.text(1)?.to_owned(), row.int(2)?, row.text(3)?.to_owned())),
        )
        .await?;
    let newest_known = newest(known);
    for (number, name, needs, checksum) in &applied {
        if *needs > newest_known {
            return Err(Error::Version(format!(
                "a later version has migrated the store (`{name}`, number {number}, needs a \
                 version that knows number {needs}; this one knows {newest_known}): run that \
                 version or restore a backup"
            )));
        }
        let Some(migration) = known.iter().find(|migration| migration.number == *number) else {
            continue;
        };
        let own = self::checksum(migration.statements);
        if own != *checksum {
            return Err(Error::Version(format!(
                "migration {number} (`{name}`) of the store is another than this version's: its \
                 checksum is `{checksum}` in the store and `{own}` here; run the version that \
                 wrote the store, or restore a backup"
            )));
        }
    }
    let newest_applied = applied.last().map_or(0, |(number, ..)| *number);
    for migration in known.iter().filter(|migration| migration.number > newest_applied) {
        let statements = tx.dialect().ddl(migration.statements);
        tx.batch(&statements).await?;
        let checksum = checksum(migration.statements);
        let row = [
            migration.number.into(),
            migration.name.into(),
            migration.needs.into(),
            (&checksum).into(),
            now.into(),
        ];
        tx.execute(ADD, &row).await?;
        // Whoever waits for the row with an earlier view of the tables, as serialisable transactions
        // have, is made to look again.
        let moved = "UPDATE schema_migration SET applied_at = ?1 WHERE number = 0";
        tx.execute(moved, &[now.into()]).await?;
    }
    Ok(newest_applied.max(newest_known))
}

/// The newest migration that this version knows. Where a later version has migrated the store, this
/// one cannot tell all that is in it: that is [`Error::Version`].
pub(crate) async fn must_be_known(tx: &mut Tx) -> Result<i64> {
    let newest_known = newest(MIGRATIONS);
    let later = "SELECT number FROM schema_migration WHERE number > ?1 LIMIT 1";
    match tx.query_opt(later, &[newest_known.into()], |row| row.int(0)).await? {
        None => Ok(newest_known),
        Some(number) => Err(Error::Version(format!(
            "a later version has added to the tables (migration {number}; this version knows up \
             to {newest_known}): use that version"
        ))),
    }
}

fn newest(known: &[Migration]) -> i64 {
    known.last().map_or(0, |migration| migration.number)
}

/// SHA-256 of the text, hexadecimal, whatever its line ends.
fn checksum(statements: &str) -> String {
    let mut digest = Sha256::new();
    for line in statements.lines() {
        digest.update(line);
        digest.update("\n");
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;

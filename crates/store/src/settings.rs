//! What a running server leaves for the command line beside it.

use crate::{Tx, error::Result};

/// The value stored under `name`.
pub async fn get(tx: &mut Tx, name: &str) -> Result<Option<String>> {
    tx.query_opt("SELECT value FROM setting WHERE name = ?1", &[name.into()], |row| {
        Ok(row.text(0)?.to_owned())
    })
    .await
}

/// Stores `value` under `name`.
pub async fn set(tx: &mut Tx, name: &str, value: &str) -> Result<()> {
    tx.execute(
        "INSERT INTO setting (name, value) VALUES (?1, ?2) \
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        &[name.into(), value.into()],
    )
    .await?;
    Ok(())
}

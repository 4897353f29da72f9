//! What a running server leaves for the command line beside it.

use crate::{Tx, error::Result};

/// The value stored under `name`.
pub async fn get(tx: &mut Tx, name: &str) -> Result<Option<String>> {
    tx.query_opt("SELECT value FROM setting WHERE name = ?1", &[name.into()], |row| {
        Ok(row.text(0)?.to_owned())
    })
    .await
}

/// The same, for one who will write it: nobody else can until the transaction ends. Empty when it
/// was never set.
pub async fn hold(tx: &mut Tx, name: &str) -> Result<String> {
    let place = "INSERT INTO setting (name, value) VALUES (?1, '') ON CONFLICT DO NOTHING";
    tx.send(place, &[name.into()]).await?;
    let sql = "SELECT value FROM setting WHERE name = ?1 {for update}";
    let value = tx.query_opt(sql, &[name.into()], |row| Ok(row.text(0)?.to_owned())).await?;
    Ok(value.unwrap_or_default())
}

/// Stores `value` under `name`.
pub async fn set(tx: &mut Tx, name: &str, value: &str) -> Result<()> {
    tx.send(
        "INSERT INTO setting (name, value) VALUES (?1, ?2) \
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        &[name.into(), value.into()],
    )
    .await
}

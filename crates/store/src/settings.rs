//! What is set for all organizations, and what a running server leaves for the command line beside
//! it.

use mapping::slug::Rule;

use crate::{
    Tx,
    error::{Error, Result},
};

/// The setting that says what slugs of teams are like.
const TEAM_SLUGS: &str = "team_slugs";

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

/// What slugs of teams have to be like.
pub async fn team_slugs(tx: &mut Tx) -> Result<Rule> {
    let stored = get(tx, TEAM_SLUGS).await?;
    read_team_slugs(stored.as_deref().unwrap_or_default())
}

/// The same, for one who will write it.
pub async fn hold_team_slugs(tx: &mut Tx) -> Result<Rule> {
    let stored = hold(tx, TEAM_SLUGS).await?;
    read_team_slugs(&stored)
}

fn read_team_slugs(stored: &str) -> Result<Rule> {
    if stored.is_empty() {
        return Ok(Rule::default());
    }
    serde_json::from_str(stored).map_err(|error| Error::Corrupt {
        table: "setting",
        row: TEAM_SLUGS.into(),
        problem: error.to_string(),
    })
}

/// Sets what slugs of teams have to be like.
pub async fn set_team_slugs(tx: &mut Tx, rule: &Rule) -> Result<()> {
    let stored = serde_json::to_string(rule).expect("a rule is texts and a number");
    set(tx, TEAM_SLUGS, &stored).await
}

//! Accounts: the people behind memberships, across organizations. Found by e-mail address; who is
//! linked to one is for the caller to decide.

use crate::{Row, Tx, error::Result, members::value_key};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: String,
    pub email_address: String,
    /// Microseconds since 1970.
    pub created_at: i64,
}

const COLUMNS: &str = "id, email_address, created_at";

fn read(row: &Row<'_>) -> Result<Account> {
    Ok(Account {
        id: row.text(0)?.into(),
        email_address: row.text(1)?.into(),
        created_at: row.int(2)?,
    })
}

/// The account with this id.
pub async fn get(tx: &mut Tx, id: &str) -> Result<Option<Account>> {
    let sql = format!("SELECT {COLUMNS} FROM account WHERE id = ?1");
    tx.query_opt(&sql, &[id.into()], read).await
}

/// The account with this e-mail address, compared without case.
pub async fn with_email(tx: &mut Tx, email_address: &str) -> Result<Option<Account>> {
    let sql = format!("SELECT {COLUMNS} FROM account WHERE email_key = ?1");
    tx.query_opt(&sql, &[(&value_key(email_address)).into()], read).await
}

/// The id of the account with the e-mail address of `new`, which is stored if there is none.
pub async fn find_or_create(tx: &mut Tx, new: &Account) -> Result<String> {
    let email_key = value_key(&new.email_address);
    if let Some(found) = with_email(tx, &new.email_address).await? {
        return Ok(found.id);
    }
    let params =
        [(&new.id).into(), (&new.email_address).into(), (&email_key).into(), new.created_at.into()];
    tx.execute(
        "INSERT INTO account (id, email_address, email_key, created_at) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (email_key) DO NOTHING",
        &params,
    )
    .await?;
    // Another organization may have been faster.
    let found = with_email(tx, &new.email_address).await?;
    Ok(found.map_or_else(|| new.id.clone(), |found| found.id))
}

/// The memberships of an account that are not deleted: `(organization, member)`.
pub async fn memberships(tx: &mut Tx, id: &str) -> Result<Vec<(String, String)>> {
    tx.query(
        "SELECT organization_id, id FROM member WHERE account_id = ?1 AND state <> 'deleted' \
         ORDER BY organization_id, id",
        &[id.into()],
        |row| Ok((row.text(0)?.into(), row.text(1)?.into())),
    )
    .await
}

//! Tokens of a directory: only their digests are stored.

use crate::{
    Row, Tx,
    directories::{self, Directory},
    error::Result,
};

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub id: String,
    pub directory_id: String,
    pub name: String,
    /// SHA-256 of the secret, hexadecimal.
    pub digest: String,
    /// The last characters of the secret.
    pub hint: String,
    /// The user that it speaks for, and as whom it may do nothing else.
    pub user_id: Option<String>,
    /// Microseconds since 1970, as all times here.
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub last_used_at: Option<i64>,
    pub revoked_at: Option<i64>,
}

const COLUMNS: &str = "t.id, t.directory_id, t.name, t.digest, t.hint, t.user_id, t.created_at, \
     t.expires_at, t.last_used_at, t.revoked_at";

fn read(row: &Row<'_>, first: usize) -> Result<Token> {
    Ok(Token {
        id: row.text(first)?.into(),
        directory_id: row.text(first + 1)?.into(),
        name: row.text(first + 2)?.into(),
        digest: row.text(first + 3)?.into(),
        hint: row.text(first + 4)?.into(),
        user_id: row.optional_text(first + 5)?.map(str::to_owned),
        created_at: row.int(first + 6)?,
        expires_at: row.optional_int(first + 7)?,
        last_used_at: row.optional_int(first + 8)?,
        revoked_at: row.optional_int(first + 9)?,
    })
}

/// Stores a new token.
pub async fn create(tx: &mut Tx, token: &Token) -> Result<()> {
    tx.send(
        "INSERT INTO token (id, directory_id, name, digest, hint, user_id, created_at, \
         expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        &[
            (&token.id).into(),
            (&token.directory_id).into(),
            (&token.name).into(),
            (&token.digest).into(),
            (&token.hint).into(),
            token.user_id.as_ref().into(),
            token.created_at.into(),
            token.expires_at.into(),
        ],
    )
    .await
}

/// The token with this digest — expired and revoked ones too — and its directory, unless that or
/// its organization is deleted.
pub async fn get_by_digest(tx: &mut Tx, digest: &str) -> Result<Option<(Token, Directory)>> {
    let sql = format!(
        "SELECT {}, {COLUMNS} FROM token t JOIN directory d ON d.id = t.directory_id \
         JOIN organization o ON o.id = d.organization_id \
         WHERE t.digest = ?1 AND d.deleted_at IS NULL AND o.deleted_at IS NULL",
        directories::COLUMNS
    );
    tx.query_opt(&sql, &[digest.into()], |row| {
        Ok((read(row, directories::WIDTH)?, directories::read(row)?))
    })
    .await
}

/// The token that an access token with this digest was given for, and its directory. Its digest and
/// the time it expires are those of the access token.
pub async fn get_by_access_digest(tx: &mut Tx, digest: &str) -> Result<Option<(Token, Directory)>> {
    let sql = format!(
        "SELECT {}, a.digest, a.expires_at, {COLUMNS} FROM access_token a \
         JOIN token t ON t.id = a.token_id JOIN directory d ON d.id = t.directory_id \
         JOIN organization o ON o.id = d.organization_id \
         WHERE a.digest = ?1 AND d.deleted_at IS NULL AND o.deleted_at IS NULL",
        directories::COLUMNS
    );
    tx.query_opt(&sql, &[digest.into()], |row| {
        let mut token = read(row, directories::WIDTH + 2)?;
        token.digest = row.text(directories::WIDTH)?.into();
        token.expires_at = Some(row.int(directories::WIDTH + 1)?);
        Ok((token, directories::read(row)?))
    })
    .await
}

/// Remembers an access token that stands for the token `id` until `expires_at`, and forgets those
/// of the same token that have expired.
pub async fn grant(tx: &mut Tx, id: &str, digest: &str, expires_at: i64, now: i64) -> Result<()> {
    tx.send(
        "DELETE FROM access_token WHERE token_id = ?1 AND expires_at <= ?2",
        &[id.into(), now.into()],
    )
    .await?;
    tx.send(
        "INSERT INTO access_token (digest, token_id, expires_at) VALUES (?1, ?2, ?3)",
        &[digest.into(), id.into(), expires_at.into()],
    )
    .await
}

/// All tokens of a directory, oldest first, with the expired and revoked ones.
pub async fn list(tx: &mut Tx, directory_id: &str) -> Result<Vec<Token>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM token t WHERE t.directory_id = ?1 ORDER BY t.created_at, t.id"
    );
    tx.query(&sql, &[directory_id.into()], |row| read(row, 0)).await
}

/// Ends the token. Whether there was a live one with this id in the directory.
pub async fn revoke(tx: &mut Tx, directory_id: &str, id: &str, now: i64) -> Result<bool> {
    let touched = tx
        .execute(
            "UPDATE token SET revoked_at = ?3 \
             WHERE id = ?1 AND directory_id = ?2 AND revoked_at IS NULL",
            &[id.into(), directory_id.into(), now.into()],
        )
        .await?;
    Ok(touched == 1)
}

/// Ends every live token of the directory; how many. Those that are created at the same moment are
/// among them, or come after it, for one who holds the directory ([`directories::hold`]).
pub async fn revoke_all(tx: &mut Tx, directory_id: &str, now: i64) -> Result<u64> {
    tx.execute(
        "UPDATE token SET revoked_at = ?2 WHERE directory_id = ?1 AND revoked_at IS NULL",
        &[directory_id.into(), now.into()],
    )
    .await
}

/// Remembers that the token was used at `at`.
pub async fn used(tx: &mut Tx, id: &str, at: i64) -> Result<()> {
    tx.send(
        "UPDATE token SET last_used_at = ?2 \
         WHERE id = ?1 AND (last_used_at IS NULL OR last_used_at < ?2)",
        &[id.into(), at.into()],
    )
    .await
}

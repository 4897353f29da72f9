//! E-mail domains of organizations: which ones they say are theirs, and which are verified.
//!
//! Several organizations may have the same one, each with a challenge of its own. What is verified
//! decides what members are: whoever verifies or removes a domain calls [`crate::organizations::hold`]
//! before and [`crate::projections::begin`] behind it, in the same transaction.

use crate::{
    Row, Tx,
    error::{Error, Result},
};

/// A domain of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    pub organization_id: String,
    /// In lower case, an international name in its ASCII form.
    pub name: String,
    /// What a TXT record has to say.
    pub challenge: String,
    pub verified: Option<Verified>,
    /// When DNS was asked last, in microseconds since 1970.
    pub checked_at: Option<i64>,
    /// Why it was not verified then.
    pub problem: Option<String>,
    /// Microseconds since 1970.
    pub created_at: i64,
}

/// That a domain is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Microseconds since 1970.
    pub at: i64,
    pub by: VerifiedBy,
}

/// Who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifiedBy {
    /// A TXT record that was found.
    Dns,
    Operator,
}

impl VerifiedBy {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Operator => "operator",
        }
    }
}

const COLUMNS: &str = "organization_id, name, challenge, verified_at, verified_by, checked_at, \
     problem, created_at";

fn read(row: &Row<'_>) -> Result<Domain> {
    let corrupt = |problem: &str| Error::Corrupt {
        table: "domain",
        row: row.text(1).unwrap_or_default().into(),
        problem: problem.into(),
    };
    let verified = match (row.optional_int(3)?, row.optional_text(4)?) {
        (None, _) => None,
        (Some(at), Some("dns")) => Some(Verified { at, by: VerifiedBy::Dns }),
        (Some(at), Some("operator")) => Some(Verified { at, by: VerifiedBy::Operator }),
        (Some(_), _) => return Err(corrupt("nobody known has verified it")),
    };
    Ok(Domain {
        organization_id: row.text(0)?.into(),
        name: row.text(1)?.into(),
        challenge: row.text(2)?.into(),
        verified,
        checked_at: row.optional_int(5)?,
        problem: row.optional_text(6)?.map(str::to_owned),
        created_at: row.int(7)?,
    })
}

/// Adds a domain that is not verified yet. Whether the organization did not have it before.
pub async fn add(
    tx: &mut Tx,
    organization_id: &str,
    name: &str,
    challenge: &str,
    now: i64,
) -> Result<bool> {
    let added = tx
        .execute(
            "INSERT INTO domain (organization_id, name, challenge, created_at) \
             VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            &[organization_id.into(), name.into(), challenge.into(), now.into()],
        )
        .await?;
    Ok(added == 1)
}

/// The domains of an organization, by name.
pub async fn list(tx: &mut Tx, organization_id: &str) -> Result<Vec<Domain>> {
    let sql = format!("SELECT {COLUMNS} FROM domain WHERE organization_id = ?1 ORDER BY name");
    tx.query(&sql, &[organization_id.into()], read).await
}

/// One domain of an organization.
pub async fn get(tx: &mut Tx, organization_id: &str, name: &str) -> Result<Option<Domain>> {
    let sql = format!("SELECT {COLUMNS} FROM domain WHERE organization_id = ?1 AND name = ?2");
    tx.query_opt(&sql, &[organization_id.into(), name.into()], read).await
}

/// The names of the domains that an organization has verified, in order.
pub async fn verified(tx: &mut Tx, organization_id: &str) -> Result<Vec<String>> {
    tx.query(
        "SELECT name FROM domain WHERE organization_id = ?1 AND verified_at IS NOT NULL \
         ORDER BY name",
        &[organization_id.into()],
        |row| Ok(row.text(0)?.to_owned()),
    )
    .await
}

/// The domains of all living organizations that are not verified and came after `since`, oldest
/// first.
pub async fn pending(tx: &mut Tx, since: i64) -> Result<Vec<Domain>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM domain WHERE verified_at IS NULL AND created_at > ?1 AND EXISTS \
         (SELECT 1 FROM organization o WHERE o.id = organization_id AND o.deleted_at IS NULL) \
         ORDER BY created_at, organization_id, name"
    );
    tx.query(&sql, &[since.into()], read).await
}

/// Verifies a domain that is not verified and whose challenge is still this one. Whether that was
/// so.
pub async fn verify(
    tx: &mut Tx,
    organization_id: &str,
    name: &str,
    challenge: &str,
    by: VerifiedBy,
    now: i64,
) -> Result<bool> {
    let verified = tx
        .execute(
            "UPDATE domain SET verified_at = ?4, verified_by = ?5, problem = NULL, checked_at = \
             CASE WHEN ?5 = 'dns' THEN ?4 ELSE checked_at END WHERE organization_id = ?1 \
             AND name = ?2 AND challenge = ?3 AND verified_at IS NULL",
            &[
                organization_id.into(),
                name.into(),
                challenge.into(),
                now.into(),
                by.as_str().into(),
            ],
        )
        .await?;
    Ok(verified == 1)
}

/// Keeps that DNS did not verify a domain, and why, unless it has been verified or its challenge is
/// another one meanwhile.
pub async fn refuse(
    tx: &mut Tx,
    organization_id: &str,
    name: &str,
    challenge: &str,
    problem: &str,
    now: i64,
) -> Result<()> {
    tx.send(
        "UPDATE domain SET checked_at = ?4, problem = ?5 WHERE organization_id = ?1 \
         AND name = ?2 AND challenge = ?3 AND verified_at IS NULL",
        &[organization_id.into(), name.into(), challenge.into(), now.into(), problem.into()],
    )
    .await
}

/// Removes a domain of an organization; what it was, if there was one.
pub async fn remove(tx: &mut Tx, organization_id: &str, name: &str) -> Result<Option<Domain>> {
    let sql =
        format!("DELETE FROM domain WHERE organization_id = ?1 AND name = ?2 RETURNING {COLUMNS}");
    tx.query_opt(&sql, &[organization_id.into(), name.into()], read).await
}

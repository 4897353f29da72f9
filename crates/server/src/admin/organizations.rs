//! Organizations.

use store::{Store, Tx, organizations::Organization};

use super::Error;
use crate::ids;

/// Creates an organization. The slug is a DNS label: letters, digits and hyphens in lower case, as
/// it may become part of a host name.
pub async fn create(
    store: &Store,
    slug: &str,
    name: Option<&str>,
    now: i64,
) -> Result<Organization, Error> {
    check_slug(slug)?;
    let name = name.unwrap_or(slug).trim();
    if name.is_empty() || name.len() > 200 {
        return Err(Error::Invalid("an organization's name has 1 to 200 characters".into()));
    }
    let organization = Organization {
        id: ids::prefixed("org"),
        slug: slug.into(),
        name: name.into(),
        created_at: now,
    };
    let stored = organization.clone();
    store
        .administer(async move |tx: &mut Tx| store::organizations::create(tx, &stored).await)
        .await
        .map_err(|error| match error {
            store::Error::Conflict { .. } => {
                Error::Conflict(format!("an organization `{slug}` exists already"))
            }
            other => other.into(),
        })?;
    Ok(organization)
}

fn check_slug(slug: &str) -> Result<(), Error> {
    let fits = (1..=63).contains(&slug.len())
        && slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !slug.starts_with('-')
        && !slug.ends_with('-');
    if fits {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "`{slug}` is no slug: 1 to 63 lower-case letters, digits and hyphens, \
         no hyphen at either end"
    )))
}

/// The organization with this slug.
pub async fn get(store: &Store, slug: &str) -> Result<Organization, Error> {
    let key = slug.to_owned();
    let found: Option<Organization> =
        store.look_up(async move |tx: &mut Tx| store::organizations::get(tx, &key).await).await?;
    found.ok_or_else(|| not_found(slug))
}

pub(super) fn not_found(slug: &str) -> Error {
    Error::NotFound(format!("no organization `{slug}`"))
}

/// All organizations, by slug.
pub async fn list(store: &Store) -> Result<Vec<Organization>, Error> {
    Ok(store.look_up(async |tx: &mut Tx| store::organizations::list(tx).await).await?)
}

/// Deletes an organization and its directories. Their data stays in the store.
pub async fn delete(store: &Store, slug: &str, now: i64) -> Result<(), Error> {
    let key = slug.to_owned();
    let deleted = store
        .administer(async move |tx: &mut Tx| store::organizations::delete(tx, &key, now).await)
        .await?;
    if deleted { Ok(()) } else { Err(not_found(slug)) }
}

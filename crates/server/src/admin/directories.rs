//! Directories.

use store::{Store, Tx, directories::Directory};

use super::{Error, organizations, tokens};
use crate::ids;

/// Requests a second that a directory may make unless set otherwise.
pub const DEFAULT_RATE_LIMIT: u32 = 100;

/// What a new directory is like.
#[derive(Clone, Debug)]
pub struct NewDirectory<'a> {
    pub organization: &'a str,
    pub kind: &'a str,
    pub rate_limit: u32,
    pub strict: bool,
    pub learn_schemas: bool,
    pub public_discovery: bool,
}

/// Creates a directory with its first token; answers it with the token's secret.
pub async fn create(
    store: &Store,
    new: NewDirectory<'_>,
    now: i64,
) -> Result<(Directory, String), Error> {
    if new.strict && new.learn_schemas {
        return Err(strict_learns_nothing());
    }
    let organization = organizations::get(store, new.organization).await?;
    let directory = Directory {
        id: ids::prefixed("dir"),
        organization_id: organization.id,
        organization_slug: organization.slug,
        kind: new.kind.into(),
        enabled: true,
        strict: new.strict,
        group_sync: true,
        rate_limit: new.rate_limit,
        schemas_version: 0,
        learn_schemas: new.learn_schemas,
        public_discovery: new.public_discovery,
        created_at: now,
    };
    let (token, secret) = tokens::new(&directory.id, "first", None, None, now);
    let stored = directory.clone();
    let created = store
        .administer::<_, store::Error, _>(async move |tx: &mut Tx| {
            if !store::directories::create(tx, &stored).await? {
                return Ok(false);
            }
            store::tokens::create(tx, &token).await?;
            Ok(true)
        })
        .await?;
    if created { Ok((directory, secret)) } else { Err(organizations::not_found(new.organization)) }
}

/// The directory with this id.
pub async fn get(store: &Store, id: &str) -> Result<Directory, Error> {
    let key = id.to_owned();
    let found: Option<Directory> =
        store.look_up(async move |tx: &mut Tx| store::directories::get(tx, &key).await).await?;
    found.ok_or_else(|| not_found(id))
}

/// All directories, or those of one organization.
pub async fn list(store: &Store, organization: Option<&str>) -> Result<Vec<Directory>, Error> {
    let id = match organization {
        None => None,
        Some(slug) => Some(organizations::get(store, slug).await?.id),
    };
    Ok(store
        .look_up(async move |tx: &mut Tx| store::directories::list(tx, id.as_deref()).await)
        .await?)
}

/// Switches a directory on or off.
pub async fn set_enabled(store: &Store, id: &str, enabled: bool) -> Result<(), Error> {
    let key = id.to_owned();
    let found = store
        .administer(async move |tx: &mut Tx| {
            store::directories::set_enabled(tx, &key, enabled).await
        })
        .await?;
    if found { Ok(()) } else { Err(not_found(id)) }
}

/// Sets whether extension schemas that nobody declared are declared from what is sent.
pub async fn set_learn_schemas(store: &Store, id: &str, learn: bool) -> Result<(), Error> {
    if get(store, id).await?.strict && learn {
        return Err(strict_learns_nothing());
    }
    let key = id.to_owned();
    let set = async move |tx: &mut Tx| store::directories::set_learn_schemas(tx, &key, learn).await;
    if store.administer(set).await? { Ok(()) } else { Err(not_found(id)) }
}

/// Sets whether discovery answers requests without a token.
pub async fn set_public_discovery(store: &Store, id: &str, public: bool) -> Result<(), Error> {
    let key = id.to_owned();
    let set =
        async move |tx: &mut Tx| store::directories::set_public_discovery(tx, &key, public).await;
    if store.administer(set).await? { Ok(()) } else { Err(not_found(id)) }
}

fn strict_learns_nothing() -> Error {
    Error::Invalid(
        "a strict directory refuses what no schema declares: it has nothing to learn".into(),
    )
}

/// Switches the sync of a directory's groups on or off. Stored groups stay.
pub async fn set_group_sync(store: &Store, id: &str, group_sync: bool) -> Result<(), Error> {
    let key = id.to_owned();
    let found = store
        .administer(async move |tx: &mut Tx| {
            store::directories::set_group_sync(tx, &key, group_sync).await
        })
        .await?;
    if found { Ok(()) } else { Err(not_found(id)) }
}

/// Deletes a directory. Its data stays in the store.
pub async fn delete(store: &Store, id: &str, now: i64) -> Result<(), Error> {
    let key = id.to_owned();
    let found = store
        .administer(async move |tx: &mut Tx| store::directories::delete(tx, &key, now).await)
        .await?;
    if found { Ok(()) } else { Err(not_found(id)) }
}

pub(super) fn not_found(id: &str) -> Error {
    Error::NotFound(format!("no directory `{id}`"))
}

//! Directories.

use std::collections::BTreeMap;

use mapping::{Target, configuration::Leaves};
use store::{
    Store, Tx,
    directories::{Directory, Policies},
    projections,
};

use super::{Error, organizations, roles, tokens};
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

/// The policies of all directories that [`list`] lists, by id.
pub async fn policies(
    store: &Store,
    organization: Option<&str>,
) -> Result<BTreeMap<String, Policies>, Error> {
    let mut all = BTreeMap::new();
    let organizations = match organization {
        Some(slug) => vec![organizations::get(store, slug).await?],
        None => organizations::list(store).await?,
    };
    for organization in organizations {
        let of_one =
            async move |tx: &mut Tx| store::directories::policies(tx, &organization.id).await;
        let found: Vec<Policies> = store.look_up::<_, store::Error, _>(of_one).await?;
        all.extend(found.into_iter().map(|policies| (policies.id.clone(), policies)));
    }
    Ok(all)
}

/// Switches a directory on or off.
pub async fn set_enabled(store: &Store, id: &str, enabled: bool, now: i64) -> Result<(), Error> {
    change(store, id, now, async move |tx: &mut Tx, directory: &Directory| {
        if directory.enabled == enabled {
            return Ok(None);
        }
        store::directories::set_enabled(tx, &directory.id, enabled).await?;
        Ok(Some("directories"))
    })
    .await
}

/// What is to be different of a directory; nothing where nothing is said.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Whether its groups are taken in; stored ones stay.
    pub group_sync: Option<bool>,
    /// Whether extension schemas that nobody declared are declared from what is sent.
    pub learn_schemas: Option<bool>,
    /// Whether discovery answers requests without a token.
    pub public_discovery: Option<bool>,
    /// The target by which its users are linked to members before all else: the e-mail address, the
    /// external id or the username.
    pub identifier: Option<Target>,
    /// The highest role that it may give; `Some(None)`: any.
    pub role_ceiling: Option<Option<String>>,
}

/// Changes a directory.
pub async fn update(store: &Store, id: &str, changes: Changes, now: i64) -> Result<(), Error> {
    const IDENTIFIERS: [Target; 3] = [Target::EmailAddress, Target::ExternalId, Target::Username];
    if let Some(other) = changes.identifier.as_ref().filter(|target| !IDENTIFIERS.contains(target))
    {
        return Err(Error::Invalid(format!(
            "users are linked to members by email_address, external_id or username, not by `{other}`"
        )));
    }
    change(store, id, now, async move |tx: &mut Tx, directory: &Directory| {
        let id = &directory.id;
        if let Some(group_sync) = changes.group_sync {
            store::directories::set_group_sync(tx, id, group_sync).await?;
        }
        if let Some(learn) = changes.learn_schemas {
            if directory.strict && learn {
                return Err(strict_learns_nothing());
            }
            store::directories::set_learn_schemas(tx, id, learn).await?;
        }
        if let Some(public) = changes.public_discovery {
            store::directories::set_public_discovery(tx, id, public).await?;
        }
        let policies = store::directories::policies_of(tx, id).await?;
        let mut begins = None;
        if let Some(identifier) = &changes.identifier
            && policies.as_ref().is_none_or(|before| before.identifier != *identifier)
        {
            store::directories::set_identifier(tx, id, identifier).await?;
            begins = Some("directories");
        }
        if let Some(ceiling) = &changes.role_ceiling
            && policies.is_none_or(|before| before.role_ceiling != *ceiling)
        {
            if let Some(role) = ceiling
                && !store::roles::hold(tx, role).await?
            {
                return Err(roles::not_found(role));
            }
            store::directories::set_role_ceiling(tx, id, ceiling.as_deref()).await?;
            begins = Some("directories");
        }
        Ok(begins)
    })
    .await
}

fn strict_learns_nothing() -> Error {
    Error::Invalid(
        "a strict directory refuses what no schema declares: it has nothing to learn".into(),
    )
}

/// Deletes a directory. Its data stays in the store; `leaves` says what becomes of the members that
/// no other directory provides.
pub async fn delete(store: &Store, id: &str, leaves: Leaves, now: i64) -> Result<(), Error> {
    change(store, id, now, async move |tx: &mut Tx, directory: &Directory| {
        store::directories::delete(tx, &directory.id, leaves, now).await?;
        Ok(Some("directories"))
    })
    .await
}

/// Changes a directory, whose organization is held. `work` answers what members are to be looked at
/// again for, if anything is different for them.
pub(super) async fn change<F>(store: &Store, id: &str, now: i64, work: F) -> Result<(), Error>
where
    F: AsyncFn(&mut Tx, &Directory) -> Result<Option<&'static str>, Error> + Send + 'static,
{
    let (id, run) = (id.to_owned(), ids::prefixed("run"));
    store
        .administer(async move |tx: &mut Tx| {
            let of = store::directories::get(tx, &id).await?.ok_or_else(|| not_found(&id))?;
            store::organizations::hold(tx, &of.organization_id).await?;
            // As nobody changes it any more.
            let directory =
                store::directories::get(tx, &id).await?.ok_or_else(|| not_found(&id))?;
            if let Some(reason) = work(tx, &directory).await? {
                projections::begin(tx, &directory.organization_id, reason, &run, now).await?;
            }
            Ok(())
        })
        .await
}

pub(super) fn not_found(id: &str) -> Error {
    Error::NotFound(format!("no directory `{id}`"))
}

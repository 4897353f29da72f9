//! The roles and entitlements that a directory's client may give to users.

use scim::{schema::ROLE, urn};
use serde_json::Value;
use store::{DirectoryTx, Store, grantables::Grantable};

use super::{Error, directories};

/// The most roles and entitlements of one directory.
pub const MAX_GRANTABLES: usize = 20_000;
const MAX_ID: usize = 256;
const MAX_NAME: usize = 256;
const MAX_DESCRIPTION: usize = 1000;
const MAX_TYPE: usize = 64;

/// Names that no type of entitlements can have: they, or their plural, are names of the protocol.
const RESERVED: [&str; 8] =
    ["User", "Group", "Role", "Schema", "ResourceType", "ServiceProviderConfig", "Me", "Bulk"];

/// Declares roles or entitlements, all or none; those that are declared already are changed.
pub async fn add(
    store: &Store,
    directory_id: &str,
    grantables: Vec<Grantable>,
) -> Result<usize, Error> {
    directories::get(store, directory_id).await?;
    for grantable in &grantables {
        check(grantable)?;
    }
    let count = grantables.len();
    store
        .write(directory_id, async move |mut tx: DirectoryTx<'_>| {
            tx.declare_grantables(&grantables).await?;
            let all = tx.grantables().await?;
            if all.len() > MAX_GRANTABLES {
                return Err(Error::Invalid(format!(
                    "a directory declares at most {MAX_GRANTABLES} roles and entitlements"
                )));
            }
            // `/Permits` and `/permits` are two endpoints to us and one to many.
            let mut types: Vec<&str> = all.iter().map(|known| &*known.resource_type).collect();
            types.dedup();
            for (at, name) in types.iter().enumerate() {
                if let Some(other) = types[..at].iter().find(|o| o.eq_ignore_ascii_case(name)) {
                    return Err(Error::Conflict(format!(
                        "the types `{other}` and `{name}` differ in letter case only: use one"
                    )));
                }
            }
            Ok(())
        })
        .await?;
    Ok(count)
}

fn check(grantable: &Grantable) -> Result<(), Error> {
    let Grantable { resource_type, id, display_name, description, .. } = grantable;
    let is_name = resource_type.len() <= MAX_TYPE
        && resource_type.starts_with(|c: char| c.is_ascii_alphabetic())
        && resource_type.bytes().all(|b| b.is_ascii_alphanumeric());
    let is_reserved = RESERVED.iter().any(|known| known.eq_ignore_ascii_case(resource_type));
    if !is_name || is_reserved && resource_type != ROLE {
        return Err(Error::Invalid(format!(
            "`{resource_type}` cannot be a type of entitlements: a letter, then letters and digits, \
             at most {MAX_TYPE}, and no name of the protocol"
        )));
    }
    let says = |what: &str, max: usize| {
        Error::Invalid(format!("the {what} of `{id}` has 1 to {max} bytes, and none for control"))
    };
    let is_text = |text: &str, max: usize| {
        (1..=max).contains(&text.trim().len()) && !text.chars().any(char::is_control)
    };
    if !is_text(id, MAX_ID) {
        return Err(says("id", MAX_ID));
    }
    if !is_text(display_name, MAX_NAME) {
        return Err(says("display name", MAX_NAME));
    }
    if description.as_ref().is_some_and(|text| !is_text(text, MAX_DESCRIPTION)) {
        return Err(says("description", MAX_DESCRIPTION));
    }
    Ok(())
}

/// Reads roles, or entitlements, in the form in which their endpoint publishes them: an array or a
/// ListResponse of objects with `id`, `displayName`, perhaps `description`, and for entitlements
/// `type`.
pub fn parse(text: &str, of_roles: bool, now: i64) -> Result<Vec<Grantable>, Error> {
    let value: Value = serde_json::from_str(text)
        .map_err(|error| Error::Invalid(format!("the file is no JSON: {error}")))?;
    let items = match &value {
        Value::Array(items) => items,
        value => value.get("Resources").and_then(Value::as_array).ok_or_else(|| {
            Error::Invalid("the file has to hold an array, or an object with `Resources`".into())
        })?,
    };
    let mut all: Vec<Grantable> = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        let wrong = |what: &str| Error::Invalid(format!("entry {}: {what}", at + 1));
        let text = |name: &str| match item.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(wrong(&format!("`{name}` has to be a string"))),
        };
        let needs = |name: &str| text(name)?.ok_or_else(|| wrong(&format!("`{name}` is missing")));
        let is_role = |uri: &Value| uri.as_str().is_some_and(|uri| urn::eq(uri, urn::OKTA_ROLE));
        let mut schemas = item.get("schemas").and_then(Value::as_array).into_iter().flatten();
        if !of_roles && schemas.any(is_role) {
            return Err(wrong("this is a role: use `role load`"));
        }
        all.push(Grantable {
            resource_type: if of_roles { ROLE.into() } else { needs("type")? },
            id: needs("id")?,
            display_name: needs("displayName")?,
            description: text("description")?,
            declared_at: now,
        });
    }
    if all.is_empty() {
        return Err(Error::Invalid("the file names none".into()));
    }
    Ok(all)
}

/// The roles, or the entitlements, by type and id.
pub async fn list(
    store: &Store,
    directory_id: &str,
    of_roles: bool,
) -> Result<Vec<Grantable>, Error> {
    directories::get(store, directory_id).await?;
    let read = async |mut tx: DirectoryTx<'_>| tx.grantables().await;
    let mut all = store.read::<_, store::Error, _>(directory_id, read).await?;
    all.retain(|known| (known.resource_type == ROLE) == of_roles);
    Ok(all)
}

/// Takes one back. Users that have it keep it, until it is taken from them.
pub async fn remove(
    store: &Store,
    directory_id: &str,
    resource_type: &str,
    id: &str,
) -> Result<(), Error> {
    directories::get(store, directory_id).await?;
    let (key, kind) = (id.to_owned(), resource_type.to_owned());
    let found: bool = store
        .write::<_, store::Error, _>(directory_id, async move |mut tx: DirectoryTx<'_>| {
            tx.remove_grantable(&kind, &key).await
        })
        .await?;
    if found {
        return Ok(());
    }
    Err(Error::NotFound(match resource_type {
        ROLE => format!("directory `{directory_id}` declares no role `{id}`"),
        kind => {
            format!("directory `{directory_id}` declares no entitlement `{id}` of type `{kind}`")
        }
    }))
}

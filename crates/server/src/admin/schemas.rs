//! The extension schemas of a directory: declared, changed and taken back by an operator.

use scim::{
    Object, diff,
    schema::{Attribute, ResourceType, Returned, Schema, Uniqueness, core_schemas},
    urn, validate,
};
use serde_json::{Value, json};
use store::{
    DirectoryTx, Store,
    journal::Operation,
    resources::{Change, Resource},
    schemas::DeclaredSchema,
};

use super::{Error, directories};
use crate::{ids, schemas::ResourceTypes};

/// The most extension schemas of one directory.
pub const MAX_SCHEMAS: usize = 50;

/// Values that do not fit, of which no more are named.
const NAMED_MISFITS: usize = 20;

/// What became of a declaration.
#[derive(Clone, Debug, PartialEq)]
pub struct Added {
    pub uri: String,
    pub resource_type: String,
    /// Whether it changed an earlier declaration.
    pub replaced: bool,
    /// Resources that hold values of it already.
    pub holders: u64,
    /// Those whose names for the values got the spelling of the declaration.
    pub respelt: u64,
    /// Those with a value that does not fit: it stays, and is answered as it is.
    pub misfits: u64,
    /// What is wrong with the first of them, by resource.
    pub examples: Vec<(String, String)>,
}

/// Reads declarations in the form that `/Schemas` publishes: one, an array, or a ListResponse. In a
/// list, the schemas that every directory has are passed over.
pub fn parse(text: &str) -> Result<Vec<Schema>, Error> {
    let value: Value = serde_json::from_str(text)
        .map_err(|error| Error::Invalid(format!("the file is no JSON: {error}")))?;
    let listed = match value {
        Value::Array(items) => items,
        Value::Object(mut object) if object.contains_key("Resources") => {
            match object.remove("Resources") {
                Some(Value::Array(items)) => items,
                _ => return Err(Error::Invalid("`Resources` has to be an array".into())),
            }
        }
        one => {
            let schema = Schema::from_json(&one);
            return Ok(vec![schema.map_err(|error| Error::Invalid(error.to_string()))?]);
        }
    };
    let mut schemas: Vec<Schema> = Vec::new();
    for (at, item) in listed.iter().enumerate() {
        let id = item.get("id").and_then(Value::as_str).unwrap_or_default();
        if core_schemas().iter().any(|core| urn::eq(&core.id, id)) {
            continue;
        }
        let schema = Schema::from_json(item)
            .map_err(|error| Error::Invalid(format!("schema {} (`{id}`): {error}", at + 1)))?;
        if schemas.iter().any(|known| urn::eq(&known.id, &schema.id)) {
            return Err(Error::Invalid(format!("schema {} (`{id}`) is there twice", at + 1)));
        }
        schemas.push(schema);
    }
    if schemas.is_empty() {
        return Err(Error::Invalid("the file holds no extension schema".into()));
    }
    Ok(schemas)
}

/// Declares `schemas`, all or none. Without a resource type, URIs that end in `:Group` extend Group,
/// all others User. One that is declared already is changed: anything may change but what it
/// extends, as long as no value that was never returned becomes visible.
pub async fn add(
    store: &Store,
    directory_id: &str,
    schemas: Vec<Schema>,
    resource_type: Option<&str>,
    required: bool,
    now: i64,
) -> Result<Vec<Added>, Error> {
    directories::get(store, directory_id).await?;
    let resource_type = resource_type.map(str::to_owned);
    store
        .write(directory_id, async move |mut tx: DirectoryTx<'_>| {
            let mut added = Vec::new();
            for schema in &schemas {
                let of_group = schema.id.to_ascii_lowercase().ends_with(":group");
                let default = if of_group { "Group" } else { "User" };
                let declared = DeclaredSchema {
                    schema: schema.clone(),
                    resource_type: resource_type.as_deref().unwrap_or(default).to_owned(),
                    required,
                    learned: false,
                    declared_at: now,
                };
                added.push(declare(declared, now, &mut tx).await?);
            }
            Ok(added)
        })
        .await
}

async fn declare(
    declared: DeclaredSchema,
    now: i64,
    tx: &mut DirectoryTx<'_>,
) -> Result<Added, Error> {
    let all = tx.declared_schemas().await?;
    let earlier = all.iter().find(|known| urn::eq(&known.schema.id, &declared.schema.id));
    let uri = &declared.schema.id;
    if earlier.is_none() && all.len() >= MAX_SCHEMAS {
        return Err(Error::Invalid(format!(
            "a directory declares at most {MAX_SCHEMAS} schemas: remove one first"
        )));
    }
    if let Some(earlier) = earlier {
        if earlier.resource_type != declared.resource_type {
            return Err(Error::Conflict(format!(
                "`{uri}` extends {}: remove it there before it extends {}",
                earlier.resource_type, declared.resource_type
            )));
        }
        stay_hidden(earlier, Some(&declared.schema), tx).await?;
        release(earlier, tx).await?;
    }
    tx.declare_schema(&declared).await?;
    let types = ResourceTypes::new(tx.declared_schemas().await?, Vec::new());
    let mut added = Added {
        uri: uri.clone(),
        resource_type: declared.resource_type.clone(),
        replaced: earlier.is_some(),
        holders: 0,
        respelt: 0,
        misfits: 0,
        examples: Vec::new(),
    };
    let request_id = ids::uuid();
    let mut after = String::new();
    loop {
        let some = tx.resources_naming(uri, &declared.resource_type, &after).await?;
        let Some(last) = some.last() else { break };
        after = last.id.clone();
        for stored in some {
            let before = stored.object()?;
            let respelt = validate::respelt(&declared.schema, &before);
            let object = respelt.as_ref().unwrap_or(&before);
            let Some(Value::Object(container)) = object.get(uri) else { continue };
            added.holders += 1;
            if let Some(misfit) = validate::first_misfit(&declared.schema, container) {
                added.misfits += 1;
                if added.examples.len() < NAMED_MISFITS {
                    added.examples.push((stored.id.clone(), misfit.to_string()));
                }
            }
            let rt = types.named(&declared.resource_type);
            for (attribute, key) in rt.unique_keys(object) {
                if let Some(owner) = tx.claim(&rt.name, &stored.id, &attribute, &key).await? {
                    return Err(Error::Conflict(format!(
                        "`{attribute}` cannot be unique: {} `{owner}` and `{}` have the same value",
                        rt.name, stored.id
                    )));
                }
            }
            if let Some(respelt) = respelt {
                added.respelt += 1;
                respell(rt, &stored, &before, &respelt, now, &request_id, tx).await?;
            }
        }
    }
    Ok(added)
}

/// Lets go of the keys of what was unique.
async fn release(declared: &DeclaredSchema, tx: &mut DirectoryTx<'_>) -> Result<(), store::Error> {
    let DeclaredSchema { schema, resource_type, .. } = declared;
    for unique in schema.attributes.iter().filter(|a| a.uniqueness == Uniqueness::Server) {
        tx.release_all(resource_type, &format!("{}:{}", schema.id, unique.name)).await?;
    }
    Ok(())
}

async fn respell(
    resource_type: &ResourceType,
    stored: &Resource,
    before: &Object,
    after: &Object,
    now: i64,
    request_id: &str,
    tx: &mut DirectoryTx<'_>,
) -> Result<(), store::Error> {
    let differences = diff::changes(resource_type, before, after);
    let changes: Vec<Value> = differences
        .iter()
        .map(|change| json!({"path": change.path, "from": change.from, "to": change.to}))
        .collect();
    let changes = Value::from(changes).to_string();
    let change = Change { operation: Operation::Declare, now, request_id, changes: &changes };
    tx.update(&resource_type.name, stored, before, after, change).await?;
    Ok(())
}

/// Refuses to let `later`, or no schema at all, show what `earlier` never returned.
async fn stay_hidden(
    earlier: &DeclaredSchema,
    later: Option<&Schema>,
    tx: &mut DirectoryTx<'_>,
) -> Result<(), Error> {
    let shown = shown_by(&earlier.schema.attributes, later.map(|schema| &*schema.attributes));
    if shown.is_empty() {
        return Ok(());
    }
    let uri = &earlier.schema.id;
    let mut after = String::new();
    loop {
        let some = tx.resources_naming(uri, &earlier.resource_type, &after).await?;
        let Some(last) = some.last() else { return Ok(()) };
        after = last.id.clone();
        for stored in some {
            let object = stored.object()?;
            let Some(Value::Object(container)) = object.get(uri) else { continue };
            let held = shown.iter().find(|(name, sub)| match (container.get(*name), sub) {
                (Some(Value::Array(elements)), Some(sub)) => {
                    elements.iter().any(|element| element.get(*sub).is_some())
                }
                (Some(value), Some(sub)) => value.get(*sub).is_some(),
                (None, Some(_)) => false,
                (value, None) => value.is_some(),
            });
            if let Some((name, sub)) = held {
                let sub = sub.map(|sub| format!(".{sub}")).unwrap_or_default();
                return Err(Error::Conflict(format!(
                    "`{uri}:{name}{sub}` is never returned, and {} `{}` has a value for it that \
                     would become visible: clear it in the identity provider first",
                    earlier.resource_type, stored.id
                )));
            }
        }
    }
}

/// What of `earlier` is never returned and would be by `later`: attributes and sub-attributes.
fn shown_by<'a>(
    earlier: &'a [Attribute],
    later: Option<&[Attribute]>,
) -> Vec<(&'a str, Option<&'a str>)> {
    let hides = |attributes: Option<&[Attribute]>, name: &str| {
        let of = |a: &&Attribute| a.name.eq_ignore_ascii_case(name);
        attributes.and_then(|attributes| attributes.iter().find(of)).cloned()
    };
    let is_never = |attribute: &Attribute| attribute.returned == Returned::Never;
    let mut shown = Vec::new();
    for attribute in earlier {
        let now = hides(later, &attribute.name);
        if now.as_ref().is_some_and(is_never) {
            continue;
        }
        if is_never(attribute) {
            shown.push((&*attribute.name, None));
        }
        for sub in attribute.sub_attributes.iter().filter(|sub| is_never(sub)) {
            let subs = now.as_ref().map(|now| &*now.sub_attributes);
            if !hides(subs, &sub.name).as_ref().is_some_and(is_never) {
                shown.push((&*attribute.name, Some(&*sub.name)));
            }
        }
    }
    shown
}

/// The schemas a directory declares, in the order in which they were first declared.
pub async fn list(store: &Store, directory_id: &str) -> Result<Vec<DeclaredSchema>, Error> {
    directories::get(store, directory_id).await?;
    let read = async |mut tx: DirectoryTx<'_>| tx.declared_schemas().await;
    Ok(store.read::<_, store::Error, _>(directory_id, read).await?)
}

/// The declared schema with this URI, in any letter case.
pub async fn get(store: &Store, directory_id: &str, uri: &str) -> Result<DeclaredSchema, Error> {
    let all = list(store, directory_id).await?;
    all.into_iter()
        .find(|declared| urn::eq(&declared.schema.id, uri))
        .ok_or_else(|| no_schema(directory_id, uri))
}

/// Takes a declaration back. Values of it stay, undeclared.
pub async fn remove(store: &Store, directory_id: &str, uri: &str) -> Result<DeclaredSchema, Error> {
    directories::get(store, directory_id).await?;
    let (key, directory) = (uri.to_owned(), directory_id.to_owned());
    store
        .write(directory_id, async move |mut tx: DirectoryTx<'_>| {
            let all = tx.declared_schemas().await?;
            let declared = all.into_iter().find(|declared| urn::eq(&declared.schema.id, &key));
            let declared = declared.ok_or_else(|| no_schema(&directory, &key))?;
            stay_hidden(&declared, None, &mut tx).await?;
            release(&declared, &mut tx).await?;
            tx.remove_schema(&key).await?;
            Ok(declared)
        })
        .await
}

fn no_schema(directory_id: &str, uri: &str) -> Error {
    Error::NotFound(format!("directory `{directory_id}` declares no schema `{uri}`"))
}

//! Reading one resource.

use std::sync::Arc;

use scim::schema::ResourceType;
use store::{DirectoryTx, resources::Resource};

use super::{Context, Error, Precondition, References, Stored};

/// The resource with this id; `NotFound` also for deleted ones and those of other directories.
pub async fn get(
    resource_type: &Arc<ResourceType>,
    id: &str,
    references: References,
    context: &Context,
) -> Result<Stored, Error> {
    if !context.serves(resource_type) {
        return Err(not_found(resource_type, id));
    }
    let (store, directory_id) = (&context.store, &context.directory_id);
    let (key, of_type) = (id.to_owned(), Arc::clone(resource_type));
    let found: Option<Stored> = if resource_type.name == "User" && references == References::Load {
        store
            .read_one(directory_id, async move |mut tx: DirectoryTx<'_>| {
                tx.user_with_groups(&key).await
            })
            .await?
            .map(|(resource, groups)| Stored { resource, references: Some(groups) })
    } else {
        store
            .read(directory_id, async move |mut tx: DirectoryTx<'_>| {
                match tx.resource(&of_type.name, &key).await? {
                    None => Ok::<_, store::Error>(None),
                    Some(resource) => {
                        Stored::load(resource, &of_type, references, &mut tx).await.map(Some)
                    }
                }
            })
            .await?
    };
    found.ok_or_else(|| not_found(resource_type, id))
}

/// The resource that a write is to change, if the precondition holds for it.
pub(super) async fn load(
    id: &str,
    resource_type: &ResourceType,
    precondition: &Precondition,
    tx: &mut DirectoryTx<'_>,
) -> Result<Resource, Error> {
    let stored = tx.resource(&resource_type.name, id).await?;
    let stored = stored.ok_or_else(|| not_found(resource_type, id))?;
    precondition.check(stored.version)?;
    Ok(stored)
}

fn not_found(resource_type: &ResourceType, id: &str) -> Error {
    Error::NotFound { resource_type: resource_type.name.clone(), id: id.into() }
}

//! Deleting a resource.

use std::sync::Arc;

use scim::schema::ResourceType;
use store::DirectoryTx;

use super::{Context, Error, Precondition, create::group_name, get::load, unique};
use crate::members::Touched;

/// Deletes the resource: it is gone from lists, filters and groups, its names are free, its id is
/// never given out again. The journal keeps what it was.
pub async fn delete(
    resource_type: &Arc<ResourceType>,
    id: &str,
    precondition: Precondition,
    context: &Arc<Context>,
) -> Result<(), Error> {
    context.check_served(resource_type)?;
    let (id, context_of_job) = (id.to_owned(), Arc::clone(context));
    let resource_type = Arc::clone(resource_type);
    context
        .store
        .write(&context.directory_id, async move |mut tx: DirectoryTx<'_>| {
            let context = &context_of_job;
            delete_in(&id, &precondition, &resource_type, context, &mut tx).await
        })
        .await
}

/// [`delete`] inside a transaction.
pub(super) async fn delete_in(
    id: &str,
    precondition: &Precondition,
    resource_type: &ResourceType,
    context: &Context,
    tx: &mut DirectoryTx<'_>,
) -> Result<(), Error> {
    let stored = load(id, resource_type, precondition, tx).await?;
    let last = stored.object()?;
    if resource_type.has_unique_attributes() {
        unique::settle(id, Some(&last), None, resource_type, tx).await?;
    }
    let members = tx.delete(&resource_type.name, &stored, context.now, &context.request_id).await?;
    let touched = match &*resource_type.name {
        "Group" => Touched::Group {
            id,
            name_before: Some(group_name(&last)),
            name: None,
            added: &[],
            removed: &members,
        },
        _ => Touched::UserDeleted { id },
    };
    context.follow(touched, tx).await
}

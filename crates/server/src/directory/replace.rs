//! Replacing a resource (PUT).

use std::sync::Arc;

use scim::{Notes, Object, dialect, patch::MembershipStep, schema::ResourceType, validate};
use serde_json::Value;
use store::{DirectoryTx, journal::Operation, resources::Resource};

use super::{
    Context, Error, Precondition, References, Stored,
    create::name_owner,
    get::load,
    grants,
    patch::{After, write},
};

/// Replaces what the client may write; writes nothing when nothing changes.
pub async fn replace(
    resource_type: &Arc<ResourceType>,
    id: &str,
    body: Value,
    precondition: Precondition,
    references: References,
    context: &Arc<Context>,
    notes: &mut Notes,
) -> Result<Stored, Error> {
    context.check_served(resource_type)?;
    let body = dialect::read_resource(resource_type, body, context.reading, notes)?;
    let (id, context_of_job) = (id.to_owned(), Arc::clone(context));
    let resource_type = Arc::clone(resource_type);
    let replaced = context
        .store
        .write(&context.directory_id, async move |mut tx: DirectoryTx<'_>| {
            let context = &context_of_job;
            let mut notes = Notes::default();
            let stored =
                replace_in(&id, &body, &precondition, &resource_type, context, &mut tx, &mut notes)
                    .await?;
            let stored = Stored::load(stored, &resource_type, references, &mut tx).await?;
            Ok((stored, notes))
        })
        .await;
    let (stored, more) = name_owner(replaced, context).await?;
    notes.extend(more);
    Ok(stored)
}

/// [`replace`] inside a transaction.
pub(super) async fn replace_in(
    id: &str,
    body: &Object,
    precondition: &Precondition,
    resource_type: &ResourceType,
    context: &Context,
    tx: &mut DirectoryTx<'_>,
    notes: &mut Notes,
) -> Result<Resource, Error> {
    let stored = load(id, resource_type, precondition, tx).await?;
    let before = stored.object()?;
    let mut written =
        validate::replace(resource_type, &before, body.clone(), context.reading, notes)
            .map_err(scim::Error::from)?;
    grants::check(&mut written.resource, Some(&before), &context.resource_types)?;
    let after = After {
        resource: &written.resource,
        members: written.members.map(MembershipStep::Replace).into_iter().collect(),
        operation: Operation::Replace,
    };
    write(stored, &before, after, resource_type, context, tx, notes).await
}

//! Modifying a resource (PATCH).

use std::sync::Arc;

use mapping::soft_delete;
use scim::{
    Notes, Object, dialect, diff,
    patch::{self, MembershipStep, PatchRequest},
    schema::ResourceType,
};
use serde_json::{Value, json};
use store::{
    DirectoryTx,
    journal::Operation,
    resources::{Change, Resource},
};

use super::{
    Context, Error, Precondition, References, Stored,
    create::{check_group_name, group_name, name_owner, name_taken},
    get::load,
    grants,
    learn::learn,
    membership, unique,
};
use crate::members::Touched;

/// Applies the operations of `body`, all or none; writes nothing when nothing changes.
pub async fn patch(
    resource_type: &Arc<ResourceType>,
    id: &str,
    body: Value,
    precondition: Precondition,
    references: References,
    context: &Arc<Context>,
    notes: &mut Notes,
) -> Result<Stored, Error> {
    context.check_served(resource_type)?;
    let request = dialect::read_patch(resource_type, body, context.reading, notes)?;
    let (id, context_of_job) = (id.to_owned(), Arc::clone(context));
    let resource_type = Arc::clone(resource_type);
    let patched = context
        .store
        .write(&context.directory_id, async move |mut tx: DirectoryTx<'_>| {
            let context = &context_of_job;
            let mut notes = Notes::default();
            let stored = patch_in(
                &id,
                &request,
                &precondition,
                &resource_type,
                context,
                &mut tx,
                &mut notes,
            )
            .await?;
            let stored = Stored::load(stored, &resource_type, references, &mut tx).await?;
            Ok((stored, notes))
        })
        .await;
    let (stored, more) = name_owner(patched, context).await?;
    notes.extend(more);
    Ok(stored)
}

/// [`patch`] inside a transaction.
pub(super) async fn patch_in(
    id: &str,
    request: &PatchRequest,
    precondition: &Precondition,
    resource_type: &ResourceType,
    context: &Context,
    tx: &mut DirectoryTx<'_>,
    notes: &mut Notes,
) -> Result<Resource, Error> {
    let stored = load(id, resource_type, precondition, tx).await?;
    let before = stored.object()?;
    let mut patched = patch::apply(resource_type, &before, request, context.reading)
        .map_err(scim::Error::from)?;
    notes.extend(patched.notes);
    grants::check(&mut patched.resource, Some(&before), &context.resource_types)?;
    let after = After {
        resource: &patched.resource,
        members: patched.members,
        operation: Operation::Patch,
    };
    write(stored, &before, after, resource_type, context, tx, notes).await
}

/// What a resource is to become.
pub(super) struct After<'a> {
    pub resource: &'a Object,
    pub members: Vec<MembershipStep>,
    pub operation: Operation,
}

/// Writes what differs between `before` and `after` and takes the membership steps, as one new
/// version with one journal entry — or nothing at all, when nothing differs.
pub(super) async fn write(
    stored: Resource,
    before: &Object,
    after: After<'_>,
    resource_type: &ResourceType,
    context: &Context,
    tx: &mut DirectoryTx<'_>,
    notes: &mut Notes,
) -> Result<Resource, Error> {
    let differences = diff::changes(resource_type, before, after.resource);
    let renamed = |name: &str| differences.iter().any(|change| change.path == name);
    if resource_type.name == "Group" && (renamed("displayName") || renamed("externalId")) {
        check_group_name(resource_type, after.resource, &stored.id, tx).await?;
    }
    if resource_type.name == "User" && renamed("userName") {
        let known = before.get("userName").and_then(Value::as_str);
        if let Some(kept) = soft_delete::original_user_name(after.resource, known) {
            let read = format!(
                "id in front of `userName` read as a soft delete: the member stays `{kept}`"
            );
            notes.add(read);
        }
    }
    let members =
        membership::apply(&stored.id, &after.members, resource_type, context, tx, notes).await?;
    if differences.is_empty() && members.is_empty() {
        return Ok(stored);
    }
    let mut changes: Vec<Value> = differences
        .iter()
        .map(|change| json!({"path": change.path, "from": change.from, "to": change.to}))
        .collect();
    if !members.is_empty() {
        changes.push(members.to_json());
    }
    let changes = Value::from(changes).to_string();
    let id = stored.id.clone();
    let touched = match &*resource_type.name {
        "Group" => Touched::Group {
            id: &id,
            name_before: Some(group_name(before)),
            name: Some(group_name(after.resource)),
            added: &members.added,
            removed: &members.removed,
        },
        _ => Touched::UserChanged { id: &id, before, after: after.resource },
    };
    let change = Change {
        operation: after.operation,
        now: context.now,
        request_id: &context.request_id,
        changes: &changes,
    };
    if differences.is_empty() {
        let version = tx.touch(&resource_type.name, &stored.id, change).await?;
        context.follow(touched, tx).await?;
        let last_modified_at = context.now.max(stored.last_modified_at);
        return Ok(Resource { version, last_modified_at, ..stored });
    }
    let respelt = learn(after.resource, resource_type, context, tx, notes).await?;
    let resource = respelt.as_ref().unwrap_or(after.resource);
    unique::settle(&stored.id, Some(before), Some(resource), resource_type, tx).await?;
    let updated = tx
        .update(&resource_type.name, &stored, before, resource, change)
        .await
        .map_err(|error| name_taken(error, resource))?;
    context.follow(touched, tx).await?;
    Ok(updated)
}

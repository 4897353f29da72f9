//! Creating a resource.

use std::{borrow::Cow, sync::Arc};

use scim::{
    Notes, dialect,
    patch::MembershipStep,
    schema::ResourceType,
    validate::{self, Written},
};
use serde_json::Value;
use store::{DirectoryTx, resources::Resource};

use super::{
    Context, Error, References, Stored, grants,
    learn::learn,
    membership::{self, MembersChanged},
    unique,
};
use crate::{ids, members::Touched};

/// Creates a resource of `body`. The answer is durably stored, with its look-up keys, memberships
/// and journal entry.
pub async fn create(
    resource_type: &Arc<ResourceType>,
    body: Value,
    references: References,
    context: &Arc<Context>,
    notes: &mut Notes,
) -> Result<Stored, Error> {
    context.check_served(resource_type)?;
    let body = dialect::read_resource(resource_type, body, context.reading, notes)?;
    let new =
        validate::create(resource_type, body, context.reading, notes).map_err(scim::Error::from)?;
    let (id, context_of_job) = (ids::uuid(), Arc::clone(context));
    let place = Place::New;
    let resource_type = Arc::clone(resource_type);
    let created = context
        .store
        .write(&context.directory_id, async move |mut tx: DirectoryTx<'_>| {
            let context = &context_of_job;
            let mut notes = Notes::default();
            let stored =
                create_in(&id, place, &new, &resource_type, context, &mut tx, &mut notes).await?;
            if resource_type.name == "User" {
                return Ok((Stored::new_user(stored, references), notes));
            }
            let stored = Stored::load(stored, &resource_type, references, &mut tx).await?;
            Ok((stored, notes))
        })
        .await;
    let (stored, more) = name_owner(created, context).await?;
    notes.extend(more);
    Ok(stored)
}

/// Whether others can have referred to a resource before it is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    New,
    Promised,
}

/// [`create`] inside a transaction.
pub(super) async fn create_in(
    id: &str,
    place: Place,
    new: &Written,
    resource_type: &ResourceType,
    context: &Context,
    tx: &mut DirectoryTx<'_>,
    notes: &mut Notes,
) -> Result<Resource, Error> {
    let mut resource = Cow::Borrowed(&new.resource);
    if !context.resource_types.grantables.is_empty() {
        grants::check(resource.to_mut(), None, &context.resource_types)?;
    }
    if let Some(respelt) = learn(&resource, resource_type, context, tx, notes).await? {
        resource = Cow::Owned(respelt);
    }
    check_group_name(resource_type, &resource, id, tx).await?;
    let stored = tx
        .create(&resource_type.name, id, &resource, context.now, &context.request_id)
        .await
        .map_err(|error| name_taken(error, &resource))?;
    unique::settle(id, None, Some(&resource), resource_type, tx).await?;
    let mut members = MembersChanged::default();
    if let Some(added) = &new.members {
        let step = MembershipStep::Add(added.clone());
        members = membership::apply(id, &[step], resource_type, context, tx, notes).await?;
    }
    let touched = match &*resource_type.name {
        "Group" => Touched::Group {
            id,
            name_before: None,
            name: Some(group_name(&resource)),
            added: &members.added,
            removed: &[],
        },
        _ => Touched::UserCreated { id, user: &resource, has_groups: place == Place::Promised },
    };
    context.follow(touched, tx).await?;
    Ok(stored)
}

fn text(object: &scim::Object, name: &str) -> Option<String> {
    object.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// What a group is called.
pub(super) fn group_name(group: &scim::Object) -> &str {
    group.get("displayName").and_then(Value::as_str).unwrap_or_default()
}

/// Refuses a group whose name is taken (compared without case), unless it and the other have
/// different external ids: Entra permits two groups of one name and then tells them apart by that.
pub(super) async fn check_group_name(
    resource_type: &ResourceType,
    resource: &scim::Object,
    id: &str,
    tx: &mut DirectoryTx<'_>,
) -> Result<(), Error> {
    if resource_type.name != "Group" {
        return Ok(());
    }
    let Some(display_name) = text(resource, "displayName") else { return Ok(()) };
    let external_id = text(resource, "externalId");
    match tx.group_named(&display_name, external_id.as_deref(), id).await? {
        Some(owner) => Err(Error::DisplayNameTaken { display_name, owner }),
        None => Ok(()),
    }
}

/// Names the userName that a write wanted and could not have.
pub(super) fn name_taken(error: store::Error, wanted: &scim::Object) -> Error {
    match error {
        store::Error::Conflict { attribute: "userName" } => Error::UserNameTaken {
            user_name: text(wanted, "userName").unwrap_or_default(),
            owner: None,
        },
        other => other.into(),
    }
}

/// Says who has the userName that made a write fail: the same client can find them by a filter.
pub(super) async fn name_owner<T>(result: Result<T, Error>, context: &Context) -> Result<T, Error> {
    let Err(Error::UserNameTaken { user_name, .. }) = result else { return result };
    let name = user_name.clone();
    let owner: Option<String> = context
        .store
        .read(&context.directory_id, async move |mut tx: DirectoryTx<'_>| {
            tx.user_named(&name).await
        })
        .await?;
    Err(Error::UserNameTaken { user_name, owner })
}

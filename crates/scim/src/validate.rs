//! POST and PUT bodies: what is kept of them (RFC 7644 §3.3, §3.5.1), and the checks PATCH shares.
//!
//! The result is the *stored form* of a resource: canonical spelling and order of attributes,
//! `schemas` computed, nothing empty, values as they were sent (E-133). `id`, `meta`, `groups` and
//! `members` are not part of it: they are computed when the resource is read.

use serde_json::Value;

mod bounds;
mod declaration;
mod draft;
mod elements;
mod error;
mod format;
mod members;
mod value;

#[cfg(test)]
mod tests;

pub use bounds::{MAX_ELEMENTS, MAX_STRING, MAX_UNDECLARED, check_resource};
pub use declaration::{first_misfit, respelt};
pub(crate) use elements::tidy;
pub use error::{Problem, ValidationError};
pub use members::check_members;
pub use value::{check_element, check_value};

use self::{draft::Draft, error::Place, value::Context};
use crate::{
    Notes, Object,
    patch::MemberRef,
    reading::Reading,
    schema::{Attribute, Mutability, ResourceType},
};

/// What a POST or PUT leaves to be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// The stored form.
    pub resource: Object,
    /// The members of a Group, each once; `None` when the body has no `members`.
    pub members: Option<Vec<MemberRef>>,
}

/// The stored form of a POST body.
///
/// A User is active unless the body says otherwise (S-089).
pub fn create(
    rt: &ResourceType,
    body: Object,
    reading: Reading,
    notes: &mut Notes,
) -> Result<Written, ValidationError> {
    let mut draft = Draft::read(rt, body, &mut Context { reading, notes })?;
    draft.default_active(None);
    draft.finish()
}

/// The stored form of a PUT body over `stored`.
///
/// What the body leaves out is cleared, except `active` (S-089), `externalId` (O-44), and what the
/// client may not change or could not have read back: immutable, writeOnly and `returned`
/// never or request attributes.
pub fn replace(
    rt: &ResourceType,
    stored: &Object,
    body: Object,
    reading: Reading,
    notes: &mut Notes,
) -> Result<Written, ValidationError> {
    let mut draft = Draft::read(rt, body, &mut Context { reading, notes })?;
    draft.default_active(Some(stored));
    draft.keep_unsent(stored);
    let written = draft.finish()?;
    check_immutable(rt, stored, &written.resource)?;
    Ok(written)
}

/// Refuses a change of an immutable attribute that has a value already (S-220).
pub fn check_immutable(
    rt: &ResourceType,
    before: &Object,
    after: &Object,
) -> Result<(), ValidationError> {
    unchanged(None, &rt.schema.attributes, before, after)?;
    let nothing = Object::new();
    for extension in &rt.extensions {
        let urn = &extension.schema.id;
        if let Some(Value::Object(before)) = before.get(urn) {
            let after = after.get(urn).and_then(Value::as_object).unwrap_or(&nothing);
            unchanged(Some(urn), &extension.schema.attributes, before, after)?;
        }
    }
    Ok(())
}

fn unchanged(
    extension: Option<&str>,
    attributes: &[Attribute],
    before: &Object,
    after: &Object,
) -> Result<(), ValidationError> {
    let changed = |attribute: &Attribute, before: &Value, after: Option<&Value>| {
        attribute.mutability == Mutability::Immutable
            && !after.is_some_and(|after| crate::diff::is_same(before, after))
    };
    for attribute in attributes {
        let Some(old) = before.get(&attribute.name) else { continue };
        let new = after.get(&attribute.name);
        let place = Place { extension, attribute: &attribute.name, sub_attribute: None };
        if changed(attribute, old, new) {
            return Err(place.problem(Problem::Immutable));
        }
        for sub in &attribute.sub_attributes {
            // Elements of a list come and go as wholes (S-221).
            if let Some(old) = old.as_object().and_then(|old| old.get(&sub.name))
                && changed(sub, old, new.and_then(|new| new.get(&sub.name)))
            {
                return Err(place.sub(&sub.name).problem(Problem::Immutable));
            }
        }
    }
    Ok(())
}

/// Brings an edited resource back to the stored form: attribute order, `schemas`, nothing empty,
/// no list element without a significant value, no two elements with one `type` and `value`.
///
/// Values are not checked; [`check_resource`] and [`check_immutable`] are the caller's. What no
/// schema declares stays only in the object of an extension.
pub fn normal_form(rt: &ResourceType, resource: Object) -> Object {
    Draft::take_apart(rt, resource).into_resource()
}

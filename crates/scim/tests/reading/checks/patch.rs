use scim::{
    Notes, Object,
    dialect::{self, Reading},
    diff::changes,
    patch::{MembershipStep, Op, PatchPath, PatchRequest, Patched, apply},
    schema::ResourceType,
    validate,
};
use serde_json::Value;

use super::{READINGS, STORED, check_refusal, check_stored, read_json};

/// Reads the body of a PATCH and applies it: the result is a resource that may be stored, nothing
/// changes by applying nothing, and one operation without a value filter does the same twice.
pub fn check(bytes: &[u8]) {
    let Some(body) = read_json(bytes) else { return };
    for reading in READINGS {
        for (rt, stored) in &*STORED {
            let mut notes = Notes::default();
            match dialect::read_patch(rt, body.clone(), reading, &mut notes) {
                Ok(request) => {
                    stored.iter().for_each(|stored| check_request(rt, stored, &request, reading));
                }
                Err(error) => check_refusal(&error),
            }
        }
    }
}

/// What holds of every request on every resource.
pub fn check_request(rt: &ResourceType, stored: &Object, request: &PatchRequest, reading: Reading) {
    let patched = match apply(rt, stored, request, reading) {
        Ok(patched) => patched,
        Err(error) => return check_refusal(&error.into()),
    };
    let Patched { resource, members, .. } = patched;
    check_stored(rt, &resource, reading);
    check_members(&members);
    assert_eq!(validate::check_immutable(rt, stored, &resource), Ok(()));
    assert!(changes(rt, &resource, &resource).is_empty());
    let nothing = apply(rt, &resource, &PatchRequest::default(), reading).expect("nothing");
    assert_eq!(text(&nothing.resource), text(&resource));
    assert!(nothing.members.is_empty());
    if is_lasting(request) {
        let again = apply(rt, &resource, request, reading).expect("what was applied once");
        let changed = changes(rt, &resource, &again.resource);
        assert!(changed.is_empty(), "{request:?} on {resource:?}: {changed:?}");
        assert_eq!(again.members, members);
    }
}

fn text(resource: &Object) -> String {
    Value::Object(resource.clone()).to_string()
}

/// Whether it must make no difference to apply the request again: one operation, which finds what
/// it works on by its name alone. A value filter may hold for something else afterwards.
fn is_lasting(request: &PatchRequest) -> bool {
    let [operation] = request.operations.as_slice() else { return false };
    match &operation.path {
        Some(PatchPath::Attribute(_) | PatchPath::Extension(_)) => true,
        Some(PatchPath::ValuePath { .. }) => false,
        // Several attributes may be one, named in two ways.
        None => match &operation.value {
            Some(Value::Object(attributes)) => {
                operation.op == Op::Replace
                    && attributes.len() == 1
                    && attributes.keys().all(|name| !name.contains('['))
            }
            _ => true,
        },
    }
}

fn check_members(steps: &[MembershipStep]) {
    for step in steps {
        match step {
            MembershipStep::Add(members) => assert!(!members.is_empty()),
            MembershipStep::Remove(ids) => assert!(!ids.is_empty()),
            MembershipStep::RemoveMatching(_) | MembershipStep::Replace(_) => {}
        }
    }
}

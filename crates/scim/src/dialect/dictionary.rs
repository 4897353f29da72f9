//! A PATCH operation without a path: its value is a dictionary.
//!
//! The standard has attributes and containers as keys. Entra with its flag puts paths there, too
//! (E-40 to E-42, S-258):
//!
//! ```json
//! {"op": "replace", "value": {
//!     "displayName": "Mira Lie", "name.familyName": "Lie",
//!     "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber": "4472"}}
//! ```

use serde_json::Value;

use super::{
    operation::{self, Shape, Written},
    path::Key,
    resource,
    values::{self, Place},
};
use crate::{
    Error, Notes, Object,
    patch::{Operation, PatchPath},
    schema::ResourceType,
    urn,
};

/// Reads a dictionary onto the end of `operations`: each path becomes an operation of its own, in its
/// place among the rest, so that it changes what it names and nothing beside it.
pub(super) fn read(
    rt: &ResourceType,
    written: &Written,
    value: Option<Value>,
    operations: &mut Vec<Operation>,
    notes: &mut Notes,
) -> Result<(), Error> {
    let value = value.map(|value| match value {
        Value::Array(mut one) if one.len() == 1 && one[0].is_object() => {
            notes.add(format!("array of one read as a single value of `{}`", written.spelled));
            one.remove(0)
        }
        other => other,
    });
    let dictionary = match value {
        Some(Value::Object(dictionary)) => dictionary,
        // Not for this module to refuse.
        value => {
            operations.push(Operation { op: written.op, path: None, value });
            return Ok(());
        }
    };
    let mut plain = Object::new();
    for (key, value) in dictionary {
        match Key::of(rt, &key, &value) {
            // They follow from the rest. Taken at its word, a whole resource sent with the base
            // schema alone (X-39, X-43) would drop the extensions' data (S-241).
            Key::Attribute(declared) if declared.name == "schemas" => {
                notes.add("`schemas` in a value without a path passed over");
            }
            Key::Attribute(declared) => {
                let value = values::attribute(declared, value, Place::base(declared), notes);
                plain.insert(key, value);
            }
            Key::Extension(schema) => {
                resource::put_container(&mut plain, schema, &key, value, notes);
            }
            Key::Path => {
                notes.add(format!("key `{key}` read as a path"));
                flush(written, &mut plain, operations);
                operations.extend(operation::read(
                    rt,
                    written,
                    &key,
                    Some(value),
                    Shape::Entra,
                    notes,
                )?);
            }
            // A container, as in a POST, whatever else the URI could mean as a path.
            Key::Undeclared if urn::is_urn(&key) => {
                flush(written, &mut plain, operations);
                let path = Some(PatchPath::Extension(key));
                operations.push(Operation { op: written.op, path, value: Some(value) });
            }
            Key::Undeclared => operation::pass_over_unknown(rt, written, &key, notes),
        }
    }
    flush(written, &mut plain, operations);
    Ok(())
}

/// Ends the operation that holds the plain keys so far.
fn flush(written: &Written, plain: &mut Object, operations: &mut Vec<Operation>) {
    if !plain.is_empty() {
        let value = Some(Value::Object(std::mem::take(plain)));
        operations.push(Operation { op: written.op, path: None, value });
    }
}

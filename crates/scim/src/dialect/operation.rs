//! One PATCH operation that has a path.

use serde_json::Value;

use super::{
    Reading,
    path::{self, Target},
    values::{self, Place},
};
use crate::{
    Error, Notes, ScimType,
    patch::{Op, Operation},
    path::ResolvedPath,
    schema::ResourceType,
};

/// An `op`, and how the client spelled it.
pub(super) struct Written {
    pub op: Op,
    pub spelled: String,
}

/// Whose form an operation has, as far as that matters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `Add`, `Remove` or `Replace`, or a dictionary without a path: the forms in which Entra
    /// sends what its administrators map, whether we have such an attribute or not.
    Entra,
    Standard,
}

impl Written {
    pub fn parse(op: Option<Value>) -> Result<Self, Error> {
        let spelled = match op {
            Some(Value::String(spelled)) => spelled,
            Some(_) => return Err(invalid_op("`op` must be a string")),
            None => return Err(invalid_op("`op` is missing")),
        };
        let op = match spelled.to_ascii_lowercase().as_str() {
            "add" => Op::Add,
            "remove" => Op::Remove,
            "replace" => Op::Replace,
            _ => return Err(invalid_op(&format!("`{spelled}` is no `op`"))),
        };
        Ok(Self { op, spelled })
    }

    pub fn shape(&self) -> Shape {
        match self.spelled.as_str() {
            "Add" | "Remove" | "Replace" => Shape::Entra,
            _ => Shape::Standard,
        }
    }
}

fn invalid_op(problem: &str) -> Error {
    let detail = format!("{problem}: use `add`, `remove` or `replace`");
    Error::bad_request(ScimType::InvalidSyntax, detail)
}

/// The operation as the standard has it; `None` when there is nothing left of it.
pub(super) fn read(
    rt: &ResourceType,
    written: &Written,
    path: &str,
    value: Option<Value>,
    shape: Shape,
    notes: &mut Notes,
) -> Result<Option<Operation>, Error> {
    let op = written.op;
    let parsed = path::patch_path(rt, path, Reading::Tolerant, notes)?;
    let target = Target::of(rt, &parsed);
    if matches!(target, Target::UnknownCore) && shape == Shape::Entra {
        pass_over_unknown(rt, written, path, notes);
        return Ok(None);
    }
    let value = match op {
        Op::Remove => removed(&target, written, value, notes)?,
        Op::Add | Op::Replace => value.map(|value| typed(&target, value, notes)),
    };
    Ok(Some(Operation { op, path: Some(parsed), value }))
}

pub(super) fn read_strictly(
    rt: &ResourceType,
    op: Op,
    path: &str,
    value: Option<Value>,
    notes: &mut Notes,
) -> Result<Operation, Error> {
    let path = Some(path::patch_path(rt, path, Reading::Strict, notes)?);
    // Read as absent either way: `null` is no list of elements that would be removed.
    let value = value.filter(|value| op != Op::Remove || !value.is_null());
    Ok(Operation { op, path, value })
}

/// Entra sends a whole mapping in one request: refusing it for an attribute that does not exist
/// would lose the deactivation beside it, for good (E-56, E-172).
pub(super) fn pass_over_unknown(
    rt: &ResourceType,
    written: &Written,
    name: &str,
    notes: &mut Notes,
) {
    notes.add(format!(
        "`{}` of `{name}` passed over: a {} has no such attribute",
        written.spelled, rt.name
    ));
}

/// The value of an `add` or `replace`, by the type of what it goes to.
fn typed(target: &Target<'_>, value: Value, notes: &mut Notes) -> Value {
    match target {
        Target::Attribute(path) => {
            let declared = path.sub_attribute.unwrap_or(path.attribute);
            values::attribute(declared, value, Place::of(path), notes)
        }
        Target::Element(path) => match path.sub_attribute {
            Some(sub) => values::attribute(sub, value, Place::of(path), notes),
            None => values::lone(path.attribute, value, Place::of(path), notes),
        },
        Target::Extension(schema) => values::container(schema, value, notes),
        Target::UnknownCore | Target::Undeclared => value,
    }
}

/// The elements that a `remove` names (E-80, E-83, X-08, X-16, X-38, S-264, S-265).
///
/// ```json
/// {"op": "Remove", "path": "members", "value": [{"$ref": null, "value": "3b1f…"}]}
/// ```
///
/// The standard gives `remove` no value, so by its letter this would empty the group; the clients
/// that send it mean those members and no others. A value that names no element is refused and
/// never read as "all". Where a path leads to one value or picks elements itself, the value says
/// nothing new (E-53).
fn removed(
    target: &Target<'_>,
    written: &Written,
    value: Option<Value>,
    notes: &mut Notes,
) -> Result<Option<Value>, Error> {
    let spelled = &written.spelled;
    let value = value.filter(|value| !value.is_null());
    match (target, value) {
        (Target::Attribute(path), Some(value)) if path.attribute.multi_valued => {
            let place = Place::of(path);
            if path.sub_attribute.is_some() {
                let detail = format!("`remove` on `{place}` cannot have a value");
                return Err(Error::bad_request(ScimType::InvalidPath, detail));
            }
            notes.add(format!(
                "`{spelled}` on `{place}` with a value read as removing those {}",
                if place.attribute == "members" { "members" } else { "values" }
            ));
            named_elements(path, value, notes).map(Some)
        }
        (Target::Attribute(path), None) if is_members(path) => {
            // E-82, X-48: the standard's meaning, but worth a trace.
            notes.add(format!("`{spelled}` on `members` without a value removes all members"));
            Ok(None)
        }
        (Target::UnknownCore | Target::Undeclared, value) => Ok(value),
        (_, None) => Ok(None),
        (_, Some(_)) => {
            notes.add(format!("value of `{spelled}` passed over: its path says what to remove"));
            Ok(None)
        }
    }
}

fn is_members(path: &ResolvedPath<'_>) -> bool {
    path.extension.is_none() && path.attribute.name == "members" && path.sub_attribute.is_none()
}

fn named_elements(
    path: &ResolvedPath<'_>,
    value: Value,
    notes: &mut Notes,
) -> Result<Value, Error> {
    let says_something = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        _ => true,
    };
    let written = value.as_array().map_or(1, Vec::len);
    let value = values::attribute(path.attribute, value, Place::of(path), notes);
    let named = value.as_array().map_or(0, |elements| {
        let names = |element: &&Value| match element {
            Value::Object(object) => object.values().any(says_something),
            other => says_something(other),
        };
        elements.iter().filter(names).count()
    });
    if named < written {
        let name = &path.attribute.name;
        let detail = format!("`remove` on `{name}` has a value that names none of them");
        return Err(Error::bad_request(ScimType::InvalidValue, detail));
    }
    Ok(value)
}

//! The body of a PATCH.

use serde_json::Value;

use super::{
    Reading, dictionary, member,
    operation::{self, Written},
    take,
};
use crate::{
    Error, Notes, Object, ScimType,
    patch::{Op, Operation, PatchRequest},
    schema::ResourceType,
    urn,
};

/// The most operations read from one body.
const MAX_WRITTEN: usize = 1_000;
/// The most operations that they may amount to once dictionaries are split.
const MAX_READ: usize = 5_000;

pub(super) fn read(
    rt: &ResourceType,
    body: Value,
    reading: Reading,
    notes: &mut Notes,
) -> Result<PatchRequest, Error> {
    let Value::Object(mut body) = body else {
        return Err(invalid_syntax("the body of a PATCH must be a JSON object with `Operations`"));
    };
    if !lists_patch_op(&body) {
        if reading == Reading::Strict {
            let detail = format!("the body of a PATCH must list `{}` in `schemas`", urn::PATCH_OP);
            return Err(invalid_syntax(detail));
        }
        notes.add("body without the PatchOp schema read as a PATCH request");
    }
    let written = match take(&mut body, "Operations") {
        Some(Value::Array(operations)) => operations,
        Some(single @ Value::Object(_)) if reading == Reading::Tolerant => {
            notes.add("single operation read as an array of one at `Operations`");
            vec![single]
        }
        Some(_) => return Err(invalid_syntax("`Operations` must be an array of operations")),
        None => return Err(invalid_syntax("the body of a PATCH must have `Operations`")),
    };
    if written.is_empty() {
        // E-59, S-229: Microsoft's validator sends it and expects a success; S-228 refuses it.
        if reading == Reading::Strict {
            return Err(invalid_syntax("`Operations` must hold at least one operation"));
        }
        notes.add("empty `Operations` read as a request that changes nothing");
    }
    if written.len() > MAX_WRITTEN {
        return Err(too_many(MAX_WRITTEN));
    }

    let mut operations = Vec::with_capacity(written.len());
    let mut places = Vec::with_capacity(written.len());
    for (index, operation) in written.into_iter().enumerate() {
        read_operation(rt, operation, reading, &mut operations, notes)
            .map_err(|error| at(index, error))?;
        places.resize(operations.len(), index);
        if operations.len() > MAX_READ {
            return Err(too_many(MAX_READ));
        }
    }
    Ok(PatchRequest { operations, written: places })
}

/// Reads one operation onto the end of `operations`. Keys and `op` go by any letter case (E-61,
/// S-228, S-230); an empty `path` is none.
fn read_operation(
    rt: &ResourceType,
    operation: Value,
    reading: Reading,
    operations: &mut Vec<Operation>,
    notes: &mut Notes,
) -> Result<(), Error> {
    let Value::Object(mut operation) = operation else {
        return Err(invalid_syntax("an operation must be a JSON object"));
    };
    let written = Written::parse(take(&mut operation, "op"))?;
    let path = match take(&mut operation, "path") {
        None | Some(Value::Null) => None,
        Some(Value::String(path)) if path.is_empty() && reading == Reading::Tolerant => {
            notes.add("empty `path` read as no path");
            None
        }
        Some(Value::String(path)) => Some(path),
        Some(_) => {
            return Err(Error::bad_request(ScimType::InvalidPath, "`path` must be a string"));
        }
    };
    let value = take(&mut operation, "value");
    match path {
        None if written.op == Op::Remove => Err(Error::bad_request(
            ScimType::NoTarget,
            "`remove` needs a `path` that says what to remove",
        )),
        None if reading == Reading::Tolerant => {
            dictionary::read(rt, &written, value, operations, notes)
        }
        None => {
            operations.push(Operation { op: written.op, path: None, value });
            Ok(())
        }
        Some(path) => {
            let operation = match reading {
                Reading::Tolerant => {
                    let shape = written.shape();
                    operation::read(rt, &written, &path, value, shape, notes)?
                }
                Reading::Strict => {
                    Some(operation::read_strictly(rt, written.op, &path, value, notes)?)
                }
            };
            operations.extend(operation);
            Ok(())
        }
    }
}

fn lists_patch_op(body: &Object) -> bool {
    let is_patch_op = |uri: &Value| uri.as_str().is_some_and(|uri| urn::eq(uri, urn::PATCH_OP));
    match member(body, "schemas") {
        Some(Value::Array(uris)) => uris.iter().any(is_patch_op),
        _ => false,
    }
}

fn invalid_syntax(detail: impl Into<String>) -> Error {
    Error::bad_request(ScimType::InvalidSyntax, detail)
}

/// S-247.
fn too_many(limit: usize) -> Error {
    let detail = format!("a PATCH may hold at most {limit} operations; send it in parts");
    Error::new(413, None, detail)
}

fn at(index: usize, error: Error) -> Error {
    let detail = format!("operations[{index}]: {}", error.detail);
    Error::new(error.status, error.scim_type, detail)
}

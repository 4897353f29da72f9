//! The dialects in which identity providers really speak SCIM, read into the standard's own terms.
//!
//! This stands in front of everything else: a client's JSON goes in, well-typed standard SCIM comes
//! out, with a note of each rewriting. What the request may do — mutability, required attributes,
//! unknown ones — is judged afterwards, by [`validate`](crate::validate) and
//! [`patch`](crate::patch), which know only the standard.
//!
//! No setting, header or query parameter chooses a dialect. One Entra job sends both of its grammars,
//! so every shape is understood on every request, by the shape alone.

use serde_json::Value;

use crate::{
    Error, Notes, Object, ScimType,
    filter::{self, Filter},
    patch::PatchRequest,
    schema::ResourceType,
};

mod client;
mod dictionary;
mod entra;
mod operation;
mod path;
mod plus;
mod request;
mod resource;
mod schemas;
#[cfg(test)]
mod tests;
mod values;

pub use client::Client;
pub use plus::plus_in_address;

pub use crate::reading::Reading;

/// Reads the body of a POST or PUT.
///
/// Strictly read, the body stays as it is. Fails with `invalidSyntax` when it is no JSON object.
pub fn read_resource(
    rt: &ResourceType,
    body: Value,
    reading: Reading,
    notes: &mut Notes,
) -> Result<Object, Error> {
    let Value::Object(body) = body else {
        return Err(Error::bad_request(
            ScimType::InvalidSyntax,
            format!("the body must be a JSON object that holds a {}", rt.name),
        ));
    };
    Ok(match reading {
        Reading::Tolerant => resource::read(rt, body, notes),
        Reading::Strict => body,
    })
}

/// Reads the body of a PATCH (RFC 7644 §3.5.2).
///
/// Operations keep their order; one with a dictionary in place of a path may become several, and one
/// on a core attribute that does not exist may become none. At most 1,000 operations are read, and
/// at most 5,000 come out: beyond either, 413. Strictly read, paths are parsed and values stay as they
/// are.
pub fn read_patch(
    rt: &ResourceType,
    body: Value,
    reading: Reading,
    notes: &mut Notes,
) -> Result<PatchRequest, Error> {
    request::read(rt, body, reading, notes)
}

/// Reads a filter; fails with `invalidFilter` and the place.
pub fn read_filter(text: &str, reading: Reading, notes: &mut Notes) -> Result<Filter, Error> {
    Ok(filter::parse(text, reading, notes)?)
}

/// The key under which `object` holds `name`, in any letter case.
fn member_key<'o>(object: &'o Object, name: &str) -> Option<&'o str> {
    object.keys().map(String::as_str).find(|key| key.eq_ignore_ascii_case(name))
}

/// What `object` holds under `name`, in any letter case.
pub(crate) fn member<'o>(object: &'o Object, name: &str) -> Option<&'o Value> {
    object.get(member_key(object, name)?)
}

/// Takes out of `object` what it holds under `name`, in any letter case.
pub(crate) fn take(object: &mut Object, name: &str) -> Option<Value> {
    let key = member_key(object, name)?.to_owned();
    object.shift_remove(&key)
}

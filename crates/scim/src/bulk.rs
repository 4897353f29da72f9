//! The BulkRequest message (RFC 7644 §3.7): many operations in one body.
//!
//! [`read`] makes typed operations of it, each read by the same dialect rules as a request of its
//! own, with every `bulkId:` reference replaced by the id that the new resource will have.
//! [`Job::segments`] says in which order to carry them out. Carrying them out is not for this crate.

mod order;
mod read;
mod references;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use read::read;
use serde_json::Value;

use crate::{Error, Notes, Object, patch::PatchRequest, schema::ResourceType, urn};

/// The most operations of one request (`maxOperations`).
pub const MAX_OPERATIONS: usize = 1000;

/// The levels of JSON around the `data` of an operation: message, `Operations`, operation.
pub const ENVELOPE_DEPTH: usize = 3;

/// The operations of one request.
#[derive(Clone, Debug)]
pub struct Job {
    /// Processing stops when so many operations have failed; at least 1.
    pub fail_on_errors: Option<usize>,
    /// In the order of the request.
    pub operations: Vec<Operation>,
}

/// One operation: what the answer repeats of it, and what it asks for.
#[derive(Clone, Debug)]
pub struct Operation {
    /// As written, in capitals.
    pub method: Option<String>,
    pub bulk_id: Option<String>,
    /// As written.
    pub path: Option<String>,
    /// What to do, or why it cannot be understood.
    pub request: Result<Request, Error>,
    /// What was read otherwise than it was written.
    pub notes: Notes,
}

/// A well-formed operation.
#[derive(Clone, Debug)]
pub struct Request {
    pub resource_type: Arc<ResourceType>,
    /// The resource it is about: for a creation, the id to give it.
    pub id: String,
    /// The operation that creates the resource, where the path is a `bulkId:` reference.
    pub created_by: Option<usize>,
    /// The operations that create what `data` refers to, each once, in order.
    pub references: Vec<usize>,
    /// An entity tag that the resource must have.
    pub version: Option<String>,
    pub change: Change,
}

#[derive(Clone, Debug)]
pub enum Change {
    Create(Object),
    Replace(Object),
    Patch(PatchRequest),
    Delete,
}

impl Operation {
    /// Whether it is to create a resource, be it well-formed or not.
    pub fn creates(&self) -> bool {
        self.method.as_deref() == Some("POST")
    }
}

/// What became of one operation, as BulkResponse tells it.
#[derive(Clone, Debug)]
pub struct Outcome<'j> {
    pub operation: &'j Operation,
    pub status: u16,
    /// The resource's URL; a creation that failed has none.
    pub location: Option<String>,
    /// The resource's entity tag, where it is still there.
    pub version: Option<String>,
    pub error: Option<&'j Error>,
}

/// The BulkResponse message. Successes carry no `response`: who wants the resource has its
/// `location`.
pub fn response<'j>(outcomes: impl Iterator<Item = Outcome<'j>>) -> Object {
    let mut message = Object::new();
    message.insert("schemas".into(), vec![urn::BULK_RESPONSE].into());
    message.insert("Operations".into(), outcomes.map(Outcome::into_value).collect());
    message
}

impl Outcome<'_> {
    fn into_value(self) -> Value {
        let mut object = Object::new();
        let mut set = |name: &str, text: Option<String>| {
            if let Some(text) = text {
                object.insert(name.into(), text.into());
            }
        };
        set("location", self.location);
        set("method", self.operation.method.clone());
        set("bulkId", self.operation.bulk_id.clone());
        set("version", self.version);
        set("status", Some(self.status.to_string()));
        if let Some(error) = self.error {
            object.insert("response".into(), error.to_object().into());
        }
        Value::Object(object)
    }
}

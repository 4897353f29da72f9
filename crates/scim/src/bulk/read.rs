//! The body of a Bulk request.

use std::{collections::HashMap, sync::Arc};

use serde_json::Value;

use super::{
    Change, Job, MAX_OPERATIONS, Operation, Request,
    references::{self, BulkIds, PREFIX},
};
use crate::{
    Error, Notes, Object, ScimType,
    dialect::{self, member, take},
    reading::Reading,
    schema::ResourceType,
    text, urn,
};

/// The longest `bulkId` and `path`, in bytes.
const MAX_TEXT: usize = 1024;

/// Reads the body of a Bulk request (S-294 to S-301).
///
/// A malformed envelope — no list of operations, a bulkId given twice — is refused as a whole with
/// `invalidSyntax`, more operations than [`MAX_OPERATIONS`] with 413. Whatever is wrong with one
/// operation is that operation's result. `new_id` gives the ids of what is created, in the
/// order of the request; `notes` gets what concerns the envelope.
pub fn read(
    body: Value,
    resource_types: &[Arc<ResourceType>],
    reading: Reading,
    notes: &mut Notes,
    mut new_id: impl FnMut() -> String,
) -> Result<Job, Error> {
    let Value::Object(mut body) = body else {
        return Err(syntax("the body of a bulk request must be a JSON object with `Operations`"));
    };
    let is_bulk = |uri: &Value| uri.as_str().is_some_and(|uri| urn::eq(uri, urn::BULK_REQUEST));
    let listed = member(&body, "schemas").and_then(Value::as_array);
    if !listed.is_some_and(|uris| uris.iter().any(is_bulk)) {
        if reading == Reading::Strict {
            let uri = urn::BULK_REQUEST;
            return Err(syntax(format!("a bulk request must list `{uri}` in `schemas`")));
        }
        notes.add("body without the BulkRequest schema read as a bulk request");
    }
    let fail_on_errors = fail_on_errors(take(&mut body, "failOnErrors"), reading, notes)?;
    let written = match take(&mut body, "Operations") {
        Some(Value::Array(written)) if !written.is_empty() => written,
        Some(single @ Value::Object(_)) if reading == Reading::Tolerant => {
            notes.add("single operation read as an array of one at `Operations`");
            vec![single]
        }
        _ => return Err(syntax("`Operations` must be an array of at least one operation")),
    };
    if written.len() > MAX_OPERATIONS {
        let detail = format!(
            "the request has {} operations, and maxOperations is {MAX_OPERATIONS}: send it in parts",
            written.len()
        );
        return Err(Error::new(413, None, detail));
    }
    let written: Vec<Written> =
        written.into_iter().map(|value| Written::read(value, reading)).collect();
    let mut bulk_ids = BulkIds { places: HashMap::new(), ids: Vec::with_capacity(written.len()) };
    for (at, written) in written.iter().enumerate() {
        bulk_ids.ids.push((written.method.as_deref() == Some("POST")).then(&mut new_id));
        let Some(bulk_id) = &written.bulk_id else { continue };
        if bulk_ids.places.insert(bulk_id.clone(), at).is_some() {
            return Err(syntax(format!("the bulkId `{bulk_id}` is given twice")));
        }
    }
    let operations = written.into_iter().enumerate();
    let operations = operations
        .map(|(at, written)| written.into_operation(at, resource_types, reading, &bulk_ids))
        .collect();
    Ok(Job { fail_on_errors, operations })
}

fn fail_on_errors(
    value: Option<Value>,
    reading: Reading,
    notes: &mut Notes,
) -> Result<Option<usize>, Error> {
    let number = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) if reading == Reading::Tolerant => {
            notes.add("string read as a number at `failOnErrors`");
            text.parse().ok()
        }
        Some(_) => None,
    };
    match number {
        Some(number) if number > 0 => Ok(Some(usize::try_from(number).unwrap_or(usize::MAX))),
        _ => Err(syntax(
            "`failOnErrors` must be a whole number from 1 on; leave it out to process everything",
        )),
    }
}

/// An operation of which the frame is read.
struct Written {
    method: Option<String>,
    bulk_id: Option<String>,
    path: Option<String>,
    version: Option<String>,
    data: Option<Value>,
    /// What is wrong with the frame.
    error: Option<Error>,
    notes: Notes,
}

impl Written {
    fn read(value: Value, reading: Reading) -> Self {
        let mut written = Self {
            method: None,
            bulk_id: None,
            path: None,
            version: None,
            data: None,
            error: None,
            notes: Notes::default(),
        };
        let Value::Object(mut object) = value else {
            written.error = Some(syntax("an operation must be a JSON object"));
            return written;
        };
        written.method = written.text(&mut object, "method").map(|method| {
            let method = text::shorten(method, 32);
            let capitals = method.to_ascii_uppercase();
            if capitals != method && reading == Reading::Tolerant {
                written.notes.add(format!("method `{method}` read as `{capitals}`"));
                return capitals;
            }
            method
        });
        written.bulk_id = written.text(&mut object, "bulkId");
        written.path = written.text(&mut object, "path");
        written.version = written.text(&mut object, "version");
        written.data = take(&mut object, "data").filter(|data| !data.is_null());
        written
    }

    /// The text under `name`; an empty one is none.
    fn text(&mut self, object: &mut Object, name: &str) -> Option<String> {
        let problem = match take(object, name) {
            None | Some(Value::Null) => return None,
            Some(Value::String(text)) if text.len() <= MAX_TEXT => {
                return Some(text).filter(|text| !text.is_empty());
            }
            Some(Value::String(_)) => format!("`{name}` is longer than {MAX_TEXT} bytes"),
            Some(_) => format!("`{name}` must be a string"),
        };
        self.error.get_or_insert(syntax(problem));
        None
    }

    fn into_operation(
        mut self,
        at: usize,
        resource_types: &[Arc<ResourceType>],
        reading: Reading,
        bulk_ids: &BulkIds,
    ) -> Operation {
        let request = match self.error.take() {
            Some(error) => Err(error),
            None => self.request(at, resource_types, reading, bulk_ids),
        };
        let Self { method, bulk_id, path, notes, .. } = self;
        Operation { method, bulk_id, path, request, notes }
    }

    fn request(
        &mut self,
        at: usize,
        resource_types: &[Arc<ResourceType>],
        reading: Reading,
        bulk_ids: &BulkIds,
    ) -> Result<Request, Error> {
        let method = match self.method.as_deref() {
            Some(method @ ("POST" | "PUT" | "PATCH" | "DELETE")) => method.to_owned(),
            Some(method @ ("GET" | "HEAD")) => {
                let detail = format!("`{method}` reads, and a bulk request only writes");
                return Err(Error::new(405, None, detail));
            }
            Some(method) => {
                let detail = format!("`{method}` is no method: use POST, PUT, PATCH or DELETE");
                return Err(syntax(detail));
            }
            None => return Err(syntax("the operation needs a `method`")),
        };
        let path = self.path.as_deref().ok_or_else(|| syntax("the operation needs a `path`"))?;
        let (resource_type, id) = target(path, resource_types, reading, &mut self.notes)?;
        let (id, created_by) = if method == "POST" {
            if id.is_some() {
                let detail = format!(
                    "POST creates: its path is `{}`, without an id",
                    resource_type.endpoint
                );
                return Err(syntax(detail));
            }
            if self.bulk_id.is_none() {
                return Err(syntax("POST needs a `bulkId`: any text that no other operation has"));
            }
            (bulk_ids.ids[at].clone().unwrap_or_default(), None)
        } else {
            let id = id.ok_or_else(|| {
                let endpoint = &resource_type.endpoint;
                syntax(format!(
                    "{method} changes one resource: its path is `{endpoint}/` and an id"
                ))
            })?;
            match id.strip_prefix(PREFIX) {
                Some(bulk_id) => {
                    let (created_by, id) = bulk_ids.created(bulk_id)?;
                    (id.to_owned(), Some(created_by))
                }
                None => (id.to_owned(), None),
            }
        };
        let resource_type = Arc::clone(resource_type);
        let mut change = self.change(&method, &resource_type, reading)?;
        let references = references::resolve(&resource_type, &mut change, bulk_ids)?;
        let version = self.version.take();
        Ok(Request { resource_type, id, created_by, references, version, change })
    }

    /// `data`, read as the body of such a request.
    fn change(
        &mut self,
        method: &str,
        rt: &ResourceType,
        reading: Reading,
    ) -> Result<Change, Error> {
        if method == "DELETE" {
            return Ok(Change::Delete);
        }
        let data =
            self.data.take().ok_or_else(|| syntax(format!("{method} needs `data`: its body")))?;
        if !data.is_object() {
            let what = match method {
                "PATCH" => "a PatchOp message with `schemas` and `Operations`",
                _ => "the resource",
            };
            return Err(syntax(format!("`data` of {method} must be a JSON object: {what}")));
        }
        Ok(match method {
            "POST" => Change::Create(dialect::read_resource(rt, data, reading, &mut self.notes)?),
            "PUT" => Change::Replace(dialect::read_resource(rt, data, reading, &mut self.notes)?),
            _ => Change::Patch(dialect::read_patch(rt, data, reading, &mut self.notes)?),
        })
    }
}

/// The resource type that a path names, and the id behind it, which may be a reference.
fn target<'t, 'p>(
    path: &'p str,
    resource_types: &'t [Arc<ResourceType>],
    reading: Reading,
    notes: &mut Notes,
) -> Result<(&'t Arc<ResourceType>, Option<&'p str>), Error> {
    let mut rest = path;
    if reading == Reading::Tolerant {
        if let Some((before, _)) = rest.split_once('?') {
            notes.add("query behind `path` passed over");
            rest = before;
        }
        rest = rest.trim_end_matches('/');
    }
    let named = resource_types.iter().find_map(|rt| {
        let name = rt.endpoint.trim_start_matches('/');
        let behind = match rest.strip_prefix('/') {
            Some(rest) => rest.strip_prefix(name)?,
            None if reading == Reading::Tolerant => rest.strip_prefix(name)?,
            None => return None,
        };
        match behind.strip_prefix('/') {
            None if behind.is_empty() => Some((rt, None)),
            Some(id) if !id.is_empty() && !id.contains('/') => Some((rt, Some(id))),
            _ => None,
        }
    });
    if named.is_some() && !path.starts_with('/') {
        notes.add(format!("path `{path}` read as `/{path}`"));
    }
    named.ok_or_else(|| {
        let endpoints: Vec<&str> = resource_types.iter().map(|rt| &*rt.endpoint).collect();
        syntax(format!(
            "`{}` is no path of a bulk operation: it begins with {}",
            text::shorten(path.to_owned(), 200),
            endpoints.join(" or ")
        ))
    })
}

fn syntax(detail: impl Into<String>) -> Error {
    Error::bad_request(ScimType::InvalidSyntax, detail)
}

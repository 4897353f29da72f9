use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::{
    Error, Notes, Object, ScimType,
    reading::Reading,
    schema::{Extension, ResourceType, Schema, group_type, user_type},
};

mod groups;
mod paths;
mod properties;
mod users;

const E: &str = crate::urn::ENTERPRISE_USER;
/// No schema declares it.
const UNKNOWN: &str = "urn:ietf:params:scim:schemas:extension:northlab:2.0:User";

fn fixture() -> Value {
    const USERS: &str =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/patch/users.json"));
    serde_json::from_str(USERS).expect("JSON")
}

fn user() -> ResourceType {
    let fixture = fixture();
    let declared = fixture["extensions"].as_array().expect("extensions").iter().map(|schema| {
        let schema = Arc::new(Schema::from_json(schema).expect("schema"));
        Extension { schema, required: false, learned: false }
    });
    user_type(declared.collect())
}

/// Reads a request as it stands on the wire, without any dialect.
fn request(operations: &Value, reading: Reading) -> Result<PatchRequest, Error> {
    let operations = operations.as_array().expect("operations").iter().map(|operation| {
        let op = match operation["op"].as_str() {
            Some("add") => Op::Add,
            Some("remove") => Op::Remove,
            Some("replace") => Op::Replace,
            other => panic!("{other:?} is no op"),
        };
        let path = match operation.get("path") {
            None => None,
            Some(path) => {
                let path = path.as_str().expect("path");
                Some(parse_path(path, reading, &mut Notes::default())?)
            }
        };
        Ok(Operation { op, path, value: operation.get("value").cloned() })
    });
    Ok(PatchRequest { operations: operations.collect::<Result<_, Error>>()?, ..Default::default() })
}

fn patch_as(
    reading: Reading,
    resource_type: &ResourceType,
    stored: &Value,
    operations: &Value,
) -> Result<Patched, Error> {
    let resource = stored.as_object().expect("resource").clone();
    let resource = crate::validate::normal_form(resource_type, resource);
    Ok(apply(resource_type, &resource, &request(operations, reading)?, reading)?)
}

fn patch(
    resource_type: &ResourceType,
    stored: &Value,
    operations: &Value,
) -> Result<Patched, Error> {
    patch_as(Reading::Tolerant, resource_type, stored, operations)
}

/// The resource without `schemas`.
fn data(mut resource: Object) -> Value {
    resource.shift_remove("schemas");
    resource.into()
}

use std::sync::Arc;

use serde_json::Value;

use super::*;
use crate::{
    Error, Notes, ScimType,
    dialect::Reading,
    schema::{Extension, ResourceType, Schema, group_type, user_type},
};

const CASES: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/filter/cases.json"));

fn resource_types(cases: &Value) -> [ResourceType; 2] {
    let declared = cases["extensions"].as_array().expect("extensions").iter().map(|schema| {
        let schema = Arc::new(Schema::from_json(schema).expect("schema"));
        Extension { schema, required: false }
    });
    [user_type(declared.collect()), group_type(Vec::new())]
}

fn ids(matches: impl Iterator<Item = Value>) -> Vec<String> {
    matches.map(|id| id.as_str().expect("id").to_owned()).collect()
}

/// The shared cases, in memory.
#[test]
fn cases() {
    let cases: Value = serde_json::from_str(CASES).expect("JSON");
    let types = resource_types(&cases);
    let mut failures = Vec::new();
    for case in cases["cases"].as_array().expect("cases") {
        let text = case["filter"].as_str().expect("filter");
        let resource_type = types.iter().find(|t| t.name == case["resource_type"]).expect("type");
        let found = parse(text, Reading::Tolerant, &mut Notes::default())
            .and_then(|filter| resolve(&filter, resource_type))
            .map(|condition| {
                let resources = cases["resources"][&resource_type.name].as_array().expect("list");
                let matching = resources.iter().filter(|resource| {
                    condition.matches(resource.as_object().expect("a resource is an object"))
                });
                ids(matching.map(|resource| resource["id"].clone()))
            })
            .map_err(|error| Error::from(error).scim_type);
        let expected = match case["matches"].as_array() {
            Some(matches) => Ok(ids(matches.iter().cloned())),
            None => Err(Some(ScimType::InvalidFilter)),
        };
        if found != expected {
            failures.push(format!("{}: {text}: {found:?}", case["name"]));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

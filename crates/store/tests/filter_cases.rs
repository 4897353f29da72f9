//! The shared filter cases, answered by the store: by an index where one helps, by reading through
//! the directory where none does. The same cases run in memory in the protocol crate.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod fresh;

use std::{collections::BTreeSet, path::Path, sync::Arc};

use scim::{
    Notes, Object,
    dialect::Reading,
    filter,
    schema::{self, Extension, ResourceType, Schema},
};
use serde_json::Value;
use store::{
    DirectoryTx, Store,
    journal::Operation,
    resources::Change,
    search::{Paging, Part, Search},
};

const DIRECTORY: &str = "dir-filter";

fn cases() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/filter/cases.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn resource_types(cases: &Value) -> [Arc<ResourceType>; 2] {
    let declared = cases["extensions"].as_array().unwrap().iter().map(|schema| Extension {
        schema: Arc::new(Schema::from_json(schema).unwrap()),
        required: false,
        learned: false,
    });
    [Arc::new(schema::user_type(declared.collect())), Arc::new(schema::group_type(Vec::new()))]
}

fn time(object: &Object, name: &str) -> i64 {
    object["meta"][name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_microsecond()
}

async fn fill(store: &Store, cases: &Value) {
    let resources = cases["resources"].clone();
    store
        .write(DIRECTORY, async move |mut tx: DirectoryTx<'_>| {
            for resource_type in ["User", "Group"] {
                for full in resources[resource_type].as_array().unwrap() {
                    let full = full.as_object().unwrap();
                    let mut stored = full.clone();
                    for computed in ["id", "meta", "groups", "members"] {
                        stored.shift_remove(computed);
                    }
                    let id = full["id"].as_str().unwrap();
                    tx.create(resource_type, id, &stored, time(full, "created"), "r").await?;
                    let now = time(full, "lastModified");
                    if now != time(full, "created") {
                        let operation = Operation::Patch;
                        let change = Change { operation, now, request_id: "r", changes: "[]" };
                        tx.touch(resource_type, id, change).await?;
                    }
                }
            }
            for group in resources["Group"].as_array().unwrap() {
                let members = group["members"].as_array().cloned().unwrap_or_default();
                let ids: Vec<&str> =
                    members.iter().map(|member| member["value"].as_str().unwrap()).collect();
                let added = tx.add_members(group["id"].as_str().unwrap(), &ids).await?;
                assert_eq!(added.len(), members.len(), "{group}");
            }
            Ok::<_, store::Error>(())
        })
        .await
        .unwrap();
}

/// S-179. S-449.
#[tokio::test]
async fn the_store_answers_all_filter_cases() {
    let store = fresh::open().await;
    let cases = cases();
    let [user, group] = resource_types(&cases);
    fill(&store, &cases).await;

    let mut wrong = Vec::new();
    let mut answered = 0;
    for case in cases["cases"].as_array().unwrap() {
        let text = case["filter"].as_str().unwrap();
        let resource_type = if case["resource_type"] == "Group" { &group } else { &user };
        let reading = if case["reading"] == "strict" { Reading::Strict } else { Reading::Tolerant };
        let Some(expected) = case["matches"].as_array() else { continue };
        let parsed = filter::parse(text, reading, &mut Notes::default()).unwrap();
        let condition = filter::resolve(&parsed, resource_type).unwrap();
        let search = Search {
            parts: vec![Part {
                resource_type: Arc::clone(resource_type),
                condition: Some(condition),
                sort: None,
                references: false,
            }],
            base_url: "https://dir.example.net/scim/v2".into(),
            sort_order: None,
            paging: Paging::Index(0),
            count: 100,
        };
        let found = store.search(DIRECTORY, search).await.unwrap();
        answered += 1;
        let ids: BTreeSet<&str> = found.page.iter().map(|m| m.resource.id.as_str()).collect();
        let expected: BTreeSet<&str> = expected.iter().map(|id| id.as_str().unwrap()).collect();
        if ids != expected || found.total != Some(expected.len()) {
            wrong.push(format!("{}: `{text}` found {ids:?}, not {expected:?}", case["name"]));
        }
    }
    assert!(answered > 100, "{answered} cases");
    assert!(wrong.is_empty(), "{} of {answered}:\n{}", wrong.len(), wrong.join("\n"));
}

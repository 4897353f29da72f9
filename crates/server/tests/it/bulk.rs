//! `/Bulk` (RFC 7644 §3.7).

mod limits;
mod order;
mod promises;

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, ScimClient, TestServer, group, patch, until, user};

const REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
const RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn envelope(operations: impl Into<Value>) -> Value {
    json!({"schemas": [REQUEST], "Operations": operations.into()})
}

fn create(endpoint: &str, bulk_id: &str, data: Value) -> Value {
    json!({"method": "POST", "path": endpoint, "bulkId": bulk_id, "data": data})
}

fn create_user(bulk_id: &str) -> Value {
    create("/Users", bulk_id, user(&format!("{bulk_id}@example.com")))
}

/// A group named as its bulkId, with members as written.
fn create_group(bulk_id: &str, members: &[&str]) -> Value {
    let mut data = group(bulk_id);
    data["members"] = members.iter().map(|id| json!({"value": id})).collect();
    create("/Groups", bulk_id, data)
}

fn patch_of(path: &str, operations: Value) -> Value {
    json!({"method": "PATCH", "path": path, "data": patch(operations)})
}

fn change_members(path: &str, op: &str, member: &str) -> Value {
    patch_of(path, json!([{"op": op, "path": "members", "value": [{"value": member}]}]))
}

fn delete(path: &str) -> Value {
    json!({"method": "DELETE", "path": path})
}

/// The results of a job that is carried out.
#[track_caller]
fn results(answer: Answer) -> Vec<Value> {
    let body = answer.expect(200).body;
    assert_eq!(body["schemas"], json!([RESPONSE]), "{body}");
    body["Operations"].as_array().unwrap_or_else(|| panic!("{body}")).clone()
}

async fn bulk(client: &ScimClient, operations: impl Into<Value>) -> Vec<Value> {
    results(client.post("/Bulk", envelope(operations)).await)
}

fn statuses(results: &[Value]) -> Vec<&str> {
    results.iter().map(|result| result["status"].as_str().unwrap()).collect()
}

/// The id in a result's `location`.
#[track_caller]
fn id(result: &Value) -> String {
    let location = result["location"].as_str().unwrap_or_else(|| panic!("{result}"));
    location.rsplit('/').next().unwrap().to_owned()
}

async fn members(client: &ScimClient, id: &str) -> Vec<String> {
    let group = client.get(&format!("/Groups/{id}")).await.expect(200).body;
    let members = group["members"].as_array().unwrap().iter();
    let mut members: Vec<String> =
        members.map(|member| member["value"].as_str().unwrap().to_owned()).collect();
    members.sort();
    members
}

async fn totals(client: &ScimClient) -> (u64, u64) {
    let total = async |endpoint: &str| {
        let target = format!("{endpoint}?count=0");
        client.get(&target).await.expect(200).body["totalResults"].as_u64().unwrap()
    };
    (total("/Users").await, total("/Groups").await)
}

/// S-294, S-298, S-304: all four methods in one job; each result has what the standard asks for.
#[tokio::test]
async fn s_294_a_job_of_every_method() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    let old = client.post("/Users", user("old@example.com")).await.expect(201).id();
    let gone = client.post("/Users", user("gone@example.com")).await.expect(201).id();
    let crew = client.post("/Groups", group("Crew")).await.expect(201).id();
    let replacement = user("new@example.com");
    let results = bulk(
        &client,
        json!([
            create_user("ada"),
            {"method": "PUT", "path": format!("/Users/{old}"), "bulkId": "own", "data": replacement},
            patch_of(&format!("/Users/{old}"), json!([{"op": "add", "path": "title", "value": "X"}])),
            change_members(&format!("/Groups/{crew}"), "add", &old),
            delete(&format!("/Users/{gone}")),
        ]),
    )
    .await;
    assert_eq!(statuses(&results), ["201", "200", "200", "204", "204"]);
    let ada = client.get(&format!("/Users/{}", id(&results[0]))).await.expect(200);
    let changed = client.get(&format!("/Users/{old}")).await.expect(200);
    let group = client.get(&format!("/Groups/{crew}")).await.expect(200);
    assert_eq!(ada.body["userName"], "ada@example.com");
    assert_eq!(
        (&changed.body["userName"], &changed.body["title"]),
        (&json!("new@example.com"), &json!("X"))
    );
    assert_eq!(members(&client, &crew).await, [old]);
    client.get(&format!("/Users/{gone}")).await.expect(404);
    assert_eq!(
        results[0],
        json!({
            "method": "POST",
            "bulkId": "ada",
            "location": ada.body["meta"]["location"],
            "version": ada.body["meta"]["version"],
            "status": "201",
        })
    );
    assert_eq!(results[1]["bulkId"], "own");
    assert_eq!(results[2]["location"], changed.body["meta"]["location"]);
    assert_eq!(results[3]["version"], group.body["meta"]["version"]);
    assert_eq!(results[4].get("version"), None);
    assert_eq!(results[4]["location"], format!("{}/Users/{gone}", client.url));
    assert!(results.iter().all(|result| result.get("response").is_none()));
    // A user's tag tells of the manager's name, here as elsewhere.
    let mut managed = user("managed@example.com");
    managed[ENTERPRISE] = json!({"manager": {"value": id(&results[0])}});
    let results = bulk(&client, json!([create("/Users", "m", managed)])).await;
    let stored = client.get(&format!("/Users/{}", id(&results[0]))).await.expect(200).body;
    assert_eq!(results[0]["version"], stored["meta"]["version"]);
}

/// S-295, S-296, S-297, S-298, S-305: a malformed envelope refuses the job, a malformed operation
/// itself alone, and nothing of either is stored.
#[tokio::test]
async fn s_295_malformed_jobs_and_operations() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    for body in [
        json!({"schemas": [REQUEST]}),
        json!([create_user("a")]),
        envelope(json!([])),
        envelope(json!("x")),
        envelope(json!([create_user("a"), create_user("a")])),
        json!({"schemas": [REQUEST], "failOnErrors": "many", "Operations": [create_user("a")]}),
    ] {
        let refused = client.post("/Bulk", body.clone()).await.refused(400);
        assert_eq!(refused.body["scimType"], "invalidSyntax", "{body}");
    }
    assert_eq!(totals(&client).await, (0, 0));
    let data = user("x@example.com");
    let bad = [
        (json!({"method": "GET", "path": "/Users/1"}), "405"),
        (create("/Bulk", "n", envelope(json!([]))), "400"),
        (create("/Me", "me", data.clone()), "400"),
        (json!({"method": "DELETE", "path": "/Me"}), "400"),
        (json!({"method": "POST", "path": "/Users", "data": data}), "400"),
        (create("/Users/1", "with-id", data.clone()), "400"),
        (create("/Users", "no-data", Value::Null), "400"),
        (json!({"method": "POST", "bulkId": "no-path", "data": data}), "400"),
        (json!({"path": "/Users", "bulkId": "no-method", "data": data}), "400"),
        (json!({"method": "PUT", "path": "/Users", "data": data}), "400"),
        (json!({"method": "PUT", "path": "/Users/1"}), "400"),
        (
            json!({"method": "PATCH", "path": "/Users/1", "data": [{"op": "remove", "path": "title"}]}),
            "400",
        ),
        (json!("x"), "400"),
    ];
    let mut operations: Vec<Value> = bad.iter().map(|(operation, _)| operation.clone()).collect();
    operations.push(create_user("good"));
    let results = bulk(&client, operations).await;
    let expected: Vec<&str> = bad.iter().map(|(_, status)| *status).chain(["201"]).collect();
    assert_eq!(statuses(&results), expected);
    for (result, (operation, _)) in results.iter().zip(&bad) {
        let error = &result["response"];
        assert_eq!(error["status"], result["status"], "{operation}: {result}");
        assert_eq!(result.get("bulkId"), operation.get("bulkId"), "{operation}: {result}");
        if error["status"] == "400" {
            assert_eq!(error["scimType"], "invalidSyntax", "{operation}: {result}");
        }
    }
    assert_eq!(totals(&client).await, (1, 0));
    for method in ["GET", "PUT", "PATCH", "DELETE"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let refused = client.try_send(method, "/Bulk", &json!({})).await.unwrap().refused(405);
        assert_eq!(refused.header("allow"), "POST, OPTIONS");
    }
}

/// S-304, S-306, S-337: an operation is refused exactly as the same request by itself is.
#[tokio::test]
async fn s_306_operations_are_judged_as_requests_are() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    let taken = client.post("/Users", user("taken@example.com")).await.expect(201).id();
    let crew = client.post("/Groups", group("Crew")).await.expect(201).id();
    let (one, of_crew) = (format!("/Users/{taken}"), format!("/Groups/{crew}"));
    let member = |id: &str| json!([{"op": "add", "path": "members", "value": [{"value": id}]}]);
    for (method, path, data, status) in [
        ("POST", "/Users", user("taken@example.com"), 409),
        ("POST", "/Users", json!({"title": "nobody"}), 400),
        ("POST", "/Users", json!({"userName": "a", "active": "perhaps"}), 400),
        ("POST", "/Groups", group("crew"), 409),
        ("POST", "/Groups", json!({"displayName": "G", "members": [{"value": "none"}]}), 400),
        ("PUT", "/Users/none", user("x@example.com"), 404),
        ("PUT", &one, json!({"userName": ""}), 400),
        ("PATCH", &one, patch(json!([{"op": "replace", "path": "nothing", "value": 1}])), 400),
        ("PATCH", &one, patch(json!([{"op": "remove"}])), 400),
        ("PATCH", &of_crew, patch(member(&crew)), 400),
        ("PATCH", "/Groups/none", patch(member(&taken)), 404),
        ("DELETE", "/Groups/none", Value::Null, 404),
    ] {
        let sent = Method::from_bytes(method.as_bytes()).unwrap();
        let single = client.try_send(sent, path, &data).await.unwrap().refused(status).body;
        let operation = json!({"method": method, "path": path, "bulkId": "b", "data": data});
        let result = &bulk(&client, json!([operation])).await[0];
        assert_eq!(result["response"], single, "{method} {path} {data}");
        assert_eq!(result["status"], status.to_string());
        let location = (method != "POST").then(|| json!(format!("{}{path}", client.url)));
        assert_eq!(result.get("location"), location.as_ref(), "{method} {path}");
        assert_eq!(result.get("version"), None, "{method} {path}");
    }
    // And understood as it is: Entra's way of writing a boolean.
    let entra = patch_of(&one, json!([{"op": "Replace", "path": "active", "value": "False"}]));
    assert_eq!(statuses(&bulk(&client, json!([entra])).await), ["200"]);
    assert_eq!(client.get(&one).await.expect(200).body["active"], false);
    // Groups that the directory does not take in.
    server.command(&format!("directory update {} --groups off", directory.id)).await;
    let operations = json!([create_group("g", &[]), delete(&of_crew), create_user("u")]);
    assert_eq!(statuses(&bulk(&client, operations).await), ["403", "403", "201"]);
}

/// S-286, S-294: `version` is the condition that `If-Match` is.
#[tokio::test]
async fn versions_are_conditions() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    let created = client.post("/Users", user("a@example.com")).await.expect(201);
    let path = format!("/Users/{}", created.id());
    let retitle = |title: &str, version: &Value| {
        let operations = json!([{"op": "replace", "path": "title", "value": title}]);
        let mut operation = patch_of(&path, operations);
        operation["version"] = version.clone();
        operation
    };
    let first = created.body["meta"]["version"].clone();
    let results = bulk(
        &client,
        json!([
            retitle("one", &first),
            retitle("two", &first),
            retitle("three", &json!("W/\"2\"")),
            {"method": "DELETE", "path": path, "version": first},
            retitle("four", &json!("*")),
        ]),
    )
    .await;
    assert_eq!(statuses(&results), ["200", "412", "200", "412", "200"]);
    let stored = client.get(&path).await.expect(200).body;
    assert_eq!(stored["title"], "four");
    assert_eq!(results[4]["version"], stored["meta"]["version"]);
}

/// The job and each of its operations have an entry in the provisioning log; the journal names the
/// job for every change.
#[tokio::test]
async fn every_operation_is_logged() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    let answered = client
        .post(
            "/Bulk",
            envelope(json!([
                create_user("a"),
                create_user("a2"),
                {"method": "post", "path": "/Users", "bulkId": "b", "data": {"userName": "a@example.com"}},
                change_members("/Groups/bulkId:g", "add", "bulkId:a"),
                create_group("g", &["bulkId:a2"]),
                delete("/Persons/hcscim_0123456789"),
            ])),
        )
        .await
        .expect(200);
    let job = &*answered.header("x-request-id").to_owned();
    let results = results(answered);
    assert_eq!(statuses(&results), ["201", "201", "409", "204", "201", "400"]);
    let (a, a2, crew) = (id(&results[0]), id(&results[1]), id(&results[4]));
    let log = until("seven entries", async || {
        let log = server.provisioning_log(&directory).await;
        (log.len() == 7).then_some(log)
    })
    .await;
    let (whole, parts): (Vec<_>, Vec<_>) = log.iter().rev().partition(|e| e.part_of.is_none());
    assert_eq!((&*whole[0].request_id, &*whole[0].target, whole[0].status), (job, "/Bulk", 200));
    assert_eq!(whole[0].notes, ["2 of 6 operations failed"]);
    let of_crew = format!("/Groups/{crew}");
    for (entry, (method, target, status, resource)) in parts.iter().zip([
        ("POST", "/Users", 201, Some(&a)),
        ("POST", "/Users", 201, Some(&a2)),
        ("POST", "/Users", 409, None),
        ("PATCH", &*of_crew, 204, Some(&crew)),
        ("POST", "/Groups", 201, Some(&crew)),
        ("DELETE", "/Persons/hcscim_…", 400, None),
    ]) {
        let logged = (&*entry.method, &*entry.target, entry.status, entry.resource_id.as_ref());
        assert_eq!(logged, (method, target, status, resource), "{entry:?}");
        assert_eq!(entry.part_of.as_deref(), Some(job));
        assert_eq!(entry.detail.is_some(), status >= 400, "{entry:?}");
        assert_eq!(entry.token_id, whole[0].token_id);
        assert_eq!(entry.at, whole[0].at);
    }
    assert_eq!(parts[2].scim_type.as_deref(), Some("uniqueness"));
    assert!(parts[2].notes.iter().any(|note| note.contains("`post`")), "{:?}", parts[2]);
    let changes: Vec<(String, &str)> = server
        .changes_by(&directory, job)
        .await
        .into_iter()
        .map(|change| (change.resource_id, change.operation.as_str()))
        .collect();
    assert_eq!(changes, [(a, "create"), (a2, "create"), (crew.clone(), "create"), (crew, "patch")]);
}

/// S-298, S-309: results in the order of the request, each with its bulkId, whatever the order of
/// processing.
#[tokio::test]
async fn s_309_results_keep_the_order_of_the_request() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    let mut operations = vec![
        change_members("/Groups/bulkId:crew", "add", "bulkId:u7"),
        create_group("crew", &["bulkId:u8", "bulkId:u9"]),
        delete("/Users/none"),
    ];
    operations.extend((0..10).map(|number| create_user(&format!("u{number}"))));
    for (number, operation) in operations.iter_mut().enumerate() {
        if operation.get("bulkId").is_none() {
            operation["bulkId"] = json!(format!("number {number}"));
        }
    }
    let results = bulk(&client, operations.clone()).await;
    let names = |list: &[Value]| -> Vec<Value> {
        list.iter().map(|one| json!([one["method"], one["bulkId"]])).collect()
    };
    assert_eq!(names(&results), names(&operations));
    let mut expected = vec!["204", "201", "404"];
    expected.extend(["201"; 10]);
    assert_eq!(statuses(&results), expected);
    let mut three: Vec<String> = [10, 11, 12].map(|at| id(&results[at])).into();
    three.sort();
    assert_eq!(members(&client, &id(&results[1])).await, three);
}

/// The state of a directory by names instead of ids.
async fn state(client: &ScimClient) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    let mut names = BTreeMap::new();
    let mut resources = Vec::new();
    for endpoint in ["/Users", "/Groups"] {
        let listed = client.get(&format!("{endpoint}?count=1000")).await.expect(200).body;
        for resource in listed["Resources"].as_array().unwrap() {
            let name = if endpoint == "/Users" { "userName" } else { "displayName" };
            let name = format!("{endpoint}/{}", resource[name].as_str().unwrap());
            names.insert(resource["id"].as_str().unwrap().to_owned(), name.clone());
            resources.push((name, resource.clone()));
        }
    }
    let named = |id: &Value| {
        names.get(id.as_str().unwrap()).cloned().unwrap_or_else(|| "somebody unknown".into())
    };
    for (name, resource) in resources {
        let mut members: Vec<String> = resource["members"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|member| named(&member["value"]))
            .collect();
        members.sort();
        let manager = &resource[ENTERPRISE]["manager"]["value"];
        let manager = manager.as_str().map(|_| named(manager));
        let shown = json!({"title": resource["title"], "manager": manager, "members": members});
        assert!(all.insert(name.clone(), shown).is_none(), "{name} is there twice");
    }
    all
}

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::{
    ScimType,
    reading::Reading,
    schema::{self, Extension, Schema},
};

fn types() -> Vec<Arc<ResourceType>> {
    let declared = json!({
        "id": "urn:example:Desk",
        "name": "Desk",
        "attributes": [
            {"name": "buddy", "type": "reference", "referenceTypes": ["User"]},
            {"name": "site", "type": "reference", "referenceTypes": ["external"]},
            {"name": "motto", "type": "string"},
            {"name": "stand-in", "type": "complex", "subAttributes": [
                {"name": "value", "type": "string"},
                {"name": "$ref", "type": "reference", "referenceTypes": ["User"]},
            ]},
        ],
    });
    let learned = json!({
        "id": "urn:example:Learned",
        "name": "Learned",
        "attributes": [{"name": "buddy", "type": "string"}],
    });
    let extension = |declared: &Value, learned: bool| {
        let schema = Schema::from_json(declared).expect("a schema");
        let schema = Arc::new(if learned { schema.into_learned() } else { schema });
        Extension { schema, required: false, learned }
    };
    let extensions = vec![extension(&declared, false), extension(&learned, true)];
    vec![Arc::new(schema::user_type(extensions)), Arc::new(schema::group_type(Vec::new()))]
}

fn envelope(operations: Value) -> Value {
    json!({"schemas": [urn::BULK_REQUEST], "Operations": operations})
}

/// New ids are `id-0`, `id-1`, … in the order of the creations.
fn read_as(body: Value, reading: Reading) -> Result<(Job, Notes), Error> {
    let (mut notes, mut made) = (Notes::default(), 0);
    let new_id = || {
        made += 1;
        format!("id-{}", made - 1)
    };
    read(body, &types(), reading, &mut notes, new_id).map(|job| (job, notes))
}

fn job(operations: Value) -> Job {
    read_as(envelope(operations), Reading::Tolerant).expect("an envelope").0
}

fn create(endpoint: &str, bulk_id: &str, data: Value) -> Value {
    json!({"method": "POST", "path": endpoint, "bulkId": bulk_id, "data": data})
}

fn user(bulk_id: &str) -> Value {
    create("/Users", bulk_id, json!({"userName": bulk_id}))
}

fn group(bulk_id: &str, members: &[&str]) -> Value {
    let members: Vec<_> =
        members.iter().map(|id| json!({"value": format!("bulkId:{id}")})).collect();
    create("/Groups", bulk_id, json!({"displayName": bulk_id, "members": members}))
}

fn patch(path: &str, operations: Value) -> Value {
    let data = json!({"schemas": [urn::PATCH_OP], "Operations": operations});
    json!({"method": "PATCH", "path": path, "data": data})
}

/// S-295, S-298, S-307: what is wrong with the envelope refuses the whole.
#[test]
fn envelopes() {
    let many: Vec<Value> = (0..=MAX_OPERATIONS).map(|n| user(&n.to_string())).collect();
    for (body, status, word) in [
        (json!([]), 400, "JSON object"),
        (json!({"schemas": [urn::BULK_REQUEST]}), 400, "`Operations`"),
        (envelope(json!([])), 400, "at least one"),
        (envelope(json!("x")), 400, "array"),
        (envelope(json!([user("a"), user("a")])), 400, "`a` is given twice"),
        (envelope(many.into()), 413, "maxOperations is 1000"),
        (json!({"failOnErrors": 0, "Operations": [user("a")]}), 400, "from 1 on"),
        (json!({"failOnErrors": -1, "Operations": [user("a")]}), 400, "`failOnErrors`"),
        (json!({"failOnErrors": 1.5, "Operations": [user("a")]}), 400, "`failOnErrors`"),
        (json!({"failOnErrors": [1], "Operations": [user("a")]}), 400, "`failOnErrors`"),
    ] {
        let error = read_as(body.clone(), Reading::Tolerant).expect_err("a refusal");
        assert_eq!(error.status, status, "{body}: {error}");
        assert!(error.detail.contains(word), "{error}");
        let expected = (status == 400).then_some(ScimType::InvalidSyntax);
        assert_eq!(error.scim_type, expected, "{body}");
    }
    // Tolerances, each with a note; strictly read there are none.
    for body in [
        json!({"operations": [user("a")]}),
        json!({"schemas": [urn::BULK_REQUEST], "FailOnErrors": "2", "Operations": [user("a")]}),
        envelope(user("a")),
    ] {
        let (job, notes) = read_as(body.clone(), Reading::Tolerant).expect("a job");
        assert_eq!((job.operations.len(), notes.is_empty()), (1, false), "{body}");
        assert!(read_as(body, Reading::Strict).is_err());
    }
    let body =
        json!({"schemas": [urn::BULK_REQUEST], "failOnErrors": 2, "Operations": [user("a")]});
    let (job, notes) = read_as(body, Reading::Strict).expect("a job");
    assert_eq!((job.fail_on_errors, notes.is_empty()), (Some(2), true));
}

/// S-296, S-297, S-301, S-305: what is wrong with one operation is its result alone.
#[test]
fn operations() {
    let data = json!({"userName": "a"});
    for (operation, status, scim_type, word) in [
        (json!(7), 400, ScimType::InvalidSyntax, "JSON object"),
        (json!({"path": "/Users/1"}), 400, ScimType::InvalidSyntax, "`method`"),
        (json!({"method": "BREW", "path": "/Users/1"}), 400, ScimType::InvalidSyntax, "`BREW`"),
        (json!({"method": 1, "path": "/Users/1"}), 400, ScimType::InvalidSyntax, "`method`"),
        (json!({"method": "DELETE"}), 400, ScimType::InvalidSyntax, "`path`"),
        (json!({"method": "DELETE", "path": "/Users"}), 400, ScimType::InvalidSyntax, "an id"),
        (
            json!({"method": "DELETE", "path": "/Users/1/2"}),
            400,
            ScimType::InvalidSyntax,
            "no path",
        ),
        (json!({"method": "PUT", "path": "/Users/1"}), 400, ScimType::InvalidSyntax, "`data`"),
        (json!({"method": "PATCH", "path": "/Users/1"}), 400, ScimType::InvalidSyntax, "`data`"),
        (create("/Users", "", data.clone()), 400, ScimType::InvalidSyntax, "`bulkId`"),
        (create("/Users/1", "x", data.clone()), 400, ScimType::InvalidSyntax, "without an id"),
        (create("/Bulk", "x", data.clone()), 400, ScimType::InvalidSyntax, "/Users or /Groups"),
        (create("/Me", "x", data.clone()), 400, ScimType::InvalidSyntax, "`/Me`"),
        (create("/Usersx", "x", data.clone()), 400, ScimType::InvalidSyntax, "`/Usersx`"),
        (create("/Users", "x", Value::Null), 400, ScimType::InvalidSyntax, "`data`"),
        (create("/Users", "x", json!("a")), 400, ScimType::InvalidSyntax, "JSON object"),
        (
            json!({"method": "PATCH", "path": "/Users/1", "data": [{"op": "remove", "path": "title"}]}),
            400,
            ScimType::InvalidSyntax,
            "PatchOp",
        ),
        (
            json!({"method": "DELETE", "path": "/Users/bulkId:none"}),
            400,
            ScimType::InvalidValue,
            "`bulkId:none`",
        ),
        (group("x", &["none"]), 400, ScimType::InvalidValue, "`bulkId:none`"),
        // It is the id of an operation that creates nothing.
        (group("x", &["other"]), 400, ScimType::InvalidValue, "`bulkId:other`"),
        (patch("/Users/1", json!([{"op": "mend"}])), 400, ScimType::InvalidSyntax, "operations[0]"),
    ] {
        let other = json!({"method": "DELETE", "path": "/Users/1", "bulkId": "other"});
        let job = job(json!([operation, user("good"), other]));
        let error = job.operations[0].request.as_ref().expect_err(&operation.to_string());
        assert_eq!((error.status, error.scim_type), (status, Some(scim_type)), "{operation}");
        assert!(error.detail.contains(word), "{operation}: {error}");
        assert!(job.operations[1].request.is_ok(), "{operation}");
    }
    let reads = job(json!([{"method": "GET", "path": "/Users/1"}]));
    assert_eq!(reads.operations[0].request.as_ref().map_err(|e| e.status).err(), Some(405));
}

/// Spellings that are understood with a note, and not when strictly read.
#[test]
fn spellings() {
    for (operation, note) in [
        (json!({"method": "delete", "path": "/Users/1"}), "`delete` read as `DELETE`"),
        (json!({"method": "DELETE", "path": "Users/1"}), "`Users/1` read as `/Users/1`"),
        (json!({"method": "DELETE", "path": "/Users/1?count=1"}), "query"),
    ] {
        let (job, _) = read_as(envelope(json!([operation])), Reading::Tolerant).expect("a job");
        let read = &job.operations[0];
        assert_eq!(read.request.as_ref().map(|r| &*r.id), Ok("1"), "{operation}");
        assert!(read.notes.as_slice().iter().any(|n| n.contains(note)), "{:?}", read.notes);
        assert_eq!(read.method.as_deref(), Some("DELETE"));
    }
    for operation in [
        json!({"method": "delete", "path": "/Users/1"}),
        json!({"method": "DELETE", "path": "Users/1"}),
    ] {
        let (job, _) = read_as(envelope(json!([operation])), Reading::Strict).expect("a job");
        assert!(job.operations[0].request.is_err(), "{operation}");
    }
}

/// S-299: where a reference can stand, and where it is only a text.
#[test]
fn references() {
    let manager = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";
    for (operation, is_reference) in [
        (create("/Groups", "g", json!({"members": [{"value": "bulkId:a"}]})), true),
        (create("/Groups", "g", json!({"Members": ["bulkId:a"]})), true),
        (create("/Users", "u", json!({(urn::ENTERPRISE_USER): {"manager": "bulkId:a"}})), true),
        (
            create(
                "/Users",
                "u",
                json!({(urn::ENTERPRISE_USER): {"manager": {"value": "bulkId:a"}}}),
            ),
            true,
        ),
        (create("/Users", "u", json!({(manager): {"value": "bulkId:a"}})), true),
        (create("/Users", "u", json!({"urn:example:Desk": {"buddy": "bulkId:a"}})), true),
        (create("/Users", "u", json!({"urn:example:Desk": {"buddy": "../Users/bulkId:a"}})), true),
        (
            create("/Users", "u", json!({"urn:example:Desk": {"stand-in": {"value": "bulkId:a"}}})),
            true,
        ),
        (create("/Users", "u", json!({"urn:example:Learned": {"buddy": "bulkId:a"}})), true),
        (create("/Users", "u", json!({"urn:example:Learned": {"buddy": "bulkId:none"}})), false),
        (
            create("/Users", "u", json!({"urn:example:New": {"peers": [{"value": "bulkId:a"}]}})),
            true,
        ),
        (
            patch(
                "/Groups/1",
                json!([{"op": "add", "path": "members", "value": [{"value": "bulkId:a"}]}]),
            ),
            true,
        ),
        (
            patch(
                "/Groups/1",
                json!([{"op": "add", "value": {"members": [{"value": "bulkId:a"}]}}]),
            ),
            true,
        ),
        (
            patch("/Groups/1", json!([{"op": "remove", "path": "members[value eq \"bulkId:a\"]"}])),
            true,
        ),
        (
            patch(
                "/Groups/1",
                json!([{"op": "remove", "path": "members[type eq \"User\" and not (value ne \"bulkId:a\")]"}]),
            ),
            true,
        ),
        (patch("/Users/1", json!([{"op": "add", "path": manager, "value": "bulkId:a"}])), true),
        (
            patch(
                "/Users/1",
                json!([{"op": "replace", "path": "manager.value", "value": "bulkId:a"}]),
            ),
            true,
        ),
        (
            patch(
                "/Users/1",
                json!([{"op": "add", "path": urn::ENTERPRISE_USER, "value": {"manager": {"value": "bulkId:a"}}}]),
            ),
            true,
        ),
        // Texts.
        (create("/Users", "u", json!({"userName": "u", "title": "bulkId:a"})), false),
        (
            create("/Users", "u", json!({"photos": [{"value": "https://example.com/bulkId:a"}]})),
            false,
        ),
        (create("/Users", "u", json!({"roles": [{"value": "bulkId:a"}]})), false),
        (create("/Users", "u", json!({"urn:example:Desk": {"motto": "bulkId:a"}})), false),
        (
            create(
                "/Users",
                "u",
                json!({"urn:example:Desk": {"site": "https://example.com/bulkId:a"}}),
            ),
            false,
        ),
        (patch("/Users/1", json!([{"op": "add", "path": "title", "value": "bulkId:a"}])), false),
        (
            patch(
                "/Users/1",
                json!([{"op": "add", "path": "emails[value eq \"bulkId:a\"].type", "value": "x"}]),
            ),
            false,
        ),
    ] {
        let job = job(json!([user("a"), operation]));
        let request = job.operations[1].request.as_ref();
        let request = request.unwrap_or_else(|error| panic!("{operation}: {error}"));
        let expected = if is_reference { vec![0] } else { Vec::new() };
        assert_eq!(request.references, expected, "{operation}");
        let shown = format!("{:?}", request.change);
        assert_eq!(shown.contains("id-0"), is_reference, "{operation}: {shown}");
        assert_eq!(shown.contains("bulkId:"), !is_reference, "{operation}: {shown}");
    }
    let job = job(json!([user("a"), {"method": "DELETE", "path": "/Users/bulkId:a"}]));
    let request = job.operations[1].request.as_ref().expect("a request");
    assert_eq!((&*request.id, request.created_by), ("id-0", Some(0)));
    // Read-only: passed over as it is in a request of its own (RFC 7644 §3.5.1).
    let groups = create("/Users", "u", json!({"groups": [{"value": "bulkId:none"}]}));
    assert!(self::job(json!([groups])).operations[0].request.is_ok());
}

/// S-300, S-302: operations keep their order, but for those on what is created later; those that
/// depend on one another stay together.
#[test]
fn segments() {
    let add = |path: &str, member: &str| {
        patch(path, json!([{"op": "add", "path": "members", "value": [{"value": member}]}]))
    };
    let delete = |path: &str| json!({"method": "DELETE", "path": path});
    for (operations, segments) in [
        (json!([user("a"), group("g", &["a"]), user("b")]), vec![vec![0], vec![1], vec![2]]),
        (
            json!([user("x"), group("g", &["a"]), user("b"), user("a"), user("y")]),
            vec![vec![0], vec![1, 2, 3], vec![4]],
        ),
        (json!([group("g", &["h"]), group("h", &["g"])]), vec![vec![0, 1]]),
        (json!([group("g", &["g"])]), vec![vec![0]]),
        (
            json!([
                add("/Groups/bulkId:g", "1"),
                user("a"),
                delete("/Groups/bulkId:g"),
                group("g", &[])
            ]),
            vec![vec![1], vec![3], vec![0], vec![2]],
        ),
        (
            json!([
                group("g", &["a"]),
                add("/Groups/bulkId:h", "bulkId:b"),
                user("a"),
                group("h", &[]),
                user("b")
            ]),
            vec![vec![0, 2], vec![3], vec![1, 4]],
        ),
        (
            json!([group("g", &["b"]), group("h", &["c"]), user("b"), user("c")]),
            vec![vec![0, 1, 2, 3]],
        ),
    ] {
        assert_eq!(job(operations.clone()).segments(), segments, "{operations}");
    }
}

/// S-304, S-309: the message's form.
#[test]
fn responses() {
    let job = job(json!([user("a"), {"method": "put", "path": "/Users/1", "data": {}}]));
    let error = Error::new(404, None, "no User with id `1`");
    let outcomes = [
        Outcome {
            operation: &job.operations[0],
            status: 201,
            location: Some("https://example.com/Users/id-0".into()),
            version: Some("W/\"1\"".into()),
            error: None,
        },
        Outcome {
            operation: &job.operations[1],
            status: 404,
            location: Some("https://example.com/Users/1".into()),
            version: None,
            error: Some(&error),
        },
    ];
    assert_eq!(
        Value::from(response(outcomes.into_iter())),
        json!({
            "schemas": [urn::BULK_RESPONSE],
            "Operations": [
                {
                    "location": "https://example.com/Users/id-0",
                    "method": "POST",
                    "bulkId": "a",
                    "version": "W/\"1\"",
                    "status": "201",
                },
                {
                    "location": "https://example.com/Users/1",
                    "method": "PUT",
                    "status": "404",
                    "response": {
                        "schemas": [urn::ERROR],
                        "status": "404",
                        "detail": "no User with id `1`",
                    },
                },
            ],
        })
    );
}

//! Servers with one fault each: the fault must be found by the check that is about it.

use axum::http::{Method, header};
use conformance::{Options, Outcome};
use serde_json::{Value, json};

use super::proxy::{
    Fault::{self, Answer, Request as Ask},
    OnAnswer, Reply, error, proxy,
};
use crate::harness::TestServer;

/// What is wrong, and the requirements that must be reported for it.
const FAULTS: &[(&str, &[&str], Fault)] = &[
    (
        "a duplicate is answered with 200",
        &["S-127", "S-085", "E-25"],
        Answer(|_, reply| {
            if reply.status == 409 {
                reply.status = 200;
            }
        }),
    ),
    (
        "resources have no `schemas`",
        &["S-044"],
        Answer(|_, reply| {
            reply
                .resources()
                .into_iter()
                .for_each(|r| drop(r.as_object_mut().unwrap().remove("schemas")));
        }),
    ),
    (
        "`totalResults` counts the page",
        &["S-191", "S-189"],
        Answer(|_, reply| {
            if let Some(count) = reply.body["Resources"].as_array().map(Vec::len) {
                reply.body["totalResults"] = json!(count);
            }
        }),
    ),
    (
        "`totalResults` is a string",
        &["S-142"],
        Answer(|_, reply| {
            let total = reply.body["totalResults"].to_string();
            if reply.body["Resources"].is_array() {
                reply.body["totalResults"] = json!(total);
            }
        }),
    ),
    (
        "filters are ignored",
        &["S-164", "S-148", "S-149", "E-10"],
        Ask(|asked| {
            asked.query.remove("filter");
            None
        }),
    ),
    (
        "`op` counts in lower case only",
        &["E-35", "S-230"],
        Ask(|asked| {
            let lower = |op: &Value| op.as_str().is_some_and(|op| op == op.to_lowercase());
            let wrong = asked.operations().iter().any(|operation| !lower(&operation["op"]));
            wrong.then(|| Reply::new(400, error(400)))
        }),
    ),
    (
        "`Remove` of members with a value empties the group",
        &["S-264", "E-80"],
        Ask(|asked| {
            for operation in asked.operations() {
                if operation["path"] == "members" && operation["op"] == "Remove" {
                    operation.as_object_mut().unwrap().remove("value");
                }
            }
            None
        }),
    ),
    (
        "errors are not in SCIM's form",
        &["S-314"],
        Answer(|_, reply| {
            if reply.status >= 400 {
                reply.body = json!({"error": "no"});
            }
        }),
    ),
    (
        "an error's status is a number",
        &["S-314"],
        Answer(|_, reply| {
            if reply.status >= 400 {
                reply.body["status"] = json!(reply.status);
            }
        }),
    ),
    (
        "an empty list is a 404",
        &["S-143", "E-01"],
        Answer(|_, reply| {
            if reply.body["totalResults"] == 0 {
                *reply = Reply::new(404, error(404));
            }
        }),
    ),
    (
        "PATCH without a path does nothing",
        &["S-268", "O-48"],
        Ask(|asked| {
            let none = asked.operations().iter().all(|operation| operation["path"].is_null());
            let patch = asked.is(Method::PATCH) && asked.body["Operations"][0]["op"] == "replace";
            (patch && none).then(|| Reply::new(204, Value::Null))
        }),
    ),
    (
        "PUT on an unknown id is answered with 200",
        &["S-217"],
        Answer(|asked, reply| {
            if asked.is(Method::PUT) && reply.status == 404 {
                *reply = Reply::new(200, asked.body.clone());
            }
        }),
    ),
    (
        "preconditions are ignored",
        &["S-281", "S-283"],
        Ask(|asked| {
            asked.headers.remove(header::IF_MATCH);
            asked.headers.remove(header::IF_NONE_MATCH);
            None
        }),
    ),
    (
        "passwords are returned",
        &["S-109"],
        Answer(|asked, reply| {
            if asked.body["password"].is_string() {
                reply.body["password"] = asked.body["password"].clone();
            }
        }),
    ),
    (
        "`active` is a string",
        &["S-066"],
        Answer(|_, reply| {
            for resource in reply.resources() {
                if let Some(active) = resource["active"].as_bool() {
                    resource["active"] = json!(active.to_string());
                }
            }
        }),
    ),
    (
        "`startIndex` counts from 0",
        &["S-188", "S-191"],
        Ask(|asked| {
            if let Some(start) = asked.query.get_mut("startIndex") {
                *start =
                    start.parse::<i64>().map_or_else(|_| start.clone(), |n| (n + 1).to_string());
            }
            None
        }),
    ),
    (
        "`count` is ignored",
        &["S-190", "S-189"],
        Ask(|asked| {
            asked.query.remove("count");
            None
        }),
    ),
    (
        "`excludedAttributes` is ignored",
        &["S-136", "E-72"],
        Ask(|asked| {
            asked.query.remove("excludedAttributes");
            None
        }),
    ),
    (
        "`attributes` is ignored",
        &["S-137", "S-139", "S-131"],
        Ask(|asked| {
            asked.query.remove("attributes");
            None
        }),
    ),
    (
        "`sortOrder` is ignored",
        &["S-182", "S-185"],
        Ask(|asked| {
            asked.query.remove("sortOrder");
            None
        }),
    ),
    (
        "answers are typed `application/json`",
        &["S-004", "S-009"],
        Answer(|_, reply| {
            reply.headers.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
        }),
    ),
    (
        "a creation has no `Location`",
        &["S-124"],
        Answer(|_, reply| {
            reply.headers.remove(header::LOCATION);
        }),
    ),
    (
        "a creation is answered with 200",
        &["S-124", "S-125"],
        Answer(|_, reply| {
            if reply.status == 201 {
                reply.status = 200;
            }
        }),
    ),
    (
        "booleans as strings are refused",
        &["S-067", "E-35"],
        Ask(|asked| {
            let wrong =
                asked.operations().iter().any(|o| o["path"] == "active" && o["value"].is_string());
            let wrong = wrong || asked.body["active"].is_string();
            wrong.then(|| Reply::new(400, error(400)))
        }),
    ),
    (
        "a value path without a match does nothing",
        &["S-256", "E-44", "S-273"],
        Ask(|asked| {
            let path = asked.body["Operations"][0]["path"].as_str().unwrap_or_default();
            let home = asked.is(Method::PATCH) && path == "emails[type eq \"home\"].value";
            home.then(|| Reply::new(204, Value::Null))
        }),
    ),
    (
        "`and` and `or` bind alike",
        &["S-149"],
        Ask(|asked| {
            asked.filter(|filter| match (filter.contains(" or "), filter.rsplit_once(" and ")) {
                (true, Some((left, right))) if !filter.contains('(') => {
                    format!("({left}) and {right}")
                }
                _ => filter.to_owned(),
            });
            None
        }),
    ),
    (
        "`sw` is `co`",
        &["S-148"],
        Ask(|asked| {
            asked.filter(|filter| filter.replace(" sw ", " co "));
            None
        }),
    ),
    (
        "user names match in their own case only",
        &["S-164", "S-085", "E-11"],
        Answer(|asked, reply| {
            let filter = asked.query.get("filter").map(String::as_str).unwrap_or_default();
            if filter.contains("@EXAMPLE.COM") {
                reply.body["Resources"] = json!([]);
                reply.body["totalResults"] = json!(0);
                reply.body["itemsPerPage"] = json!(0);
            }
        }),
    ),
    (
        "the time of the last change is always now",
        &["S-058", "S-246"],
        Answer(|_, reply| {
            for resource in reply.resources() {
                let now = jiff::Timestamp::now();
                resource["meta"]["lastModified"] = json!(format!("{now:.3}"));
            }
        }),
    ),
    (
        "the id can be patched away",
        &["S-242"],
        Ask(|asked| {
            let id = asked.operations().iter().any(|operation| operation["path"] == "id");
            id.then(|| Reply::new(204, Value::Null))
        }),
    ),
    (
        "taking out one member does nothing",
        &["S-261", "E-81", "O-67"],
        Ask(|asked| {
            let one = |path: &Value| path.as_str().is_some_and(|path| path.starts_with("members["));
            let one = asked.operations().iter().any(|operation| one(&operation["path"]));
            one.then(|| Reply::new(204, Value::Null))
        }),
    ),
    (
        "`replace` of members adds",
        &["S-270", "O-71"],
        Ask(|asked| {
            for operation in asked.operations() {
                if operation["path"] == "members" && operation["op"] == "replace" {
                    operation["op"] = json!("add");
                }
            }
            None
        }),
    ),
    (
        "`add` replaces",
        &["S-253", "E-77"],
        Ask(|asked| {
            for operation in asked.operations() {
                if operation["op"] == "add" {
                    operation["op"] = json!("replace");
                }
            }
            None
        }),
    ),
    (
        "bad requests are server errors",
        &["S-320", "S-130"],
        Answer(|_, reply| {
            if reply.status == 400 {
                *reply = Reply::new(500, error(500));
            }
        }),
    ),
    (
        "`meta.location` leads elsewhere",
        &["S-059"],
        Answer(|_, reply| {
            for resource in reply.resources() {
                resource["meta"]["location"] = json!("https://example.com/elsewhere");
            }
        }),
    ),
    (
        "extensions are not named in `schemas`",
        &["S-047"],
        Answer(|_, reply| {
            for resource in reply.resources() {
                if let Some(schemas) = resource["schemas"].as_array_mut() {
                    schemas.retain(|schema| !schema.as_str().unwrap().contains(":extension:"));
                }
            }
        }),
    ),
    (
        "everybody is let in",
        &["S-022", "S-023", "O-11"],
        Ask(|asked| {
            let right = asked.headers.get("x-right").cloned().unwrap();
            asked.headers.insert(header::AUTHORIZATION, right);
            None
        }),
    ),
    (
        "discovery is cut into pages",
        &["S-114"],
        Answer(|asked, reply| {
            let cut = asked.query.contains_key("count") && !asked.of_resources();
            if let Some(resources) = reply.body["Resources"].as_array_mut().filter(|_| cut) {
                resources.truncate(1);
            }
        }),
    ),
    (
        "a message schema is listed",
        &["S-116"],
        Answer(|asked, reply| {
            if asked.path.ends_with("/Schemas") {
                let urn = "urn:ietf:params:scim:api:messages:2.0:Error";
                reply.body["Resources"][0]["id"] = json!(urn);
            }
        }),
    ),
    (
        "a deactivated user is hidden",
        &["O-17", "O-50", "S-088"],
        Answer(|asked, reply| {
            let off = reply.resources().iter().any(|resource| resource["active"] == false);
            if off && asked.is(Method::GET) {
                *reply = Reply::new(404, error(404));
            }
        }),
    ),
    (
        "`failOnErrors` is ignored",
        &["S-303"],
        Ask(|asked| {
            if let Some(body) = asked.body.as_object_mut() {
                body.remove("failOnErrors");
            }
            None
        }),
    ),
    (
        "statuses of a bulk job are numbers",
        &["S-304", "S-295"],
        Answer(|_, reply| {
            for operation in reply.body["Operations"].as_array_mut().into_iter().flatten() {
                let status = operation["status"].as_str().and_then(|s| s.parse::<u16>().ok());
                operation["status"] = json!(status);
            }
        }),
    ),
    (
        "a bulk job ends at the first failure",
        &["S-303", "S-295"],
        Ask(|asked| {
            if asked.path.ends_with("/Bulk") {
                asked.body["failOnErrors"] = json!(1);
            }
            None
        }),
    ),
    (
        "bulk has no limits",
        &["S-307"],
        Ask(|asked| {
            let large = asked.path.ends_with("/Bulk") && asked.body.to_string().len() > 65_536;
            let urn = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
            large.then(|| Reply::new(200, json!({"schemas": [urn], "Operations": []})))
        }),
    ),
    (
        "a walk with cursors never ends",
        &["S-195"],
        Answer(|asked, reply| {
            if asked.query.contains_key("cursor") && reply.body["nextCursor"].is_null() {
                let urn = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
                *reply = Reply::new(
                    200,
                    json!({"schemas": [urn], "totalResults": 5,
                "Resources": [], "nextCursor": "again"}),
                );
            }
        }),
    ),
    (
        "any cursor begins again",
        &["S-199"],
        Ask(|asked| {
            let cursor = asked.query.get_mut("cursor")?;
            if cursor.starts_with("hcc-") {
                cursor.clear();
            }
            None
        }),
    ),
    (
        "`.search` ignores the filter",
        &["S-210"],
        Ask(|asked| {
            if asked.path.ends_with("/.search") {
                asked.body.as_object_mut()?.remove("filter");
            }
            None
        }),
    ),
];

/// Every fault is found, by the check that is about it, and nothing stays behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_is_found() {
    let server = TestServer::start().await;
    let mut missed = Vec::new();
    for (what, numbers, fault) in FAULTS {
        let directory = server.directory("entra", 0).await;
        let url = proxy(server.scim_url(&directory), &directory.token, Some(*fault)).await;
        let mut options = Options::new(url, &directory.token);
        options.only = numbers.iter().map(|&number| number.to_owned()).collect();
        let report = super::run(options).await;
        for number in *numbers {
            let found = report
                .results
                .iter()
                .any(|result| result.outcome == Outcome::Fail && result.numbers.contains(number));
            if !found {
                missed.push(format!("{what}: {number} is not reported\n{report}"));
            }
        }
        for failure in report.results.iter().filter_map(|result| result.failure.as_ref()) {
            let shown = &failure.shown_by.as_ref().unwrap().curl;
            assert!(shown.starts_with("curl ") && !shown.contains(&directory.token), "{shown}");
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n\n"));
}

/// The proxy itself changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_fault_nothing_is_found() {
    let server = TestServer::start().await;
    let directory = server.directory("entra", 0).await;
    let url = proxy(server.scim_url(&directory), &directory.token, None).await;
    let report = super::run(Options::new(url, &directory.token)).await;
    assert!(report.passed, "{report}");
}

/// A server that answers deletions without deleting: what stays is said.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_deleted_is_named() {
    let server = TestServer::start().await;
    let directory = server.directory("entra", 0).await;
    let fault = Ask(|asked| asked.is(Method::DELETE).then(|| Reply::new(204, Value::Null)));
    let url = proxy(server.scim_url(&directory), &directory.token, Some(fault)).await;
    let mut options = Options::new(url, &directory.token);
    options.only = vec!["S-288".into()];
    let report = super::run(options).await;
    assert!(!report.passed, "{report}");
    assert!(!report.left.remaining.is_empty(), "{report}");
}

/// A fault in what the server says of itself.
async fn with_discovery(change: OnAnswer) -> conformance::Report {
    let server = TestServer::start().await;
    let directory = server.directory("entra", 0).await;
    let url = proxy(server.scim_url(&directory), &directory.token, Some(Answer(change))).await;
    let report = super::run(Options::new(url, &directory.token)).await;
    assert!(report.left.remaining.is_empty(), "{report}");
    report
}

fn skipped(report: &conformance::Report, number: &str) -> bool {
    let mut about = report.results.iter().filter(|result| result.numbers.contains(&number));
    about.any(|result| result.outcome == Outcome::Skip)
}

/// Nothing is demanded that the server says it does not have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_announced_is_skipped() {
    let report = with_discovery(|asked, reply| {
        if asked.path.ends_with("/ServiceProviderConfig") {
            for feature in ["patch", "bulk", "filter", "sort", "etag"] {
                reply.body[feature]["supported"] = json!(false);
            }
            reply.body["pagination"] = Value::Null;
        }
    })
    .await;
    assert!(report.passed, "{report}");
    for number in ["S-264", "S-295", "S-149", "S-184", "S-281", "S-195"] {
        assert!(skipped(&report, number), "{number}: {report}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_groups_and_extensions() {
    let report = with_discovery(|asked, reply| {
        if asked.path.contains("/Groups") {
            *reply = Reply::new(404, error(404));
        } else if asked.path.ends_with("/ResourceTypes") {
            let types = reply.body["Resources"].as_array_mut().unwrap();
            types.retain(|kind| kind["name"] == "User");
            types[0]["schemaExtensions"] = json!([]);
            reply.body["totalResults"] = json!(1);
            reply.body["itemsPerPage"] = json!(1);
        }
    })
    .await;
    assert!(report.passed, "{report}");
    for number in ["S-264", "S-221", "S-105"] {
        assert!(skipped(&report, number), "{number}: {report}");
    }
}

/// Attributes that the server's own extension requires are filled in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn required_attributes_are_filled_in() {
    let server = TestServer::start().await;
    let directory = server.directory("entra", 0).await;
    let schema = json!({"id": "urn:example:scim:crew:1.0:User", "name": "Crew", "attributes": [
        {"name": "badge", "type": "string", "required": true, "uniqueness": "server"},
        {"name": "deck", "type": "integer", "required": true},
        {"name": "grade", "type": "string", "required": true, "canonicalValues": ["a", "b"]},
        {"name": "since", "type": "dateTime", "required": true},
        {"name": "pins", "type": "complex", "multiValued": true, "required": true,
            "subAttributes": [{"name": "value", "type": "string", "required": true}]},
    ]});
    let file = server.data().join("crew.json");
    std::fs::write(&file, schema.to_string()).unwrap();
    server.command(&format!("directory schema add {} {}", directory.id, file.display())).await;
    let report = super::run(Options::new(server.scim_url(&directory), &directory.token)).await;
    assert!(report.passed, "{report}");
    assert!(report.counts.must.unclear == 0, "{report}");
}

/// A server that asks to wait is waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn throttled_it_waits() {
    let server = TestServer::start().await;
    let directory = server.directory("entra", 5).await;
    let mut options = Options::new(server.scim_url(&directory), &directory.token);
    options.only = vec!["S-124".into()];
    let report = super::run(options).await;
    assert!(report.passed, "{report}");
    assert!(report.throttled > 0, "{report}");
    assert!(report.left.remaining.is_empty(), "{report}");
}

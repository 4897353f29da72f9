//! PATCH over HTTP (RFC 7644 §3.5.2): each operation on a user of its own.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{ScimClient, TestServer, answer, group, in_parallel, patch, user};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// What a PATCH leaves: these attributes, null for those that are gone; or why it is refused.
enum Outcome {
    Is(Value),
    Refused(&'static str),
}
use Outcome::{Is, Refused};

fn everything(name: &str) -> Value {
    let mut body = user(name);
    body["emails"] = json!([
        {"value": "work@example.com", "type": "work", "primary": true},
        {"value": "home@example.com", "type": "home"},
    ]);
    body["addresses"] = json!([
        {"type": "work", "locality": "Oslo", "region": "Viken"},
        {"type": "home", "region": "Agder"},
    ]);
    body[ENTERPRISE] = json!({"department": "Tooling"});
    body
}

/// Patches a user for each row, and reads what became of them.
async fn check(client: &ScimClient, rows: Vec<(Value, Outcome)>) {
    for (number, (operations, outcome)) in rows.into_iter().enumerate() {
        let body = everything(&format!("u{number}@example.com"));
        let created = client.post("/Users", body).await.expect(201);
        let one = format!("/Users/{}", created.id());
        let answered = client.patch(&one, operations.clone()).await;
        let stored = client.get(&one).await.expect(200);
        match outcome {
            Is(expected) => {
                let answered = answered.expect(200);
                assert_eq!(answered.body, stored.body, "{operations}");
                assert_eq!(answered.header("etag"), stored.header("etag"), "{operations}");
                for (key, value) in expected.as_object().unwrap() {
                    let found = stored.body.get(key).unwrap_or(&Value::Null);
                    assert_eq!(found, value, "{key} after {operations}");
                }
                let untouched = expected.as_object().unwrap().keys();
                let untouched: Vec<_> = untouched.map(String::as_str).collect();
                for name in ["userName", "name", "title", "emails", "addresses", ENTERPRISE] {
                    if !untouched.contains(&name) {
                        assert_eq!(stored.body[name], created.body[name], "{name}: {operations}");
                    }
                }
            }
            Refused(scim_type) => {
                let refused = answered.refused(400);
                assert_eq!(refused.body["scimType"], scim_type, "{operations}: {}", refused.body);
                assert_eq!(stored.body, created.body, "{operations}");
            }
        }
    }
}

fn email(value: &str, kind: &str) -> Value {
    json!({"value": value, "type": kind})
}

/// S-227, S-238, S-240, S-244, S-249, S-250, S-251, S-252, S-253, S-254, S-255, S-256, S-257,
/// S-258: `add`.
#[tokio::test]
async fn s_249_add() {
    let (_server, client) = TestServer::with_client().await;
    let add = |path: &str, value: Value| json!([{"op": "add", "path": path, "value": value}]);
    let work = json!({"value": "work@example.com", "type": "work", "primary": true});
    let work_not_primary = json!({"value": "work@example.com", "type": "work", "primary": false});
    let home = email("home@example.com", "home");
    let other = email("other@example.com", "other");
    check(&client, vec![
        // S-249.
        (json!([{"op": "add", "path": "title"}]), Refused("invalidValue")),
        (json!([{"op": "add"}]), Refused("invalidValue")),
        (json!([{"op": "add", "value": "Pilot"}]), Refused("invalidValue")),
        // S-250.
        (
            json!([{"op": "add", "value": {"nickName": "Nessie", "emails": [other]}}]),
            Is(json!({"nickName": "Nessie", "emails": [work, home, other]})),
        ),
        // S-251.
        (add("nickName", json!("Nessie")), Is(json!({"nickName": "Nessie"}))),
        (add("title", json!("Pilot")), Is(json!({"title": "Pilot"}))),
        // S-252.
        (
            add("name", json!({"givenName": "Inés", "middleName": "B"})),
            Is(json!({"name": {"familyName": "Okafor", "givenName": "Inés", "middleName": "B"}})),
        ),
        (
            add("name.middleName", json!("B")),
            Is(json!({"name": {"familyName": "Okafor", "givenName": "Ines", "middleName": "B"}})),
        ),
        // S-253, S-254.
        (add("emails", json!([other])), Is(json!({"emails": [work, home, other]}))),
        (add("emails", other.clone()), Is(json!({"emails": [work, home, other]}))),
        (add("emails", json!([home])), Is(json!({"emails": [work, home]}))),
        (add("emails", json!([other, other])), Is(json!({"emails": [work, home, other]}))),
        // S-244.
        (
            add("emails", json!([{"value": "other@example.com", "primary": true}])),
            Is(json!({"emails": [
                work_not_primary, home, {"value": "other@example.com", "primary": true},
            ]})),
        ),
        (
            add("emails[type eq \"home\"].primary", json!(true)),
            Is(json!({"emails": [
                work_not_primary,
                {"value": "home@example.com", "type": "home", "primary": true},
            ]})),
        ),
        // S-255.
        (
            add("addresses[region pr].country", json!("NO")),
            Is(json!({"addresses": [
                {"locality": "Oslo", "region": "Viken", "country": "NO", "type": "work"},
                {"region": "Agder", "country": "NO", "type": "home"},
            ]})),
        ),
        // S-256.
        (
            add("emails[type eq \"other\"].value", json!("other@example.com")),
            Is(json!({"emails": [work, home, other]})),
        ),
        (
            add("phoneNumbers[type eq \"mobile\" and primary eq true].value", json!("7")),
            Is(json!({"phoneNumbers": [{"value": "7", "type": "mobile", "primary": true}]})),
        ),
        // S-257.
        (add("emails[type eq \"a\" or type eq \"b\"].value", json!("x")), Refused("noTarget")),
        (add("emails[not (type pr)].value", json!("x")), Refused("noTarget")),
        (add("emails[value sw \"nobody\"].display", json!("x")), Refused("noTarget")),
        // S-238, S-240.
        (
            add(&format!("{ENTERPRISE}:costCenter"), json!("C7")),
            Is(json!({ENTERPRISE: {"costCenter": "C7", "department": "Tooling"}})),
        ),
        (
            add(&ENTERPRISE.to_uppercase(), json!({"costCenter": "C7"})),
            Is(json!({ENTERPRISE: {"costCenter": "C7", "department": "Tooling"}})),
        ),
        (add(&format!("{USER}:nickName"), json!("Nessie")), Is(json!({"nickName": "Nessie"}))),
        // S-258.
        (
            json!([{"op": "add", "value": {
                "nickName": "Nessie",
                "name.givenName": "Inés",
                format!("{ENTERPRISE}:costCenter"): "C7",
                "emails[type eq \"home\"].value": "new@example.com",
            }}]),
            Is(json!({
                "nickName": "Nessie",
                "name": {"familyName": "Okafor", "givenName": "Inés"},
                ENTERPRISE: {"costCenter": "C7", "department": "Tooling"},
                "emails": [work, email("new@example.com", "home")],
            })),
        ),
    ])
    .await;
}

/// S-227, S-240, S-241, S-242, S-243, S-259, S-260, S-261, S-262, S-263, S-265, S-267, S-353:
/// `remove`.
#[tokio::test]
async fn s_259_remove() {
    let (_server, client) = TestServer::with_client().await;
    let remove = |path: &str| json!([{"op": "remove", "path": path}]);
    let work = json!({"value": "work@example.com", "type": "work", "primary": true});
    let home = email("home@example.com", "home");
    check(&client, vec![
        // S-259, S-267.
        (json!([{"op": "remove"}]), Refused("noTarget")),
        (json!([{"op": "remove", "value": {"title": "Engineer"}}]), Refused("noTarget")),
        // S-260.
        (remove("title"), Is(json!({"title": null}))),
        (remove("emails"), Is(json!({"emails": null}))),
        (remove("name"), Is(json!({"name": null}))),
        (remove("name.givenName"), Is(json!({"name": {"familyName": "Okafor"}}))),
        (remove(&format!("{ENTERPRISE}:department")), Is(json!({ENTERPRISE: null}))),
        (remove(ENTERPRISE), Is(json!({ENTERPRISE: null, "schemas": [USER]}))),
        // S-261.
        (remove("emails[type eq \"work\"]"), Is(json!({"emails": [home]}))),
        (
            remove("emails[type eq \"home\" and value ew \"example.com\"]"),
            Is(json!({"emails": [work]})),
        ),
        (remove("emails[value co \"@\"]"), Is(json!({"emails": null}))),
        // S-262.
        (
            remove("addresses[type eq \"work\"].region"),
            Is(json!({"addresses": [
                {"locality": "Oslo", "type": "work"}, {"region": "Agder", "type": "home"},
            ]})),
        ),
        (
            remove("addresses[type eq \"home\"].region"),
            Is(json!({"addresses": [{"locality": "Oslo", "region": "Viken", "type": "work"}]})),
        ),
        // S-263, S-353.
        (remove("nickName"), Is(json!({}))),
        (remove("emails[type eq \"pager\"]"), Is(json!({}))),
        (remove("phoneNumbers[type eq \"pager\"].value"), Is(json!({}))),
        // S-265.
        (
            json!([{"op": "remove", "path": "emails", "value": [{"value": "work@example.com"}]}]),
            Is(json!({"emails": [home]})),
        ),
        (json!([{"op": "remove", "path": "emails", "value": []}]), Is(json!({}))),
        // S-241, S-242, S-243.
        (remove("userName"), Refused("mutability")),
        (remove("id"), Refused("mutability")),
        (remove("meta.created"), Refused("mutability")),
        (remove("schemas"), Refused("mutability")),
        (remove(USER), Refused("mutability")),
    ])
    .await;
}

/// S-227, S-237, S-242, S-243, S-244, S-245, S-268, S-269, S-270, S-271, S-272, S-273, S-274,
/// S-275, S-276: `replace`.
#[tokio::test]
async fn s_268_replace() {
    let (_server, client) = TestServer::with_client().await;
    let replace =
        |path: &str, value: Value| json!([{"op": "replace", "path": path, "value": value}]);
    let work = json!({"value": "work@example.com", "type": "work", "primary": true});
    let home = email("home@example.com", "home");
    check(&client, vec![
        // S-268.
        (json!([{"op": "replace", "value": {"active": false}}]), Is(json!({"active": false}))),
        (
            json!([{"op": "replace", "value": {"title": "Pilot", "emails": [home]}}]),
            Is(json!({"title": "Pilot", "emails": [home]})),
        ),
        // S-269.
        (replace("nickName", json!("Nessie")), Is(json!({"nickName": "Nessie"}))),
        (
            replace("phoneNumbers", json!([{"value": "7"}])),
            Is(json!({"phoneNumbers": [{"value": "7"}]})),
        ),
        // S-270.
        (replace("emails", json!([home])), Is(json!({"emails": [home]}))),
        (replace("emails", home.clone()), Is(json!({"emails": [home]}))),
        // S-271.
        (
            replace("name", json!({"givenName": "Inés"})),
            Is(json!({"name": {"familyName": "Okafor", "givenName": "Inés"}})),
        ),
        // S-272.
        (
            replace("emails[type eq \"home\"]", json!({"value": "new@example.com", "type": "other"})),
            Is(json!({"emails": [work, email("new@example.com", "other")]})),
        ),
        (
            replace("emails[value pr].display", json!("Ines")),
            Is(json!({"emails": [
                {"value": "work@example.com", "display": "Ines", "type": "work", "primary": true},
                {"value": "home@example.com", "display": "Ines", "type": "home"},
            ]})),
        ),
        // S-244.
        (
            replace("emails[type eq \"home\"].primary", json!(true)),
            Is(json!({"emails": [
                {"value": "work@example.com", "type": "work", "primary": false},
                {"value": "home@example.com", "type": "home", "primary": true},
            ]})),
        ),
        // S-273, S-274.
        (replace("emails[type ne \"x\" and type sw \"z\"].value", json!("a")), Refused("noTarget")),
        (
            replace("emails[type eq \"other\"].value", json!("other@example.com")),
            Is(json!({"emails": [work, home, email("other@example.com", "other")]})),
        ),
        // S-275.
        (replace("title", json!(null)), Is(json!({"title": null}))),
        (replace("emails", json!([])), Is(json!({"emails": null}))),
        // S-276.
        (json!([{"op": "replace", "path": "title"}]), Refused("invalidValue")),
        // S-243.
        (replace("userName", json!(null)), Refused("mutability")),
        (replace("userName", json!("")), Refused("mutability")),
        // S-242.
        (replace("id", json!("x")), Refused("mutability")),
        (replace("meta.lastModified", json!("1999-01-01T00:00:00Z")), Refused("mutability")),
        // S-237.
        (replace("favouriteColour", json!("red")), Refused("invalidPath")),
        (replace("name.petName", json!("I")), Refused("invalidPath")),
        // S-245.
        (replace("active", json!("perhaps")), Refused("invalidValue")),
        (replace("name", json!("Ines")), Refused("invalidValue")),
        (replace("title", json!({"a": 1})), Refused("invalidValue")),
    ])
    .await;
}

/// S-228, S-230, S-231, S-232, S-236, S-249, S-276, S-318: the message, the order of its
/// operations, and that one which fails undoes the others; it is named by its place in the message.
#[tokio::test]
async fn s_232_all_or_nothing_in_order() {
    let (_server, client) = TestServer::with_client().await;
    let retitle = json!({"op": "replace", "path": "title", "value": "Pilot"});
    check(&client, vec![
        // S-231: on what the ones before it left.
        (
            json!([
                {"op": "add", "path": "emails", "value": [{"value": "c@d.test", "type": "other"}]},
                {"op": "replace", "path": "emails[type eq \"other\"].value", "value": "e@f.test"},
                {"op": "remove", "path": "emails[type ne \"other\"]"},
                {"op": "remove", "path": "title"},
                {"op": "add", "path": "title", "value": "Mate"},
            ]),
            Is(json!({"emails": [{"value": "e@f.test", "type": "other"}], "title": "Mate"})),
        ),
        // S-230.
        (
            json!([
                {"op": "ADD", "path": "nickName", "value": "Nessie"},
                {"op": "Replace", "path": "title", "value": "Pilot"},
                {"op": "rEMOVE", "path": "emails"},
            ]),
            Is(json!({"nickName": "Nessie", "title": "Pilot", "emails": null})),
        ),
        (json!([retitle, {"op": "move", "path": "title", "value": "x"}]), Refused("invalidSyntax")),
        (json!([retitle, {"path": "title", "value": "x"}]), Refused("invalidSyntax")),
        (json!([retitle, "replace"]), Refused("invalidSyntax")),
        // S-236.
        (json!([retitle, {"op": "add", "path": "emails[", "value": "x"}]), Refused("invalidPath")),
        (json!([retitle, {"op": "add", "path": "a.b.c", "value": "x"}]), Refused("invalidPath")),
        (json!([retitle, {"op": "add", "path": 7, "value": "x"}]), Refused("invalidPath")),
        (
            json!([retitle, {"op": "add", "path": "emails[type xx \"w\"].value", "value": "x"}]),
            Refused("invalidFilter"),
        ),
        (
            json!([retitle, {"op": "remove", "path": "emails[nothing eq \"w\"]"}]),
            Refused("invalidFilter"),
        ),
        // S-232: whatever it is that fails, and wherever.
        (
            json!([
                retitle,
                {"op": "remove", "path": "emails"},
                {"op": "add", "path": "name.middleName", "value": "B"},
                {"op": "replace", "value": {"active": false}},
                {"op": "replace", "path": "userName", "value": null},
            ]),
            Refused("mutability"),
        ),
    ])
    .await;

    let created = client.post("/Users", everything("place@example.com")).await.expect(201);
    let one = format!("/Users/{}", created.id());
    // Dictionaries that hold paths count as the one operation that they were sent as.
    let several = json!({"op": "replace", "value": {
        "name.givenName": "Inés", "name.familyName": "O", format!("{ENTERPRISE}:division"): "D",
    }});
    for (operations, place) in [
        (json!([{"op": "replace", "path": "id", "value": "x"}]), 0),
        (json!([several, {"op": "replace", "path": "id", "value": "x"}]), 1),
        (json!([several, several, retitle, {"op": "replace", "path": "nothing", "value": 1}]), 3),
    ] {
        let refused = client.patch(&one, operations).await.refused(400);
        let named = format!("operations[{place}]");
        assert!(refused.detail().contains(&named), "{}", refused.detail());
    }
    // S-228: keys in any letter case; at least one operation, in a list.
    let schemas = json!(["urn:ietf:params:scim:api:messages:2.0:PatchOp"]);
    let lower = json!({"SCHEMAS": schemas, "operations": [retitle]});
    let sent = client.try_send(Method::PATCH, &one, &lower).await.unwrap().expect(200);
    assert_eq!(sent.body["title"], "Pilot");
    for operations in [json!("remove"), json!(7), json!(null)] {
        let refused = client.patch(&one, operations).await.refused(400);
        assert_eq!(refused.body["scimType"], "invalidSyntax");
    }
    for body in [json!({"schemas": schemas}), json!([retitle]), json!("x")] {
        let refused = client.try_send(Method::PATCH, &one, &body).await.unwrap().refused(400);
        assert_eq!(refused.body["scimType"], "invalidSyntax", "{body}");
    }
    // S-229: an empty list changes nothing; a strict directory refuses it (S-228).
    let empty = client.patch(&one, json!([])).await.expect(200);
    assert_eq!(empty.header("etag"), sent.header("etag"));
}

/// S-228, S-229, S-237, S-273, S-340: what a strict directory refuses beyond that.
#[tokio::test]
async fn s_273_a_strict_directory_takes_patch_at_its_word() {
    let server = TestServer::start().await;
    let client = server.strict_client().await;
    let replace =
        |path: &str, value: Value| json!([{"op": "replace", "path": path, "value": value}]);
    check(
        &client,
        vec![
            (json!([]), Refused("invalidSyntax")),
            (replace("emails[type eq \"other\"].value", json!("a@b.test")), Refused("noTarget")),
            (replace("favouriteColour", json!("red")), Refused("invalidPath")),
            (json!([{"op": "Replace", "path": "nothing", "value": 1}]), Refused("invalidPath")),
            (replace("active", json!("False")), Refused("invalidValue")),
            (replace("emails", json!({"value": "a@b.test"})), Refused("invalidValue")),
            (replace("title", json!("Pilot")), Is(json!({"title": "Pilot"}))),
        ],
    )
    .await;
}

/// S-233, S-234, S-246: a changed user is answered in full, a changed group with nothing but its
/// tag; the part that was asked for otherwise.
#[tokio::test]
async fn s_233_answers_to_patch() {
    let (_server, client) = TestServer::with_client().await;
    let one = client.post("/Users", user("a@example.com")).await.expect(201).id();
    let crew = client.post("/Groups", group("Crew")).await.expect(201).id();
    let (one, crew) = (format!("/Users/{one}"), format!("/Groups/{crew}"));
    let name = |name: &str| json!([{"op": "replace", "path": "displayName", "value": name}]);
    let full = client.patch(&one, name("Inés")).await.expect(200);
    assert_eq!(full.body, client.get(&one).await.body);
    assert_eq!(full.header("content-location"), full.body["meta"]["location"]);
    let part = client.patch(&format!("{one}?attributes=displayName"), name("Ines")).await;
    let part = part.expect(200).body;
    assert_eq!((part.get("userName"), &part["displayName"]), (None, &json!("Ines")));
    let silent = client.patch(&crew, name("Deck")).await.expect(204);
    assert_eq!((silent.header("etag"), silent.header("content-type")), ("W/\"2\"", ""));
    let asked = client.patch(&format!("{crew}?attributes=members"), name("Hold")).await;
    assert_eq!(asked.expect(200).body["members"], json!([]));
}

/// S-246, S-248, S-260, S-264, S-265, S-270, S-277: members are added, removed by value or by
/// filter, and replaced, and only what is named changes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_264_members_change_as_named() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    let ids = in_parallel(5, 5, |number| {
        let client = client.clone();
        async move { client.post("/Users", user(&format!("u{number}"))).await.expect(201).id() }
    })
    .await;
    let list = |numbers: &[usize]| -> Value {
        numbers.iter().map(|&number| json!({"value": ids[number]})).collect()
    };
    let mut body = group("Crew");
    body["members"] = list(&[0, 1, 2]);
    let crew = client.post("/Groups", body).await.expect(201).id();
    let target = format!("/Groups/{crew}");
    let filter = |number: usize| format!("members[value eq \"{}\"]", ids[number]);
    for (operation, left, changes) in [
        (json!({"op": "add", "path": "members", "value": list(&[3])}), vec![0, 1, 2, 3], 1),
        (json!({"op": "add", "path": "members", "value": list(&[3, 0])}), vec![0, 1, 2, 3], 0),
        (json!({"op": "add", "value": {"members": list(&[4])}}), vec![0, 1, 2, 3, 4], 1),
        // S-264: the standard gives `remove` no value; those are meant, not all.
        (json!({"op": "remove", "path": "members", "value": list(&[4])}), vec![0, 1, 2, 3], 1),
        (json!({"op": "remove", "path": "members", "value": list(&[4])}), vec![0, 1, 2, 3], 0),
        (json!({"op": "remove", "path": "members", "value": []}), vec![0, 1, 2, 3], 0),
        (json!({"op": "remove", "path": filter(3)}), vec![0, 1, 2], 1),
        (json!({"op": "remove", "path": filter(3)}), vec![0, 1, 2], 0),
        (
            json!({"op": "remove", "path": format!("members[value eq \"{}\" or value eq \"{}\"]", ids[0], ids[1])}),
            vec![2],
            2,
        ),
        // S-270, S-277.
        (json!({"op": "replace", "path": "members", "value": list(&[2, 3])}), vec![2, 3], 1),
        (json!({"op": "replace", "path": "members", "value": list(&[3, 2])}), vec![2, 3], 0),
        (json!({"op": "replace", "value": {"members": list(&[4])}}), vec![4], 3),
        (json!({"op": "replace", "path": "members", "value": []}), vec![], 1),
        (json!({"op": "add", "path": "members", "value": list(&[0, 1])}), vec![0, 1], 2),
        (json!({"op": "remove", "path": "members"}), vec![], 2),
    ] {
        let before = client.get(&target).await.header("etag").to_owned();
        let answered = client.patch(&target, json!([operation])).await.expect(204);
        let body = client.get(&target).await.expect(200).body;
        let mut found: Vec<&str> = body["members"]
            .as_array()
            .unwrap()
            .iter()
            .map(|member| member["value"].as_str().unwrap())
            .collect();
        found.sort_unstable();
        let mut expected: Vec<&str> = left.iter().map(|&number: &usize| &*ids[number]).collect();
        expected.sort_unstable();
        assert_eq!(found, expected, "{operation}");
        assert_eq!(answered.header("etag") == before, changes == 0, "{operation}");
        // The journal holds the difference and no more.
        let journal = server.changes_by(&directory, answered.header("x-request-id")).await;
        let named = journal.iter().filter_map(|entry| entry.changes.as_deref());
        let named: usize =
            named.map(|text| ids.iter().filter(|id| text.contains(*id)).count()).sum();
        assert_eq!(named, changes, "{operation}: {journal:?}");
    }
}

/// S-247: more operations or members than are taken at once are refused as a whole, and what is
/// within the bounds is done.
#[tokio::test]
async fn s_247_bounds_of_one_request() {
    let (_server, client) = TestServer::with_client().await;
    let one = client.post("/Users", user("a@example.com")).await.expect(201).id();
    let one = format!("/Users/{one}");
    let operations = |count: usize| -> Value {
        (0..count)
            .map(|n| json!({"op": "replace", "path": "title", "value": n.to_string()}))
            .collect()
    };
    let sent = client.patch(&one, operations(1000)).await.expect(200);
    assert_eq!(sent.body["title"], "999");
    let request = client.request(Method::PATCH, &one).json(&patch(operations(1001)));
    let refused = answer(request).await.unwrap().refused(413);
    assert!(refused.detail().contains("1000"), "{}", refused.detail());
    assert_eq!(client.get(&one).await.body, sent.body);
}

//! Custom attributes: extension schemas that a directory declares.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Directory, ScimClient, TestServer, group, user};

pub const BADGES: &str = "urn:northlab:scim:badges:1.0:User";

/// One attribute for each characteristic.
pub fn badges() -> Value {
    json!({
        "id": BADGES,
        "name": "Badges",
        "description": "What people carry",
        "attributes": [
            { "name": "colour", "canonicalValues": ["red", "blue"], "returned": "always" },
            { "name": "code", "caseExact": true, "mutability": "immutable" },
            { "name": "pin", "mutability": "writeOnly" },
            { "name": "puk", "returned": "never" },
            { "name": "floor", "type": "integer", "returned": "request" },
            { "name": "weight", "type": "decimal" },
            { "name": "valid", "type": "boolean" },
            { "name": "since", "type": "dateTime" },
            { "name": "photo", "type": "reference", "referenceTypes": ["external"] },
            { "name": "seen", "mutability": "readOnly" },
            { "name": "doors", "multiValued": true },
            {
                "name": "keys", "type": "complex", "multiValued": true,
                "subAttributes": [
                    { "name": "value", "required": true },
                    { "name": "type" },
                    { "name": "primary", "type": "boolean" },
                    { "name": "secret", "returned": "never" },
                ],
            },
        ],
    })
}

pub async fn declare(
    server: &TestServer,
    directory: &Directory,
    schema: &Value,
    more: &str,
) -> Value {
    let file = server.data().join(format!("{}.json", uuid()));
    std::fs::write(&file, schema.to_string()).unwrap();
    let command = format!("directory schema add {} {}{more}", directory.id, file.display());
    server.command(&command).await
}

fn uuid() -> String {
    headcount::ids::uuid()
}

/// A server, a directory that declares [`badges`], and its client.
async fn with_badges() -> (TestServer, Directory, ScimClient) {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let added = declare(&server, &directory, &badges(), "").await;
    assert_eq!(added[0]["state"], "declared", "{added}");
    let client = server.client(&directory);
    (server, directory, client)
}

pub fn with(user_name: &str, urn: &str, container: Value) -> Value {
    let mut body = user(user_name);
    body["schemas"].as_array_mut().unwrap().push(urn.into());
    body[urn] = container;
    body
}

pub fn set(path: &str, value: Value) -> Value {
    json!([{ "op": "replace", "path": path, "value": value }])
}

pub async fn find(client: &ScimClient, filter: &str, more: &str) -> Answer {
    let encoded: String =
        percent_encoding::utf8_percent_encode(filter, percent_encoding::NON_ALPHANUMERIC)
            .to_string();
    client.get(&format!("/Users?filter={encoded}{more}")).await
}

/// S-064, S-118, S-121: what is declared is in discovery at once, of this directory only; in
/// any letter case; the tags tell of it. O-168.
#[tokio::test]
async fn s_064_declared_schemas_are_discovered_at_once() {
    let server = TestServer::start().await;
    let (ours, theirs) = (server.directory("okta", 0).await, server.directory("okta", 0).await);
    let (client, other) = (server.client(&ours), server.client(&theirs));
    let before = client.get("/Schemas").await.expect(200);
    let tag = before.header("etag").to_owned();
    let again = client.request(Method::GET, "/Schemas").header("if-none-match", &tag);
    crate::harness::answer(again).await.unwrap().expect(304);

    declare(&server, &ours, &badges(), " --required").await;

    let again = client.request(Method::GET, "/Schemas").header("if-none-match", &tag);
    let listed = crate::harness::answer(again).await.unwrap().expect(200);
    assert_ne!(listed.header("etag"), tag);
    let listed = listed.body;
    assert_eq!(listed["totalResults"], 7);
    assert_eq!(listed["itemsPerPage"], 7);
    let ids: Vec<_> = listed["Resources"].as_array().unwrap().iter().map(|s| &s["id"]).collect();
    assert!(ids.contains(&&json!(BADGES)), "{ids:?}");

    let types = client.get("/ResourceTypes").await.expect(200).body;
    let extensions = types["Resources"][0]["schemaExtensions"].clone();
    assert_eq!(extensions[1], json!({ "schema": BADGES, "required": true }));
    for extension in extensions.as_array().unwrap() {
        assert!(ids.contains(&&extension["schema"]), "S-118: {extension}");
    }

    let upper = client.get(&format!("/Schemas/{}", BADGES.to_uppercase())).await.expect(200).body;
    assert_eq!(upper["id"], BADGES);
    let location = format!("{}/Schemas/{BADGES}", server.scim_url(&ours));
    assert_eq!(upper["meta"], json!({ "resourceType": "Schema", "location": location }));
    let colour = &upper["attributes"][0];
    assert_eq!(
        *colour,
        json!({
            "name": "colour", "type": "string", "multiValued": false, "required": false,
            "canonicalValues": ["red", "blue"], "caseExact": false, "mutability": "readWrite",
            "returned": "always", "uniqueness": "none",
        })
    );
    assert_eq!(upper["attributes"][2]["returned"], "never", "S-083: writeOnly");

    other.get(&format!("/Schemas/{BADGES}")).await.refused(404);
    assert_eq!(other.get("/Schemas").await.body["totalResults"], 6);
}

/// S-050, S-082: a required extension, a required attribute.
#[tokio::test]
async fn s_050_required_is_required() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    let early = client.post("/Users", user("early@northlab.example")).await.expect(201).id();
    let schema = json!({
        "id": BADGES,
        "attributes": [{ "name": "code", "required": true }, { "name": "colour" }],
    });
    declare(&server, &directory, &schema, " --required").await;
    let refused = client.post("/Users", user("a@northlab.example")).await.refused(400);
    assert_eq!(refused.body["scimType"], "invalidValue");
    assert!(refused.detail().contains(BADGES), "{}", refused.body);
    let body = with("a@northlab.example", BADGES, json!({ "colour": "red" }));
    let refused = client.post("/Users", body).await.refused(400);
    assert!(refused.detail().contains(&format!("{BADGES}:code")), "{}", refused.body);
    let body = with("a@northlab.example", BADGES, json!({ "code": "7" }));
    let id = client.post("/Users", body).await.expect(201).id();
    let remove = json!([{ "op": "remove", "path": format!("{BADGES}:code") }]);
    client.patch(&format!("/Users/{id}"), remove).await.refused(400);
    let remove = json!([{ "op": "remove", "path": BADGES }]);
    client.patch(&format!("/Users/{id}"), remove).await.refused(400);

    // Who was there before can still be deactivated.
    let path = format!("/Users/{early}");
    let off = client.patch(&path, set("active", json!(false))).await.expect(200);
    assert_eq!(off.body["active"], false);
    client.put(&path, user("early@northlab.example")).await.refused(400);
}

/// S-048, S-067, S-068, S-069, S-079: types are checked, canonical values are hints; what is wrong is named.
#[tokio::test]
async fn types_are_enforced() {
    let (_server, _directory, client) = with_badges().await;
    let created = client.post("/Users", with("t@northlab.example", BADGES, json!({}))).await;
    let path = format!("/Users/{}", created.expect(201).id());
    for (name, wrong, right) in [
        ("colour", json!({ "a": 1 }), json!("mauve")),
        ("floor", json!(1.5), json!(3)),
        ("weight", json!("heavy"), json!(0.25)),
        ("valid", json!("maybe"), json!(true)),
        ("since", json!("2026-02-30T00:00:00Z"), json!("2026-02-03T00:00:00Z")),
        ("doors", json!([{ "a": 1 }]), json!(["north", "south"])),
        ("keys", json!([{ "type": "spare" , "value": { "a": 1 } }]), json!([{ "value": "k1" }])),
    ] {
        let (at, whole) = (format!("{BADGES}:{name}"), json!({ name: wrong }));
        let sent = client.patch(&path, set(&at, whole[name].clone())).await.refused(400);
        assert_eq!(sent.body["scimType"], "invalidValue", "{name}");
        assert!(sent.detail().contains(&at), "{}", sent.body);
        let sent = client.post("/Users", with("w@northlab.example", BADGES, whole)).await;
        assert!(sent.refused(400).detail().contains(&at), "{name}");
        client.patch(&path, set(&at, right.clone())).await.expect(200);
        let read = client.get(&format!("{path}?attributes={at}")).await.expect(200).body;
        assert_eq!(read[BADGES][name], right, "{read}");
    }
    // S-048: any letter case goes in, the declared spelling comes out.
    let at = format!("{}:COLOUR", BADGES.to_uppercase());
    let read = client.patch(&path, set(&at, json!("red"))).await.expect(200).body;
    assert_eq!(read[BADGES]["colour"], "red");
    let valid = client.patch(&path, set(&format!("{BADGES}:valid"), json!("False"))).await;
    assert_eq!(valid.expect(200).body[BADGES]["valid"], false, "S-067");
}

/// S-083, S-135, S-136, S-137, S-139, S-141, S-220, S-242: mutability and `returned` in every answer.
#[tokio::test]
async fn s_083_mutability_and_returned() {
    let (_server, _directory, client) = with_badges().await;
    let sent = json!({
        "colour": "red", "code": "C1", "pin": "1234", "puk": "987", "floor": 3, "seen": "today",
        "keys": [{ "value": "k1", "secret": "s1" }],
    });
    let shown = json!({ "colour": "red", "code": "C1", "keys": [{ "value": "k1" }] });
    let created = client.post("/Users", with("m@northlab.example", BADGES, sent)).await.expect(201);
    let path = format!("/Users/{}", created.id());
    // What is returned on request is returned to who has just written it.
    let mut written = shown.clone();
    written["floor"] = 3.into();
    assert_eq!(created.body[BADGES], written, "POST");
    let read = async |query: &str| client.get(&format!("{path}{query}")).await.expect(200).body;
    assert_eq!(read("").await[BADGES], shown, "GET");
    let list = client.get("/Users").await.expect(200).body;
    assert_eq!(list["Resources"][0][BADGES], shown, "list");
    let found = find(&client, r#"userName eq "m@northlab.example""#, "").await.expect(200).body;
    assert_eq!(found["Resources"][0][BADGES], shown, "filtered list");
    let search = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"] });
    let found = client.post("/Users/.search", search).await.expect(200).body;
    assert_eq!(found["Resources"][0][BADGES], shown, "search");

    // `request` only when asked for, `never` not even then, `always` also when not.
    for (query, expected) in [
        ("?attributes=userName", json!({ "colour": "red" })),
        (&*format!("?attributes={BADGES}:floor"), json!({ "colour": "red", "floor": 3 })),
        (&*format!("?attributes={BADGES}:pin,{BADGES}:puk"), json!({ "colour": "red" })),
        (&*format!("?attributes={BADGES}:keys.secret"), json!({ "colour": "red" })),
        (&*format!("?excludedAttributes={BADGES}"), json!({ "colour": "red" })),
        (&*format!("?excludedAttributes={BADGES}:keys"), json!({ "colour": "red", "code": "C1" })),
    ] {
        assert_eq!(read(query).await[BADGES], expected, "{query}");
    }

    // A PUT that could not have read them leaves them.
    let put = with("m@northlab.example", BADGES, json!({ "colour": "blue" }));
    let put = client.put(&path, put).await.expect(200).body;
    assert_eq!(put[BADGES], json!({ "colour": "blue", "code": "C1" }), "PUT");
    assert_eq!(read(&format!("?attributes={BADGES}:floor")).await[BADGES]["floor"], 3);
    let put = with("m@northlab.example", BADGES, json!({ "code": "C2" }));
    let refused = client.put(&path, put).await.refused(400);
    assert_eq!(refused.body["scimType"], "mutability");

    let patch = async |name: &str, value: Value| {
        client.patch(&path, set(&format!("{BADGES}:{name}"), value)).await
    };
    for (name, value) in [("code", json!("C2")), ("seen", json!("now"))] {
        let refused = patch(name, value).await.refused(400);
        assert_eq!(refused.body["scimType"], "mutability", "{name}");
    }
    let patched = patch("pin", json!("4321")).await.expect(200).body;
    assert_eq!(patched[BADGES], json!({ "colour": "blue", "code": "C1" }), "PATCH");
    let patched = patch("floor", json!(4)).await.expect(200).body;
    assert_eq!(patched[BADGES], json!({ "colour": "blue", "code": "C1", "floor": 4 }), "PATCH");
    let patched = patch("code", json!("C1")).await.expect(200).body;
    assert_eq!(patched[BADGES]["code"], "C1", "the same value is no change");
}

/// S-080, S-163, S-172, S-183, S-185, S-187: filters and sorting know the declared types.
#[tokio::test]
async fn filters_and_sorting() {
    let (_server, _directory, client) = with_badges().await;
    for (name, badge) in [
        (
            "a",
            json!({ "colour": "Red", "code": "Ab", "floor": 10, "valid": true, "since": "2026-01-02T01:00:00+02:00", "pin": "1" }),
        ),
        (
            "b",
            json!({ "colour": "blue", "code": "aB", "floor": 9, "since": "2026-01-01T23:30:00Z", "doors": ["north"] }),
        ),
        ("c", json!({ "weight": 0.5, "keys": [{ "value": "k1", "type": "spare" }] })),
    ] {
        client.post("/Users", with(name, BADGES, badge)).await.expect(201);
    }
    let names = |found: Answer| -> Vec<String> {
        let found = found.expect(200).body;
        let all = found["Resources"].as_array().cloned().unwrap_or_default();
        all.iter().map(|user| user["userName"].as_str().unwrap().to_owned()).collect()
    };
    for (filter, expected) in [
        ("colour eq \"red\"", vec!["a"]),
        ("colour sw \"B\"", vec!["b"]),
        ("code eq \"ab\"", vec![]),
        ("code eq \"aB\"", vec!["b"]),
        ("floor gt 9", vec!["a"]),
        ("floor lt 10", vec!["b"]),
        ("valid eq true", vec!["a"]),
        ("weight ge 0.5", vec!["c"]),
        ("since gt \"2026-01-01T23:15:00Z\"", vec!["b"]),
        ("doors eq \"NORTH\"", vec!["b"]),
        ("keys[type eq \"spare\"]", vec!["c"]),
        ("keys.value eq \"K1\"", vec!["c"]),
        ("COLOUR pr", vec!["a", "b"]),
    ] {
        let found = find(&client, &format!("{BADGES}:{filter}"), "").await;
        assert_eq!(names(found), expected, "{filter}");
    }
    for hidden in ["pin eq \"1\"", "puk pr", "keys.secret eq \"s\"", "keys[secret eq \"s\"]"] {
        let refused = find(&client, &format!("{BADGES}:{hidden}"), "").await.refused(400);
        assert_eq!(refused.body["scimType"], "invalidFilter", "{hidden}");
    }
    for (sort, expected) in [
        ("floor", ["b", "a", "c"]),
        ("floor&sortOrder=descending", ["c", "a", "b"]),
        ("colour", ["b", "a", "c"]),
        ("since", ["a", "b", "c"]),
        ("keys", ["c", "a", "b"]),
    ] {
        let sorted = client.get(&format!("/Users?sortBy={BADGES}:{sort}")).await;
        assert_eq!(names(sorted), expected, "{sort}");
    }
    for hidden in ["pin", "puk", "keys.secret"] {
        client.get(&format!("/Users?sortBy={BADGES}:{hidden}")).await.refused(400);
    }
}

/// O-168, S-047, S-239, S-250: the paths that clients address custom attributes by.
#[tokio::test]
async fn paths_of_clients() {
    let (_server, _directory, client) = with_badges().await;
    let id = client.post("/Users", user("p@northlab.example")).await.expect(201).id();
    let path = format!("/Users/{id}");
    for (operations, expected) in [
        (
            json!([{ "op": "Add", "path": format!("{BADGES}:colour"), "value": "red" }]),
            json!({ "colour": "red" }),
        ),
        (
            json!([{ "op": "replace", "value": { (format!("{BADGES}:colour")): "blue" } }]),
            json!({ "colour": "blue" }),
        ),
        (
            json!([{ "op": "replace", "value": { (BADGES): { "weight": 2 } } }]),
            json!({ "colour": "blue", "weight": 2 }),
        ),
        (
            json!([{ "op": "replace", "path": format!("{BADGES}.colour"), "value": "red" }]),
            json!({ "colour": "red", "weight": 2 }),
        ),
        (
            json!([{ "op": "add", "path": format!("{BADGES}:keys[type eq \"spare\"].value"), "value": "k" }]),
            json!({ "colour": "red", "weight": 2, "keys": [{ "value": "k", "type": "spare" }] }),
        ),
        (
            json!([{ "op": "remove", "path": format!("{BADGES}:keys[value eq \"K\"]") }]),
            json!({ "colour": "red", "weight": 2 }),
        ),
        (json!([{ "op": "remove", "path": BADGES }]), Value::Null),
    ] {
        let patched = client.patch(&path, operations.clone()).await.expect(200).body;
        assert_eq!(patched[BADGES], expected, "{operations}");
        let listed = patched["schemas"].as_array().unwrap().contains(&json!(BADGES));
        assert_eq!(listed, !expected.is_null(), "S-047: {operations}");
    }
}

/// Values from before the declaration stay, spelt as it says; so they do when it goes.
#[tokio::test]
async fn declared_late_and_taken_back() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    let urn = BADGES.to_uppercase().replacen("URN", "urn", 1);
    let early = json!({ "Colour": "red", "floor": "ground", "own": [1], "keys": [{ "VALUE": "k", "x": 1 }] });
    let id = client.post("/Users", with("e@northlab.example", &urn, early)).await.expect(201).id();
    let path = format!("/Users/{id}");

    let added = declare(&server, &directory, &badges(), "").await;
    assert_eq!(
        (&added[0]["holders"], &added[0]["respelt"], &added[0]["misfits"]),
        (&json!(1), &json!(1), &json!(1)),
        "{added}"
    );
    assert_eq!(added[0]["examples"][0]["id"], id);
    let problem = added[0]["examples"][0]["problem"].as_str().unwrap();
    assert!(problem.starts_with(&format!("`{BADGES}:floor`")), "{problem}");

    let kept = json!({ "colour": "red", "own": [1], "keys": [{ "value": "k", "x": 1 }] });
    let read = client.get(&path).await.expect(200);
    assert_eq!(read.body[BADGES], kept);
    assert_eq!(read.body[&urn], Value::Null, "one spelling");
    assert_eq!(read.body["schemas"].as_array().unwrap().len(), 2);
    assert_eq!(read.body["meta"]["version"], "W/\"2\"");
    let floor = client.get(&format!("{path}?attributes={BADGES}:floor")).await.expect(200).body;
    assert_eq!(floor[BADGES]["floor"], "ground");
    assert_eq!(
        find(&client, &format!("{BADGES}:colour eq \"RED\""), "").await.body["totalResults"],
        1
    );

    // Another attribute changes, these stay.
    let renamed = client.patch(&path, set("title", json!("Lead"))).await.expect(200).body;
    assert_eq!(renamed[BADGES], kept);
    let moved = client.patch(&path, set(&format!("{BADGES}:weight"), json!(1))).await.expect(200);
    assert_eq!(moved.body[BADGES]["keys"], json!([{ "value": "k", "x": 1 }]));

    let pin = set(&format!("{BADGES}:pin"), json!("1234"));
    client.patch(&path, pin).await.expect(200);
    // A secret never becomes visible: neither by another declaration nor by none.
    let mut open = badges();
    open["attributes"][2] = json!({ "name": "pin" });
    let file = server.data().join("open.json");
    std::fs::write(&file, open.to_string()).unwrap();
    let add = format!("directory schema add {} {}", directory.id, file.display());
    let remove = format!("directory schema remove {} {BADGES}", directory.id);
    for command in [&add, &remove] {
        let said = fails(&server, command, 1).await;
        assert!(said.contains(&format!("{BADGES}:pin")) && said.contains(&id), "{said}");
    }
    assert_eq!(client.get(&path).await.body[BADGES]["pin"], Value::Null);
    let clear = json!([{ "op": "remove", "path": format!("{BADGES}:pin") }]);
    client.patch(&path, clear).await.expect(200);
    server.command(&remove).await;
    let read = client.get(&path).await.expect(200).body;
    assert_eq!(read[BADGES]["colour"], "red");
    assert_eq!(read[BADGES]["floor"], "ground");
    let refused = find(&client, &format!("{BADGES}:colour eq \"RED\""), "").await.refused(400);
    assert_eq!(refused.body["scimType"], "invalidFilter");
    client.get(&format!("/Schemas/{BADGES}")).await.refused(404);
}

pub async fn fails(server: &TestServer, arguments: &str, status: i32) -> String {
    let output = server.command_output(arguments).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "{said}");
    assert!(said.starts_with("error: ") && said.lines().count() == 1, "{said}");
    said
}

/// S-062, S-063, S-078, S-116: what is no schema is refused with its place.
#[tokio::test]
async fn s_062_declarations_are_checked() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let file = server.data().join("schema.json");
    let add = format!("directory schema add {} {}", directory.id, file.display());
    let of = |attributes: Value| json!({ "id": BADGES, "attributes": attributes }).to_string();
    for (text, said) in [
        ("{".to_owned(), "line 1"),
        ("[]".to_owned(), "no extension schema"),
        (json!({ "id": "badges", "attributes": [] }).to_string(), "`id`"),
        (
            json!({ "id": "urn:ietf:params:scim:schemas:core:2.0:Device", "attributes": [] })
                .to_string(),
            "`id`",
        ),
        (
            json!({ "id": "urn:ietf:params:scim:api:messages:2.0:X", "attributes": [] })
                .to_string(),
            "`id`",
        ),
        (of(json!([{ "name": "a b" }])), "`a b`"),
        (of(json!([{ "name": "a", "type": "text" }])), "`a.type`"),
        (of(json!([{ "name": "a", "uniqueness": "global" }])), "`a.uniqueness`"),
        (
            of(json!([{ "name": "a", "mutability": "writeOnly", "returned": "default" }])),
            "`a.returned`",
        ),
        (
            of(json!([{ "name": "a", "type": "complex", "subAttributes":
                [{ "name": "b", "type": "complex", "subAttributes": [{ "name": "c" }] }] }])),
            "`a.b`",
        ),
        (
            of(json!([{ "name": "a", "type": "complex", "subAttributes":
                [{ "name": "primary" }] }])),
            "`a.primary`",
        ),
        (
            json!([badges(), { "id": "urn:x:y:z", "attributes": [{ "name": "1" }] }]).to_string(),
            "schema 2 (`urn:x:y:z`): `1`",
        ),
        (json!([badges(), badges()]).to_string(), "twice"),
    ] {
        std::fs::write(&file, &text).unwrap();
        let refused = fails(&server, &add, 2).await;
        assert!(refused.contains(said), "{text}: {refused}");
    }
    let listed = server.command(&format!("directory schema list {}", directory.id)).await;
    assert_eq!(listed, json!([]), "all or none");
    fails(&server, &format!("directory schema remove {} {BADGES}", directory.id), 1).await;
    fails(&server, "directory schema list dir-none", 1).await;
}

/// A list of another server's schemas is taken as it is; each schema is shown as it was declared,
/// and can be declared again.
#[tokio::test]
async fn lists_go_in_and_out() {
    let server = TestServer::start().await;
    let (ours, theirs) = (server.directory("generic", 0).await, server.directory("okta", 0).await);
    let of_groups =
        json!({ "id": "urn:northlab:scim:rooms:1.0:Group", "attributes": [{ "name": "room" }] });
    declare(&server, &ours, &json!([badges(), of_groups]), "").await;
    let published = server.client(&ours).get("/Schemas").await.expect(200).body;
    let added = declare(&server, &theirs, &published, "").await;
    assert_eq!(added.as_array().unwrap().len(), 2, "the core schemas are passed over: {added}");
    let client = server.client(&theirs);
    let again = client.get("/Schemas").await.expect(200).body;
    let attributes = |list: &Value| -> Vec<Value> {
        list["Resources"].as_array().unwrap().iter().map(|s| s["attributes"].clone()).collect()
    };
    assert_eq!(attributes(&published), attributes(&again));
    let types = client.get("/ResourceTypes/Group").await.expect(200).body;
    assert_eq!(types["schemaExtensions"][0]["schema"], "urn:northlab:scim:rooms:1.0:Group");

    let mut room = group("Lab");
    room["urn:northlab:scim:rooms:1.0:Group"] = json!({ "room": "B2" });
    let created = client.post("/Groups", room).await.expect(201).body;
    assert_eq!(created["urn:northlab:scim:rooms:1.0:Group"], json!({ "room": "B2" }));

    let show = format!("directory schema show {} {}", theirs.id, BADGES.to_uppercase());
    let mut shown = server.command(&show).await;
    assert_eq!(shown["id"], BADGES);
    shown["attributes"].as_array_mut().unwrap().push(json!({ "name": "extra" }));
    let added = declare(&server, &theirs, &shown, "").await;
    assert_eq!(added[0]["state"], "changed");
    let listed = server.command(&format!("directory schema list {}", theirs.id)).await;
    assert_eq!(listed[0]["schema"]["attributes"].as_array().unwrap().len(), 13);
    let file = server.data().join("again.json");
    std::fs::write(&file, badges().to_string()).unwrap();
    let command =
        format!("directory schema add {} {} --resource-type Group", theirs.id, file.display());
    assert!(fails(&server, &command, 1).await.contains("extends User"));
}

/// What is declared unique is unique in its directory, compared as the schema says; who is refused
/// can find the other.
#[tokio::test]
async fn unique_values() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    let early = with("early@northlab.example", BADGES, json!({ "number": "A1", "code": "x" }));
    let early = client.post("/Users", early).await.expect(201).id();
    let other = with("other@northlab.example", BADGES, json!({ "code": "x" }));
    client.post("/Users", other).await.expect(201);
    let attribute = |name: &str, kind: &str, exact: bool| json!({ "name": name, "type": kind, "caseExact": exact, "uniqueness": "server" });
    let both = json!({ "id": BADGES, "attributes": [attribute("code", "string", true)] });
    let file = server.data().join("both.json");
    std::fs::write(&file, both.to_string()).unwrap();
    let add = format!("directory schema add {} {}", directory.id, file.display());
    let refused = fails(&server, &add, 1).await;
    assert!(refused.contains(&format!("{BADGES}:code")) && refused.contains(&early), "{refused}");

    let schema = json!({ "id": BADGES, "attributes":
        [attribute("number", "string", false), attribute("desk", "integer", false)] });
    declare(&server, &directory, &schema, "").await;
    let published = client.get(&format!("/Schemas/{BADGES}")).await.expect(200).body;
    assert_eq!(published["attributes"][0]["uniqueness"], "server");

    let same = with("b@northlab.example", BADGES, json!({ "number": "a1" }));
    let refused = client.post("/Users", same).await.refused(409);
    assert_eq!(refused.body["scimType"], "uniqueness");
    assert!(refused.detail().contains(&early), "{}", refused.body);
    let found = find(&client, &format!("{BADGES}:number eq \"a1\""), "").await.expect(200).body;
    assert_eq!(found["Resources"][0]["id"], early);

    let second = with("b@northlab.example", BADGES, json!({ "number": "B2", "desk": 7 }));
    let second = format!("/Users/{}", client.post("/Users", second).await.expect(201).id());
    let at = format!("{BADGES}:number");
    client.patch(&second, set(&at, json!("A1"))).await.refused(409);
    client.patch(&second, set(&at, json!("b2"))).await.expect(200);
    let put = with("b@northlab.example", BADGES, json!({ "number": "A1" }));
    client.put(&second, put).await.refused(409);
    let desk = with("c@northlab.example", BADGES, json!({ "desk": 7 }));
    client.post("/Users", desk.clone()).await.refused(409);

    // Freed by a change, by a deletion, and by another declaration.
    client.patch(&second, set(&format!("{BADGES}:desk"), json!(8))).await.expect(200);
    client.post("/Users", desk).await.expect(201);
    client.delete(&format!("/Users/{early}")).await.expect(204);
    client.patch(&second, set(&at, json!("A1"))).await.expect(200);
    let desk = with("d@northlab.example", BADGES, json!({ "desk": 8 }));
    client.post("/Users", desk.clone()).await.refused(409);
    let schema = json!({ "id": BADGES, "attributes": [{ "name": "desk", "type": "integer" }] });
    declare(&server, &directory, &schema, "").await;
    client.post("/Users", desk).await.expect(201);

    // In its directory: not in another.
    let elsewhere = server.directory("generic", 0).await;
    declare(
        &server,
        &elsewhere,
        &json!({ "id": BADGES, "attributes": [attribute("number", "string", false)] }),
        "",
    )
    .await;
    let same = with("b@northlab.example", BADGES, json!({ "number": "a1" }));
    server.client(&elsewhere).post("/Users", same).await.expect(201);
}

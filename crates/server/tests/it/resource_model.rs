//! What every resource has in common (RFC 7643 §2 and §3).

use serde_json::{Value, json};

use crate::harness::{ScimClient, TestServer, group, patch, until, user};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A user's body with these attributes laid over it; null takes one away.
fn user_with(name: &str, fields: Value) -> Value {
    let mut body = user(name);
    for (key, value) in fields.as_object().unwrap() {
        if value.is_null() {
            body.as_object_mut().unwrap().remove(key);
        } else {
            body[key] = value.clone();
        }
    }
    body
}

/// A representation without what differs from resource to resource.
fn content(body: &Value) -> Value {
    let mut body = body.clone();
    for own in ["id", "meta", "userName", "externalId"] {
        body.as_object_mut().unwrap().remove(own);
    }
    body
}

/// S-044, S-047, S-049: `schemas` is a set, and answers name the schemas that a resource has values
/// of, in the container of each.
#[tokio::test]
async fn s_047_schemas_name_what_a_resource_has() {
    let (_server, client) = TestServer::with_client().await;
    let mut seen = Vec::new();
    for (number, schemas) in [
        json!([USER, ENTERPRISE]),
        json!([ENTERPRISE, USER]),
        json!([USER]),
        json!([USER.to_uppercase(), ENTERPRISE.to_lowercase()]),
    ]
    .into_iter()
    .enumerate()
    {
        let fields =
            json!({"schemas": schemas, ENTERPRISE: {"department": "Tooling"}, "emails": null});
        let body = user_with(&format!("u{number}@example.com"), fields);
        let created = client.post("/Users", body).await.expect(201).body;
        assert_eq!(created["schemas"], json!([USER, ENTERPRISE]), "{schemas}");
        assert_eq!(created[ENTERPRISE], json!({"department": "Tooling"}), "{schemas}");
        assert_eq!(created.get("department"), None, "{schemas}");
        seen.push(content(&created));
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:#?}");

    // Listed, but nothing of it is there.
    let fields = json!({"schemas": [USER, ENTERPRISE]});
    let created = client.post("/Users", user_with("bare@example.com", fields)).await.expect(201);
    assert_eq!(created.body["schemas"], json!([USER]));
    let one = format!("/Users/{}", created.id());
    let number = format!("{ENTERPRISE}:employeeNumber");
    let add = json!([{"op": "add", "path": number, "value": "7"}]);
    assert_eq!(
        client.patch(&one, add).await.expect(200).body["schemas"],
        json!([USER, ENTERPRISE])
    );
    // Also where they are not asked for.
    for parameters in ["attributes=userName", "excludedAttributes=schemas"] {
        let got = client.get(&format!("{one}?{parameters}")).await.expect(200).body;
        assert_eq!(got["schemas"], json!([USER, ENTERPRISE]), "{parameters}");
    }
    let remove = json!([{"op": "remove", "path": number}]);
    let removed = client.patch(&one, remove).await.expect(200).body;
    assert_eq!(removed["schemas"], json!([USER]));
    assert_eq!(removed.get(ENTERPRISE), None);
}

/// S-044, S-045, S-046, S-049, S-052, S-228: what `schemas` has to be and which attributes there
/// are, for a directory that takes the standard at its word.
#[tokio::test]
async fn s_046_a_strict_directory_insists_on_schemas() {
    let server = TestServer::start().await;
    let client = server.strict_client().await;
    let one = client.post("/Users", user("a@example.com")).await.expect(201).id();
    let one = format!("/Users/{one}");
    for fields in [
        json!({"schemas": null}),
        json!({"schemas": []}),
        json!({"schemas": {}}),
        json!({"schemas": USER}),
        json!({"schemas": [7]}),
        json!({"schemas": [ENTERPRISE]}),
        json!({"schemas": [GROUP]}),
        json!({"schemas": [USER, GROUP]}),
        json!({"schemas": [USER, "urn:example:nothing:2.0:User"]}),
        json!({"department": "flat"}),
        json!({"favouriteColour": "red"}),
        json!({"name": {"petName": "Addie"}}),
        json!({ENTERPRISE: {"favouriteColour": "red"}}),
        json!({"urn:example:nothing:2.0:User": {"a": 1}}),
    ] {
        let body = user_with("b@example.com", fields.clone());
        let refused = client.post("/Users", body.clone()).await.refused(400);
        assert_eq!(refused.body["scimType"], "invalidSyntax", "{fields}");
        let refused = client.put(&one, body).await.refused(400);
        assert_eq!(refused.body["scimType"], "invalidSyntax", "{fields}");
    }
    for schemas in [json!([USER]), json!([GROUP, USER]), json!([]), json!([GROUP, ENTERPRISE])] {
        let refused = client.post("/Groups", json!({"schemas": schemas, "displayName": "Crew"}));
        assert_eq!(refused.await.refused(400).body["scimType"], "invalidSyntax", "{schemas}");
    }
    let mut message = patch(json!([{"op": "replace", "path": "title", "value": "Pilot"}]));
    for schemas in [json!(null), json!([]), json!([USER])] {
        message["schemas"] = schemas;
        let sent = client.try_send(reqwest::Method::PATCH, &one, &message).await.unwrap();
        assert_eq!(sent.refused(400).body["scimType"], "invalidSyntax", "{message}");
    }
    for search in [json!({}), json!({"schemas": []}), json!({"schemas": [USER]})] {
        let refused = client.post("/Users/.search", search.clone()).await.refused(400);
        assert_eq!(refused.body["scimType"], "invalidSyntax", "{search}");
    }
    assert_eq!(client.get("/Users").await.body["totalResults"], 1);
    assert_eq!(client.get("/Groups").await.body["totalResults"], 0);
}

/// S-046, S-052, S-340, S-350, S-435: otherwise the endpoint says what a body is, and an attribute
/// that nobody declared costs nothing but a note.
#[tokio::test]
async fn s_052_what_nobody_declared_is_passed_over_with_a_note() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    let plain = client.post("/Users", user("plain@example.com")).await.expect(201).body;
    for (number, (fields, note)) in [
        (json!({"schemas": null}), "schemas"),
        (json!({"schemas": []}), "schemas"),
        (json!({"favouriteColour": "red"}), "favouriteColour"),
        (json!({"name": {"givenName": "Ines", "familyName": "Okafor", "petName": "I"}}), "petName"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut body = user_with(&format!("u{number}@example.com"), fields.clone());
        body["emails"] = json!([{"value": "plain@example.com", "type": "work", "primary": true}]);
        let created = client.post("/Users", body).await.expect(201);
        assert_eq!(content(&created.body), content(&plain), "{fields}");
        let log = until("the log entry", async || {
            let log = server.provisioning_log(&directory).await;
            log.into_iter().find(|entry| entry.request_id == created.header("x-request-id"))
        })
        .await;
        assert!(log.notes.iter().any(|text| text.contains(note)), "{fields}: {:?}", log.notes);
    }
}

/// S-045: a body that says it is of another resource type is at the wrong endpoint.
#[tokio::test]
async fn s_045_a_body_of_another_resource_type() {
    let (_server, client) = TestServer::with_client().await;
    let one = client.post("/Users", user("a@example.com")).await.expect(201);
    let target = format!("/Users/{}", one.id());
    for schemas in [json!([GROUP]), json!([GROUP.to_lowercase()]), json!([ENTERPRISE, GROUP])] {
        let body = user_with("b@example.com", json!({"schemas": schemas}));
        for refused in
            [client.post("/Users", body.clone()).await, client.put(&target, body.clone()).await]
        {
            let refused = refused.refused(400);
            assert_eq!(refused.body["scimType"], "invalidSyntax", "{schemas}");
            assert!(refused.detail().contains("`schemas`"), "{}", refused.detail());
        }
    }
    let body = json!({"schemas": [USER], "displayName": "Crew"});
    client.post("/Groups", body).await.refused(400);
    assert_eq!(client.get("/Users").await.body["Resources"], json!([one.body]));
    assert_eq!(client.get("/Groups").await.body["totalResults"], 0);
}

/// S-048: names and URNs are found in any letter case, everywhere, and answered in their own.
#[tokio::test]
async fn s_048_letter_case_of_names() {
    let (_server, client) = TestServer::with_client().await;
    let body = json!({
        "SCHEMAS": [USER.to_uppercase()],
        "USERNAME": "ines@example.com",
        "Name": {"FAMILYNAME": "Okafor", "givenname": "Ines"},
        "eMails": [{"VALUE": "ines@example.com", "Type": "work", "PRIMARY": true}],
        ENTERPRISE.to_uppercase(): {"DEPARTMENT": "Tooling"},
    });
    let created = client.post("/Users", body).await.expect(201);
    let expected = json!({
        "schemas": [USER, ENTERPRISE],
        "name": {"familyName": "Okafor", "givenName": "Ines"},
        "active": true,
        "emails": [{"value": "ines@example.com", "type": "work", "primary": true}],
        "groups": [],
        ENTERPRISE: {"department": "Tooling"},
    });
    assert_eq!(content(&created.body), expected);
    for filter in [
        "USERNAME eq \"ines@example.com\"".to_owned(),
        "name.FAMILYNAME eq \"Okafor\"".into(),
        "EMAILS[TYPE eq \"work\" and Value co \"ines\"]".into(),
        format!("{}:USERNAME sw \"ines\"", USER.to_uppercase()),
        format!("{}:DEPARTMENT eq \"tooling\"", ENTERPRISE.to_lowercase()),
        format!("SCHEMAS eq \"{}\"", ENTERPRISE.to_uppercase()),
    ] {
        assert_eq!(client.find_users(&filter).await.len(), 1, "{filter}");
    }
    client.post("/Users", user("zoe@example.com")).await.expect(201);
    let sorted = client.get("/Users?sortBy=USERNAME&sortOrder=Descending").await.expect(200);
    assert_eq!(sorted.body["Resources"][1]["userName"], "ines@example.com");
    let one = format!("/Users/{}", created.id());
    let department = format!("{}:Department", ENTERPRISE.to_uppercase());
    let patched = client.patch(
        &one,
        json!([
            {"op": "REPLACE", "path": "NAME.givenname", "value": "Inés"},
            {"OP": "add", "PATH": department, "VALUE": "Drawing"},
            {"op": "replace", "path": "EMAILS[TYPE EQ \"work\"].Value", "value": "i@example.com"},
        ]),
    );
    let patched = patched.await.expect(200).body;
    assert_eq!(patched["name"]["givenName"], "Inés");
    assert_eq!(patched[ENTERPRISE], json!({"department": "Drawing"}));
    assert_eq!(patched["emails"][0]["value"], "i@example.com");
    let part = client.get(&format!("{one}?attributes=NAME.FAMILYNAME,{department}")).await.body;
    assert_eq!(part["name"], json!({"familyName": "Okafor"}));
    assert_eq!(part[ENTERPRISE], json!({"department": "Drawing"}));
    assert_eq!(part.get("userName"), None);
}

/// S-053, S-054, S-057, S-125, S-126, S-219, S-290, S-435: `id` and `meta` are the server's,
/// whatever a body says; an id is used once.
#[tokio::test]
async fn s_054_id_and_meta_are_the_servers() {
    let (_server, client) = TestServer::with_client().await;
    let theirs = json!({
        "id": "x",
        "meta": {
            "resourceType": "Robot",
            "created": "1999-01-01T00:00:00Z",
            "lastModified": "1999-01-01T00:00:00Z",
            "location": "https://elsewhere.example/Users/x",
            "version": "W/\"99\"",
        },
    });
    let before = jiff::Timestamp::now();
    for (endpoint, resource_type, mut body) in
        [("/Users", "User", user("a@example.com")), ("/Groups", "Group", group("Crew"))]
    {
        body["id"] = theirs["id"].clone();
        body["meta"] = theirs["meta"].clone();
        let created = client.post(endpoint, body.clone()).await.expect(201);
        let id = created.id();
        assert_ne!(id, "x");
        let meta = created.body["meta"].clone();
        assert_eq!(meta["resourceType"], resource_type);
        assert_eq!(meta["location"], format!("{}{endpoint}/{id}", client.url));
        assert_eq!(meta["version"], "W/\"1\"");
        let time = |name: &str| meta[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        let limit = jiff::SignedDuration::from_millis(1);
        assert!(time("created") + limit >= before && time("created") <= jiff::Timestamp::now());
        assert!(meta["created"].as_str().unwrap().ends_with('Z'), "{meta}");

        let one = format!("{endpoint}/{id}");
        let replaced = client.put(&one, body.clone()).await.expect(200).body;
        assert_eq!((&replaced["id"], &replaced["meta"]), (&json!(id), &meta));
        for path in ["id", "meta", "meta.created", "meta.version"] {
            let change = json!([{"op": "replace", "path": path, "value": theirs["id"]}]);
            let refused = client.patch(&one, change).await.refused(400);
            assert_eq!(refused.body["scimType"], "mutability", "{path}");
        }
        assert_eq!(client.get(&one).await.body, replaced);

        client.delete(&one).await.expect(204);
        let again = client.post(endpoint, body).await.expect(201);
        assert_ne!(again.id(), id);
        client.get(&one).await.refused(404);
    }
}

/// S-055, S-056: `externalId` is the client's: in its letter case, shared if it likes, never made
/// up.
#[tokio::test]
async fn s_055_external_ids_are_the_clients() {
    let (_server, client) = TestServer::with_client().await;
    for (name, external_id) in
        [("a", json!("AbC")), ("b", json!("abc")), ("c", json!("abc")), ("d", Value::Null)]
    {
        let fields = json!({"externalId": external_id});
        let created = client.post("/Users", user_with(name, fields)).await.expect(201).body;
        assert_eq!(created.get("externalId").cloned().unwrap_or_default(), external_id);
    }
    let named = async |filter: &str| {
        let found = client.find_users(filter).await;
        found.iter().map(|one| one["userName"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(named("externalId eq \"AbC\"").await, ["a"]);
    assert_eq!(named("externalId eq \"abc\"").await, ["b", "c"]);
    assert_eq!(named("not (externalId pr)").await, ["d"]);
    for name in ["Crew", "Deck"] {
        let mut body = group(name);
        body["externalId"] = "abc".into();
        client.post("/Groups", body).await.expect(201);
    }
    // It may change, and be taken away.
    let id = client.find_users("userName eq \"a\"").await[0]["id"].clone();
    let one = format!("/Users/{}", id.as_str().unwrap());
    for (value, shown) in [("abc", Some("abc")), ("", None)] {
        let change = json!([{"op": "replace", "path": "externalId", "value": value}]);
        let body = client.patch(&one, change).await.expect(200).body;
        assert_eq!(body.get("externalId").and_then(Value::as_str), shown);
    }
}

/// Whether nothing is there that says nothing: no null, no empty text, list or object but the lists
/// of groups and members.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(elements) => !elements.is_empty() && elements.iter().all(says_something),
        Value::Object(members) => {
            let told = |(key, value): (&String, &Value)| {
                (["groups", "members"].contains(&key.as_str()) && *value == json!([]))
                    || says_something(value)
            };
            !members.is_empty() && members.iter().all(told)
        }
        _ => true,
    }
}

/// S-060, S-061, S-128, S-169, S-218, S-260, S-275: null, an empty text, an empty list and nothing
/// at all are one state, and answers leave it out.
#[tokio::test]
async fn s_060_no_value_is_one_state() {
    let (_server, client) = TestServer::with_client().await;
    let full = json!({
        "nickName": "Nessie",
        "phoneNumbers": [{"value": "1", "type": "work"}],
        ENTERPRISE: {"department": "Tooling", "manager": {"value": "somebody"}},
    });
    let create = async |number: &str| {
        let name = format!("{number}@example.com");
        let created = client.post("/Users", user_with(&name, full.clone())).await.expect(201);
        assert!(says_something(&created.body), "{}", created.body);
        (format!("/Users/{}", created.id()), name)
    };
    let named = |name: &str, fields: Value| {
        let mut body = user_with(name, json!({"nickName": null}));
        body["title"] = Value::Null;
        for (key, value) in fields.as_object().unwrap() {
            body[key] = value.clone();
        }
        body
    };
    let mut seen = Vec::new();
    for (number, fields) in [
        json!({}),
        json!({"nickName": null, "title": null, "phoneNumbers": null, ENTERPRISE: null}),
        json!({"nickName": "", "title": "", "phoneNumbers": [], ENTERPRISE: {}}),
        json!({"nickName": [], "phoneNumbers": [{}], "title": [],
            ENTERPRISE: {"department": "", "manager": {}}}),
        json!({"phoneNumbers": [null, {"value": null}],
            ENTERPRISE: {"department": null, "manager": null}}),
    ]
    .into_iter()
    .enumerate()
    {
        let (one, name) = create(&format!("put{number}")).await;
        let mut body = named(&name, fields);
        body["emails"] = json!([]);
        seen.push((one.clone(), client.put(&one, body).await.expect(200).body));
    }
    for (number, value) in
        [None, Some(json!(null)), Some(json!([])), Some(json!(""))].into_iter().enumerate()
    {
        let (one, _) = create(&format!("patch{number}")).await;
        let manager = format!("{ENTERPRISE}:manager");
        let department = format!("{ENTERPRISE}:department");
        let paths = ["nickName", "title", "phoneNumbers", "emails", &manager, &department];
        let operations: Vec<Value> = paths
            .iter()
            .map(|path| match &value {
                None => json!({"op": "remove", "path": path}),
                Some(value) => json!({"op": "replace", "path": path, "value": value}),
            })
            .collect();
        seen.push((one.clone(), client.patch(&one, operations.into()).await.expect(200).body));
    }
    for (one, answered) in &seen {
        let got = client.get(one).await.expect(200).body;
        assert_eq!(*answered, got);
        assert!(says_something(&got), "{got}");
        assert_eq!(content(&got), content(&seen[0].1));
        assert_eq!(got["schemas"], json!([USER]));
    }
    for name in ["nickName", "title", "phoneNumbers", "emails"] {
        assert_eq!(client.find_users(&format!("{name} pr")).await.len(), 0, "{name}");
    }
}

/// Every URL of this directory in a JSON value.
fn references(client: &ScimClient, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text.starts_with(&client.url) => found.push(text.clone()),
        Value::Array(elements) => elements.iter().for_each(|one| references(client, one, found)),
        Value::Object(members) => members.values().for_each(|one| references(client, one, found)),
        _ => {}
    }
}

/// S-073: every reference that an answer holds leads to what it names, for the same caller.
#[tokio::test]
async fn s_073_references_lead_somewhere() {
    let (_server, client) = TestServer::with_client().await;
    let boss = client.post("/Users", user("boss@example.com")).await.expect(201).id();
    let gone = client.post("/Users", user("gone@example.com")).await.expect(201).id();
    let led = json!({ENTERPRISE: {"manager": {"value": boss}}});
    let led = client.post("/Users", user_with("led@example.com", led)).await.expect(201).id();
    let left = json!({ENTERPRISE: {"manager": {"value": gone}}});
    let left = client.post("/Users", user_with("left@example.com", left)).await.expect(201).id();
    let mut crew = group("Crew");
    crew["members"] = json!([{"value": boss}, {"value": led}, {"value": left}, {"value": gone}]);
    let crew = client.post("/Groups", crew).await.expect(201).id();
    let mut fleet = group("Fleet");
    fleet["members"] = json!([{"value": crew}]);
    client.post("/Groups", fleet).await.expect(201);
    client.delete(&format!("/Users/{gone}")).await.expect(204);

    let mut found = Vec::new();
    for target in ["/Users", "/Groups", "/Schemas", "/ResourceTypes", "/ServiceProviderConfig"] {
        references(&client, &client.get(target).await.expect(200).body, &mut found);
    }
    found.sort();
    found.dedup();
    assert!(found.len() > 10, "{found:?}");
    for url in found {
        let got = client.get(&url[client.url.len()..]).await.expect(200).body;
        assert_eq!(got["meta"]["location"], url);
    }
}

//! Roles and entitlements that a directory declares, as Okta discovers and assigns them.

use serde_json::{Value, json};

use crate::harness::{Directory, ScimClient, TestServer, user};

const ROLE: &str = "urn:okta:scim:schemas:core:1.0:Role";
const ENTITLEMENT: &str = "urn:okta:scim:schemas:core:1.0:Entitlement";

async fn load(server: &TestServer, directory: &Directory, kind: &str, list: &Value) -> Value {
    let file = server.data().join(format!("{kind}.json"));
    std::fs::write(&file, list.to_string()).unwrap();
    server.command(&format!("directory {kind} load {} {}", directory.id, file.display())).await
}

async fn declared() -> (TestServer, Directory, ScimClient) {
    let server = TestServer::start().await;
    let directory = server.directory("okta", 0).await;
    let add = format!("directory role add {} berth-admin --display-name", directory.id);
    server.command(&format!("{add} Berth-administrator --description Runs-berths")).await;
    let add = format!("directory role add {} auditor --display-name Auditor", directory.id);
    server.command(&add).await;
    let permits = json!([
        { "type": "BerthPermit", "id": "permit-07", "displayName": "Night crane" },
        { "type": "BerthPermit", "id": "permit-08", "displayName": "Fuel pier" },
        { "type": "License", "id": "pro", "displayName": "Pro", "description": "All of it" },
    ]);
    assert_eq!(load(&server, &directory, "entitlement", &permits).await["declared"], 3);
    let client = server.client(&directory);
    (server, directory, client)
}

/// S-118, S-347, O-113, O-114, O-131, O-167: the resource types name the endpoints, the schemas are
/// published, each endpoint answers a page of exactly what was asked for.
#[tokio::test]
async fn o_113_entitlement_discovery() {
    let (server, directory, client) = declared().await;
    let types = client.get("/ResourceTypes").await.expect(200).body;
    let all = types["Resources"].as_array().unwrap();
    let named: Vec<_> = all
        .iter()
        .map(|t| {
            let text = |key: &str| t[key].as_str().unwrap();
            (text("id"), text("name"), text("endpoint"), text("schema"))
        })
        .collect();
    assert_eq!(
        named[2..],
        [
            ("Role", "Role", "/Roles", ROLE),
            ("BerthPermit", "BerthPermit", "/BerthPermits", ENTITLEMENT),
            ("License", "License", "/Licenses", ENTITLEMENT),
        ]
    );
    assert_eq!(types["totalResults"], 5);
    let schemas = client.get("/Schemas").await.expect(200).body;
    for id in [ROLE, ENTITLEMENT] {
        let listed = schemas["Resources"].as_array().unwrap().iter().filter(|s| s["id"] == id);
        assert_eq!(listed.count(), 1, "S-118: {id}");
        client.get(&format!("/Schemas/{}", id.to_uppercase())).await.expect(200);
    }
    for (_, name, endpoint, schema) in &named[2..] {
        let page = client.get(&format!("{endpoint}?startIndex=1&count=1")).await.expect(200).body;
        assert_eq!(page["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:ListResponse"]));
        assert_eq!((&page["itemsPerPage"], &page["startIndex"]), (&json!(1), &json!(1)));
        let first = &page["Resources"][0];
        assert_eq!(page["Resources"].as_array().unwrap().len(), 1);
        assert_eq!(first["schemas"], json!([schema]));
        assert_eq!(first["meta"]["resourceType"], *name);
        let of_entitlement = if *schema == ENTITLEMENT { json!(name) } else { Value::Null };
        assert_eq!(first["type"], of_entitlement);
        let location = first["meta"]["location"].as_str().unwrap();
        let one = location.strip_prefix(&client.url).unwrap();
        assert_eq!(client.get(one).await.expect(200).body, *first, "S-073");
    }
    let roles = client.get("/Roles").await.expect(200).body;
    assert_eq!(roles["totalResults"], 2);
    assert_eq!(roles["Resources"][0]["id"], "auditor");
    assert_eq!(roles["Resources"][1]["displayName"], "Berth-administrator");
    assert_eq!(roles["Resources"][1]["description"], "Runs-berths");

    let ids = async |query: &str| -> Vec<String> {
        let found = client.get(&format!("/BerthPermits?{query}")).await.expect(200).body;
        let all = found["Resources"].as_array().unwrap();
        all.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    for (query, expected) in [
        ("filter=id%20eq%20%22permit-08%22", vec!["permit-08"]),
        ("filter=displayName%20eq%20%22NIGHT%20crane%22", vec!["permit-07"]),
        ("filter=displayName%20co%20%22z%22", vec![]),
        ("sortBy=displayName", vec!["permit-08", "permit-07"]),
        ("startIndex=2", vec!["permit-08"]),
        ("startIndex=3", vec![]),
        ("count=0", vec![]),
    ] {
        assert_eq!(ids(query).await, expected, "{query}");
    }
    // By cursor, forward and back (RFC 9865).
    for (parameters, expected) in
        [("", ["permit-07", "permit-08"]), ("&sortBy=displayName", ["permit-08", "permit-07"])]
    {
        let page = async |cursor: &str| {
            let target = format!("/BerthPermits?count=1{parameters}&cursor={cursor}");
            client.get(&target).await.expect(200).body
        };
        let first = page("").await;
        let second = page(first["nextCursor"].as_str().unwrap()).await;
        for (page, id) in [(&first, expected[0]), (&second, expected[1])] {
            assert_eq!(page["Resources"][0]["id"], id);
            assert_eq!((&page["totalResults"], &page["itemsPerPage"]), (&json!(2), &json!(1)));
        }
        assert_eq!((&first["previousCursor"], &second["nextCursor"]), (&Value::Null, &Value::Null));
        let back = page(second["previousCursor"].as_str().unwrap()).await;
        assert_eq!(back["Resources"], first["Resources"]);
    }
    let shown = client.get("/Roles?attributes=displayName").await.expect(200).body;
    assert_eq!(shown["Resources"][0]["meta"], Value::Null);
    let refused = client.get("/Roles?filter=colour%20pr").await.refused(400);
    assert_eq!(refused.body["scimType"], "invalidFilter");
    client.get("/Roles/none").await.refused(404);
    client.get("/roles/auditor/x").await.refused(404);
    let refused = client.post("/Roles", json!({})).await.refused(405);
    assert_eq!(refused.header("allow"), "GET, HEAD, OPTIONS");

    // Nothing of it anywhere else.
    let other = server.client(&server.directory("okta", 0).await);
    for path in
        ["/Roles", "/BerthPermits", "/Licenses/pro", "/Schemas/urn:okta:scim:schemas:core:1.0:Role"]
    {
        other.get(path).await.refused(404);
    }
    let remove = format!("directory role remove {} auditor", directory.id);
    server.command(&remove).await;
    assert_eq!(client.get("/Roles").await.body["totalResults"], 1);
}

/// S-108, O-115, O-116, O-117: what is declared can be given and taken; what is not is refused.
#[tokio::test]
async fn o_116_assignments_are_checked() {
    let (server, directory, client) = declared().await;
    let with = |roles: Value, entitlements: Value| {
        let mut body = user("ines@harborloop.test");
        body["roles"] = roles;
        body["entitlements"] = entitlements;
        body
    };
    let given = with(
        json!([{ "value": "berth-admin", "display": "Berth admin" }]),
        json!([{ "value": "permit-07", "display": "Night crane", "type": "BerthPermit" }, { "value": "pro" }]),
    );
    let created = client.post("/Users", given).await.expect(201);
    let path = format!("/Users/{}", created.id());
    assert_eq!(
        created.body["roles"],
        json!([{ "value": "berth-admin", "display": "Berth admin" }])
    );
    assert_eq!(
        created.body["entitlements"],
        json!([
            { "value": "permit-07", "display": "Night crane", "type": "BerthPermit" },
            { "value": "pro", "display": "Pro", "type": "License" },
        ])
    );

    for (roles, entitlements, named) in [
        (json!([{ "value": "owner" }]), Value::Null, "`owner`"),
        (json!([{ "value": "Auditor" }]), Value::Null, "`Auditor`"),
        (
            json!([{ "value": "auditor" }, { "value": "x" }, { "value": "y" }]),
            Value::Null,
            "`x`, `y`",
        ),
        (Value::Null, json!([{ "value": "permit-99" }]), "`permit-99`"),
        (
            Value::Null,
            json!([{ "value": "pro", "type": "BerthPermit" }]),
            "`pro` of type `BerthPermit`",
        ),
    ] {
        let body = with(roles.clone(), entitlements.clone());
        let refused = client.put(&path, body.clone()).await.refused(400);
        assert_eq!(refused.body["scimType"], "invalidValue");
        assert!(refused.detail().contains(named), "{}", refused.body);
        let mut other = body;
        other["userName"] = "other@harborloop.test".into();
        client.post("/Users", other).await.refused(400);
    }
    let add = json!([{ "op": "add", "path": "roles", "value": [{ "value": "nobody" }] }]);
    let refused = client.patch(&path, add).await.refused(400);
    assert!(refused.detail().contains("`nobody`"), "{}", refused.body);
    let add = json!([{ "op": "add", "path": "roles", "value": [{ "value": "auditor" }] }]);
    let patched = client.patch(&path, add).await.expect(200).body;
    assert_eq!(patched["roles"][1], json!({ "value": "auditor", "display": "Auditor" }));
    let version = patched["meta"]["version"].clone();
    let same = with(
        json!([{ "value": "berth-admin", "display": "Berth admin" }, { "value": "auditor" }]),
        patched["entitlements"].clone(),
    );
    let same = client.put(&path, same).await.expect(200).body;
    assert_eq!(same["meta"]["version"], version, "nothing changed");

    // Who has what is no longer declared keeps it, and can still be changed otherwise.
    server.command(&format!("directory role remove {} auditor", directory.id)).await;
    let title = json!([{ "op": "replace", "path": "title", "value": "Lead" }]);
    let patched = client.patch(&path, title).await.expect(200).body;
    assert_eq!(patched["roles"].as_array().unwrap().len(), 2);

    let revoked = client.put(&path, with(json!([]), json!([]))).await.expect(200).body;
    assert_eq!(
        (&revoked["roles"], &revoked["entitlements"]),
        (&Value::Null, &Value::Null),
        "O-117"
    );
    let read = client.get(&path).await.expect(200).body;
    assert_eq!((&read["roles"], &read["entitlements"]), (&Value::Null, &Value::Null));

    let schema = client.get("/Schemas/urn:ietf:params:scim:schemas:core:2.0:User").await.body;
    let roles = schema["attributes"].as_array().unwrap().iter().find(|a| a["name"] == "roles");
    let subs = roles.unwrap()["subAttributes"].as_array().unwrap();
    assert_eq!(subs[0]["canonicalValues"], json!(["berth-admin"]));
    assert_eq!(subs[2]["canonicalValues"], Value::Null, "E-121");
}

/// S-108, E-69: where no role is declared, any is taken, in the shapes that Entra sends.
#[tokio::test]
async fn s_108_without_declared_roles_any_is_taken() {
    let server = TestServer::start().await;
    let directory = server.directory("entra", 0).await;
    let client = server.client(&directory);
    let licenses = json!([{ "type": "License", "id": "pro", "displayName": "Pro" }]);
    load(&server, &directory, "entitlement", &licenses).await;
    let mut body = user("r@northlab.example");
    body["roles"] = json!([{
        "primary": "True", "type": "WindowsAzureActiveDirectoryRole", "value": "reviewer",
    }]);
    let created = client.post("/Users", body).await.expect(201);
    assert_eq!(created.body["roles"][0]["value"], "reviewer");
    let path = format!("/Users/{}", created.id());
    let role = r#"{"id":"9d1c","value":"lead","displayName":"Lead"}"#;
    let add = json!([{ "op": "Add", "path": "roles", "value": [{ "value": role }] }]);
    let patched = client.patch(&path, add).await.expect(200).body;
    assert_eq!(
        (&patched["roles"][1]["value"], &patched["roles"][1]["display"]),
        (&json!("lead"), &json!("Lead"))
    );
    client.get("/Roles").await.refused(404);
}

/// O-118: a list of 3,000 is paged without loss or repetition, its total exact on every page.
#[tokio::test]
async fn o_118_long_lists_are_paged() {
    let server = TestServer::start().await;
    let directory = server.directory("okta", 0).await;
    let client = server.client(&directory);
    let all: Vec<Value> = (0..3000)
        .map(|n| json!({ "type": "License", "id": format!("l{n:04}"), "displayName": format!("License {n}") }))
        .collect();
    assert_eq!(load(&server, &directory, "entitlement", &json!(all)).await["declared"], 3000);
    let mut seen = Vec::new();
    while seen.len() < 3000 {
        let query = format!("/Licenses?startIndex={}&count=100", seen.len() + 1);
        let page = client.get(&query).await.expect(200).body;
        assert_eq!((&page["totalResults"], &page["itemsPerPage"]), (&json!(3000), &json!(100)));
        let page = page["Resources"].as_array().unwrap();
        seen.extend(page.iter().map(|one| one["id"].as_str().unwrap().to_owned()));
    }
    let expected: Vec<_> = (0..3000).map(|n| format!("l{n:04}")).collect();
    assert_eq!(seen, expected);
    let mut body = user("many@harborloop.test");
    body["entitlements"] = json!([{ "value": "l2999" }]);
    let created = client.post("/Users", body).await.expect(201).body;
    assert_eq!(created["entitlements"][0]["display"], "License 2999");
}

/// What cannot be a role or an entitlement is refused in one line.
#[tokio::test]
async fn declarations_are_checked() {
    let (server, directory, _client) = declared().await;
    let id = &directory.id;
    let file = server.data().join("roles.json");
    std::fs::write(&file, json!([{ "id": "a", "displayName": "A" }, { "id": "b" }]).to_string())
        .unwrap();
    for (arguments, status, said) in [
        (format!("directory entitlement add {id} User x --display-name X"), 2, "`User`"),
        (format!("directory entitlement add {id} a.b x --display-name X"), 2, "`a.b`"),
        (format!("directory entitlement add {id} Role x --display-name X"), 2, "directory role"),
        (format!("directory entitlement add {id} license x --display-name X"), 1, "letter case"),
        (
            format!("directory role add {id} x --display-name {}", "X".repeat(300)),
            2,
            "display name",
        ),
        (format!("directory role remove {id} none"), 1, "`none`"),
        (format!("directory entitlement remove {id} License none"), 1, "`none`"),
        (format!("directory role load {id} {}", file.display()), 2, "entry 2: `displayName`"),
        ("directory role list dir-none".to_owned(), 1, "dir-none"),
    ] {
        let output = server.command_output(&arguments).await;
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{arguments}: {error}");
        assert!(error.contains(said) && error.lines().count() == 1, "{arguments}: {error}");
    }
    let listed = server.command(&format!("directory entitlement list {id}")).await;
    assert_eq!(listed.as_array().unwrap().len(), 3);
    let listed = server.command(&format!("directory role list {id}")).await;
    assert_eq!(
        listed[0],
        json!({ "type": "Role", "id": "auditor", "displayName": "Auditor", "description": null })
    );
    let text = server.command_text(&format!("directory role list {id}")).await;
    assert!(text.starts_with("TYPE") && text.contains("Runs-berths"), "{text}");
}

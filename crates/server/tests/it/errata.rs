//! Errata of RFC 7643 and RFC 7644 that change what a server publishes or answers.

use serde_json::{Value, json};

use crate::harness::{ScimClient, TestServer};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE_USER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const RESOURCE_TYPE: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";
const SERVICE_PROVIDER_CONFIG: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";

async fn start() -> (TestServer, ScimClient) {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    (server, client)
}

async fn schemas(client: &ScimClient) -> Vec<Value> {
    let listed = client.get("/Schemas").await.expect(200).body;
    listed["Resources"].as_array().unwrap().clone()
}

/// The published attribute at a path of names.
fn attribute<'s>(schemas: &'s [Value], schema: &str, path: &[&str]) -> &'s Value {
    let found = schemas.iter().find(|found| found["id"] == schema).unwrap();
    let mut at = found;
    for (depth, name) in path.iter().enumerate() {
        let key = if depth == 0 { "attributes" } else { "subAttributes" };
        let inner = at[key].as_array().unwrap_or_else(|| panic!("no {key} before {name}"));
        at = inner
            .iter()
            .find(|attribute| attribute["name"] == **name)
            .unwrap_or_else(|| panic!("no {name} in {schema}"));
    }
    at
}

/// All published attributes and sub-attributes.
fn all(schemas: &[Value]) -> Vec<&Value> {
    let mut found = Vec::new();
    let mut open: Vec<&Value> =
        schemas.iter().flat_map(|s| s["attributes"].as_array().unwrap()).collect();
    while let Some(attribute) = open.pop() {
        found.push(attribute);
        open.extend(attribute["subAttributes"].as_array().into_iter().flatten());
    }
    found
}

/// S-331, S-332, S-333, S-334, S-335: the published schemas follow errata 5606, 5607, 6004, 7522,
/// 8415, 8417, 8435, 8471 and 8472.
#[tokio::test]
async fn s_331_errata_of_the_schemas() {
    let (_server, client) = start().await;
    let schemas = schemas(&client).await;
    let at = |schema, path: &[&str]| attribute(&schemas, schema, path);

    let types = json!([
        "string",
        "boolean",
        "decimal",
        "integer",
        "dateTime",
        "reference",
        "binary",
        "complex"
    ]);
    let names = |value: &Value| {
        let mut names: Vec<String> =
            value.as_array().unwrap().iter().map(|name| name.as_str().unwrap().into()).collect();
        names.sort();
        names
    };
    let mut expected = names(&types);
    assert_eq!(names(&at(SCHEMA, &["attributes", "type"])["canonicalValues"]), expected);
    expected.retain(|name| name != "complex");
    let sub_type = &["attributes", "subAttributes", "type"];
    assert_eq!(names(&at(SCHEMA, sub_type)["canonicalValues"]), expected);
    for path in [&["attributes", "referenceTypes"][..], &["attributes", "canonicalValues"]] {
        assert_eq!(at(SCHEMA, path)["multiValued"], true, "{path:?}");
    }
    assert_eq!(at(RESOURCE_TYPE, &["schemaExtensions"])["multiValued"], true);

    for attribute in all(&schemas) {
        if attribute["type"] == "complex" || attribute["type"] == "boolean" {
            assert!(attribute.get("uniqueness").is_none(), "{attribute}");
            assert!(attribute.get("caseExact").is_none(), "{attribute}");
        }
        if attribute["type"] == "reference" {
            assert_eq!(attribute["caseExact"], true, "{attribute}");
            assert!(!attribute["referenceTypes"].as_array().unwrap().is_empty(), "{attribute}");
        }
        if let Some(subs) = attribute["subAttributes"].as_array()
            && attribute["name"] != "attributes"
        {
            assert!(subs.iter().all(|sub| sub["type"] != "complex"), "{attribute}");
        }
    }
    assert_eq!(at(USER, &["groups", "$ref"])["referenceTypes"], json!(["Group"]));
    assert_eq!(at(ENTERPRISE_USER, &["manager", "value"])["caseExact"], true);
    assert_eq!(at(ENTERPRISE_USER, &["manager", "$ref"])["referenceTypes"], json!(["User"]));
    for id in [SERVICE_PROVIDER_CONFIG, RESOURCE_TYPE, SCHEMA] {
        let one = client.get(&format!("/Schemas/{id}")).await.expect(200).body;
        assert_eq!(one["schemas"], json!([SCHEMA]), "{id}");
        assert_eq!(one["meta"]["resourceType"], "Schema", "{id}");
        assert_eq!(one["meta"]["location"], format!("{}/Schemas/{id}", client.url));
    }
}

/// S-330: a group needs its name (erratum 5368), and says so.
#[tokio::test]
async fn s_330_a_groups_name_is_required() {
    let (_server, client) = start().await;
    assert_eq!(attribute(&schemas(&client).await, GROUP, &["displayName"])["required"], true);
    for body in [
        json!({"schemas": [GROUP]}),
        json!({"schemas": [GROUP], "displayName": ""}),
        json!({"schemas": [GROUP], "displayName": null, "externalId": "7"}),
    ] {
        let refused = client.post("/Groups", body).await.refused(400);
        assert_eq!(refused.body["scimType"], "invalidValue");
        assert!(refused.detail().contains("displayName"), "{}", refused.detail());
    }
    let id = client
        .post("/Groups", json!({"schemas": [GROUP], "displayName": "Crew"}))
        .await
        .expect(201)
        .id();
    let target = format!("/Groups/{id}");
    client.put(&target, json!({"schemas": [GROUP]})).await.refused(400);
    client.patch(&target, json!([{"op": "remove", "path": "displayName"}])).await.refused(400);
    assert_eq!(client.get(&target).await.body["displayName"], "Crew");
}

/// S-336, S-087, S-094: a directory that reads strictly takes countries of two letters and
/// languages with hyphens (errata 5990, 5991, 6007); any other takes what comes, as it comes.
#[tokio::test]
async fn s_336_countries_and_languages() {
    let (server, tolerant) = start().await;
    let strict = strict(&server).await;
    for (at, (attribute, value, fits)) in [
        ("addresses", json!([{"type": "work", "country": "NO"}]), true),
        ("addresses", json!([{"type": "work", "country": "NOR"}]), false),
        ("addresses", json!([{"type": "work", "country": "no"}]), false),
        ("preferredLanguage", json!("en-GB"), true),
        ("preferredLanguage", json!("da, en-GB;q=0.8"), true),
        ("preferredLanguage", json!("en_GB"), false),
        ("locale", json!("nb-NO"), true),
        ("locale", json!("nb_NO"), true),
    ]
    .into_iter()
    .enumerate()
    {
        let mut body = json!({"schemas": [USER], "userName": format!("user-{at}")});
        body[attribute] = value.clone();
        let answered = strict.post("/Users", body.clone()).await;
        if fits {
            assert_eq!(answered.expect(201).body[attribute], value);
        } else {
            let refused = answered.refused(400);
            assert_eq!(refused.body["scimType"], "invalidValue", "{value}");
            assert!(refused.detail().contains(attribute), "{}", refused.detail());
        }
        assert_eq!(tolerant.post("/Users", body).await.expect(201).body[attribute], value);
    }
}

/// A client of a directory that reads strictly.
async fn strict(server: &TestServer) -> ScimClient {
    server.client(&server.strict_directory().await)
}

/// S-338: read as the errata that are not verified say: 6011 `members.display`, 7319 `not` with a
/// space before its parenthesis, 8924 `$ref` in a path, 7122 comparisons in value paths, 5295 a 204
/// without `Location`.
#[tokio::test]
async fn s_338_errata_that_are_followed_though_not_verified() {
    let (_server, client) = start().await;
    let body = json!({
        "schemas": [USER],
        "userName": "ada",
        "displayName": "Ada",
        "emails": [{"type": "work", "value": "ada@example.com"}],
    });
    let ada = client.post("/Users", body).await.expect(201).id();
    let crew = json!({"schemas": [GROUP], "displayName": "Crew", "members": [{"value": ada}]});
    let crew = client.post("/Groups", crew).await.expect(201);
    let member = &crew.body["members"][0];
    assert_eq!(member["display"], "Ada");
    attribute(&schemas(&client).await, GROUP, &["members", "display"]);
    for filter in ["not (userName eq \"bob\")", "not(userName eq \"bob\")"] {
        assert_eq!(client.find_users(filter).await.len(), 1, "{filter}");
    }
    let filter = format!("groups.$ref eq {}", crew.body["meta"]["location"]);
    assert_eq!(client.find_users(&filter).await.len(), 1);
    assert_eq!(client.find_users("emails[type eq \"work\" and value ew \".com\"]").await.len(), 1);
    let operations = json!([{"op": "replace", "path": "displayName", "value": "Crew 2"}]);
    let answered = client.patch(&format!("/Groups/{}", crew.id()), operations).await.expect(204);
    assert_eq!(answered.body, Value::Null);
}

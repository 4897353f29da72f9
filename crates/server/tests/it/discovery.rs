//! What the service says about itself, as clients read it.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{ScimClient, TestServer, answer, http_client, user};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// Entra's default targets and the further ones of its stock list.
const ENTRA_USER_TARGETS: [&str; 53] = [
    "userName",
    "active",
    "displayName",
    "title",
    "emails[type eq \"work\"].value",
    "emails[type eq \"home\"].value",
    "emails[type eq \"other\"].value",
    "preferredLanguage",
    "name.givenName",
    "name.familyName",
    "name.formatted",
    "name.honorificPrefix",
    "name.honorificSuffix",
    "name.middleName",
    "addresses[type eq \"work\"].formatted",
    "addresses[type eq \"work\"].streetAddress",
    "addresses[type eq \"work\"].locality",
    "addresses[type eq \"work\"].region",
    "addresses[type eq \"work\"].postalCode",
    "addresses[type eq \"work\"].country",
    "addresses[type eq \"home\"].formatted",
    "addresses[type eq \"home\"].streetAddress",
    "addresses[type eq \"home\"].locality",
    "addresses[type eq \"home\"].region",
    "addresses[type eq \"home\"].postalCode",
    "addresses[type eq \"home\"].country",
    "addresses[type eq \"other\"].formatted",
    "addresses[type eq \"other\"].streetAddress",
    "addresses[type eq \"other\"].locality",
    "addresses[type eq \"other\"].region",
    "addresses[type eq \"other\"].postalCode",
    "addresses[type eq \"other\"].country",
    "phoneNumbers[type eq \"work\"].value",
    "phoneNumbers[type eq \"mobile\"].value",
    "phoneNumbers[type eq \"fax\"].value",
    "phoneNumbers[type eq \"home\"].value",
    "phoneNumbers[type eq \"other\"].value",
    "phoneNumbers[type eq \"pager\"].value",
    "externalId",
    "nickName",
    "profileUrl",
    "userType",
    "locale",
    "timezone",
    "roles[primary eq \"True\"].value",
    "roles[primary eq \"True\"].display",
    "roles[primary eq \"True\"].type",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:organization",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:division",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
];

/// The names that Entra's suite makes of a schema.
fn flattened(schema: &Value) -> Vec<String> {
    let id = schema["id"].as_str().unwrap();
    let mut names = Vec::new();
    for attribute in schema["attributes"].as_array().unwrap() {
        let name = attribute["name"].as_str().unwrap();
        if !id.starts_with("urn:ietf:params:scim:schemas:core:") {
            names.push(format!("{id}:{name}"));
            continue;
        }
        if attribute["type"] != "complex" || name == "members" {
            names.push(name.to_owned());
            continue;
        }
        let subs = attribute["subAttributes"].as_array().unwrap();
        let types = subs.iter().find(|sub| sub["name"] == "type");
        let types = types.and_then(|sub| sub["canonicalValues"].as_array());
        for sub in subs {
            let part = sub["name"].as_str().unwrap();
            match (attribute["multiValued"] == true, types) {
                (false, _) => names.push(format!("{name}.{part}")),
                (true, Some(types)) => {
                    names.extend(types.iter().map(|kind| {
                        format!("{name}[type eq \"{}\"].{part}", kind.as_str().unwrap())
                    }))
                }
                (true, None) => names.push(format!("{name}[primary eq \"True\"].{part}")),
            }
        }
    }
    names
}

fn listed<'l>(list: &'l Value, id: &str) -> &'l Value {
    let all = list["Resources"].as_array().unwrap();
    all.iter().find(|schema| schema["id"] == id).unwrap_or_else(|| panic!("no {id} in {list}"))
}

fn each(value: &Value, visit: &mut impl FnMut(&Value)) {
    visit(value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| each(item, visit)),
        Value::Object(object) => object.values().for_each(|value| each(value, visit)),
        _ => {}
    }
}

/// E-121, E-122: every target of Entra's stock mapping is in the schemas, as its suite reads them;
/// free text has no canonical values; nothing more is required than a user and a group need.
#[tokio::test]
async fn e_121_entras_suite_finds_every_target() {
    let server = TestServer::start().await;
    let directory = server.directory("entra", 0).await;
    let list = server.client(&directory).get("/Schemas").await.expect(200).body;
    assert_eq!(list["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:ListResponse"]));
    assert_eq!(list["totalResults"], list["Resources"].as_array().unwrap().len());
    let user = listed(&list, "urn:ietf:params:scim:schemas:core:2.0:User");
    let group = listed(&list, "urn:ietf:params:scim:schemas:core:2.0:Group");
    let mut names = flattened(user);
    names.extend(flattened(listed(&list, ENTERPRISE)));
    let has =
        |names: &[String], target: &str| names.iter().any(|name| name.eq_ignore_ascii_case(target));
    for target in ENTRA_USER_TARGETS {
        assert!(has(&names, target), "no {target} in {names:?}");
    }
    let of_group = flattened(group);
    for target in ["displayName", "externalId", "members"] {
        assert!(has(&of_group, target), "no {target} in {of_group:?}");
    }
    each(&list, &mut |value| {
        assert!(!value.is_null(), "no nulls");
        if value["name"] == "title" || value["name"] == "department" {
            assert_eq!(value["canonicalValues"], Value::Null, "E-122: {value}");
        }
    });
    for (schema, required) in [(user, "userName"), (group, "displayName")] {
        for attribute in schema["attributes"].as_array().unwrap() {
            assert_eq!(attribute["required"] == true, attribute["name"] == required, "{attribute}");
            for sub in attribute["subAttributes"].as_array().into_iter().flatten() {
                assert_eq!(sub["required"], false, "{sub}");
            }
        }
    }
}

/// E-122, S-079: a value that is not canonical is taken.
#[tokio::test]
async fn e_122_canonical_values_are_suggestions() {
    let server = TestServer::start().await;
    let client = server.client(&server.directory("entra", 0).await);
    let mut body = user("c@northlab.example");
    body["emails"][0]["type"] = "boat".into();
    let created = client.post("/Users", body).await.expect(201).body;
    assert_eq!(created["emails"][0]["type"], "boat");
}

/// O-113, O-119, S-048, S-113, S-116, S-117, S-118, S-122: resource types as Okta reads them, also where nothing is
/// declared.
#[tokio::test]
async fn o_119_resource_types_and_schemas_agree() {
    let server = TestServer::start().await;
    let client = server.client(&server.directory("okta", 0).await);
    let types = client.get("/ResourceTypes").await.expect(200).body;
    for number in ["totalResults", "startIndex", "itemsPerPage"] {
        assert!(types[number].is_u64(), "{number} in {types}");
    }
    let schemas = client.get("/Schemas").await.expect(200).body;
    let names: Vec<_> = types["Resources"].as_array().unwrap().iter().map(|t| &t["name"]).collect();
    assert_eq!(names, ["User", "Group"]);
    assert_eq!(client.get("").await.expect(200).body, types, "S-122");
    for resource_type in types["Resources"].as_array().unwrap() {
        let name = resource_type["name"].as_str().unwrap();
        assert_eq!(resource_type["id"], name);
        assert_eq!(resource_type["meta"]["resourceType"], "ResourceType");
        assert!(resource_type["endpoint"].as_str().unwrap().starts_with('/'));
        listed(&schemas, resource_type["schema"].as_str().unwrap());
        for extension in resource_type["schemaExtensions"].as_array().unwrap() {
            listed(&schemas, extension["schema"].as_str().unwrap());
        }
        let location = resource_type["meta"]["location"].as_str().unwrap();
        let one = location.strip_prefix(&client.url).unwrap();
        assert_eq!(client.get(one).await.expect(200).body, *resource_type);
    }
    for schema in schemas["Resources"].as_array().unwrap() {
        let id = schema["id"].as_str().unwrap();
        assert!(!id.contains(":api:messages:"), "S-116: {id}");
        for spelling in [id.to_owned(), id.to_uppercase(), id.to_lowercase()] {
            let one = client.get(&format!("/Schemas/{spelling}")).await.expect(200).body;
            assert_eq!(one, *schema, "{spelling}");
        }
    }
    for gone in
        ["/Schemas/urn:x:y:z", "/ResourceTypes/Role", "/Roles", "/Roles/r1", "/Entitlements"]
    {
        client.get(gone).await.refused(404);
    }
}

/// S-114, S-115, S-120: the whole set whatever is asked, no filter, no writing.
#[tokio::test]
async fn s_114_paging_is_disregarded_and_writes_are_refused() {
    let server = TestServer::start().await;
    let client = server.client(&server.directory("generic", 0).await);
    for path in ["/Schemas", "/ResourceTypes"] {
        let all = client.get(path).await.expect(200).body;
        for query in ["count=1", "startIndex=2", "sortBy=id&sortOrder=descending", "attributes=id"]
        {
            assert_eq!(
                client.get(&format!("{path}?{query}")).await.expect(200).body,
                all,
                "{query}"
            );
        }
        client.get(&format!("{path}?filter=id%20pr")).await.refused(403);
    }
    for path in ["/Schemas", "/ResourceTypes", "/ServiceProviderConfig", "/ResourceTypes/User"] {
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let refused = client.try_send(method.clone(), path, &json!({})).await.unwrap();
            let refused = refused.refused(405);
            assert_eq!(refused.header("allow"), "GET, HEAD, OPTIONS", "{method} {path}");
        }
    }
}

/// S-119: without a token, discovery shows what every directory has and nothing of this one;
/// a directory can have that switched off.
#[tokio::test]
async fn s_119_public_discovery() {
    let server = TestServer::start().await;
    let directory = server.directory("okta", 0).await;
    let client = server.client(&directory);
    let role = format!("directory role add {} auditor --display-name Auditor", directory.id);
    server.command(&role).await;
    assert_eq!(client.get("/Schemas").await.body["totalResults"], 7);
    let anonymous = async |client: &ScimClient, path: &str| {
        answer(http_client().get(format!("{}{path}", client.url))).await.unwrap()
    };
    for (path, total) in [("/Schemas", json!(6)), ("/ResourceTypes", json!(2))] {
        let shown = anonymous(&client, path).await.expect(200).body;
        assert_eq!(shown["totalResults"], total, "{shown}");
        assert!(!shown.to_string().contains("auditor"));
    }
    let config = anonymous(&client, "/ServiceProviderConfig").await.expect(200).body;
    assert!(config["authenticationSchemes"].is_array());
    anonymous(&client, "/Roles").await.refused(401);
    anonymous(&client, "/Users").await.refused(401);

    let off = format!("directory update {} --public-discovery off", directory.id);
    assert_eq!(server.command(&off).await["public_discovery"], false);
    for path in ["/Schemas", "/ResourceTypes", "/ServiceProviderConfig"] {
        let refused = anonymous(&client, path).await.refused(401);
        assert!(refused.header("www-authenticate").starts_with("Bearer"), "{path}");
        client.get(path).await.expect(200);
    }
    let other = server.client(&server.directory("okta", 0).await);
    anonymous(&other, "/Schemas").await.expect(200);
    let on = format!("directory update {} --public-discovery on", directory.id);
    server.command(&on).await;
    assert_eq!(anonymous(&client, "/Schemas").await.status, StatusCode::OK);
    server.command_text(&off).await;
}

//! The documents of discovery: that they are whole, true and fit one another (RFC 7644 §4).

use serde_json::{Value, json};

use crate::harness::{ScimClient, TestServer, answer, http_client, patch, user};

const CONFIG: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
const RESOURCE_TYPE: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";
const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

async fn listed(client: &ScimClient, target: &str) -> Vec<Value> {
    client.get(target).await.expect(200).body["Resources"].as_array().unwrap().clone()
}

/// The names in a schema's attribute list, in its form of them.
fn attribute<'s>(attributes: &'s Value, name: &str) -> Option<&'s Value> {
    attributes.as_array()?.iter().find(|attribute| attribute["name"] == name)
}

/// Refuses what a document has and its schema does not, and what the schema requires and the
/// document has not.
fn conforms(document: &Value, attributes: &Value, place: &str) {
    for (name, value) in document.as_object().unwrap() {
        let common = ["schemas", "id", "meta", "externalId"].contains(&name.as_str());
        let Some(declared) = attribute(attributes, name) else {
            assert!(common && place.is_empty(), "`{place}{name}` is not in the schema");
            continue;
        };
        assert_eq!(value.is_array(), declared["multiValued"] == true, "`{place}{name}`");
        let elements = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for element in elements {
            let fits = match declared["type"].as_str().unwrap() {
                "boolean" => element.is_boolean(),
                "integer" => element.is_i64(),
                "complex" => element.is_object(),
                _ => element.is_string(),
            };
            assert!(fits, "`{place}{name}`: {element}");
            if element.is_object() {
                conforms(element, &declared["subAttributes"], &format!("{place}{name}."));
            }
        }
    }
    for declared in attributes.as_array().unwrap() {
        let name = declared["name"].as_str().unwrap();
        let there = declared["required"] != true || document.get(name).is_some();
        assert!(there, "`{place}{name}` is required");
    }
}

/// S-084, S-112, S-117, S-118, S-332, S-335: the documents are what their own schemas say, and name
/// one another rightly.
#[tokio::test]
async fn s_118_documents_fit_their_schemas_and_one_another() {
    let (_server, client) = TestServer::with_client().await;
    let schemas = listed(&client, "/Schemas").await;
    let types = listed(&client, "/ResourceTypes").await;
    let config = client.get("/ServiceProviderConfig").await.expect(200).body;
    let schema = |uri: &str| schemas.iter().find(|schema| schema["id"] == uri).unwrap();

    conforms(&config, &schema(CONFIG)["attributes"], "");
    assert_eq!(config["schemas"], json!([CONFIG]));
    assert_eq!(config["meta"]["resourceType"], "ServiceProviderConfig");
    for one in &schemas {
        // That of schemas describes attributes of attributes of attributes: itself only in part.
        if one["id"] != SCHEMA {
            conforms_schema(one, &schema(SCHEMA)["attributes"]);
        }
        assert_eq!(one["schemas"], json!([SCHEMA]));
        assert_eq!(one["meta"]["resourceType"], "Schema");
        let place = format!("{}/Schemas/{}", client.url, one["id"].as_str().unwrap());
        assert_eq!(one["meta"]["location"], place);
    }
    for one in &types {
        conforms(one, &schema(RESOURCE_TYPE)["attributes"], "");
        assert_eq!(one["schemas"], json!([RESOURCE_TYPE]));
        assert_eq!(one["meta"]["resourceType"], "ResourceType");
        assert_eq!(one["id"], one["name"]);
        let place = format!("{}/ResourceTypes/{}", client.url, one["id"].as_str().unwrap());
        assert_eq!(one["meta"]["location"], place);
        schema(one["schema"].as_str().unwrap());
        for extension in one["schemaExtensions"].as_array().unwrap() {
            schema(extension["schema"].as_str().unwrap());
        }
        // The endpoint answers, with resources of that name.
        client.get(one["endpoint"].as_str().unwrap()).await.expect(200);
    }
    let created = client.post("/Users", user("a@example.com")).await.expect(201).body;
    assert!(types.iter().any(|one| one["name"] == created["meta"]["resourceType"]));
    // S-335: the schemas of the documents are among those listed.
    for uri in [CONFIG, RESOURCE_TYPE, SCHEMA] {
        assert!(schema(uri)["attributes"].as_array().unwrap().len() > 2, "{uri}");
    }
}

/// As [`conforms`]: the schema of schemas describes two levels and attributes have no more.
fn conforms_schema(document: &Value, attributes: &Value) {
    conforms(document, attributes, "");
    for one in document["attributes"].as_array().unwrap() {
        let complex = one["type"] == "complex";
        assert_eq!(one.get("subAttributes").is_some(), complex, "{one}");
        let subs = one["subAttributes"].as_array().map_or(&[][..], Vec::as_slice);
        for sub in subs.iter().chain([one]) {
            let simple = sub["type"] != "complex";
            assert!(simple || sub == one, "a level too deep: {sub}");
            // S-333: no letter case and no uniqueness where there is nothing to compare.
            let text = ["string", "reference", "binary"].contains(&sub["type"].as_str().unwrap());
            assert_eq!(sub.get("caseExact").is_some(), text, "{sub}");
            assert!(simple || sub.get("uniqueness").is_none(), "{sub}");
            for key in ["multiValued", "required"] {
                assert!(sub[key].is_boolean(), "{key} of {sub}");
            }
            for key in ["name", "description", "mutability", "returned"] {
                assert!(sub[key].as_str().is_some_and(|text| !text.is_empty()), "{key} of {sub}");
            }
            assert_eq!(sub.get("referenceTypes").is_some(), sub["type"] == "reference", "{sub}");
        }
    }
}

/// S-113, S-116, S-122: lists in full, and single documents by their name in any letter case.
#[tokio::test]
async fn s_113_lists_and_single_documents() {
    let (_server, client) = TestServer::with_client().await;
    for target in ["/Schemas", "/ResourceTypes"] {
        let all = client.get(target).await.expect(200).body;
        let resources = all["Resources"].as_array().unwrap();
        assert_eq!(all["schemas"], json!([LIST]));
        assert_eq!(all["totalResults"], resources.len());
        assert_eq!(all["itemsPerPage"], resources.len());
        assert_eq!(all["startIndex"], 1);
        for one in resources {
            let id = one["id"].as_str().unwrap();
            assert!(!id.contains(":messages:"), "{id}");
            assert_eq!(client.get(&format!("{target}/{id}")).await.expect(200).body, *one);
        }
    }
    // S-122.
    let types = client.get("/ResourceTypes").await.body;
    assert_eq!(client.get("").await.expect(200).body, types);
    let upper = "/Schemas/URN:IETF:PARAMS:SCIM:SCHEMAS:CORE:2.0:USER";
    let found = client.get(upper).await.expect(200).body;
    assert_eq!(found["id"], "urn:ietf:params:scim:schemas:core:2.0:User");
    for target in ["/Schemas/urn:example:none", "/ResourceTypes/Robot", "/ServiceProviderConfig/1"]
    {
        client.get(target).await.refused(404);
    }
}

/// S-030, S-112, S-119, S-123, S-193, S-206, S-279: what the configuration says is what the server
/// does.
#[tokio::test]
async fn s_112_the_configuration_is_true() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    let config = client.get("/ServiceProviderConfig").await.expect(200).body;
    let supported = |name: &str| config[name]["supported"].as_bool().unwrap();
    let created = client.post("/Users", user("a@example.com")).await.expect(201);
    let one = format!("/Users/{}", created.id());

    assert!(supported("patch"));
    let message = patch(json!([{"op": "replace", "path": "title", "value": "Pilot"}]));
    client.try_send(reqwest::Method::PATCH, &one, &message).await.unwrap().expect(200);
    assert!(supported("filter"));
    assert_eq!(client.find_users("title eq \"Pilot\"").await.len(), 1);
    assert!(supported("sort"));
    client.get("/Users?sortBy=userName").await.expect(200);
    assert!(supported("etag"));
    assert!(client.get(&one).await.header("etag").starts_with("W/"));
    assert!(!supported("changePassword"));
    let bulk = client.post("/Bulk", json!({})).await.status;
    assert_eq!(bulk != 501, supported("bulk"), "{bulk}");
    for number in ["maxOperations", "maxPayloadSize"] {
        assert!(config["bulk"][number].is_u64(), "{number}");
    }

    // Pages end where it says (S-123, S-193).
    let most = config["filter"]["maxResults"].as_u64().unwrap();
    assert_eq!(config["pagination"]["maxPageSize"], most);
    let usual = config["pagination"]["defaultPageSize"].as_u64().unwrap();
    assert!(most >= 200 && usual >= 100, "{most} {usual}");
    assert_eq!(config["pagination"]["index"], true);
    assert_eq!(config["pagination"]["defaultPaginationMethod"], "index");
    let by_cursor = client.get("/Users?cursor").await;
    assert_eq!(by_cursor.status == 200, config["pagination"]["cursor"] == true);

    // Each way to authenticate, as it is called there (S-030).
    let schemes = config["authenticationSchemes"].as_array().unwrap();
    let names: Vec<_> = schemes.iter().map(|scheme| scheme["type"].as_str().unwrap()).collect();
    assert!(names.contains(&"oauthbearertoken") && names.contains(&"httpbasic"), "{names:?}");
    let request = || http_client().get(format!("{}/Users", client.url));
    answer(request().bearer_auth(&directory.token)).await.unwrap().expect(200);
    answer(request().basic_auth("anybody", Some(&directory.token))).await.unwrap().expect(200);
}

use super::*;
use crate::schema::{group_type, user_type};

const BASE: &str = "https://dir.example.com/scim/v2/acme/";

fn types() -> [ResourceType; 2] {
    [user_type(Vec::new()), group_type(Vec::new())]
}

fn service() -> Service {
    Service {
        documentation_uri: Some("https://dir.example.com/docs".into()),
        bulk: Some(Bulk { max_operations: 1000, max_payload_size: 1 << 20 }),
        cursor_timeout: Some(3600),
        authentication_schemes: vec![
            AuthenticationScheme::OAuthBearerToken,
            AuthenticationScheme::HttpBasic,
        ],
    }
}

/// Calls `check` for the value and everything in it.
fn each(value: &Value, check: &mut impl FnMut(&Value)) {
    check(value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| each(item, check)),
        Value::Object(object) => object.values().for_each(|value| each(value, check)),
        _ => {}
    }
}

/// S-084.
#[test]
fn one_line_for_each_attribute() {
    // S-084: the published tables are RFC 7643's with its errata.
    fn lines(attributes: &[Value], prefix: &str, out: &mut Vec<String>) {
        for attribute in attributes {
            let text = |key: &str| attribute.get(key).and_then(Value::as_str).unwrap_or("-");
            let flag = |key: &str, yes: &str| match attribute.get(key) {
                Some(Value::Bool(true)) => format!(" {yes}"),
                _ => String::new(),
            };
            let list = |key: &str, sign: &str| match attribute.get(key) {
                Some(Value::Array(items)) => {
                    let items: Vec<_> = items.iter().filter_map(Value::as_str).collect();
                    format!(" {sign} {}", items.join(","))
                }
                _ => String::new(),
            };
            let name = format!("{prefix}{}", text("name"));
            out.push(format!(
                "{name} {}{}{}{} {} {} {}{}{}",
                text("type"),
                flag("multiValued", "multi"),
                flag("required", "required"),
                flag("caseExact", "exact"),
                text("mutability"),
                text("returned"),
                text("uniqueness"),
                list("canonicalValues", "="),
                list("referenceTypes", ">"),
            ));
            if let Some(Value::Array(subs)) = attribute.get("subAttributes") {
                lines(subs, &format!("{name}."), out);
            }
        }
    }
    let published = schemas(&types(), BASE);
    let mut out = Vec::new();
    for schema in published["Resources"].as_array().unwrap() {
        out.push(format!("\n{}", schema["id"].as_str().unwrap()));
        lines(schema["attributes"].as_array().unwrap(), "", &mut out);
    }
    insta::assert_snapshot!("attributes", out.join("\n"));
}

/// S-066, S-113, S-116, S-117, S-118, S-333, E-121.
#[test]
fn shapes() {
    let types = types();
    let config = Value::Object(service_provider_config(&service(), BASE));
    let all = Value::Object(schemas(&types, BASE));
    let kinds = Value::Object(resource_types(&types, BASE));
    insta::assert_json_snapshot!("service_provider_config", config);
    insta::assert_json_snapshot!("resource_types", kinds);
    insta::assert_json_snapshot!("group_schema", schema(&types, urn::GROUP, BASE).unwrap());

    for document in [&config, &all, &kinds] {
        each(document, &mut |value| {
            assert!(!value.is_null(), "E-121: no null in {document}");
            // S-066, S-333.
            if matches!(value["type"].as_str(), Some("boolean" | "complex")) {
                assert!(value.get("caseExact").is_none() && value.get("uniqueness").is_none());
            }
            if let Some(description) = value.get("description") {
                assert!(!description.as_str().unwrap().is_empty());
            }
        });
    }
    // S-113, S-116: six schemas, no messages.
    assert_eq!((&all["totalResults"], &all["itemsPerPage"]), (&json!(6), &json!(6)));
    let ids: Vec<_> = all["Resources"].as_array().unwrap().iter().map(|s| &s["id"]).collect();
    assert!(!ids.iter().any(|id| id.as_str().unwrap().contains(":messages:")));
    // S-118: every URI that a resource type names is there.
    for rt in kinds["Resources"].as_array().unwrap() {
        let extensions = rt["schemaExtensions"].as_array().unwrap();
        for uri in extensions.iter().map(|e| &e["schema"]).chain([&rt["schema"]]) {
            assert!(ids.contains(&uri), "{uri}");
        }
        assert_eq!(rt["id"], rt["name"]);
    }
    // S-117.
    for resource in all["Resources"].as_array().unwrap() {
        assert_eq!(resource["schemas"], json!([urn::SCHEMA]));
        let location = format!(
            "https://dir.example.com/scim/v2/acme/Schemas/{}",
            resource["id"].as_str().unwrap()
        );
        assert_eq!(resource["meta"], json!({ "resourceType": "Schema", "location": location }));
    }
}

/// E-121, E-123.
#[test]
fn single_objects() {
    let types = types();
    let found = schema(&types, &urn::USER.to_uppercase(), BASE).unwrap();
    assert_eq!(found["id"], urn::USER);
    assert_eq!(schema(&types, "urn:no:such:schema", BASE), None);
    assert_eq!(resource_type(&types, "User", BASE).unwrap()["endpoint"], "/Users");
    assert_eq!(resource_type(&types, "Robot", BASE), None);
    // E-121..E-123.
    let attribute = |name: &str| {
        let attributes = found["attributes"].as_array().unwrap();
        attributes.iter().find(|attribute| attribute["name"] == name).cloned()
    };
    assert!(attribute("externalId").is_some());
    assert_eq!(attribute("password"), None);
    let types_of = |name: &str| {
        let subs = attribute(name).unwrap()["subAttributes"].as_array().cloned().unwrap();
        subs.into_iter().find(|sub| sub["name"] == "type").unwrap().get("canonicalValues").cloned()
    };
    assert_eq!(types_of("emails"), Some(json!(["work", "home", "other"])));
    assert_eq!(types_of("roles"), None);
    assert_eq!(types_of("entitlements"), None);
}

#[test]
fn what_is_not_there_is_left_out() {
    let service =
        Service { documentation_uri: None, authentication_schemes: Vec::new(), ..service() };
    let config = service_provider_config(&service, BASE);
    assert!(!config.contains_key("documentationUri"));
    assert_eq!(config["authenticationSchemes"], json!([]));
}

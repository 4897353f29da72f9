//! Searches by POST, and over all resource types at once.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Directory, ScimClient, TestServer, encoded, group, later, user};

const MESSAGE: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// Three people, of whom two are in the second of two groups.
async fn crew(server: &TestServer) -> (Directory, ScimClient) {
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    let mut ids = Vec::new();
    for (name, display_name) in [("cid", "Cid"), ("ana", "ana"), ("ben", "Ben")] {
        let mut person = user(&format!("{name}@example.com"));
        person["displayName"] = display_name.into();
        person["externalId"] = format!("ext-{name}").into();
        ids.push(client.post("/Users", person).await.expect(201).id());
        later().await;
    }
    client.post("/Groups", group("Bakers")).await.expect(201);
    later().await;
    let mut cooks = group("cooks");
    cooks["externalId"] = "ext-cooks".into();
    cooks["members"] = json!([{ "value": ids[0] }, { "value": ids[1] }]);
    client.post("/Groups", cooks).await.expect(201);
    (directory, client)
}

/// What a list shows, in order, by its display names.
fn shown(list: &Value) -> Vec<&str> {
    let resources = list["Resources"].as_array().unwrap_or_else(|| panic!("no list: {list}"));
    resources.iter().map(|resource| resource["displayName"].as_str().unwrap_or("-")).collect()
}

/// S-210: a search by POST answers what the GET with the same parameters does. S-212: and creates
/// nothing. S-213: parameters in its URL are passed over.
#[tokio::test]
async fn by_post_as_by_get() {
    let server = TestServer::start().await;
    let (_, client) = crew(&server).await;
    for endpoint in ["/Users", "/Groups", ""] {
        for body in [
            json!({}),
            json!({ "filter": "displayName sw \"b\"" }),
            json!({ "filter": "externalId pr and displayName co \"a\"", "count": 1 }),
            json!({ "startIndex": 2, "count": 1 }),
            json!({ "startIndex": 9 }),
            json!({ "count": 0 }),
            json!({ "count": -4 }),
            json!({ "sortBy": "displayName" }),
            json!({ "sortBy": "displayName", "sortOrder": "descending", "startIndex": 2 }),
            json!({ "attributes": ["displayName", "meta.created"] }),
            json!({ "excludedAttributes": ["displayName", "members", "groups"] }),
        ] {
            let mut parameters = Vec::new();
            for (name, value) in body.as_object().unwrap() {
                let value = match value {
                    Value::String(text) => text.clone(),
                    Value::Array(names) => {
                        names.iter().map(|n| n.as_str().unwrap()).collect::<Vec<_>>().join(",")
                    }
                    number => number.to_string(),
                };
                parameters.push(format!("{name}={}", encoded(&value)));
            }
            if endpoint.is_empty() && parameters.is_empty() {
                parameters.push("count=100".into());
            }
            let target = format!("{endpoint}?{}", parameters.join("&"));
            let got = client.get(&target).await.expect(200).body;
            let mut body = body;
            body["schemas"] = json!([MESSAGE]);
            let target = format!("{endpoint}/.search?count=1&startIndex=3&filter=nonsense");
            let posted = client.post(&target, body.clone()).await.expect(200);
            assert_eq!(posted.header("content-type"), "application/scim+json");
            assert_eq!(posted.header("location"), "", "{body}");
            assert_eq!(posted.body, got, "{endpoint} {body}");
        }
    }
    assert_eq!(client.get("?count=0").await.expect(200).body["totalResults"], 5);
}

/// S-211: what is of another type than it should be is refused, and nothing is passed over for it.
#[tokio::test]
async fn wrong_types_are_refused() {
    let server = TestServer::start().await;
    let (_, client) = crew(&server).await;
    for (field, value) in [
        ("attributes", json!([7])),
        ("attributes", json!({ "a": 1 })),
        ("excludedAttributes", json!([true])),
        ("filter", json!(["active eq true"])),
        ("filter", json!(7)),
        ("sortBy", json!(true)),
        ("sortOrder", json!(1)),
        ("startIndex", json!("1")),
        ("startIndex", json!(1.5)),
        ("count", json!("5")),
        ("count", json!(true)),
        ("cursor", json!(5)),
    ] {
        for endpoint in ["/Users", "/Groups", ""] {
            let body = json!({ "schemas": [MESSAGE], field: value });
            let answer = client.post(&format!("{endpoint}/.search"), body).await.refused(400);
            assert_eq!(answer.body["scimType"], "invalidSyntax", "{field} {value}");
            assert!(answer.detail().contains(field), "{}", answer.body);
        }
    }
    let answer = client.post("/.search", json!([MESSAGE])).await.refused(400);
    assert_eq!(answer.body["scimType"], "invalidSyntax");
}

/// S-144, S-174, S-191: over all resource types, a filter and an order go by the attributes of
/// each; what one type lacks matches nothing there and sorts as absent, what none has is refused.
/// Totals and pages are of all together.
#[tokio::test]
async fn over_all_types() {
    let server = TestServer::start().await;
    let (_, client) = crew(&server).await;
    let by_age = ["Cid", "ana", "Ben", "Bakers", "cooks"];
    for (body, total, expected) in [
        (json!({}), 5, &by_age[..]),
        (json!({ "filter": "meta.resourceType eq \"User\"" }), 3, &by_age[..3]),
        (json!({ "filter": "meta.resourceType eq \"Group\"" }), 2, &by_age[3..]),
        (
            json!({ "filter": "schemas eq \"urn:ietf:params:scim:schemas:core:2.0:Group\"" }),
            2,
            &by_age[3..],
        ),
        (json!({ "filter": "userName eq \"ANA@example.com\"" }), 1, &["ana"]),
        (json!({ "filter": "userName sw \"b\" or displayName sw \"b\"" }), 2, &["Ben", "Bakers"]),
        (json!({ "filter": "not (userName pr)" }), 2, &["Bakers", "cooks"]),
        (json!({ "filter": "members pr or groups pr" }), 3, &["Cid", "ana", "cooks"]),
        (json!({ "filter": "userName pr and members pr" }), 0, &[]),
        (json!({ "filter": "emails[type eq \"work\"]" }), 3, &by_age[..3]),
        (json!({ "filter": "externalId eq \"ext-cooks\"" }), 1, &["cooks"]),
        (json!({ "sortBy": "displayName" }), 5, &["ana", "Bakers", "Ben", "Cid", "cooks"]),
        (
            json!({ "sortBy": "displayName", "sortOrder": "descending" }),
            5,
            &["cooks", "Cid", "Ben", "Bakers", "ana"],
        ),
        // Groups have no userName: last, and first when descending.
        (json!({ "sortBy": "userName" }), 5, &["ana", "Ben", "Cid", "Bakers", "cooks"]),
        (
            json!({ "sortBy": "userName", "sortOrder": "descending" }),
            5,
            &["Bakers", "cooks", "Cid", "Ben", "ana"],
        ),
        (
            json!({ "sortBy": "meta.created", "sortOrder": "descending", "count": 2 }),
            5,
            &["cooks", "Bakers"],
        ),
        (json!({ "startIndex": 3, "count": 2 }), 5, &["Ben", "Bakers"]),
        (json!({ "startIndex": 5, "count": 2 }), 5, &["cooks"]),
        (json!({ "startIndex": 6 }), 5, &[]),
        (json!({ "count": 0 }), 5, &[]),
    ] {
        let answer = client.post("/.search", body.clone()).await.expect(200).body;
        assert_eq!(shown(&answer), expected, "{body}");
        assert_eq!(answer["totalResults"], total, "{body}");
        assert_eq!(answer["itemsPerPage"], expected.len(), "{body}");
    }
    for (body, scim_type) in [
        (json!({ "filter": "shoeSize eq 41" }), "invalidFilter"),
        (json!({ "filter": "userName eq \"x\" or shoeSize pr" }), "invalidFilter"),
        (json!({ "filter": "password eq \"x\"" }), "invalidFilter"),
        (json!({ "sortBy": "shoeSize" }), "invalidValue"),
        (json!({ "sortBy": "name" }), "invalidValue"),
        (json!({ "sortBy": "userName", "sortOrder": "up" }), "invalidValue"),
    ] {
        let answer = client.post("/.search", body.clone()).await.refused(400);
        assert_eq!(answer.body["scimType"], scim_type, "{body}");
    }
}

/// Each resource shows what is selected of its own type: an attribute that only the other type has
/// is passed over.
#[tokio::test]
async fn over_all_types_each_shows_its_own() {
    let server = TestServer::start().await;
    let (_, client) = crew(&server).await;
    let body = json!({ "attributes": ["userName", "members"], "sortBy": "displayName" });
    let list = client.post("/.search", body).await.expect(200).body;
    let names: Vec<Vec<&str>> = list["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|resource| resource.as_object().unwrap().keys().map(String::as_str).collect())
        .collect();
    let (person, bakers, cooks) =
        (["id", "schemas", "userName"], ["id", "schemas", "members"], ["id", "schemas", "members"]);
    for (names, expected) in names.iter().zip([person, bakers, person, person, cooks]) {
        assert!(expected.iter().all(|name| names.contains(name)), "{names:?}");
        assert_eq!(names.len(), expected.len(), "{names:?}");
    }
    let whole = client.post("/.search", json!({})).await.expect(200).body;
    for resource in whole["Resources"].as_array().unwrap() {
        let location = resource["meta"]["location"].as_str().unwrap();
        let alone = client.get(location.strip_prefix(&client.url).unwrap()).await.expect(200).body;
        assert_eq!(alone, *resource);
    }
}

/// S-122, S-144: the base URL lists the resource types, and by a list's parameters what is in them.
#[tokio::test]
async fn the_base_url() {
    let server = TestServer::start().await;
    let (_, client) = crew(&server).await;
    for target in ["", "/", "?aadOptscim062020"] {
        let list = client.get(target).await.expect(200).body;
        assert_eq!(list["totalResults"], 2, "{list}");
        assert_eq!(list["Resources"][0]["meta"]["resourceType"], "ResourceType", "{list}");
    }
    for (target, total) in [
        ("?filter=displayName%20pr", 5),
        ("?startIndex=2", 5),
        ("?cursor", 5),
        ("?sortBy=id&aadOptscim062020", 5),
        ("/?count=2", 5),
        ("?filter=userName%20eq%20%22ben@example.com%22", 1),
        ("?filter=meta.location%20ew%20%22/Users/x%22", 0),
    ] {
        let list = client.get(target).await.expect(200).body;
        assert_eq!(list["totalResults"], total, "{target}");
    }
    // A path that was put behind the base URL's query is no filter (S-014 is not for it).
    let lost = "?aadOptscim062020/Users?filter=userName%20eq%20%22x%22&count=2";
    client.get(lost).await.refused(400);
    client.post("", json!({})).await.refused(405);
}

/// S-214: nothing is searched under a resource or in discovery. S-215: the QUERY method is not
/// served, and the refusal says what is.
#[tokio::test]
async fn where_nothing_is_searched() {
    let server = TestServer::start().await;
    let (_, client) = crew(&server).await;
    let list = client.get("/Users").await.expect(200).body;
    let id = list["Resources"][0]["id"].as_str().unwrap();
    for target in [
        &*format!("/Users/{id}/.search"),
        "/Users/.search/.search",
        "/.search/x",
        "/Schemas/.search",
        "/ResourceTypes/.search",
        "/ServiceProviderConfig/.search",
        "/Me/.search",
    ] {
        client.post(target, json!({ "schemas": [MESSAGE] })).await.refused(404);
    }
    let query = Method::from_bytes(b"QUERY").unwrap();
    for (target, allowed) in [
        ("/Users", "GET, HEAD, POST, OPTIONS"),
        ("/Users/.search", "POST, OPTIONS"),
        ("/.search", "POST, OPTIONS"),
        ("", "GET, HEAD, OPTIONS"),
    ] {
        let body = json!({ "schemas": [MESSAGE] });
        let answer = client.try_send(query.clone(), target, &body).await.unwrap().refused(405);
        assert_eq!(answer.header("allow"), allowed, "{target}");
    }
    for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE] {
        for target in ["/Users/.search", "/.search"] {
            let answer = client.try_send(method.clone(), target, &json!({})).await.unwrap();
            assert_eq!(answer.refused(405).header("allow"), "POST, OPTIONS");
        }
    }
}

//! GET, lists and the selection of attributes (RFC 7644 §3.4, §3.9, §3.10).

use percent_encoding::{NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use serde_json::{Value, json};

use crate::harness::{ScimClient, TestServer, group, user};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// A user with something in every kind of attribute, in a group.
async fn whole_user(client: &ScimClient) -> Value {
    let boss = client.post("/Users", user("boss@example.com")).await.expect(201).id();
    let mut body = user("ines@example.com");
    body["emails"] = json!([
        {"value": "ines@example.com", "type": "work", "primary": true},
        {"value": "ines@home.example"},
    ]);
    body[ENTERPRISE] = json!({"department": "Tooling", "manager": {"value": boss}});
    body["urn:example:params:scim:schemas:badges:2.0:User"] = json!({"badge": "7", "floor": 3});
    let id = client.post("/Users", body).await.expect(201).id();
    let mut crew = group("Crew");
    crew["members"] = json!([{"value": id}]);
    client.post("/Groups", crew).await.expect(201);
    client.get(&format!("/Users/{id}")).await.expect(200).body
}

fn encode(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}

/// A body without its version, part of which is of the groups that are shown.
fn unversioned(mut body: Value) -> Value {
    if let Some(meta) = body.get_mut("meta") {
        meta.as_object_mut().unwrap().remove("version");
    }
    body
}

fn select(body: &Value, names: &[&str]) -> Value {
    let members = body.as_object().unwrap().iter();
    members
        .filter(|(name, _)| names.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// S-047, S-135, S-136, S-137, S-138, S-139, S-141, S-142: which attributes an answer has, by GET of
/// one, in a list, by POST of a search, and after PUT and PATCH.
#[tokio::test]
async fn s_136_attributes_asked_for_and_left_out() {
    let (_server, client) = TestServer::with_client().await;
    let whole = whole_user(&client).await;
    let one = format!("/Users/{}", whole["id"].as_str().unwrap());
    let always = |mut body: Value| {
        body["id"] = whole["id"].clone();
        body["schemas"] = whole["schemas"].clone();
        body
    };
    let without = |names: &[&str]| {
        let mut body = whole.clone();
        for name in names {
            body.as_object_mut().unwrap().remove(*name);
        }
        body
    };
    let badges = "urn:example:params:scim:schemas:badges:2.0:User";
    let mut no_type = whole.clone();
    for email in no_type["emails"].as_array_mut().unwrap() {
        email.as_object_mut().unwrap().remove("type");
    }
    let cases = [
        ("attributes", "userName".to_owned(), select(&whole, &["userName"])),
        ("attributes", "USERNAME,Title".into(), select(&whole, &["userName", "title"])),
        ("attributes", " userName , title ".into(), select(&whole, &["userName", "title"])),
        ("attributes", "id".into(), json!({})),
        ("attributes", "nothing,at.all,urn:example:none:a".into(), json!({})),
        ("attributes", "name.givenName".into(), json!({"name": {"givenName": "Ines"}})),
        // S-141: an element that is empty then vanishes.
        ("attributes", "emails.type".into(), json!({"emails": [{"type": "work"}]})),
        (
            "attributes",
            "emails.value".into(),
            json!({"emails": [{"value": "ines@example.com"}, {"value": "ines@home.example"}]}),
        ),
        ("attributes", "groups.display".into(), json!({"groups": [{"display": "Crew"}]})),
        ("attributes", "meta.resourceType".into(), json!({"meta": {"resourceType": "User"}})),
        // S-137.
        ("attributes", format!("{USER}:title"), select(&whole, &["title"])),
        ("attributes", ENTERPRISE.into(), select(&whole, &[ENTERPRISE])),
        (
            "attributes",
            format!("{}:MANAGER.displayName", ENTERPRISE.to_uppercase()),
            json!({ENTERPRISE: {"manager": {"displayName": "Ines Okafor"}}}),
        ),
        ("attributes", format!("{badges}:floor"), json!({badges: {"floor": 3}})),
        ("excludedAttributes", "id,schemas".into(), whole.clone()),
        ("excludedAttributes", "nothing".into(), whole.clone()),
        ("excludedAttributes", "NAME,groups".into(), without(&["name", "groups"])),
        ("excludedAttributes", format!("meta,{ENTERPRISE}"), without(&["meta", ENTERPRISE])),
        ("excludedAttributes", "emails.type".into(), no_type),
    ];
    for (parameter, list, expected) in &cases {
        let expected = unversioned(always(expected.clone()));
        let query = format!("{parameter}={}", encode(list));
        let got = client.get(&format!("{one}?{query}")).await.expect(200);
        assert_eq!(unversioned(got.body.clone()), expected, "{query}");
        // The version is the same; what is beside it is of the groups that are shown.
        assert!(got.header("etag").starts_with("W/\"1-"), "{query}: {}", got.header("etag"));
        let filter = encode("userName eq \"ines@example.com\"");
        let listed = client.get(&format!("/Users?filter={filter}&{query}")).await.expect(200).body;
        let listed_one = unversioned(listed["Resources"][0].clone());
        assert_eq!((&listed["totalResults"], listed_one), (&json!(1), expected.clone()), "{query}");
        let search = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
            "filter": "userName eq \"ines@example.com\"",
            *parameter: list.split(',').collect::<Vec<_>>(),
        });
        let searched = client.post("/Users/.search", search).await.expect(200).body;
        assert_eq!(searched, listed, "{query}");
        let put = client.put(&format!("{one}?{query}"), whole.clone()).await.expect(200).body;
        assert_eq!(unversioned(put), expected, "{query}");
        let nothing = json!([{"op": "replace", "path": "title", "value": "Engineer"}]);
        let patched = client.patch(&format!("{one}?{query}"), nothing).await.expect(200).body;
        assert_eq!(unversioned(patched), expected, "{query}");
    }
    // S-138: one or the other.
    for target in [&one, "/Users", "/Groups"] {
        let both = format!("{target}?attributes=id&excludedAttributes=meta");
        assert_eq!(client.get(&both).await.refused(400).body["scimType"], "invalidValue");
    }
}

/// S-140, S-178, S-233, S-234: a group is answered without its members where they are left out; a
/// PATCH is answered with what was asked for, or with nothing.
#[tokio::test]
async fn s_140_groups_without_their_members() {
    let (_server, client) = TestServer::with_client().await;
    let id = client.post("/Users", user("a@example.com")).await.expect(201).id();
    let mut body = group("Crew");
    body["members"] = json!([{"value": id}]);
    let crew = client.post("/Groups", body).await.expect(201);
    let one = format!("/Groups/{}", crew.id());
    let mut bare = crew.body.clone();
    bare.as_object_mut().unwrap().remove("members");
    let lean = "excludedAttributes=members";
    assert_eq!(client.get(&format!("{one}?{lean}")).await.expect(200).body, bare);
    let filter = "filter=displayName%20eq%20%22crew%22";
    for target in [format!("/Groups?{lean}"), format!("/Groups?{filter}&{lean}")] {
        assert_eq!(client.get(&target).await.expect(200).body["Resources"], json!([bare]));
    }
    // S-178: whether somebody is in a group, without reading who else is.
    for (member, count) in [(&*id, 1), ("nobody", 0)] {
        let crew = crew.id();
        let filter = format!("id%20eq%20%22{crew}%22%20and%20members%20eq%20%22{member}%22");
        let found = client.get(&format!("/Groups?filter={filter}&attributes=id")).await.body;
        assert_eq!(found["totalResults"], count, "{member}");
    }
    // S-234.
    let rename = |name: &str| json!([{"op": "replace", "path": "displayName", "value": name}]);
    let silent = client.patch(&one, rename("Deck")).await.expect(204);
    assert_eq!(silent.body, Value::Null);
    assert_eq!(silent.header("etag"), "W/\"2\"");
    let asked = client.patch(&format!("{one}?attributes=displayName"), rename("Hold")).await;
    let asked = asked.expect(200);
    assert_eq!(asked.body["displayName"], "Hold");
    assert_eq!(asked.body.get("members"), None);
}

/// S-142, S-143, S-176, S-289: a list has all its parts, with numbers as numbers; one that finds
/// nothing is an empty list.
#[tokio::test]
async fn s_142_the_form_of_a_list() {
    let (_server, client) = TestServer::with_client().await;
    let kept = client.post("/Users", user("kept@example.com")).await.expect(201);
    let gone = client.post("/Users", user("gone@example.com")).await.expect(201).id();
    client.delete(&format!("/Users/{gone}")).await.expect(204);
    let empty = json!({
        "schemas": [LIST], "totalResults": 0, "startIndex": 1, "itemsPerPage": 0, "Resources": [],
    });
    let unknown = "01900000-0000-7000-8000-000000000000";
    for filter in [
        format!("id eq \"{unknown}\""),
        format!("userName eq \"{unknown}\""),
        format!("externalId eq \"{unknown}\" and active eq true"),
        format!("groups.value eq \"{unknown}\""),
        // S-176.
        format!("id eq \"{gone}\""),
        "userName eq \"gone@example.com\"".into(),
        "emails.value eq \"gone@example.com\"".into(),
        "externalId eq \"ext-gone@example.com\"".into(),
    ] {
        let found = client.get(&format!("/Users?filter={}", encode(&filter))).await;
        assert_eq!(found.expect(200).body, empty, "{filter}");
    }
    assert_eq!(client.get("/Groups").await.expect(200).body, empty);
    let all = client.get("/Users").await.expect(200).body;
    let expected = json!({
        "schemas": [LIST],
        "totalResults": 1,
        "startIndex": 1,
        "itemsPerPage": 1,
        "Resources": [kept.body],
    });
    assert_eq!(all, expected);
}

/// S-145: a filter on the URL of one resource answers with a list of it, or of nothing.
#[tokio::test]
async fn s_145_a_filter_on_one_resource() {
    let (_server, client) = TestServer::with_client().await;
    let whole = whole_user(&client).await;
    let one = format!("/Users/{}", whole["id"].as_str().unwrap());
    for (filter, matches) in [
        ("userName eq \"INES@example.com\"", true),
        ("groups.display eq \"crew\" and active eq true", true),
        ("meta.resourceType eq \"User\"", true),
        ("userName eq \"boss@example.com\"", false),
        ("not (userName pr)", false),
    ] {
        let target = format!("{one}?attributes=userName&filter={}", encode(filter));
        let found = client.get(&target).await.expect(200).body;
        let part = json!([select(&whole, &["id", "schemas", "userName"])]);
        let resources = if matches { part } else { json!([]) };
        let count = usize::from(matches);
        let expected = json!({
            "schemas": [LIST],
            "totalResults": count,
            "startIndex": 1,
            "itemsPerPage": count,
            "Resources": resources,
        });
        assert_eq!(found, expected, "{filter}");
    }
    let refused = client.get(&format!("{one}?filter=nothing%20pr")).await.refused(400);
    assert_eq!(refused.body["scimType"], "invalidFilter");
    client.get("/Users/unknown?filter=userName%20pr").await.refused(404);
}

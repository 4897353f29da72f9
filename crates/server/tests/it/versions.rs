//! Versions and preconditions (RFC 7644 §3.14), and that what changes nothing writes nothing.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, ScimClient, TestServer, answer, group, later, patch, user};

async fn start() -> (TestServer, ScimClient) {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    (server, client)
}

async fn with_header(
    client: &ScimClient,
    method: &str,
    target: &str,
    (name, value): (&str, &str),
    body: &Value,
) -> Answer {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = client.request(method, target).header(name, value);
    if !body.is_null() {
        request = request.header("content-type", "application/scim+json").body(body.to_string());
    }
    answer(request).await.unwrap()
}

fn retitle(title: &str) -> Value {
    patch(json!([{"op": "replace", "path": "title", "value": title}]))
}

/// Version, `lastModified` and the body's own tag.
async fn version(client: &ScimClient, target: &str) -> (String, String) {
    let got = client.get(target).await.expect(200);
    let meta = &got.body["meta"];
    assert_eq!(got.header("etag"), meta["version"]);
    (got.header("etag").to_owned(), meta["lastModified"].as_str().unwrap().to_owned())
}

/// S-058, S-059, S-124, S-134, S-223, S-278, S-280: every answer with a resource carries its
/// version and place.
#[tokio::test]
async fn s_280_answers_carry_the_version() {
    let (_server, client) = start().await;
    for (endpoint, body) in [("/Users", user("a@example.com")), ("/Groups", group("Crew"))] {
        let created = client.post(endpoint, body.clone()).await.expect(201);
        let target = format!("{endpoint}/{}", created.id());
        let location = format!("{}{target}", client.url);
        assert_eq!(created.header("location"), location);
        assert_eq!(created.header("etag"), "W/\"1\"");
        assert_eq!(created.body["meta"]["location"], location);
        assert_eq!(created.body["meta"]["version"], "W/\"1\"");
        assert_eq!(created.body["meta"]["created"], created.body["meta"]["lastModified"]);
        let mut body = body;
        body["displayName"] = "Crew 2".into();
        let replaced = client.put(&target, body).await.expect(200);
        assert_eq!(replaced.header("etag"), "W/\"2\"");
        assert_eq!(replaced.body["meta"]["version"], "W/\"2\"");
        assert_eq!(replaced.header("content-location"), location);
        let patched = client
            .patch(&target, json!([{"op": "add", "path": "displayName", "value": "C"}]))
            .await;
        assert_eq!(patched.header("etag"), "W/\"3\"");
        let got = client.get(&target).await.expect(200);
        assert_eq!(got.header("content-location"), location);
        // Projections share the version.
        let part = client.get(&format!("{target}?attributes=id")).await.expect(200);
        assert_eq!((got.header("etag"), part.header("etag")), ("W/\"3\"", "W/\"3\""));
        let listed = client.get(endpoint).await.expect(200);
        assert_eq!(listed.body["Resources"][0]["meta"], got.body["meta"]);
    }
}

/// S-235, S-281, S-284, S-317: a write under a condition that does not hold changes nothing.
#[tokio::test]
async fn s_281_if_match() {
    let (_server, client) = start().await;
    let id = client.post("/Users", user("a@example.com")).await.expect(201).id();
    let target = format!("/Users/{id}");
    client.try_send(Method::PATCH, &target, &retitle("Second")).await.unwrap().expect(200);
    // Version 2 is stored.
    for tags in [
        "W/\"1\"",
        "\"1\"",
        "W/\"3\"",
        "\"other\"",
        "W/\"1\", W/\"3\"",
        "W/\"22\"",
        "\"\"",
        "W/\"-2\"",
    ] {
        let before = client.get(&target).await.body;
        let condition = ("if-match", tags);
        for (method, body) in
            [("PUT", user("b@example.com")), ("PATCH", retitle("Refused")), ("DELETE", Value::Null)]
        {
            let refused =
                with_header(&client, method, &target, condition, &body).await.refused(412);
            assert!(refused.detail().contains("W/\"2\""), "{tags}: {}", refused.detail());
        }
        assert_eq!(client.get(&target).await.body, before, "{tags}");
    }
    let mut stored = 2;
    for form in ["W/\"{}\"", "\"{}\"", "\"other\", W/\"{}\"", "W/\"1\",\"{}\"", "*", "{}"] {
        let tags = form.replace("{}", &stored.to_string());
        let body = retitle(&format!("Title {form}"));
        let answered = with_header(&client, "PATCH", &target, ("if-match", &tags), &body).await;
        stored += 1;
        assert_eq!(answered.expect(200).header("etag"), format!("W/\"{stored}\""), "{tags}");
    }
    // What is not there is not there, whatever the condition; nor does one matter to POST (S-284).
    for tags in ["*", "W/\"1\""] {
        with_header(&client, "DELETE", "/Users/none", ("if-match", tags), &Value::Null)
            .await
            .refused(404);
    }
    let body = user("post@example.com");
    with_header(&client, "POST", "/Users", ("if-match", "W/\"7\""), &body).await.expect(201);
    let body = user("post2@example.com");
    with_header(&client, "POST", "/Users", ("if-none-match", "*"), &body).await.expect(201);
    let tags = format!("W/\"{stored}\"");
    with_header(&client, "DELETE", &target, ("if-match", &tags), &Value::Null).await.expect(204);
    client.get(&target).await.refused(404);
}

/// S-121, S-283: a reader that has the version is told so, without a body.
#[tokio::test]
async fn s_283_if_none_match() {
    let (_server, client) = start().await;
    let id = client.post("/Users", user("a@example.com")).await.expect(201).id();
    let target = format!("/Users/{id}");
    client.try_send(Method::PATCH, &target, &retitle("Second")).await.unwrap().expect(200);
    for (tags, status) in [
        ("W/\"2\"", 304),
        ("\"2\"", 304),
        ("W/\"1\", W/\"2\"", 304),
        ("*", 304),
        ("W/\"1\"", 200),
        ("\"other\"", 200),
        ("W/\"22\"", 200),
    ] {
        for method in ["GET", "HEAD"] {
            let condition = ("if-none-match", tags);
            let answered = with_header(&client, method, &target, condition, &Value::Null).await;
            let answered = answered.expect(status);
            assert_eq!(answered.header("etag"), "W/\"2\"", "{tags}");
            assert_eq!(answered.body.is_null(), status == 304 || method == "HEAD", "{tags}");
        }
    }
    let condition = ("if-none-match", "*");
    with_header(&client, "GET", "/Users/none", condition, &Value::Null).await.refused(404);
    for target in ["/Schemas", "/ServiceProviderConfig"] {
        let tag = client.get(target).await.expect(200).header("etag").to_owned();
        let condition = ("if-none-match", &*tag);
        with_header(&client, "GET", target, condition, &Value::Null).await.expect(304);
    }
}

/// S-223 and the flow's third promise: what changes nothing writes nothing. S-058, S-101, S-246,
/// S-263.
#[tokio::test]
async fn s_223_requests_that_change_nothing_keep_the_version() {
    let (server, client) = start().await;
    let mut body = user("a@example.com");
    body["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"] =
        json!({"department": "Tooling", "manager": {"value": "someone"}});
    body["urn:example:params:scim:schemas:custom:2.0:User"] = json!({"badge": {"colour": "red"}});
    body["phoneNumbers"] = json!([{"value": "1", "type": "work"}, {"value": "2"}]);
    let one = client.post("/Users", body).await.expect(201).id();
    let other = client.post("/Users", user("b@example.com")).await.expect(201).id();
    let mut body = group("Crew");
    body["members"] = json!([{"value": one}, {"value": other}]);
    let crew = client.post("/Groups", body).await.expect(201).id();
    let (one, crew) = (format!("/Users/{one}"), format!("/Groups/{crew}"));
    let before = (version(&client, &one).await, version(&client, &crew).await);
    later().await;

    // Their own bodies, read only attributes and all.
    for target in [&one, &crew] {
        let read = client.get(target).await.body;
        assert_eq!(client.put(target, read.clone()).await.expect(200).body, read);
    }
    // In another order, and without what the server adds.
    let mut read = client.get(&crew).await.body;
    read["members"].as_array_mut().unwrap().reverse();
    for member in read["members"].as_array_mut().unwrap() {
        *member = json!({"value": member["value"]});
    }
    client.put(&crew, read).await.expect(200);
    for operations in [
        json!([{"op": "replace", "path": "title", "value": "Engineer"}]),
        json!([{"op": "Replace", "value": {"title": "Engineer", "active": true}}]),
        json!([{"op": "add", "path": "active", "value": true}]),
        json!([{"op": "replace", "path": "active", "value": "True"}]),
        json!([{"op": "replace", "path": "name.givenName", "value": "Ines"}]),
        json!([{"op": "remove", "path": "nickName"}]),
        json!([{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "a@example.com"}]),
        json!([{"op": "add", "path": "phoneNumbers", "value": [{"value": "2"}]}]),
        json!([
            {"op": "replace", "path": "title", "value": "Interim"},
            {"op": "replace", "path": "title", "value": "Engineer"},
        ]),
    ] {
        let answered = client.patch(&one, operations.clone()).await.expect(200);
        assert_eq!(answered.header("etag"), before.0.0, "{operations}");
    }
    for operations in [
        json!([{"op": "add", "path": "members", "value": [{"value": other}]}]),
        json!([{"op": "remove", "path": "members[value eq \"nobody\"]"}]),
        json!([{"op": "replace", "path": "displayName", "value": "Crew"}]),
        json!([
            {"op": "remove", "path": format!("members[value eq \"{other}\"]")},
            {"op": "add", "path": "members", "value": [{"value": other}]},
        ]),
    ] {
        let answered = client.patch(&crew, operations.clone()).await.expect(204);
        assert_eq!(answered.header("etag"), before.1.0, "{operations}");
    }
    // Nor does a refused request.
    client
        .patch(&one, json!([{"op": "replace", "path": "active", "value": "maybe"}]))
        .await
        .refused(400);
    client
        .patch(&crew, json!([{"op": "add", "path": "members", "value": [{"value": "x"}]}]))
        .await
        .refused(400);
    assert_eq!((version(&client, &one).await, version(&client, &crew).await), before);
    drop(server);
}

/// A change moves the version by one and `lastModified` forward, and leaves `created` alone. S-058,
/// S-278, S-289.
#[tokio::test]
async fn changes_move_version_and_last_modified() {
    let (_server, client) = start().await;
    let user_id = client.post("/Users", user("a@example.com")).await.expect(201).id();
    let group_id = client.post("/Groups", group("Crew")).await.expect(201).id();
    let (one, crew) = (format!("/Users/{user_id}"), format!("/Groups/{group_id}"));
    let created = client.get(&crew).await.body["meta"]["created"].clone();
    let mut renamed = group("Crew 2");
    renamed["members"] = json!([{"value": user_id}]);
    let member = format!("members[value eq \"{user_id}\"]");
    let mut stored = 1;
    let (_, mut last) = version(&client, &crew).await;
    for (method, target, body) in [
        (
            "PATCH",
            &crew,
            patch(json!([{"op": "add", "path": "members", "value": [{"value": user_id}]}])),
        ),
        ("PATCH", &crew, patch(json!([{"op": "remove", "path": member}]))),
        ("PUT", &crew, renamed),
        ("PATCH", &crew, patch(json!([{"op": "replace", "path": "displayName", "value": "C"}]))),
        ("PATCH", &crew, patch(json!([{"op": "add", "value": {"externalId": "c"}}]))),
        // The deletion of a member is a change of the group.
        ("DELETE", &one, Value::Null),
    ] {
        later().await;
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answered = client.try_send(method.clone(), target, &body).await.unwrap();
        assert!(answered.status.is_success(), "{method} {body}: {}", answered.body);
        stored += 1;
        let (tag, modified) = version(&client, &crew).await;
        assert_eq!(tag, format!("W/\"{stored}\""), "{method} {body}");
        let time = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
        assert!(time(&modified) > time(&last), "{method} {body}: {modified} after {last}");
        last = modified;
    }
    let body = client.get(&crew).await.body;
    assert_eq!(body["meta"]["created"], created);
    assert_eq!(body["members"], json!([]));
    // A group that the user was not in is left alone.
    let other = client.post("/Groups", group("Other")).await.expect(201).id();
    let second = client.post("/Users", user("b@example.com")).await.expect(201).id();
    client.delete(&format!("/Users/{second}")).await.expect(204);
    assert_eq!(version(&client, &format!("/Groups/{other}")).await.0, "W/\"1\"");
}

/// A user's tag tells of the groups shown with them, and no write is refused for those. S-278.
#[tokio::test]
async fn joining_a_group_changes_the_tag_and_not_the_version() {
    let (_server, client) = start().await;
    let ada = client.post("/Users", user("ada@example.com")).await.expect(201);
    let crew = client.post("/Groups", group("Crew")).await.expect(201);
    let target = format!("/Users/{}", ada.id());
    let before = ada.header("etag").to_owned();
    let member = json!([{"op": "add", "path": "members", "value": [{"value": ada.id()}]}]);
    client.patch(&format!("/Groups/{}", crew.id()), member).await.expect(204);

    let known = ("if-none-match", before.as_str());
    let got = with_header(&client, "GET", &target, known, &Value::Null).await.expect(200);
    assert_eq!(got.body["groups"][0]["value"], crew.id());
    let now = got.header("etag").to_owned();
    assert_ne!(now, before);
    assert_eq!(now, got.body["meta"]["version"]);
    let known = ("if-none-match", now.as_str());
    with_header(&client, "GET", &target, known, &Value::Null).await.expect(304);

    let expected = ("if-match", before.as_str());
    let patched = with_header(&client, "PATCH", &target, expected, &retitle("Pilot")).await;
    assert_ne!(patched.expect(200).header("etag"), now);
    with_header(&client, "PATCH", &target, expected, &retitle("Mate")).await.expect(412);
}

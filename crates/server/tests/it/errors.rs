//! Refusals: the standard's error message from every layer (S-009, S-314), and what a request may
//! look like that is none.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    harness::{Answer, Directory, ScimClient, TestServer, answer, group, http_client, user},
    wire::{Wire, exchange},
};

async fn start() -> (TestServer, Directory, ScimClient) {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    (server, directory, client)
}

async fn send(client: &ScimClient, method: &str, target: &str, body: &[u8]) -> Answer {
    let request = client.request(Method::from_bytes(method.as_bytes()).unwrap(), target);
    let request = request.header("content-type", "application/scim+json").body(body.to_vec());
    answer(request).await.unwrap()
}

/// S-009, S-011, S-012, S-013, S-015, S-113, S-311, S-312, S-314, S-450: URLs that name nothing
/// here.
#[tokio::test]
async fn s_015_urls_that_name_nothing_are_refused_in_the_standards_form() {
    let (server, directory, client) = start().await;
    for (method, path, status, scim_type) in [
        ("GET", "/", 404, None),
        ("GET", "/elsewhere", 404, None),
        ("POST", "/v1/organizations", 404, None),
        ("GET", "/scim", 404, None),
        ("GET", "/scim/v2", 404, None),
        ("GET", "/scim/v2/", 404, None),
        ("GET", "/scim/v1/Users", 400, Some("invalidVers")),
        ("PATCH", "/scim/v3/dir-x/Groups/1", 400, Some("invalidVers")),
        ("GET", "/scim/v2/%zz/Users", 400, Some("invalidSyntax")),
        ("GET", "/scim/v2/%ff%fe/Users", 400, Some("invalidSyntax")),
    ] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let url = format!("{}{path}", server.url);
        let answered = answer(http_client().request(method, url)).await.unwrap().refused(status);
        assert_eq!(answered.body["scimType"].as_str(), scim_type, "{path}");
    }
    for (method, target, status, scim_type) in [
        ("GET", "/Persons", 404, None),
        ("GET", "/users", 404, None),
        ("GET", "/Users/1/manager", 404, None),
        ("DELETE", "/Groups/1/members/2", 404, None),
        ("GET", "/Schemas/urn:example:none", 404, None),
        ("GET", "/ResourceTypes/Robot", 404, None),
        ("POST", "/Bulk", 400, Some("invalidSyntax")),
        ("GET", "/Me", 501, None),
        ("PATCH", "/Me", 501, None),
        ("GET", "/Users?count=1&count=9", 400, Some("invalidValue")),
        ("GET", "/Users?filter=%zz", 400, Some("invalidValue")),
        ("GET", "/Users?filter=%ff", 400, Some("invalidValue")),
        ("GET", "/Users/%zz", 400, Some("invalidSyntax")),
        ("GET", "/v1/Users", 400, Some("invalidVers")),
    ] {
        let answered = send(&client, method, target, b"{}").await.refused(status);
        assert_eq!(answered.body["scimType"].as_str(), scim_type, "{method} {target}");
    }
    // The version may be left out, and comes on either side of the directory (S-012).
    let (without, twice) = (directory.path.replace("/v2", ""), format!("{}/v2", directory.path));
    let with = client.get("/Users").await.expect(200).body;
    for path in [without, twice] {
        let request = http_client().get(format!("{}{path}/Users", server.url));
        let answered = answer(request.bearer_auth(&directory.token)).await.unwrap().expect(200);
        assert_eq!(answered.body, with, "{path}");
    }
}

/// S-009, S-015, S-016, S-120, S-314, S-316: a method that an endpoint does not take; `Allow` says
/// which it does.
#[tokio::test]
async fn s_015_wrong_methods_are_told_the_right_ones() {
    let (_server, _directory, client) = start().await;
    let id = client.post("/Users", user("a@example.com")).await.expect(201).id();
    let one = format!("/Users/{id}");
    const LIST: &str = "GET, HEAD, POST, OPTIONS";
    const ONE: &str = "GET, HEAD, PUT, PATCH, DELETE, OPTIONS";
    const READ: &str = "GET, HEAD, OPTIONS";
    for (method, target, allowed) in [
        ("DELETE", "/Users", LIST),
        ("PUT", "/Groups", LIST),
        ("PATCH", "/Users", LIST),
        ("TRACE", "/Users", LIST),
        ("BREW", "/Users", LIST),
        ("POST", &*one, ONE),
        ("GET", "/Users/.search", "POST, OPTIONS"),
        ("POST", "/Schemas", READ),
        ("DELETE", "/ServiceProviderConfig", READ),
        ("PUT", "/ResourceTypes/User", READ),
        ("POST", "", READ),
    ] {
        let answered = send(&client, method, target, b"{}").await.refused(405);
        assert_eq!(answered.header("allow"), allowed, "{method} {target}");
        let answered = send(&client, "OPTIONS", target, b"").await.expect(204);
        assert_eq!(answered.header("allow"), allowed, "OPTIONS {target}");
        assert_eq!(answered.body, Value::Null);
    }
    client.get(&one).await.expect(200);
}

/// S-003, S-009, S-044, S-051, S-065, S-130, S-316, S-446: bodies that are no JSON object, or one
/// beyond all bounds.
#[tokio::test]
async fn s_446_bodies_that_cannot_be_read() {
    let (_server, _directory, client) = start().await;
    let id = client.post("/Users", user("a@example.com")).await.expect(201).id();
    let before = client.get(&format!("/Users/{id}")).await.body;
    let deep = format!("{{\"userName\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let wide: String = (0..5000).map(|n| format!("\"a{n}\":1,")).collect();
    let wide = format!("{{{wide}\"userName\":\"wide\"}}");
    let long = format!("{{\"userName\":\"{}\"}}", "x".repeat(70_000));
    for (body, scim_type, said) in [
        (&b""[..], "invalidSyntax", "empty"),
        (b"   ", "invalidSyntax", "empty"),
        (b"{", "invalidSyntax", "not valid JSON"),
        (b"not json", "invalidSyntax", "not valid JSON"),
        (b"{\"userName\":\"x\"} {}", "invalidSyntax", "not valid JSON"),
        (b"{'userName':'x'}", "invalidSyntax", "line 1, column 2"),
        (b"[]", "invalidSyntax", "object"),
        (b"null", "invalidSyntax", "object"),
        (b"\"x\"", "invalidSyntax", "object"),
        (b"{\"userName\":\"x\",\"userName\":\"y\"}", "invalidSyntax", "`userName` twice"),
        (b"{\"userName\":\"x\",\"USERNAME\":\"y\"}", "invalidSyntax", "twice"),
        (b"{\"userName\":\"a\\u0000b\"}", "invalidValue", "U+0000 in `userName`"),
        (b"{\"name\":{\"givenName\":\"\\u0000\"}}", "invalidValue", "in `name.givenName`"),
        (b"{\"userName\":\"\xff\xfe\"}", "invalidSyntax", "UTF-8"),
        (b"{\"userName\":\"\xc3\"}", "invalidSyntax", "UTF-8"),
        (b"{\"userName\":\"\\ud800\"}", "invalidSyntax", "not valid JSON"),
        (b"{\"userName\":1e999}", "invalidValue", "number"),
        (deep.as_bytes(), "invalidSyntax", "deeper"),
        (wide.as_bytes(), "invalidSyntax", "names"),
        (long.as_bytes(), "invalidSyntax", "longer"),
    ] {
        let one = format!("/Users/{id}");
        for (method, target) in [
            ("POST", "/Users"),
            ("POST", "/Groups"),
            ("POST", "/Users/.search"),
            ("PUT", &one),
            ("PATCH", &one),
        ] {
            let shown = String::from_utf8_lossy(&body[..body.len().min(60)]);
            let answered = send(&client, method, target, body).await.refused(400);
            assert_eq!(answered.body["scimType"], scim_type, "{method} {target} {shown}");
            assert!(answered.detail().contains(said), "{shown}: {}", answered.detail());
        }
    }
    assert_eq!(client.get(&format!("/Users/{id}")).await.body, before);
    assert_eq!(client.get("/Users").await.body["totalResults"], 1);
}

/// S-006, S-007, S-008, S-009, S-019: how the body is said to be written.
#[tokio::test]
async fn s_007_media_types_and_encodings_of_the_body() {
    let (_server, _directory, client) = start().await;
    let body = user("a@example.com");
    let id = client.post("/Users", body.clone()).await.expect(201).id();
    let one = format!("/Users/{id}");
    let targets = [("POST", "/Users"), ("PUT", &one), ("PATCH", &one), ("POST", "/Users/.search")];
    for (name, value) in [
        ("content-type", "text/xml"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("content-type", "application/json-patch+json"),
        ("content-type", "application/jsonp"),
        ("content-encoding", "gzip"),
        ("content-encoding", "br"),
    ] {
        for (method, target) in targets {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let request = client.request(method.clone(), target).header(name, value);
            let answered = answer(request.body(body.to_string())).await.unwrap().refused(415);
            let accepted = match method == Method::PATCH {
                true => "application/scim+json",
                false => "",
            };
            assert_eq!(answered.header("accept-patch"), accepted, "{method} {value}");
        }
    }
    for value in [
        None,
        Some("application/json"),
        Some("Application/SCIM+json;charset=utf-8"),
        Some("application/json; charset=UTF-8"),
    ] {
        let mut request = client.request(Method::PUT, &one).header("content-encoding", "identity");
        if let Some(value) = value {
            request = request.header("content-type", value);
        }
        answer(request.body(body.to_string())).await.unwrap().expect(200);
    }
}

/// S-009, S-308, S-316: a body beyond the bound is refused, whether its length is said or not, and
/// one at the bound is read.
#[tokio::test]
async fn s_308_oversized_bodies() {
    let server = TestServer::start_with(&["--max-body-bytes", "100000"]).await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    let of_size = |size: usize| {
        let mut body = user("a@example.com").to_string();
        body.extend(std::iter::repeat_n(' ', size - body.len()));
        body
    };
    let id = send(&client, "POST", "/Users", of_size(100_000).as_bytes()).await.expect(201).id();
    for size in [100_001, 3_000_000] {
        for (method, target) in [("POST", "/Users"), ("PUT", &*format!("/Users/{id}"))] {
            let answered =
                send(&client, method, target, of_size(size).as_bytes()).await.refused(413);
            assert!(answered.detail().contains("100000"), "{}", answered.detail());
        }
        let head = format!(
            "POST {}/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
             Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
            directory.path, directory.token
        );
        let mut request = head.into_bytes();
        for chunk in of_size(size).as_bytes().chunks(10_000) {
            request.extend(format!("{:x}\r\n", chunk.len()).as_bytes());
            request.extend(chunk);
            request.extend(b"\r\n");
        }
        request.extend(b"0\r\n\r\n");
        exchange(&server, request).await.refused(413);
    }
    // A length that is a lie does not get past the bound, nor leave anything.
    let lie = format!(
        "POST {}/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Connection: close\r\nContent-Length: 99999999999999\r\n\r\n{{}}",
        directory.path, directory.token
    );
    exchange(&server, lie).await.refused(413);
    assert_eq!(client.get("/Users").await.body["totalResults"], 1);
}

/// S-018: a filter of 8 kB is read; a URL beyond what any client sends is refused by the HTTP
/// layer, and the server goes on.
#[tokio::test]
async fn s_018_long_urls() {
    let (server, directory, client) = start().await;
    client.post("/Users", user("a@example.com")).await.expect(201);
    let mut filter = "userName%20eq%20%22a@example.com%22".to_owned();
    while filter.len() < 7800 {
        filter.push_str("%20or%20userName%20eq%20%22someone.else@example.com%22");
    }
    let target = format!("/Users?filter={filter}");
    assert_eq!(client.get(&target).await.expect(200).body["totalResults"], 1);
    for (length, statuses) in [(70_000, 414..=414), (2_000_000, 414..=431)] {
        let request = format!(
            "GET {}/Users?x={} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            directory.path,
            "x".repeat(length)
        );
        let mut wire = Wire::open(&server).await;
        wire.send(request).await;
        let text = wire.closed_within(Duration::from_secs(5)).await.expect("closed");
        // Where more was sent than is read, the answer may be lost with the connection.
        let status = text.split(' ').nth(1).unwrap_or("414");
        assert!(statuses.contains(&status.parse().unwrap()), "{text}");
    }
    assert_eq!(client.get(&target).await.expect(200).body["totalResults"], 1);
}

/// A filter, path or attribute list that means nothing is refused with its place, never answered as
/// if nothing matched: clients would take an empty list for the truth. S-148, S-154, S-318.
#[tokio::test]
async fn invalid_filters_say_where() {
    let (_server, _directory, client) = start().await;
    for (filter, said) in [
        ("userName eq", "byte 12"),
        ("userName eq \"a\" and", "byte 20"),
        ("(userName eq \"a\"", "expected `)`"),
        ("userName zz \"a\"", "`zz`"),
        ("userNam eq \"a\"", "`userName`"),
        ("emails[type eq \"work\"", "`]`"),
        ("active gt true", "`gt`"),
        ("password eq \"x\"", "`password`"),
        ("'; DROP TABLE resource; --", "byte 1"),
    ] {
        let encoded =
            percent_encoding::utf8_percent_encode(filter, percent_encoding::NON_ALPHANUMERIC);
        let by_get = client.get(&format!("/Users?filter={encoded}")).await.refused(400);
        assert_eq!(by_get.body["scimType"], "invalidFilter", "{filter}");
        assert!(by_get.detail().contains(said), "{filter}: {}", by_get.detail());
        let message = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
            "filter": filter,
        });
        let by_post = client.post("/Users/.search", message).await.refused(400);
        assert_eq!(by_post.body, by_get.body, "{filter}");
    }
}

/// S-134, S-217, S-235, S-288, S-316: an id that is unknown, deleted, malformed or another
/// directory's is the same 404, for every method.
#[tokio::test]
async fn s_134_not_found_is_the_same_whatever_the_reason() {
    let (server, _directory, client) = start().await;
    let other = server.client(&server.directory("generic", 0).await);
    let foreign = other.post("/Users", user("a@example.com")).await.expect(201).id();
    let deleted = client.post("/Users", user("b@example.com")).await.expect(201).id();
    client.delete(&format!("/Users/{deleted}")).await.expect(204);
    let of_a_group = client.post("/Groups", group("Crew")).await.expect(201).id();
    let unknown = "01900000-0000-7000-8000-000000000000";
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "title", "value": "x"}]});
    for (method, body) in [
        (Method::GET, Value::Null),
        (Method::PUT, user("c@example.com")),
        (Method::PATCH, body),
        (Method::DELETE, Value::Null),
    ] {
        let mut texts = Vec::new();
        for id in [unknown, &foreign, &deleted, &of_a_group, "no-id", "1%2F..%2F2", "%00", "%C3%A9"]
        {
            let target = format!("/Users/{id}");
            let answered = client.try_send(method.clone(), &target, &body).await.unwrap();
            let shown = percent_encoding::percent_decode_str(id).decode_utf8().unwrap();
            texts.push(answered.refused(404).detail().replace(&*shown, "…"));
        }
        texts.dedup();
        assert_eq!(texts, ["no User with id `…`"], "{method}");
    }
    other.get(&format!("/Users/{foreign}")).await.expect(200);
}

/// S-004, S-005, S-008, S-016, S-020, S-420: HEAD is GET without a body, and `Accept` decides the
/// content type only.
#[tokio::test]
async fn s_016_head_mirrors_get_and_accept_never_refuses() {
    let (_server, _directory, client) = start().await;
    let id = client.post("/Users", user("a@example.com")).await.expect(201).id();
    for target in [
        "/Users",
        &*format!("/Users/{id}"),
        "/Users/unknown",
        "/Groups?filter=displayName%20zz",
        "/Schemas",
        "/ServiceProviderConfig",
        "",
    ] {
        let got = client.get(target).await;
        let head = client.try_send(Method::HEAD, target, &Value::Null).await.unwrap();
        assert_eq!(head.status, got.status, "{target}");
        assert_eq!(head.body, Value::Null, "{target}");
        for name in ["content-type", "content-length", "etag", "vary", "cache-control"] {
            assert_eq!(head.header(name), got.header(name), "{target} {name}");
        }
        assert_eq!(got.header("cache-control"), "no-store", "{target}");
        assert_eq!(got.header("vary"), "Accept, Authorization", "{target}");
        assert_ne!(head.header("x-request-id"), got.header("x-request-id"), "{target}");
    }
    for (accept, content_type) in [
        ("*/*", "application/scim+json"),
        ("application/*", "application/scim+json"),
        ("application/scim+json", "application/scim+json"),
        ("application/json", "application/json"),
        ("application/json;q=0.9, */*", "application/json"),
        ("application/json, application/scim+json", "application/scim+json"),
        ("text/html", "application/scim+json"),
        ("", "application/scim+json"),
    ] {
        let request = client.request(Method::GET, &format!("/Users/{id}")).header("accept", accept);
        let answered = answer(request).await.unwrap().expect(200);
        assert_eq!(answered.header("content-type"), content_type, "{accept}");
        assert_eq!(answered.id(), id);
    }
}

/// S-419, S-430: a client that sends its request too slowly, or none, does not hold its connection,
/// and what is no HTTP ends it.
#[tokio::test]
async fn s_430_slow_and_broken_clients_are_let_go() {
    let (server, directory, client) = start().await;
    let begun = format!("GET {}/Users HTTP/1.1\r\nHost: x\r\nX-Slow: ", directory.path);
    let mut open = Vec::new();
    for start in ["", "P", "PRI * HTTP/2.0\r\n", &begun] {
        let mut wire = Wire::open(&server).await;
        wire.send(start).await;
        open.push((start, tokio::spawn(wire.closed_within(Duration::from_secs(20)))));
    }
    for garbage in [
        "\x16\x03\x01\x02\x00\x01\x00\x01\u{7c}\x03\x03",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "POST /scim HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST /scim HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    ] {
        let mut wire = Wire::open(&server).await;
        wire.send(garbage).await;
        let said = wire.closed_within(Duration::from_secs(5)).await.expect(garbage);
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 400"), "{garbage}: {said}");
    }
    // The others are served meanwhile.
    client.get("/Users").await.expect(200);
    for (start, closed) in open {
        assert!(closed.await.unwrap().is_some(), "still open after `{start}`");
    }
    client.get("/Users").await.expect(200);
}

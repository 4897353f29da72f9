//! Requests meant to do harm: each is answered in bounded time and memory, refusals in the
//! standard's form.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{
    Answer, ScimClient, TestServer, answer, group, http_client, in_parallel, patch, user,
};
use crate::wire::{Wire, exchange};

const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

async fn send(
    client: &ScimClient,
    method: Method,
    target: &str,
    body: impl Into<Vec<u8>>,
) -> Answer {
    let request = client.request(method, target).header("content-type", "application/scim+json");
    answer(request.body(body.into())).await.unwrap()
}

/// The answer, which is none of the server's failures, and in the standard's form if a refusal.
#[track_caller]
fn held(answered: Answer) -> u16 {
    let status = answered.status.as_u16();
    assert!(status < 500, "{}", answered.body);
    if status >= 400 {
        answered.refused(status);
    }
    status
}

fn operations(count: usize, operation: Value) -> Vec<u8> {
    json!({"schemas": [PATCH_OP], "Operations": vec![operation; count]}).to_string().into()
}

/// Bodies of PATCH and of POST, by what they are, with the status of the answer to a PATCH of a user.
fn bodies() -> Vec<(&'static str, Vec<u8>, u16)> {
    let path = |path: String| operations(1, json!({"op": "replace", "path": path, "value": "x"}));
    let value =
        |value: Value| operations(1, json!({"op": "add", "path": "emails", "value": value}));
    let nested = |depth: usize| {
        let mut value = json!("x");
        for _ in 0..depth {
            value = json!([{ "value": value }]);
        }
        value
    };
    let raw = |text: &str| text.as_bytes().to_vec();
    vec![
        ("objects a thousand deep", raw(&"{\"a\":".repeat(1000)), 400),
        ("arrays without an end", raw(&"[".repeat(900_000)), 400),
        ("within the bounds of JSON, far beyond those of any attribute", value(nested(10)), 400),
        ("a number of ten thousand digits", raw(&format!("{{\"a\":{}}}", "9".repeat(10_000))), 400),
        ("digits behind the point", raw(&format!("{{\"a\":0.{}}}", "1".repeat(100_000))), 400),
        (
            "an exponent",
            raw("{\"Operations\":[{\"op\":\"add\",\"path\":\"title\",\"value\":1e309}]}"),
            400,
        ),
        ("a lone surrogate", raw("{\"userName\":\"\\ud83e\"}"), 400),
        ("surrogates the wrong way round", raw("{\"userName\":\"\\udd80\\ud83e\"}"), 400),
        ("an overlong encoding", b"{\"userName\":\"\xC0\xAF\"}".to_vec(), 400),
        ("an encoded surrogate", b"{\"userName\":\"\xED\xA0\x80\"}".to_vec(), 400),
        ("UTF-16", "{\"userName\":\"a\"}".encode_utf16().flat_map(u16::to_le_bytes).collect(), 400),
        ("a control character", b"{\"userName\":\"a\nb\"}".to_vec(), 400),
        ("U+0000 in a name", raw("{\"\\u0000\":1}"), 400),
        ("a name twice, escaped once", raw("{\"active\":true,\"\\u0061ctive\":false}"), 400),
        ("a path of 60,000 characters", path("a".repeat(60_000)), 400),
        ("a path of dots", path(".".repeat(60_000)), 400),
        ("a path of colons", path(format!("urn:{}", ":".repeat(60_000))), 400),
        ("a path of brackets", path("emails[".repeat(8_000)), 400),
        ("a path of parentheses", path(format!("emails[{}", "(".repeat(50_000))), 400),
        (
            "a value filter of 8,000 terms",
            path(format!("emails[{}a pr]", "a pr or ".repeat(8_000))),
            400,
        ),
        (
            "5,000 operations",
            operations(5_000, json!({"op": "add", "path": "title", "value": "x"})),
            413,
        ),
        (
            "1,000 operations",
            operations(1_000, json!({"op": "add", "path": "title", "value": "x"})),
            200,
        ),
        (
            "1,001 e-mail addresses",
            value((0..1001).map(|n| json!({"value": n.to_string()})).collect()),
            400,
        ),
        (
            "a title of a million characters",
            operations(1, json!({"op": "add", "path": "title", "value": "x".repeat(1_000_000)})),
            400,
        ),
        (
            "attributes nobody declared, without end",
            {
                let many: serde_json::Map<String, Value> = (0..900)
                    .map(|n| (format!("urn:example:x{n}:1.0:User"), json!({"a": "x".repeat(500)})))
                    .collect();
                operations(1, json!({"op": "add", "value": many}))
            },
            400,
        ),
        (
            "the words of another language",
            operations(
                1,
                json!({"op": "add", "value": {"__proto__": {"admin": true}, "constructor": 1}}),
            ),
            200,
        ),
        (
            "elements removed by pattern, again and again",
            operations(
                1_000,
                json!({"op": "remove", "path": "emails[value co \"(a+)+$\" and type sw \".*\"]"}),
            ),
            200,
        ),
    ]
}

/// S-308, S-320, S-446, S-447, S-452: bodies of every kind of malice, to every endpoint that reads one.
#[tokio::test]
async fn s_320_hostile_bodies() {
    let server = TestServer::start().await;
    let client = server.client(&server.directory("generic", 0).await);
    let one = client.post("/Users", user("a@example.com")).await.expect(201).id();
    let crew = client.post("/Groups", group("Crew")).await.expect(201).id();
    for (what, body, status) in bodies() {
        println!("{what}");
        let to_user = format!("/Users/{one}");
        let patched = send(&client, Method::PATCH, &to_user, body.clone()).await;
        assert_eq!(held(patched), status, "{what}");
        for (method, target) in [
            (Method::PATCH, &*format!("/Groups/{crew}")),
            (Method::PUT, &to_user),
            (Method::POST, "/Users"),
            (Method::POST, "/Groups"),
            (Method::POST, "/Users/.search"),
            (Method::POST, "/.search"),
            (Method::POST, "/Bulk"),
        ] {
            let answered = send(&client, method.clone(), target, body.clone()).await;
            // An endpoint that is not served says so.
            if answered.status != 501 {
                held(answered);
            }
        }
    }
    client.get(&format!("/Users/{one}")).await.expect(200);
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

/// U+0000, which no store has to be able to keep, is refused or finds nothing wherever it comes.
#[tokio::test]
async fn the_character_that_cannot_be_kept() {
    let server = TestServer::start().await;
    let client = server.client(&server.directory("generic", 0).await);
    let one = client.post("/Users", user("a@example.com")).await.expect(201).id();
    let crew = client.post("/Groups", group("Crew")).await.expect(201).id();
    let filter = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    for (target, status) in [
        (format!("/Users/{one}%00"), 404),
        ("/Groups/%00".to_owned(), 404),
        ("/%00".to_owned(), 404),
        ("/Schemas/%00".to_owned(), 404),
        ("/ResourceTypes/%00".to_owned(), 404),
        (format!("/Users?filter={}", filter("userName eq \"a\0\"")), 400),
        (format!("/Users?filter={}", filter("userName sw 'a\0'")), 400),
        (format!("/Users?filter={}", filter("id eq a\0")), 400),
        (format!("/Users/{one}?filter={}", filter("userName eq \"\\u0000\"")), 400),
        ("/Users?sortBy=userName%00".to_owned(), 400),
        ("/Users?cursor=%00".to_owned(), 400),
        ("/Users?count=1%00".to_owned(), 400),
        ("/Users?anything=%00".to_owned(), 200),
        ("/Users?attributes=userName%00".to_owned(), 200),
    ] {
        let answered = client.get(&target).await;
        assert!([status, 400].contains(&answered.status.as_u16()), "{target}: {answered:?}");
    }
    let nul = "\0";
    for (method, target, body) in [
        (Method::POST, "/Users".to_owned(), json!({"userName": nul})),
        (Method::POST, "/Groups".to_owned(), json!({"displayName": "Crew 2", "externalId": nul})),
        (Method::POST, "/Users/.search".to_owned(), json!({"filter": nul})),
        (
            Method::PUT,
            format!("/Users/{one}"),
            json!({"userName": "a", "emails": [{"value": nul}]}),
        ),
        (
            Method::PATCH,
            format!("/Groups/{crew}"),
            patch(json!([
                {"op": "add", "path": "members", "value": [{"value": nul}, {"value": one}]}
            ])),
        ),
        (
            Method::PATCH,
            format!("/Groups/{crew}"),
            patch(json!([
                {"op": "remove", "path": "members[value eq \"\0\"]"}
            ])),
        ),
        (
            Method::POST,
            "/Bulk".to_owned(),
            json!({"Operations": [
                {"method": "DELETE", "path": format!("/Users/{nul}")}
            ]}),
        ),
    ] {
        let answered = send(&client, method, &target, body.to_string().into_bytes()).await;
        assert_eq!(held(answered), 400, "{target} {body}");
    }
    // Percent-encoding is read in a path, not in a body.
    let bulk = json!({"Operations": [{"method": "DELETE", "path": format!("/Users/{one}%00")}]});
    let answered = client.post("/Bulk", bulk).await.expect(200);
    assert_eq!(answered.body["Operations"][0]["status"], "404", "{answered:?}");
    client.get(&format!("/Users/{one}")).await.expect(200);
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

/// S-161, S-162, S-447: filters that are long, deep, or look like something else are answered, and
/// what is text in them stays text.
#[tokio::test]
async fn s_161_hostile_filters() {
    let server = TestServer::start().await;
    let client = server.client(&server.directory("generic", 0).await);
    for name in ["a+b@example.com", "percent%@example.com", "under_score@example.com"] {
        client.post("/Users", user(name)).await.expect(201);
    }
    let terms = |count: usize| vec!["title pr"; count].join(" or ");
    for (filter, expected) in [
        ("userName co \"%\"".to_owned(), Ok(1)),
        ("userName co \"_\"".to_owned(), Ok(1)),
        ("userName co \"(a+)+$\"".to_owned(), Ok(0)),
        ("userName sw \".*\"".to_owned(), Ok(0)),
        ("userName co \"+\"".to_owned(), Ok(1)),
        ("userName eq \"' OR 1=1 --\"".to_owned(), Ok(0)),
        ("userName eq \"\\\"; DROP TABLE resource; --\"".to_owned(), Ok(0)),
        (format!("userName co \"{}\"", "a".repeat(7_000)), Ok(0)),
        (format!("userName sw \"{}\"", "\u{10FFFF}".repeat(1_000)), Ok(0)),
        (format!("{}title pr{}", "(".repeat(32), ")".repeat(32)), Ok(3)),
        (terms(200), Ok(3)),
        (format!("{}title pr{}", "(".repeat(33), ")".repeat(33)), Err("deeper")),
        (terms(201), Err("more than")),
        (terms(5_000), Err("longer")),
        ("(".repeat(8_000), Err("deeper")),
        ("not ".repeat(2_000), Err("parentheses")),
        (format!("userName eq \"{}", "\\".repeat(8_000)), Err("quote")),
        ("title pr ".repeat(900), Err("expected")),
        (format!("{} pr", "a".repeat(7_000)), Err("longer")),
        (format!("urn:{} pr", "a:".repeat(400)), Err("missing")),
        ("userName eq \"\\ud800\"".to_owned(), Err("escape")),
        ("userName eq \"a\\u0000b\"".to_owned(), Err("escape")),
        ("userName eq \u{202e}\"a\"".to_owned(), Err("expected")),
        ("ｕｓｅｒＮａｍｅ eq \"a\"".to_owned(), Err("attribute name")),
    ] {
        let shown: String = filter.chars().take(60).collect();
        let body = json!({"filter": filter});
        let mut answered = vec![client.post("/Users/.search", body).await];
        // What does not fit into a URL comes in a body only.
        if filter.len() < 8_000 {
            let encoded = utf8_percent_encode(&filter, NON_ALPHANUMERIC);
            answered.push(client.get(&format!("/Users?filter={encoded}")).await);
        }
        for answered in answered {
            match expected {
                Ok(count) => {
                    assert_eq!(answered.expect(200).body["totalResults"], count, "{shown}");
                }
                Err(said) => {
                    let answered = answered.refused(400);
                    assert_eq!(answered.body["scimType"], "invalidFilter", "{shown}");
                    assert!(answered.detail().contains(said), "{shown}: {}", answered.detail());
                }
            }
        }
    }
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

/// S-009, S-015, S-320: request lines and heads that no client sends. What is HTTP is answered in the
/// standard's form; what is not, by the HTTP layer, which closes the connection; and then the next
/// client is served.
#[tokio::test]
async fn s_320_hostile_heads() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let path = &directory.path;
    let authorization = format!("Authorization: Bearer {}", directory.token);
    for target in [
        "/".repeat(8_000),
        format!("{path}/Users/{}", "../".repeat(1_000)),
        format!("{path}/Users/%2e%2e%2f%2e%2e%2fetc%2fpasswd"),
        format!("{path}/Users/%00"),
        format!("{path}/Users/{}", "a".repeat(8_000)),
        format!("{path}/Users?{}", "a&".repeat(4_000)),
        format!("{path}/Users?{}", "filter=x&".repeat(800)),
        format!("{path}/Users?attributes={}", "userName,".repeat(900)),
        format!("{path}/Users?attributes={}", "a.".repeat(4_000)),
        format!("{path}/Users?sortBy={}", "urn:".repeat(2_000)),
        format!("{path}/Users?startIndex=99999999999999999999&count=-99999999999999999999"),
        format!("{path}/Users?cursor={}", "A".repeat(8_000)),
        format!("{path}/Users?filter=%FF%FE"),
        format!("{path}/Users/%C0%AF"),
        "http://elsewhere.example/scim/v2/x/Users".to_owned(),
        "*".to_owned(),
    ] {
        for method in ["GET", "OPTIONS", "DELETE", "TRACE", "PROPFIND"] {
            let request = format!(
                "{method} {target} HTTP/1.1\r\nHost: x\r\n{authorization}\r\nConnection: close\r\n\r\n"
            );
            let answered = exchange(&server, request).await;
            let status = answered.status.as_u16();
            let shown: String = target.chars().take(80).collect();
            assert!(status < 500 || status == 501, "{method} {shown}: {}", answered.body);
            if status >= 400 {
                answered.refused(status);
            }
        }
    }
    for bytes in [
        b"GET\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"GET /scim/v2/\x00 HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n".to_vec(),
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzz"
            .to_vec(),
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"
            .to_vec(),
        [b"GET / HTTP/1.1\r\n".to_vec(), b"X: y\r\n".repeat(10_000)].concat(),
        [b"GET / HTTP/1.1\r\nX: ".to_vec(), vec![b'y'; 2_000_000]].concat(),
        vec![b'\n'; 500_000],
    ] {
        let mut wire = Wire::open(&server).await;
        wire.send(bytes).await;
        // Closed, or waiting for the rest of it until its time is over: dropped here.
        drop(wire);
    }
    server.client(&directory).get("/Users").await.expect(200);
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

/// S-320, S-430, S-448: whatever is sent, and however much of it at once, the server's memory stays
/// bounded, and sent again it takes no more.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_430_memory_stays_bounded() {
    const AT_ONCE: usize = 32;
    /// Many times what it takes, and a fraction of what one of these inputs could be made to take.
    const BOUND: u64 = 512 << 20;
    const GROWTH: u64 = 64 << 20;
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    let one = client.post("/Users", user("a@example.com")).await.expect(201).id();
    let long = "x".repeat(900_000);
    let requests: Vec<(Method, String, Vec<u8>)> = bodies()
        .into_iter()
        .map(|(_, body, _)| (Method::PATCH, format!("/Users/{one}"), body))
        .chain([
            (Method::POST, "/Users".into(), format!("[{}1]", "1,".repeat(400_000)).into()),
            (Method::POST, "/Users".into(), json!({"userName": [&long]}).to_string().into()),
            (Method::POST, "/Users".into(), format!("[{}", "{\"a\":[".repeat(150_000)).into()),
            (
                Method::PATCH,
                format!("/Users/{one}"),
                patch(json!([{"op": "add", "path": "emails", "value": long}])).to_string().into(),
            ),
            (
                Method::POST,
                "/Users/.search".into(),
                json!({"attributes": vec!["a.b"; 100_000]}).to_string().into(),
            ),
        ])
        .collect();
    let requests = std::sync::Arc::new(requests);
    let storm = async || {
        let (client, requests) = (client.clone(), std::sync::Arc::clone(&requests));
        in_parallel(requests.len() * 3, AT_ONCE, move |number| {
            let (client, requests) = (client.clone(), std::sync::Arc::clone(&requests));
            async move {
                let (method, target, body) = &requests[number % requests.len()];
                held(send(&client, method.clone(), target, body.clone()).await);
            }
        })
        .await;
    };
    // What the allocator keeps comes and goes by as much as GROWTH; what is lost only grows, by a
    // good part of the gigabyte that a storm sends.
    let mut taken = Vec::new();
    for _ in 0..4 {
        storm().await;
        taken.push(server.memory().0);
    }
    let before = taken[0].max(taken[1]);
    let after = taken[2].min(taken[3]);
    assert!(after < before + GROWTH, "{} MiB, then {} MiB", before >> 20, after >> 20);
    let (_, most) = server.memory();
    assert!(most < BOUND, "{} MiB at the most", most >> 20);
    let live = http_client().get(format!("{}/livez", server.url)).send().await.unwrap();
    assert_eq!(live.status(), 200);
    client.get(&format!("/Users/{one}")).await.expect(200);
}

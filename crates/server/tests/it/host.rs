//! Organizations' own host names, and where the URLs in answers come from (S-010).

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    harness::{Answer, Directory, TestServer, answer, group, http_client, user},
    wire::exchange,
};

/// A request for a path, with the directory's token and further headers.
async fn send(
    server: &TestServer,
    directory: &Directory,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &Value,
) -> Answer {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = http_client()
        .request(method, format!("{}{path}", server.url))
        .bearer_auth(&directory.token);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if !body.is_null() {
        request = request.header("content-type", "application/scim+json").body(body.to_string());
    }
    answer(request).await.unwrap()
}

/// Every URL in a JSON value.
fn urls(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text.starts_with("http") => found.push(text.clone()),
        Value::Array(elements) => elements.iter().for_each(|element| urls(element, found)),
        Value::Object(members) => members.values().for_each(|member| urls(member, found)),
        _ => {}
    }
}

const ACME: &[(&str, &str)] = &[("host", "acme.scim.example.com")];

#[tokio::test]
async fn an_organizations_host_names_its_directory() {
    let server = TestServer::start_with(&["--base-domain", "scim.example.com"]).await;
    let entra = server.directory_of("acme", "entra", 0).await;
    let okta = server.directory_of("acme", "okta", 0).await;
    let other = server.directory_of("globex", "entra", 0).await;
    let base = "http://acme.scim.example.com/scim/v2";

    let boss =
        send(&server, &entra, "POST", "/scim/v2/Users", ACME, &user("boss@example.com")).await;
    let boss = boss.expect(201).id();
    let mut body = user("a@example.com");
    body["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"] =
        json!({"manager": {"value": boss}});
    let created = send(&server, &entra, "POST", "/scim/v2/Users", ACME, &body).await.expect(201);
    let one = format!("{base}/Users/{}", created.id());
    assert_eq!(
        (created.header("location"), &created.body["meta"]["location"]),
        (&*one, &json!(one))
    );
    let mut body = group("Crew");
    body["members"] = json!([{"value": created.id()}]);
    let crew = send(&server, &entra, "POST", "/scim/v2/Groups", ACME, &body).await.expect(201);
    assert_eq!(crew.body["members"][0]["$ref"], one);
    for path in ["/Users", "/Groups", "/Schemas", "/ResourceTypes", "/ServiceProviderConfig"] {
        let path = format!("/scim/v2{path}");
        let listed = send(&server, &entra, "GET", &path, ACME, &Value::Null).await.expect(200);
        let mut found = Vec::new();
        urls(&listed.body, &mut found);
        found.retain(|url| url.contains("/scim/"));
        assert!(!found.is_empty(), "{path}");
        for url in found {
            assert!(url.starts_with(&format!("{base}/")), "{path}: {url}");
        }
    }
    // The same resource by the directory's own URL, in any spelling of the host.
    let path = format!("{}/Users/{}", entra.path, created.id());
    let by_path = send(&server, &entra, "GET", &path, &[], &Value::Null).await.expect(200);
    assert_eq!(by_path.body["userName"], "a@example.com");
    assert!(by_path.header("content-location").starts_with(&server.url));
    for host in ["ACME.scim.example.com", "acme.SCIM.Example.com", "acme.scim.example.com:443"] {
        for path in ["/scim/v2/Users", "/scim/Users/", "//scim//v2/Users"] {
            let headers = &[("host", host)];
            let listed =
                send(&server, &entra, "GET", path, headers, &Value::Null).await.expect(200);
            assert_eq!(listed.body["Resources"][1]["meta"]["location"], one, "{host}{path}");
        }
    }
    // The token says which of the organization's directories it is.
    let of_okta = send(&server, &okta, "GET", "/scim/v2/Users", ACME, &Value::Null).await;
    assert_eq!(of_okta.expect(200).body["totalResults"], 0);
    send(&server, &okta, "GET", &format!("/scim/v2/Users/{}", created.id()), ACME, &Value::Null)
        .await
        .refused(404);
    // A host opens nothing to a token of another organization, and tells nothing.
    let mut bodies = Vec::new();
    for host in ["acme.scim.example.com", "none.scim.example.com", "initech.scim.example.com"] {
        for path in ["/scim/v2/Users".to_owned(), format!("/scim/v2/Users/{}", created.id())] {
            let headers = &[("host", host)];
            let refused = send(&server, &other, "GET", &path, headers, &Value::Null).await;
            bodies.push(refused.refused(401).body);
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    // On an organization's host there are no directories in the path.
    send(&server, &entra, "GET", &format!("{}/Users", entra.path), ACME, &Value::Null)
        .await
        .refused(404);
    // Hosts that only look like one name nothing.
    for host in [
        "scim.example.com",
        ".scim.example.com",
        "acme.scim.example.com.evil.test",
        "acmescim.example.com",
        "x.acme.scim.example.com",
        "acme.scim.example.com@evil.test",
    ] {
        let headers = &[("host", host)];
        let refused = send(&server, &entra, "GET", "/scim/v2/Users", headers, &Value::Null).await;
        assert!([400, 401].contains(&refused.status.as_u16()), "{host}: {}", refused.body);
    }
    // Once the organization is gone, so is its host.
    server.command_text("organization delete acme").await;
    send(&server, &entra, "GET", "/scim/v2/Users", ACME, &Value::Null).await.refused(401);
}

/// S-431: over HTTP/2, where the host is no header; refusals have the same form there.
#[tokio::test]
async fn s_431_http_2() {
    let options = ["--base-domain", "scim.example.com", "--max-body-bytes", "70000"];
    let server = TestServer::start_with(&options).await;
    let directory = server.directory("generic", 0).await;
    let address: std::net::SocketAddr = server.url[7..].parse().unwrap();
    let http = reqwest::Client::builder()
        .no_proxy()
        .http2_prior_knowledge()
        .resolve("acme.scim.example.com", address)
        .build()
        .unwrap();
    let base = format!("http://acme.scim.example.com:{}/scim/v2", address.port());
    let send = async |method: Method, url: String, body: String| {
        let request = http.request(method, url).bearer_auth(&directory.token);
        answer(request.header("content-type", "application/scim+json").body(body)).await.unwrap()
    };
    let body = user("a@example.com").to_string();
    let created = send(Method::POST, format!("{base}/Users"), body.clone()).await.expect(201);
    let one = format!("http://acme.scim.example.com/scim/v2/Users/{}", created.id());
    assert_eq!(created.header("location"), one);
    let by_path = format!("{}{}/Users", server.url, directory.path);
    let listed = send(Method::GET, by_path, String::new()).await.expect(200);
    assert_eq!(listed.body["totalResults"], 1);
    for (method, target, body, status) in [
        (Method::POST, "/Users", body, 409),
        (Method::POST, "/Users", "x".repeat(1_000_000), 413),
        (Method::POST, "/Users", "{".into(), 400),
        (Method::PUT, "/Users", String::new(), 405),
        (Method::GET, "/Users/none", String::new(), 404),
        (Method::GET, "/v1/Users", String::new(), 400),
        (Method::POST, "/Bulk", String::new(), 400),
    ] {
        send(method, format!("{base}{target}"), body).await.refused(status);
    }
    let anonymous = answer(http.get(format!("{base}/Users"))).await.unwrap().refused(401);
    assert_eq!(anonymous.header("www-authenticate"), "Bearer realm=\"headcount\"");
}

/// S-010: no header of a request changes a URL in its answer.
#[tokio::test]
async fn s_010_a_spoofed_host_changes_no_url() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    let id = client.post("/Users", user("a@example.com")).await.expect(201).id();
    let mut body = group("Crew");
    body["members"] = json!([{"value": id}]);
    client.post("/Groups", body).await.expect(201);
    let spoofed: &[&[(&str, &str)]] = &[
        &[("host", "evil.test")],
        &[("host", "acme.scim.example.com")],
        &[("x-forwarded-host", "evil.test"), ("x-forwarded-proto", "gopher")],
        &[("forwarded", "host=evil.test;proto=https"), ("x-forwarded-prefix", "/evil")],
        &[
            ("x-original-url", "/evil"),
            ("x-rewrite-url", "/evil"),
            ("x-http-method-override", "DELETE"),
        ],
    ];
    for target in ["/Users", "/Groups", &format!("/Users/{id}"), "/Schemas", "/ResourceTypes"] {
        let honest = client.get(target).await.expect(200);
        let path = format!("{}{target}", directory.path);
        for headers in spoofed {
            let answered = send(&server, &directory, "GET", &path, headers, &Value::Null).await;
            assert_eq!(answered.body, honest.body, "{target} {headers:?}");
            for name in ["location", "content-location", "etag"] {
                assert_eq!(answered.header(name), honest.header(name), "{target} {headers:?}");
            }
        }
        let absolute = format!(
            "GET http://evil.test{path} HTTP/1.1\r\nHost: evil.test\r\n\
             Authorization: Bearer {}\r\nConnection: close\r\n\r\n",
            directory.token
        );
        let answered = exchange(&server, absolute).await.expect(200);
        assert_eq!(answered.header("content-location"), honest.header("content-location"));
    }
    for headers in spoofed {
        let path = format!("{}/Users", directory.path);
        let body = user(&format!("{}@example.com", headers[0].1.len()));
        let created = send(&server, &directory, "POST", &path, headers, &body).await.expect(201);
        assert_eq!(created.header("location"), format!("{}/Users/{}", client.url, created.id()));
        client.delete(&format!("/Users/{}", created.id())).await.expect(204);
    }
}

/// A public URL with a path, as behind a proxy: its prefix may arrive or be cut off on the way, and
/// stands in every URL of an answer.
#[tokio::test]
async fn a_public_url_with_a_path() {
    let public = "https://example.com/directory/sync";
    let server = TestServer::start_with(&["--public-url", &format!("{public}/")]).await;
    // What the command line prints holds the prefix.
    let directory = server.directory("generic", 0).await;
    let below = directory.path.strip_prefix("/directory/sync").unwrap();
    let base = format!("{public}{below}");
    for (number, prefix) in ["/directory/sync", "", "/directory/sync/"].iter().enumerate() {
        let path = format!("{prefix}{below}/Users");
        let body = user(&format!("{number}@example.com"));
        let created = send(&server, &directory, "POST", &path, &[], &body).await.expect(201);
        let one = format!("{base}/Users/{}", created.id());
        assert_eq!(created.header("location"), one);
        assert_eq!(created.body["meta"]["location"], one);
        let path = format!("{path}/{}", created.id());
        let got = send(&server, &directory, "GET", &path, &[], &Value::Null).await.expect(200);
        assert_eq!(got.body["meta"]["location"], one);
    }
    let others = ["/directory", "/directory/synchron", "/sync", "/directory/sync/directory/sync"];
    for prefix in others {
        let path = format!("{prefix}{below}/Users");
        send(&server, &directory, "GET", &path, &[], &Value::Null).await.refused(404);
    }
    let listed = server.command("directory list").await;
    assert_eq!(listed[0]["scim_url"], base);
}

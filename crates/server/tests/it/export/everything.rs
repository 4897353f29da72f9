//! A store with something of every kind in it.

use std::io::Write;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Directory, ScimClient, TestServer, encoded, group, patch, user};

const BADGES: &str = "urn:example:scim:badges:1.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const USERS: usize = 3_000;
const GROUPS: usize = 40;

/// What is there, as its clients know it.
pub struct Everything {
    /// With users, groups and declarations.
    pub main: Directory,
    /// One of the same organization that learns schemas.
    learning: Directory,
    disabled: Directory,
    /// Deleted with its organization.
    deleted: Directory,
    /// Of `main`.
    tokens: Vec<String>,
    pub users: Vec<String>,
    groups: Vec<String>,
    /// Where a walk through the users of `main` stands.
    cursor: String,
}

fn with_token(directory: &Directory, token: &str) -> Directory {
    Directory { token: token.to_owned(), ..directory.clone() }
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("no `{key}` in {value}")).to_owned()
}

/// Fills every table of the server's store, with users of every shape.
pub async fn fill(server: &TestServer) -> Everything {
    let main = server.directory("entra", 0).await;
    let client = server.client(&main);
    declare(server, &main).await;
    decide(server).await;
    let users = create(&client, "/Users", (0..USERS).map(odd_user).collect()).await;
    let groups =
        create(&client, "/Groups", (0..GROUPS).map(|n| odd_group(n, &users)).collect()).await;
    change(&client, &users, &groups).await;

    let learning = server.directory("okta --learn-schemas on", 0).await;
    let mut person = user("lerner@example.com");
    person["urn:example:scim:lockers:1.0:User"] = json!({"locker": "B 17", "keys": 2});
    server.client(&learning).post("/Users", person).await.expect(201);
    let disabled = server.directory_of("globex", "generic", 0).await;
    server.client(&disabled).post("/Users", user("off@example.com")).await.expect(201);
    server.command(&format!("directory disable {}", disabled.id)).await;
    let deleted = server.directory_of("initech", "generic", 0).await;
    server.client(&deleted).post("/Users", user("gone@example.com")).await.expect(201);
    server.command("organization delete initech").await;
    server.command("organization create initech").await;

    let tokens = tokens(server, &main).await;
    let page = client.get("/Users?count=100&cursor=").await.expect(200).body;
    let cursor = text(&page, "nextCursor");
    Everything { main, learning, disabled, deleted, tokens, users, groups, cursor }
}

/// Schemas and grantables.
async fn declare(server: &TestServer, main: &Directory) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let schema = json!({"id": BADGES, "name": "Ausweise ‒ بطاقات", "attributes": [
        {"name": "badgeNumber", "type": "string", "caseExact": true},
        {"name": "doors", "type": "string", "multiValued": true},
        {"name": "floor", "type": "integer"}]});
    file.write_all(schema.to_string().as_bytes()).unwrap();
    let path = file.path().display();
    server.command(&format!("directory schema add {} {path}", main.id)).await;
    server.command(&format!("directory role add {} auditor --display-name Auditor", main.id)).await;
    let entitlement = "License pro --display-name Pro";
    server.command(&format!("directory entitlement add {} {entitlement}", main.id)).await;
}

/// What decides about members: roles, rules, a domain, a mail to each.
async fn decide(server: &TestServer) {
    for command in [
        "role create admin --precedence 10",
        "role create member --precedence 100 --default",
        "rule add --organization acme --group eng-* --role admin",
        "domain add --organization acme example.com",
        "domain verify --organization acme example.com --by-operator",
        "organization update acme --enrolment creation --enrolment-link https://app.example.com",
    ] {
        server.command(command).await;
    }
}

/// One that lives, one that has expired at once, one that was revoked, one of a user, an access token.
async fn tokens(server: &TestServer, main: &Directory) -> Vec<String> {
    let create = async |name: &str, rest: &str| {
        let arguments = format!("token create --directory {} --name {name}{rest}", main.id);
        text(&server.command(&arguments).await, "token")
    };
    let rotation = create("rotation", " --expires 90d").await;
    let revoked = create("revoked", "").await;
    server.command(&format!("token revoke --directory {} revoked", main.id)).await;
    let own = create("own", " --user odd0@example.com").await;
    let form =
        format!("grant_type=client_credentials&client_id={}&client_secret={}", main.id, main.token);
    let request = crate::harness::http_client()
        .post(format!("{}/oauth/token", server.url))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form);
    let granted = crate::harness::answer(request).await.unwrap().expect(200).body;
    vec![main.token.clone(), rotation, revoked, own, text(&granted, "access_token")]
}

/// Creates all by Bulk; their ids in order.
async fn create(client: &ScimClient, endpoint: &str, all: Vec<Value>) -> Vec<String> {
    let mut ids = Vec::new();
    for some in all.chunks(500) {
        let operations: Value = some
            .iter()
            .enumerate()
            .map(|(number, data)| {
                json!({"method": "POST", "path": endpoint, "bulkId": number.to_string(), "data": data})
            })
            .collect();
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
            "Operations": operations,
        });
        let answer = client.post("/Bulk", body).await.expect(200).body;
        for result in answer["Operations"].as_array().unwrap() {
            assert_eq!(result["status"], "201", "{result}");
            let location = result["location"].as_str().unwrap();
            ids.push(location.rsplit_once('/').unwrap().1.to_owned());
        }
    }
    ids
}

/// A user of one of ten shapes.
fn odd_user(number: usize) -> Value {
    let mut odd = user(&format!("odd{number}@example.com"));
    match number % 10 {
        1 => {
            return json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                "userName": format!("BARE{number}"),
            });
        }
        2 => {
            odd["userName"] = format!("Żółć.İß.名前.{number}@example.com").into();
            odd["displayName"] = format!("𝒜 \u{202e}سارة\u{202c} e\u{301} 👩‍🚀 {number}").into();
        }
        3 => odd["title"] = "\"quoted\" \\ back\\slash\nline\ttab \u{7f} {list ?1} '' $1".into(),
        4 => {
            // Longer than what an index of PostgreSQL takes, and nothing that could be compressed.
            odd["externalId"] = (0..900_u32)
                .map(|n| format!("{:08x}", (n + number as u32).wrapping_mul(2_654_435_761)))
                .collect::<String>()
                .into();
            odd["title"] = "長い".repeat(1_300).into();
            odd["displayName"] = "ä".repeat(400).into();
        }
        5 => {
            odd[ENTERPRISE] = json!({
                "employeeNumber": format!("{:09}", number),
                "manager": {"value": "nobody-yet"},
                "costCenter": "",
            });
        }
        6 => {
            odd["active"] = false.into();
            odd["emails"] = (0..20)
                .map(|n| json!({"value": format!("m{n}.{number}@example.com"), "type": format!("t{n}")}))
                .collect();
        }
        7 => {
            odd["urn:example:scim:undeclared:1.0:User"] =
                json!({"deep": {"er": [1, 2.5, null, true]}})
        }
        8 => {
            odd[BADGES] =
                json!({"badgeNumber": format!("B{number}"), "floor": -3, "doors": ["a", "b"]})
        }
        9 => {
            odd["roles"] = json!([{"value": "auditor", "primary": true}]);
            odd["entitlements"] = json!([{"value": "pro", "type": "License"}]);
        }
        _ => {}
    }
    odd
}

/// A group with a tenth of the users, or none; the last ones are nested.
fn odd_group(number: usize, users: &[String]) -> Value {
    let mut odd = group(&format!("Gruppe „{number}“ 組"));
    if !number.is_multiple_of(4) {
        odd["externalId"] = format!("ext {number}").into();
        odd["members"] =
            users.iter().skip(number).step_by(10).map(|id| json!({"value": id})).collect();
    }
    odd
}

/// Patches, replacements, deletions, and requests that are refused.
async fn change(client: &ScimClient, users: &[String], groups: &[String]) {
    for (number, id) in users.iter().step_by(97).enumerate() {
        let value = format!("Köchin {number}");
        let operation = json!([{"op": "replace", "path": "title", "value": value}]);
        client.patch(&format!("/Users/{id}"), operation).await.expect(200);
    }
    let nested = json!([{"op": "add", "path": "members", "value": [{"value": groups[1]}]}]);
    client.patch(&format!("/Groups/{}", groups[0]), nested).await.expect(204);
    let out = json!([{"op": "remove", "path": format!("members[value eq \"{}\"]", users[1])}]);
    client.patch(&format!("/Groups/{}", groups[1]), out).await.expect(204);
    let manager = json!([{"op": "add", "path": format!("{ENTERPRISE}:manager"),
        "value": {"value": users[3]}}]);
    client.patch(&format!("/Users/{}", users[0]), manager).await.expect(200);
    for id in users.iter().skip(2).step_by(211).chain(&groups[GROUPS - 1..]) {
        let endpoint = if groups.contains(id) { "Groups" } else { "Users" };
        client.delete(&format!("/{endpoint}/{id}")).await.expect(204);
    }
    client.post("/Users", user("odd0@example.com")).await.expect(409);
    client.get("/Users?filter=nonsense%20eq%201").await.expect(400);
    client.get("/Users/nobody").await.expect(404);
}

impl Everything {
    /// What the clients of the store see: request by request, status and body.
    pub async fn observe(&self, server: &TestServer) -> Vec<(String, u16, Value)> {
        let mut seen = Vec::new();
        let mut see = |what: String, answer: Answer| {
            let mut body = answer.body;
            // The same place is sealed otherwise each time.
            if let Value::Object(body) = &mut body {
                body.retain(|name, _| name != "nextCursor" && name != "previousCursor");
                if let Some((detail, _request_id)) = body
                    .get("detail")
                    .and_then(Value::as_str)
                    .and_then(|d| d.split_once(" (request "))
                {
                    body["detail"] = detail.to_owned().into();
                }
            }
            seen.push((what, answer.status.as_u16(), body));
        };
        let main = server.client(&self.main);
        let mut targets: Vec<String> =
            ["/Schemas", "/ResourceTypes", "/ServiceProviderConfig", "/Roles", "/Licenses"]
                .map(str::to_owned)
                .into();
        targets.extend((0..4).map(|n| format!("/Users?count=1000&startIndex={}", n * 1000 + 1)));
        targets.push("/Groups?count=1000".into());
        targets.push(format!("/Users?count=100&cursor={}", self.cursor));
        targets.push("/Users?count=50&sortBy=displayName&sortOrder=descending".into());
        let number = USERS - 8;
        let name = format!("ŻÓŁĆ.İß.名前.{number}@EXAMPLE.com");
        for filter in [
            format!("userName eq \"{name}\""),
            "externalId eq \"ext-odd0@example.com\"".to_owned(),
            "emails.value eq \"m7.6@example.com\"".to_owned(),
            format!("{ENTERPRISE}:employeeNumber eq \"000000005\""),
            format!("{ENTERPRISE}:manager.value eq \"{}\"", self.users[3]),
            format!("{BADGES}:badgeNumber eq \"B8\""),
            "title co \"\\\\ back\" and active eq true".to_owned(),
            "displayName sw \"ää\"".to_owned(),
        ] {
            targets.push(format!("/Users?filter={}", encoded(&filter)));
        }
        targets.extend(self.users.iter().step_by(333).map(|id| format!("/Users/{id}")));
        targets.extend(self.groups.iter().map(|id| format!("/Groups/{id}")));
        for target in targets {
            see(target.clone(), main.get(&target).await);
        }
        for (number, token) in self.tokens.iter().enumerate() {
            let client = server.client(&with_token(&self.main, token));
            for target in ["/Me", "/Groups?count=1"] {
                see(format!("{target} with token {number}"), client.get(target).await);
            }
        }
        for directory in [&self.learning, &self.disabled, &self.deleted] {
            for target in ["/Users", "/Schemas"] {
                let answer = server.client(directory).get(target).await;
                see(format!("{target} of {}", directory.id), answer);
            }
        }
        seen
    }

    /// Writes that say whether what was there before counts: names, versions, memberships, ids of the
    /// deleted. Answers the id of a request.
    pub async fn go_on(&self, server: &TestServer) -> String {
        let client = server.client(&self.main);
        client.post("/Users", user("ODD0@example.com")).await.refused(409);
        let target = format!("/Users/{}", self.users[0]);
        let before = client.get(&target).await.expect(200).body;
        let tag = before["meta"]["version"].as_str().unwrap().to_owned();
        let body = patch(json!([{"op": "replace", "path": "title", "value": "Umgezogen"}]));
        let request = client.request(Method::PATCH, &target).header("if-match", tag);
        let request = request.header("content-type", "application/scim+json");
        let answered = crate::harness::answer(request.body(body.to_string())).await.unwrap();
        let answered = answered.expect(200);
        assert_ne!(answered.body["meta"]["version"], before["meta"]["version"]);
        // The one is deleted and passed over, the other was never there.
        let add = |id: &str| json!([{"op": "add", "path": "members", "value": [{"value": id}]}]);
        let place = format!("/Groups/{}", self.groups[2]);
        client.patch(&place, add(&self.users[2])).await.expect(204);
        client.patch(&place, add("nobody")).await.refused(400);
        answered.header("x-request-id").to_owned()
    }
}

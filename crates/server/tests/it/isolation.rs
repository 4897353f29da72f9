//! Directories see and touch nothing of one another (S-037 to S-042, S-434).

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Directory, ScimClient, TestServer, group, patch, user};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A directory with a user, their manager and a group of both.
struct Filled {
    directory: Directory,
    client: ScimClient,
    user: String,
    manager: String,
    group: String,
}

async fn fill(server: &TestServer, directory: Directory) -> Filled {
    let client = server.client(&directory);
    // The same names everywhere (S-039).
    let manager = client.post("/Users", user("boss@example.com")).await.expect(201).id();
    let mut body = user("a@example.com");
    body[ENTERPRISE] = json!({"manager": {"value": manager}});
    let user = client.post("/Users", body).await.expect(201).id();
    let mut body = group("Crew");
    body["externalId"] = "crew".into();
    body["members"] = json!([{"value": user}, {"value": manager}]);
    let group = client.post("/Groups", body).await.expect(201).id();
    Filled { directory, client, user, manager, group }
}

/// Everything that a directory's client can see, as text.
async fn everything(filled: &Filled) -> String {
    let users = filled.client.get("/Users?sortBy=id").await.expect(200).body;
    let groups = filled.client.get("/Groups?sortBy=id").await.expect(200).body;
    assert_eq!((&users["totalResults"], &groups["totalResults"]), (&json!(2), &json!(1)));
    format!("{users}{groups}")
}

/// Three directories of two organizations: two are siblings.
async fn three(server: &TestServer) -> [Filled; 3] {
    [
        fill(server, server.directory_of("acme", "entra", 0).await).await,
        fill(server, server.directory_of("acme", "okta", 0).await).await,
        fill(server, server.directory_of("globex", "entra", 0).await).await,
    ]
}

fn retitle() -> Value {
    patch(json!([{"op": "replace", "path": "title", "value": "Taken over"}]))
}

/// S-026, S-037, S-038, S-147, S-434: every route and method with one directory's token on
/// another's URL.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_037_a_token_opens_no_other_directory() {
    let server = TestServer::start().await;
    let directories = three(&server).await;
    let mut before = Vec::new();
    for filled in &directories {
        before.push(everything(filled).await);
    }
    for (at, ours) in directories.iter().enumerate() {
        for (_, theirs) in directories.iter().enumerate().filter(|(other, _)| *other != at) {
            let confused =
                Directory { token: ours.directory.token.clone(), ..theirs.directory.clone() };
            let client = server.client(&confused);
            let mut bodies = Vec::new();
            for target in [
                String::new(),
                "/Users".into(),
                "/Users?filter=userName%20eq%20%22a@example.com%22".into(),
                "/Users/.search".into(),
                format!("/Users/{}", theirs.user),
                format!("/Users/{}", ours.user),
                "/Users/unknown".into(),
                "/Groups".into(),
                "/Groups/.search".into(),
                format!("/Groups/{}", theirs.group),
                format!("/Groups/{}?attributes=members", theirs.group),
                "/ServiceProviderConfig".into(),
                "/Schemas".into(),
                "/ResourceTypes".into(),
                "/Bulk".into(),
                "/Me".into(),
                "/.search".into(),
                "/unknown".into(),
            ] {
                for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
                    let method = Method::from_bytes(method.as_bytes()).unwrap();
                    let body = match method {
                        Method::POST | Method::PUT => user("new@example.com"),
                        Method::PATCH => retitle(),
                        _ => Value::Null,
                    };
                    let refused = client.try_send(method.clone(), &target, &body).await.unwrap();
                    if method == Method::HEAD {
                        refused.expect(401);
                    } else {
                        bodies.push(refused.refused(401).body);
                    }
                }
            }
            bodies.dedup();
            assert_eq!(bodies.len(), 1, "the answer depends on what is there: {bodies:#?}");
        }
    }
    for (filled, before) in directories.iter().zip(before) {
        assert_eq!(everything(filled).await, before);
    }
}

/// Every request that can name an id, sent by `ours` with this one; the answers, with the id and
/// what differs from request to request taken out.
async fn probe(ours: &Filled, id: &str) -> Vec<String> {
    let one_user = format!("/Users/{}", ours.user);
    let one_group = format!("/Groups/{}", ours.group);
    let member = json!([{"value": id}]);
    let manager = json!({"value": id});
    let mut led = user("led@example.com");
    led[ENTERPRISE] = json!({"manager": manager});
    let mut with_member = group("With a member");
    with_member["members"] = json!([{"value": ours.user}, {"value": id}]);
    let search = |filter: String| {
        let urn = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
        json!({"schemas": [urn], "filter": filter})
    };
    let of_the_manager = format!("{ENTERPRISE}:manager");
    let set_manager = patch(json!([{"op": "add", "path": of_the_manager, "value": manager}]));
    let add = patch(json!([{"op": "add", "path": "members", "value": member}]));
    let replace = patch(json!([{"op": "replace", "path": "members", "value": member}]));
    let remove = patch(json!([{"op": "remove", "path": format!("members[value eq \"{id}\"]")}]));
    let mut answers = Vec::new();
    for (method, target, body) in [
        ("GET", format!("/Users/{id}"), Value::Null),
        ("GET", format!("/Groups/{id}?excludedAttributes=members"), Value::Null),
        ("PUT", format!("/Users/{id}"), user("a@example.com")),
        ("PUT", format!("/Groups/{id}"), group("Crew")),
        ("PATCH", format!("/Users/{id}"), retitle()),
        ("PATCH", format!("/Groups/{id}"), add.clone()),
        ("DELETE", format!("/Users/{id}"), Value::Null),
        ("DELETE", format!("/Groups/{id}"), Value::Null),
        ("POST", "/Users/.search".into(), search(format!("id eq \"{id}\""))),
        ("POST", "/Users/.search".into(), search(format!("id sw \"{id}\""))),
        ("POST", "/Users/.search".into(), search(format!("groups.value eq \"{id}\""))),
        (
            "POST",
            "/Users/.search".into(),
            search(format!("{ENTERPRISE}:manager.value eq \"{id}\"")),
        ),
        ("POST", "/Groups/.search".into(), search(format!("id eq \"{id}\""))),
        ("POST", "/Groups/.search".into(), search(format!("members.value eq \"{id}\""))),
        ("POST", "/Groups/.search".into(), search(format!("members[value eq \"{id}\"]"))),
        ("POST", "/Groups".into(), with_member.clone()),
        ("PUT", one_group.clone(), with_member),
        ("PATCH", one_group.clone(), add),
        ("PATCH", one_group.clone(), replace),
        ("PATCH", one_group.clone(), remove),
        ("GET", one_group, Value::Null),
        // An unknown manager is kept, and shown as written: with nobody's name.
        ("PATCH", one_user.clone(), set_manager),
        ("GET", one_user, Value::Null),
        ("POST", "/Users".into(), led),
    ] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answered = ours.client.try_send(method.clone(), &target, &body).await.unwrap();
        if method == Method::POST && answered.status == 201 {
            ours.client.delete(&format!("{target}/{}", answered.id())).await.expect(204);
        }
        let mut body = answered.body;
        for volatile in ["/meta", "/id"] {
            if let Some(value) = body.pointer_mut(volatile) {
                *value = Value::Null;
            }
        }
        let text = format!("{method} {target}: {} {body}", answered.status);
        answers.push(text.replace(id, "…"));
    }
    answers
}

/// S-041, S-042, S-434: another directory's ids are ids that were never given out, in paths,
/// filters, members, managers and values of a PATCH.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_041_another_directorys_ids_are_unknown_ids() {
    let server = TestServer::start().await;
    let [first, sibling, other] = three(&server).await;
    let unknown = probe(&first, "01900000-0000-7000-8000-000000000000").await;
    for text in &unknown {
        assert!(!text.contains(" 5"), "{text}");
    }
    // The requests work where the id is one's own.
    let control = fill(&server, server.directory("generic", 0).await).await;
    let own = probe(&control, &control.manager).await;
    let differ = unknown.iter().zip(&own).filter(|(unknown, own)| unknown != own).count();
    assert!(differ > own.len() / 2, "{own:#?}");
    let before = (everything(&sibling).await, everything(&other).await);
    for foreign in
        [&sibling.user, &sibling.manager, &sibling.group, &other.user, &other.manager, &other.group]
    {
        assert_eq!(probe(&first, foreign).await, unknown);
    }
    assert_eq!((everything(&sibling).await, everything(&other).await), before);
}

/// S-039, S-040: names are unique within a directory only, and the ids of the same person are
/// unrelated.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_039_names_are_unique_within_a_directory_only() {
    let server = TestServer::start().await;
    let directories = three(&server).await;
    for ours in &directories {
        // Taken here, whoever else has it; the text names one's own.
        let refused = ours.client.post("/Users", user("A@example.com")).await.refused(409);
        assert!(refused.detail().contains(&ours.user), "{}", refused.detail());
        let refused = ours.client.post("/Groups", group("crew")).await.refused(409);
        assert!(refused.detail().contains(&ours.group), "{}", refused.detail());
        let found = ours.client.find_users("externalId eq \"ext-a@example.com\"").await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0]["id"], ours.user);
    }
    let mut ids: Vec<&str> = directories
        .iter()
        .flat_map(|filled| [&*filled.user, &*filled.manager, &*filled.group])
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 9);
    // The random part of no id is that of another.
    let mut random: Vec<&str> = ids.iter().map(|id| &id[24..]).collect();
    random.sort_unstable();
    random.dedup();
    assert_eq!(random.len(), 9);

    // Deleting in one leaves the others alone.
    let before = everything(&directories[1]).await;
    directories[0].client.delete(&format!("/Users/{}", directories[0].user)).await.expect(204);
    directories[0].client.delete(&format!("/Groups/{}", directories[0].group)).await.expect(204);
    assert_eq!(everything(&directories[1]).await, before);
}

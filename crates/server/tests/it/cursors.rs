//! Lists by cursor (RFC 9865).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::harness::{Answer, Directory, ScimClient, TestServer, encoded, group, until, user};

/// `/Users?…` with a filter or what else, to which a cursor can be added.
fn list(endpoint: &str, parameters: &[(&str, &str)]) -> String {
    let pairs = parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value)));
    format!("{endpoint}?{}", pairs.collect::<Vec<_>>().join("&"))
}

fn ids(page: &Value) -> Vec<String> {
    let resources = page["Resources"].as_array().unwrap_or_else(|| panic!("no list: {page}"));
    resources.iter().map(|resource| resource["id"].as_str().unwrap().to_owned()).collect()
}

/// All pages of a list whose target ends where the cursor belongs, from the first one forward.
async fn walk(client: &ScimClient, target: &str) -> Vec<Value> {
    let mut pages = vec![client.get(&format!("{target}&cursor=")).await.expect(200).body];
    while let Some(cursor) = pages[pages.len() - 1]["nextCursor"].as_str() {
        let next = client.get(&format!("{target}&cursor={cursor}")).await.expect(200).body;
        pages.push(next);
        assert!(pages.len() < 1000, "the walk does not end");
    }
    pages
}

/// 23 people and 4 groups of a directory, whose attributes tie, are absent and come late.
async fn people(server: &TestServer) -> (Directory, ScimClient) {
    let directory = server.directory("generic", 0).await;
    let client = server.client(&directory);
    for number in 0..23 {
        let mut person = user(&format!("Person{:02}@example.com", (number * 7) % 23));
        person["displayName"] = ["Ana", "ben", "Cid", "ana"][number % 4].into();
        person["title"] = if number % 3 == 0 { Value::Null } else { "Chef".into() };
        person["active"] = (number % 2 == 0).into();
        client.post("/Users", person).await.expect(201);
    }
    for number in 0..4 {
        client.post("/Groups", group(&format!("Crew {number}"))).await.expect(201);
    }
    (directory, client)
}

/// S-195, S-197, S-205, S-207: for each kind of list, the pages by cursor are the list, in its
/// order, forward and backward, by GET and by POST; each says how many there are.
#[tokio::test]
async fn pages_by_cursor_are_the_list() {
    let server = TestServer::start().await;
    let (_, client) = people(&server).await;
    for (endpoint, parameters) in [
        ("/Users", &[][..]),
        ("/Users", &[("filter", "userName sw \"person\"")]),
        ("/Users", &[("filter", "userName co \"1\"")]),
        ("/Users", &[("filter", "title pr and active eq true")]),
        ("/Users", &[("filter", "title eq \"nobody's\"")]),
        ("/Users", &[("sortBy", "userName")]),
        ("/Users", &[("sortBy", "userName"), ("sortOrder", "descending")]),
        ("/Users", &[("sortBy", "userName"), ("filter", "title pr")]),
        ("/Users", &[("sortBy", "id"), ("sortOrder", "descending")]),
        ("/Users", &[("sortBy", "meta.created"), ("sortOrder", "descending")]),
        ("/Users", &[("sortBy", "meta.lastModified")]),
        ("/Users", &[("sortBy", "displayName")]),
        ("/Users", &[("sortBy", "displayName"), ("sortOrder", "descending")]),
        ("/Users", &[("sortBy", "displayName"), ("filter", "displayName sw \"a\"")]),
        ("/Users", &[("sortBy", "emails"), ("sortOrder", "descending")]),
        ("/Users", &[("sortBy", "externalId")]),
        ("/Users", &[("sortBy", "meta.created"), ("filter", "userName sw \"person1\"")]),
        ("/Users", &[("sortBy", "title"), ("filter", "active eq true")]),
        ("/Users", &[("sortBy", "title"), ("sortOrder", "descending")]),
        ("/Users", &[("sortBy", "active"), ("attributes", "userName")]),
        ("/Groups", &[("sortBy", "displayName"), ("sortOrder", "descending")]),
        ("", &[("filter", "meta.created pr")]),
        ("", &[("sortBy", "displayName")]),
        ("", &[("sortBy", "userName"), ("sortOrder", "descending")]),
        ("", &[("sortBy", "id")]),
    ] {
        let target = list(endpoint, parameters);
        let whole = client.get(&format!("{target}&count=1000")).await.expect(200).body;
        let expected = ids(&whole);
        assert_eq!(whole["totalResults"], expected.len(), "{target}");
        for count in [1, 4, expected.len().max(1), 1000] {
            let target = format!("{target}&count={count}");
            let pages = walk(&client, &target).await;
            assert_eq!(pages.iter().flat_map(ids).collect::<Vec<_>>(), expected, "{target}");
            assert_eq!(pages.len(), expected.len().div_ceil(count).max(1), "{target}");
            for (number, page) in pages.iter().enumerate() {
                assert_eq!(page["totalResults"], expected.len(), "{target}");
                assert_eq!(page["itemsPerPage"], ids(page).len(), "{target}");
                assert_eq!(page.get("startIndex"), None, "{target}");
                assert_eq!(page.get("previousCursor").is_some(), number > 0, "{target}");
            }
            // Back from the last page.
            let mut page = pages[pages.len() - 1].clone();
            for earlier in pages.iter().rev().skip(1) {
                let cursor = page["previousCursor"].as_str().unwrap().to_owned();
                page = client.get(&format!("{target}&cursor={cursor}")).await.expect(200).body;
                assert_eq!(page["Resources"], earlier["Resources"], "{target}");
                assert!(page.get("nextCursor").is_some(), "{target}");
            }
            assert_eq!(page.get("previousCursor"), None, "{target}");

            let mut body = json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
                "count": count,
                "cursor": "",
            });
            for (name, value) in parameters {
                body[*name] = if *name == "attributes" { json!([value]) } else { json!(value) };
            }
            for page in &pages {
                let posted = client.post(&format!("{endpoint}/.search"), body.clone()).await;
                let posted = posted.expect(200).body;
                assert_eq!(posted["Resources"], page["Resources"], "{body}");
                body["cursor"] = posted["nextCursor"].clone();
            }
            assert!(body["cursor"].is_null(), "{body}");
        }
    }
}

/// S-196: 10,000 requests for one page differ in their cursors, and each is made of unreserved
/// characters. S-195: a `cursor` without a value begins as an empty one does.
#[tokio::test]
async fn cursors_need_no_encoding() {
    let server = TestServer::start().await;
    let (_, client) = people(&server).await;
    let mut seen = BTreeSet::new();
    for _ in 0..200 {
        let page = client.get("/Users?cursor&count=5").await.expect(200).body;
        let cursor = page["nextCursor"].as_str().unwrap().to_owned();
        let unreserved = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
        assert!(cursor.chars().all(unreserved), "{cursor}");
        assert_eq!(client.get(&format!("/Users?cursor={cursor}&count=5")).await.status, 200);
        assert!(seen.insert(cursor));
    }
}

/// S-203: without a parameter of paging, pages go by index, and say so.
#[tokio::test]
async fn pages_go_by_index_unless_asked() {
    let server = TestServer::start().await;
    let (_, client) = people(&server).await;
    for target in ["/Users", "/Users?count=5", "/Users?startIndex=2&count=5"] {
        let page = client.get(target).await.expect(200).body;
        assert!(page["startIndex"].is_u64(), "{page}");
        assert!(page.get("nextCursor").is_none() && page.get("previousCursor").is_none());
    }
}

/// S-199: `count` may be 0, which asks for the total alone and leads nowhere.
#[tokio::test]
async fn a_count_of_nothing_is_the_total() {
    let server = TestServer::start().await;
    let (_, client) = people(&server).await;
    for target in ["/Users?cursor&count=0", "/Users?cursor&count=0&sortBy=title"] {
        let page = client.get(target).await.expect(200).body;
        assert_eq!(page["totalResults"], 23, "{page}");
        assert_eq!(page["Resources"], json!([]), "{page}");
        assert!(page.get("nextCursor").is_none() && page.get("previousCursor").is_none());
    }
}

/// A refusal without the id that every answer has of its own.
#[track_caller]
fn said(answer: Answer, scim_type: &str) -> Value {
    let answer = answer.refused(400);
    assert_eq!(answer.body["scimType"], scim_type, "{}", answer.body);
    answer.body
}

/// S-198, S-199, S-204: every parameter has to repeat, a count has to be possible, an index does not
/// go with a cursor. S-200, S-201: a cursor serves nobody else, and a foreign one is refused in the
/// words for one that never was.
#[tokio::test]
async fn cursors_belong_to_one_list_of_one_client() {
    let server = TestServer::start().await;
    let (directory, client) = people(&server).await;
    let first = "/Users?filter=active%20eq%20true&sortBy=userName&attributes=userName&count=3";
    let page = client.get(&format!("{first}&cursor")).await.expect(200).body;
    let cursor = page["nextCursor"].as_str().unwrap();
    let next = format!("{first}&cursor={cursor}");
    let again = || client.get(&next);
    let second = again().await.expect(200).body;
    // As often as it is sent, and where the count is left out.
    assert_eq!(again().await.expect(200).body["Resources"], second["Resources"]);
    let unsaid = first.replace("&count=3", "");
    let unsaid = client.get(&format!("{unsaid}&cursor={cursor}")).await.expect(200);
    assert_eq!(unsaid.body["Resources"], second["Resources"]);

    let never = said(client.get(&format!("{first}&cursor=c2Vzc2FtZQ")).await, "invalidCursor");
    let mut changed: Vec<String> = [
        "/Users?filter=active%20eq%20false&sortBy=userName&attributes=userName&count=3",
        "/Users?filter=active%20eq%20true&sortBy=title&attributes=userName&count=3",
        "/Users?filter=active%20eq%20true&attributes=userName&count=3",
        "/Users?filter=active%20eq%20true&sortBy=userName&sortOrder=descending\
         &attributes=userName&count=3",
        "/Users?filter=active%20eq%20true&sortBy=userName&attributes=title&count=3",
        "/Users?filter=active%20eq%20true&sortBy=userName&excludedAttributes=userName&count=3",
        "/Users?filter=active%20eq%20true&sortBy=userName&count=3",
        "/Users?sortBy=userName&attributes=userName&count=3",
        "?filter=active%20eq%20true&sortBy=userName&attributes=userName&count=3",
    ]
    .iter()
    .map(|target| format!("{target}&cursor={cursor}"))
    .collect();
    for at in [0, 10, 20, cursor.len() / 2, cursor.len() - 2] {
        let replacement = if &cursor[at..=at] == "A" { "B" } else { "A" };
        let mut forged = cursor.to_owned();
        forged.replace_range(at..=at, replacement);
        changed.push(format!("{first}&cursor={forged}"));
    }
    for target in changed {
        assert_eq!(said(client.get(&target).await, "invalidCursor"), never, "{target}");
    }
    for (count, scim_type) in [
        ("4", "invalidCount"),
        ("-1", "invalidCount"),
        ("1001", "invalidCount"),
        ("three", "invalidValue"),
    ] {
        let target = first.replace("count=3", &format!("count={count}"));
        said(client.get(&format!("{target}&cursor={cursor}")).await, scim_type);
    }
    for count in ["-1", "1001"] {
        said(client.get(&format!("/Users?cursor&count={count}")).await, "invalidCount");
    }
    said(client.get(&format!("{first}&cursor={cursor}&startIndex=1")).await, "invalidValue");
    let both = json!({ "cursor": "", "startIndex": 1 });
    said(client.post("/Users/.search", both).await, "invalidValue");
    let number = json!({ "cursor": 5 });
    said(client.post("/Users/.search", number).await, "invalidSyntax");

    // Another token of the same directory, and one of another directory.
    let created = server.command(&format!("token create --directory {}", directory.id)).await;
    let token = created["token"].as_str().unwrap().to_owned();
    let colleague = Directory { token, ..directory.clone() };
    let stranger = server.directory_of("other", "generic", 0).await;
    for other in [&colleague, &stranger] {
        let answer = server.client(other).get(&format!("{first}&cursor={cursor}")).await;
        assert_eq!(said(answer, "invalidCursor"), never);
    }
    again().await.expect(200);
}

/// S-199, S-206: a cursor can be used for as long as is published, then it is refused as expired.
#[tokio::test]
async fn cursors_expire() {
    let server = TestServer::start_with(&["--cursor-timeout-seconds", "1"]).await;
    let (_, client) = people(&server).await;
    let config = client.get("/ServiceProviderConfig").await.expect(200).body;
    let expected = json!({
        "cursor": true,
        "index": true,
        "defaultPaginationMethod": "index",
        "defaultPageSize": 1000,
        "maxPageSize": 1000,
        "cursorTimeout": 1,
    });
    assert_eq!(config["pagination"], expected);
    let page = client.get("/Users?cursor&count=3").await.expect(200).body;
    let cursor = page["nextCursor"].as_str().unwrap();
    let target = format!("/Users?cursor={cursor}&count=3");
    let refused = until("an expired cursor", async || {
        let answer = client.get(&target).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    said(refused, "expiredCursor");
}

/// S-209: pages by cursor count against the directory's rate limit as all requests do; how many
/// cursors there are needs no bound, as nothing is kept of them.
#[tokio::test]
async fn a_flood_is_refused() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 2).await;
    server.seed_users(&directory, 3).await;
    let client = server.client(&directory);
    let first = until("a first page", async || {
        let answer = client.get("/Users?cursor&count=1").await;
        (answer.status == 200).then_some(answer)
    })
    .await;
    let cursor = first.body["nextCursor"].as_str().unwrap();
    let target = format!("/Users?cursor={cursor}&count=1");
    let refused = until("a refusal", async || {
        let answer = client.get(&target).await;
        (answer.status != 200).then_some(answer)
    })
    .await
    .refused(429);
    assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|wait| wait > 0));
    // The walk goes on when it may.
    let second = until("the second page", async || {
        let answer = client.get(&target).await;
        (answer.status == 200).then_some(answer)
    })
    .await;
    assert_eq!(ids(&second.body).len(), 1);
}

/// S-202: a walk goes on after the server's restart; nothing of it was kept in the process.
#[tokio::test]
async fn a_walk_survives_a_restart() {
    let mut server = TestServer::start().await;
    let (directory, client) = people(&server).await;
    let page = client.get("/Users?cursor&count=20").await.expect(200).body;
    server.restart().await;
    let cursor = page["nextCursor"].as_str().unwrap();
    let target = format!("/Users?cursor={cursor}&count=20");
    let rest = server.client(&directory).get(&target).await.expect(200).body;
    assert_eq!((ids(&page).len(), ids(&rest).len()), (20, 3));
    assert_eq!(rest.get("nextCursor"), None);
}

/// A reproducible choice: the next number below `bound` of a fixed sequence.
fn choose(state: &mut u64, bound: usize) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize % bound
}

/// Walks over `living` while users come and go between and during the pages. Who was there all
/// the time must have been returned once, nobody twice.
async fn walk_while_changing(
    client: &ScimClient,
    target: &str,
    living: &mut Vec<String>,
    changes: usize,
    changes_by_page: usize,
    seed: u64,
) {
    let mut throughout: BTreeSet<String> = living.iter().cloned().collect();
    let mut returned: BTreeMap<String, usize> = BTreeMap::new();
    let mut state = seed;
    let (mut created, mut deleted) = (0, 0);
    let mut cursor = String::new();
    loop {
        let this_page = format!("{target}&cursor={cursor}");
        let page = client.get(&this_page);
        let change = async {
            for _ in 0..changes_by_page {
                if created + deleted == changes {
                    break;
                }
                if choose(&mut state, 2) == 0 {
                    created += 1;
                    let number = choose(&mut state, 1000);
                    let name = format!("n{number}-{seed}-{created}@example.com");
                    let id = client.post("/Users", user(&name)).await.expect(201).id();
                    living.push(id);
                } else {
                    deleted += 1;
                    let id = living.swap_remove(choose(&mut state, living.len()));
                    throughout.remove(&id);
                    client.delete(&format!("/Users/{id}")).await.expect(204);
                }
            }
        };
        let (page, ()) = tokio::join!(page, change);
        let page = page.expect(200).body;
        for id in ids(&page) {
            *returned.entry(id).or_default() += 1;
        }
        match page["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(created + deleted, changes, "the walk ended before its changes did: {target}");
    let missed: Vec<_> = throughout.iter().filter(|id| !returned.contains_key(*id)).collect();
    assert!(missed.is_empty(), "{target}: {} missed: {missed:?}", missed.len());
    let twice: Vec<_> = returned.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "{target}: {} returned again: {twice:?}", twice.len());
}

/// S-208: over 20,000 users with 500 creations and deletions meanwhile.
#[tokio::test]
async fn nobody_is_lost_while_people_come_and_go() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let mut living = server.seed_users(&directory, 20_000).await;
    let client = server.client(&directory);
    walk_while_changing(&client, "/Users?count=500", &mut living, 500, 15, 9865).await;
}

/// S-208, also in other orders and through filters, where what the order goes by does not change.
#[tokio::test]
async fn nobody_is_lost_in_any_order() {
    let server = TestServer::start().await;
    let directory = server.directory("generic", 0).await;
    let mut living = server.seed_users(&directory, 300).await;
    let client = server.client(&directory);
    for (seed, target) in [
        "/Users?sortBy=userName&count=20",
        "/Users?sortBy=userName&sortOrder=descending&count=20",
        "/Users?sortBy=meta.created&sortOrder=descending&count=20",
        "/Users?sortBy=displayName&count=20",
        "/Users?sortBy=name.familyName&sortOrder=descending&count=20",
        "/Users?filter=active%20eq%20true&count=20",
        "?filter=active%20eq%20true&count=20",
        "?sortBy=displayName&count=20",
    ]
    .into_iter()
    .enumerate()
    {
        let changes = living.len() / 20;
        walk_while_changing(&client, target, &mut living, changes, 2, seed as u64).await;
    }
}

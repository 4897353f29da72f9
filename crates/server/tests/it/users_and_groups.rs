//! Users, groups and the enterprise extension (RFC 7643 §4).

use serde_json::{Value, json};

use crate::harness::{ScimClient, TestServer, group, until, user};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

async fn create(client: &ScimClient, name: &str) -> String {
    client.post("/Users", user(name)).await.expect(201).id()
}

async fn create_group(client: &ScimClient, name: &str, members: &[&str]) -> String {
    let mut body = group(name);
    body["members"] = members.iter().map(|id| json!({"value": id})).collect();
    client.post("/Groups", body).await.expect(201).id()
}

/// The ids of a group's members.
async fn members(client: &ScimClient, group: &str) -> Vec<String> {
    let body = client.get(&format!("/Groups/{group}")).await.expect(200).body;
    let members = body["members"].as_array().unwrap().iter();
    members.map(|member| member["value"].as_str().unwrap().to_owned()).collect()
}

fn set(path: &str, value: Value) -> Value {
    json!([{"op": "replace", "path": path, "value": value}])
}

/// S-080, S-085, S-127, S-164, S-224, S-245, S-322: a user name is one name in any letter case, for
/// creating, replacing, patching and finding; it is shown as it was sent.
#[tokio::test]
async fn s_085_user_names_in_any_letter_case() {
    let (_server, client) = TestServer::with_client().await;
    let other = create(&client, "other").await;
    for (name, equal) in [
        ("JSmith@Example.com", vec!["jsmith@example.com", "JSMITH@EXAMPLE.COM"]),
        ("Éva", vec!["éva", "E\u{301}VA", "e\u{301}va"]),
        ("ＡＢ", vec!["ab", "AB", "ａｂ"]),
        ("Straße", vec!["STRASSE", "strasse"]),
        ("ΣΊΣΥΦΟΣ", vec!["σίσυφος"]),
    ] {
        let created = client.post("/Users", user(name)).await.expect(201);
        assert_eq!(created.body["userName"], name);
        for equal in equal {
            let named = user(equal);
            for refused in [
                client.post("/Users", named.clone()).await,
                client.put(&format!("/Users/{other}"), named).await,
                client.patch(&format!("/Users/{other}"), set("userName", json!(equal))).await,
            ] {
                let refused = refused.refused(409);
                assert_eq!(refused.body["scimType"], "uniqueness", "{equal}");
                assert!(refused.detail().contains(&created.id()), "{}", refused.detail());
            }
            let found = client.find_users(&format!("userName eq \"{equal}\"")).await;
            assert_eq!(found, std::slice::from_ref(&created.body), "{equal}");
        }
        // One's own name may change its letter case.
        let swapped = name.to_lowercase();
        let target = format!("/Users/{}", created.id());
        let renamed = client.patch(&target, set("userName", json!(swapped))).await.expect(200);
        assert_eq!(renamed.body["userName"], swapped);
    }
    // These are different names: no locale decides.
    for name in ["Irmak", "ırmak", "İrmak"] {
        create(&client, name).await;
    }
    assert_eq!(client.find_users("userName eq \"irmak\"").await.len(), 1);
}

/// S-086: the server makes no name up of another.
#[tokio::test]
async fn s_086_names_are_not_made_up() {
    let (_server, client) = TestServer::with_client().await;
    let schemas = json!(["urn:ietf:params:scim:schemas:core:2.0:User"]);
    for (number, fields) in [
        json!({"displayName": "Ines Okafor"}),
        json!({"name": {"givenName": "Ines", "familyName": "Okafor"}}),
        json!({"name": {"formatted": "Ines Okafor"}}),
        json!({"nickName": "Nessie"}),
    ]
    .into_iter()
    .enumerate()
    {
        let mut body = fields.clone();
        body["schemas"] = schemas.clone();
        body["userName"] = format!("u{number}").into();
        let created = client.post("/Users", body).await.expect(201).body;
        for name in ["displayName", "name", "nickName", "title", "emails"] {
            assert_eq!(created.get(name), fields.get(name), "{fields}");
        }
    }
}

/// S-088, S-089, S-129, S-175, S-218, S-291, S-343: who is deactivated is still there, with
/// everything, and is active again when somebody says so, not before.
#[tokio::test]
async fn s_088_a_deactivated_user_is_still_there() {
    let (_server, client) = TestServer::with_client().await;
    let mut body = user("a@example.com");
    body.as_object_mut().unwrap().remove("active");
    let created = client.post("/Users", body.clone()).await.expect(201);
    assert_eq!(created.body["active"], true);
    assert_eq!(client.find_users("active eq true").await.len(), 1);
    let crew = create_group(&client, "Crew", &[&created.id()]).await;
    let one = format!("/Users/{}", created.id());

    let off = client.patch(&one, json!([{"op": "replace", "value": {"active": false}}])).await;
    let off = off.expect(200).body;
    assert_eq!(off["active"], false);
    assert_eq!(client.get(&one).await.expect(200).body, off);
    assert_eq!(off["groups"][0]["value"], crew);
    assert_eq!(members(&client, &crew).await, [created.id()]);
    assert_eq!(client.get("/Users").await.body["Resources"], json!([off]));
    for filter in ["userName eq \"a@example.com\"", "active eq false", "active ne true"] {
        assert_eq!(client.find_users(filter).await, std::slice::from_ref(&off), "{filter}");
    }
    assert_eq!(client.find_users("active eq true").await.len(), 0);
    // The name is theirs as before.
    client.post("/Users", user("A@example.com")).await.refused(409);

    // Nobody said "active" (S-089).
    body["title"] = "Pilot".into();
    assert_eq!(client.put(&one, body).await.expect(200).body["active"], false);
    let titled = client.patch(&one, set("title", json!("Mate"))).await.expect(200);
    assert_eq!(titled.body["active"], false);
    let on = client.patch(&one, set("active", json!(true))).await.expect(200).body;
    assert_eq!((&on["active"], &on["id"]), (&json!(true), &created.body["id"]));
}

/// S-090, S-091, S-092: addresses and numbers are answered as they were sent, and found without
/// regard to letter case.
#[tokio::test]
async fn s_090_addresses_are_found_in_any_letter_case() {
    let (_server, client) = TestServer::with_client().await;
    let mut body = user("a");
    body["emails"] = json!([{"value": "Ines.Okafor@EXAMPLE.com", "type": "work"}]);
    body["phoneNumbers"] = json!([{"value": "+47 555 55 555"}]);
    body["ims"] = json!([{"value": "Ines#7", "type": "other"}]);
    let created = client.post("/Users", body.clone()).await.expect(201).body;
    for name in ["emails", "phoneNumbers", "ims"] {
        assert_eq!(created[name], body[name]);
    }
    for filter in [
        "emails.value eq \"ines.okafor@example.com\"",
        "emails eq \"INES.OKAFOR@EXAMPLE.COM\"",
        "emails[type eq \"work\" and value ew \"@example.com\"]",
        "phoneNumbers.value eq \"+47 555 55 555\"",
        "ims.value eq \"INES#7\"",
    ] {
        assert_eq!(client.find_users(filter).await, std::slice::from_ref(&created), "{filter}");
    }
}

/// S-083, S-095, S-125, S-129, S-242, S-355: a user's `groups` are those that they are a direct
/// member of; nothing that is sent changes that.
#[tokio::test]
async fn s_095_groups_follow_from_memberships() {
    let (_server, client) = TestServer::with_client().await;
    let crew = create_group(&client, "Crew", &[]).await;
    let mut body = user("a@example.com");
    body["groups"] = json!([{"value": crew, "type": "direct", "display": "Crew"}]);
    let created = client.post("/Users", body.clone()).await.expect(201);
    assert_eq!(created.body["groups"], json!([]));
    let one = format!("/Users/{}", created.id());
    client.put(&one, body).await.expect(200);
    for path in ["groups", "groups.value", "groups[type eq \"direct\"].value"] {
        for operation in [
            json!([{"op": "add", "path": path, "value": crew}]),
            json!([{"op": "replace", "path": path, "value": [{"value": crew}]}]),
            json!([{"op": "remove", "path": path}]),
        ] {
            let refused = client.patch(&one, operation.clone()).await.refused(400);
            assert_eq!(refused.body["scimType"], "mutability", "{operation}");
        }
    }
    // Beside others and without a path they are passed over, as in a POST (S-355).
    let echoed = json!([{"op": "replace", "value": {"title": "Pilot", "groups": []}}]);
    assert_eq!(client.patch(&one, echoed).await.expect(200).body["title"], "Pilot");
    assert!(members(&client, &crew).await.is_empty());

    let add = json!([{"op": "add", "path": "members", "value": [{"value": created.id()}]}]);
    client.patch(&format!("/Groups/{crew}"), add).await.expect(204);
    let shown = json!([{
        "value": crew,
        "$ref": format!("{}/Groups/{crew}", client.url),
        "display": "Crew",
        "type": "direct",
    }]);
    assert_eq!(client.get(&one).await.body["groups"], shown);
    let listed = client.get("/Users").await.body;
    assert_eq!(listed["Resources"][0]["groups"], shown);
    let found = client.find_users(&format!("groups.value eq \"{crew}\"")).await;
    assert_eq!(found[0]["groups"], shown);
    client.patch(&format!("/Groups/{crew}"), set("displayName", json!("Deck"))).await.expect(204);
    assert_eq!(client.get(&one).await.body["groups"][0]["display"], "Deck");
    client.delete(&format!("/Groups/{crew}")).await.expect(204);
    assert_eq!(client.get(&one).await.body["groups"], json!([]));
}

/// S-097, S-098, S-330: a group is a name, and one name is one group, unless their external ids tell
/// them apart.
#[tokio::test]
async fn s_098_names_of_groups() {
    let (_server, client) = TestServer::with_client().await;
    let created = client.post("/Groups", group("Sales")).await.expect(201);
    assert_eq!(created.body["members"], json!([]));
    let other = create_group(&client, "Other", &[]).await;
    for name in ["Sales", "sales", "SALES"] {
        for refused in [
            client.post("/Groups", group(name)).await,
            client.put(&format!("/Groups/{other}"), group(name)).await,
            client.patch(&format!("/Groups/{other}"), set("displayName", json!(name))).await,
        ] {
            let refused = refused.refused(409);
            assert_eq!(refused.body["scimType"], "uniqueness", "{name}");
            assert!(refused.detail().contains(&created.id()), "{}", refused.detail());
        }
    }
    for external_id in ["one", "two"] {
        let mut body = group("Twins");
        body["externalId"] = external_id.into();
        client.post("/Groups", body).await.expect(201);
    }
    let nameless = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"]});
    let refused = client.post("/Groups", nameless.clone()).await.refused(400);
    assert_eq!(refused.body["scimType"], "invalidValue");
    let refused = client.put(&format!("/Groups/{other}"), nameless).await.refused(400);
    assert_eq!(refused.body["scimType"], "invalidValue");
}

/// S-099, S-101, S-221, S-242: of a member the client says the id and the server the rest; members
/// come and go, but one does not become another.
#[tokio::test]
async fn s_099_members_are_ids() {
    let (_server, client) = TestServer::with_client().await;
    let ines = create(&client, "ines@example.com").await;
    let omar = create(&client, "omar@example.com").await;
    let deck = create_group(&client, "Deck", &[]).await;
    let mut body = group("Crew");
    body["members"] = json!([
        {"value": ines, "display": "Somebody", "type": "Group", "$ref": "https://x.example/1"},
        {"value": ines},
        {"value": deck},
    ]);
    let created = client.post("/Groups", body.clone()).await.expect(201);
    let shown = |id: &str, kind: &str, display: &str| {
        let place = format!("{}/{kind}s/{id}", client.url);
        json!({"value": id, "$ref": place, "display": display, "type": kind})
    };
    let by_id = |body: &Value| {
        let mut members = body["members"].as_array().unwrap().clone();
        members.sort_by_key(|member| member["value"].to_string());
        members
    };
    let mut expected = vec![shown(&ines, "User", "Ines Okafor"), shown(&deck, "Group", "Deck")];
    expected.sort_by_key(|member| member["value"].to_string());
    assert_eq!(by_id(&created.body), expected);
    let one = format!("/Groups/{}", created.id());
    assert_eq!(by_id(&client.get(&one).await.body), expected);

    for operation in [
        json!({"op": "replace", "path": format!("members[value eq \"{ines}\"].value"),
            "value": omar}),
        json!({"op": "replace", "path": format!("members[value eq \"{ines}\"].display"),
            "value": "Somebody"}),
        json!({"op": "add", "path": "members.display", "value": "Somebody"}),
    ] {
        let refused = client.patch(&one, json!([operation])).await.refused(400);
        assert_eq!(refused.body["scimType"], "mutability", "{operation}");
    }
    assert_eq!(by_id(&client.get(&one).await.body), expected);
    // As a whole they may be others (S-221).
    body["members"] = json!([{"value": omar}]);
    let replaced = client.put(&one, body).await.expect(200).body;
    assert_eq!(replaced["members"], json!([shown(&omar, "User", "Ines Okafor")]));
}

/// S-100, S-232: one unknown member refuses the whole request, which names every one of them.
#[tokio::test]
async fn s_100_unknown_members_are_named_and_nothing_is_done() {
    let (_server, client) = TestServer::with_client().await;
    let ines = create(&client, "ines@example.com").await;
    let crew = create_group(&client, "Crew", &[]).await;
    let one = format!("/Groups/{crew}");
    let before = client.get(&one).await.body;
    let unknown = ["01900000-0000-7000-8000-000000000000", "no-id-at-all"];
    let list = json!([{"value": ines}, {"value": unknown[0]}, {"value": unknown[1]}]);
    let mut body = group("Renamed");
    body["members"] = list.clone();
    for refused in [
        client.post("/Groups", body.clone()).await,
        client.put(&one, body).await,
        client
            .patch(
                &one,
                json!([
                    {"op": "replace", "path": "displayName", "value": "Renamed"},
                    {"op": "add", "path": "members", "value": list},
                ]),
            )
            .await,
        client.patch(&one, json!([{"op": "replace", "path": "members", "value": list}])).await,
    ] {
        let refused = refused.refused(400);
        assert_eq!(refused.body["scimType"], "invalidValue");
        for id in unknown {
            assert!(refused.detail().contains(id), "{}", refused.detail());
        }
        assert!(!refused.detail().contains(&ines), "{}", refused.detail());
    }
    assert_eq!(client.get(&one).await.body, before);
    assert_eq!(client.get("/Groups").await.body["totalResults"], 1);
}

/// S-102: groups in groups, in circles too; nobody is in a group that holds their group, and a group
/// is not in itself.
#[tokio::test]
async fn s_102_groups_in_groups() {
    let (_server, client) = TestServer::with_client().await;
    let ines = create(&client, "ines@example.com").await;
    let inner = create_group(&client, "Inner", &[&ines]).await;
    let outer = create_group(&client, "Outer", &[&inner]).await;
    let add = |id: &str| json!([{"op": "add", "path": "members", "value": [{"value": id}]}]);
    client.patch(&format!("/Groups/{inner}"), add(&outer)).await.expect(204);
    let body = client.get(&format!("/Groups/{outer}")).await.expect(200).body;
    assert_eq!(body["members"][0]["type"], "Group");
    assert_eq!(body["members"][0]["$ref"], format!("{}/Groups/{inner}", client.url));
    let shown = client.get(&format!("/Users/{ines}")).await.expect(200).body["groups"].clone();
    assert_eq!(shown.as_array().unwrap().len(), 1, "{shown}");
    assert_eq!((&shown[0]["value"], &shown[0]["type"]), (&json!(inner), &json!("direct")));
    let refused = client.patch(&format!("/Groups/{outer}"), add(&outer)).await.refused(400);
    assert_eq!(refused.body["scimType"], "invalidValue");
    client.delete(&format!("/Groups/{inner}")).await.expect(204);
    assert!(members(&client, &outer).await.is_empty());
}

/// S-103, S-289: who is deleted is in no group any more, and each of those groups has a new version;
/// whose manager they were keeps the id that was written, with nobody's name beside it.
#[tokio::test]
async fn s_103_what_referred_to_the_deleted() {
    let (_server, client) = TestServer::with_client().await;
    let boss = create(&client, "boss@example.com").await;
    let ines = create(&client, "ines@example.com").await;
    let one = format!("/Users/{ines}");
    let path = format!("{ENTERPRISE}:manager");
    client.patch(&one, set(&path, json!({"value": boss}))).await.expect(200);
    let crew = create_group(&client, "Crew", &[&boss, &ines]).await;
    let before = client.get(&one).await;
    let group_before = client.get(&format!("/Groups/{crew}")).await;
    client.delete(&format!("/Users/{boss}")).await.expect(204);

    assert_eq!(members(&client, &crew).await, std::slice::from_ref(&ines));
    let group_after = client.get(&format!("/Groups/{crew}")).await;
    assert_ne!(group_after.header("etag"), group_before.header("etag"));
    let after = client.get(&one).await;
    assert_eq!(after.body[ENTERPRISE]["manager"], json!({"value": boss}));
    assert_ne!(after.header("etag"), before.header("etag"));
    let found = client.find_users(&format!("{ENTERPRISE}:manager.value eq \"{boss}\"")).await;
    assert_eq!(found.len(), 1);
    // Once ours and deleted: passed over, not refused.
    let add = json!([{"op": "add", "path": "members", "value": [{"value": boss}]}]);
    client.patch(&format!("/Groups/{crew}"), add).await.expect(204);
    assert_eq!(members(&client, &crew).await, [ines]);
}

/// S-083, S-105, S-106, S-107: of a manager the client says the id and the server the rest, in
/// whatever form the id comes.
#[tokio::test]
async fn s_105_manager_is_an_id() {
    let (_server, client) = TestServer::with_client().await;
    let boss = create(&client, "boss@example.com").await;
    let shown = json!({
        "value": boss,
        "$ref": format!("{}/Users/{boss}", client.url),
        "displayName": "Ines Okafor",
    });
    for (number, manager) in [
        json!({"value": boss}),
        json!({"value": boss, "displayName": "Somebody", "$ref": "../Users/1"}),
        json!(boss),
        json!([{"value": boss}]),
        json!({"$ref": null, "value": boss}),
    ]
    .into_iter()
    .enumerate()
    {
        let mut body = user(&format!("u{number}@example.com"));
        body[ENTERPRISE] = json!({"manager": manager});
        let created = client.post("/Users", body).await.expect(201);
        let one = format!("/Users/{}", created.id());
        assert_eq!(client.get(&one).await.body[ENTERPRISE]["manager"], shown, "{manager}");
        for path in [format!("{ENTERPRISE}:manager"), "manager".into()] {
            for nobody in [json!(""), json!(null), json!({"value": ""})] {
                let cleared = client.patch(&one, set(&path, nobody.clone())).await.expect(200).body;
                assert_eq!(cleared.get(ENTERPRISE), None, "{path} {nobody}");
                let again = client.patch(&one, set(&path, manager.clone())).await.expect(200).body;
                assert_eq!(again[ENTERPRISE]["manager"], shown, "{path} {manager}");
            }
        }
    }
    // A new name of theirs is seen at once.
    client.patch(&format!("/Users/{boss}"), set("displayName", json!("Bo"))).await.expect(200);
    let led = client.find_users(&format!("{ENTERPRISE}:manager.value eq \"{boss}\"")).await;
    assert_eq!(led.len(), 5);
    assert!(led.iter().all(|one| one[ENTERPRISE]["manager"]["displayName"] == "Bo"), "{led:?}");
    // S-107: somebody who is not known.
    let mut body = user("early@example.com");
    body[ENTERPRISE] = json!({"manager": {"value": "not-arrived"}});
    let created = client.post("/Users", body).await.expect(201);
    assert_eq!(created.body[ENTERPRISE]["manager"], json!({"value": "not-arrived"}));
}

/// S-083, S-109, S-110, S-163, S-218, S-354: a password is accepted and forgotten; a strict directory
/// refuses it.
#[tokio::test]
async fn s_110_passwords_are_accepted_and_forgotten() {
    let server = TestServer::start().await;
    let directory = server.directory("okta", 0).await;
    let client = server.client(&directory);
    let mut body = user("a@example.com");
    body["password"] = "t1meMa$heen".into();
    let created = client.post("/Users", body.clone()).await.expect(201);
    let one = format!("/Users/{}", created.id());
    let put = client.put(&one, body.clone()).await.expect(200);
    assert_eq!(put.header("etag"), created.header("etag"));
    let patched = client.patch(&one, set("password", json!("t1meMa$heen"))).await.expect(200);
    assert_eq!(patched.header("etag"), created.header("etag"));
    for target in [&one, "/Users", &format!("{one}?attributes=password")] {
        let got = client.get(target).await.expect(200).body.to_string();
        assert!(!got.contains("password") && !got.contains("t1meMa"), "{target}: {got}");
    }
    let config = client.get("/ServiceProviderConfig").await.body;
    assert_eq!(config["changePassword"]["supported"], false);
    for filter in ["password%20pr", "password%20eq%20%22t1meMa$heen%22"] {
        let refused = client.get(&format!("/Users?filter={filter}")).await.refused(400);
        assert_eq!(refused.body["scimType"], "invalidFilter");
    }
    until("the log", async || (server.provisioning_log(&directory).await.len() >= 9).then_some(()))
        .await;
    assert!(!server.log().contains("t1meMa"));

    let strict = server.strict_client().await;
    let refused = strict.post("/Users", body).await.refused(400);
    assert_eq!(refused.body["scimType"], "invalidValue");
}

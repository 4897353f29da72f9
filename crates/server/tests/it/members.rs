//! What becomes of members and teams when an identity provider writes.

use mapping::{Target, member::State};
use serde_json::{Value, json};
use store::members::Loaded;

use crate::harness::{ScimClient, TestServer, group, user};

fn set(path: &str, value: Value) -> Value {
    json!([{"op": "replace", "path": path, "value": value}])
}

async fn create(client: &ScimClient, name: &str) -> String {
    client.post("/Users", user(name)).await.expect(201).id()
}

async fn create_group(client: &ScimClient, name: &str, members: &[&str]) -> String {
    let mut body = group(name);
    body["members"] = members.iter().map(|id| json!({"value": id})).collect();
    client.post("/Groups", body).await.expect(201).id()
}

/// The one member there is.
async fn only(server: &TestServer) -> Loaded {
    let mut members = server.members("acme").await;
    assert_eq!(members.len(), 1, "{members:#?}");
    members.remove(0)
}

fn state(loaded: &Loaded) -> State {
    loaded.stored.member.state
}

async fn kinds(server: &TestServer) -> Vec<&'static str> {
    let events = server.events("acme", 0).await;
    let numbers: Vec<i64> = events.iter().map(|event| event.sequence).collect();
    let expected: Vec<i64> = (1..=numbers.len() as i64).collect();
    assert_eq!(numbers, expected, "numbered without gaps");
    events.iter().map(|event| event.event.kind.as_str()).collect()
}

#[tokio::test]
async fn from_the_first_day_to_the_last() {
    let (server, client) = TestServer::with_client().await;
    let id = create(&client, "ines@example.com").await;
    let first = only(&server).await;
    assert_eq!(state(&first), State::Active);
    assert_eq!(first.stored.member.email_address(), Some("ines@example.com"));
    assert_eq!(first.stored.member.text(&Target::Username), Some("ines@example.com"));
    let place = format!("/Users/{id}");
    client.patch(&place, set("active", json!(false))).await.expect(200);
    let later = only(&server).await;
    assert_eq!((state(&later), &later.stored.id), (State::Deactivated, &first.stored.id));
    client.patch(&place, set("active", json!(true))).await.expect(200);
    client.patch(&place, set("active", json!(true))).await.expect(200);
    assert_eq!(state(&only(&server).await), State::Active);
    client.delete(&place).await.expect(204);
    assert!(server.members("acme").await.is_empty());
    assert_eq!(
        kinds(&server).await,
        ["member.created", "member.deactivated", "member.reactivated", "member.deleted"]
    );
    // The name is free again, for somebody new.
    create(&client, "ines@example.com").await;
    assert_ne!(only(&server).await.stored.id, first.stored.id);
}

#[tokio::test]
async fn without_an_address_nobody_is_complete() {
    let (server, client) = TestServer::with_client().await;
    let mut nameless = user("ines");
    nameless.as_object_mut().unwrap().remove("emails");
    let id = client.post("/Users", nameless).await.expect(201).id();
    let first = only(&server).await;
    assert_eq!(state(&first), State::Incomplete);
    assert_eq!(kinds(&server).await, [""; 0]);
    let emails = json!([{"value": "ines@example.com", "type": "work"}]);
    client.patch(&format!("/Users/{id}"), set("emails", emails)).await.expect(200);
    let later = only(&server).await;
    assert_eq!((state(&later), &later.stored.id), (State::Active, &first.stored.id));
    assert_eq!(kinds(&server).await, ["member.created"]);
}

#[tokio::test]
async fn groups_are_teams() {
    let (server, client) = TestServer::with_client().await;
    let (ines, otto) =
        (create(&client, "ines@example.com").await, create(&client, "otto@example.com").await);
    let crew = create_group(&client, "The Crew", &[&ines]).await;
    let team = server.teams("acme").await.remove(0);
    assert_eq!((&*team.name, &*team.slug), ("The Crew", "the-crew"));
    let in_team = async || -> Vec<String> {
        let members = server.members("acme").await;
        let inside = members.iter().filter(|m| m.teams == [team.id.clone()]);
        inside.map(|m| m.stored.member.email_address().unwrap().to_owned()).collect()
    };
    assert_eq!(in_team().await, ["ines@example.com"]);
    let place = format!("/Groups/{crew}");
    let add = json!([{"op": "add", "path": "members", "value": [{"value": otto}]}]);
    client.patch(&place, add).await.expect(204);
    assert_eq!(in_team().await, ["ines@example.com", "otto@example.com"]);
    let remove = json!([{"op": "remove", "path": format!("members[value eq \"{ines}\"]")}]);
    client.patch(&place, remove).await.expect(204);
    assert_eq!(in_team().await, ["otto@example.com"]);
    client.patch(&place, set("displayName", json!("Les Équipiers"))).await.expect(204);
    let renamed = server.teams("acme").await.remove(0);
    assert_eq!((&renamed.id, &*renamed.slug), (&team.id, "les-equipiers"));
    client.delete(&place).await.expect(204);
    assert!(server.teams("acme").await.is_empty() && in_team().await.is_empty());
    assert_eq!(
        kinds(&server).await,
        [
            "member.created",
            "member.created",
            "team.created",
            "team.member_added",
            "team.member_added",
            "team.member_removed",
            "team.updated",
            "team.deleted"
        ]
    );
}

/// A second directory takes people and groups over from the first.
#[tokio::test]
async fn a_move_from_one_directory_to_another() {
    let (server, first) = TestServer::with_client().await;
    let ines = create(&first, "ines@example.com").await;
    let crew = create_group(&first, "Crew", &[&ines]).await;
    let (member, team) = (only(&server).await, server.teams("acme").await);
    let second = server.client(&server.directory("okta", 0).await);
    let again = create(&second, "Ines@Example.com").await;
    create_group(&second, "crew", &[&again]).await;
    let both = only(&server).await;
    assert_eq!((both.sources.len(), &both.stored.id), (2, &member.stored.id));
    assert_eq!(server.teams("acme").await, team);
    first.delete(&format!("/Groups/{crew}")).await.expect(204);
    first.patch(&format!("/Users/{ines}"), set("active", json!(false))).await.expect(200);
    first.delete(&format!("/Users/{ines}")).await.expect(204);
    let after = only(&server).await;
    assert_eq!((state(&after), &after.stored.id), (State::Active, &member.stored.id));
    assert_eq!(after.teams, [team[0].id.clone()]);
    second.delete(&format!("/Users/{again}")).await.expect(204);
    assert!(server.members("acme").await.is_empty());
}

/// Two users of one directory with one e-mail address: the second one waits for it.
#[tokio::test]
async fn an_address_is_one_members() {
    let (server, client) = TestServer::with_client().await;
    let first = create(&client, "office@example.com").await;
    let mut second = user("otto@example.com");
    second["emails"][0]["value"] = json!("Office@example.com");
    let second = client.post("/Users", second).await.expect(201).id();
    let members = server.members("acme").await;
    assert_eq!(members.iter().map(state).collect::<Vec<_>>(), [State::Active, State::Incomplete]);
    let other = json!([{"value": "ines@example.com", "type": "work"}]);
    client.patch(&format!("/Users/{first}"), set("emails", other)).await.expect(200);
    let members = server.members("acme").await;
    assert_eq!(members.iter().map(state).collect::<Vec<_>>(), [State::Active, State::Active]);
    assert_eq!(members[0].stored.member.earlier_addresses, ["office@example.com"]);
    assert_eq!(members[1].stored.member.email_address(), Some("Office@example.com"));
    client.delete(&format!("/Users/{second}")).await.expect(204);
    assert_eq!(server.members("acme").await.len(), 1);
}

/// Entra's soft delete puts the object's id in front of the user name.
#[tokio::test]
async fn a_soft_delete_changes_no_name() {
    let (server, client) = TestServer::with_client().await;
    let id = create(&client, "ines@example.com").await;
    let before = only(&server).await;
    let place = format!("/Users/{id}");
    let renamed = "0123456789abcdef0123456789abcdefines@example.com";
    client.patch(&place, set("userName", json!(renamed))).await.expect(200);
    client.patch(&place, set("active", json!(false))).await.expect(200);
    let after = only(&server).await;
    assert_eq!(state(&after), State::Deactivated);
    assert_eq!(after.stored.member.fields, before.stored.member.fields);
    let restore = json!([
        {"op": "replace", "path": "userName", "value": "ines@example.com"},
        {"op": "replace", "path": "active", "value": true},
    ]);
    client.patch(&place, restore).await.expect(200);
    let restored = only(&server).await;
    assert_eq!((state(&restored), &restored.stored.id), (State::Active, &before.stored.id));
    assert_eq!(
        kinds(&server).await,
        ["member.created", "member.deactivated", "member.reactivated"]
    );
}

/// A rule for slugs that is set to what it is changes nothing for whoever writes groups.
#[tokio::test]
async fn slugs_set_to_what_they_are() {
    let (server, client) = TestServer::with_client().await;
    server.command("settings team-slugs --misfit normalise").await;
    let ines = create(&client, "ines@example.com").await;
    create_group(&client, "The Crew", &[&ines]).await;
    assert_eq!(server.teams("acme").await[0].slug, "the-crew");
}

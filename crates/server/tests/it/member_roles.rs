//! Roles of members: from groups by rules, from attributes, below a ceiling, by default.

use mapping::member::{Field, Reason};
use serde_json::{Value, json};
use store::members::Loaded;

use crate::{
    audited,
    harness::{Directory, ScimClient, TestServer, group, user},
};

/// A server with a directory and roles; `rules` are patterns with the roles that they give.
async fn office(rules: &[(&str, &str)]) -> (TestServer, Directory, ScimClient) {
    let server = TestServer::start().await;
    let directory = server.directory("entra", 0).await;
    for role in [
        "owner --precedence 10 --owner",
        "admin --precedence 20",
        "editor --precedence 30",
        "member --precedence 100 --default",
    ] {
        server.command(&format!("role create {role}")).await;
    }
    for (pattern, role) in rules {
        add_rule(&server, pattern, role).await;
    }
    let client = server.client(&directory);
    (server, directory, client)
}

async fn add_rule(server: &TestServer, pattern: &str, role: &str) -> String {
    let add = format!("rule add --organization acme --group {pattern} --role {role}");
    server.command(&add).await["id"].as_str().unwrap().to_owned()
}

async fn hire(client: &ScimClient, name: &str) -> String {
    client.post("/Users", user(&format!("{name}@example.com"))).await.expect(201).id()
}

async fn found(client: &ScimClient, name: &str, members: &[&str]) -> String {
    let mut body = group(name);
    body["members"] = members.iter().map(|id| json!({"value": id})).collect();
    format!("/Groups/{}", client.post("/Groups", body).await.expect(201).id())
}

fn leave(id: &str) -> Value {
    json!([{"op": "remove", "path": format!("members[value eq \"{id}\"]")}])
}

fn rename(name: &str) -> Value {
    json!([{"op": "replace", "path": "displayName", "value": name}])
}

/// The member with an address.
async fn member(server: &TestServer, name: &str) -> Loaded {
    let email = format!("{name}@example.com");
    let members = server.members("acme").await;
    let mut found = members.into_iter().filter(|m| m.stored.member.email_address() == Some(&email));
    found.next().unwrap_or_else(|| panic!("no {email}"))
}

async fn role(server: &TestServer, name: &str) -> Field {
    let member = member(server, name).await.stored.member;
    member.role.unwrap_or_else(|| panic!("{name} has no role"))
}

/// The role's name, and the group that gives it.
async fn by_group(server: &TestServer, name: &str) -> (String, Option<String>) {
    let Field { value, from } = role(server, name).await;
    let group = match from {
        Reason::Rule { group, .. } => Some(group),
        _ => None,
    };
    (value.as_str().unwrap().to_owned(), group)
}

fn given(role: &str, group: &str) -> (String, Option<String>) {
    (role.into(), Some(group.into()))
}

/// Everything that changes a role does so in its own request.
#[tokio::test]
async fn the_highest_declared_role_of_all_groups() {
    let rules = [("*", "member"), ("eng-*", "editor"), ("ACME-admins", "admin")];
    let (server, _, client) = office(&rules).await;
    let ines = hire(&client, "ines").await;
    let Field { value, from } = role(&server, "ines").await;
    assert_eq!((value, from), (json!("member"), Reason::DefaultRole));
    let everyone = found(&client, "Everyone", &[&ines]).await;
    assert_eq!(by_group(&server, "ines").await, given("member", "Everyone"));
    let build = found(&client, "Eng-Build", &[&ines]).await;
    assert_eq!(by_group(&server, "ines").await, given("editor", "Eng-Build"));
    let admins = found(&client, "acme-ADMINS", &[&ines]).await;
    assert_eq!(by_group(&server, "ines").await, given("admin", "acme-ADMINS"));
    // A rule is for the whole name.
    let others = found(&client, "acme-admins-archive", &[&ines]).await;
    client.patch(&admins, leave(&ines)).await.expect(204);
    assert_eq!(by_group(&server, "ines").await, given("editor", "Eng-Build"));
    client.patch(&others, rename("acme-admins")).await.refused(409);
    client.patch(&admins, rename("former")).await.expect(204);
    client.patch(&others, rename("acme-admins")).await.expect(204);
    assert_eq!(by_group(&server, "ines").await, given("admin", "acme-admins"));
    client.delete(&others).await.expect(204);
    assert_eq!(by_group(&server, "ines").await, given("editor", "Eng-Build"));
    client.patch(&build, rename("Sales")).await.expect(204);
    let (role, _) = by_group(&server, "ines").await;
    assert_eq!(role, "member");
    // Whole lists of members as well.
    let mut body = group("eng-run");
    body["members"] = json!([{"value": ines}]);
    client.put(&build, body.clone()).await.expect(200);
    assert_eq!(by_group(&server, "ines").await, given("editor", "eng-run"));
    body["members"] = json!([]);
    client.put(&build, body).await.expect(200);
    assert_eq!(by_group(&server, "ines").await, given("member", "Everyone"));
    client.delete(&everyone).await.expect(204);
    assert_eq!(by_group(&server, "ines").await, ("member".into(), None));
    audited::events_tell_all(&server, "acme").await;
    let events = server.events("acme", 0).await;
    let changes = events.iter().filter(|event| event.event.kind.as_str() == "member.role_changed");
    assert_eq!(changes.count(), 8, "{events:#?}");
}

/// What changes of roles and rules comes to the members by itself.
#[tokio::test]
async fn rules_come_and_go() {
    let (server, directory, client) = office(&[]).await;
    let (ines, otto) = (hire(&client, "ines").await, hire(&client, "otto").await);
    found(&client, "Crew", &[&ines]).await;
    found(&client, "Leads", &[&ines, &otto]).await;
    let crew = add_rule(&server, "crew", "editor").await;
    let leads = add_rule(&server, "leads", "admin").await;
    server.configured("acme").await;
    assert_eq!(by_group(&server, "ines").await, given("admin", "Leads"));
    assert_eq!(by_group(&server, "otto").await, given("admin", "Leads"));
    // The declared precedence decides, not the order of the rules.
    server.command("role update editor --precedence 15").await;
    server.configured("acme").await;
    assert_eq!(by_group(&server, "ines").await, given("editor", "Crew"));
    server.command(&format!("directory update {} --role-ceiling admin", directory.id)).await;
    server.configured("acme").await;
    assert_eq!(by_group(&server, "ines").await, given("admin", "Leads"));
    let problems = member(&server, "ines").await.stored.member.problems;
    assert_eq!(
        problems,
        [
            "the role `editor` is above `admin`, the highest that this directory may give: passed over"
        ]
    );
    server.command(&format!("directory update {} --role-ceiling none", directory.id)).await;
    server.command(&format!("rule remove {crew} --organization acme")).await;
    server.configured("acme").await;
    assert_eq!(by_group(&server, "ines").await, given("admin", "Leads"));
    assert!(member(&server, "ines").await.stored.member.problems.is_empty());
    server.command(&format!("rule remove {leads} --organization acme")).await;
    server.configured("acme").await;
    assert_eq!(by_group(&server, "ines").await, ("member".into(), None));
    server.command("role update admin --default on").await;
    server.configured("acme").await;
    assert_eq!(by_group(&server, "otto").await, ("admin".into(), None));
    audited::events_tell_all(&server, "acme").await;
}

/// `roles` of the user: the highest declared one; what is not declared is noted.
#[tokio::test]
async fn roles_from_an_attribute() {
    let (server, _, client) = office(&[("crew", "editor")]).await;
    let ines = hire(&client, "ines").await;
    found(&client, "Crew", &[&ines]).await;
    let place = format!("/Users/{ines}");
    let set = async |roles: Value| {
        let roles = json!([{"op": "replace", "path": "roles", "value": roles}]);
        client.patch(&place, roles).await.expect(200);
        member(&server, "ines").await.stored.member
    };
    let now = set(json!([{"value": "member"}, {"value": "admin"}])).await;
    let Some(Field { value, from: Reason::Mapping { source, is_default, .. } }) = now.role else {
        panic!("{now:#?}")
    };
    assert_eq!((value, is_default), (json!("admin"), true));
    assert!(source.starts_with("roles["), "{source}");
    let now = set(json!([{"value": "emperor"}])).await;
    assert_eq!(now.problems, ["`emperor` is no declared role: passed over"]);
    assert_eq!(by_group(&server, "ines").await, given("editor", "Crew"));
    let now = set(json!([])).await;
    assert!(now.problems.is_empty());
    // A user is told to be an owner by an attribute as well.
    let now = set(json!([{"value": "owner"}])).await;
    assert_eq!(now.role_name(), Some("owner"));
    audited::events_tell_all(&server, "acme").await;
}

/// A rule for the groups of one directory says nothing of the groups of another.
#[tokio::test]
async fn rules_for_one_directory() {
    let (server, directory, client) = office(&[]).await;
    let second = server.directory("okta", 0).await;
    let only = format!("--group Crew --role admin --directory {}", second.id);
    server.command(&format!("rule add --organization acme {only}")).await;
    let ines = hire(&client, "ines").await;
    found(&client, "Crew", &[&ines]).await;
    assert_eq!(by_group(&server, "ines").await, ("member".into(), None));
    let other = server.client(&second);
    let again = hire(&other, "ines").await;
    found(&other, "Crew", &[&again]).await;
    let Field { value, from } = role(&server, "ines").await;
    assert_eq!(value, "admin");
    assert!(matches!(from, Reason::Rule { directory_id, .. } if directory_id == second.id));
    // While the second is off, what it says does not count; the first has the person as well.
    server.command(&format!("directory disable {}", second.id)).await;
    server.configured("acme").await;
    assert_eq!(by_group(&server, "ines").await, ("member".into(), None));
    // Who is disabled where the role is from has it no more.
    server.command(&format!("directory enable {}", second.id)).await;
    server.configured("acme").await;
    assert_eq!(by_group(&server, "ines").await, given("admin", "Crew"));
    let off = json!([{"op": "replace", "path": "active", "value": false}]);
    other.patch(&format!("/Users/{again}"), off).await.expect(200);
    assert_eq!(by_group(&server, "ines").await, ("member".into(), None));
    assert_eq!(member(&server, "ines").await.sources.len(), 2, "{}", directory.id);
    audited::events_tell_all(&server, "acme").await;
}

/// Nested groups give nothing: only direct members count.
#[tokio::test]
async fn nested_groups_give_nothing() {
    let (server, _, client) = office(&[("admins", "admin")]).await;
    let (ines, otto) = (hire(&client, "ines").await, hire(&client, "otto").await);
    let inner = found(&client, "Inner", &[&ines]).await;
    let inner_id = inner.rsplit_once('/').unwrap().1;
    let outer = found(&client, "Admins", &[&otto, inner_id]).await;
    assert_eq!(by_group(&server, "ines").await, ("member".into(), None));
    assert_eq!(by_group(&server, "otto").await, given("admin", "Admins"));
    let kept = client.get(&outer).await.expect(200).body;
    assert_eq!(kept["members"].as_array().unwrap().len(), 2, "the nested group is kept: {kept}");
    let teams = server.teams("acme").await;
    let admins = teams.iter().find(|team| team.name == "Admins").unwrap();
    assert!(!member(&server, "ines").await.teams.contains(&admins.id));
    client.patch(&outer, rename("Former")).await.expect(204);
    assert_eq!(by_group(&server, "otto").await, ("member".into(), None));
    client.delete(&inner).await.expect(204);
    audited::events_tell_all(&server, "acme").await;
}

//! Many writes at once, and many in one: what follows from each is there, once.

use std::collections::BTreeSet;

use mapping::member::State;
use serde_json::{Value, json};

use crate::{
    audited,
    harness::{ScimClient, TestServer, group, in_parallel, user},
};

fn email(number: usize) -> String {
    format!("p{number}@example.com")
}

async fn roles(server: &TestServer) {
    for command in [
        "role create editor --precedence 30",
        "role create member --precedence 100 --default",
        "rule add --organization acme --group crew --role editor",
    ] {
        server.command(command).await;
    }
}

/// Who is in a team, by address.
async fn inside(server: &TestServer, name: &str) -> BTreeSet<String> {
    let team = server.teams("acme").await.into_iter().find(|team| team.name == name).unwrap();
    let members = server.members("acme").await.into_iter();
    let inside = members.filter(|loaded| loaded.teams.contains(&team.id));
    inside.map(|loaded| loaded.stored.member.email_address().unwrap().to_owned()).collect()
}

async fn with_role(server: &TestServer, role: &str) -> BTreeSet<String> {
    let members = server.members("acme").await.into_iter().map(|loaded| loaded.stored.member);
    let those = members.filter(|member| member.role_name() == Some(role));
    those.map(|member| member.email_address().unwrap().to_owned()).collect()
}

fn numbers(range: impl Iterator<Item = usize>) -> BTreeSet<String> {
    range.map(email).collect()
}

/// A hundred requests with one member each, to a group that says nothing of roles and to one that does; half of them
/// take out again whom another puts in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_single_members() {
    const PEOPLE: usize = 100;
    let server = TestServer::start().await;
    let client = server.client(&server.directory("entra", 0).await);
    roles(&server).await;
    let ids = in_parallel(PEOPLE, 32, |number| {
        let client = client.clone();
        async move { client.post("/Users", user(&email(number))).await.expect(201).id() }
    })
    .await;
    for name in ["Plain", "Crew"] {
        let place =
            format!("/Groups/{}", client.post("/Groups", group(name)).await.expect(201).id());
        let change = async |remove: bool| {
            in_parallel(PEOPLE, 50, |number| {
                let (client, place, id) = (client.clone(), place.clone(), ids[number].clone());
                let operation = match remove && number % 2 == 0 {
                    true => json!({"op": "Remove", "path": "members", "value": [{"value": id}]}),
                    false => json!({"op": "Add", "path": "members", "value": [{"value": id}]}),
                };
                async move { client.patch(&place, json!([operation])).await.expect(204) }
            })
            .await;
        };
        change(false).await;
        assert_eq!(inside(&server, name).await, numbers(0..PEOPLE));
        change(true).await;
        assert_eq!(inside(&server, name).await, numbers((0..PEOPLE).filter(|n| n % 2 == 1)));
    }
    assert_eq!(with_role(&server, "editor").await, numbers((0..PEOPLE).filter(|n| n % 2 == 1)));
    audited::events_tell_all(&server, "acme").await;
}

/// Two directories bring the same people at the same moment: each is one member with two users.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_people_from_two_directories() {
    const PEOPLE: usize = 60;
    let server = TestServer::start().await;
    let clients = [
        server.client(&server.directory("entra", 0).await),
        server.client(&server.directory("okta", 0).await),
    ];
    let ids = in_parallel(2 * PEOPLE, 40, |number| {
        let client = clients[number % 2].clone();
        async move { client.post("/Users", user(&email(number / 2))).await.expect(201).id() }
    })
    .await;
    let members = server.members("acme").await;
    assert_eq!(members.len(), PEOPLE);
    assert!(members.iter().all(|loaded| loaded.sources.len() == 2), "{members:#?}");
    // Groups of one name at the same moment are one team; one goes from each side.
    in_parallel(2, 2, |side| {
        let client = clients[side].clone();
        let members: Vec<Value> =
            ids.iter().skip(side).step_by(2).map(|id| json!({"value": id})).collect();
        let mut body = group(["Crew", "crew"][side]);
        body["members"] = members.into();
        async move { client.post("/Groups", body).await.expect(201) }
    })
    .await;
    assert_eq!(server.teams("acme").await.len(), 1);
    let name = server.teams("acme").await.remove(0).name;
    assert_eq!(inside(&server, &name).await, numbers(0..PEOPLE));
    in_parallel(2 * PEOPLE, 40, |number| {
        let client = clients[number % 2].clone();
        let place = format!("/Users/{}", ids[number]);
        async move {
            // Of every third person both are deleted, of the others one is, or is switched off.
            match (number / 2 % 3, number % 2) {
                (0, _) | (1, 0) => drop(client.delete(&place).await.expect(204)),
                (2, 1) => {
                    let off = json!([{"op": "replace", "path": "active", "value": false}]);
                    client.patch(&place, off).await.expect(200);
                }
                _ => {}
            }
        }
    })
    .await;
    let members = server.members("acme").await;
    assert_eq!(members.len(), PEOPLE / 3 * 2);
    assert!(members.iter().all(|loaded| loaded.stored.member.state == State::Active));
    assert!(members.iter().all(|loaded| loaded.teams.len() == 1), "{members:#?}");
    audited::events_tell_all(&server, "acme").await;
}

/// Of many who claim one address at the same moment one has it; as each goes, the next has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_for_many() {
    const PEOPLE: usize = 12;
    let server = TestServer::start().await;
    let client = server.client(&server.directory("entra", 0).await);
    let ids = in_parallel(PEOPLE, PEOPLE, |number| {
        let client = client.clone();
        let mut body = user(&email(number));
        body["emails"][0]["value"] = "office@example.com".into();
        async move { client.post("/Users", body).await.expect(201).id() }
    })
    .await;
    for (gone, id) in ids.iter().enumerate() {
        let members = server.members("acme").await;
        let states = members.iter().map(|loaded| loaded.stored.member.state);
        let (active, waiting): (Vec<_>, Vec<_>) = states.partition(|state| *state == State::Active);
        assert_eq!((active.len(), waiting.len()), (1, PEOPLE - gone - 1), "{members:#?}");
        client.delete(&format!("/Users/{id}")).await.expect(204);
    }
    assert!(server.members("acme").await.is_empty());
    audited::events_tell_all(&server, "acme").await;
}

fn job(operations: Vec<Value>) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": operations,
    })
}

async fn bulk(client: &ScimClient, operations: Vec<Value>) -> Vec<String> {
    let body = client.post("/Bulk", job(operations)).await.expect(200).body;
    let results = body["Operations"].as_array().unwrap().iter();
    results.map(|result| result["status"].as_str().unwrap().to_owned()).collect()
}

/// A job creates groups before the users that are their members, with operations between them that are refused: each is
/// undone by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promised_users_in_groups() {
    const PEOPLE: usize = 150;
    let server = TestServer::start().await;
    let client = server.client(&server.directory("generic", 0).await);
    roles(&server).await;
    let create = |endpoint: &str, bulk_id: &str, data: Value| json!({"method": "POST", "path": endpoint, "bulkId": bulk_id, "data": data});
    let group_of = |name: &str, every: usize| {
        let mut data = group(name);
        let members = (0..PEOPLE).step_by(every);
        data["members"] = members.map(|n| json!({"value": format!("bulkId:u{n}")})).collect();
        create("/Groups", name, data)
    };
    let mut operations = vec![group_of("Crew", 2), group_of("Plain", 3)];
    for number in 0..PEOPLE {
        operations.push(create("/Users", &format!("u{number}"), user(&email(number))));
        if number % 10 == 0 {
            // The same name again is refused.
            operations.push(create("/Users", &format!("twin{number}"), user(&email(number))));
        }
    }
    let statuses = bulk(&client, operations).await;
    let count = |status: &str| statuses.iter().filter(|s| *s == status).count();
    assert_eq!((count("201"), count("409")), (PEOPLE + 2, PEOPLE / 10), "{statuses:?}");
    assert_eq!(server.members("acme").await.len(), PEOPLE);
    assert_eq!(inside(&server, "Crew").await, numbers((0..PEOPLE).step_by(2)));
    assert_eq!(inside(&server, "Plain").await, numbers((0..PEOPLE).step_by(3)));
    assert_eq!(with_role(&server, "editor").await, numbers((0..PEOPLE).step_by(2)));
    audited::events_tell_all(&server, "acme").await;

    // Jobs and single requests at the same time.
    let crew = client.get("/Groups?filter=displayName%20eq%20%22Crew%22").await.expect(200).body;
    let crew = crew["Resources"][0]["id"].as_str().unwrap().to_owned();
    in_parallel(20, 10, |number| {
        let (client, crew) = (client.clone(), crew.clone());
        let name = format!("more{number}@example.com");
        async move {
            if number % 2 == 0 {
                let join = json!([{"op": "add", "path": "members",
                    "value": [{"value": "bulkId:one"}]}]);
                let patch = json!({
                    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                    "Operations": join,
                });
                let operations = vec![
                    json!({"method": "PATCH", "path": format!("/Groups/{crew}"), "data": patch}),
                    json!({"method": "POST", "path": "/Users", "bulkId": "one", "data": user(&name)}),
                ];
                assert_eq!(bulk(&client, operations).await, ["204", "201"]);
            } else {
                let id = client.post("/Users", user(&name)).await.expect(201).id();
                let join = json!([{"op": "add", "path": "members", "value": [{"value": id}]}]);
                client.patch(&format!("/Groups/{crew}"), join).await.expect(204);
            }
        }
    })
    .await;
    let mut expected = numbers((0..PEOPLE).step_by(2));
    expected.extend((0..20).map(|number| format!("more{number}@example.com")));
    assert_eq!(inside(&server, "Crew").await, expected);
    assert_eq!(with_role(&server, "editor").await, expected);
    audited::events_tell_all(&server, "acme").await;
}

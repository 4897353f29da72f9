//! An organization keeps its last owner, whatever a directory says: what it says is held, in the open, and takes
//! place by itself as soon as there is another.

use mapping::member::{Held, State};
use serde_json::{Value, json};
use store::members::Loaded;

use crate::{
    audited,
    harness::{ScimClient, TestServer, group, user},
};

/// An organization whose only owner is Ines, by the group `Owners`.
struct Office {
    server: TestServer,
    client: ScimClient,
    ines: String,
    /// The id of her member.
    member: String,
    owners: String,
}

async fn found(client: &ScimClient, name: &str, members: &[&str]) -> String {
    let mut body = group(name);
    body["members"] = members.iter().map(|id| json!({"value": id})).collect();
    format!("/Groups/{}", client.post("/Groups", body).await.expect(201).id())
}

/// The group of the owners, without anybody.
fn empty() -> Value {
    let mut body = group("Owners");
    body["members"] = json!([]);
    body
}

impl Office {
    async fn new() -> Self {
        let server = TestServer::start().await;
        let directory = server.directory("entra", 0).await;
        for command in [
            "role create owner --precedence 10 --owner",
            "role create member --precedence 100 --default",
            "rule add --organization acme --group owners* --role owner",
        ] {
            server.command(command).await;
        }
        let client = server.client(&directory);
        let ines = client.post("/Users", user("ines@example.com")).await.expect(201).id();
        let owners = found(&client, "Owners", &[&ines]).await;
        let mut office = Self { server, client, ines, member: String::new(), owners };
        let first = office.server.members("acme").await.remove(0);
        assert_eq!(first.stored.member.role_name(), Some("owner"));
        office.member = first.stored.id;
        office
    }

    fn place(&self) -> String {
        format!("/Users/{}", self.ines)
    }

    /// Her member, if it is not deleted.
    async fn find(&self) -> Option<Loaded> {
        let members = self.server.members("acme").await;
        members.into_iter().find(|loaded| loaded.stored.id == self.member)
    }

    /// She is an active owner, and what is held is this.
    async fn holds(&self, state: State, role: Option<&str>, what: &str) {
        let member = self.find().await.unwrap_or_else(|| panic!("{what}: gone")).stored.member;
        let is = (member.state, member.role_name(), member.email_address());
        assert_eq!(is, (State::Active, Some("owner"), Some("ines@example.com")), "{what}");
        let held = Held::LastOwner { state, role: role.map(str::to_owned) };
        assert_eq!(member.held, Some(held), "{what}");
    }

    /// Somebody else becomes an owner.
    async fn another(&self, name: &str) -> String {
        let email = format!("{name}@example.com");
        let id = self.client.post("/Users", user(&email)).await.expect(201).id();
        found(&self.client, &format!("Owners {name}"), &[&id]).await;
        id
    }

    async fn audit(&self) {
        audited::events_tell_all(&self.server, "acme").await;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    LeavesGroup,
    GroupEmptied,
    GroupRenamed,
    GroupDeleted,
    Disabled,
    DisabledByPut,
    SoftDeleted,
    Deleted,
    SoftDeletedThenDeleted,
    AddressCleared,
    LeavesGroupThenDisabled,
}

impl Way {
    const ALL: [Self; 11] = [
        Self::LeavesGroup,
        Self::GroupEmptied,
        Self::GroupRenamed,
        Self::GroupDeleted,
        Self::Disabled,
        Self::DisabledByPut,
        Self::SoftDeleted,
        Self::Deleted,
        Self::SoftDeletedThenDeleted,
        Self::AddressCleared,
        Self::LeavesGroupThenDisabled,
    ];

    /// Does it, and answers what she would be.
    async fn go(self, office: &Office) -> (State, &'static str) {
        let Office { client, ines, owners, .. } = office;
        let place = office.place();
        let disable = || json!([{"op": "replace", "path": "active", "value": false}]);
        let leave = || json!([{"op": "remove", "path": format!("members[value eq \"{ines}\"]")}]);
        let bin = || {
            let name = "0123456789abcdef0123456789abcdefines@example.com";
            json!([
                {"op": "Replace", "path": "active", "value": "False"},
                {"op": "Replace", "path": "userName", "value": name},
            ])
        };
        match self {
            Self::LeavesGroup => {
                client.patch(owners, leave()).await.expect(204);
                (State::Active, "member")
            }
            Self::GroupEmptied => {
                client.put(owners, empty()).await.expect(200);
                (State::Active, "member")
            }
            Self::GroupRenamed => {
                let rename = json!([{"op": "replace", "path": "displayName", "value": "Crew"}]);
                client.patch(owners, rename).await.expect(204);
                (State::Active, "member")
            }
            Self::GroupDeleted => {
                client.delete(owners).await.expect(204);
                (State::Active, "member")
            }
            Self::Disabled => {
                client.patch(&place, disable()).await.expect(200);
                (State::Deactivated, "owner")
            }
            Self::DisabledByPut => {
                let mut body = user("ines@example.com");
                body["active"] = false.into();
                client.put(&place, body).await.expect(200);
                (State::Deactivated, "owner")
            }
            Self::SoftDeleted => {
                client.patch(&place, bin()).await.expect(200);
                (State::Deactivated, "owner")
            }
            Self::Deleted => {
                client.delete(&place).await.expect(204);
                (State::Deleted, "owner")
            }
            Self::SoftDeletedThenDeleted => {
                client.patch(&place, bin()).await.expect(200);
                office.holds(State::Deactivated, Some("owner"), "soft-deleted").await;
                client.delete(&place).await.expect(204);
                (State::Deleted, "owner")
            }
            Self::AddressCleared => {
                let clear = json!([{"op": "remove", "path": "emails"}]);
                client.patch(&place, clear).await.expect(200);
                (State::Incomplete, "owner")
            }
            Self::LeavesGroupThenDisabled => {
                client.patch(owners, leave()).await.expect(204);
                client.patch(&place, disable()).await.expect(200);
                (State::Deactivated, "member")
            }
        }
    }
}

#[tokio::test]
async fn every_way_is_held_until_there_is_another() {
    for way in Way::ALL {
        let office = Office::new().await;
        let what = format!("{way:?}");
        let (state, role) = way.go(&office).await;
        office.holds(state, Some(role), &what).await;
        office.audit().await;
        let events = office.server.events("acme", 0).await;
        let told = events.iter().any(|told| {
            let after = told.event.after.as_ref();
            told.event.member_id.as_ref() == Some(&office.member)
                && after.is_some_and(|after| after.get("held").is_some_and(Value::is_object))
        });
        assert!(told, "{what}: not told {events:#?}");

        office.another("otto").await;
        let now = office.find().await.map(|loaded| loaded.stored.member);
        match state {
            State::Deleted => assert_eq!(now, None, "{what}"),
            state => {
                let now = now.unwrap();
                assert_eq!(
                    (now.state, now.role_name(), &now.held),
                    (state, Some(role), &None),
                    "{what}"
                );
            }
        }
        office.audit().await;
        // Now it is the other one who stays.
        let members = office.server.members("acme").await;
        let owners: Vec<_> = members
            .iter()
            .filter(|m| m.stored.member.state == State::Active)
            .filter(|m| m.stored.member.role_name() == Some("owner"))
            .collect();
        assert_eq!(owners.len(), 1, "{what}");
    }
}

/// What is held is gone when the directory takes it back.
#[tokio::test]
async fn taken_back() {
    let office = Office::new().await;
    let place = office.place();
    let active = |active: bool| json!([{"op": "replace", "path": "active", "value": active}]);
    office.client.patch(&place, active(false)).await.expect(200);
    office.holds(State::Deactivated, Some("owner"), "disabled").await;
    office.client.patch(&place, active(true)).await.expect(200);
    assert_eq!(office.find().await.unwrap().stored.member.held, None);
    office.another("otto").await;
    let now = office.find().await.unwrap().stored.member;
    assert_eq!((now.state, now.role_name()), (State::Active, Some("owner")));
    office.audit().await;
}

/// Somebody who was held and whose user is gone comes back under the same address.
#[tokio::test]
async fn deleted_and_created_again() {
    let office = Office::new().await;
    office.client.delete(&office.place()).await.expect(204);
    office.holds(State::Deleted, Some("owner"), "deleted").await;
    office.client.post("/Users", user("ines@example.com")).await.expect(201);
    office.holds(State::Active, Some("member"), "created again").await;
    office.another("otto").await;
    let now = office.find().await.unwrap();
    assert_eq!(now.sources.len(), 1);
    let now = now.stored.member;
    assert_eq!((now.state, now.role_name(), &now.held), (State::Active, Some("member"), &None));
    office.audit().await;
}

/// Whoever is held as deleted is not edited any more: another owner is what it takes, also one who is made so by hand.
#[tokio::test]
async fn ended_by_hand() {
    let office = Office::new().await;
    let email = "otto@example.com";
    office.client.post("/Users", user(email)).await.expect(201);
    office.client.delete(&office.place()).await.expect(204);
    let update = "member update --organization acme";
    for field in ["organization_role=member", "display_name=Ines", "active=false"] {
        let command = format!("{update} {} {field}", office.member);
        let refused = office.server.command_output(&command).await;
        assert!(!refused.status.success(), "{field}");
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.contains("make somebody else an owner"), "{field}: {said}");
    }
    office.holds(State::Deleted, Some("owner"), "deleted").await;
    office.server.command(&format!("{update} {email} organization_role=owner")).await;
    assert!(office.find().await.is_none());
    office.audit().await;
}

/// Of two owners who go in one request, one stays.
#[tokio::test]
async fn two_in_one_request() {
    for requests in ["remove", "rename", "delete", "replace"] {
        let office = Office::new().await;
        let client = &office.client;
        let otto = client.post("/Users", user("otto@example.com")).await.expect(201).id();
        let join = json!([{"op": "add", "path": "members", "value": [{"value": otto}]}]);
        client.patch(&office.owners, join).await.expect(204);
        let owners = async || -> Vec<Loaded> {
            let mut members = office.server.members("acme").await;
            members.retain(|loaded| loaded.stored.member.role_name() == Some("owner"));
            members
        };
        assert_eq!(owners().await.len(), 2);
        match requests {
            "remove" => {
                let both = json!([{"op": "Remove", "path": "members",
                    "value": [{"value": office.ines}, {"value": otto}]}]);
                client.patch(&office.owners, both).await.expect(204);
            }
            "rename" => {
                let rename = json!([{"op": "replace", "path": "displayName", "value": "Crew"}]);
                client.patch(&office.owners, rename).await.expect(204);
            }
            "replace" => {
                client.put(&office.owners, empty()).await.expect(200);
            }
            _ => {
                client.delete(&office.owners).await.expect(204);
            }
        }
        let left = owners().await;
        assert_eq!(left.len(), 1, "{requests}");
        let held = Held::LastOwner { state: State::Active, role: Some("member".into()) };
        assert_eq!(left[0].stored.member.held, Some(held), "{requests}");
        office.another("ute").await;
        let owners = owners().await;
        assert_eq!(owners.len(), 1, "{requests}");
        assert_eq!(owners[0].stored.member.email_address(), Some("ute@example.com"));
        office.audit().await;
    }
}

/// Another one who is held already is no other owner: of those who are held none goes until there is somebody who is
/// not.
#[tokio::test]
async fn one_after_the_other() {
    let office = Office::new().await;
    let otto = office.another("otto").await;
    let disable = json!([{"op": "replace", "path": "active", "value": false}]);
    office.client.patch(&office.place(), disable.clone()).await.expect(200);
    let ines = office.find().await.unwrap().stored.member;
    assert_eq!((ines.state, ines.held), (State::Deactivated, None));
    office.client.patch(&format!("/Users/{otto}"), disable).await.expect(200);
    let active = async || -> Vec<(String, bool)> {
        let mut members = office.server.members("acme").await;
        members.retain(|loaded| loaded.stored.member.state == State::Active);
        let shown = members.iter().map(|loaded| {
            let member = &loaded.stored.member;
            (member.email_address().unwrap().to_owned(), member.held.is_some())
        });
        shown.collect()
    };
    assert_eq!(active().await, [("otto@example.com".to_owned(), true)]);
    // She comes back: he goes.
    let enable = json!([{"op": "replace", "path": "active", "value": true}]);
    office.client.patch(&office.place(), enable).await.expect(200);
    assert_eq!(active().await, [("ines@example.com".to_owned(), false)]);
    office.audit().await;
}

/// A changed configuration is held like a request.
#[tokio::test]
async fn a_rule_that_goes() {
    let office = Office::new().await;
    let rules: Value = office.server.command("rule list --organization acme").await;
    let id = rules[0]["id"].as_str().unwrap();
    office.server.command(&format!("rule remove {id} --organization acme")).await;
    office.server.configured("acme").await;
    office.holds(State::Active, Some("member"), "without the rule").await;
    let add = "rule add --organization acme --group owners* --role owner";
    office.server.command(add).await;
    office.server.configured("acme").await;
    assert_eq!(office.find().await.unwrap().stored.member.held, None);
    // A role that is no owner's any more holds nobody.
    office
        .client
        .patch(&office.place(), json!([{"op": "replace", "path": "active", "value": false}]))
        .await
        .expect(200);
    office.holds(State::Deactivated, Some("owner"), "disabled").await;
    office.server.command("role update owner --owner off").await;
    office.server.configured("acme").await;
    let now = office.find().await.unwrap().stored.member;
    assert_eq!((now.state, now.held), (State::Deactivated, None));
    office.audit().await;
}

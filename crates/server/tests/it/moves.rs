//! From one identity provider to another: the second directory stands beside the first for a while, then the first is switched
//! off and deleted. Nobody who is in both loses who they are, their role or their teams.

use std::collections::BTreeMap;

use mapping::{
    Target,
    member::{Reason, State, Why},
};
use simulate::{Act, Kind, Options, Tenant};

use crate::{
    audited,
    harness::{Directory, TestServer},
};

const PEOPLE: usize = 6;

/// What nobody may lose.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    id: String,
    state: State,
    role: Option<String>,
    teams: Vec<String>,
    email: Option<String>,
}

/// Everybody by user name.
async fn everybody(server: &TestServer) -> BTreeMap<String, Kept> {
    let members = server.members("acme").await.into_iter().map(|loaded| {
        let member = loaded.stored.member;
        let kept = Kept {
            id: loaded.stored.id,
            state: member.state,
            role: member.role_name().map(str::to_owned),
            teams: loaded.teams,
            email: member.email_address().map(str::to_owned),
        };
        (member.text(&Target::Username).unwrap().to_lowercase(), kept)
    });
    members.collect()
}

fn options(server: &TestServer, kind: Kind, directory: &Directory) -> Options {
    let mut options = Options::new(kind, server.scim_url(directory), &directory.token);
    (options.users, options.groups) = (PEOPLE, 3);
    options
}

async fn a_move(leaves: &str) {
    let server = TestServer::start().await;
    let okta = server.directory("okta", 0).await;
    let entra = server.directory("entra", 0).await;
    for command in [
        "role create owner --precedence 10 --owner",
        "role create admin --precedence 20",
        "role create member --precedence 100 --default",
        "rule add --organization acme --group admins --role admin",
        "rule add --organization acme --group leads --role owner",
    ] {
        server.command(command).await;
    }
    let name_groups = |tenant: &mut Tenant<'_, '_>| {
        tenant.rename_group(1, "Admins");
        tenant.rename_group(2, "Leads");
    };
    let first = simulate::steer(
        options(&server, Kind::Okta, &okta),
        async |okta_side: &mut Tenant<'_, '_>| {
            name_groups(okta_side);
            okta_side.sync().await;
            // Somebody whom nobody tells the second directory of.
            let only = okta_side.hire("contractor");
            let contractor = okta_side.user_name(only).to_lowercase();
            okta_side.join_group(0, only);
            okta_side.join_group(1, only);
            okta_side.sync().await;
            let before = everybody(&server).await;
            assert_eq!(before.len(), PEOPLE + 1);
            let roles: Vec<_> = before.values().filter_map(|kept| kept.role.as_deref()).collect();
            assert!(["owner", "admin"].iter().all(|role| roles.contains(role)), "{roles:?}");
            let second = simulate::steer(
                options(&server, Kind::Entra, &entra),
                async |entra_side: &mut Tenant<'_, '_>| {
                    name_groups(entra_side);
                    entra_side.sync().await;
                    assert_eq!(
                        everybody(&server).await,
                        before,
                        "the second stands beside the first"
                    );
                    let members = server.members("acme").await;
                    assert_eq!(
                        members.iter().map(|m| m.sources.len()).sum::<usize>(),
                        2 * PEOPLE + 1
                    );
                    // The app of the first is taken from some, and given back to one of them.
                    for place in [0, 1, 2] {
                        okta_side.act(place, Act::Unassign);
                    }
                    okta_side.sync().await;
                    okta_side.act(2, Act::Assign);
                    okta_side.sync().await;
                    assert_eq!(
                        everybody(&server).await,
                        before,
                        "active in one directory is active"
                    );
                },
            );
            let ((), report) = second.await.unwrap();
            assert!(report.passed(), "{report}");

            server.command(&format!("directory disable {}", okta.id)).await;
            server.configured("acme").await;
            assert_eq!(everybody(&server).await, before, "the first is switched off");
            server.command(&format!("directory delete {} --members {leaves}", okta.id)).await;
            server.configured("acme").await;
            let mut expected = before.clone();
            if leaves == "deactivate" {
                expected.get_mut(&contractor).unwrap().state = State::Deactivated;
            }
            assert_eq!(everybody(&server).await, expected, "the first is deleted");
            audited::events_tell_all(&server, "acme").await;
            let members = server.members("acme").await;
            for loaded in members {
                let member = loaded.stored.member;
                if loaded.stored.id == before[&contractor].id {
                    assert_eq!(loaded.sources, []);
                    assert_eq!(member.why, Why::DirectoryDeleted { directory_id: okta.id.clone() });
                    assert!(member.fields.values().all(|field| field.from == Reason::Person));
                    continue;
                }
                let of: Vec<&str> =
                    loaded.sources.iter().map(|s| s.directory_id.as_str()).collect();
                assert_eq!(of, [&entra.id], "{member:#?}");
                let is_theirs = |from: &Reason| match from {
                    Reason::Mapping { directory_id, .. } | Reason::Rule { directory_id, .. } => {
                        *directory_id == entra.id
                    }
                    Reason::DefaultRole => true,
                    Reason::Person => false,
                };
                let role = member.role.iter();
                assert!(
                    member.fields.values().chain(role).all(|f| is_theirs(&f.from)),
                    "{member:#?}"
                );
            }
            // From now on the second alone says who is who.
            let client = server.client(&entra);
            let found = client.find_users("active eq true").await;
            for user in &found {
                let place = format!("/Users/{}", user["id"].as_str().unwrap());
                client.delete(&place).await.expect(204);
            }
            let left = everybody(&server).await;
            let owners = left.values().filter(|kept| kept.role.as_deref() == Some("owner"));
            assert_eq!(owners.count(), 1, "the last owner is held");
            assert!(left.contains_key(&contractor));
            assert!(left.len() <= 2, "{left:#?}");
            audited::events_tell_all(&server, "acme").await;
        },
    );
    // The first directory is deleted: nothing can be read back of it.
    first.await.unwrap();
}

#[tokio::test]
async fn everybody_stays_who_is_in_the_first_alone() {
    a_move("keep").await;
}

#[tokio::test]
async fn who_is_in_the_first_alone_is_deactivated() {
    a_move("deactivate").await;
}

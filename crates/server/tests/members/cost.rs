//! The cost of a change follows the size of the change: counted in rows, on the embedded store.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use store::{
    DirectoryTx, Mark, OrganizationTx, Tx,
    events::Event,
    members::{MemberSource, StoredMember},
};
use tempfile::TempDir;

use crate::{play::Play, sequences::Home, steps::NewUser};

/// People in the large group.
const MANY: usize = 20_000;

/// What the store has written so far.
async fn mark(play: &Play) -> Mark {
    let directory_id = play.model.directories[0].id.clone();
    let mark = async |mut tx: DirectoryTx<'_>| Ok(tx.mark());
    play.place.store.write::<_, store::Error, _>(&directory_id, mark).await.unwrap()
}

/// What a request has written: how many rows, and which events.
async fn cost(play: &Play, group: usize, operations: Value) -> (u64, Vec<Event>) {
    let sequence = sequence(play).await;
    let before = mark(play).await;
    play.patch("Group", group, operations).await.unwrap();
    let rows = mark(play).await.rows_since(before);
    (rows, events(play, sequence).await)
}

async fn sequence(play: &Play) -> i64 {
    let id = play.organization_id.clone();
    let read = async move |tx: &mut Tx| OrganizationTx::new(tx, &id).standing().await;
    play.place.store.administer::<_, store::Error, _>(read).await.unwrap().sequence
}

async fn events(play: &Play, after: i64) -> Vec<Event> {
    let id = play.organization_id.clone();
    let read = async move |tx: &mut Tx| OrganizationTx::new(tx, &id).events_after(after, 100).await;
    play.place.store.administer::<_, store::Error, _>(read).await.unwrap()
}

/// Puts many people like the first into a group, each with a member in its team.
async fn fill(play: &Play, group: usize) {
    let directory_id = play.model.directories[0].id.clone();
    let group_id = play.model.groups[group].id.clone();
    let first_user = play.model.users[0].id.clone();
    for first in (0..MANY).step_by(2_000) {
        let (directory, group_id, first_user) =
            (directory_id.clone(), group_id.clone(), first_user.clone());
        let write = async move |mut tx: DirectoryTx<'_>| {
            let standing = tx.standing().await?;
            let mut organization = tx.organization(&standing);
            let team = organization.team_of_group(&directory, &group_id).await?.unwrap();
            let found = organization.members_of_users(&directory, &[&first_user]).await?;
            let pattern = organization.load_members(&[&found[0].1]).await?.remove(0).stored;
            let (_, user) = organization.users(&directory, &[&first_user]).await?.remove(0);
            let id =
                |kind: &str, number: usize| format!("{kind}01900000-0000-7000-8000-{number:012x}");
            for number in first..first + 2_000 {
                let (user_id, member_id) = (id("", number), id("mem-", number));
                let mut user = user.clone();
                user.insert("userName".into(), format!("many{number}@a.example").into());
                tx.create("User", &user_id, &user, 0, "seed").await?;
                let mut organization = tx.organization(&standing);
                let mut stored = StoredMember { id: member_id.clone(), ..pattern.clone() };
                for field in stored.member.fields.values_mut() {
                    field.value = format!("many{number}@a.example").into();
                }
                organization.create_member(&stored).await?;
                let source = MemberSource {
                    directory_id: directory.clone(),
                    user_id,
                    known_user_name: None,
                    linked_by: "created".into(),
                };
                organization.link(&member_id, &source, 0).await?;
                organization.join_team(&team.id, &member_id).await?;
            }
            let ids: Vec<String> = (first..first + 2_000).map(|number| id("", number)).collect();
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            tx.add_members(&group_id, &ids).await?;
            Ok(())
        };
        play.place.store.write::<_, store::Error, _>(&directory_id, write).await.unwrap();
    }
}

async fn people_in(play: &Play, group: usize) -> usize {
    let (id, directory_id, group_id) = (
        play.organization_id.clone(),
        play.model.directories[0].id.clone(),
        play.model.groups[group].id.clone(),
    );
    let read = async move |tx: &mut Tx| {
        let mut tx = OrganizationTx::new(tx, &id);
        let team = tx.team_of_group(&directory_id, &group_id).await?.unwrap();
        Ok(tx.members_of_team(&team.id).await?.len())
    };
    play.place.store.administer::<_, store::Error, _>(read).await.unwrap()
}

#[tokio::test]
async fn a_change_of_a_large_group_costs_what_it_changes() {
    let home = Home::Folder(TempDir::new().unwrap());
    let mut play = Play::new(&home.open().await).await.unwrap();
    for name in 0..2 {
        let user = NewUser { name, email: Some(name), external_id: None, active: true, role: None };
        play.create_user(0, &user).await.unwrap();
    }
    let (small, large) = (0, 1);
    for name in ["Few", "Many"] {
        play.create_group(0, name, BTreeSet::new()).await.unwrap();
    }
    fill(&play, large).await;
    let one = play.references(&BTreeSet::from([1]));
    let add = json!([{"op": "add", "path": "members", "value": one}]);
    let remove = json!([{"op": "remove", "path": "members", "value": one}]);
    let rename = |name: &str| json!([{"op": "replace", "path": "displayName", "value": name}]);

    let of_few = cost(&play, small, add.clone()).await;
    let of_many = cost(&play, large, add).await;
    // The membership, the team's member, the event; the group's version, the journal's entry, the
    // organization's counters.
    assert_eq!((of_few.0, of_many.0), (6, 6));
    let kinds = |events: &[Event]| -> Vec<&str> {
        events.iter().map(|event| event.event.kind.as_str()).collect()
    };
    assert_eq!(kinds(&of_many.1), ["team.member_added"]);
    assert_eq!(people_in(&play, large).await, MANY + 1);

    // A name that no rule and no mapping asks for.
    let of_few = cost(&play, small, rename("Fewer")).await;
    let of_many = cost(&play, large, rename("More")).await;
    assert_eq!(of_few.0, of_many.0);
    assert!(of_many.0 < 10, "{}", of_many.0);
    assert_eq!(kinds(&of_many.1), ["team.updated"]);

    let (rows, events) = cost(&play, large, remove).await;
    assert_eq!((rows, kinds(&events)), (6, vec!["team.member_removed"]));
    assert_eq!(people_in(&play, large).await, MANY);
}

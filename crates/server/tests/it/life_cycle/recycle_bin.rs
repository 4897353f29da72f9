//! Who is deleted: for a while, and for good.

use mapping::{Target, member::State};
use simulate::{Act, Kind, Tenant};
use store::members::StoredMember;

use super::{Client, Organization, play, row};
use crate::harness::until;

fn is_entra(client: &Client) -> bool {
    client.kind == Kind::Entra
}

/// Entra puts the object's id in front of the user name of who is in its recycle bin, together with
/// `active=false`, before it or after it: name and address of the member stay.
#[tokio::test]
async fn the_new_user_name_of_the_recycle_bin() {
    for order in ["together", "name-first", "active-first"] {
        let knobs = [("tombstone-order", order)];
        play(&knobs, is_entra, async |organization: &Organization<'_>, tenant| {
            let tenant: &mut Tenant<'_, '_> = tenant;
            let before = organization.member(tenant, 1).await;
            let last = organization.last_event().await;
            tenant.act(1, Act::Delete);
            tenant.sync().await;
            organization.same_but(tenant, 1, &before, State::Deactivated).await;
            let (events, last) = organization.events(last, &before.stored.id).await;
            assert_eq!(events, ["member.deactivated"], "{:?} {order}", organization.client);
            let kept = tenant.user_name(1);
            let note = format!("read as a soft delete: the member stays `{kept}`");
            until("the provisioning log says it", async || {
                let log = organization.server.provisioning_log(&organization.directory).await;
                let mut notes = log.iter().flat_map(|entry| &entry.notes);
                notes.any(|said| said.ends_with(&note)).then_some(())
            })
            .await;
            tenant.act(1, Act::Restore);
            tenant.sync().await;
            organization.same_but(tenant, 1, &before, State::Active).await;
            let (events, _) = organization.events(last, &before.stored.id).await;
            assert_eq!(events, ["member.reactivated"], "{:?} {order}", organization.client);
        })
        .await;
    }
}

/// Who was unassigned before gets the new user name alone, and comes back from the bin without being assigned.
#[tokio::test]
async fn unassigned_and_then_deleted() {
    play(&[], is_entra, async |organization: &Organization<'_>, tenant| {
        let tenant: &mut Tenant<'_, '_> = tenant;
        let before = organization.member(tenant, 1).await;
        for act in [Act::Unassign, Act::Delete, Act::Restore] {
            tenant.act(1, act);
            tenant.sync().await;
            organization.same_but(tenant, 1, &before, State::Deactivated).await;
        }
        tenant.act(1, Act::Assign);
        tenant.sync().await;
        organization.same_but(tenant, 1, &before, State::Active).await;
    })
    .await;
}

/// A deleted member, as it is still in the store.
async fn tombstone(organization: &Organization<'_>, id: &str) -> StoredMember {
    let (organization_id, id) =
        (organization.server.organization(organization.client.slug).await, id.to_owned());
    let read = async move |tx: &mut store::Tx| {
        store::OrganizationTx::new(tx, &organization_id).load_members(&[&id]).await
    };
    let store = organization.server.open().await;
    let mut loaded = store.administer::<_, store::Error, _>(read).await.unwrap();
    assert_eq!(loaded.len(), 1);
    let loaded = loaded.remove(0);
    assert!(loaded.sources.is_empty() && loaded.teams.is_empty(), "{loaded:#?}");
    loaded.stored
}

/// Entra deletes for good whoever has been in the bin for 30 days, or is deleted there by hand: the member is gone, what
/// it was stays, and whoever comes by the same name is somebody new. Okta never deletes: its people stay deactivated,
/// and are who they were when they come again.
#[tokio::test]
async fn for_good_and_somebody_new() {
    row(async |organization: &Organization<'_>, tenant: &mut Tenant<'_, '_>| {
        let before = organization.member(tenant, 1).await;
        let mut last = organization.last_event().await;
        tenant.act(1, Act::Delete);
        tenant.sync().await;
        tenant.act(1, Act::Purge);
        if !organization.is_entra() {
            tenant.sync().await;
            organization.same_but(tenant, 1, &before, State::Deactivated).await;
            tenant.act(1, Act::Assign);
            tenant.sync().await;
            return organization.same_but(tenant, 1, &before, State::Active).await;
        }
        tenant.leave_group(0, 1);
        tenant.leave_group(1, 1);
        tenant.sync().await;
        let user_name = tenant.user_name(1);
        assert!(organization.find(&user_name).await.is_none());
        let (events, after) = organization.events(last, &before.stored.id).await;
        last = after;
        assert_eq!(events[..2], ["member.deactivated", "member.deleted"]);
        let kept = tombstone(organization, &before.stored.id).await;
        assert_eq!(kept.member.state, State::Deleted);
        assert_eq!(kept.member.fields, before.stored.member.fields);
        let again = tenant.hire_namesake(1);
        tenant.sync().await;
        let new = organization.member(tenant, again).await;
        assert_ne!(new.stored.id, before.stored.id);
        assert_eq!(new.stored.member.state, State::Active);
        assert_eq!(new.stored.member.email_address(), before.stored.member.email_address());
        assert_eq!(organization.events(last, &new.stored.id).await.0, ["member.created"]);
        // Who is deleted while they are active is deleted just so.
        tenant.act(2, Act::Purge);
        let gone = organization.member(tenant, 2).await;
        tenant.sync().await;
        assert_eq!(tombstone(organization, &gone.stored.id).await.member.state, State::Deleted);
    })
    .await;
}

/// Somebody deletes a user behind Okta's back, and the person is assigned again: there is a new account, and a new
/// member.
#[tokio::test]
async fn deleted_by_somebody_else() {
    play(
        &[],
        |client| !is_entra(client),
        async |organization: &Organization<'_>, tenant| {
            let tenant: &mut Tenant<'_, '_> = tenant;
            let before = organization.member(tenant, 1).await;
            tenant.delete_behind(1).await;
            assert!(organization.find(&tenant.user_name(1)).await.is_none());
            tenant.act(1, Act::Assign);
            tenant.sync().await;
            let new = organization.member(tenant, 1).await;
            assert_ne!(new.stored.id, before.stored.id);
            assert_eq!(new.stored.member.state, State::Active);
            assert_eq!(
                new.stored.member.text(&Target::Username),
                before.stored.member.text(&Target::Username)
            );
        },
    )
    .await;
}

/// Somebody new gets the names of who is in the bin, and with the address their member: one address is one person.
#[tokio::test]
async fn the_name_of_who_is_in_the_bin() {
    play(&[], is_entra, async |organization: &Organization<'_>, tenant| {
        let tenant: &mut Tenant<'_, '_> = tenant;
        let before = organization.member(tenant, 1).await;
        tenant.act(1, Act::Delete);
        tenant.sync().await;
        let again = tenant.hire_namesake(1);
        tenant.sync().await;
        let after = organization.member(tenant, again).await;
        assert_eq!(after.stored.id, before.stored.id);
        assert_eq!((after.stored.member.state, after.sources.len()), (State::Active, 2));
        assert_eq!(after.teams, [""; 0], "the groups of who is gone do not count");
    })
    .await;
}

//! Groups are pushed, renamed, deleted and unlinked.

use std::collections::BTreeSet;

use mapping::member::State;
use simulate::{Act, Tenant};
use store::teams::Team;

use super::{Organization, PEOPLE, play, row};

async fn team(organization: &Organization<'_>, name: &str) -> Option<Team> {
    let mut teams = organization.server.teams(organization.client.slug).await;
    teams.retain(|team| team.name == name);
    assert!(teams.len() < 2, "{teams:#?}");
    teams.pop()
}

/// Who is in a team.
async fn inside(organization: &Organization<'_>, team: &Team) -> BTreeSet<String> {
    let members = organization.members().await;
    let inside = members.into_iter().filter(|loaded| loaded.teams.contains(&team.id));
    inside.map(|loaded| loaded.stored.id).collect()
}

#[tokio::test]
async fn pushed_renamed_and_deleted() {
    row(async |organization: &Organization<'_>, tenant: &mut Tenant<'_, '_>| {
        let name = tenant.group_name(0);
        let first = team(organization, &name).await.unwrap();
        assert_eq!(inside(organization, &first).await.len(), PEOPLE);
        let member = organization.member(tenant, 1).await;
        let last = organization.last_event().await;
        tenant.leave_group(0, 1);
        tenant.sync().await;
        assert_eq!(inside(organization, &first).await.len(), PEOPLE - 1);
        tenant.join_group(0, 1);
        tenant.sync().await;
        assert_eq!(inside(organization, &first).await.len(), PEOPLE);
        let (events, _) = organization.events(last, &member.stored.id).await;
        assert_eq!(events, ["team.member_removed", "team.member_added"]);
        tenant.rename_group(0, "Les Équipiers");
        tenant.sync().await;
        let renamed = team(organization, "Les Équipiers").await.unwrap();
        assert_eq!((&renamed.id, &*renamed.slug), (&first.id, "les-equipiers"));
        assert_eq!(inside(organization, &renamed).await.len(), PEOPLE);
        tenant.delete_group(0);
        tenant.sync().await;
        assert_eq!(team(organization, "Les Équipiers").await, None);
        assert!(inside(organization, &first).await.is_empty());
        // Pushed again it is another team; the name is free.
        tenant.push_group(0);
        tenant.sync().await;
        let again = team(organization, "Les Équipiers").await.unwrap();
        assert_ne!(again.id, first.id);
        assert_eq!(again.slug, "les-equipiers");
        assert_eq!(inside(organization, &again).await.len(), PEOPLE);
    })
    .await;
}

/// Okta leaves a group alone whose push ends: the team stays, and is the same when the push begins again.
#[tokio::test]
async fn unlinked() {
    let is_okta = |client: &super::Client| client.kind == simulate::Kind::Okta;
    play(&[], is_okta, async |organization: &Organization<'_>, tenant| {
        let tenant: &mut Tenant<'_, '_> = tenant;
        let name = tenant.group_name(0);
        let first = team(organization, &name).await.unwrap();
        tenant.unlink_group(0);
        tenant.leave_group(0, 1);
        tenant.sync().await;
        assert_eq!(team(organization, &name).await.as_ref(), Some(&first));
        assert_eq!(inside(organization, &first).await.len(), PEOPLE, "nothing was said of it");
        tenant.push_group(0);
        tenant.sync().await;
        assert_eq!(team(organization, &name).await.as_ref(), Some(&first));
        assert_eq!(inside(organization, &first).await.len(), PEOPLE - 1);
    })
    .await;
}

/// Who is away keeps their teams, and their groups change with the others.
#[tokio::test]
async fn changed_while_somebody_is_away() {
    row(async |organization: &Organization<'_>, tenant: &mut Tenant<'_, '_>| {
        let before = organization.member(tenant, 1).await;
        tenant.act(1, Act::Unassign);
        tenant.sync().await;
        tenant.rename_group(0, "Crew");
        tenant.sync().await;
        organization.same_but(tenant, 1, &before, State::Deactivated).await;
        tenant.act(1, Act::Assign);
        tenant.sync().await;
        organization.same_but(tenant, 1, &before, State::Active).await;
    })
    .await;
}

//! People are assigned, leave, come back, and get other addresses and names.

use mapping::{
    Target,
    member::{State, Why},
};
use simulate::{Act, Tenant};

use super::{Organization, PEOPLE, row};

#[tokio::test]
async fn assigned() {
    row(async |organization: &Organization<'_>, tenant: &mut Tenant<'_, '_>| {
        assert_eq!(organization.members().await.len(), PEOPLE);
        for place in 0..PEOPLE {
            let loaded = organization.member(tenant, place).await;
            assert_eq!(loaded.stored.member.state, State::Active);
            assert_eq!(loaded.stored.member.email_address(), Some(&*tenant.mail(place)));
            let (events, _) = organization.events(0, &loaded.stored.id).await;
            assert_eq!(events[0], "member.created");
            assert!(events[1..].iter().all(|kind| *kind == "team.member_added"), "{events:?}");
        }
        // A cycle in which nothing happens changes nothing.
        let last = organization.last_event().await;
        tenant.sync().await;
        assert_eq!(organization.last_event().await, last);
    })
    .await;
}

/// Whoever leaves is deactivated and is the same when they come back, however they leave.
#[tokio::test]
async fn gone_and_back() {
    row(async |organization: &Organization<'_>, tenant: &mut Tenant<'_, '_>| {
        for (leaves, comes_back) in [
            (Act::Unassign, Act::Assign),
            (Act::Disable, Act::Enable),
            (Act::LeaveScope, Act::ReturnToScope),
            (Act::Delete, Act::Restore),
        ] {
            let before = organization.member(tenant, 1).await;
            assert!(!before.teams.is_empty());
            let last = organization.last_event().await;
            tenant.act(1, leaves);
            tenant.sync().await;
            organization.same_but(tenant, 1, &before, State::Deactivated).await;
            tenant.sync().await;
            organization.same_but(tenant, 1, &before, State::Deactivated).await;
            let (events, last) = organization.events(last, &before.stored.id).await;
            assert_eq!(events, ["member.deactivated"], "{:?} {leaves:?}", organization.client);
            tenant.act(1, comes_back);
            tenant.sync().await;
            organization.same_but(tenant, 1, &before, State::Active).await;
            let (events, _) = organization.events(last, &before.stored.id).await;
            assert_eq!(events, ["member.reactivated"], "{:?} {leaves:?}", organization.client);
        }
    })
    .await;
}

/// What changes while somebody is away is there when they come back.
#[tokio::test]
async fn changed_while_away() {
    row(async |organization: &Organization<'_>, tenant: &mut Tenant<'_, '_>| {
        let before = organization.member(tenant, 2).await;
        tenant.act(2, Act::Unassign);
        tenant.sync().await;
        tenant.act(2, Act::Marry);
        tenant.sync().await;
        tenant.act(2, Act::Assign);
        tenant.sync().await;
        let after = organization.member(tenant, 2).await;
        assert_eq!(after.stored.id, before.stored.id, "{:?}", organization.client);
        assert_eq!(after.stored.member.state, State::Active);
        assert_eq!(after.stored.member.email_address(), Some(&*tenant.mail(2)));
        let earlier = before.stored.member.email_address().unwrap();
        assert_eq!(after.stored.member.earlier_addresses, [earlier]);
    })
    .await;
}

/// Nobody without an address is complete, and they are told apart by the reason.
#[tokio::test]
async fn no_address_at_first() {
    row(async |organization: &Organization<'_>, tenant: &mut Tenant<'_, '_>| {
        let place = tenant.hire("new");
        let mail = tenant.mail(place);
        tenant.act(place, Act::Mail(""));
        tenant.join_group(1, place);
        tenant.sync().await;
        let first = organization.member(tenant, place).await;
        assert_eq!(first.stored.member.state, State::Incomplete, "{:?}", organization.client);
        assert_eq!(first.stored.member.why, Why::NoEmailAddress);
        assert_eq!(organization.events(0, &first.stored.id).await.0, [""; 0]);
        tenant.act(place, Act::Mail(&mail));
        tenant.sync().await;
        let later = organization.member(tenant, place).await;
        assert_eq!(
            (&later.stored.id, later.stored.member.state),
            (&first.stored.id, State::Active)
        );
        assert_eq!(later.stored.member.email_address(), Some(&*mail));
        let (events, _) = organization.events(0, &first.stored.id).await;
        assert_eq!(events, ["member.created", "team.member_added"], "{:?}", organization.client);
    })
    .await;
}

/// Okta empties an address: without one nobody is complete, and they are who they were when it is back. Entra never
/// sends what is empty: everything stays.
#[tokio::test]
async fn an_address_that_is_emptied() {
    row(async |organization: &Organization<'_>, tenant: &mut Tenant<'_, '_>| {
        let before = organization.member(tenant, 1).await;
        let mail = tenant.mail(1);
        let last = organization.last_event().await;
        tenant.act(1, Act::Mail(""));
        tenant.sync().await;
        if organization.is_entra() {
            organization.same_but(tenant, 1, &before, State::Active).await;
        } else {
            let now = organization.member(tenant, 1).await;
            assert_eq!(now.stored.member.state, State::Incomplete, "{:?}", organization.client);
            assert_eq!(now.stored.member.why, Why::NoEmailAddress);
            assert_eq!((&now.stored.id, &now.teams), (&before.stored.id, &before.teams));
            assert_eq!(now.stored.member.earlier_addresses, [&*mail]);
        }
        tenant.act(1, Act::Mail(&mail));
        tenant.sync().await;
        organization.same_but(tenant, 1, &before, State::Active).await;
        let (events, _) = organization.events(last, &before.stored.id).await;
        let expected: &[&str] = match organization.is_entra() {
            true => &[],
            false => &["member.deactivated", "member.reactivated"],
        };
        assert_eq!(events, expected, "{:?}", organization.client);
    })
    .await;
}

/// Somebody whose address is another's waits for it, in the open.
#[tokio::test]
async fn an_address_that_is_taken() {
    row(async |organization: &Organization<'_>, tenant: &mut Tenant<'_, '_>| {
        let mail = tenant.mail(0);
        let place = tenant.hire("new");
        tenant.act(place, Act::Mail(&mail));
        tenant.sync().await;
        let holder = organization.member(tenant, 0).await;
        let waiting = organization.member(tenant, place).await;
        assert_eq!(waiting.stored.member.state, State::Incomplete);
        let why = &waiting.stored.member.why;
        let Why::EmailAddressTaken { email_address, member_id } = why else { panic!("{why:?}") };
        assert_eq!((email_address, member_id), (&mail, &holder.stored.id));
        tenant.act(0, Act::Mail("somebody.else@example.com"));
        tenant.sync().await;
        let cured = organization.member(tenant, place).await;
        assert_eq!(cured.stored.member.state, State::Active, "{:?}", organization.client);
        assert_eq!(cured.stored.member.email_address(), Some(&*mail));
        assert_eq!(cured.stored.id, waiting.stored.id);
    })
    .await;
}

/// Two people had each other's address.
#[tokio::test]
async fn addresses_that_were_mixed_up() {
    row(async |organization: &Organization<'_>, tenant: &mut Tenant<'_, '_>| {
        let (mine, yours) = (tenant.mail(0), tenant.mail(1));
        let before = [organization.member(tenant, 0).await, organization.member(tenant, 1).await];
        tenant.act(0, Act::Mail(&yours));
        tenant.act(1, Act::Mail(&mine));
        tenant.sync().await;
        for (place, mail) in [(0, &yours), (1, &mine)] {
            let now = organization.member(tenant, place).await.stored;
            assert_eq!((&now.id, now.member.state), (&before[place].stored.id, State::Active));
            assert_eq!(now.member.email_address(), Some(&**mail), "{:?}", organization.client);
            assert_eq!(now.member.wanted_email, None);
        }
    })
    .await;
}

#[tokio::test]
async fn another_address_and_another_name() {
    row(async |organization: &Organization<'_>, tenant: &mut Tenant<'_, '_>| {
        let before = organization.member(tenant, 1).await;
        let last = organization.last_event().await;
        tenant.act(1, Act::Mail("ines@example.com"));
        tenant.sync().await;
        let after = organization.member(tenant, 1).await;
        assert_eq!(after.stored.id, before.stored.id);
        assert_eq!(after.stored.member.email_address(), Some("ines@example.com"));
        let earlier = before.stored.member.email_address().unwrap();
        assert_eq!(after.stored.member.earlier_addresses, [earlier]);
        let (events, last) = organization.events(last, &before.stored.id).await;
        assert_eq!(events, ["member.updated"], "{:?}", organization.client);
        tenant.act(1, Act::Marry);
        tenant.sync().await;
        let married = organization.member(tenant, 1).await;
        assert_eq!(married.stored.id, before.stored.id);
        assert_eq!(married.stored.member.earlier_addresses, [earlier, "ines@example.com"]);
        assert_ne!(
            married.stored.member.text(&Target::Username),
            before.stored.member.text(&Target::Username)
        );
        assert_eq!(married.teams, before.teams);
        let (events, _) = organization.events(last, &before.stored.id).await;
        assert!(events.iter().all(|kind| *kind == "member.updated"), "{events:?}");
    })
    .await;
}

//! Whether the members and teams of an organization are what its events and an identity provider say.

use std::collections::{BTreeMap, BTreeSet};

use headcount::members::effects::shown;
use mapping::{
    Target,
    member::{State, Why},
};
use serde_json::{Map, Value};
use simulate::Believed;
use store::{
    OrganizationTx, Tx,
    events::{Event, Kind},
    members::{Loaded, value_key},
};

use crate::harness::TestStore;

/// What somebody knows of an organization who has read its events and nothing else.
#[derive(Default)]
struct Reader {
    members: BTreeMap<String, Map<String, Value>>,
    /// Name and slug, and who is in it.
    teams: BTreeMap<String, (Value, BTreeSet<String>)>,
}

impl Reader {
    fn read(&mut self, event: Event) {
        let number = event.sequence;
        let event = event.event;
        let member = || event.member_id.clone().unwrap_or_else(|| panic!("event {number}: whose?"));
        let team = || event.team_id.clone().unwrap_or_else(|| panic!("event {number}: which?"));
        let parts = |value: &Option<Value>| match value {
            Some(Value::Object(parts)) => parts.clone(),
            other => panic!("event {number}: {other:?}"),
        };
        match event.kind {
            Kind::MemberCreated => {
                let before = self.members.insert(member(), parts(&event.after));
                assert_eq!(before, None, "event {number}: created twice");
            }
            Kind::MemberDeleted => {
                let gone = self.members.remove(&member());
                assert!(gone.is_some(), "event {number}: deleted, and never there");
            }
            Kind::MemberUpdated
            | Kind::MemberDeactivated
            | Kind::MemberReactivated
            | Kind::MemberRoleChanged => {
                let known = self.members.get_mut(&member());
                let known = known.unwrap_or_else(|| panic!("event {number}: nobody known"));
                for (name, value) in parts(&event.after) {
                    match value {
                        Value::Null => drop(known.remove(&name)),
                        value => drop(known.insert(name, value)),
                    }
                }
            }
            Kind::TeamCreated => {
                let before = self.teams.insert(team(), (event.after.unwrap(), BTreeSet::new()));
                assert_eq!(before, None, "event {number}: created twice");
            }
            Kind::TeamUpdated => {
                self.teams.get_mut(&team()).unwrap().0 = event.after.unwrap();
            }
            Kind::TeamDeleted => {
                assert!(self.teams.remove(&team()).is_some(), "event {number}");
            }
            Kind::TeamMemberAdded => {
                let (_, members) = self.teams.get_mut(&team()).unwrap();
                assert!(members.insert(member()), "event {number}: added twice");
            }
            Kind::TeamMemberRemoved => {
                let (_, members) = self.teams.get_mut(&team()).unwrap();
                assert!(members.remove(&member()), "event {number}: removed, and never there");
            }
        }
    }
}

/// Whoever has read all events knows the members and teams as they are stored: all but those who were never complete.
pub async fn events_tell_all(store: &TestStore, slug: &str) {
    let mut reader = Reader::default();
    for (number, event) in store.events(slug, 0).await.into_iter().enumerate() {
        assert_eq!(event.sequence, number as i64 + 1, "numbered without gaps");
        reader.read(event);
    }
    let mut members = store.members(slug).await;
    members.retain(|loaded| loaded.stored.settled_at.is_some());
    let ids: Vec<&String> = members.iter().map(|loaded| &loaded.stored.id).collect();
    assert_eq!(reader.members.keys().collect::<Vec<_>>(), ids, "{slug}: who is there");
    for loaded in &members {
        let known = Value::from(reader.members[&loaded.stored.id].clone());
        assert_eq!(known, shown(&loaded.stored.member), "{slug}: {}", loaded.stored.id);
    }
    let teams = store.teams(slug).await;
    let ids: Vec<&String> = teams.iter().map(|team| &team.id).collect();
    assert_eq!(reader.teams.keys().collect::<Vec<_>>(), ids, "{slug}: which teams are there");
    for team in &teams {
        let (shown, known) = &reader.teams[&team.id];
        assert_eq!(
            (&shown["name"], &shown["slug"]),
            (&team.name.clone().into(), &team.slug.clone().into())
        );
        let inside = members.iter().filter(|loaded| loaded.teams.contains(&team.id));
        let inside: BTreeSet<String> = inside.map(|loaded| loaded.stored.id.clone()).collect();
        assert_eq!(*known, inside, "{slug}: who is in `{}`", team.name);
    }
}

/// The members and teams of an organization with one directory are what its identity provider believes to have
/// pushed: each user is one member, active if a user of it is, with its names; each group is a team with those
/// people. Nobody else is there.
pub async fn as_believed(store: &TestStore, slug: &str, directory_id: &str, believed: &Believed) {
    let members = store.members(slug).await;
    let users: BTreeMap<&str, _> =
        believed.users.iter().map(|user| (user.id.as_str(), user)).collect();
    assert_eq!(users.len(), believed.users.len(), "{slug}: believed twice");
    let mut whose: BTreeMap<&str, &Loaded> = BTreeMap::new();
    for loaded in &members {
        assert!(!loaded.sources.is_empty(), "{slug}: nobody's {loaded:#?}");
        for source in &loaded.sources {
            assert_eq!(source.directory_id, directory_id);
            assert!(whose.insert(&source.user_id, loaded).is_none(), "{slug}: two members");
        }
    }
    let ids = |ids: Vec<&str>| ids.into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(
        ids(whose.keys().copied().collect()),
        ids(users.keys().copied().collect()),
        "{slug}: users of members, and users believed to be there"
    );
    let mut holders: BTreeMap<String, &str> = BTreeMap::new();
    for loaded in &members {
        if let Some(email) = loaded.stored.member.email_address() {
            let other = holders.insert(value_key(email), &loaded.stored.id);
            assert_eq!(other, None, "{slug}: two members with `{email}`");
        }
    }
    for loaded in &members {
        let member = &loaded.stored.member;
        let all = loaded.sources.iter().map(|source| users[source.user_id.as_str()]);
        let is_active = all.clone().any(|user| user.active);
        let mut counted: Vec<_> = all.filter(|user| user.active == is_active).collect();
        counted.sort_by(|a, b| a.id.cmp(&b.id));
        let first = counted[0];
        let name = member.text(&Target::Username).unwrap_or_default();
        // The object's id stands in front of the names of those in the recycle bin.
        assert!(
            first.user_name.ends_with(name) && !name.is_empty(),
            "{slug}: {first:?} {member:#?}"
        );
        assert!(name.len() == first.user_name.len() || !first.active, "{slug}: {first:?}");
        let email = counted.iter().find_map(|user| user.email.as_deref());
        match (member.state, &member.why) {
            (State::Active, _) => assert!(is_active, "{slug}: {counted:?} {member:#?}"),
            (State::Deactivated, _) => assert!(!is_active, "{slug}: {counted:?} {member:#?}"),
            (State::Incomplete, Why::NoEmailAddress) => {
                assert_eq!(email, None, "{slug}: {member:#?}");
            }
            (State::Incomplete, Why::EmailAddressTaken { email_address, member_id }) => {
                let holder = holders.get(&value_key(email_address));
                assert_eq!(holder, Some(&member_id.as_str()), "{slug}: {member:#?}");
                assert_ne!(*member_id, loaded.stored.id);
            }
            other => panic!("{slug}: {other:?} {member:#?}"),
        }
        match &member.wanted_email {
            None => assert_eq!(member.email_address(), email, "{slug}: {counted:?} {member:#?}"),
            Some(wanted) => {
                let holder = holders.get(&value_key(&wanted.email_address));
                assert_eq!(holder, Some(&wanted.member_id.as_str()), "{slug}: {member:#?}");
            }
        }
    }
    let (id, groups): (_, Vec<String>) =
        (store.organization(slug).await, believed.groups.iter().map(|g| g.id.clone()).collect());
    let directory = directory_id.to_owned();
    let read = async move |tx: &mut Tx| {
        let mut tx = OrganizationTx::new(tx, &id);
        let mut teams = Vec::new();
        for group in &groups {
            teams.push(tx.team_of_group(&directory, group).await?);
        }
        Ok::<_, store::Error>(teams)
    };
    let teams = store.open().await.administer(read).await.unwrap();
    let all: BTreeSet<String> = store.teams(slug).await.into_iter().map(|team| team.id).collect();
    let of_groups: BTreeSet<String> = teams.iter().flatten().map(|team| team.id.clone()).collect();
    assert_eq!(all, of_groups, "{slug}: teams, and groups believed to be there");
    assert_eq!(teams.len(), of_groups.len(), "{slug}: a team for each group");
    for (group, team) in believed.groups.iter().zip(teams.iter().flatten()) {
        assert_eq!(team.name, group.name, "{slug}");
        for loaded in &members {
            let member = &loaded.stored.member;
            let of = loaded.sources.iter().map(|source| users[source.user_id.as_str()]);
            let is_active = of.clone().any(|user| user.active);
            let mut counted = of.filter(|user| user.active == is_active);
            if counted.clone().any(|user| group.undecided.contains(&user.id)) {
                continue;
            }
            let is_in = counted.any(|user| group.members.contains(&user.id));
            assert_eq!(
                loaded.teams.contains(&team.id),
                is_in,
                "{slug}: `{}` {member:#?}",
                group.name
            );
        }
    }
}

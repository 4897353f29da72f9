//! Whether what is stored is what the model says, and what the events say.

use std::collections::{BTreeMap, BTreeSet};

use headcount::members::effects;
use mapping::{
    Target,
    member::{Held, Member, State},
};
use scim::text::fold;
use serde_json::{Map, Value};
use store::{
    OrganizationTx, Tx, accounts,
    accounts::Account,
    events::{Event, Kind},
    members::Loaded,
    teams::{Team, TeamSource},
};

use crate::{
    model::{self, DISPLAY_NAME, EMAIL, EXTERNAL_ID, USERNAME},
    play::{Play, Played},
};

/// What somebody knows who has only heard the events.
#[derive(Clone, Debug, Default)]
pub struct Replayed {
    /// The last event.
    pub sequence: i64,
    /// The members by id, each with its parts by name.
    members: BTreeMap<String, Map<String, Value>>,
    /// Names and slugs by id.
    teams: BTreeMap<String, (Value, Value)>,
    /// Team and member.
    in_team: BTreeSet<(String, String)>,
}

impl Replayed {
    fn hear(&mut self, heard: Event) -> Played<()> {
        let told = format!("{heard:?}");
        let expected = self.sequence + 1;
        if heard.sequence != expected {
            return Err(format!("event {expected} is missing: {told}"));
        }
        self.sequence = expected;
        let event = heard.event;
        let (member, team) = (event.member_id, event.team_id);
        let id = member.clone().or(team.clone()).ok_or_else(|| format!("about nobody: {told}"))?;
        let parts = |value: Option<Value>| match value {
            Some(Value::Object(parts)) => parts,
            _ => Map::new(),
        };
        let (before, after) = (parts(event.before), parts(event.after));
        let name = |parts: &Map<String, Value>| (parts["name"].clone(), parts["slug"].clone());
        let fits = match event.kind {
            Kind::MemberCreated => self.members.insert(id, after).is_none(),
            Kind::MemberUpdated
            | Kind::MemberDeactivated
            | Kind::MemberReactivated
            | Kind::MemberRoleChanged => {
                let Some(known) = self.members.get_mut(&id) else {
                    return Err(format!("about nobody known: {told}"));
                };
                let is =
                    |key: &String, value: &Value| known.get(key).unwrap_or(&Value::Null) == value;
                let fits = before.iter().all(|(key, value)| is(key, value))
                    // A role that is told with all else is told by itself, too.
                    || after.iter().all(|(key, value)| is(key, value));
                known.extend(after);
                known.retain(|_, value| !value.is_null());
                fits && before.len() + known.len() > 0
            }
            Kind::MemberDeleted => self.members.remove(&id).is_some(),
            Kind::TeamCreated => self.teams.insert(id, name(&after)).is_none(),
            Kind::TeamUpdated => self.teams.insert(id, name(&after)) == Some(name(&before)),
            Kind::TeamDeleted => {
                self.in_team.retain(|(team, _)| *team != id);
                self.teams.remove(&id) == Some(name(&before))
            }
            Kind::TeamMemberAdded | Kind::TeamMemberRemoved => {
                let (Some(team), Some(member)) = (team, member) else {
                    return Err(format!("without a team or a member: {told}"));
                };
                match event.kind {
                    Kind::TeamMemberAdded => self.in_team.insert((team, member)),
                    _ => self.in_team.remove(&(team, member)),
                }
            }
        };
        if fits { Ok(()) } else { Err(format!("does not fit what was before: {told}")) }
    }

    fn compare(&self, members: &[Loaded], teams: &[Team]) -> Played<()> {
        let known = members.iter().filter(|member| member.stored.settled_at.is_some());
        let stored: BTreeMap<&str, Value> =
            known.clone().map(|m| (&*m.stored.id, effects::shown(&m.stored.member))).collect();
        let heard: BTreeMap<&str, Value> =
            self.members.iter().map(|(id, parts)| (&**id, parts.clone().into())).collect();
        same("members by events", &stored, &heard)?;
        let stored: BTreeSet<(String, String)> = known
            .flat_map(|m| m.teams.iter().map(|team| (team.clone(), m.stored.id.clone())))
            .collect();
        same("members of teams by events", &stored, &self.in_team)?;
        let teams = teams.iter().map(|team| {
            (team.id.clone(), (Value::from(team.name.clone()), Value::from(team.slug.clone())))
        });
        same("teams by events", &teams.collect(), &self.teams)
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, stored: &T, expected: &T) -> Played<()> {
    if stored == expected {
        return Ok(());
    }
    Err(format!("{what}\n  stored:   {stored:?}\n  expected: {expected:?}"))
}

/// Everything of the organization that is compared.
struct Stored {
    members: Vec<Loaded>,
    teams: Vec<(Team, Vec<TeamSource>)>,
    events: Vec<Event>,
    accounts: BTreeMap<String, Account>,
}

async fn read(play: &Play) -> Played<Stored> {
    let (id, after) = (play.organization_id.clone(), play.replayed.sequence);
    let read = async move |tx: &mut Tx| {
        let mut tx = OrganizationTx::new(tx, &id);
        let ids = tx.member_ids("", 10_000).await?;
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let members = tx.load_members(&ids).await?;
        let mut teams = Vec::new();
        for team in tx.teams_after("", 10_000).await? {
            let sources = tx.team_sources(&team.id).await?;
            teams.push((team, sources));
        }
        let events = tx.events_after(after, 10_000).await?;
        let mut accounts = BTreeMap::new();
        for id in members.iter().filter_map(|member| member.stored.account_id.as_ref()) {
            if let Some(account) = accounts::get(tx.tx(), id).await? {
                accounts.insert(id.clone(), account);
            }
        }
        Ok(Stored { members, teams, events, accounts })
    };
    let stored = play.place.store.administer::<_, store::Error, _>(read).await;
    stored.map_err(|error| format!("reading: {error:?}"))
}

/// Compares what is stored with the events.
pub async fn hear(play: &mut Play) -> Played<()> {
    let Stored { members, teams, events, .. } = read(play).await?;
    for event in events {
        play.replayed.hear(event)?;
    }
    let teams: Vec<Team> = teams.into_iter().map(|(team, _)| team).collect();
    play.replayed.compare(&members, &teams)
}

/// Compares what is stored with the model and with the events.
pub async fn compare(play: &mut Play) -> Played<()> {
    let Stored { members, teams, events, accounts } = read(play).await?;
    for event in events {
        play.replayed.hear(event)?;
    }
    learn_ids(play, &members, &teams);
    let model = &play.model;
    let living = |member: &&model::Member| member.state != State::Deleted;
    let expected: BTreeMap<&str, String> = model
        .members
        .iter()
        .enumerate()
        .filter(|(_, member)| living(member))
        .map(|(at, member)| (&*member.id, expected(play, at)))
        .collect();
    let stored: BTreeMap<&str, String> =
        members.iter().map(|member| (&*member.stored.id, actual(member, &accounts))).collect();
    if stored != expected {
        let mut told = String::from("members\n");
        let ids: BTreeSet<&&str> = stored.keys().chain(expected.keys()).collect();
        for id in ids {
            let (is, should) = (stored.get(*id), expected.get(*id));
            if is != should {
                told += &format!("  {id}\n    stored:   {is:?}\n    expected: {should:?}\n");
            }
        }
        return Err(told);
    }
    let stored: BTreeMap<&str, (&str, &str, BTreeSet<&str>)> = teams
        .iter()
        .map(|(team, sources)| {
            let groups = sources.iter().map(|source| &*source.group_id).collect();
            (&*team.id, (&*team.name, &*team.slug, groups))
        })
        .collect();
    let teams_of_model = model.teams.iter().enumerate().filter(|(_, team)| !team.is_deleted);
    let expected: BTreeMap<&str, (&str, &str, BTreeSet<&str>)> = teams_of_model
        .map(|(at, team)| {
            let groups = model.groups.iter().filter(|group| group.team == Some(at));
            (&*team.id, (&*team.name, &*team.slug, groups.map(|group| &*group.id).collect()))
        })
        .collect();
    same("teams", &stored, &expected)?;
    let teams: Vec<Team> = teams.into_iter().map(|(team, _)| team).collect();
    play.replayed.compare(&members, &teams)
}

/// The members and teams of an organization without what differs from one to another: `name` says whose
/// user one is, by its id.
pub async fn without_ids(
    play: &Play,
    name: impl Fn(&str) -> String,
) -> Played<(BTreeSet<String>, BTreeSet<String>)> {
    let Stored { members, teams, .. } = read(play).await?;
    let in_words = |member: &Loaded| {
        let users: BTreeSet<String> =
            member.sources.iter().map(|source| name(&source.user_id)).collect();
        let inside: BTreeSet<&str> = teams
            .iter()
            .filter(|(team, _)| member.teams.contains(&team.id))
            .map(|(team, _)| &*team.name)
            .collect();
        let Member { state, fields, role, .. } = &member.stored.member;
        let fields: Vec<(String, &Value)> =
            fields.iter().map(|(target, field)| (target.to_string(), &field.value)).collect();
        let role = role.as_ref().map(|role| &role.value);
        format!("{users:?} {state:?} {fields:?} {role:?} {inside:?}")
    };
    let members = members.iter().map(in_words).collect();
    let named = teams.iter().map(|(team, groups)| format!("{} of {}", team.name, groups.len()));
    Ok((members, named.collect()))
}

/// What is new has got its id in the store: it is told by its users and groups.
fn learn_ids(play: &mut Play, members: &[Loaded], teams: &[(Team, Vec<TeamSource>)]) {
    let model = &mut play.model;
    for at in 0..model.members.len() {
        let users = model.users_of(at);
        let Some(user) = users.first().map(|&user| model.users[user].id.clone()) else { continue };
        let is = |member: &&Loaded| member.sources.iter().any(|source| source.user_id == user);
        if model.members[at].id.is_empty()
            && let Some(found) = members.iter().find(is)
        {
            model.members[at].id.clone_from(&found.stored.id);
        }
    }
    for at in 0..model.teams.len() {
        let group = model.groups.iter().find(|group| group.team == Some(at));
        let Some(group) = group.map(|group| group.id.clone()) else { continue };
        let is = |(_, sources): &&(Team, Vec<TeamSource>)| {
            sources.iter().any(|source| source.group_id == group)
        };
        if model.teams[at].id.is_empty()
            && let Some((team, _)) = teams.iter().find(is)
        {
            model.teams[at].id.clone_from(&team.id);
        }
    }
}

/// A member in words, as the model has it.
fn expected(play: &Play, at: usize) -> String {
    let model = &play.model;
    let member = &model.members[at];
    let fields: BTreeMap<&str, &str> =
        member.fields.iter().map(|(name, text)| (*name, &**text)).collect();
    let wanted = member.wanted.as_ref();
    let wanted = wanted.map(|(email, holder)| (&**email, &*model.members[*holder].id));
    let held = member.held.as_ref().map(|(state, role)| (*state, role.as_deref()));
    let teams: BTreeSet<&str> = member.teams.iter().map(|&team| &*model.teams[team].id).collect();
    let users: BTreeSet<&str> =
        model.users_of(at).into_iter().map(|user| &*model.users[user].id).collect();
    let email = fields.get(EMAIL);
    let is_vouched = email.is_some() && member.vouched.as_deref() == email.copied();
    let has_account = is_vouched || email.is_some_and(|email| model.is_verified(email));
    let account = email.filter(|_| has_account).map(|email| fold(email).to_string());
    in_words(
        (member.state, member.is_settled),
        &fields,
        member.role.as_deref(),
        held,
        wanted,
        (&teams, &users),
        account.as_deref(),
    )
}

/// A stored member in words.
fn actual(loaded: &Loaded, accounts: &BTreeMap<String, Account>) -> String {
    let stored = &loaded.stored;
    let member = &stored.member;
    let names = [
        (Target::EmailAddress, EMAIL),
        (Target::Username, USERNAME),
        (Target::ExternalId, EXTERNAL_ID),
        (Target::DisplayName, DISPLAY_NAME),
    ];
    let fields =
        names.iter().filter_map(|(target, name)| Some((*name, member.text(target)?))).collect();
    let wanted = member.wanted_email.as_ref();
    let wanted = wanted.map(|wanted| (&*wanted.email_address, &*wanted.member_id));
    let held =
        member.held.as_ref().map(|Held::LastOwner { state, role }| (*state, role.as_deref()));
    let account = stored.account_id.as_ref().and_then(|id| accounts.get(id));
    let account = account.map(|account| fold(&account.email_address).to_string());
    in_words(
        (member.state, stored.settled_at.is_some()),
        &fields,
        member.role_name(),
        held,
        wanted,
        (
            &loaded.teams.iter().map(String::as_str).collect(),
            &loaded.sources.iter().map(|source| &*source.user_id).collect(),
        ),
        account.as_deref(),
    )
}

fn in_words(
    state: (State, bool),
    fields: &BTreeMap<&str, &str>,
    role: Option<&str>,
    held: Option<(State, Option<&str>)>,
    wanted: Option<(&str, &str)>,
    (teams, users): (&BTreeSet<&str>, &BTreeSet<&str>),
    account: Option<&str>,
) -> String {
    format!(
        "{state:?} {fields:?} role {role:?} held {held:?} wanted {wanted:?} account {account:?} \
         teams {teams:?} users {users:?}"
    )
}

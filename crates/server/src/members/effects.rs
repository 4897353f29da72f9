//! What a change comes to: everything that becomes of members and teams, as values that can be
//! counted and shown before they are written.

use std::collections::BTreeMap;

use mapping::{
    Configuration, Target,
    member::{Field, Member, State},
};
use serde_json::{Map, Value, json};
use store::{
    OrganizationTx,
    accounts::{self, Account},
    events::{Cause, Kind, NewEvent},
    members::{MemberSource, Standing, StoredMember, member_key},
};

use super::{
    enrolment,
    world::{Person, World},
};
use crate::ids;

/// What becomes of one member.
#[derive(Clone, Debug)]
pub struct MemberEffect {
    pub id: String,
    pub before: Option<StoredMember>,
    pub now: Member,
    pub is_settled: bool,
    pub linked: Vec<MemberSource>,
    pub unlinked: Vec<MemberSource>,
    pub joined: Vec<String>,
    pub left: Vec<String>,
    /// The teams that the product is told of: those that are joined; of somebody whom it does not know
    /// yet, all.
    announced: Vec<String>,
    /// Whether they get an account, or lose it, without any other change.
    is_account_due: bool,
}

/// Everything that becomes of members, and what has become of teams.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    /// By their ids.
    pub members: Vec<MemberEffect>,
    /// What is written already in the same transaction.
    pub events: Vec<NewEvent>,
}

impl World<'_> {
    /// What differs from what is stored.
    pub fn effects(&self) -> Effects {
        let members = self.people.iter();
        let members =
            members.filter_map(|(id, person)| MemberEffect::of(id, person, &self.configuration));
        Effects { members: members.collect(), events: Vec::new() }
    }
}

impl MemberEffect {
    fn of(id: &str, person: &Person, configuration: &Configuration) -> Option<Self> {
        let joined: Vec<String> = person.teams.difference(&person.teams_before).cloned().collect();
        let effect = Self {
            announced: match was_settled(person.stored.as_ref()) {
                true => joined.clone(),
                false => person.teams.iter().cloned().collect(),
            },
            id: id.into(),
            before: person.stored.clone(),
            now: person.now.clone(),
            is_settled: person.is_settled,
            linked: difference(&person.sources, &person.sources_before),
            unlinked: person
                .sources_before
                .iter()
                .filter(|old| !person.sources.iter().any(|new| is_same_user(old, new)))
                .cloned()
                .collect(),
            joined,
            left: person.teams_before.difference(&person.teams).cloned().collect(),
            is_account_due: person.stored.as_ref().is_some_and(|stored| {
                stored.account_id.is_some() != has_account(&person.now, configuration)
                    && person.now.state != State::Deleted
            }),
        };
        (!effect.is_nothing()).then_some(effect)
    }

    fn is_nothing(&self) -> bool {
        self.before.as_ref().is_some_and(|before| before.member == self.now)
            && self.linked.is_empty()
            && self.unlinked.is_empty()
            && self.joined.is_empty()
            && self.left.is_empty()
            && !self.is_account_due
    }

    /// The events of it. Whom the product does not know yet makes none.
    pub fn events(&self) -> Vec<NewEvent> {
        let was_settled = was_settled(self.before.as_ref());
        if !self.is_settled {
            return Vec::new();
        }
        let mut events = Vec::new();
        let mut event = |kind, team_id: Option<&String>, before, after| {
            let (member_id, team_id) = (Some(self.id.clone()), team_id.cloned());
            events.push(NewEvent { kind, member_id, team_id, before, after });
        };
        match self.before.as_ref().filter(|_| was_settled) {
            None => event(Kind::MemberCreated, None, None, Some(shown(&self.now))),
            Some(stored) => {
                let (old, new) = differences(&stored.member, &self.now);
                let is_access = |state| state == State::Active;
                let (was, now) = (stored.member.state, self.now.state);
                let kind = match (is_access(was), is_access(now)) {
                    _ if now == State::Deleted => Some(Kind::MemberDeleted),
                    (true, false) => Some(Kind::MemberDeactivated),
                    (false, true) => Some(Kind::MemberReactivated),
                    _ => None,
                };
                let role = |member: &Member| member.role_name().map(str::to_owned);
                let role_changed = role(&stored.member) != role(&self.now);
                match kind {
                    Some(kind) => event(kind, None, Some(old), Some(new)),
                    None if only_role(&new) && role_changed => {
                        event(Kind::MemberRoleChanged, None, Some(old), Some(new));
                    }
                    None if new.as_object().is_some_and(|new| !new.is_empty()) => {
                        event(Kind::MemberUpdated, None, Some(old), Some(new));
                        if role_changed {
                            let (old, new) = roles(&stored.member, &self.now);
                            event(Kind::MemberRoleChanged, None, Some(old), Some(new));
                        }
                    }
                    None => {}
                }
            }
        }
        for team in &self.announced {
            event(Kind::TeamMemberAdded, Some(team), None, None);
        }
        // Of what somebody left before the product knew them, it was never told.
        for team in self.left.iter().filter(|_| was_settled) {
            event(Kind::TeamMemberRemoved, Some(team), None, None);
        }
        events
    }
}

/// Whether the product knew them.
fn was_settled(before: Option<&StoredMember>) -> bool {
    before.is_some_and(|before| before.settled_at.is_some())
}

/// New links, and old ones of which something else is known.
fn difference(now: &[MemberSource], before: &[MemberSource]) -> Vec<MemberSource> {
    now.iter().filter(|source| !before.contains(source)).cloned().collect()
}

fn is_same_user(a: &MemberSource, b: &MemberSource) -> bool {
    (&a.directory_id, &a.user_id) == (&b.directory_id, &b.user_id)
}

/// A member as events show it: every value with its reason.
pub fn shown(member: &Member) -> Value {
    Value::from(parts(member))
}

/// The parts of a member by name.
fn parts(member: &Member) -> Map<String, Value> {
    let mut parts = Map::new();
    parts.insert("state".into(), json!({"value": member.state, "from": member.why}));
    let field = |field: &Field| json!({"value": field.value, "from": field.from});
    for (target, value) in &member.fields {
        parts.insert(target.to_string(), field(value));
    }
    if let Some(role) = &member.role {
        parts.insert(Target::OrganizationRole.to_string(), field(role));
    }
    if let Some(held) = &member.held {
        parts.insert("held".into(), json!(held));
    }
    if let Some(wanted) = &member.wanted_email {
        parts.insert("wanted_email".into(), json!(wanted));
    }
    if !member.problems.is_empty() {
        parts.insert("problems".into(), json!(member.problems));
    }
    parts
}

/// The parts that differ, before and after; what is gone is null.
pub fn differences(before: &Member, after: &Member) -> (Value, Value) {
    let (before, after) = (parts(before), parts(after));
    let (mut old, mut new) = (Map::new(), Map::new());
    let names: BTreeMap<&String, ()> = before.keys().chain(after.keys()).map(|n| (n, ())).collect();
    for name in names.into_keys() {
        let (was, is) = (before.get(name), after.get(name));
        if was != is {
            old.insert(name.clone(), was.cloned().unwrap_or_default());
            new.insert(name.clone(), is.cloned().unwrap_or_default());
        }
    }
    (old.into(), new.into())
}

fn only_role(new: &Value) -> bool {
    let role = Target::OrganizationRole.to_string();
    new.as_object().is_some_and(|new| new.len() == 1 && new.contains_key(&role))
}

fn roles(before: &Member, after: &Member) -> (Value, Value) {
    let name = Target::OrganizationRole.to_string();
    let part = |member: &Member| {
        let value = parts(member).remove(&name).unwrap_or_default();
        Value::from(Map::from_iter([(name.clone(), value)]))
    };
    (part(before), part(after))
}

impl Effects {
    /// Whether nothing comes of it.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.events.is_empty()
    }

    /// Writes it all, with its events, behind what `standing` says was there before.
    pub async fn store(
        self,
        standing: &Standing,
        configuration: &Configuration,
        cause: &Cause,
        now: i64,
        tx: &mut OrganizationTx<'_>,
    ) -> Result<(), store::Error> {
        let mut sequence = standing.sequence;
        let mut record = self.events;
        for effect in &self.members {
            let key = |member: &Member| member_key(member, &Target::EmailAddress);
            if let Some(before) = &effect.before
                && key(&before.member).is_some()
                && key(&before.member) != key(&effect.now)
            {
                tx.free_email(&effect.id).await?;
            }
            // Before others link them.
            for source in &effect.unlinked {
                tx.unlink(&source.directory_id, &source.user_id).await?;
            }
        }
        let mut greets = None;
        for effect in &self.members {
            effect.store(configuration, now, tx).await?;
            if effect.enrols() && *greets.get_or_insert_with(|| enrolment::greets(standing)) {
                enrolment::greet(&effect.id, &effect.now, now, tx).await?;
            }
            record.extend(effect.events());
        }
        for event in &record {
            sequence += 1;
            tx.record_event(sequence, event, cause, now).await?;
        }
        tx.wrote(sequence).await
    }
}

impl MemberEffect {
    async fn store(
        &self,
        configuration: &Configuration,
        now: i64,
        tx: &mut OrganizationTx<'_>,
    ) -> Result<(), store::Error> {
        let is_changed = self.before.as_ref().is_none_or(|before| before.member != self.now);
        if is_changed || self.is_account_due {
            self.store_member(configuration, now, tx).await?;
        }
        for source in &self.linked {
            tx.link(&self.id, source, now).await?;
        }
        for team in &self.joined {
            tx.join_team(team, &self.id).await?;
        }
        for team in &self.left {
            tx.leave_team(team, &self.id).await?;
        }
        Ok(())
    }

    /// Whether it makes somebody active for the first time whom the product did not have as active by
    /// itself before.
    fn enrols(&self) -> bool {
        let is_known = |before: &StoredMember| {
            before.enrolled_at.is_some() || before.member.state == State::Active
        };
        self.now.state == State::Active && !self.before.as_ref().is_some_and(is_known)
    }

    async fn store_member(
        &self,
        configuration: &Configuration,
        now: i64,
        tx: &mut OrganizationTx<'_>,
    ) -> Result<(), store::Error> {
        let member = self.now.clone();
        let is_active = member.state == State::Active;
        let is_deleted = member.state == State::Deleted;
        let mut stored = match &self.before {
            Some(before) => StoredMember {
                version: before.version + 1,
                updated_at: now.max(before.updated_at),
                member,
                ..before.clone()
            },
            None => StoredMember {
                id: self.id.clone(),
                member,
                version: 1,
                created_at: now,
                updated_at: now,
                settled_at: None,
                enrolled_at: None,
                deleted_at: None,
                account_id: None,
            },
        };
        if self.is_settled && stored.settled_at.is_none() {
            stored.settled_at = Some(now);
        }
        if is_active && stored.enrolled_at.is_none() {
            stored.enrolled_at = Some(now);
        }
        if is_deleted && stored.deleted_at.is_none() {
            stored.deleted_at = Some(now);
        }
        if !is_deleted {
            stored.account_id = account(&stored.member, configuration, now, tx).await?;
        }
        match self.before {
            Some(_) => tx.update_member(&stored).await,
            None => tx.create_member(&stored).await,
        }
    }
}

/// Whether a member has an account: where its organization has verified the domain of its e-mail
/// address, or where the product itself says that the address is theirs.
fn has_account(member: &Member, configuration: &Configuration) -> bool {
    let vouched = member.vouched_email.as_deref();
    member.email_address().is_some_and(|email_address| {
        vouched == Some(email_address) || configuration.is_verified(email_address)
    })
}

/// The account of a member, if it has one.
async fn account(
    member: &Member,
    configuration: &Configuration,
    now: i64,
    tx: &mut OrganizationTx<'_>,
) -> Result<Option<String>, store::Error> {
    let email_address = member.email_address().filter(|_| has_account(member, configuration));
    let Some(email_address) = email_address else { return Ok(None) };
    let account =
        Account { id: ids::prefixed("acc"), email_address: email_address.into(), created_at: now };
    accounts::find_or_create(tx.tx(), &account).await.map(Some)
}

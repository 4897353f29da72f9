//! What a member is, as it follows from the users of directories that it is linked to.

use std::collections::{BTreeMap, BTreeSet};

use scim::Object;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Configuration, Directory, Target,
    attribute_mapping::{Evaluated, Group},
    configuration::Leaves,
    soft_delete,
};

/// A user of a directory, to whom a member is linked.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    pub directory_id: &'a str,
    pub user_id: &'a str,
    /// In its stored form.
    pub user: &'a Object,
    /// The groups that it is a direct member of, by id.
    pub groups: &'a [Group],
    /// The user name that it had before it may have been renamed by a soft delete.
    pub known_user_name: Option<&'a str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Active,
    Deactivated,
    /// There is nothing to identify them by.
    Incomplete,
    Deleted,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Deactivated => "deactivated",
            Self::Incomplete => "incomplete",
            Self::Deleted => "deleted",
        }
    }
}

/// Why a member is in its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Nothing else was said.
    Nothing,
    /// A user of a directory is active, or none is.
    Directory {
        directory_id: String,
        user_id: String,
    },
    Person,
    /// The last directory that had them is deleted.
    DirectoryDeleted {
        directory_id: String,
    },
    /// The directories deleted all users that they were.
    UserDeleted,
    /// They are another member, as it turned out.
    Merged {
        member_id: String,
    },
    NoEmailAddress,
    /// Their e-mail address is that of another member.
    EmailAddressTaken {
        email_address: String,
        member_id: String,
    },
}

/// Where a value is from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A line of a directory's attribute mapping.
    Mapping {
        directory_id: String,
        user_id: String,
        source: String,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_default: bool,
    },
    /// A rule for the groups that give roles.
    Rule { directory_id: String, rule_id: String, pattern: String, group_id: String, group: String },
    /// Somebody set it by hand.
    Person,
    /// The role that is given where nothing else gives one.
    DefaultRole,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    pub value: Value,
    pub from: Reason,
}

impl Field {
    fn by_hand(value: &Value) -> Self {
        Self { value: value.clone(), from: Reason::Person }
    }

    pub fn as_str(&self) -> Option<&str> {
        self.value.as_str()
    }
}

/// What is held back of what the directories say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// They are the organization's last owner, who would have got another role, or would have been
    /// deactivated or deleted.
    LastOwner { state: State, role: Option<String> },
}

/// An e-mail address that is somebody else's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedEmail {
    pub email_address: String,
    /// Who has it.
    pub member_id: String,
}

/// A person in an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub state: State,
    pub why: Why,
    /// Everything but state and role.
    pub fields: BTreeMap<Target, Field>,
    pub role: Option<Field>,
    /// What people set: it counts where no directory gives a value. Also `active` and the role.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_hand: BTreeMap<Target, Value>,
    /// Whether the product had them before any directory did.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_product: bool,
    /// The e-mail address that the product says is theirs: no directory has a part in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vouched_email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted_email: Option<WantedEmail>,
    /// What could not be used of what was sent, in words for an IT admin.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// E-mail addresses that they had, the latest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier_addresses: Vec<String>,
}

/// The most earlier e-mail addresses that are kept.
const MAX_EARLIER: usize = 50;

impl Member {
    /// Somebody of whom nothing is known yet.
    pub fn nobody() -> Self {
        Self {
            state: State::Incomplete,
            why: Why::NoEmailAddress,
            fields: BTreeMap::new(),
            role: None,
            by_hand: BTreeMap::new(),
            by_product: false,
            vouched_email: None,
            held: None,
            wanted_email: None,
            problems: Vec::new(),
            earlier_addresses: Vec::new(),
        }
    }

    pub fn text(&self, target: &Target) -> Option<&str> {
        self.fields.get(target)?.as_str()
    }

    pub fn email_address(&self) -> Option<&str> {
        self.text(&Target::EmailAddress)
    }

    pub fn role_name(&self) -> Option<&str> {
        self.role.as_ref()?.as_str()
    }

    pub fn is_active_owner(&self, configuration: &Configuration) -> bool {
        self.state == State::Active && configuration.roles.is_owner(self.role_name())
    }

    /// Makes what directories gave its own, because no directory has them any more.
    pub fn release(&mut self) {
        for (target, field) in &mut self.fields {
            self.by_hand.insert(target.clone(), field.value.clone());
            field.from = Reason::Person;
        }
        if let Some(role) = &mut self.role
            && !matches!(role.from, Reason::DefaultRole)
        {
            self.by_hand.insert(Target::OrganizationRole, role.value.clone());
            role.from = Reason::Person;
        }
        self.by_hand.insert(Target::Active, (self.state != State::Deactivated).into());
    }

    /// Ends them; what they were stays.
    pub fn delete(&mut self, why: Why) {
        (self.state, self.why) = (State::Deleted, why);
        (self.held, self.wanted_email) = (None, None);
    }

    /// Takes back an e-mail address that is somebody else's: they keep the one they had.
    pub fn yield_email(&mut self, before: &Self, holder: &str) {
        let Some(field) = self.fields.remove(&Target::EmailAddress) else { return };
        let email_address = field.as_str().unwrap_or_default().to_owned();
        let member_id = holder.to_owned();
        self.wanted_email = Some(WantedEmail {
            email_address: email_address.clone(),
            member_id: member_id.clone(),
        });
        match before.fields.get(&Target::EmailAddress) {
            Some(kept) => drop(self.fields.insert(Target::EmailAddress, kept.clone())),
            None => {
                self.state = State::Incomplete;
                self.why = Why::EmailAddressTaken { email_address, member_id };
            }
        }
    }

    /// Keeps state and role as they were, because the organization would lose its last owner.
    pub fn hold_last_owner(&mut self, before: &Self) {
        let role = self.role_name().map(str::to_owned);
        self.held = Some(Held::LastOwner { state: self.state, role });
        self.state = before.state;
        self.why = before.why.clone();
        self.role = before.role.clone();
        if self.email_address().is_none()
            && let Some(kept) = before.fields.get(&Target::EmailAddress)
        {
            self.fields.insert(Target::EmailAddress, kept.clone());
        }
    }

    /// Keeps in mind the e-mail address that they had before.
    pub fn remember(&mut self, before: &Self) {
        let (Some(earlier), now) = (before.email_address(), self.email_address()) else { return };
        if now == Some(earlier) {
            return;
        }
        self.earlier_addresses.retain(|address| address != earlier);
        self.earlier_addresses.push(earlier.to_owned());
        if self.earlier_addresses.len() > MAX_EARLIER {
            self.earlier_addresses.remove(0);
        }
    }
}

/// A source with what its directory's mapping makes of it.
struct Read<'a> {
    source: &'a Source<'a>,
    directory: &'a Directory,
    evaluated: Evaluated<'a>,
    is_active: bool,
}

/// The users of directories that decide what a member is: those of directories that are switched on,
/// before all others; of these those that are active, before all others. In order of age of their
/// directories.
fn counted<'a>(configuration: &'a Configuration, sources: &'a [Source<'a>]) -> Vec<Read<'a>> {
    let read = |source: &'a Source<'a>| {
        let directory = configuration.directories.get(source.directory_id)?;
        let user = soft_delete::undone(source.user, source.known_user_name);
        let evaluated = directory.mapping.evaluate(&user, source.groups);
        let active = evaluated.values.get(&Target::Active).and_then(|(value, _)| value.as_bool());
        Some(Read { source, directory, evaluated, is_active: active.unwrap_or(true) })
    };
    let mut reads: Vec<Read<'a>> = sources.iter().filter_map(read).collect();
    if reads.iter().any(|read| read.directory.enabled) {
        reads.retain(|read| read.directory.enabled);
    }
    if reads.iter().any(|read| read.is_active) {
        reads.retain(|read| read.is_active);
    }
    reads.sort_by_key(|read| (read.directory.position, read.source.user_id));
    reads
}

/// What a member should be, and through which groups.
#[derive(Clone, Debug)]
pub struct Projected {
    pub member: Member,
    /// The directory that is asked first; none of a member that no directory has.
    pub directory_id: Option<String>,
    /// The groups that count, as `(directory, group)`: their teams are the member's. None for a member
    /// that no directory has: its teams stay as they are.
    pub groups: Option<BTreeSet<(String, String)>>,
}

/// What a member should be: a function of what is configured, the users that it is linked to and
/// what was set by hand. The users are those of directories that are not deleted.
///
/// Whether its e-mail address is free and whether it is the last owner is for the caller to see, who
/// knows the other members.
pub fn project(
    configuration: &Configuration,
    sources: &[Source<'_>],
    before: &Member,
) -> Projected {
    let mut member = Member {
        fields: BTreeMap::new(),
        role: None,
        held: None,
        wanted_email: None,
        problems: Vec::new(),
        ..before.clone()
    };
    for (target, value) in &before.by_hand {
        if !matches!(target, Target::Active | Target::OrganizationRole) {
            member.fields.insert(target.clone(), Field::by_hand(value));
        }
    }
    let counted = counted(configuration, sources);
    let mut given: BTreeSet<&Target> = BTreeSet::new();
    let mut problems: Vec<&str> = Vec::new();
    for read in &counted {
        problems.extend(read.evaluated.problems.iter().map(String::as_str));
        for (target, (value, line)) in &read.evaluated.values {
            if *target == Target::Active || !given.insert(target) {
                continue;
            }
            let from = Reason::Mapping {
                directory_id: read.source.directory_id.into(),
                user_id: read.source.user_id.into(),
                source: line.source.clone(),
                is_default: line.is_default,
            };
            member.fields.insert(target.clone(), Field { value: value.clone(), from });
        }
    }
    member.problems = problems.into_iter().map(str::to_owned).collect();
    member.role = role(configuration, &counted, before, &mut member.problems);
    let mut seen = BTreeSet::new();
    member.problems.retain(|problem| seen.insert(problem.clone()));
    (member.state, member.why) = match counted.first() {
        Some(first) => {
            let (directory_id, user_id) =
                (first.source.directory_id.into(), first.source.user_id.into());
            let state = if first.is_active { State::Active } else { State::Deactivated };
            (state, Why::Directory { directory_id, user_id })
        }
        None => match before.by_hand.get(&Target::Active).and_then(Value::as_bool) {
            Some(false) => (State::Deactivated, without_sources(before)),
            Some(true) => (State::Active, without_sources(before)),
            None => (State::Active, Why::Nothing),
        },
    };
    if member.email_address().is_none() {
        (member.state, member.why) = (State::Incomplete, Why::NoEmailAddress);
    }
    let groups = counted.iter().flat_map(|read| {
        let id = |group: &Group| (read.source.directory_id.to_owned(), group.id.clone());
        read.source.groups.iter().map(id)
    });
    let groups = (!sources.is_empty()).then(|| groups.collect());
    let directory_id = counted.first().map(|read| read.source.directory_id.to_owned());
    Projected { member, directory_id, groups }
}

/// A state that was set by hand, or stayed when the last directory went.
fn without_sources(before: &Member) -> Why {
    match &before.why {
        why @ Why::DirectoryDeleted { .. } => why.clone(),
        _ => Why::Person,
    }
}

/// The highest declared role that rules and mappings give; else the one set by hand; else the
/// default.
fn role(
    configuration: &Configuration,
    counted: &[Read<'_>],
    before: &Member,
    problems: &mut Vec<String>,
) -> Option<Field> {
    let roles = &configuration.roles;
    let mut best: Option<(i64, Field)> = None;
    for read in counted {
        let directory_id = read.source.directory_id;
        let by_rules = configuration
            .rules
            .iter()
            .filter(|rule| rule.directory_id.as_deref().is_none_or(|id| id == directory_id));
        let by_rules = by_rules.filter_map(|rule| {
            let group = read.source.groups.iter().find(|g| rule.pattern.matches(&g.display))?;
            let from = Reason::Rule {
                directory_id: directory_id.into(),
                rule_id: rule.id.clone(),
                pattern: rule.pattern.as_str().into(),
                group_id: group.id.clone(),
                group: group.display.clone(),
            };
            Some((&rule.role, from))
        });
        let by_mapping = read.evaluated.roles.iter().map(|(role, line)| {
            let from = Reason::Mapping {
                directory_id: directory_id.into(),
                user_id: read.source.user_id.into(),
                source: line.source.clone(),
                is_default: line.is_default,
            };
            (role, from)
        });
        let ceiling = read.directory.role_ceiling.as_deref();
        let lowest_allowed = ceiling.and_then(|name| roles.get(name)).map(|role| role.precedence);
        for (name, from) in by_rules.chain(by_mapping) {
            let Some(role) = roles.get(name) else {
                if roles.iter().next().is_some() {
                    problems.push(format!("`{name}` is no declared role: passed over"));
                }
                continue;
            };
            if lowest_allowed.is_some_and(|ceiling| role.precedence < ceiling) {
                let ceiling = ceiling.unwrap_or_default();
                problems.push(format!(
                    "the role `{name}` is above `{ceiling}`, the highest that this directory may \
                     give: passed over"
                ));
                continue;
            }
            if best.as_ref().is_none_or(|(precedence, _)| role.precedence < *precedence) {
                best = Some((role.precedence, Field { value: name.clone().into(), from }));
            }
        }
    }
    if let Some((_, field)) = best {
        return Some(field);
    }
    let by_hand = before.by_hand.get(&Target::OrganizationRole);
    if let Some(value) =
        by_hand.filter(|v| v.as_str().is_some_and(|name| roles.get(name).is_some()))
    {
        return Some(Field::by_hand(value));
    }
    let default = roles.default_role()?;
    Some(Field { value: default.name.clone().into(), from: Reason::DefaultRole })
}

/// What becomes of a member whose last directory is deleted.
pub fn leave(before: &Member, directory_id: &str, leaves: Leaves) -> Member {
    let mut member = before.clone();
    member.release();
    member.why = Why::DirectoryDeleted { directory_id: directory_id.into() };
    if leaves == Leaves::Deactivate {
        member.by_hand.insert(Target::Active, false.into());
    }
    member
}

/// The fields of a user by which its member is found, as its directory's mapping has them; whether it
/// is active.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    pub values: BTreeMap<Target, String>,
    pub is_active: bool,
}

/// Reads what identifies a user.
pub fn identity(directory: &Directory, source: &Source<'_>) -> Identity {
    let user = soft_delete::undone(source.user, source.known_user_name);
    let evaluated = directory.mapping.evaluate(&user, source.groups);
    let active = evaluated.values.get(&Target::Active).and_then(|(value, _)| value.as_bool());
    let values = [Target::EmailAddress, Target::ExternalId, Target::Username];
    let values = values.into_iter().filter_map(|target| {
        let text = evaluated.values.get(&target)?.0.as_str()?.to_owned();
        Some((target, text))
    });
    Identity { values: values.collect(), is_active: active.unwrap_or(true) }
}

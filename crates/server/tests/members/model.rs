//! What members and teams should be, worked out naively: everybody is looked at from the beginning,
//! again and again, until nothing changes. It knows nothing of what has just happened, and nothing of
//! the code that it judges but the names of states and how a slug is made of a name.

use std::collections::{BTreeMap, BTreeSet};

use mapping::{configuration::Leaves, member::State, slug};
use scim::text::fold;

pub const EMAIL: &str = "email_address";
pub const USERNAME: &str = "username";
pub const EXTERNAL_ID: &str = "external_id";
pub const DISPLAY_NAME: &str = "display_name";

/// What a directory's mapping says besides the defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overrides {
    #[default]
    Nothing,
    /// `title` is a role.
    Title,
    /// Each group's name, in lower case, is a role.
    Groups,
    /// `nickName` is the e-mail address, where there is one.
    NickName,
}

#[derive(Clone, Debug, Default)]
pub struct Directory {
    pub id: String,
    pub enabled: bool,
    pub deleted: Option<Leaves>,
    pub identifier: &'static str,
    pub ceiling: Option<&'static str>,
    pub overrides: Overrides,
}

#[derive(Clone, Debug, Default)]
pub struct User {
    pub directory: usize,
    pub id: String,
    pub name: String,
    pub email: Option<String>,
    pub nick_name: Option<String>,
    pub external_id: Option<String>,
    pub title: Option<&'static str>,
    pub role: Option<&'static str>,
    pub active: bool,
    /// The user name before a soft delete.
    pub known: Option<String>,
    /// None: it is deleted, or its directory is.
    pub member: Option<usize>,
}

#[derive(Clone, Debug, Default)]
pub struct Group {
    pub directory: usize,
    pub id: String,
    pub name: String,
    pub members: BTreeSet<usize>,
    /// None: it is deleted, or its directory is.
    pub team: Option<usize>,
}

#[derive(Clone, Debug)]
pub struct Role {
    pub name: &'static str,
    pub is_default: bool,
    pub is_owner: bool,
}

#[derive(Clone, Debug)]
pub struct Rule {
    pub id: String,
    pub pattern: &'static str,
    pub role: &'static str,
    pub directory: Option<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Empty as long as it was not seen in the store.
    pub id: String,
    pub state: State,
    pub is_settled: bool,
    pub fields: BTreeMap<&'static str, String>,
    pub role: Option<String>,
    pub by_hand: BTreeMap<&'static str, String>,
    pub role_by_hand: Option<String>,
    pub active_by_hand: Option<bool>,
    pub is_role_default: bool,
    pub by_product: bool,
    pub vouched: Option<String>,
    pub held: Option<(State, Option<String>)>,
    /// The e-mail address that it should have, and who has it.
    pub wanted: Option<(String, usize)>,
    pub teams: BTreeSet<usize>,
    /// Its last user has just been deleted.
    pub is_orphaned: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Team {
    pub id: String,
    pub name: String,
    pub slug: String,
    pub is_deleted: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Model {
    pub directories: Vec<Directory>,
    pub users: Vec<User>,
    pub groups: Vec<Group>,
    pub members: Vec<Member>,
    pub teams: Vec<Team>,
    /// The highest first.
    pub roles: Vec<Role>,
    pub rules: Vec<Rule>,
    pub verified: BTreeSet<&'static str>,
    /// The member of the user that has just been written.
    pub written: Option<usize>,
}

impl Member {
    pub fn new() -> Self {
        Self {
            id: String::new(),
            state: State::Incomplete,
            is_settled: false,
            fields: BTreeMap::new(),
            role: None,
            by_hand: BTreeMap::new(),
            role_by_hand: None,
            active_by_hand: None,
            is_role_default: false,
            by_product: false,
            vouched: None,
            held: None,
            wanted: None,
            teams: BTreeSet::new(),
            is_orphaned: false,
        }
    }

    fn key(&self, target: &str) -> Option<String> {
        let text = self.fields.get(target).filter(|_| self.state != State::Deleted);
        text.map(|text| fold(text))
    }

    /// Makes what directories gave its own.
    fn release(&mut self) {
        self.by_hand = self.fields.clone();
        if !self.is_role_default && self.role.is_some() {
            self.role_by_hand.clone_from(&self.role);
        }
        self.active_by_hand = Some(self.state != State::Deactivated);
    }
}

impl User {
    /// The digits of a soft delete, and the user name behind them.
    fn renamed(&self) -> Option<(&str, &str)> {
        let (digits, rest) = self.name.split_at_checked(32)?;
        let is_known = self.known.as_deref().is_some_and(|known| fold(known) == fold(rest));
        let is_renamed = is_known || (!self.active && rest.contains('@'));
        let are_digits = digits.bytes().all(|b| b.is_ascii_hexdigit());
        (are_digits && !rest.is_empty() && is_renamed).then_some((digits, rest))
    }

    fn fields(&self, overrides: Overrides) -> BTreeMap<&'static str, String> {
        let (digits, name) = self.renamed().unwrap_or(("-", &self.name));
        let email = self.email.as_deref().map(|email| email.strip_prefix(digits).unwrap_or(email));
        let nick_name = self.nick_name.as_deref().filter(|_| overrides == Overrides::NickName);
        let fields = [
            (EMAIL, nick_name.or(email)),
            (USERNAME, Some(name)),
            (EXTERNAL_ID, self.external_id.as_deref()),
            (DISPLAY_NAME, Some("Somebody")),
        ];
        fields.into_iter().filter_map(|(name, text)| Some((name, text?.to_owned()))).collect()
    }
}

/// Whether a pattern with at most one asterisk, at an end, fits.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (fold(pattern), fold(name));
    match (pattern.strip_suffix('*'), pattern.strip_prefix('*')) {
        (Some(start), _) => name.starts_with(start),
        (_, Some(end)) => name.ends_with(end),
        _ => pattern == name,
    }
}

impl Model {
    /// Brings members and teams to what there is: first the member of the user that was written, then
    /// everybody; whenever somebody has changed, it begins again with the first.
    pub fn settle(&mut self) {
        (0..self.teams.len()).for_each(|team| self.look_at_team(team));
        if let Some(written) = self.written.take() {
            self.look_at(written);
        }
        let (mut at, mut looks) = (0, 0);
        while at < self.members.len() {
            let before = self.members.clone();
            self.look_at(at);
            at = if self.members == before { at + 1 } else { 0 };
            looks += 1;
            assert!(looks < 5_000, "the model does not come to rest: {self:#?}");
        }
        self.members.iter_mut().for_each(|member| member.is_orphaned = false);
    }

    /// Links a user that has no member yet.
    pub fn link(&mut self, user: usize) {
        let directory = &self.directories[self.users[user].directory];
        let values = self.users[user].fields(directory.overrides);
        let found = self.whose(&values, directory.identifier, &[user], None);
        let member = found.unwrap_or_else(|| {
            self.members.push(Member::new());
            self.members.len() - 1
        });
        self.users[user].member = Some(member);
        self.written = Some(member);
    }

    /// Makes a group a team.
    pub fn link_group(&mut self, group: usize) {
        let Group { directory, name, .. } = self.groups[group].clone();
        let is_free = |team: usize| {
            !self.groups.iter().any(|g| g.team == Some(team) && g.directory == directory)
        };
        let fits = |team: &Team| !team.is_deleted && fold(&team.name) == fold(&name);
        let found = (0..self.teams.len()).find(|&at| fits(&self.teams[at]) && is_free(at));
        let team = found.unwrap_or_else(|| {
            let slug = self.free_slug(&name, self.teams.len());
            self.teams.push(Team { name, slug, ..Team::default() });
            self.teams.len() - 1
        });
        self.groups[group].team = Some(team);
    }

    /// Ends the team of a group that is gone, unless others are it; or `keeps` it.
    pub fn unlink_group(&mut self, group: usize, keeps: bool) {
        let Some(team) = self.groups[group].team.take() else { return };
        if !keeps && self.groups.iter().all(|group| group.team != Some(team)) {
            self.teams[team].is_deleted = true;
            for member in &mut self.members {
                member.teams.remove(&team);
            }
        }
    }

    fn free_slug(&self, name: &str, team: usize) -> String {
        let rule = slug::Rule::default();
        let base = slug::slug(name, &rule).unwrap();
        let numbered = (2..).map(|n| slug::with_suffix(&base, n, &rule));
        let is_free = |slug: &String| {
            let mut others = self.teams.iter().enumerate().filter(|(at, _)| *at != team);
            others.all(|(_, other)| other.is_deleted || other.slug != *slug)
        };
        std::iter::once(base.clone()).chain(numbered).find(is_free).unwrap()
    }

    fn look_at_team(&mut self, at: usize) {
        let groups = self.groups.iter().filter(|group| group.team == Some(at));
        let rank = |group: &&Group| (!self.directories[group.directory].enabled, group.directory);
        let Some(name) = groups.min_by_key(rank).map(|group| group.name.clone()) else { return };
        let slug = |name: &str| slug::slug(name, &slug::Rule::default()).unwrap();
        if slug(&name) != slug(&self.teams[at].name) {
            self.teams[at].slug = self.free_slug(&name, at);
        }
        self.teams[at].name = name;
    }

    /// The users of a member, by the age of their directories.
    pub fn users_of(&self, member: usize) -> Vec<usize> {
        let mut users: Vec<usize> =
            (0..self.users.len()).filter(|&u| self.users[u].member == Some(member)).collect();
        users.sort_by_key(|&u| (self.users[u].directory, self.users[u].id.clone()));
        users
    }

    /// Which member other than `except` somebody with these values and users is.
    fn whose(
        &self,
        values: &BTreeMap<&'static str, String>,
        identifier: &'static str,
        users: &[usize],
        except: Option<usize>,
    ) -> Option<usize> {
        [identifier, EXTERNAL_ID, USERNAME].into_iter().find_map(|target| {
            let value = fold(values.get(target)?);
            let fits = |&at: &usize| {
                let member = &self.members[at];
                let others = self.users_of(at);
                let is_same =
                    |u: usize, other: usize| self.users[u].directory == self.users[other].directory;
                let is_taken = others.iter().any(|&other| {
                    self.users[other].active && users.iter().any(|&u| is_same(u, other))
                });
                let is_out_of_reach = member.by_product
                    && others.is_empty()
                    && member.fields.get(EMAIL).is_some_and(|email| !self.is_verified(email));
                Some(at) != except
                    && member.key(target).as_ref() == Some(&value)
                    && !is_taken
                    && !is_out_of_reach
            };
            let fitting: Vec<usize> = (0..self.members.len()).filter(fits).collect();
            if let [one] = fitting[..] { Some(one) } else { None }
        })
    }

    pub fn is_verified(&self, email: &str) -> bool {
        let domain = email.rsplit_once('@').map(|(_, domain)| domain.to_lowercase());
        domain.is_some_and(|domain| self.verified.contains(&*domain))
    }

    /// The users that count for a member.
    fn counted(&self, member: usize) -> Vec<usize> {
        let mut users = self.users_of(member);
        let is_enabled = |&u: &usize| self.directories[self.users[u].directory].enabled;
        if users.iter().any(is_enabled) {
            users.retain(is_enabled);
        }
        if users.iter().any(|&u| self.users[u].active) {
            users.retain(|&u| self.users[u].active);
        }
        users
    }

    /// The values that the users of a member give.
    fn fields(&self, member: usize) -> BTreeMap<&'static str, String> {
        let mut fields = self.members[member].by_hand.clone();
        for &u in self.counted(member).iter().rev() {
            fields
                .extend(self.users[u].fields(self.directories[self.users[u].directory].overrides));
        }
        fields
    }

    fn groups_of(&self, user: usize) -> impl Iterator<Item = &Group> {
        self.groups.iter().filter(move |g| g.team.is_some() && g.members.contains(&user))
    }

    /// The highest role that the users of a member give.
    fn given_role(&self, member: usize) -> Option<String> {
        let mut given: BTreeSet<usize> = BTreeSet::new();
        let rank = |name: &str| self.roles.iter().position(|role| role.name == name);
        for &u in &self.counted(member) {
            let user = &self.users[u];
            let directory = &self.directories[user.directory];
            let mut names: Vec<String> = user.role.iter().map(|&role| role.to_owned()).collect();
            match directory.overrides {
                Overrides::Title => names.extend(user.title.map(str::to_owned)),
                Overrides::Groups => {
                    names.extend(self.groups_of(u).map(|group| group.name.to_lowercase()));
                }
                _ => {}
            }
            for rule in &self.rules {
                let is_meant = rule.directory.is_none_or(|only| only == user.directory);
                if is_meant && self.groups_of(u).any(|group| fits(rule.pattern, &group.name)) {
                    names.push(rule.role.to_owned());
                }
            }
            let ceiling = directory.ceiling.and_then(rank).unwrap_or(0);
            given.extend(names.iter().filter_map(|name| rank(name)).filter(|&r| r >= ceiling));
        }
        given.first().map(|&rank| self.roles[rank].name.to_owned())
    }

    fn is_active_owner(&self, member: &Member) -> bool {
        let is_owner = |role: &Role| role.is_owner && member.role.as_deref() == Some(role.name);
        member.state == State::Active && self.roles.iter().any(is_owner)
    }

    fn holder(&self, email: &str, except: usize) -> Option<usize> {
        let has = |&at: &usize| {
            at != except && self.members[at].key(EMAIL).is_some_and(|key| key == fold(email))
        };
        (0..self.members.len()).find(has)
    }

    fn look_at(&mut self, at: usize) {
        if self.members[at].state == State::Deleted {
            return;
        }
        self.leave_deleted_directories(at);
        for u in self.users_of(at) {
            if self.users[u].renamed().is_none() {
                self.users[u].known = Some(self.users[u].name.clone());
            }
        }
        for u in self.users_of(at) {
            let is_later = |&other: &usize| {
                other > u
                    && self.users[other].active
                    && self.users[other].directory == self.users[u].directory
            };
            if self.users[u].active && self.users_of(at).iter().any(is_later) {
                self.link(u);
            }
        }
        if !self.members[at].is_settled && self.join_another(at) {
            return;
        }
        let was = self.members[at].clone();
        let mut now = Member { held: None, wanted: None, ..was.clone() };
        let users = self.users_of(at);
        now.fields = self.fields(at);
        let is_active = self.counted(at).first().map(|&u| self.users[u].active);
        now.state = match is_active.or(now.active_by_hand) {
            Some(false) => State::Deactivated,
            _ => State::Active,
        };
        let declared = |name: &String| self.roles.iter().any(|role| role.name == name);
        let default = || self.roles.iter().find(|role| role.is_default).map(|r| r.name.to_owned());
        let role = self.given_role(at).or_else(|| now.role_by_hand.clone().filter(declared));
        now.is_role_default = role.is_none();
        now.role = role.or_else(default);
        if !now.fields.contains_key(EMAIL) {
            now.state = State::Incomplete;
        }
        let is_held_deletion = matches!(was.held, Some((State::Deleted, _)));
        let is_deleted = users.is_empty() && (was.is_orphaned || is_held_deletion);
        if is_deleted {
            now = Member { state: State::Deleted, held: None, wanted: None, ..was.clone() };
        } else {
            self.settle_email(at, &was, &mut now);
        }
        let others = self.members.iter().enumerate().filter(|(other, _)| *other != at);
        let has_other_owner = others.into_iter().any(|(_, other)| self.is_active_owner(other));
        if self.is_active_owner(&was) && !self.is_active_owner(&now) && !has_other_owner {
            if is_deleted {
                now = Member { state: State::Deleted, ..was.clone() };
            }
            now.held = Some((now.state, now.role));
            (now.state, now.role) = (was.state, was.role.clone());
            now.is_role_default = was.is_role_default;
            if let (false, Some(kept)) = (now.fields.contains_key(EMAIL), was.fields.get(EMAIL)) {
                now.fields.insert(EMAIL, kept.clone());
            }
        }
        now.is_settled |= matches!(now.state, State::Active | State::Deactivated);
        if now.state == State::Deleted {
            now.teams.clear();
        } else if !users.is_empty() {
            let is_of_groups = |team: usize| self.groups.iter().any(|g| g.team == Some(team));
            now.teams.retain(|&team| !is_of_groups(team));
            for u in self.counted(at) {
                now.teams.extend(self.groups_of(u).filter_map(|group| group.team));
            }
        }
        self.members[at] = now;
    }

    fn leave_deleted_directories(&mut self, at: usize) {
        let mut left = None;
        for u in self.users_of(at) {
            if let Some(leaves) = self.directories[self.users[u].directory].deleted {
                left = Some(leaves);
                self.users[u].member = None;
            }
        }
        if let (Some(leaves), true) = (left, self.users_of(at).is_empty()) {
            let member = &mut self.members[at];
            member.release();
            if leaves == Leaves::Deactivate {
                member.active_by_hand = Some(false);
            }
        }
    }

    /// Whoever was never complete may turn out to be another member.
    fn join_another(&mut self, at: usize) -> bool {
        let users = self.users_of(at);
        let Some(&first) = self.counted(at).first() else { return false };
        let identifier = self.directories[self.users[first].directory].identifier;
        let other = self.whose(&self.fields(at), identifier, &users, Some(at));
        let Some(other) = other else { return false };
        users.into_iter().for_each(|u| self.users[u].member = Some(other));
        let member = &mut self.members[at];
        member.state = State::Deleted;
        (member.held, member.wanted) = (None, None);
        member.teams.clear();
        true
    }

    /// An e-mail address is one member's. Those who want each other's in a circle all get it.
    fn settle_email(&mut self, at: usize, was: &Member, now: &mut Member) {
        let Some(email) = now.fields.get(EMAIL).cloned() else { return };
        if was.key(EMAIL) == Some(fold(&email)) {
            return;
        }
        let Some(holder) = self.holder(&email, at) else { return };
        if let Some(circle) = self.circle(at, holder) {
            for member in circle {
                let email = self.fields(member)[EMAIL].clone();
                self.members[member].fields.insert(EMAIL, email);
            }
            return;
        }
        now.wanted = Some((email, holder));
        match was.fields.get(EMAIL) {
            Some(kept) => drop(now.fields.insert(EMAIL, kept.clone())),
            None => {
                now.fields.remove(EMAIL);
                now.state = State::Incomplete;
            }
        }
    }

    /// The members from `next` on of whom each has what the one before wants, if that leads back.
    fn circle(&self, at: usize, next: usize) -> Option<Vec<usize>> {
        let mut circle = vec![next];
        loop {
            let last = *circle.last()?;
            let next = self.holder(self.fields(last).get(EMAIL)?, last)?;
            if next == at {
                return Some(circle);
            }
            if circle.contains(&next) {
                return None;
            }
            circle.push(next);
        }
    }
}

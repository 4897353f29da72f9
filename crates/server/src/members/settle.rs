//! What becomes of members one after another, and of those who wait for what they leave.

use std::collections::{BTreeMap, BTreeSet};

use mapping::{
    Target,
    configuration::Leaves,
    linking::{self, Decision},
    member::{self, Held, Member, State, Why},
    soft_delete,
};
use serde_json::Value;
use store::members::{MemberSource, member_key, value_key};

use super::world::{Person, User, World};
use crate::ids;

/// As often is somebody looked at again because of what others have become.
const ROUNDS: u32 = 8;

impl World<'_> {
    /// Looks at everybody in the queue, in the order of their ids, and at whoever is concerned by
    /// what becomes of them.
    pub async fn settle(&mut self) -> Result<(), store::Error> {
        let all: Vec<String> = self.queue.iter().cloned().collect();
        self.load(&all).await?;
        while let Some(id) = self.queue.pop_first() {
            self.load(std::slice::from_ref(&id)).await?;
            let Some(person) = self.people.get_mut(&id) else { continue };
            person.rounds += 1;
            if person.rounds <= ROUNDS {
                self.settle_one(&id).await?;
            }
        }
        Ok(())
    }

    async fn settle_one(&mut self, id: &str) -> Result<(), store::Error> {
        self.leave_deleted_directories(id);
        let Some(person) = self.people.get(id) else { return Ok(()) };
        if person.now.state == State::Deleted {
            return Ok(());
        }
        if !person.is_settled && !person.sources.is_empty() && self.join_another(id).await? {
            return Ok(());
        }
        self.keep_user_names(id);
        let Some(person) = self.people.get(id) else { return Ok(()) };
        let was = person.now.clone();
        let is_held_deletion =
            matches!(was.held, Some(Held::LastOwner { state: State::Deleted, .. }));
        let projected = member::project(&self.configuration, &person.as_sources(), &person.now);
        let (mut now, mut groups) = (projected.member, projected.groups);
        if person.sources.is_empty() && (person.is_orphaned || is_held_deletion) {
            now = was.clone();
            now.delete(Why::UserDeleted);
            groups = None;
        }
        self.settle_email(id, &was, &mut now).await?;
        if was.is_active_owner(&self.configuration)
            && !now.is_active_owner(&self.configuration)
            && !self.has_other_owner(id).await?
        {
            if now.state == State::Deleted {
                // What the user gave stays as it is, and is nobody's own: should they come back,
                // what the directory says then is what counts.
                now = Member { state: State::Deleted, ..was.clone() };
            }
            now.hold_last_owner(&was);
        }
        now.remember(&was);
        self.settle_teams(id, &now, groups).await?;
        let becomes_owner =
            !was.is_active_owner(&self.configuration) && now.is_active_owner(&self.configuration);
        let links_changed = {
            let person = &self.people[id];
            person.sources != person.sources_before || person.sources.len() > 1
        };
        let released = released(&was, &now, links_changed);
        if let Some(person) = self.people.get_mut(id) {
            person.is_settled |= matches!(now.state, State::Active | State::Deactivated);
        }
        self.change(id, now);
        for key in released {
            let waiting = self.waiting(&key).await?;
            self.queue.extend(waiting.into_iter().filter(|other| other != id));
        }
        if becomes_owner {
            let held = self.held().await?;
            self.queue.extend(held.into_iter().filter(|other| other != id));
        }
        Ok(())
    }

    /// Ends the links to users of directories that are deleted.
    fn leave_deleted_directories(&mut self, id: &str) {
        let Some(person) = self.people.get_mut(id) else { return };
        let left = |source: &MemberSource| {
            self.configuration.directories.get(&source.directory_id).and_then(|d| d.deleted)
        };
        let deleted: Vec<(String, Leaves)> = person
            .sources
            .iter()
            .filter_map(|source| Some((source.directory_id.clone(), left(source)?)))
            .collect();
        let Some((directory_id, leaves)) = deleted.last().cloned() else { return };
        person.sources.retain(|source| left(source).is_none());
        if person.sources.is_empty() {
            let now = member::leave(&person.now, &directory_id, leaves);
            self.change(id, now);
        }
    }

    /// Keeps the user names of those who are not renamed by a soft delete, for when they are.
    fn keep_user_names(&mut self, id: &str) {
        let Some(person) = self.people.get_mut(id) else { return };
        for source in &mut person.sources {
            let key = (source.directory_id.clone(), source.user_id.clone());
            let Some(User { object, .. }) = person.users.get(&key) else { continue };
            let known = source.known_user_name.as_deref();
            if soft_delete::original_user_name(object, known).is_none() {
                let user_name = object.get("userName").and_then(Value::as_str);
                source.known_user_name = user_name.map(str::to_owned);
            }
        }
    }

    /// Whether somebody who was never complete turns out to be another member: then they are.
    async fn join_another(&mut self, id: &str) -> Result<bool, store::Error> {
        let sources = self.people[id].sources.clone();
        for source in &sources {
            let key = (source.directory_id.clone(), source.user_id.clone());
            let Some(user) = self.people[id].users.get(&key).cloned() else { continue };
            let decision = self.whose(source, &user, Some(id)).await?;
            let Decision::Link { member_id, by } = decision else { continue };
            let Some(mut gone) = self.people.remove(id) else { return Ok(false) };
            let mut links = std::mem::take(&mut gone.sources);
            for link in &mut links {
                link.linked_by = by.to_string();
            }
            let users = std::mem::take(&mut gone.users);
            gone.teams = BTreeSet::new();
            let mut ended = gone.now.clone();
            ended.delete(Why::Merged { member_id: member_id.clone() });
            self.people.insert(id.into(), gone);
            self.change(id, ended);
            if let Some(other) = self.people.get_mut(&member_id) {
                other.sources.extend(links);
                other.sources.sort_unstable();
                other.users.extend(users);
            }
            self.queue.insert(member_id);
            return Ok(true);
        }
        Ok(false)
    }

    /// Which member a user is, other than `except`.
    async fn whose(
        &mut self,
        source: &MemberSource,
        user: &User,
        except: Option<&str>,
    ) -> Result<Decision, store::Error> {
        let Some(directory) = self.configuration.directories.get(&source.directory_id) else {
            return Ok(Decision::New);
        };
        let as_source = member::Source {
            directory_id: &source.directory_id,
            user_id: &source.user_id,
            user: &user.object,
            groups: &user.groups,
            known_user_name: source.known_user_name.as_deref(),
        };
        let identifier = directory.identifier.clone();
        let mut values = member::identity(directory, &as_source).values;
        let order = linking::order(&identifier);
        values.retain(|target, _| order.contains(target));
        let candidates = self.candidates(&source.directory_id, &values, except).await?;
        Ok(linking::decide(&identifier, &candidates))
    }

    /// Links a user that is no member yet: to the member that it is, or to a new one.
    pub async fn link(
        &mut self,
        directory_id: &str,
        user_id: &str,
        user: User,
    ) -> Result<(), store::Error> {
        let mut source = MemberSource {
            directory_id: directory_id.into(),
            user_id: user_id.into(),
            known_user_name: None,
            linked_by: "created".into(),
        };
        let key = (directory_id.to_owned(), user_id.to_owned());
        match self.whose(&source, &user, None).await? {
            Decision::Link { member_id, by } => {
                source.linked_by = by.to_string();
                if let Some(person) = self.people.get_mut(&member_id) {
                    person.sources.push(source);
                    person.sources.sort_unstable();
                    person.users.insert(key, user);
                }
                self.queue.insert(member_id);
            }
            Decision::New => {
                let id = format!("mem-{}", ids::uuid());
                let mut person = Person::new(source);
                person.users.insert(key, user);
                self.add(&id, person);
                self.queue.insert(id);
            }
        }
        Ok(())
    }

    /// Takes the e-mail address back from somebody, if it is another member's.
    async fn settle_email(
        &mut self,
        id: &str,
        was: &Member,
        now: &mut Member,
    ) -> Result<(), store::Error> {
        let Some(key) = member_key(now, &Target::EmailAddress) else { return Ok(()) };
        if member_key(was, &Target::EmailAddress).as_ref() == Some(&key) {
            return Ok(());
        }
        if let Some(holder) = self.holder(&key).await?
            && holder != id
        {
            now.yield_email(was, &holder);
        }
        Ok(())
    }

    /// Which teams somebody is in: those of the groups that count, and those that are no group, where
    /// nobody but people says who is in them.
    async fn settle_teams(
        &mut self,
        id: &str,
        now: &Member,
        groups: Option<BTreeSet<(String, String)>>,
    ) -> Result<(), store::Error> {
        let Some(person) = self.people.get_mut(id) else { return Ok(()) };
        if now.state == State::Deleted {
            person.teams.clear();
            return Ok(());
        }
        let Some(groups) = groups else { return Ok(()) };
        let mut teams = BTreeSet::new();
        let users: BTreeMap<_, _> = person.users.iter().collect();
        for (directory_id, group_id) in groups {
            let of_directory =
                users.iter().filter(|((directory, _), _)| *directory == directory_id);
            let team = of_directory.filter_map(|(_, user)| user.teams.get(&group_id)).next();
            teams.extend(team.cloned());
        }
        let left: Vec<String> = person.teams.difference(&teams).cloned().collect();
        for team in left {
            if !self.is_of_groups(&team).await? {
                teams.insert(team);
            }
        }
        if let Some(person) = self.people.get_mut(id) {
            person.teams = teams;
        }
        Ok(())
    }

    /// Whether any group is this team.
    async fn is_of_groups(&mut self, team_id: &str) -> Result<bool, store::Error> {
        if let Some(known) = self.has_groups.get(team_id) {
            return Ok(*known);
        }
        let without = self.organization.teams_without_groups(&[team_id]).await?;
        let is_of_groups = without.is_empty();
        self.has_groups.insert(team_id.into(), is_of_groups);
        Ok(is_of_groups)
    }
}

/// The e-mail addresses that somebody else may have from now on.
fn released(was: &Member, now: &Member, links_changed: bool) -> BTreeSet<String> {
    let key = |member: &Member| member_key(member, &Target::EmailAddress);
    let (old, new) = (key(was), key(now));
    let mut released = BTreeSet::new();
    if old != new {
        released.extend(old);
    }
    // Who has it may be joined by a user that waits, once no other of its directory is active.
    if was.state != now.state || (links_changed && was != now) {
        released.extend(new);
    }
    if let (Some(wanted), None) = (&was.wanted_email, &now.wanted_email) {
        released.insert(value_key(&wanted.email_address));
    }
    released
}

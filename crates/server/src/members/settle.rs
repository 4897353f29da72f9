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
        self.keep_user_names(id);
        self.part(id).await?;
        let Some(person) = self.people.get(id) else { return Ok(()) };
        let was = person.now.clone();
        let projected = member::project(&self.configuration, &person.as_sources(), &was);
        if let (false, Some(directory_id)) = (person.is_settled, &projected.directory_id)
            && self.join_another(id, directory_id, &projected.member).await?
        {
            return Ok(());
        }
        let person = &self.people[id];
        let is_held_deletion =
            matches!(was.held, Some(Held::LastOwner { state: State::Deleted, .. }));
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
        let waiting = self.concerned(id, &was, &now).await?;
        if let Some(person) = self.people.get_mut(id) {
            person.is_settled |= matches!(now.state, State::Active | State::Deactivated);
        }
        self.change(id, now);
        self.queue.extend(waiting);
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

    /// Lets go of users who turn out to be other people: of several active users of one directory, the
    /// one that was created last stays who it is. Another is back that was disabled when that one came,
    /// and is looked at as if it were new.
    async fn part(&mut self, id: &str) -> Result<(), store::Error> {
        let Some(person) = self.people.get_mut(id) else { return Ok(()) };
        let mut active: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for source in person.as_sources() {
            let directory = self.configuration.directories.get(source.directory_id);
            if directory.is_some_and(|directory| member::identity(directory, &source).is_active) {
                let users = active.entry(source.directory_id.into()).or_default();
                users.insert(source.user_id.into());
            }
        }
        let mut others = Vec::new();
        for (directory_id, mut users) in active {
            users.pop_last();
            for user_id in users {
                let is_it = |source: &MemberSource| {
                    source.directory_id == directory_id && source.user_id == user_id
                };
                let known = person.sources.iter().find(|source| is_it(source));
                let known = known.and_then(|source| source.known_user_name.clone());
                person.sources.retain(|source| !is_it(source));
                let key = (directory_id.clone(), user_id);
                if let Some(user) = person.users.remove(&key) {
                    others.push((key, user, known));
                }
            }
        }
        for ((directory_id, user_id), user, known) in others {
            self.link(&directory_id, &user_id, user, known).await?;
        }
        Ok(())
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

    /// Whether somebody who was never complete turns out to be another member, by what they would
    /// be: then they are.
    async fn join_another(
        &mut self,
        id: &str,
        directory_id: &str,
        projected: &Member,
    ) -> Result<bool, store::Error> {
        let Some(directory) = self.configuration.directories.get(directory_id) else {
            return Ok(false);
        };
        let identifier = directory.identifier.clone();
        let order = linking::order(&identifier).into_iter();
        let values: BTreeMap<Target, String> = order
            .filter_map(|target| Some((target.clone(), projected.text(&target)?.to_owned())))
            .collect();
        let sources = self.people[id].sources.clone();
        let directories = sources.iter().map(|source| &*source.directory_id).collect();
        let candidates = self.candidates(&directories, &values, Some(id)).await?;
        let Decision::Link { member_id, by } = linking::decide(&identifier, &candidates) else {
            return Ok(false);
        };
        let Some(mut gone) = self.people.remove(id) else { return Ok(false) };
        let mut links = std::mem::take(&mut gone.sources);
        for link in &mut links {
            link.linked_by = by.to_string();
        }
        let users = std::mem::take(&mut gone.users);
        gone.teams = BTreeSet::new();
        let was = gone.now.clone();
        let mut ended = was.clone();
        ended.delete(Why::Merged { member_id: member_id.clone() });
        self.people.insert(id.into(), gone);
        let waiting = self.concerned(id, &was, &ended).await?;
        self.change(id, ended);
        if let Some(other) = self.people.get_mut(&member_id) {
            other.sources.extend(links);
            other.sources.sort_unstable();
            other.users.extend(users);
        }
        self.queue.extend(waiting);
        self.queue.insert(member_id);
        Ok(true)
    }

    /// Who else is to be looked at when somebody becomes what they are to be: whoever should have an
    /// e-mail address that they leave; and whoever was never complete and has a value that they have
    /// or had, for whom they may be the one now, or not any more.
    async fn concerned(
        &mut self,
        id: &str,
        was: &Member,
        now: &Member,
    ) -> Result<BTreeSet<String>, store::Error> {
        let person = &self.people[id];
        // What is told of users that were linked or disabled does not always show in the member.
        let may_hide = person.sources.len() > 1
            || was.state == State::Incomplete
            || now.state == State::Incomplete
            || now.held.is_some();
        let is_free_for_others = was.state != now.state
            || was.held != now.held
            || person.sources != person.sources_before
            || (may_hide && (was != now || person.rounds == 1));
        let is_new = person.stored.is_none() && person.rounds == 1;
        let keys = |target: &Target| {
            let (old, new) = (member_key(was, target), member_key(now, target));
            let mut keys = BTreeSet::new();
            if is_new && !person.is_waited_for {
                return keys;
            }
            if old != new {
                keys.extend(old.clone());
            }
            // An e-mail address that is theirs now is nobody's to wait for as it was not before.
            if is_free_for_others || (*target != Target::EmailAddress && old != new) {
                keys.extend(new);
            }
            keys
        };
        let mut emails = keys(&Target::EmailAddress);
        if let (Some(wanted), None) = (&was.wanted_email, &now.wanted_email) {
            emails.insert(value_key(&wanted.email_address));
        }
        let (external_ids, usernames) = (keys(&Target::ExternalId), keys(&Target::Username));
        let mut keys = (emails.into_iter(), external_ids.into_iter(), usernames.into_iter());
        let mut concerned = BTreeSet::new();
        loop {
            let next = (keys.0.next(), keys.1.next(), keys.2.next());
            if next == (None, None, None) {
                break;
            }
            let (email, external_id, username) =
                (next.0.as_deref(), next.1.as_deref(), next.2.as_deref());
            concerned.extend(self.waiting(email, external_id, username).await?);
        }
        concerned.remove(id);
        Ok(concerned)
    }

    /// Links a user that is no member yet: to the member that it is, or to a new one.
    pub async fn link(
        &mut self,
        directory_id: &str,
        user_id: &str,
        user: User,
        known_user_name: Option<String>,
    ) -> Result<(), store::Error> {
        let mut source = MemberSource {
            directory_id: directory_id.into(),
            user_id: user_id.into(),
            known_user_name: known_user_name.clone(),
            linked_by: "created".into(),
        };
        let key = (directory_id.to_owned(), user_id.to_owned());
        let Some(directory) = self.configuration.directories.get(directory_id) else {
            return Ok(());
        };
        let as_source = member::Source {
            directory_id,
            user_id,
            user: &user.object,
            groups: &user.groups,
            known_user_name: known_user_name.as_deref(),
        };
        let identifier = directory.identifier.clone();
        let mut values = member::identity(directory, &as_source).values;
        let order = linking::order(&identifier);
        values.retain(|target, _| order.contains(target));
        let candidates = self.candidates(&BTreeSet::from([directory_id]), &values, None).await?;
        match linking::decide(&identifier, &candidates) {
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
                person.is_waited_for =
                    candidates.iter().any(|c| !self.people[&c.member_id].is_settled);
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
        let Some(holder) = self.holder(&key).await?.filter(|holder| holder != id) else {
            return Ok(());
        };
        match self.circle(id, &key, &holder).await? {
            None => now.yield_email(was, &holder),
            Some(circle) => {
                for (email_key, member_id) in circle {
                    self.assign_email(email_key, &member_id);
                    self.queue.insert(member_id);
                }
            }
        }
        Ok(())
    }

    /// The members each of whom has the address that the one before should have, from `id` and around
    /// to `id` again: they can all have what they should. Each with that; none where it is no circle.
    async fn circle(
        &mut self,
        id: &str,
        email_key: &str,
        holder: &str,
    ) -> Result<Option<Vec<(String, String)>>, store::Error> {
        let mut circle = vec![(email_key.to_owned(), id.to_owned())];
        let mut next = holder.to_owned();
        while next != id {
            if circle.iter().any(|(_, member_id)| *member_id == next) {
                return Ok(None);
            }
            self.load(std::slice::from_ref(&next)).await?;
            self.leave_deleted_directories(&next);
            let Some(person) = self.people.get(&next) else { return Ok(None) };
            let should =
                member::project(&self.configuration, &person.as_sources(), &person.now).member;
            let Some(key) = member_key(&should, &Target::EmailAddress) else { return Ok(None) };
            let Some(holder) = self.holder(&key).await? else { return Ok(None) };
            circle.push((key, std::mem::replace(&mut next, holder)));
        }
        Ok(Some(circle))
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

    /// Whether any group of a directory that is not deleted is this team.
    pub(super) async fn is_of_groups(&mut self, team_id: &str) -> Result<bool, store::Error> {
        if let Some(known) = self.has_groups.get(team_id) {
            return Ok(*known);
        }
        let sources = self.organization.team_sources(team_id).await?;
        let directories = &self.configuration.directories;
        let is_there =
            |id: &str| directories.get(id).is_some_and(|directory| directory.deleted.is_none());
        let is_of_groups = sources.iter().any(|source| is_there(&source.directory_id));
        self.has_groups.insert(team_id.into(), is_of_groups);
        Ok(is_of_groups)
    }
}

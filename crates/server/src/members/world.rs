//! The members that a change concerns, as they are stored and as they are to be.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use mapping::{
    Configuration, Target,
    attribute_mapping::Group,
    linking::Candidate,
    member::{self, Member, Source},
};
use scim::Object;
use store::{
    OrganizationTx,
    members::{Loaded, MemberSource, StoredMember, member_key, value_key},
};

/// A user of a directory with what is needed of it.
#[derive(Clone, Debug)]
pub struct User {
    pub object: Object,
    pub groups: Vec<Group>,
    /// The teams of the groups, by the group's id.
    pub teams: HashMap<String, String>,
}

/// A member that is worked on.
#[derive(Clone, Debug)]
pub struct Person {
    /// As it is stored; none of one that is new.
    pub stored: Option<StoredMember>,
    pub now: Member,
    pub sources_before: Vec<MemberSource>,
    pub sources: Vec<MemberSource>,
    pub users: HashMap<(String, String), User>,
    /// Whether the users have to be read again.
    are_users_forgotten: bool,
    pub teams_before: BTreeSet<String>,
    pub teams: BTreeSet<String>,
    /// Whether the last user that it was linked to has just been deleted.
    pub is_orphaned: bool,
    /// Whether it was complete at any time.
    pub is_settled: bool,
    /// Of somebody new: whether others who were never complete have one of the same values.
    pub is_waited_for: bool,
    /// How often it was worked on: an end for what would go on for ever.
    pub rounds: u32,
}

impl Person {
    /// Somebody new, who is linked to a user.
    pub fn new(source: MemberSource) -> Self {
        Self { sources: vec![source], ..Self::unlinked(Member::nobody()) }
    }

    /// Somebody new, whom no directory has.
    pub fn unlinked(now: Member) -> Self {
        Self {
            stored: None,
            now,
            sources_before: Vec::new(),
            sources: Vec::new(),
            users: HashMap::new(),
            are_users_forgotten: false,
            teams_before: BTreeSet::new(),
            teams: BTreeSet::new(),
            is_orphaned: false,
            is_settled: false,
            // Nobody has looked for those who could be them.
            is_waited_for: true,
            rounds: 0,
        }
    }

    fn of(loaded: Loaded) -> Self {
        let teams: BTreeSet<String> = loaded.teams.into_iter().collect();
        Self {
            now: loaded.stored.member.clone(),
            is_settled: loaded.stored.settled_at.is_some(),
            stored: Some(loaded.stored),
            sources_before: loaded.sources.clone(),
            sources: loaded.sources,
            users: HashMap::new(),
            are_users_forgotten: false,
            teams_before: teams.clone(),
            teams,
            is_orphaned: false,
            is_waited_for: false,
            rounds: 0,
        }
    }

    /// What the pure functions need of its links, of those whose users are there.
    pub fn as_sources(&self) -> Vec<Source<'_>> {
        self.sources
            .iter()
            .filter_map(|link| {
                let key = (link.directory_id.clone(), link.user_id.clone());
                let user = self.users.get(&key)?;
                Some(Source {
                    directory_id: &link.directory_id,
                    user_id: &link.user_id,
                    user: &user.object,
                    groups: &user.groups,
                    known_user_name: link.known_user_name.as_deref(),
                })
            })
            .collect()
    }
}

/// The members of one organization, as far as they are worked on. Nothing is written before
/// [`super::Effects::store`]: what is here stands before what is stored.
pub struct World<'t> {
    pub organization: OrganizationTx<'t>,
    pub configuration: Arc<Configuration>,
    pub people: BTreeMap<String, Person>,
    /// Who has an e-mail address, where that has changed; none: nobody.
    holders: HashMap<String, Option<String>>,
    /// The people here by other values.
    found_by: HashMap<(Target, String), BTreeSet<String>>,
    /// The people here who should have an e-mail address that another has.
    waiting: HashMap<String, BTreeSet<String>>,
    /// Users that are known from the request, so that they need not be read.
    known_users: HashMap<(String, String), User>,
    /// Whether any group is a team, where that was asked.
    pub has_groups: HashMap<String, bool>,
    pub queue: BTreeSet<String>,
}

impl<'t> World<'t> {
    pub fn new(organization: OrganizationTx<'t>, configuration: Arc<Configuration>) -> Self {
        Self {
            organization,
            configuration,
            people: BTreeMap::new(),
            holders: HashMap::new(),
            found_by: HashMap::new(),
            waiting: HashMap::new(),
            known_users: HashMap::new(),
            has_groups: HashMap::new(),
            queue: BTreeSet::new(),
        }
    }

    /// Makes a user known that need not be read.
    pub fn know(&mut self, directory_id: &str, user_id: &str, user: User) {
        self.known_users.insert((directory_id.into(), user_id.into()), user);
    }

    /// Loads those of the members that are not here, with their users and teams.
    pub async fn load(&mut self, ids: &[String]) -> Result<(), store::Error> {
        let missing: Vec<&str> =
            ids.iter().map(String::as_str).filter(|id| !self.people.contains_key(*id)).collect();
        let loaded = self.organization.load_members(&missing).await?;
        let mut new: Vec<String> = ids
            .iter()
            .filter(|id| self.people.get(*id).is_some_and(|person| person.are_users_forgotten))
            .cloned()
            .collect();
        for loaded in loaded {
            let id = loaded.stored.id.clone();
            let person = Person::of(loaded);
            self.index(&id, None, Some(&person.now));
            self.people.insert(id.clone(), person);
            new.push(id);
        }
        let mut wanted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for source in new.iter().filter_map(|id| self.people.get(id)).flat_map(|p| &p.sources) {
            let users = wanted.entry(source.directory_id.clone()).or_default();
            users.insert(source.user_id.clone());
        }
        let mut users = self.read_users(wanted).await?;
        for id in new {
            let Some(person) = self.people.get_mut(&id) else { continue };
            person.are_users_forgotten = false;
            for source in &person.sources {
                let key = (source.directory_id.clone(), source.user_id.clone());
                if let Some(user) = users.remove(&key) {
                    person.users.insert(key, user);
                }
            }
        }
        Ok(())
    }

    /// Forgets what can be read again: who stays as they are stored, and the users of the others.
    pub fn forget(&mut self) {
        self.people.retain(|_, person| {
            person.users.clear();
            person.are_users_forgotten = true;
            person.stored.as_ref().is_none_or(|stored| stored.member != person.now)
                || person.sources != person.sources_before
                || person.teams != person.teams_before
        });
        self.known_users.clear();
    }

    /// Reads users with their groups, those of a directory together.
    async fn read_users(
        &mut self,
        wanted: BTreeMap<String, BTreeSet<String>>,
    ) -> Result<HashMap<(String, String), User>, store::Error> {
        let mut all = HashMap::new();
        for (directory_id, ids) in wanted {
            let mut unknown: Vec<&str> = Vec::new();
            for id in &ids {
                let key = (directory_id.clone(), id.clone());
                match self.known_users.get(&key) {
                    Some(user) => drop(all.insert(key, user.clone())),
                    None => unknown.push(id),
                }
            }
            for (id, object) in self.organization.users(&directory_id, &unknown).await? {
                let user = User { object, groups: Vec::new(), teams: HashMap::new() };
                all.insert((directory_id.clone(), id), user);
            }
            let groups = self.organization.groups_of_users(&directory_id, &unknown).await?;
            for (id, group, team) in groups {
                let Some(user) = all.get_mut(&(directory_id.clone(), id)) else { continue };
                if let Some(team) = team {
                    user.teams.insert(group.id.clone(), team);
                }
                user.groups.push(group);
            }
        }
        Ok(all)
    }

    /// The user of a link, with its groups; none if it is not there.
    pub async fn user(
        &mut self,
        directory_id: &str,
        user_id: &str,
    ) -> Result<Option<User>, store::Error> {
        let wanted =
            BTreeMap::from([(directory_id.to_owned(), BTreeSet::from([user_id.to_owned()]))]);
        let mut users = self.read_users(wanted).await?;
        Ok(users.remove(&(directory_id.to_owned(), user_id.to_owned())))
    }

    /// Keeps in mind by which values somebody is found now.
    fn index(&mut self, id: &str, before: Option<&Member>, now: Option<&Member>) {
        for target in [Target::ExternalId, Target::Username] {
            let key = |member: Option<&Member>| member.and_then(|m| member_key(m, &target));
            let (old, new) = (key(before), key(now));
            if before.is_some() && old == new {
                continue;
            }
            if let Some(old) = old
                && let Some(ids) = self.found_by.get_mut(&(target.clone(), old))
            {
                ids.remove(id);
            }
            if let Some(new) = new {
                self.found_by.entry((target.clone(), new)).or_default().insert(id.into());
            }
        }
        let wanted = |member: Option<&Member>| {
            let wanted = member?.wanted_email.as_ref()?;
            Some(value_key(&wanted.email_address))
        };
        if let Some(old) = wanted(before)
            && let Some(ids) = self.waiting.get_mut(&old)
        {
            ids.remove(id);
        }
        if let Some(new) = wanted(now) {
            self.waiting.entry(new).or_default().insert(id.into());
        }
        let email = |member: Option<&Member>| {
            member.and_then(|member| member_key(member, &Target::EmailAddress))
        };
        let (old, new) = (email(before), email(now));
        if old == new {
            return;
        }
        if let Some(old) = old
            && self.holders.get(&old).is_none_or(|holder| holder.as_deref() == Some(id))
        {
            self.holders.insert(old, None);
        }
        if let Some(new) = new {
            self.holders.insert(new, Some(id.into()));
        }
    }

    /// Makes somebody what they are to be from now on.
    pub fn change(&mut self, id: &str, to: Member) {
        let Some(person) = self.people.get_mut(id) else { return };
        let before = std::mem::replace(&mut person.now, to.clone());
        self.index(id, Some(&before), Some(&to));
    }

    /// Adds somebody new.
    pub fn add(&mut self, id: &str, person: Person) {
        self.index(id, None, Some(&person.now));
        self.people.insert(id.into(), person);
    }

    /// Who has an e-mail address.
    pub async fn holder(&mut self, email_key: &str) -> Result<Option<String>, store::Error> {
        match self.holders.get(email_key) {
            Some(holder) => Ok(holder.clone()),
            None => {
                let holder = self.organization.member_with_email(email_key).await?;
                self.holders.insert(email_key.into(), holder.clone());
                Ok(holder)
            }
        }
    }

    /// Who waits for what somebody with these values has: for the e-mail address, which is to be
    /// theirs; or, as long as they were never complete, to be that member.
    pub async fn waiting(
        &mut self,
        email_key: Option<&str>,
        external_id_key: Option<&str>,
        username_key: Option<&str>,
    ) -> Result<BTreeSet<String>, store::Error> {
        if email_key.or(external_id_key).or(username_key).is_none() {
            return Ok(BTreeSet::new());
        }
        let stored =
            self.organization.members_waiting_for(email_key, external_id_key, username_key).await?;
        let mut waiting: BTreeSet<String> =
            stored.into_iter().filter(|id| !self.people.contains_key(id)).collect();
        let for_email = email_key.and_then(|key| self.waiting.get(key));
        waiting.extend(for_email.into_iter().flatten().cloned());
        let keys = [(Target::ExternalId, external_id_key), (Target::Username, username_key)];
        for (target, key) in keys {
            let Some(key) = key else { continue };
            let found = self.found_by.get(&(target, key.to_owned())).into_iter().flatten();
            waiting.extend(
                found.filter(|id| self.people.get(*id).is_some_and(|p| !p.is_settled)).cloned(),
            );
        }
        Ok(waiting)
    }

    /// Keeps an e-mail address for somebody, whoever has it now.
    pub fn assign_email(&mut self, email_key: String, id: &str) {
        self.holders.insert(email_key, Some(id.into()));
    }

    /// Whether anybody but `id` is an active owner.
    pub async fn has_other_owner(&mut self, id: &str) -> Result<bool, store::Error> {
        let here = |(other, person): (&String, &Person)| {
            other != id && person.now.is_active_owner(&self.configuration)
        };
        if self.people.iter().any(here) {
            return Ok(true);
        }
        let owner = |stored: &StoredMember| stored.member.is_active_owner(&self.configuration);
        let stored = self.people.values().filter_map(|person| person.stored.as_ref());
        let limit = stored.filter(|stored| owner(stored)).count() + 1;
        let roles: Vec<String> = self.owner_roles();
        for role in roles {
            let found = self.organization.active_members_with_role(&role, limit + 1).await?;
            if found.iter().any(|(other, _)| other != id && !self.people.contains_key(other)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Who has something held back.
    pub async fn held(&mut self) -> Result<Vec<String>, store::Error> {
        let mut all: BTreeSet<String> = self
            .people
            .iter()
            .filter(|(_, person)| person.now.held.is_some())
            .map(|(id, _)| id.clone())
            .collect();
        for role in self.owner_roles() {
            let found = self.organization.active_members_with_role(&role, 1_000).await?;
            let held =
                found.into_iter().filter(|(id, held)| *held && !self.people.contains_key(id));
            all.extend(held.map(|(id, _)| id));
        }
        Ok(all.into_iter().collect())
    }

    fn owner_roles(&self) -> Vec<String> {
        let owners = self.configuration.roles.iter().filter(|role| role.is_owner);
        owners.map(|role| role.name.clone()).collect()
    }

    /// The living members other than `except` who have one of the values of users of these
    /// directories.
    pub async fn candidates(
        &mut self,
        directory_ids: &BTreeSet<&str>,
        values: &BTreeMap<Target, String>,
        except: Option<&str>,
    ) -> Result<Vec<Candidate>, store::Error> {
        let key = |target: &Target| values.get(target).map(|value| value_key(value));
        let (email, external_id, username) =
            (key(&Target::EmailAddress), key(&Target::ExternalId), key(&Target::Username));
        let mut found: HashSet<(String, Target)> = self
            .organization
            .members_with(email.as_deref(), external_id.as_deref(), username.as_deref())
            .await?
            .into_iter()
            .filter(|(id, _)| !self.people.contains_key(id))
            .collect();
        if let Some(email) = &email
            && let Some(Some(holder)) = self.holders.get(email)
        {
            found.insert((holder.clone(), Target::EmailAddress));
        }
        for (target, key) in [(Target::ExternalId, external_id), (Target::Username, username)] {
            let Some(key) = key else { continue };
            if let Some(ids) = self.found_by.get(&(target.clone(), key)) {
                found.extend(ids.iter().map(|id| (id.clone(), target.clone())));
            }
        }
        found.retain(|(id, _)| Some(id.as_str()) != except);
        let mut found: Vec<(String, Target)> = found.into_iter().collect();
        found.sort_unstable();
        let ids: Vec<String> = found.iter().map(|(id, _)| id.clone()).collect();
        self.load(&ids).await?;
        let candidate = |(id, target): (String, Target)| {
            let person = self.people.get(&id)?;
            let email = person.now.email_address();
            Some(Candidate {
                is_taken: directory_ids.iter().any(|id| self.has_active_user(person, id)),
                is_out_of_reach: person.now.by_product
                    && person.sources.is_empty()
                    && email.is_some_and(|email| !self.configuration.is_verified(email)),
                member_id: id,
                target,
            })
        };
        Ok(found.into_iter().filter_map(candidate).collect())
    }

    /// Whether an active user of this directory is linked to somebody.
    fn has_active_user(&self, person: &Person, directory_id: &str) -> bool {
        let Some(directory) = self.configuration.directories.get(directory_id) else {
            return false;
        };
        person.as_sources().iter().any(|source| {
            source.directory_id == directory_id && member::identity(directory, source).is_active
        })
    }
}

//! What follows from a write to a directory, in the same transaction.

use std::collections::HashMap;

use mapping::attribute_mapping::Evaluated;
use scim::Object;
use store::{DirectoryTx, events::Cause};

use super::{
    Configurations,
    teams::TeamError,
    world::{User, World},
};

/// What was written.
#[derive(Clone, Copy, Debug)]
pub enum Touched<'a> {
    UserCreated {
        id: &'a str,
        user: &'a Object,
        /// Whether it can be a member of groups already.
        has_groups: bool,
    },
    UserChanged {
        id: &'a str,
        before: &'a Object,
        after: &'a Object,
    },
    UserDeleted {
        id: &'a str,
    },
    Group {
        id: &'a str,
        /// None: it is new.
        name_before: Option<&'a str>,
        /// None: it is deleted.
        name: Option<&'a str>,
        added: &'a [String],
        removed: &'a [String],
    },
}

/// The request that wrote it.
#[derive(Clone, Copy, Debug)]
pub struct Written<'a> {
    pub directory_id: &'a str,
    pub request_id: &'a str,
    pub now: i64,
}

/// Brings the members and teams of the organization to what was written.
pub async fn follow(
    touched: Touched<'_>,
    written: Written<'_>,
    configurations: &Configurations,
    tx: &mut DirectoryTx<'_>,
) -> Result<(), TeamError> {
    let standing = tx.standing().await?;
    let mut organization = tx.organization(&standing);
    let configuration = configurations.get(&standing, &mut organization).await?;
    let mut world = World::new(organization, configuration);
    let events = match touched {
        Touched::UserCreated { id, user, has_groups } => {
            world.user_created(id, user, has_groups, written).await?;
            Vec::new()
        }
        Touched::UserChanged { id, before, after } => {
            if world.reads_alike(before, after, written.directory_id) {
                return Ok(world.organization.wrote(standing.sequence).await?);
            }
            world.user_changed(id, written).await?;
            Vec::new()
        }
        Touched::UserDeleted { id } => {
            world.user_deleted(id, written).await?;
            Vec::new()
        }
        Touched::Group { .. } => world.group_touched(touched, written).await?,
    };
    world.settle().await?;
    let mut effects = world.effects();
    effects.events = events;
    let cause = Cause::Request {
        request_id: written.request_id.into(),
        directory_id: written.directory_id.into(),
    };
    let World { mut organization, configuration, .. } = world;
    effects.store(&standing, &configuration, &cause, written.now, &mut organization).await?;
    Ok(())
}

impl World<'_> {
    async fn user_created(
        &mut self,
        id: &str,
        user: &Object,
        has_groups: bool,
        written: Written<'_>,
    ) -> Result<(), store::Error> {
        let user = match has_groups {
            true => self.user(written.directory_id, id).await?,
            false => Some(User { object: user.clone(), groups: Vec::new(), teams: HashMap::new() }),
        };
        let Some(user) = user else { return Ok(()) };
        self.link(written.directory_id, id, user, None).await
    }

    /// Whether two states of a user say the same of its member.
    fn reads_alike(&self, before: &Object, after: &Object, directory_id: &str) -> bool {
        let Some(directory) = self.configuration.directories.get(directory_id) else {
            return false;
        };
        // A soft delete is told by these, whatever the mapping reads.
        let is_same = |name: &str| before.get(name) == after.get(name);
        if directory.mapping.reads_groups() || !is_same("userName") || !is_same("active") {
            return false;
        }
        let (before, after) =
            (directory.mapping.evaluate(before, &[]), directory.mapping.evaluate(after, &[]));
        let values = |evaluated: &Evaluated<'_>| {
            let values = evaluated.values.iter();
            values
                .map(|(t, (v, line))| (t.clone(), v.clone(), line.source.clone()))
                .collect::<Vec<_>>()
        };
        let roles = |evaluated: &Evaluated<'_>| {
            let roles = evaluated.roles.iter();
            roles.map(|(role, line)| (role.clone(), line.source.clone())).collect::<Vec<_>>()
        };
        values(&before) == values(&after)
            && roles(&before) == roles(&after)
            && before.problems == after.problems
    }

    async fn user_changed(&mut self, id: &str, written: Written<'_>) -> Result<(), store::Error> {
        let linked = self.organization.members_of_users(written.directory_id, &[id]).await?;
        match linked.into_iter().next() {
            Some((_, member_id)) => drop(self.queue.insert(member_id)),
            None => {
                if let Some(user) = self.user(written.directory_id, id).await? {
                    self.link(written.directory_id, id, user, None).await?;
                }
            }
        }
        Ok(())
    }

    async fn user_deleted(&mut self, id: &str, written: Written<'_>) -> Result<(), store::Error> {
        let linked = self.organization.members_of_users(written.directory_id, &[id]).await?;
        let Some((_, member_id)) = linked.into_iter().next() else { return Ok(()) };
        self.load(std::slice::from_ref(&member_id)).await?;
        if let Some(person) = self.people.get_mut(&member_id) {
            person.sources.retain(|source| {
                source.directory_id != written.directory_id || source.user_id != id
            });
            person.is_orphaned = person.sources.is_empty();
        }
        self.queue.insert(member_id);
        Ok(())
    }

    async fn group_touched(
        &mut self,
        touched: Touched<'_>,
        written: Written<'_>,
    ) -> Result<Vec<store::events::NewEvent>, TeamError> {
        let Touched::Group { id, name_before, name, added, removed } = touched else {
            return Ok(Vec::new());
        };
        let (directory_id, now) = (written.directory_id, written.now);
        let is_renamed = name.is_some() && name_before.is_some() && name != name_before;
        let mut events = match (name_before, name) {
            (None, Some(name)) => self.group_created(directory_id, id, name, now).await?,
            (Some(_), None) => self.group_deleted(directory_id, id, now).await?,
            (Some(_), Some(name)) if is_renamed => {
                self.group_renamed(directory_id, id, name, now).await?
            }
            _ => Vec::new(),
        };
        let is_team_gone = events.iter().any(|e| e.kind == store::events::Kind::TeamDeleted);
        let matters = |name: Option<&str>| {
            name.is_some_and(|name| self.configuration.name_matters(directory_id, name))
        };
        // A team that other groups are as well: what is left of it is theirs.
        let is_left = name.is_none() && !is_team_gone;
        if matters(name) || matters(name_before) || is_left {
            let mut concerned = [added, removed].concat();
            if is_renamed {
                concerned.extend(self.organization.users_in_group(directory_id, id).await?);
            }
            let concerned: Vec<&str> = concerned.iter().map(String::as_str).collect();
            let linked = self.organization.members_of_users(directory_id, &concerned).await?;
            self.queue.extend(linked.into_iter().map(|(_, member_id)| member_id));
        } else if !is_team_gone {
            let (added, removed): (Vec<&str>, Vec<&str>) = (
                added.iter().map(String::as_str).collect(),
                removed.iter().map(String::as_str).collect(),
            );
            events.extend(self.change_team(directory_id, id, &added, &removed).await?);
        }
        Ok(events)
    }
}

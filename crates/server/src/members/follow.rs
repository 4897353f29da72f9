//! What follows from a write to a directory, in the same transaction.

use std::collections::HashMap;

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
        Touched::UserChanged { id } => {
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
        self.link(written.directory_id, id, user).await
    }

    async fn user_changed(&mut self, id: &str, written: Written<'_>) -> Result<(), store::Error> {
        let linked = self.organization.members_of_users(written.directory_id, &[id]).await?;
        match linked.into_iter().next() {
            Some((_, member_id)) => drop(self.queue.insert(member_id)),
            None => {
                if let Some(user) = self.user(written.directory_id, id).await? {
                    self.link(written.directory_id, id, user).await?;
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
        let effect = match (name_before, name) {
            (None, Some(name)) => Some(self.group_created(directory_id, id, name, now).await?),
            (Some(_), None) => self.group_deleted(directory_id, id, now).await?,
            (Some(_), Some(name)) if is_renamed => {
                Some(self.group_renamed(directory_id, id, name, now).await?)
            }
            _ => None,
        };
        let (team_id, mut events) = match effect {
            Some(effect) => (Some(effect.team_id), effect.events),
            None => {
                let team = self.organization.team_of_group(directory_id, id).await?;
                (team.map(|team| team.id), Vec::new())
            }
        };
        let is_team_gone = events.iter().any(|e| e.kind == store::events::Kind::TeamDeleted);
        let matters = |name: Option<&str>| {
            name.is_some_and(|name| self.configuration.name_matters(directory_id, name))
        };
        let ids = |ids: &'_ [String]| -> Vec<String> { ids.to_vec() };
        if matters(name) || matters(name_before) {
            let mut concerned = ids(added);
            concerned.extend(ids(removed));
            if is_renamed {
                concerned.extend(self.organization.users_in_group(directory_id, id).await?);
            }
            let concerned: Vec<&str> = concerned.iter().map(String::as_str).collect();
            let linked = self.organization.members_of_users(directory_id, &concerned).await?;
            self.queue.extend(linked.into_iter().map(|(_, member_id)| member_id));
        } else if let Some(team_id) = team_id.filter(|_| !is_team_gone) {
            let (added, removed): (Vec<&str>, Vec<&str>) = (
                added.iter().map(String::as_str).collect(),
                removed.iter().map(String::as_str).collect(),
            );
            events.extend(self.change_team(directory_id, &team_id, &added, &removed).await?);
        }
        Ok(events)
    }
}

//! What groups make of teams.

use mapping::slug;
use store::{
    OrganizationTx,
    events::{Kind, NewEvent},
    teams::{Team, TeamSource},
};

use super::world::World;
use crate::ids;

/// A name of which no team can be made, in words for an IT admin.
#[derive(Debug)]
pub enum TeamError {
    Name(slug::Misfits),
    Store(store::Error),
}

impl From<store::Error> for TeamError {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

fn event(kind: Kind, team_id: &str, before: Option<&Team>, after: Option<&Team>) -> NewEvent {
    let shown = |team: &Team| serde_json::json!({"name": team.name, "slug": team.slug});
    NewEvent {
        kind,
        member_id: None,
        team_id: Some(team_id.into()),
        before: before.map(shown),
        after: after.map(shown),
    }
}

impl World<'_> {
    /// Makes a team of a group that has come: the one of its name that no group of its directory is,
    /// or a new one.
    pub async fn group_created(
        &mut self,
        directory_id: &str,
        group_id: &str,
        name: &str,
        now: i64,
    ) -> Result<Vec<NewEvent>, TeamError> {
        let joined = self.organization.teams_to_join(name, directory_id).await?;
        if let Some(team) = joined.into_iter().next() {
            // From now on the group says who is in it, of those whom directories have.
            if !self.is_of_groups(&team.id).await? {
                self.queue.extend(self.organization.members_of_team(&team.id).await?);
            }
            self.organization.link_group(&team.id, directory_id, group_id).await?;
            self.has_groups.insert(team.id.clone(), true);
            return Ok(self.rename(team, now).await?.into_iter().collect());
        }
        let id = format!("team-{}", ids::uuid());
        let slug = self.free_slug(name, &id).await?;
        let team = Team {
            id: id.clone(),
            name: name.into(),
            slug,
            version: 1,
            created_at: now,
            updated_at: now,
            deleted_at: None,
        };
        self.organization.create_team(&team).await?;
        self.organization.link_group(&id, directory_id, group_id).await?;
        self.has_groups.insert(id.clone(), true);
        Ok(vec![event(Kind::TeamCreated, &id, None, Some(&team))])
    }

    /// Gives the team of a group that has another name its name, if it is the group that names it.
    pub async fn group_renamed(
        &mut self,
        directory_id: &str,
        group_id: &str,
        name: &str,
        now: i64,
    ) -> Result<Vec<NewEvent>, TeamError> {
        let Some(team) = self.organization.team_of_group(directory_id, group_id).await? else {
            return self.group_created(directory_id, group_id, name, now).await;
        };
        Ok(self.rename(team, now).await?.into_iter().collect())
    }

    /// Ends what a group that is deleted was: its team, too, if no other group is it.
    pub async fn group_deleted(
        &mut self,
        directory_id: &str,
        group_id: &str,
        now: i64,
    ) -> Result<Vec<NewEvent>, TeamError> {
        let Some(team) = self.organization.team_of_group(directory_id, group_id).await? else {
            return Ok(Vec::new());
        };
        self.organization.unlink_group(directory_id, group_id).await?;
        let left = self.organization.team_sources(&team.id).await?;
        if !left.is_empty() {
            return Ok(self.rename(team, now).await?.into_iter().collect());
        }
        self.has_groups.insert(team.id.clone(), true);
        Ok(vec![delete_team(team, now, &mut self.organization).await?])
    }

    /// Brings a team to the configuration: groups of deleted directories are left, what no rule
    /// fits any more gets another slug.
    pub async fn settle_team(&mut self, team: Team, now: i64) -> Result<Vec<NewEvent>, TeamError> {
        let mut left = None;
        for source in self.organization.team_sources(&team.id).await? {
            let directory = self.configuration.directories.get(&source.directory_id);
            if let Some(leaves) = directory.and_then(|directory| directory.deleted) {
                left = Some(leaves);
                self.organization.unlink_group(&source.directory_id, &source.group_id).await?;
            }
        }
        let sources = self.organization.team_sources(&team.id).await?;
        self.has_groups.insert(team.id.clone(), !sources.is_empty());
        if sources.is_empty() && left == Some(mapping::configuration::Leaves::Deactivate) {
            return Ok(vec![delete_team(team, now, &mut self.organization).await?]);
        }
        Ok(self.rename(team, now).await?.into_iter().collect())
    }

    /// Gives a team the name that its groups say. The slug follows the name; as long as it comes to
    /// the same, it stays as it is.
    async fn rename(&mut self, team: Team, now: i64) -> Result<Option<NewEvent>, TeamError> {
        let sources = self.organization.team_sources(&team.id).await?;
        let name = self.naming(&sources).unwrap_or(&team.name).to_owned();
        let rule = &self.configuration.team_slugs;
        let (old, new) = (slug::slug(&team.name, rule), slug::slug(&name, rule));
        let is_same = match (&old, &new) {
            (Ok(old), Ok(new)) => old == new,
            // What the rule refuses is not refused after the fact.
            (_, Err(_)) => name == team.name,
            (Err(_), Ok(_)) => false,
        };
        let slug = match is_same && (rule.fits(&team.slug) || new.is_err()) {
            true => team.slug.clone(),
            false => self.free_slug(&name, &team.id).await?,
        };
        if name == team.name && slug == team.slug {
            return Ok(None);
        }
        let renamed = Team {
            name,
            slug,
            version: team.version + 1,
            updated_at: now.max(team.updated_at),
            ..team.clone()
        };
        self.organization.update_team(&renamed).await?;
        Ok(Some(event(Kind::TeamUpdated, &team.id, Some(&team), Some(&renamed))))
    }

    /// The name that counts of those that the groups of a team have: of the oldest directory that is
    /// switched on.
    fn naming<'s>(&self, sources: &'s [TeamSource]) -> Option<&'s str> {
        let rank = |source: &TeamSource| {
            let directory = self.configuration.directories.get(&source.directory_id);
            directory.map_or((true, usize::MAX), |d| (!d.enabled, d.position))
        };
        sources.iter().min_by_key(|source| rank(source))?.display.as_deref()
    }

    /// The slug of a name that no other team has.
    async fn free_slug(&mut self, name: &str, team_id: &str) -> Result<String, TeamError> {
        let base = slug::slug(name, &self.configuration.team_slugs).map_err(TeamError::Name)?;
        let mut slug = base.clone();
        for n in 2.. {
            match self.organization.team_with_slug(&slug).await? {
                Some(other) if other.id != team_id => {
                    slug = slug::with_suffix(&base, n, &self.configuration.team_slugs);
                }
                _ => break,
            }
        }
        Ok(slug)
    }
}

async fn delete_team(
    team: Team,
    now: i64,
    tx: &mut OrganizationTx<'_>,
) -> Result<NewEvent, store::Error> {
    tx.empty_team(&team.id).await?;
    let deleted = Team {
        version: team.version + 1,
        updated_at: now.max(team.updated_at),
        deleted_at: Some(now),
        ..team.clone()
    };
    tx.update_team(&deleted).await?;
    Ok(event(Kind::TeamDeleted, &team.id, Some(&team), None))
}

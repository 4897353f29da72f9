//! Teams of an organization: groups as the product sees them.

use serde_json::Value;

use crate::{
    OrganizationTx, Row,
    error::{Error, Result},
    members::value_key,
    memberships::Among,
};

/// A team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    pub id: String,
    pub name: String,
    /// Unique among the living teams of the organization; a deleted one keeps its last.
    pub slug: String,
    pub version: i64,
    /// Microseconds since 1970.
    pub created_at: i64,
    pub updated_at: i64,
    pub deleted_at: Option<i64>,
}

/// A group of a directory that is a team.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TeamSource {
    pub directory_id: String,
    pub group_id: String,
    /// The group's name; none if it is gone.
    pub display: Option<String>,
}

/// A user of a directory whose member is known, as a group's team sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedUser {
    pub user_id: String,
    pub member_id: String,
    /// How many users the member is linked to.
    pub links: i64,
    /// Whether the product knows the member.
    pub is_settled: bool,
    /// The group's team.
    pub team_id: Option<String>,
    pub is_in_team: bool,
}

const COLUMNS: &str =
    "t.id, t.name, t.slug, t.version, t.created_at, t.updated_at, t.deleted_at, t.document";

fn read(row: &Row<'_>) -> Result<Team> {
    let id = row.text(0)?.to_owned();
    let slug = match row.optional_text(2)? {
        Some(slug) => slug.to_owned(),
        None => serde_json::from_str::<Value>(row.text(7)?)
            .ok()
            .and_then(|document| Some(document.get("slug")?.as_str()?.to_owned()))
            .ok_or_else(|| Error::Corrupt {
                table: "team",
                row: id.clone(),
                problem: "it has no slug".into(),
            })?,
    };
    Ok(Team {
        id,
        name: row.text(1)?.into(),
        slug,
        version: row.int(3)?,
        created_at: row.int(4)?,
        updated_at: row.int(5)?,
        deleted_at: row.optional_int(6)?,
    })
}

impl OrganizationTx<'_> {
    /// The team with this id, also a deleted one.
    pub async fn team(&mut self, id: &str) -> Result<Option<Team>> {
        let sql =
            format!("SELECT {COLUMNS} FROM team t WHERE t.organization_id = ?1 AND t.id = ?2");
        self.tx.query_opt(&sql, &[(&self.organization_id).into(), id.into()], read).await
    }

    /// The living team with this slug.
    pub async fn team_with_slug(&mut self, slug: &str) -> Result<Option<Team>> {
        let sql =
            format!("SELECT {COLUMNS} FROM team t WHERE t.organization_id = ?1 AND t.slug = ?2");
        self.tx.query_opt(&sql, &[(&self.organization_id).into(), slug.into()], read).await
    }

    /// The living teams of this name, compared without case, that no group of this directory is.
    pub async fn teams_to_join(&mut self, name: &str, directory_id: &str) -> Result<Vec<Team>> {
        // Whether there is a group is asked of each: joined, PostgreSQL might begin with all teams.
        let sql = format!(
            "SELECT {COLUMNS}, (SELECT COUNT(*) FROM team_source s WHERE s.organization_id = ?1 \
             AND s.team_id = t.id AND s.directory_id = ?3) FROM team t \
             WHERE t.organization_id = ?1 AND t.name_key = ?2"
        );
        let key = value_key(name);
        let params = [(&self.organization_id).into(), (&key).into(), directory_id.into()];
        let read = |row: &Row<'_>| Ok((read(row)?, row.int(8)?));
        let teams = self.tx.query(&sql, &params, read).await?;
        let mut teams: Vec<Team> =
            teams.into_iter().filter(|(_, groups)| *groups == 0).map(|(team, _)| team).collect();
        teams.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(teams)
    }

    /// The living teams after the id `after`, as many as `limit`.
    pub async fn teams_after(&mut self, after: &str, limit: usize) -> Result<Vec<Team>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM team t WHERE t.organization_id = ?1 AND t.id > ?2 \
             AND t.deleted_at IS NULL ORDER BY t.id LIMIT ?3"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.tx
            .query(&sql, &[(&self.organization_id).into(), after.into(), limit.into()], read)
            .await
    }

    /// Stores a new team.
    pub async fn create_team(&mut self, team: &Team) -> Result<()> {
        let (key, document) = (value_key(&team.name), "{}");
        self.tx
            .send(
                "INSERT INTO team (organization_id, id, name, name_key, slug, version, created_at, \
                 updated_at, document) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                &[
                    (&self.organization_id).into(),
                    (&team.id).into(),
                    (&team.name).into(),
                    (&key).into(),
                    (&team.slug).into(),
                    team.version.into(),
                    team.created_at.into(),
                    team.updated_at.into(),
                    document.into(),
                ],
            )
            .await
    }

    /// Writes a team over what is stored. Name and slug of a deleted one are free.
    pub async fn update_team(&mut self, team: &Team) -> Result<()> {
        let living = team.deleted_at.is_none();
        let key = living.then(|| value_key(&team.name));
        let document = match living {
            true => "{}".to_owned(),
            false => serde_json::json!({"slug": team.slug}).to_string(),
        };
        self.tx
            .send(
                "UPDATE team SET name = ?3, name_key = ?4, slug = ?5, version = ?6, \
                 updated_at = ?7, deleted_at = ?8, document = ?9 \
                 WHERE organization_id = ?1 AND id = ?2",
                &[
                    (&self.organization_id).into(),
                    (&team.id).into(),
                    (&team.name).into(),
                    key.as_ref().into(),
                    living.then_some(&team.slug).into(),
                    team.version.into(),
                    team.updated_at.into(),
                    team.deleted_at.into(),
                    (&document).into(),
                ],
            )
            .await
    }

    /// The team that a group is.
    pub async fn team_of_group(
        &mut self,
        directory_id: &str,
        group_id: &str,
    ) -> Result<Option<Team>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM team t WHERE t.organization_id = ?1 AND t.id = \
             (SELECT s.team_id FROM team_source s WHERE s.organization_id = ?1 \
             AND s.directory_id = ?2 AND s.group_id = ?3)"
        );
        let params = [(&self.organization_id).into(), directory_id.into(), group_id.into()];
        self.tx.query_opt(&sql, &params, read).await
    }

    /// The groups that a team is.
    pub async fn team_sources(&mut self, team_id: &str) -> Result<Vec<TeamSource>> {
        let mut sources = self
            .tx
            .query(
                "SELECT s.directory_id, s.group_id, (SELECT g.display FROM resource g \
                 WHERE g.directory_id = s.directory_id AND g.resource_type = 'Group' \
                 AND g.id = s.group_id) FROM team_source s WHERE s.organization_id = ?1 \
                 AND s.team_id = ?2",
                &[(&self.organization_id).into(), team_id.into()],
                |row| {
                    Ok(TeamSource {
                        directory_id: row.text(0)?.into(),
                        group_id: row.text(1)?.into(),
                        display: row.optional_text(2)?.map(str::to_owned),
                    })
                },
            )
            .await?;
        sources.sort_unstable();
        Ok(sources)
    }

    /// Who is in a team.
    pub async fn members_of_team(&mut self, team_id: &str) -> Result<Vec<String>> {
        let sql = "SELECT member_id FROM team_member WHERE organization_id = ?1 AND team_id = ?2";
        let params = [(&self.organization_id).into(), team_id.into()];
        self.tx.query(sql, &params, |row| Ok(row.text(0)?.into())).await
    }

    /// Makes a group a team's.
    pub async fn link_group(
        &mut self,
        team_id: &str,
        directory_id: &str,
        group_id: &str,
    ) -> Result<()> {
        self.tx
            .send(
                "INSERT INTO team_source (organization_id, directory_id, group_id, team_id) \
                 VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
                &[
                    (&self.organization_id).into(),
                    directory_id.into(),
                    group_id.into(),
                    team_id.into(),
                ],
            )
            .await
    }

    pub async fn unlink_group(&mut self, directory_id: &str, group_id: &str) -> Result<()> {
        self.tx
            .send(
                "DELETE FROM team_source WHERE organization_id = ?1 AND directory_id = ?2 \
                 AND group_id = ?3",
                &[(&self.organization_id).into(), directory_id.into(), group_id.into()],
            )
            .await
    }

    /// Puts a member into a team. Whether it was not in it.
    pub async fn join_team(&mut self, team_id: &str, member_id: &str) -> Result<()> {
        self.tx
            .send(
                "INSERT INTO team_member (organization_id, team_id, member_id) \
                 VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                &[(&self.organization_id).into(), team_id.into(), member_id.into()],
            )
            .await
    }

    pub async fn leave_team(&mut self, team_id: &str, member_id: &str) -> Result<()> {
        self.tx
            .send(
                "DELETE FROM team_member WHERE organization_id = ?1 AND team_id = ?2 \
                 AND member_id = ?3",
                &[(&self.organization_id).into(), team_id.into(), member_id.into()],
            )
            .await
    }

    /// Puts everybody out of a team.
    pub async fn empty_team(&mut self, team_id: &str) -> Result<()> {
        self.tx
            .send(
                "DELETE FROM team_member WHERE organization_id = ?1 AND team_id = ?2",
                &[(&self.organization_id).into(), team_id.into()],
            )
            .await
    }

    /// What is known of these users of a directory and the team of one of its groups, of those that
    /// are linked to a member.
    pub async fn linked_users(
        &mut self,
        directory_id: &str,
        group_id: &str,
        user_ids: &[&str],
    ) -> Result<Vec<LinkedUser>> {
        if user_ids.is_empty() {
            return Ok(Vec::new());
        }
        let Among { each, bind, .. } = Among::new(user_ids, 4);
        let sql = format!(
            "SELECT y.user_id, y.member_id, (SELECT COUNT(*) FROM member_source o \
             WHERE o.organization_id = ?1 AND o.member_id = y.member_id), \
             (SELECT m.settled_at FROM member m WHERE m.organization_id = ?1 \
             AND m.id = y.member_id), y.team_id, (SELECT COUNT(*) FROM team_member t \
             WHERE t.organization_id = ?1 AND t.team_id = y.team_id AND t.member_id = y.member_id) \
             FROM (SELECT l.value AS user_id, (SELECT s.member_id FROM member_source s \
             WHERE s.organization_id = ?1 AND s.directory_id = ?2 AND s.user_id = l.value) \
             AS member_id, (SELECT g.team_id FROM team_source g WHERE g.organization_id = ?1 \
             AND g.directory_id = ?2 AND g.group_id = ?3) AS team_id FROM {each} l) y \
             WHERE y.member_id IS NOT NULL"
        );
        let params =
            [(&self.organization_id).into(), directory_id.into(), group_id.into(), (&bind).into()];
        self.tx
            .query(&sql, &params, |row| {
                Ok(LinkedUser {
                    user_id: row.text(0)?.into(),
                    member_id: row.text(1)?.into(),
                    links: row.int(2)?,
                    is_settled: row.optional_int(3)?.is_some(),
                    team_id: row.optional_text(4)?.map(str::to_owned),
                    is_in_team: row.int(5)? > 0,
                })
            })
            .await
    }
}

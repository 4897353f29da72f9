//! Members and teams as people look through them.

use std::collections::HashMap;

use mapping::member::State;

use crate::{OrganizationTx, Param, Row, error::Result};

/// Which members to list.
#[derive(Clone, Debug, Default)]
pub struct MemberFilter {
    /// None: all but the deleted ones.
    pub state: Option<State>,
    pub role: Option<String>,
    pub team_id: Option<String>,
}

/// A directory of an organization as reasons name it, also a deleted one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedDirectory {
    pub id: String,
    pub kind: String,
    pub is_enabled: bool,
    pub is_deleted: bool,
}

/// How many are in a team, and how many groups it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TeamSize {
    pub members: i64,
    pub groups: i64,
}

impl OrganizationTx<'_> {
    /// The ids of members after `after`, oldest first, as many as `limit`.
    pub async fn members_matching(
        &mut self,
        filter: &MemberFilter,
        after: &str,
        limit: usize,
    ) -> Result<Vec<String>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        // With a team the look-up begins at that: it may be a small one of many members.
        let (from, of_team) = match &filter.team_id {
            None => ("member m", ""),
            Some(_) => (
                "team_member t JOIN member m ON m.organization_id = t.organization_id \
                 AND m.id = t.member_id",
                "AND t.organization_id = ?1 AND t.member_id > ?2 AND t.team_id = ?6",
            ),
        };
        let sql = format!(
            "SELECT m.id FROM {from} WHERE m.organization_id = ?1 AND m.id > ?2 {of_team} \
             AND (m.state = ?3 OR (?3 = '' AND m.state <> 'deleted')) \
             AND (?4 = '' OR m.role = ?4) ORDER BY m.id LIMIT ?5"
        );
        let mut params = vec![
            (&self.organization_id).into(),
            after.into(),
            filter.state.map_or("", State::as_str).into(),
            filter.role.as_deref().unwrap_or("").into(),
            limit.into(),
        ];
        params.extend(filter.team_id.as_deref().map(Param::from));
        self.tx.query(&sql, &params, |row| Ok(row.text(0)?.into())).await
    }

    /// How many members there are of each state and role.
    pub async fn count_members(&mut self) -> Result<Vec<(String, Option<String>, i64)>> {
        let read = |row: &Row<'_>| {
            Ok((row.text(0)?.into(), row.optional_text(1)?.map(str::to_owned), row.int(2)?))
        };
        self.tx
            .query(
                "SELECT state, role, COUNT(*) FROM member WHERE organization_id = ?1 \
                 GROUP BY state, role ORDER BY state, role",
                &[(&self.organization_id).into()],
                read,
            )
            .await
    }

    /// How large the teams are that have members or groups, by their ids.
    pub async fn team_sizes(&mut self) -> Result<HashMap<String, TeamSize>> {
        let count = |row: &Row<'_>| Ok((row.text(0)?.to_owned(), row.int(1)?));
        let params = [(&self.organization_id).into()];
        let members = self
            .tx
            .query(
                "SELECT team_id, COUNT(*) FROM team_member WHERE organization_id = ?1 \
                 GROUP BY team_id",
                &params,
                count,
            )
            .await?;
        let groups = self
            .tx
            .query(
                "SELECT team_id, COUNT(*) FROM team_source WHERE organization_id = ?1 \
                 GROUP BY team_id",
                &params,
                count,
            )
            .await?;
        let mut sizes: HashMap<String, TeamSize> = HashMap::new();
        for (team, members) in members {
            sizes.entry(team).or_default().members = members;
        }
        for (team, groups) in groups {
            sizes.entry(team).or_default().groups = groups;
        }
        Ok(sizes)
    }

    /// All directories, by age, also the deleted ones.
    pub async fn named_directories(&mut self) -> Result<Vec<NamedDirectory>> {
        let read = |row: &Row<'_>| {
            Ok(NamedDirectory {
                id: row.text(0)?.into(),
                kind: row.text(1)?.into(),
                is_enabled: row.int(2)? != 0,
                is_deleted: row.optional_int(3)?.is_some(),
            })
        };
        self.tx
            .query(
                "SELECT id, kind, enabled, deleted_at FROM directory WHERE organization_id = ?1 \
                 ORDER BY created_at, id",
                &[(&self.organization_id).into()],
                read,
            )
            .await
    }
}

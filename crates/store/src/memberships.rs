//! Who is in which group: rows, written as deltas.

use std::borrow::Cow;

use scim::representation::{Reference, ReferenceType};

use crate::{
    DirectoryTx,
    error::{Error, Result},
    resources::{GROUP, read_group},
};

/// A set of ids as it stands in a statement: one by itself, several as a JSON array that the statement
/// unfolds. Unfolding builds a table of its own, which costs more than the rest of a statement for
/// one.
///
/// What is known of each is looked up by a sub-select for its one value, by the whole key. A join
/// leaves to PostgreSQL what to begin with, and it may begin with all that the directory has: it
/// takes every directory for one of average size.
pub(crate) struct Among {
    /// A source of rows that is to be called `l`; its column is `value`.
    pub each: String,
    /// `<> ?n` or `NOT IN …`
    pub is_not: String,
    pub bind: String,
}

impl Among {
    /// Ids with U+0000 are nobody's. PostgreSQL unfolds no array that has one, not even escaped.
    pub fn new(ids: &[&str], place: usize) -> Self {
        let ids: Vec<Cow<'_, str>> = ids
            .iter()
            .map(|id| match id.contains('\0') {
                true => Cow::Owned(id.replace('\0', "\u{FFFD}")),
                false => Cow::Borrowed(*id),
            })
            .collect();
        match &*ids {
            [id] => Self {
                each: format!("(SELECT CAST(?{place} AS TEXT) AS value)"),
                is_not: format!("<> ?{place}"),
                bind: id.clone().into_owned(),
            },
            ids => Self {
                each: format!("{{each ?{place}}}"),
                is_not: format!("NOT IN {{list ?{place}}}"),
                bind: serde_json::Value::from_iter(ids.iter().map(AsRef::as_ref)).to_string(),
            },
        }
    }
}

/// As many members as are removed one by one: for more, the group's are read to find them.
const FEW: usize = 200;

fn reference_type(name: &str) -> ReferenceType {
    if name == "Group" { ReferenceType::Group } else { ReferenceType::User }
}

impl DirectoryTx<'_> {
    /// Those of `ids` that are users or groups of this directory.
    pub async fn living_among(&mut self, ids: &[&str]) -> Result<Vec<String>> {
        let Among { each, bind, .. } = Among::new(ids, 2);
        let sql = format!(
            "SELECT x.id FROM (SELECT COALESCE((SELECT r.id FROM resource r \
             WHERE r.directory_id = ?1 AND r.resource_type = 'User' AND r.id = l.value), \
             (SELECT r.id FROM resource r WHERE r.directory_id = ?1 \
             AND r.resource_type = 'Group' AND r.id = l.value)) AS id FROM {each} l) x \
             WHERE x.id IS NOT NULL"
        );
        let params = [(&self.directory_id).into(), (&bind).into()];
        self.tx.query(&sql, &params, |row| Ok(row.text(0)?.to_owned())).await
    }

    /// Makes those of `ids` that are users or groups of this directory members of
    /// the group; answers who was none before. Ids that are neither are passed over.
    pub async fn add_members(&mut self, group_id: &str, ids: &[&str]) -> Result<Vec<String>> {
        let Among { each, bind, .. } = Among::new(ids, 3);
        let sql = format!(
            "INSERT INTO membership (directory_id, group_id, member_id, member_type) \
             SELECT ?1, ?2, x.id, x.type FROM (SELECT l.value AS id, \
             COALESCE((SELECT r.resource_type FROM resource r WHERE r.directory_id = ?1 \
             AND r.resource_type = 'User' AND r.id = l.value), \
             (SELECT r.resource_type FROM resource r WHERE r.directory_id = ?1 \
             AND r.resource_type = 'Group' AND r.id = l.value)) AS type FROM {each} l) x \
             WHERE x.type IS NOT NULL ON CONFLICT DO NOTHING RETURNING member_id"
        );
        let params = [(&self.directory_id).into(), group_id.into(), (&bind).into()];
        self.tx.query(&sql, &params, |row| Ok(row.text(0)?.to_owned())).await
    }

    /// Ends the membership of `ids`; answers who was a member.
    pub async fn remove_members(&mut self, group_id: &str, ids: &[&str]) -> Result<Vec<String>> {
        if let [id] = ids {
            let sql = "DELETE FROM membership WHERE directory_id = ?1 AND group_id = ?2 \
                 AND member_id = ?3 RETURNING member_id";
            let params = [(&self.directory_id).into(), group_id.into(), (*id).into()];
            return self.tx.query(sql, &params, |row| Ok(row.text(0)?.to_owned())).await;
        }
        if ids.len() > FEW {
            let Among { bind, .. } = Among::new(ids, 3);
            let sql = "DELETE FROM membership WHERE directory_id = ?1 AND group_id = ?2 \
                 AND member_id IN {list ?3} RETURNING member_id";
            let params = [(&self.directory_id).into(), group_id.into(), (&bind).into()];
            return self.tx.query(sql, &params, |row| Ok(row.text(0)?.to_owned())).await;
        }
        let members = self.members_among(group_id, ids).await?;
        for id in &members {
            self.tx
                .send(
                    "DELETE FROM membership WHERE directory_id = ?1 AND group_id = ?2 \
                     AND member_id = ?3",
                    &[(&self.directory_id).into(), group_id.into(), id.into()],
                )
                .await?;
        }
        Ok(members)
    }

    async fn members_among(&mut self, group_id: &str, ids: &[&str]) -> Result<Vec<String>> {
        let Among { each, bind, .. } = Among::new(ids, 3);
        let sql = format!(
            "SELECT DISTINCT x.id FROM (SELECT (SELECT m.member_id FROM membership m \
             WHERE m.directory_id = ?1 AND m.group_id = ?2 AND m.member_id = l.value) AS id \
             FROM {each} l) x WHERE x.id IS NOT NULL"
        );
        let params = [(&self.directory_id).into(), group_id.into(), (&bind).into()];
        self.tx.query(&sql, &params, |row| Ok(row.text(0)?.to_owned())).await
    }

    /// Ends every membership but those of `ids`; answers who was a member.
    pub async fn retain_members(&mut self, group_id: &str, ids: &[&str]) -> Result<Vec<String>> {
        let Among { is_not, bind, .. } = Among::new(ids, 3);
        self.tx
            .query(
                &format!(
                    "DELETE FROM membership WHERE directory_id = ?1 AND group_id = ?2 \
                 AND member_id {is_not} RETURNING member_id"
                ),
                &[(&self.directory_id).into(), group_id.into(), (&bind).into()],
                |row| Ok(row.text(0)?.to_owned()),
            )
            .await
    }

    /// How many of `ids`, of which no two are equal, are members of the group.
    pub async fn count_members_among(&mut self, group_id: &str, ids: &[&str]) -> Result<i64> {
        let Among { each, bind, .. } = Among::new(ids, 3);
        let sql = format!(
            "SELECT COUNT(x.id) FROM (SELECT (SELECT m.member_id FROM membership m \
             WHERE m.directory_id = ?1 AND m.group_id = ?2 AND m.member_id = l.value) AS id \
             FROM {each} l) x"
        );
        let params = [(&self.directory_id).into(), group_id.into(), (&bind).into()];
        Ok(self.tx.query_opt(&sql, &params, |row| row.int(0)).await?.unwrap_or(0))
    }

    /// The group's direct members, in the order of their creation.
    pub async fn members(&mut self, group_id: &str) -> Result<Vec<Reference>> {
        let mut members = Vec::new();
        self.tx
            .each(
                "SELECT m.member_id, (SELECT r.display FROM resource r \
                 WHERE r.directory_id = m.directory_id AND r.resource_type = m.member_type \
                 AND r.id = m.member_id), m.member_type FROM membership m \
                 WHERE m.directory_id = ?1 AND m.group_id = ?2 ORDER BY m.member_id",
                &[(&self.directory_id).into(), group_id.into()],
                |row| {
                    let Some(display) = row.optional_text(1)? else { return Ok(()) };
                    members.push(Reference {
                        id: row.text(0)?.into(),
                        display: display.into(),
                        resource_type: reference_type(row.text(2)?),
                    });
                    Ok(())
                },
            )
            .await?;
        Ok(members)
    }

    /// The ids of the group's direct members.
    pub(crate) async fn member_ids(&mut self, group_id: &str) -> Result<Vec<String>> {
        self.tx
            .query(
                "SELECT member_id FROM membership WHERE directory_id = ?1 AND group_id = ?2 \
                 ORDER BY member_id",
                &[(&self.directory_id).into(), group_id.into()],
                |row| Ok(row.text(0)?.to_owned()),
            )
            .await
    }

    /// The groups that each of `ids` is a direct member of, as `(id, group)`; those of one together,
    /// by id.
    pub async fn groups_of(&mut self, ids: &[&str]) -> Result<Vec<(String, Reference)>> {
        if let [id] = ids {
            let groups = self.groups_of_one(id).await?;
            return Ok(groups.into_iter().map(|group| ((*id).to_owned(), group)).collect());
        }
        let Among { each, bind, .. } = Among::new(ids, 2);
        let sql = format!(
            "SELECT l.value, (SELECT {{pairs {GROUP}}} FROM membership s \
             WHERE s.directory_id = ?1 AND s.member_id = l.value) FROM {each} l"
        );
        let mut all = Vec::new();
        self.tx
            .each(&sql, &[(&self.directory_id).into(), (&bind).into()], |row| {
                let (id, Some(groups)) = (row.text(0)?, row.optional_text(1)?) else {
                    return Ok(());
                };
                let groups: Vec<(String, Option<String>)> =
                    serde_json::from_str(groups).map_err(|e| Error::Corrupt {
                        table: "membership",
                        row: id.into(),
                        problem: e.to_string(),
                    })?;
                let mut groups: Vec<(String, String)> = groups
                    .into_iter()
                    .filter_map(|(group_id, display)| Some((group_id, display?)))
                    .collect();
                groups.sort_unstable();
                all.extend(groups.into_iter().map(|(group_id, display)| {
                    let resource_type = ReferenceType::Group;
                    (id.to_owned(), Reference { id: group_id, display, resource_type })
                }));
                Ok(())
            })
            .await?;
        Ok(all)
    }

    /// The groups that `id` is a direct member of.
    pub async fn groups_of_one(&mut self, id: &str) -> Result<Vec<Reference>> {
        let sql = format!(
            "SELECT {GROUP} FROM membership s \
             WHERE s.directory_id = ?1 AND s.member_id = ?2 ORDER BY s.group_id"
        );
        let mut groups = Vec::new();
        self.tx
            .each(&sql, &[(&self.directory_id).into(), id.into()], |row| {
                groups.extend(read_group(row, 0)?);
                Ok(())
            })
            .await?;
        Ok(groups)
    }

    /// Ends all memberships in a group that is being deleted.
    pub(crate) async fn dissolve(&mut self, group_id: &str) -> Result<()> {
        self.tx
            .send(
                "DELETE FROM membership WHERE directory_id = ?1 AND group_id = ?2",
                &[(&self.directory_id).into(), group_id.into()],
            )
            .await
    }

    /// Ends all memberships of a resource that is being deleted; answers the groups it was in.
    pub(crate) async fn leave_all_groups(&mut self, id: &str) -> Result<Vec<String>> {
        self.tx
            .query(
                "DELETE FROM membership WHERE directory_id = ?1 AND member_id = ?2 \
                 RETURNING group_id",
                &[(&self.directory_id).into(), id.into()],
                |row| Ok(row.text(0)?.to_owned()),
            )
            .await
    }
}

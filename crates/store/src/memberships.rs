//! Who is in which group: rows, written as deltas.

use std::borrow::Cow;

use scim::representation::{Reference, ReferenceType};

use crate::{
    DirectoryTx,
    error::Result,
    resources::{GROUP, read_group},
};

/// A set of ids as it stands in a statement: one is compared, several are a JSON array that the
/// statement unfolds. Unfolding builds a table of its own, which costs more than the rest of a
/// statement for one.
pub(crate) struct Among {
    /// `= ?n` or `IN …`
    pub is: String,
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
                is: format!("= ?{place}"),
                is_not: format!("<> ?{place}"),
                bind: id.clone().into_owned(),
            },
            ids => Self {
                is: format!("IN {{list ?{place}}}"),
                is_not: format!("NOT IN {{list ?{place}}}"),
                bind: serde_json::Value::from_iter(ids.iter().map(AsRef::as_ref)).to_string(),
            },
        }
    }
}

fn reference_type(name: &str) -> ReferenceType {
    if name == "Group" { ReferenceType::Group } else { ReferenceType::User }
}

impl DirectoryTx<'_> {
    /// Those of `ids` that are users or groups of this directory.
    pub async fn living_among(&mut self, ids: &[&str]) -> Result<Vec<String>> {
        let Among { is, bind, .. } = Among::new(ids, 2);
        self.tx
            .query(
                &format!(
                    "SELECT id FROM resource WHERE directory_id = ?1 \
                 AND (resource_type = 'User' OR resource_type = 'Group') AND id {is}"
                ),
                &[(&self.directory_id).into(), (&bind).into()],
                |row| Ok(row.text(0)?.to_owned()),
            )
            .await
    }

    /// Makes those of `ids` that are users or groups of this directory members of
    /// the group; answers who was none before. Ids that are neither are passed over.
    pub async fn add_members(&mut self, group_id: &str, ids: &[&str]) -> Result<Vec<String>> {
        let Among { is, bind, .. } = Among::new(ids, 3);
        self.tx
            .query(
                &format!(
                    "INSERT INTO membership (directory_id, group_id, member_id, member_type) \
                 SELECT r.directory_id, ?2, r.id, r.resource_type FROM resource r \
                 WHERE r.directory_id = ?1 AND (r.resource_type = 'User' OR r.resource_type = 'Group') \
                 AND r.id {is} ON CONFLICT DO NOTHING RETURNING member_id"
                ),
                &[(&self.directory_id).into(), group_id.into(), (&bind).into()],
                |row| Ok(row.text(0)?.to_owned()),
            )
            .await
    }

    /// Ends the membership of `ids`; answers who was a member.
    pub async fn remove_members(&mut self, group_id: &str, ids: &[&str]) -> Result<Vec<String>> {
        let Among { is, bind, .. } = Among::new(ids, 3);
        self.tx
            .query(
                &format!(
                    "DELETE FROM membership WHERE directory_id = ?1 AND group_id = ?2 \
                 AND member_id {is} RETURNING member_id"
                ),
                &[(&self.directory_id).into(), group_id.into(), (&bind).into()],
                |row| Ok(row.text(0)?.to_owned()),
            )
            .await
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

    /// How many of `ids` are members of the group.
    pub async fn count_members_among(&mut self, group_id: &str, ids: &[&str]) -> Result<i64> {
        let Among { is, bind, .. } = Among::new(ids, 3);
        let count = self
            .tx
            .query_opt(
                &format!(
                    "SELECT COUNT(*) FROM membership WHERE directory_id = ?1 AND group_id = ?2 \
                 AND member_id {is}"
                ),
                &[(&self.directory_id).into(), group_id.into(), (&bind).into()],
                |row| row.int(0),
            )
            .await?;
        Ok(count.unwrap_or(0))
    }

    /// The group's direct members, in the order of their creation.
    pub async fn members(&mut self, group_id: &str) -> Result<Vec<Reference>> {
        self.tx
            .query(
                "SELECT m.member_id, r.display, m.member_type FROM membership m JOIN resource r \
                 ON r.directory_id = m.directory_id AND r.resource_type = m.member_type \
                 AND r.id = m.member_id WHERE m.directory_id = ?1 AND m.group_id = ?2 \
                 ORDER BY m.member_id",
                &[(&self.directory_id).into(), group_id.into()],
                |row| {
                    Ok(Reference {
                        id: row.text(0)?.into(),
                        display: row.text(1)?.into(),
                        resource_type: reference_type(row.text(2)?),
                    })
                },
            )
            .await
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

    /// The groups that each of `ids` is a direct member of, as `(id, group)`.
    pub async fn groups_of(&mut self, ids: &[&str]) -> Result<Vec<(String, Reference)>> {
        let Among { is, bind, .. } = Among::new(ids, 2);
        let mut groups = Vec::new();
        self.tx
            .each(
                &format!(
                    "SELECT s.member_id, {GROUP} FROM membership s \
                     WHERE s.directory_id = ?1 AND s.member_id {is} \
                     ORDER BY s.member_id, s.group_id"
                ),
                &[(&self.directory_id).into(), (&bind).into()],
                |row| {
                    if let Some(group) = read_group(row, 1)? {
                        groups.push((row.text(0)?.to_owned(), group));
                    }
                    Ok(())
                },
            )
            .await?;
        Ok(groups)
    }

    /// The groups that `id` is a direct member of.
    pub async fn groups_of_one(&mut self, id: &str) -> Result<Vec<Reference>> {
        let groups = self.groups_of(&[id]).await?;
        Ok(groups.into_iter().map(|(_, group)| group).collect())
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

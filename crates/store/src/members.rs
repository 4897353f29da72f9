//! Members of an organization: people as the product sees them.

use mapping::{
    Target,
    attribute_mapping::Group,
    member::{Held, Member, State},
};
use scim::{Object, text};

use crate::{
    Row, Tx,
    error::{Error, Result},
    key::key,
    memberships::Among,
};

/// An open transaction of one organization: the only way to its members and teams.
pub struct OrganizationTx<'t> {
    pub(crate) tx: &'t mut Tx,
    pub(crate) organization_id: String,
}

/// Where an organization stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub organization_id: String,
    /// Grows with each change of what decides about members and teams.
    pub configuration: i64,
    /// The number of its last event.
    pub sequence: i64,
    /// Grows with every write to its resources, members and teams.
    pub writes: i64,
    /// JSON: what was set otherwise than by default.
    pub settings: String,
}

/// A member with what is kept beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredMember {
    pub id: String,
    pub member: Member,
    pub version: i64,
    /// Microseconds since 1970.
    pub created_at: i64,
    pub updated_at: i64,
    /// When they were complete for the first time.
    pub settled_at: Option<i64>,
    /// When a directory made them active for the first time.
    pub enrolled_at: Option<i64>,
    pub deleted_at: Option<i64>,
    pub account_id: Option<String>,
}

/// A user of a directory that a member is linked to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemberSource {
    pub directory_id: String,
    pub user_id: String,
    pub known_user_name: Option<String>,
    /// What made the link: `created`, `email_address`, `external_id`, `username`, `person`.
    pub linked_by: String,
}

/// A member with its links and teams.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub stored: StoredMember,
    pub sources: Vec<MemberSource>,
    pub teams: Vec<String>,
}

/// The key of a value by which members are found: equal for values that differ in letter case only.
pub fn value_key(value: &str) -> String {
    key(&text::fold(value)).into_owned()
}

impl StoredMember {
    /// The key of one of its values.
    pub fn key(&self, target: &Target) -> Option<String> {
        member_key(&self.member, target)
    }
}

/// The key of one of a member's values; none of one that is deleted.
pub fn member_key(member: &Member, target: &Target) -> Option<String> {
    let living = member.state != State::Deleted;
    member.text(target).filter(|text| living && !text.is_empty()).map(value_key)
}

fn wanted_key(member: &Member) -> Option<String> {
    member.wanted_email.as_ref().map(|wanted| value_key(&wanted.email_address))
}

fn held(member: &Member) -> Option<&'static str> {
    member.held.as_ref().map(|Held::LastOwner { .. }| "last_owner")
}

fn corrupt(table: &'static str, row: &str, problem: impl ToString) -> Error {
    Error::Corrupt { table, row: row.into(), problem: problem.to_string() }
}

/// The columns of a [`StoredMember`], from `member m`.
const COLUMNS: &str = "m.id, m.version, m.created_at, m.updated_at, m.settled_at, \
     m.enrolled_at, m.deleted_at, m.account_id, m.document";

/// [`COLUMNS`] as a JSON array of one array.
type Unfolded =
    Vec<(String, i64, i64, i64, Option<i64>, Option<i64>, Option<i64>, Option<String>, String)>;

fn unfold(text: Option<&str>) -> Result<Option<StoredMember>> {
    let rows: Unfolded = list(text, "member")?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    let member = serde_json::from_str(&row.8).map_err(|e| corrupt("member", &row.0, e))?;
    Ok(Some(StoredMember {
        id: row.0,
        member,
        version: row.1,
        created_at: row.2,
        updated_at: row.3,
        settled_at: row.4,
        enrolled_at: row.5,
        deleted_at: row.6,
        account_id: row.7,
    }))
}

/// What `{pairs …}` gave.
fn list<T: serde::de::DeserializeOwned>(text: Option<&str>, table: &'static str) -> Result<Vec<T>> {
    let Some(text) = text else { return Ok(Vec::new()) };
    serde_json::from_str(text).map_err(|e| corrupt(table, text, e))
}

impl<'t> OrganizationTx<'t> {
    /// The organization's part of a transaction. To write, its row has to be held
    /// ([`crate::organizations::hold`]).
    pub fn new(tx: &'t mut Tx, organization_id: &str) -> Self {
        Self { tx, organization_id: organization_id.into() }
    }

    pub fn organization_id(&self) -> &str {
        &self.organization_id
    }

    /// The transaction that this is a part of.
    pub fn tx(&mut self) -> &mut Tx {
        self.tx
    }

    /// Where the organization stands.
    pub async fn standing(&mut self) -> Result<Standing> {
        let sql = "SELECT id, configuration, sequence, writes, settings FROM organization \
                   WHERE id = ?1";
        let standing = self.tx.query_opt(sql, &[(&self.organization_id).into()], standing).await?;
        standing.ok_or_else(|| corrupt("organization", &self.organization_id, "it is gone"))
    }

    /// Says that something was written, and up to which number events were.
    pub async fn wrote(&mut self, sequence: i64) -> Result<()> {
        self.tx
            .send(
                "UPDATE organization SET sequence = ?2, writes = writes + 1 WHERE id = ?1",
                &[(&self.organization_id).into(), sequence.into()],
            )
            .await
    }

    /// Which members these users of a directory are: `(user, member)`, of those that are linked.
    pub async fn members_of_users(
        &mut self,
        directory_id: &str,
        user_ids: &[&str],
    ) -> Result<Vec<(String, String)>> {
        if user_ids.is_empty() {
            return Ok(Vec::new());
        }
        let Among { each, bind, .. } = Among::new(user_ids, 3);
        let sql = format!(
            "SELECT x.id, x.member_id FROM (SELECT l.value AS id, (SELECT s.member_id \
             FROM member_source s WHERE s.organization_id = ?1 AND s.directory_id = ?2 \
             AND s.user_id = l.value) AS member_id FROM {each} l) x WHERE x.member_id IS NOT NULL"
        );
        let params = [(&self.organization_id).into(), directory_id.into(), (&bind).into()];
        self.tx.query(&sql, &params, |row| Ok((row.text(0)?.into(), row.text(1)?.into()))).await
    }

    /// Members with their links and teams, in the order of their ids.
    pub async fn load_members(&mut self, ids: &[&str]) -> Result<Vec<Loaded>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let Among { each, bind, .. } = Among::new(ids, 2);
        let sql = format!(
            "SELECT (SELECT {{pairs {COLUMNS}}} FROM member m WHERE m.organization_id = ?1 \
             AND m.id = l.value), (SELECT {{pairs s.directory_id, s.user_id, s.known_user_name, \
             s.linked_by}} FROM member_source s WHERE s.organization_id = ?1 \
             AND s.member_id = l.value), (SELECT {{pairs t.team_id, 0}} FROM team_member t \
             WHERE t.organization_id = ?1 AND t.member_id = l.value) FROM {each} l"
        );
        let mut all = Vec::with_capacity(ids.len());
        let params = [(&self.organization_id).into(), (&bind).into()];
        self.tx
            .each(&sql, &params, |row| {
                let Some(stored) = unfold(row.optional_text(0)?)? else { return Ok(()) };
                let sources: Vec<(String, String, Option<String>, String)> =
                    list(row.optional_text(1)?, "member_source")?;
                let mut sources: Vec<MemberSource> = sources
                    .into_iter()
                    .map(|(directory_id, user_id, known_user_name, linked_by)| MemberSource {
                        directory_id,
                        user_id,
                        known_user_name,
                        linked_by,
                    })
                    .collect();
                sources.sort_unstable();
                let teams: Vec<(String, i64)> = list(row.optional_text(2)?, "team_member")?;
                let mut teams: Vec<String> = teams.into_iter().map(|(team, _)| team).collect();
                teams.sort_unstable();
                all.push(Loaded { stored, sources, teams });
                Ok(())
            })
            .await?;
        all.sort_by(|a, b| a.stored.id.cmp(&b.stored.id));
        Ok(all)
    }

    /// The ids of living members after `after`, in their order, as many as `limit`.
    pub async fn member_ids(&mut self, after: &str, limit: usize) -> Result<Vec<String>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.tx
            .query(
                "SELECT id FROM member WHERE organization_id = ?1 AND id > ?2 \
                 AND state <> 'deleted' ORDER BY id LIMIT ?3",
                &[(&self.organization_id).into(), after.into(), limit.into()],
                |row| Ok(row.text(0)?.into()),
            )
            .await
    }

    /// Users of a directory in their stored form, of those that are there.
    pub async fn users(
        &mut self,
        directory_id: &str,
        ids: &[&str],
    ) -> Result<Vec<(String, Object)>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let Among { each, bind, .. } = Among::new(ids, 2);
        let sql = format!(
            "SELECT l.value, (SELECT r.document FROM resource r WHERE r.directory_id = ?1 \
             AND r.resource_type = 'User' AND r.id = l.value) FROM {each} l"
        );
        let mut all = Vec::with_capacity(ids.len());
        self.tx
            .each(&sql, &[directory_id.into(), (&bind).into()], |row| {
                let (id, Some(document)) = (row.text(0)?, row.optional_text(1)?) else {
                    return Ok(());
                };
                let object = serde_json::from_str(document).map_err(|e| corrupt("resource", id, e));
                all.push((id.to_owned(), object?));
                Ok(())
            })
            .await?;
        Ok(all)
    }

    /// The groups that each of these users is a direct member of, with their teams: `(user, group,
    /// team)`; those of one user together, by the group's id.
    pub async fn groups_of_users(
        &mut self,
        directory_id: &str,
        ids: &[&str],
    ) -> Result<Vec<(String, Group, Option<String>)>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let Among { each, bind, .. } = Among::new(ids, 3);
        let sql = format!(
            "SELECT l.value, (SELECT {{pairs s.group_id, (SELECT g.display FROM resource g \
             WHERE g.directory_id = ?2 AND g.resource_type = 'Group' AND g.id = s.group_id), \
             (SELECT t.team_id FROM team_source t WHERE t.organization_id = ?1 \
             AND t.directory_id = ?2 AND t.group_id = s.group_id)}} FROM membership s \
             WHERE s.directory_id = ?2 AND s.member_id = l.value) FROM {each} l"
        );
        let mut all = Vec::new();
        let params = [(&self.organization_id).into(), directory_id.into(), (&bind).into()];
        self.tx
            .each(&sql, &params, |row| {
                let user = row.text(0)?;
                let mut groups: Vec<(String, Option<String>, Option<String>)> =
                    list(row.optional_text(1)?, "membership")?;
                groups.sort_unstable();
                all.extend(groups.into_iter().filter_map(|(id, display, team)| {
                    Some((user.to_owned(), Group { id, display: display? }, team))
                }));
                Ok(())
            })
            .await?;
        Ok(all)
    }

    /// The users that are direct members of a group.
    pub async fn users_in_group(
        &mut self,
        directory_id: &str,
        group_id: &str,
    ) -> Result<Vec<String>> {
        self.tx
            .query(
                "SELECT member_id FROM membership WHERE directory_id = ?1 AND group_id = ?2 \
                 AND member_type = 'User' ORDER BY member_id",
                &[directory_id.into(), group_id.into()],
                |row| Ok(row.text(0)?.into()),
            )
            .await
    }

    /// The living members who have one of these values: `(member, target)`.
    pub async fn members_with(
        &mut self,
        email_key: Option<&str>,
        external_id_key: Option<&str>,
        username_key: Option<&str>,
    ) -> Result<Vec<(String, Target)>> {
        self.tx
            .query(
                "SELECT 0, id FROM member WHERE organization_id = ?1 AND email_key = ?2 UNION ALL \
                 SELECT 1, x.id FROM (SELECT id FROM member WHERE organization_id = ?1 \
                 AND external_id_key = ?3 LIMIT 20) x UNION ALL \
                 SELECT 2, y.id FROM (SELECT id FROM member WHERE organization_id = ?1 \
                 AND username_key = ?4 LIMIT 20) y",
                &[
                    (&self.organization_id).into(),
                    email_key.into(),
                    external_id_key.into(),
                    username_key.into(),
                ],
                |row| {
                    let target = match row.int(0)? {
                        0 => Target::EmailAddress,
                        1 => Target::ExternalId,
                        _ => Target::Username,
                    };
                    Ok((row.text(1)?.into(), target))
                },
            )
            .await
    }

    /// Who has an e-mail address.
    pub async fn member_with_email(&mut self, email_key: &str) -> Result<Option<String>> {
        let sql = "SELECT id FROM member WHERE organization_id = ?1 AND email_key = ?2";
        let params = [(&self.organization_id).into(), email_key.into()];
        self.tx.query_opt(sql, &params, |row| Ok(row.text(0)?.into())).await
    }

    /// Who should have this e-mail address, which another member has; and of those who were never
    /// complete, who has this external id or this username.
    pub async fn members_waiting_for(
        &mut self,
        email_key: Option<&str>,
        external_id_key: Option<&str>,
        username_key: Option<&str>,
    ) -> Result<Vec<String>> {
        let sql = "SELECT id FROM member WHERE organization_id = ?1 AND wanted_email_key = ?2 \
                   AND state <> 'deleted' UNION ALL SELECT id FROM member \
                   WHERE organization_id = ?1 AND external_id_key = ?3 AND settled_at IS NULL \
                   UNION ALL SELECT id FROM member \
                   WHERE organization_id = ?1 AND username_key = ?4 AND settled_at IS NULL";
        let params = [
            (&self.organization_id).into(),
            email_key.into(),
            external_id_key.into(),
            username_key.into(),
        ];
        self.tx.query(sql, &params, |row| Ok(row.text(0)?.into())).await
    }

    /// Active members who have a role, as many as `limit`: `(member, whether something is held)`.
    pub async fn active_members_with_role(
        &mut self,
        role: &str,
        limit: usize,
    ) -> Result<Vec<(String, bool)>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let sql = "SELECT id, held FROM member WHERE organization_id = ?1 AND role = ?2 \
                   AND state = 'active' LIMIT ?3";
        let params = [(&self.organization_id).into(), role.into(), limit.into()];
        let read = |row: &Row<'_>| Ok((row.text(0)?.into(), row.optional_text(1)?.is_some()));
        self.tx.query(sql, &params, read).await
    }

    /// Frees the e-mail address of a member, who gets another or none: before others take it.
    pub async fn free_email(&mut self, id: &str) -> Result<()> {
        let sql = "UPDATE member SET email_key = NULL WHERE organization_id = ?1 AND id = ?2";
        self.tx.send(sql, &[(&self.organization_id).into(), id.into()]).await
    }

    /// Stores a new member.
    pub async fn create_member(&mut self, new: &StoredMember) -> Result<()> {
        let document = document(&new.member);
        let (email, username, external_id) = keys(&new.member);
        self.tx
            .send(
                "INSERT INTO member (organization_id, id, state, email_key, username_key, \
                 external_id_key, wanted_email_key, role, held, account_id, version, created_at, \
                 updated_at, settled_at, enrolled_at, deleted_at, document) VALUES (?1, ?2, ?3, \
                 ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
                &[
                    (&self.organization_id).into(),
                    (&new.id).into(),
                    new.member.state.as_str().into(),
                    email.as_ref().into(),
                    username.as_ref().into(),
                    external_id.as_ref().into(),
                    wanted_key(&new.member).as_ref().into(),
                    new.member.role_name().into(),
                    held(&new.member).into(),
                    new.account_id.as_ref().into(),
                    new.version.into(),
                    new.created_at.into(),
                    new.updated_at.into(),
                    new.settled_at.into(),
                    new.enrolled_at.into(),
                    new.deleted_at.into(),
                    (&document).into(),
                ],
            )
            .await
    }

    /// Writes a member over what is stored.
    pub async fn update_member(&mut self, changed: &StoredMember) -> Result<()> {
        let document = document(&changed.member);
        let (email, username, external_id) = keys(&changed.member);
        self.tx
            .send(
                "UPDATE member SET state = ?3, email_key = ?4, username_key = ?5, \
                 external_id_key = ?6, wanted_email_key = ?7, role = ?8, held = ?9, \
                 account_id = ?10, version = ?11, updated_at = ?12, settled_at = ?13, \
                 enrolled_at = ?14, deleted_at = ?15, document = ?16 \
                 WHERE organization_id = ?1 AND id = ?2",
                &[
                    (&self.organization_id).into(),
                    (&changed.id).into(),
                    changed.member.state.as_str().into(),
                    email.as_ref().into(),
                    username.as_ref().into(),
                    external_id.as_ref().into(),
                    wanted_key(&changed.member).as_ref().into(),
                    changed.member.role_name().into(),
                    held(&changed.member).into(),
                    changed.account_id.as_ref().into(),
                    changed.version.into(),
                    changed.updated_at.into(),
                    changed.settled_at.into(),
                    changed.enrolled_at.into(),
                    changed.deleted_at.into(),
                    (&document).into(),
                ],
            )
            .await
    }

    /// Links a user to a member, or keeps what has changed of a link.
    pub async fn link(&mut self, member_id: &str, source: &MemberSource, now: i64) -> Result<()> {
        self.tx
            .send(
                "INSERT INTO member_source (organization_id, directory_id, user_id, member_id, \
                 known_user_name, linked_by, linked_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
                 ON CONFLICT (organization_id, directory_id, user_id) DO UPDATE \
                 SET member_id = excluded.member_id, known_user_name = excluded.known_user_name, \
                 linked_by = excluded.linked_by",
                &[
                    (&self.organization_id).into(),
                    (&source.directory_id).into(),
                    (&source.user_id).into(),
                    member_id.into(),
                    source.known_user_name.as_ref().into(),
                    (&source.linked_by).into(),
                    now.into(),
                ],
            )
            .await
    }

    /// Ends a link.
    pub async fn unlink(&mut self, directory_id: &str, user_id: &str) -> Result<()> {
        self.tx
            .send(
                "DELETE FROM member_source WHERE organization_id = ?1 AND directory_id = ?2 \
                 AND user_id = ?3",
                &[(&self.organization_id).into(), directory_id.into(), user_id.into()],
            )
            .await
    }
}

fn document(member: &Member) -> String {
    // Every part of it has a form in JSON.
    serde_json::to_string(member).unwrap_or_default()
}

fn keys(member: &Member) -> (Option<String>, Option<String>, Option<String>) {
    (
        member_key(member, &Target::EmailAddress),
        member_key(member, &Target::Username),
        member_key(member, &Target::ExternalId),
    )
}

fn standing(row: &Row<'_>) -> Result<Standing> {
    Ok(Standing {
        organization_id: row.text(0)?.into(),
        configuration: row.int(1)?,
        sequence: row.int(2)?,
        writes: row.int(3)?,
        settings: row.text(4)?.into(),
    })
}

impl crate::DirectoryTx<'_> {
    /// Where the directory's organization stands.
    pub async fn standing(&mut self) -> Result<Standing> {
        let sql = "SELECT id, configuration, sequence, writes, settings FROM organization \
                   WHERE id = (SELECT organization_id FROM directory WHERE id = ?1)";
        let found = self.tx.query_opt(sql, &[(&self.directory_id).into()], standing).await?;
        found.ok_or_else(|| corrupt("directory", &self.directory_id, "it has no organization"))
    }

    /// The part of this transaction that belongs to the directory's organization, as
    /// [`Self::standing`] has named it.
    pub fn organization(&mut self, standing: &Standing) -> OrganizationTx<'_> {
        OrganizationTx::new(self.tx, &standing.organization_id)
    }
}

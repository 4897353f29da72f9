//! Users and groups as their identity provider sees them.

use std::sync::LazyLock;

use scim::{
    Object,
    representation::{Reference, ReferenceType},
    text, urn,
};
use serde_json::Value;

use crate::{
    DirectoryTx, Row, attribute_index,
    error::{Error, Result},
    journal::{Entry, Operation},
    key::key,
    memberships::Among,
};

/// A stored resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    pub id: String,
    pub version: i64,
    /// Microseconds since 1970.
    pub created_at: i64,
    pub last_modified_at: i64,
    /// The stored form, as JSON text.
    pub document: String,
    /// A user's manager as written, and what is shown for them if that is a user.
    pub manager: Option<Manager>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manager {
    pub id: String,
    pub display: Option<String>,
}

impl Resource {
    /// The document as an object.
    pub fn object(&self) -> Result<Object> {
        serde_json::from_str(&self.document).map_err(|e| Error::Corrupt {
            table: "resource",
            row: self.id.clone(),
            problem: e.to_string(),
        })
    }
}

/// The columns of a [`Resource`], from `resource r`.
///
/// What is read of one other row is a sub-select by its whole key, never a join: PostgreSQL, as long
/// as it has not analysed a table that grows, takes a part of a key for as good as all of it, and
/// would read the whole directory to join one row.
pub(crate) const COLUMNS: &str = "r.id, r.version, r.created_at, r.last_modified_at, r.document, \
     r.manager_id, (SELECT m.display FROM resource m WHERE m.directory_id = r.directory_id \
     AND m.resource_type = 'User' AND m.id = r.manager_id)";

/// How many they are.
pub(crate) const COLUMN_COUNT: usize = 7;

/// The id and the name of a group, from `membership s`.
pub(crate) const GROUP: &str = "s.group_id, (SELECT g.display FROM resource g \
     WHERE g.directory_id = s.directory_id AND g.resource_type = 'Group' AND g.id = s.group_id)";

/// A [`GROUP`] that begins at this column; `None` where there is none.
pub(crate) fn read_group(row: &Row<'_>, column: usize) -> Result<Option<Reference>> {
    let (Some(id), Some(display)) = (row.optional_text(column)?, row.optional_text(column + 1)?)
    else {
        return Ok(None);
    };
    let (id, display) = (id.into(), display.into());
    Ok(Some(Reference { id, display, resource_type: ReferenceType::Group }))
}

pub(crate) fn read(row: &Row<'_>) -> Result<Resource> {
    let manager = match row.optional_text(5)? {
        None => None,
        Some(id) => {
            Some(Manager { id: id.into(), display: row.optional_text(6)?.map(str::to_owned) })
        }
    };
    Ok(Resource {
        id: row.text(0)?.into(),
        version: row.int(1)?,
        created_at: row.int(2)?,
        last_modified_at: row.int(3)?,
        document: row.text(4)?.into(),
        manager,
    })
}

static GET: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {COLUMNS} FROM resource r \
         WHERE r.directory_id = ?1 AND r.resource_type = ?2 AND r.id = ?3"
    )
});

static USER_WITH_GROUPS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {COLUMNS}, {GROUP} FROM resource r LEFT JOIN membership s \
         ON s.directory_id = r.directory_id AND s.member_id = r.id \
         WHERE r.directory_id = ?1 AND r.resource_type = 'User' AND r.id = ?2 ORDER BY s.group_id"
    )
});

/// The key under which a userName is unique in its directory.
fn user_name_key(resource: &Object) -> Option<String> {
    let user_name = resource.get("userName").and_then(Value::as_str)?;
    Some(key(&text::fold(user_name)).into_owned())
}

/// What is shown for a resource where others refer to it: `displayName`, else `name.formatted`. No
/// name is made up from anything else: it stays empty.
fn display(resource: &Object) -> &str {
    resource
        .get("displayName")
        .and_then(Value::as_str)
        .or_else(|| resource.get("name")?.get("formatted")?.as_str())
        .unwrap_or_default()
}

fn manager_id(resource: &Object) -> Option<&str> {
    resource.get(urn::ENTERPRISE_USER)?.get("manager")?.get("value")?.as_str()
}

impl DirectoryTx<'_> {
    /// The resource with this id, as long as it is not deleted.
    pub async fn resource(&mut self, resource_type: &str, id: &str) -> Result<Option<Resource>> {
        self.tx
            .query_opt(&GET, &[(&self.directory_id).into(), resource_type.into(), id.into()], read)
            .await
    }

    /// The user with this id and the groups that it is a direct member of, by one statement.
    pub async fn user_with_groups(
        &mut self,
        id: &str,
    ) -> Result<Option<(Resource, Vec<Reference>)>> {
        let mut found: Option<(Resource, Vec<Reference>)> = None;
        self.tx
            .each(&USER_WITH_GROUPS, &[(&self.directory_id).into(), id.into()], |row| {
                let (_, groups) = match &mut found {
                    Some(found) => found,
                    None => found.insert((read(row)?, Vec::new())),
                };
                groups.extend(read_group(row, COLUMN_COUNT)?);
                Ok(())
            })
            .await?;
        Ok(found)
    }

    /// Stores a new resource, version 1, with its look-up keys and its journal entry.
    /// `Conflict` when its userName is taken.
    pub async fn create(
        &mut self,
        resource_type: &str,
        id: &str,
        resource: &Object,
        now: i64,
        request_id: &str,
    ) -> Result<Resource> {
        let document = Value::from(resource.clone()).to_string();
        let user_name = user_name_key(resource).filter(|_| resource_type == "User");
        // A refusal by the index would end PostgreSQL's transaction.
        let touched = self
            .tx
            .execute(
                "INSERT INTO resource (directory_id, resource_type, id, user_name, display, \
                 manager_id, version, created_at, last_modified_at, document) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?7, ?8) \
                 ON CONFLICT (directory_id, user_name) DO NOTHING",
                &[
                    (&self.directory_id).into(),
                    resource_type.into(),
                    id.into(),
                    user_name.as_ref().into(),
                    display(resource).into(),
                    manager_id(resource).into(),
                    now.into(),
                    (&document).into(),
                ],
            )
            .await?;
        if touched != 1 {
            return Err(Error::Conflict { attribute: "userName" });
        }
        let keys = attribute_index::keys(resource_type, resource);
        let keys: Vec<(&str, &str)> = keys.iter().map(|(name, key)| (*name, &**key)).collect();
        self.add_first_keys(resource_type, id, &keys).await?;
        self.record(&Entry {
            resource_type: resource_type.into(),
            resource_id: id.into(),
            operation: Operation::Create,
            version: 1,
            at: now,
            request_id: request_id.into(),
            changes: None,
        })
        .await?;
        Ok(Resource {
            id: id.into(),
            version: 1,
            created_at: now,
            last_modified_at: now,
            document,
            manager: self.manager(resource).await?,
        })
    }

    async fn manager(&mut self, resource: &Object) -> Result<Option<Manager>> {
        let Some(id) = manager_id(resource) else { return Ok(None) };
        let display = self
            .tx
            .query_opt(
                "SELECT display FROM resource \
                 WHERE directory_id = ?1 AND resource_type = 'User' AND id = ?2",
                &[(&self.directory_id).into(), id.into()],
                |row| Ok(row.text(0)?.to_owned()),
            )
            .await?;
        Ok(Some(Manager { id: id.into(), display }))
    }

    /// Holds the place of a resource that is created later in the same transaction, so that others
    /// can refer to it before: an empty row without keys. It has to be gone at the end, by
    /// [`Self::redeem`].
    pub async fn promise(&mut self, resource_type: &str, id: &str, now: i64) -> Result<()> {
        self.tx
            .send(
                "INSERT INTO resource (directory_id, resource_type, id, display, version, \
                 created_at, last_modified_at, document) VALUES (?1, ?2, ?3, '', 0, ?4, ?4, '{}')",
                &[(&self.directory_id).into(), resource_type.into(), id.into(), now.into()],
            )
            .await
    }

    /// Takes away what [`Self::promise`] put there; memberships in it stay.
    pub async fn redeem(&mut self, resource_type: &str, id: &str) -> Result<()> {
        self.tx
            .send(
                "DELETE FROM resource WHERE directory_id = ?1 AND resource_type = ?2 \
                 AND id = ?3 AND version = 0",
                &[(&self.directory_id).into(), resource_type.into(), id.into()],
            )
            .await
    }

    /// Writes `after` over `stored`, whose object is `before`: the next version, with changed
    /// look-up keys and the journal entry. `Stale` when the stored version is another one by now,
    /// `Conflict` when the new userName is taken.
    pub async fn update(
        &mut self,
        resource_type: &str,
        stored: &Resource,
        before: &Object,
        after: &Object,
        change: Change<'_>,
    ) -> Result<Resource> {
        let document = Value::from(after.clone()).to_string();
        let user_name = user_name_key(after).filter(|_| resource_type == "User");
        let last_modified_at = change.now.max(stored.last_modified_at);
        // A refusal by the index of userNames would end PostgreSQL's transaction.
        let touched = self
            .tx
            .execute(
                "UPDATE resource SET user_name = ?4, display = ?5, manager_id = ?6, \
                 version = version + 1, last_modified_at = ?8, document = ?9 \
                 WHERE directory_id = ?1 AND resource_type = ?2 AND id = ?3 AND version = ?7 \
                 AND NOT EXISTS (SELECT 1 FROM resource o WHERE o.directory_id = ?1 \
                 AND o.user_name = ?4 AND o.id <> ?3)",
                &[
                    (&self.directory_id).into(),
                    resource_type.into(),
                    (&stored.id).into(),
                    user_name.as_ref().into(),
                    display(after).into(),
                    manager_id(after).into(),
                    stored.version.into(),
                    last_modified_at.into(),
                    (&document).into(),
                ],
            )
            .await?;
        if touched != 1 {
            let now = self.resource(resource_type, &stored.id).await?;
            return Err(match now {
                Some(now) if now.version == stored.version => {
                    Error::Conflict { attribute: "userName" }
                }
                _ => Error::Stale,
            });
        }
        let old = attribute_index::keys(resource_type, before);
        let new = attribute_index::keys(resource_type, after);
        for (attribute, key) in old.iter().filter(|key| !new.contains(key)) {
            self.remove_key(resource_type, &stored.id, attribute, key).await?;
        }
        let added: Vec<(&str, &str)> = new
            .iter()
            .filter(|key| !old.contains(key))
            .map(|(attribute, key)| (*attribute, &**key))
            .collect();
        self.add_keys(resource_type, &stored.id, &added).await?;
        self.record(&Entry {
            resource_type: resource_type.into(),
            resource_id: stored.id.clone(),
            operation: change.operation,
            version: stored.version + 1,
            at: change.now,
            request_id: change.request_id.into(),
            changes: Some(change.changes.into()),
        })
        .await?;
        Ok(Resource {
            id: stored.id.clone(),
            version: stored.version + 1,
            created_at: stored.created_at,
            last_modified_at,
            document,
            manager: self.manager(after).await?,
        })
    }

    /// Gives the resource its next version without touching its document: its memberships changed.
    pub async fn touch(
        &mut self,
        resource_type: &str,
        id: &str,
        change: Change<'_>,
    ) -> Result<i64> {
        let version = self
            .tx
            .query_opt(
                "UPDATE resource SET version = version + 1, last_modified_at = \
                 CASE WHEN last_modified_at < ?4 THEN ?4 ELSE last_modified_at END \
                 WHERE directory_id = ?1 AND resource_type = ?2 AND id = ?3 RETURNING version",
                &[(&self.directory_id).into(), resource_type.into(), id.into(), change.now.into()],
                |row| row.int(0),
            )
            .await?
            .ok_or(Error::Stale)?;
        self.touched(resource_type, id, version, change).await?;
        Ok(version)
    }

    /// The same for several groups, without an answer for each.
    async fn touch_groups(&mut self, ids: &[&str], change: Change<'_>) -> Result<()> {
        let Among { each, bind, .. } = Among::new(ids, 2);
        let sql = format!(
            "SELECT x.id, x.version FROM (SELECT l.value AS id, (SELECT r.version FROM resource r \
             WHERE r.directory_id = ?1 AND r.resource_type = 'Group' AND r.id = l.value) \
             AS version FROM {each} l) x WHERE x.version IS NOT NULL"
        );
        let params = [(&self.directory_id).into(), (&bind).into()];
        let read = |row: &Row<'_>| Ok((row.text(0)?.to_owned(), row.int(1)?));
        for (id, version) in self.tx.query(&sql, &params, read).await? {
            self.tx
                .send(
                    "UPDATE resource SET version = version + 1, last_modified_at = \
                     CASE WHEN last_modified_at < ?3 THEN ?3 ELSE last_modified_at END \
                     WHERE directory_id = ?1 AND resource_type = 'Group' AND id = ?2",
                    &[(&self.directory_id).into(), (&id).into(), change.now.into()],
                )
                .await?;
            self.touched("Group", &id, version + 1, change).await?;
        }
        Ok(())
    }

    async fn touched(
        &mut self,
        resource_type: &str,
        id: &str,
        version: i64,
        change: Change<'_>,
    ) -> Result<()> {
        self.record(&Entry {
            resource_type: resource_type.into(),
            resource_id: id.into(),
            operation: change.operation,
            version,
            at: change.now,
            request_id: change.request_id.into(),
            changes: Some(change.changes.into()),
        })
        .await
    }

    /// Deletes the resource: its row, keys and memberships go, its id is never given out again,
    /// and the journal keeps the last document. Groups it was a member of get a new version. Answers
    /// the members of a group.
    pub async fn delete(
        &mut self,
        resource_type: &str,
        stored: &Resource,
        now: i64,
        request_id: &str,
    ) -> Result<Vec<String>> {
        let object = stored.object()?;
        let is_group = resource_type == "Group";
        let members = if is_group { self.member_ids(&stored.id).await? } else { Vec::new() };
        let touched = self
            .tx
            .execute(
                "DELETE FROM resource WHERE directory_id = ?1 AND resource_type = ?2 \
                 AND id = ?3 AND version = ?4",
                &[
                    (&self.directory_id).into(),
                    resource_type.into(),
                    (&stored.id).into(),
                    stored.version.into(),
                ],
            )
            .await?;
        if touched != 1 {
            return Err(Error::Stale);
        }
        for (attribute, key) in &attribute_index::keys(resource_type, &object) {
            self.remove_key(resource_type, &stored.id, attribute, key).await?;
        }
        self.bury(resource_type, &stored.id, now).await?;
        let mut last = object;
        if !members.is_empty() {
            last.insert("members".into(), members.clone().into());
        }
        self.record(&Entry {
            resource_type: resource_type.into(),
            resource_id: stored.id.clone(),
            operation: Operation::Delete,
            version: stored.version + 1,
            at: now,
            request_id: request_id.into(),
            changes: Some(Value::from(last).to_string()),
        })
        .await?;
        let changes = serde_json::json!([{"path": "members", "added": [], "removed": [stored.id]}])
            .to_string();
        if is_group {
            self.dissolve(&stored.id).await?;
        }
        let groups = self.leave_all_groups(&stored.id).await?;
        if !groups.is_empty() {
            let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
            let change =
                Change { operation: Operation::Cascade, now, request_id, changes: &changes };
            self.touch_groups(&groups, change).await?;
        }
        Ok(members)
    }

    /// The id of the user with this userName, compared without case.
    pub async fn user_named(&mut self, user_name: &str) -> Result<Option<String>> {
        self.tx
            .query_opt(
                "SELECT id FROM resource WHERE directory_id = ?1 AND user_name = ?2",
                &[(&self.directory_id).into(), key(&text::fold(user_name)).as_ref().into()],
                |row| Ok(row.text(0)?.to_owned()),
            )
            .await
    }

    /// Another living group of the directory that makes `display_name` taken: one of that name,
    /// compared without case, unless both have different external ids.
    pub async fn group_named(
        &mut self,
        display_name: &str,
        external_id: Option<&str>,
        except_id: &str,
    ) -> Result<Option<String>> {
        let folded = text::fold(display_name);
        let name_key = key(&folded);
        let same_name = self
            .tx
            .query(
                "SELECT resource_id FROM attribute_index WHERE directory_id = ?1 \
                 AND resource_type = 'Group' AND attribute = 'displayName' AND value_key = ?2 \
                 AND resource_id <> ?3",
                &[(&self.directory_id).into(), name_key.as_ref().into(), except_id.into()],
                |row| Ok(row.text(0)?.to_owned()),
            )
            .await?;
        for id in same_name {
            let Some(other) = self.resource("Group", &id).await? else { continue };
            let other = other.object()?;
            let theirs = other.get("externalId").and_then(Value::as_str);
            if !matches!((external_id, theirs), (Some(ours), Some(theirs)) if ours != theirs) {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }
}

/// What a write is recorded with.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    pub operation: Operation,
    pub now: i64,
    pub request_id: &'a str,
    /// JSON, as [`Entry::changes`].
    pub changes: &'a str,
}

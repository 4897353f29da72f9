//! Which attributes are indexed, and their keys.

use std::{array, sync::LazyLock};

use scim::{Object, filter::Target, sort::Sort, text, urn};
use serde_json::Value;

use crate::{DirectoryTx, Param, error::Result, key::key};

/// An indexed attribute: the name of its keys in `attribute_index`, and where its values stand.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Indexed {
    pub name: &'static str,
    resource_type: &'static str,
    extension: Option<&'static str>,
    attribute: &'static str,
    sub_attribute: Option<&'static str>,
    case_exact: bool,
}

/// `userName` is not here: its key is a column of the resource, which keeps it unique.
const INDEXED: &[Indexed] = &[
    indexed("User", "externalId", None, "externalId", None, true),
    indexed("User", "displayName", None, "displayName", None, false),
    indexed("User", "emails", None, "emails", Some("value"), false),
    indexed("User", "employeeNumber", Some(urn::ENTERPRISE_USER), "employeeNumber", None, false),
    indexed("User", "manager", Some(urn::ENTERPRISE_USER), "manager", Some("value"), true),
    indexed("Group", "externalId", None, "externalId", None, true),
    indexed("Group", "displayName", None, "displayName", None, false),
];

const fn indexed(
    resource_type: &'static str,
    name: &'static str,
    extension: Option<&'static str>,
    attribute: &'static str,
    sub_attribute: Option<&'static str>,
    case_exact: bool,
) -> Indexed {
    Indexed { name, resource_type, extension, attribute, sub_attribute, case_exact }
}

/// The index that holds the values of `target`.
pub(crate) fn find(resource_type: &str, target: &Target) -> Option<&'static Indexed> {
    INDEXED.iter().find(|indexed| {
        indexed.resource_type == resource_type
            && indexed.extension == target.extension.as_deref()
            && indexed.attribute == target.attribute
            && indexed.sub_attribute == target.sub_attribute.as_deref()
            && indexed.case_exact == target.case_exact
    })
}

/// The name of the keys that are the ones `sort` goes by. Of e-mail addresses a user has several
/// keys, and they do not tell which one is primary.
pub(crate) fn sorted_by(resource_type: &str, sort: &Sort) -> Option<&'static str> {
    let (extension, attribute, leaf) = sort.target();
    let indexed = INDEXED.iter().find(|indexed| {
        indexed.resource_type == resource_type
            && indexed.extension == extension
            && indexed.attribute == attribute
            && indexed.sub_attribute.unwrap_or(attribute) == leaf
            && indexed.attribute != "emails"
    })?;
    Some(indexed.name)
}

/// The index keys of a resource in its stored form, without repetitions.
pub(crate) fn keys(resource_type: &str, resource: &Object) -> Vec<(&'static str, String)> {
    let mut keys: Vec<(&'static str, String)> = Vec::new();
    for indexed in INDEXED.iter().filter(|indexed| indexed.resource_type == resource_type) {
        let container = match indexed.extension {
            None => Some(resource),
            Some(urn) => resource.get(urn).and_then(Value::as_object),
        };
        let Some(value) = container.and_then(|object| object.get(indexed.attribute)) else {
            continue;
        };
        let mut add = |value: &Value| {
            let value = match indexed.sub_attribute {
                None => Some(value),
                Some(sub_attribute) => value.get(sub_attribute),
            };
            if let Some(text) = value.and_then(Value::as_str) {
                let value_key = key(&text::key(text, indexed.case_exact)).into_owned();
                let key = (indexed.name, value_key);
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
        };
        match value {
            Value::Array(values) => values.iter().for_each(add),
            value => add(value),
        }
    }
    keys
}

impl DirectoryTx<'_> {
    /// Takes a value of a unique attribute for a resource, unless another has it: which one.
    pub async fn claim(
        &mut self,
        resource_type: &str,
        id: &str,
        attribute: &str,
        value: &str,
    ) -> Result<Option<String>> {
        let value_key = key(value);
        let owner = self
            .tx
            .query_opt(
                "SELECT resource_id FROM attribute_index WHERE directory_id = ?1 \
                 AND resource_type = ?2 AND attribute = ?3 AND value_key = ?4 \
                 AND resource_id <> ?5 LIMIT 1",
                &[
                    (&self.directory_id).into(),
                    resource_type.into(),
                    attribute.into(),
                    value_key.as_ref().into(),
                    id.into(),
                ],
                |row| Ok(row.text(0)?.to_owned()),
            )
            .await?;
        if owner.is_none() {
            self.add_keys(resource_type, id, &[(attribute, &value_key)]).await?;
        }
        Ok(owner)
    }

    /// Gives a value of a unique attribute up.
    pub async fn release(
        &mut self,
        resource_type: &str,
        id: &str,
        attribute: &str,
        value: &str,
    ) -> Result<()> {
        self.remove_key(resource_type, id, attribute, &key(value)).await
    }

    /// Gives up all values of an attribute that is no longer unique.
    pub async fn release_all(&mut self, resource_type: &str, attribute: &str) -> Result<()> {
        self.tx
            .send(
                "DELETE FROM attribute_index WHERE directory_id = ?1 AND resource_type = ?2 \
                 AND attribute = ?3",
                &[(&self.directory_id).into(), resource_type.into(), attribute.into()],
            )
            .await
    }

    /// Adds keys of one resource, all of them by one statement unless there are many. Ones that it
    /// has are passed over.
    pub(crate) async fn add_keys(
        &mut self,
        resource_type: &str,
        id: &str,
        keys: &[(&str, &str)],
    ) -> Result<()> {
        static INSERTS: LazyLock<Inserts> = LazyLock::new(|| inserts(" ON CONFLICT DO NOTHING"));
        self.insert_keys(resource_type, id, keys, &INSERTS).await
    }

    /// The same for a resource that has none: looking whether it has costs a fifth of a creation.
    pub(crate) async fn add_first_keys(
        &mut self,
        resource_type: &str,
        id: &str,
        keys: &[(&str, &str)],
    ) -> Result<()> {
        static INSERTS: LazyLock<Inserts> = LazyLock::new(|| inserts(""));
        self.insert_keys(resource_type, id, keys, &INSERTS).await
    }

    async fn insert_keys(
        &mut self,
        resource_type: &str,
        id: &str,
        keys: &[(&str, &str)],
        inserts: &Inserts,
    ) -> Result<()> {
        for keys in keys.chunks(ROWS) {
            let mut params: Vec<Param<'_>> =
                vec![(&self.directory_id).into(), resource_type.into(), id.into()];
            for (attribute, key) in keys {
                params.extend([Param::Text(attribute), Param::Text(key)]);
            }
            self.tx.send(&inserts[keys.len() - 1], &params).await?;
        }
        Ok(())
    }

    pub(crate) async fn remove_key(
        &mut self,
        resource_type: &str,
        id: &str,
        attribute: &str,
        key: &str,
    ) -> Result<()> {
        self.tx
            .send(
                "DELETE FROM attribute_index WHERE directory_id = ?1 AND resource_type = ?2 \
                 AND attribute = ?3 AND value_key = ?4 AND resource_id = ?5",
                &[
                    (&self.directory_id).into(),
                    resource_type.into(),
                    attribute.into(),
                    key.into(),
                    id.into(),
                ],
            )
            .await
    }
}

/// The most keys of one statement: more than nearly all resources have.
const ROWS: usize = 8;

/// Parameters before those of the keys: the directory, the resource type and the resource.
const FIRST: usize = 3;

/// Statements by the number of their rows.
type Inserts = [String; ROWS];

fn inserts(conflicts: &str) -> Inserts {
    array::from_fn(|index| insert(index + 1, conflicts))
}

fn insert(rows: usize, conflicts: &str) -> String {
    let row = |row: usize| {
        let attribute = FIRST + 2 * row + 1;
        format!("(?1, ?2, ?{attribute}, ?{}, ?3)", attribute + 1)
    };
    let rows: Vec<String> = (0..rows).map(row).collect();
    format!(
        "INSERT INTO attribute_index (directory_id, resource_type, attribute, value_key, \
         resource_id) VALUES {}{conflicts}",
        rows.join(", ")
    )
}

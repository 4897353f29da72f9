//! The configuration of an organization, as the tables have it.

use std::collections::BTreeMap;

use mapping::{
    AttributeMapping, Configuration, Directory, Target,
    configuration::Leaves,
    roles::{Pattern, Role, Roles, Rule},
    slug,
};

use crate::{
    OrganizationTx, Row,
    error::{Error, Result},
    settings,
};

/// The setting that holds the rule for slugs of teams, as JSON.
pub const TEAM_SLUGS: &str = "team_slugs";

/// A directory as it decides about members, with its mapping not read yet.
#[derive(Clone, Debug)]
pub struct DirectoryRow {
    pub id: String,
    pub enabled: bool,
    pub is_deleted: bool,
    /// JSON, as it was saved.
    pub attribute_mapping: Option<String>,
    pub identifier: String,
    pub role_ceiling: Option<String>,
    pub leaves: String,
}

impl OrganizationTx<'_> {
    /// Reads the configuration. `read_mapping` makes a mapping of what was saved for a directory.
    pub async fn load_configuration(
        &mut self,
        read_mapping: impl Fn(&DirectoryRow) -> AttributeMapping,
    ) -> Result<Configuration> {
        let mut directories = BTreeMap::new();
        for (position, row) in self.directory_rows().await?.into_iter().enumerate() {
            let leaves = if row.leaves == "deactivate" { Leaves::Deactivate } else { Leaves::Keep };
            let directory = Directory {
                position,
                enabled: row.enabled,
                deleted: row.is_deleted.then_some(leaves),
                mapping: read_mapping(&row),
                identifier: row.identifier.parse().unwrap_or(Target::EmailAddress),
                role_ceiling: row.role_ceiling,
            };
            directories.insert(row.id, directory);
        }
        let roles = self
            .tx
            .query("SELECT name, precedence, is_default, is_owner FROM role", &[], |row| {
                Ok(Role {
                    name: row.text(0)?.into(),
                    precedence: row.int(1)?,
                    is_default: row.int(2)? != 0,
                    is_owner: row.int(3)? != 0,
                })
            })
            .await?;
        let rules = self
            .tx
            .query(
                "SELECT id, pattern, role, directory_id FROM role_rule WHERE organization_id = ?1 \
                 ORDER BY position, id",
                &[(&self.organization_id).into()],
                |row| {
                    Ok(Rule {
                        id: row.text(0)?.into(),
                        pattern: Pattern::new(row.text(1)?),
                        role: row.text(2)?.into(),
                        directory_id: row.optional_text(3)?.map(str::to_owned),
                    })
                },
            )
            .await?;
        let verified = self
            .tx
            .query(
                "SELECT name FROM domain WHERE organization_id = ?1 AND verified_at IS NOT NULL",
                &[(&self.organization_id).into()],
                |row| Ok(row.text(0)?.to_owned()),
            )
            .await?;
        let team_slugs = match settings::get(self.tx, TEAM_SLUGS).await? {
            None => slug::Rule::default(),
            Some(rule) => serde_json::from_str(&rule).map_err(|e| Error::Corrupt {
                table: "setting",
                row: TEAM_SLUGS.into(),
                problem: e.to_string(),
            })?,
        };
        Ok(Configuration {
            directories,
            roles: Roles::new(roles),
            rules,
            verified_domains: verified.into_iter().collect(),
            team_slugs,
        })
    }

    /// The directories by age, also the deleted ones.
    pub async fn directory_rows(&mut self) -> Result<Vec<DirectoryRow>> {
        let read = |row: &Row<'_>| {
            Ok(DirectoryRow {
                id: row.text(0)?.into(),
                enabled: row.int(1)? != 0,
                is_deleted: row.optional_int(2)?.is_some(),
                attribute_mapping: row.optional_text(3)?.map(str::to_owned),
                identifier: row.text(4)?.into(),
                role_ceiling: row.optional_text(5)?.map(str::to_owned),
                leaves: row.text(6)?.into(),
            })
        };
        self.tx
            .query(
                "SELECT id, enabled, deleted_at, attribute_mapping, identifier, role_ceiling, \
                 leaves FROM directory WHERE organization_id = ?1 ORDER BY created_at, id",
                &[(&self.organization_id).into()],
                read,
            )
            .await
    }
}

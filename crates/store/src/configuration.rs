//! The configuration of an organization, put together from what the tables have.

use std::collections::BTreeMap;

use mapping::{AttributeMapping, Configuration, Directory, roles::Roles};

use crate::{
    OrganizationTx, directories, directories::Policies, domains, error::Result, role_rules, roles,
    settings,
};

impl OrganizationTx<'_> {
    /// Reads the configuration. `read_mapping` makes a mapping of what was saved for a directory.
    pub async fn load_configuration(
        &mut self,
        read_mapping: impl Fn(&Policies) -> AttributeMapping,
    ) -> Result<Configuration> {
        let id = &self.organization_id;
        let mut of_directories = BTreeMap::new();
        for (position, policies) in
            directories::policies(self.tx, id).await?.into_iter().enumerate()
        {
            let directory = Directory {
                position,
                enabled: policies.enabled,
                deleted: policies.deleted,
                mapping: read_mapping(&policies),
                identifier: policies.identifier,
                role_ceiling: policies.role_ceiling,
            };
            of_directories.insert(policies.id, directory);
        }
        let declared = roles::list(self.tx).await?;
        Ok(Configuration {
            directories: of_directories,
            roles: Roles::new(declared.into_iter().map(|declared| declared.role).collect()),
            rules: role_rules::list(self.tx, id).await?,
            verified_domains: domains::verified(self.tx, id).await?.into_iter().collect(),
            team_slugs: settings::team_slugs(self.tx).await?,
        })
    }
}

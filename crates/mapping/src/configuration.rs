//! Everything that decides what an organization's members and teams are, besides the resources.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    AttributeMapping, Target, domain_name,
    roles::{Roles, Rule},
    slug,
};

/// The configuration of an organization.
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    /// All directories by id, also those that are deleted as long as members have users of them.
    pub directories: BTreeMap<String, Directory>,
    pub roles: Roles,
    /// In their order.
    pub rules: Vec<Rule>,
    /// The domains that are verified, in the form of [`domain_name`].
    pub verified_domains: BTreeSet<String>,
    /// How teams get their slugs.
    pub team_slugs: slug::Rule,
}

/// What is configured of a directory.
#[derive(Clone, Debug)]
pub struct Directory {
    /// Directories are asked in this order: the one that was created first is the first.
    pub position: usize,
    pub enabled: bool,
    /// Where it is deleted: what becomes of members that only it provides.
    pub deleted: Option<Leaves>,
    pub mapping: AttributeMapping,
    /// The target by which users are linked to members before all else: the e-mail address, the
    /// external id or the username.
    pub identifier: Target,
    /// The highest role that it may give.
    pub role_ceiling: Option<String>,
}

/// What becomes of the members that only a deleted directory provides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaves {
    /// They stay as they are, and can be edited by hand.
    Keep,
    Deactivate,
}

impl Configuration {
    /// Whether the organization has verified the domain of an e-mail address.
    pub fn is_verified(&self, email_address: &str) -> bool {
        email_address
            .rsplit_once('@')
            .and_then(|(_, domain)| domain_name(domain))
            .is_some_and(|domain| self.verified_domains.contains(&domain))
    }

    /// Whether a group of this name in this directory says anything of its members besides their
    /// team.
    pub fn name_matters(&self, directory_id: &str, name: &str) -> bool {
        self.directories.get(directory_id).is_some_and(|d| d.mapping.reads_groups())
            || self.rules.iter().any(|rule| {
                rule.directory_id.as_deref().is_none_or(|id| id == directory_id)
                    && rule.pattern.matches(name)
            })
    }
}

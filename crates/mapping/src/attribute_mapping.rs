//! The attribute mapping of a directory: which attributes become which fields of members.

use std::collections::BTreeMap;

use scim::Object;
use serde_json::Value;

use crate::Target;

/// A group that a user is a direct member of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub id: String,
    /// Its `displayName`.
    pub display: String,
}

/// One source of one target.
#[derive(Clone, Debug)]
pub struct Line {
    /// The SCIM path as it was written.
    pub source: String,
    pub target: Target,
    /// Whether it is one of the built-in lines.
    pub is_default: bool,
}

/// The lines in force, in the order in which they are looked at.
#[derive(Clone, Debug)]
pub struct AttributeMapping {
    lines: Vec<Line>,
}

/// What a mapping makes of a user.
#[derive(Clone, Debug, Default)]
pub struct Evaluated<'m> {
    /// The first value that is not empty, by target, with the line that gave it; no roles.
    pub values: BTreeMap<Target, (Value, &'m Line)>,
    /// Everything that lines for `organization_role` gave, in their order.
    pub roles: Vec<(String, &'m Line)>,
    /// What could not be used, in words for an IT admin.
    pub problems: Vec<String>,
}

impl AttributeMapping {
    /// The built-in mapping alone.
    pub fn defaults() -> Self {
        let lines = [
            ("emails", Target::EmailAddress),
            ("userName", Target::Username),
            ("displayName", Target::DisplayName),
            ("externalId", Target::ExternalId),
            ("active", Target::Active),
        ];
        let line = |(source, target): (&str, Target)| Line {
            source: source.into(),
            target,
            is_default: true,
        };
        Self { lines: lines.into_iter().map(line).collect() }
    }

    /// The lines in force.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Whether a line reads the groups of a user: then their names matter.
    pub fn reads_groups(&self) -> bool {
        false
    }

    /// What becomes of a user in its stored form, who is a direct member of `groups`.
    pub fn evaluate(&self, user: &Object, _groups: &[Group]) -> Evaluated<'_> {
        let mut evaluated = Evaluated::default();
        for line in &self.lines {
            let found = match (&*line.source, user.get(&line.source)) {
                ("emails", Some(emails)) => emails.get(0).and_then(|email| email.get("value")),
                (_, found) => found,
            };
            if let Some(value) = found {
                evaluated.values.entry(line.target.clone()).or_insert((value.clone(), line));
            }
        }
        evaluated
    }
}

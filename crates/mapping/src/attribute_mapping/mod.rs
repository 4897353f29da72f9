//! The attribute mapping of a directory: which attributes become which fields of members.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde_json::{Value, json};

use crate::{Target, defaults, path::SourcePath, template::Template};

mod evaluate;
mod read;

pub use evaluate::{MAX_EMAIL, MAX_METADATA, MAX_PROBLEMS, max_length};
pub use read::MAX_LINES;

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
    /// The template as it was written, without the target.
    pub template: Option<String>,
    /// Whether it is one of the built-in lines.
    pub is_default: bool,
    making: Making,
}

/// How a line comes to its values.
#[derive(Clone, Debug)]
pub(crate) struct Making {
    pub path: SourcePath,
    pub template: Option<Template>,
}

/// The lines in force, in the order in which they are looked at.
///
/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct AttributeMapping {
    lines: Arc<[Line]>,
}

/// What a mapping makes of a user.
#[derive(Clone, Debug, Default)]
pub struct Evaluated<'m> {
    /// The first value that is not empty, by target, with the line that gave it; no roles.
    ///
    /// `active` is a boolean, a field of metadata any JSON value, everything else a text.
    pub values: BTreeMap<Target, (Value, &'m Line)>,
    /// Everything that lines for `organization_role` gave, in their order.
    pub roles: Vec<(String, &'m Line)>,
    /// What could not be used, in words for an IT admin; at most [`MAX_PROBLEMS`].
    pub problems: Vec<String>,
}

impl Line {
    pub(crate) fn new(
        source: String,
        target: Target,
        template: Option<String>,
        is_default: bool,
        making: Making,
    ) -> Self {
        Self { source, target, template, is_default, making }
    }

    /// Whether it takes anything from the groups of a user.
    pub fn reads_groups(&self) -> bool {
        let of_template = |template: &Template| template.reads_groups();
        self.making.path.reads_groups() || self.making.template.as_ref().is_some_and(of_template)
    }

    /// The right side as it is written in a mapping.
    pub fn value(&self) -> String {
        match &self.template {
            Some(template) => format!("{template}.{}", self.target),
            None => self.target.to_string(),
        }
    }
}

/// `source -> target`, with the template before the target.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.source, self.value())
    }
}

impl AttributeMapping {
    /// The built-in mapping alone.
    pub fn defaults() -> Self {
        Self { lines: defaults::LINES.clone() }
    }

    /// The lines in force.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Whether a line reads the groups of a user: then their names matter.
    pub fn reads_groups(&self) -> bool {
        self.lines.iter().any(Line::reads_groups)
    }

    /// The lines in force, in their order: `source`, `target`, `template` (or null) and `default`.
    pub fn to_json(&self) -> Value {
        let line = |line: &Line| {
            json!({
                "source": line.source,
                "target": line.target,
                "template": line.template,
                "default": line.is_default,
            })
        };
        self.lines.iter().map(line).collect()
    }
}

/// The lines in force, one a line.
impl fmt::Display for AttributeMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.lines.iter().map(|line| line.source.chars().count()).max().unwrap_or(0);
        let width = width.min(64);
        for line in &*self.lines {
            let default = if line.is_default { "  (default)" } else { "" };
            writeln!(f, "{:width$} -> {}{default}", line.source, line.value())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

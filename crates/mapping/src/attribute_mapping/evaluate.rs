//! What lines give for a user.

use std::{borrow::Cow, fmt::Display, ops::ControlFlow};

use scim::{Object, text};
use serde_json::Value;

use super::{AttributeMapping, Evaluated, Group, Line};
use crate::{
    Target,
    path::Found,
    template::{Inputs, Work},
};

/// The longest e-mail address, in bytes: 64 before the `@` and 255 behind it (RFC 5321 §4.5.3.1).
pub const MAX_EMAIL: usize = 320;
/// The longest value of a field of metadata, in bytes of its JSON, about.
pub const MAX_METADATA: usize = 16 * 1024;
/// The most problems that are told.
pub const MAX_PROBLEMS: usize = 20;

/// The longest text of a target, in bytes.
pub fn max_length(target: &Target) -> usize {
    match target {
        Target::EmailAddress => MAX_EMAIL,
        Target::Username
        | Target::FirstName
        | Target::LastName
        | Target::DisplayName
        | Target::ExternalId => 1_000,
        Target::PhoneNumber | Target::Locale => 256,
        Target::OrganizationRole => 256,
        Target::Active => 5,
        Target::PublicMetadata(_) | Target::PrivateMetadata(_) => MAX_METADATA,
    }
}

impl AttributeMapping {
    /// What becomes of a user in its stored form, who is a direct member of `groups`.
    pub fn evaluate(&self, user: &Object, groups: &[Group]) -> Evaluated<'_> {
        let mut evaluation = Evaluation {
            user,
            groups,
            work: Work::default(),
            evaluated: Evaluated::default(),
            refused: Vec::new(),
        };
        for line in self.lines() {
            if !evaluation.evaluated.values.contains_key(&line.target) {
                evaluation.line(line);
            }
        }
        evaluation.evaluated
    }
}

struct Evaluation<'m, 'u> {
    user: &'u Object,
    groups: &'u [Group],
    work: Work,
    evaluated: Evaluated<'m>,
    /// What was told already: other lines often meet the same value.
    refused: Vec<(&'m Target, String)>,
}

impl<'m, 'u> Evaluation<'m, 'u> {
    fn line(&mut self, line: &'m Line) {
        let is_metadata =
            matches!(line.target, Target::PublicMetadata(_) | Target::PrivateMetadata(_));
        let value = match line.target {
            Target::OrganizationRole => return self.roles(line),
            _ if is_metadata => self.metadata(line),
            _ => self.scalar(line),
        };
        if let Some(value) = value {
            self.evaluated.values.insert(line.target.clone(), (value, line));
        }
    }

    /// The values of the line's path.
    fn each(
        &mut self,
        line: &'m Line,
        mut visit: impl FnMut(&mut Self, Found<'u>) -> ControlFlow<()>,
    ) {
        let (user, groups) = (self.user, self.groups);
        line.making.path.each(user, groups, |found| visit(self, found));
    }

    fn roles(&mut self, line: &'m Line) {
        self.each(line, |this, found| {
            if let Some(role) = this.text(line, found) {
                this.evaluated.roles.push((role.into_owned(), line));
            }
            ControlFlow::Continue(())
        });
    }

    /// The first value that can be used.
    fn scalar(&mut self, line: &'m Line) -> Option<Value> {
        let mut first = None;
        self.each(line, |this, found| {
            first = match line.target {
                Target::Active => this.active(line, found).map(Value::Bool),
                _ => this.text(line, found).map(|text| Value::String(text.into_owned())),
            };
            if first.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        first
    }

    fn metadata(&mut self, line: &'m Line) -> Option<Value> {
        let gives_list = line.making.path.gives_list(self.user);
        let mut list = Vec::new();
        let mut bytes_left = MAX_METADATA;
        self.each(line, |this, found| {
            let value = match (&line.making.template, found) {
                (Some(_), found) => match this.rendered(line, found) {
                    Some(text) if !text.is_empty() => Cow::Owned(Value::String(text)),
                    _ => return ControlFlow::Continue(()),
                },
                (None, Found::Value(value)) => Cow::Borrowed(value),
                (None, Found::Text(text)) => Cow::Owned(text.into()),
            };
            let Some(size) = size(&value, bytes_left) else {
                this.refuse(line, format!("it is longer than {MAX_METADATA} bytes"));
                list.clear();
                return ControlFlow::Break(());
            };
            bytes_left -= size;
            list.push(value.into_owned());
            if gives_list { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        match gives_list {
            _ if list.is_empty() => None,
            true => Some(Value::Array(list)),
            false => list.pop(),
        }
    }

    fn active(&mut self, line: &'m Line, found: Found<'u>) -> Option<bool> {
        if let (Found::Value(Value::Bool(active)), None) = (found, &line.making.template) {
            return Some(*active);
        }
        let text = self.any_text(line, found)?;
        match () {
            () if text.eq_ignore_ascii_case("true") => Some(true),
            () if text.eq_ignore_ascii_case("false") => Some(false),
            () => {
                self.refuse(line, format!("`{}` is neither true nor false", excerpt(&text)));
                None
            }
        }
    }

    /// A text that the target can have.
    fn text(&mut self, line: &'m Line, found: Found<'u>) -> Option<Cow<'u, str>> {
        let text = self.any_text(line, found)?;
        let max = max_length(&line.target);
        if text.len() > max {
            let start = excerpt(&text);
            self.refuse(line, format!("`{start}` is longer than {max} bytes: shorten it"));
            return None;
        }
        if line.target == Target::EmailAddress && !is_email_address(&text) {
            self.refuse(line, format!("`{}` is no e-mail address", excerpt(&text)));
            return None;
        }
        Some(text)
    }

    /// A text of more than blanks.
    fn any_text(&mut self, line: &'m Line, found: Found<'u>) -> Option<Cow<'u, str>> {
        let text: Cow<'u, str> = match (&line.making.template, found) {
            (Some(_), found) => self.rendered(line, found)?.into(),
            (None, Found::Text(text)) => text.into(),
            (None, Found::Value(Value::String(text))) => text.into(),
            (None, Found::Value(value @ (Value::Number(_) | Value::Bool(_)))) => {
                value.to_string().into()
            }
            (None, Found::Value(_)) => {
                self.refuse(line, "it has sub-attributes: name the one to use in the path");
                return None;
            }
        };
        (!text.trim().is_empty()).then_some(text)
    }

    fn rendered(&mut self, line: &'m Line, found: Found<'u>) -> Option<String> {
        let template = line.making.template.as_ref()?;
        let inputs = Inputs { value: found, user: self.user, groups: self.groups };
        match template.render(&inputs, &mut self.work) {
            Ok(text) => Some(text),
            Err(problem) => {
                self.refuse(line, problem);
                None
            }
        }
    }

    fn refuse(&mut self, line: &'m Line, problem: impl Display) {
        if self.evaluated.problems.len() == MAX_PROBLEMS {
            return;
        }
        let problem = problem.to_string();
        let is_told =
            |(target, told): &(&Target, String)| **target == line.target && *told == problem;
        if self.refused.iter().any(is_told) {
            return;
        }
        let (source, target) = (&line.source, &line.target);
        self.evaluated.problems.push(format!("`{source}` gives no {target}: {problem}"));
        self.refused.push((target, problem));
    }
}

/// One `@` with something on both sides, and neither blanks nor control characters.
fn is_email_address(text: &str) -> bool {
    text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@')
    }) && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// The beginning of a text in one line.
fn excerpt(text: &str) -> String {
    let start = text::shorten(text[..text.floor_char_boundary(100)].to_owned(), 64);
    start.replace(char::is_control, " ")
}

/// About how many bytes of JSON a value is; `None` if more than `most`.
fn size(value: &Value, most: usize) -> Option<usize> {
    let size = match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(values) => {
            let mut sum = 2;
            for value in values {
                sum += size(value, most.checked_sub(sum)?)?;
            }
            sum
        }
        Value::Object(object) => {
            let mut sum = 2;
            for (name, value) in object {
                sum += name.len() + 4;
                sum += size(value, most.checked_sub(sum)?)?;
            }
            sum
        }
    };
    (size <= most).then_some(size)
}

//! Templates: a bounded subset of Liquid that makes one text of a value.
//!
//! Text, and `{{ … }}` with a value and filters behind it. There are no tags, loops or variables, so
//! the work is the number of filters times the length of their texts, and both are bounded.

use std::ops::ControlFlow;

use scim::{Object, schema::ResourceType};

use crate::{
    attribute_mapping::Group,
    path::{Found, SourcePath},
};

mod error;
mod filter;
mod parse;
mod render;

pub use error::{RenderProblem, TemplateError, TemplateProblem};
pub use filter::FILTERS;
pub use render::Work;

use filter::Call;

/// The longest template, in bytes.
pub const MAX_LENGTH: usize = 2_000;
/// The most filters in one template.
pub const MAX_FILTERS: usize = 50;
/// The longest text, in bytes: of the value that comes in, behind each filter, and of the whole.
pub const MAX_TEXT: usize = 16 * 1024;
/// The most elements of a list.
pub const MAX_LIST: usize = 10_000;

/// A template that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    Expression { of: Operand, calls: Vec<Call> },
}

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    /// `value`: what the line's path gave.
    Value,
    /// `user.…`
    User(Box<SourcePath>),
    /// A text or a number that is written out.
    Text(String),
}

/// What a template is rendered for.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'u> {
    /// One value that the path of the line gave.
    pub value: Found<'u>,
    pub user: &'u Object,
    pub groups: &'u [Group],
}

impl Template {
    /// Reads a whole text as a template. What a mapping holds also ends in a target:
    /// [`Template::read_line`].
    pub fn read(text: &str, user: &ResourceType) -> Result<Self, TemplateError> {
        let (template, _) = parse::Parser::new(text, user)?.template()?;
        Ok(template)
    }

    /// Reads a template followed by `.` and a target. `split` is asked of the text behind the last
    /// `}}` where the template ends: at the dot. What comes behind the dot is returned with its place.
    pub fn read_line<'t>(
        text: &'t str,
        user: &ResourceType,
        split: impl Fn(&str) -> Option<usize>,
    ) -> Result<(Self, &'t str), TemplateError> {
        let (mut template, last) = parse::Parser::new(text, user)?.template()?;
        let Some(dot) = split(&text[last..]) else {
            return Err(TemplateError {
                problem: TemplateProblem::TargetMissing,
                span: last..text.len(),
            });
        };
        let dot = last + dot;
        if last < text.len() {
            template.pieces.pop();
        }
        if last < dot {
            template.pieces.push(Piece::Text(text[last..dot].into()));
        }
        Ok((template, &text[dot + 1..]))
    }

    /// Whether it takes anything from the user's groups.
    pub fn reads_groups(&self) -> bool {
        self.operands().any(|operand| matches!(operand, Operand::User(path) if path.reads_groups()))
    }

    fn operands(&self) -> impl Iterator<Item = &Operand> {
        self.pieces.iter().flat_map(|piece| match piece {
            Piece::Text(_) => Vec::new(),
            Piece::Expression { of, calls } => {
                std::iter::once(of).chain(calls.iter().flat_map(Call::operands)).collect()
            }
        })
    }
}

impl Operand {
    /// Whether it can be a list.
    fn may_be_list(&self) -> bool {
        matches!(self, Self::User(path) if path.may_give_list())
    }

    /// The texts of a path, as many as a list may have.
    fn texts<'u>(path: &SourcePath, inputs: &Inputs<'u>) -> Result<Vec<Found<'u>>, RenderProblem> {
        let mut all = Vec::new();
        let is_list = path.gives_list(inputs.user);
        path.each(inputs.user, inputs.groups, |found| {
            all.push(found);
            let is_enough = all.len() > MAX_LIST || !is_list;
            if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if all.len() > MAX_LIST { Err(RenderProblem::ListTooLong) } else { Ok(all) }
    }
}

#[cfg(test)]
mod tests;

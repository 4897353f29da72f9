//! What is wrong with a mapping, and where.

use std::{fmt, ops::Range};

use serde::{Serialize, Serializer, ser::SerializeStruct};

use crate::{
    attribute_mapping::MAX_LINES, path::PathProblem, target::UnknownTarget,
    template::TemplateProblem,
};

/// One mistake in a mapping, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// JSON pointer (RFC 6901) to the entry, from the object that holds `mapping`.
    pub pointer: String,
    pub part: Part,
    /// The whole path or value; empty if the value is no text.
    pub text: String,
    /// Of `text`, in bytes.
    pub span: Range<usize>,
    pub problem: Problem,
}

/// The part of an entry that a mistake is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    Path,
    Value,
}

/// One for each mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("{0}")]
    Path(#[from] PathProblem),
    #[error("{0}")]
    Template(#[from] TemplateProblem),
    #[error("`{0}` is no target, did you mean `{1}`?")]
    MisspeltTarget(String, String),
    #[error("{0}")]
    Target(#[from] UnknownTarget),
    #[error("expected a target such as `\"username\"`, a list of them, or `null`")]
    ValueType,
    #[error("expected a target such as `\"username\"` in the list")]
    ElementType,
    #[error("the list is empty: name a target, or write `null` to take the default line away")]
    EmptyList,
    #[error("the mapping has more than {MAX_LINES} lines: leave some out")]
    TooManyLines,
}

/// The most characters of a text that are shown.
const MAX_SHOWN: usize = 100;

impl Mistake {
    /// The place as characters, from 0.
    pub fn columns(&self) -> Range<usize> {
        let count = |end: usize| self.text.get(..end).unwrap_or(&self.text).chars().count();
        count(self.span.start)..count(self.span.end)
    }

    /// The part of the text around the place, and the place in it, in characters.
    fn excerpt(&self) -> (String, Range<usize>) {
        let place = self.columns();
        let length = self.text.chars().count();
        let wanted = place.end.clamp(place.start, place.start + MAX_SHOWN);
        let from = wanted.saturating_sub(MAX_SHOWN * 3 / 4).min(place.start);
        let from = if length <= MAX_SHOWN { 0 } else { from };
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        let mut shown: String = self.text.chars().skip(from).take(MAX_SHOWN).map(plain).collect();
        let mut place = place.start - from..wanted - from;
        if from > 0 {
            shown.insert_str(0, "… ");
            place = place.start + 2..place.end + 2;
        }
        if from + MAX_SHOWN < length {
            shown.push_str(" …");
        }
        (shown, place)
    }
}

/// Where and what in one line; below it the text, with carets under the place.
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = format!("{}: {}", self.pointer, self.problem);
        f.write_str(&told.replace(char::is_control, " "))?;
        if self.text.is_empty() {
            return Ok(());
        }
        let (shown, place) = self.excerpt();
        let carets = place.len().max(1);
        write!(f, "\n  {shown}\n  {:blanks$}{:^<carets$}", "", "", blanks = place.start)
    }
}

impl std::error::Error for Mistake {}

/// With the place in characters and the problem in words.
impl Serialize for Mistake {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let columns = self.columns();
        let mut mistake = serializer.serialize_struct("Mistake", 6)?;
        mistake.serialize_field("pointer", &self.pointer)?;
        mistake.serialize_field("part", &self.part)?;
        mistake.serialize_field("text", &self.text)?;
        mistake.serialize_field("start", &columns.start)?;
        mistake.serialize_field("end", &columns.end)?;
        mistake.serialize_field("problem", &self.problem.to_string())?;
        mistake.end()
    }
}

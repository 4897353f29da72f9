//! The filters: their names, what they take, and what is made of a call.

use std::ops::Range;

use super::{MAX_LIST, Operand, TemplateError, TemplateProblem as Problem};

/// What a filter takes or gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    List,
    /// Either; as something given, what was taken.
    Any,
}

/// A filter by its name, as Liquid has it.
#[derive(Debug)]
pub struct Definition {
    pub name: &'static str,
    pub takes: Kind,
    pub gives: Kind,
    /// In words.
    pub arguments: &'static str,
    pub example: &'static str,
    make: fn(&mut Arguments) -> Option<Call>,
}

/// A filter with its arguments.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Call {
    Append(Operand),
    Capitalize,
    Default(Operand),
    Downcase,
    First,
    Join(Operand),
    Last,
    Lstrip,
    Prepend(Operand),
    Remove(Operand),
    RemoveFirst(Operand),
    Replace(Operand, Operand),
    ReplaceFirst(Operand, Operand),
    Rstrip,
    Slice { offset: i64, length: usize },
    Split(Operand),
    Strip,
    StripNewlines,
    Truncate { length: usize, ellipsis: Operand },
    TruncateWords { length: usize, ellipsis: Operand },
    Upcase,
}

/// An argument as it is written.
#[derive(Debug)]
pub(super) enum Argument {
    Number(i64),
    Operand(Operand),
}

/// The arguments of a call, taken one by one.
pub(super) struct Arguments {
    name: &'static str,
    rest: std::vec::IntoIter<(Argument, Range<usize>)>,
    error: Option<TemplateError>,
}

impl Arguments {
    fn text(&mut self) -> Option<Operand> {
        Some(match self.rest.next()?.0 {
            Argument::Number(number) => Operand::Text(number.to_string()),
            Argument::Operand(operand) => operand,
        })
    }

    /// An absent one is `otherwise`.
    fn text_or(&mut self, otherwise: &str) -> Operand {
        self.text().unwrap_or_else(|| Operand::Text(otherwise.into()))
    }

    fn number(&mut self, least: i64) -> Option<i64> {
        let (argument, span) = self.rest.next()?;
        let most = MAX_LIST as i64;
        match argument {
            Argument::Number(number) if (least..=most).contains(&number) => Some(number),
            _ => {
                let problem = Problem::NumberExpected(self.name);
                self.error.get_or_insert(TemplateError { problem, span });
                None
            }
        }
    }

    fn length(&mut self, least: i64, otherwise: usize) -> Option<usize> {
        if self.rest.len() == 0 {
            return Some(otherwise);
        }
        self.number(least).map(|number| number.unsigned_abs() as usize)
    }
}

impl Definition {
    /// `span` is that of the name.
    pub(super) fn call(
        &self,
        arguments: Vec<(Argument, Range<usize>)>,
        span: Range<usize>,
    ) -> Result<Call, TemplateError> {
        let end = arguments.last().map_or(span.end, |(_, last)| last.end);
        let rest = arguments.into_iter();
        let mut arguments = Arguments { name: self.name, rest, error: None };
        let call = (self.make)(&mut arguments);
        if let Some(error) = arguments.error {
            return Err(error);
        }
        call.filter(|_| arguments.rest.len() == 0).ok_or_else(|| {
            let (name, expected, example) = (self.name, self.arguments, self.example);
            let problem = Problem::Arguments { name, expected, example };
            TemplateError { problem, span: span.start..end }
        })
    }
}

impl Call {
    /// What it takes from elsewhere.
    pub(super) fn operands(&self) -> impl Iterator<Item = &Operand> {
        let (first, second) = match self {
            Self::Append(a) | Self::Default(a) | Self::Join(a) | Self::Prepend(a) => {
                (Some(a), None)
            }
            Self::Remove(a) | Self::RemoveFirst(a) | Self::Split(a) => (Some(a), None),
            Self::Truncate { ellipsis: a, .. } | Self::TruncateWords { ellipsis: a, .. } => {
                (Some(a), None)
            }
            Self::Replace(a, b) | Self::ReplaceFirst(a, b) => (Some(a), Some(b)),
            Self::Capitalize
            | Self::Downcase
            | Self::First
            | Self::Last
            | Self::Lstrip
            | Self::Rstrip
            | Self::Slice { .. }
            | Self::Strip
            | Self::StripNewlines
            | Self::Upcase => (None, None),
        };
        first.into_iter().chain(second)
    }
}

const NONE: &str = "nothing behind its name";
const ONE: &str = "one text";
const TWO: &str = "one text, or two";
const ELLIPSIS: &str = "a number and a text, or less";

const fn text(
    name: &'static str,
    arguments: &'static str,
    example: &'static str,
    make: fn(&mut Arguments) -> Option<Call>,
) -> Definition {
    Definition { name, takes: Kind::Text, gives: Kind::Text, arguments, example, make }
}

/// All filters, in alphabetical order.
pub static FILTERS: [Definition; 21] = [
    text("append", ONE, "append: \"@example.com\"", |a| Some(Call::Append(a.text()?))),
    text("capitalize", NONE, "capitalize", |_| Some(Call::Capitalize)),
    Definition {
        takes: Kind::Any,
        gives: Kind::Any,
        ..text("default", ONE, "default: \"unknown\"", |a| Some(Call::Default(a.text()?)))
    },
    text("downcase", NONE, "downcase", |_| Some(Call::Downcase)),
    Definition { takes: Kind::Any, ..text("first", NONE, "first", |_| Some(Call::First)) },
    Definition {
        takes: Kind::List,
        ..text("join", "one text, or none", "join: \", \"", |a| Some(Call::Join(a.text_or(" "))))
    },
    Definition { takes: Kind::Any, ..text("last", NONE, "last", |_| Some(Call::Last)) },
    text("lstrip", NONE, "lstrip", |_| Some(Call::Lstrip)),
    text("prepend", ONE, "prepend: \"org:\"", |a| Some(Call::Prepend(a.text()?))),
    text("remove", ONE, "remove: \"-\"", |a| Some(Call::Remove(a.text()?))),
    text("remove_first", ONE, "remove_first: \"-\"", |a| Some(Call::RemoveFirst(a.text()?))),
    text("replace", TWO, "replace: \"a\", \"b\"", |a| {
        Some(Call::Replace(a.text()?, a.text_or("")))
    }),
    text("replace_first", TWO, "replace_first: \"a\", \"b\"", |a| {
        Some(Call::ReplaceFirst(a.text()?, a.text_or("")))
    }),
    text("rstrip", NONE, "rstrip", |_| Some(Call::Rstrip)),
    Definition {
        takes: Kind::Any,
        gives: Kind::Any,
        ..text("slice", "one number, or two", "slice: 0, 2", |a| {
            let offset = a.number(-(MAX_LIST as i64))?;
            Some(Call::Slice { offset, length: a.length(1, 1)? })
        })
    },
    Definition {
        gives: Kind::List,
        ..text("split", ONE, "split: \",\"", |a| Some(Call::Split(a.text()?)))
    },
    text("strip", NONE, "strip", |_| Some(Call::Strip)),
    text("strip_newlines", NONE, "strip_newlines", |_| Some(Call::StripNewlines)),
    text("truncate", ELLIPSIS, "truncate: 20, \"…\"", |a| {
        Some(Call::Truncate { length: a.length(0, 50)?, ellipsis: a.text_or("...") })
    }),
    text("truncatewords", ELLIPSIS, "truncatewords: 3, \"…\"", |a| {
        Some(Call::TruncateWords { length: a.length(0, 50)?, ellipsis: a.text_or("...") })
    }),
    text("upcase", NONE, "upcase", |_| Some(Call::Upcase)),
];

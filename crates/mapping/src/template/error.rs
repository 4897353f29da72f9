use std::ops::Range;

use super::{MAX_FILTERS, MAX_LENGTH, MAX_LIST, MAX_TEXT, filter::FILTERS};
use crate::path::PathProblem;

/// Why a text is no template, and where in it, in bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct TemplateError {
    pub problem: TemplateProblem,
    pub span: Range<usize>,
}

/// One for each mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateProblem {
    #[error("the template is longer than {MAX_LENGTH} bytes")]
    TooLong,
    #[error("the template has more than {MAX_FILTERS} filters")]
    TooManyFilters,
    #[error("`{{{{` is never closed: add `}}}}`")]
    Unclosed,
    #[error("there is no `{{{{` before this `}}}}`")]
    Unopened,
    #[error("there are no tags: a template is text and `{{{{ … }}}}`")]
    Tag,
    #[error("`-` beside braces is not understood: use the filter `strip`")]
    WhitespaceControl,
    #[error("the text has no closing quote")]
    UnterminatedString,
    #[error("expected `value`, `user.` and an attribute, or a text in quotes")]
    ValueExpected,
    #[error(
        "`{0}` is nothing here: use `value` for what the path gives, or `user.` and a path, such as \
         `user.name.givenName`"
    )]
    UnknownValue(String),
    #[error("`user` is the whole user: add an attribute, such as `user.name.givenName`")]
    WholeUser,
    #[error("expected `|` and a filter, or `}}}}`")]
    EndExpected,
    #[error("expected the name of a filter, such as `downcase`")]
    FilterExpected,
    #[error("`{name}` is no filter{}", .suggestion.map_or_else(all_filters, did_you_mean))]
    UnknownFilter { name: String, suggestion: Option<&'static str> },
    #[error("`{name}` takes {expected}, as in `{example}`")]
    Arguments { name: &'static str, expected: &'static str, example: &'static str },
    #[error("`{0}` needs a whole number here, without quotes, of at most {MAX_LIST}")]
    NumberExpected(&'static str),
    #[error("`{0}` needs a list: put `split` in front of it")]
    ListExpected(&'static str),
    #[error("{0}")]
    Path(#[from] PathProblem),
    #[error("the template has no target: add `.` and one, such as `.organization_role`")]
    TargetMissing,
}

fn did_you_mean(name: &str) -> String {
    format!(", did you mean `{name}`?")
}

fn all_filters() -> String {
    let names: Vec<_> = FILTERS.iter().map(|filter| filter.name).collect();
    format!(": there are {}", names.join(", "))
}

/// Why a template gave nothing for a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderProblem {
    #[error("its text is longer than {MAX_TEXT} bytes at some point of the template")]
    TooLong,
    #[error("its list has more than {MAX_LIST} elements at some point of the template")]
    ListTooLong,
    #[error("the templates of this mapping have too much to do for this user")]
    Work,
    #[error("a value with sub-attributes is no text: name the one to use in the path")]
    Complex,
}

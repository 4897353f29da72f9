use std::{fmt, ops::Range};

use super::{MAX_DEPTH, MAX_LENGTH, MAX_TERMS};
use crate::{Error, ScimType, path::PathError, schema::AttributeType};

/// Why a filter is refused, and where in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    pub problem: FilterProblem,
    /// In bytes; `None` for a filter that is well-formed and means nothing, whose problem names the
    /// attribute.
    pub span: Option<Range<usize>>,
}

/// One per mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterProblem {
    #[error("it is longer than {MAX_LENGTH} bytes")]
    TooLong,
    #[error("it nests deeper than {MAX_DEPTH} levels")]
    TooDeep,
    #[error("it has more than {MAX_TERMS} comparisons")]
    TooManyTerms,
    #[error("{0}")]
    Path(#[from] PathError),
    #[error("expected an attribute name")]
    AttributeExpected,
    #[error("expected an operator after the attribute name, such as `eq`")]
    OperatorExpected,
    #[error(
        "`{0}` is no operator: use `eq`, `ne`, `co`, `sw`, `ew`, `gt`, `ge`, `lt`, `le` or `pr`"
    )]
    UnknownOperator(String),
    #[error("expected a value after the operator")]
    ValueExpected,
    #[error("expected `and`, `or` or the end")]
    EndExpected,
    #[error("expected `{0}`")]
    Expected(char),
    #[error("`not` needs parentheses around what it denies")]
    NotWithoutParentheses,
    #[error("a value filter cannot hold another one")]
    NestedBrackets,
    #[error("a value filter stands after an attribute, not after a sub-attribute")]
    BracketAfterSubAttribute,
    #[error("the string has no closing quote")]
    UnterminatedString,
    #[error("the string is no JSON string: it has a bad escape or a control character")]
    BadString,
    #[error("a string value stands in double quotes")]
    Unquoted,
    #[error("exactly one blank separates the parts, and none stands inside brackets")]
    Blanks,

    #[error("`{path}` is no attribute of this resource type{}", did_you_mean(.suggestion))]
    UnknownAttribute { path: String, suggestion: Option<String> },
    #[error("`{of}` has no sub-attribute `{path}`")]
    UnknownSubAttribute { path: String, of: String },
    #[error("`{0}` stands in a value filter, which names sub-attributes alone")]
    TooDeepInside(String),
    #[error("`{0}` can never be read, and so cannot be used in a filter")]
    NeverReturned(String),
    #[error("`{path}` is of type {}, which has no `{operator}`", .attribute_type.as_str())]
    OperatorOfType { path: String, attribute_type: AttributeType, operator: &'static str },
    #[error("`{0}` has sub-attributes: name the one to compare")]
    ComplexValue(String),
    #[error("`{0}` has no sub-attributes, and takes no value filter")]
    NotComplex(String),
    #[error("`{path}` is of type {}, and the value is not", .attribute_type.as_str())]
    ValueOfType { path: String, attribute_type: AttributeType },
    #[error("`null` can only be compared with `eq` and `ne`")]
    NullOrder,
}

fn did_you_mean(suggestion: &Option<String>) -> String {
    suggestion.as_ref().map(|name| format!(", did you mean `{name}`?")).unwrap_or_default()
}

impl FilterError {
    pub(crate) fn at(problem: impl Into<FilterProblem>, span: Range<usize>) -> Self {
        Self { problem: problem.into(), span: Some(span) }
    }
}

impl From<FilterProblem> for FilterError {
    fn from(problem: FilterProblem) -> Self {
        Self { problem, span: None }
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.span {
            Some(span) => write!(f, "filter, at byte {}: {}", span.start + 1, self.problem),
            None => write!(f, "filter: {}", self.problem),
        }
    }
}

impl std::error::Error for FilterError {}

impl From<FilterError> for Error {
    fn from(error: FilterError) -> Self {
        Self::bad_request(ScimType::InvalidFilter, error.to_string())
    }
}

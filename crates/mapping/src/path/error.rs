use std::ops::Range;

use scim::filter::FilterProblem;

use super::SourcePath;

/// Why a text is no source path, and where in it, in bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct PathError {
    pub problem: PathProblem,
    pub span: Range<usize>,
}

/// One for each mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathProblem {
    #[error("the path is empty: write an attribute, such as `userName`")]
    Empty,
    #[error("the path is longer than {} bytes", SourcePath::MAX_LENGTH)]
    TooLong,
    #[error("{0}")]
    Name(#[from] scim::path::PathError),
    #[error("the bracket has no `]`")]
    Unclosed,
    #[error(
        "expected a place such as `0`, `*` for all, or a filter such as `type eq \"work\"` in the \
         brackets"
    )]
    Brackets,
    #[error("expected the end or `.` and a sub-attribute after the brackets")]
    AfterBrackets,
    #[error("brackets stand after an attribute, not after a sub-attribute")]
    BracketsAfterSubAttribute,
    #[error("places go up to {}", super::read::MAX_INDEX)]
    Index,
    #[error("in the filter: {0}")]
    Filter(#[from] FilterProblem),
    #[error(
        "`{path}` is no attribute of users{}",
        did_you_mean(.suggestion, "use one that this directory's schemas declare")
    )]
    Unknown { path: String, suggestion: Option<String> },
    #[error("`{of}` has no sub-attribute `{name}`{}", did_you_mean(.suggestion, &one_of(.subs)))]
    UnknownSubAttribute { of: String, name: String, suggestion: Option<String>, subs: Vec<String> },
    #[error(
        "`{urn}` is no schema that users have{}",
        did_you_mean(.suggestion, "use one of this directory's schemas")
    )]
    UnknownSchema { urn: String, suggestion: Option<String> },
    #[error("`{0}` is a whole schema: add `:` and one of its attributes")]
    WholeSchema(String),
    #[error("`{0}` is set by this server and not by the identity provider: use another attribute")]
    NotSent(String),
    #[error("`{0}` can never be read: use another attribute")]
    NeverRead(String),
    #[error("`{0}` has a single value: leave out the brackets")]
    SingleValued(String),
    #[error("`{0}` has no sub-attributes: leave out what comes after it")]
    Simple(String),
    #[error("`{path}` has sub-attributes: name the one to use, such as `{example}`")]
    Complex { path: String, example: String },
    #[error(
        "of groups there are `displayName` and `value` (the id), as in `groups[*].displayName`"
    )]
    GroupField,
}

/// The question, or what to do where nothing is close.
fn did_you_mean(suggestion: &Option<String>, otherwise: &str) -> String {
    match suggestion {
        Some(name) => format!(", did you mean `{name}`?"),
        None if otherwise.is_empty() => String::new(),
        None => format!(": {otherwise}"),
    }
}

fn one_of(names: &[String]) -> String {
    let names: Vec<_> = names.iter().take(16).map(|name| format!("`{name}`")).collect();
    if names.is_empty() { String::new() } else { format!("it has {}", names.join(", ")) }
}

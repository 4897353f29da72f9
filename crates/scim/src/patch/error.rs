use super::{MAX_MEMBERS, MAX_OPERATIONS, PatchPathError};
use crate::{Error, ScimType, filter::FilterError, validate::ValidationError};

/// The operation that fails, and why. Nothing of the request is applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("operations[{operation}]: {problem}")]
pub struct PatchError {
    /// Counted from 0, as the client wrote them. What only the whole shows, such as a missing required attribute, is laid to
    /// the last one.
    pub operation: usize,
    pub problem: PatchProblem,
}

/// One per mistake. Paths are canonically spelt where they are declared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchProblem {
    #[error("more than {MAX_OPERATIONS} operations in one request: send them in several")]
    TooManyOperations,
    #[error("more than {MAX_MEMBERS} members in one request: send them in several")]
    TooManyMembers,
    #[error("too many list elements to compare in one request: send fewer operations in each")]
    TooMuchWork,
    #[error("`remove` needs a path")]
    PathMissing,
    #[error("`add` and `replace` need a value")]
    ValueMissing,
    #[error("without a path, the value has to be an object of attributes")]
    ValueNotObject,
    #[error("`{path}` is no attribute of this resource type{}", did_you_mean(.suggestion))]
    UnknownAttribute { path: String, suggestion: Option<String> },
    #[error("`{0}` has a single value and no sub-attributes, and takes no value filter")]
    NoElements(String),
    #[error("{0}")]
    Path(#[from] PatchPathError),
    #[error("{0}")]
    Filter(#[from] FilterError),
    #[error("`{0}` matches no element, and its filter does not say what a new one should hold")]
    NoTarget(String),
    #[error("`{0}` is read-only: remove its mapping")]
    ReadOnly(String),
    #[error("`{0}` is required and cannot be cleared: send a value")]
    Required(String),
    #[error("`{0}` cannot change once it has a value")]
    Immutable(String),
    #[error("`members` can be added and removed, but not edited: name the member by its `value`")]
    Member,
    #[error("`schemas` keeps the URI of the resource type's schema")]
    BaseSchema,
    #[error("the value for `{0}` names no element: give each by its `value`")]
    NothingNamed(String),
    #[error("{0}")]
    Value(#[from] ValidationError),
}

fn did_you_mean(suggestion: &Option<String>) -> String {
    suggestion.as_ref().map(|name| format!(", did you mean `{name}`?")).unwrap_or_default()
}

impl From<PatchError> for Error {
    fn from(error: PatchError) -> Self {
        use PatchProblem as P;
        let detail = error.to_string();
        let scim_type = match error.problem {
            P::TooManyOperations | P::TooManyMembers | P::TooMuchWork => {
                return Self::new(413, None, detail);
            }
            P::PathMissing | P::NoTarget(_) => ScimType::NoTarget,
            P::ValueMissing | P::ValueNotObject | P::NothingNamed(_) => ScimType::InvalidValue,
            P::UnknownAttribute { .. } | P::NoElements(_) => ScimType::InvalidPath,
            P::ReadOnly(_) | P::Required(_) | P::Immutable(_) | P::Member | P::BaseSchema => {
                ScimType::Mutability
            }
            P::Path(error) => return Self { detail, ..error.into() },
            P::Filter(error) => return Self { detail, ..error.into() },
            P::Value(error) => return Self { detail, ..error.into() },
        };
        Self::bad_request(scim_type, detail)
    }
}

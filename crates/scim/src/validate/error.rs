use std::fmt;

use crate::{Error, ScimType};

/// A value that cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` {problem}")]
pub struct ValidationError {
    /// The attribute in the standard's notation, canonically spelt when it is declared.
    pub path: String,
    pub problem: Problem,
}

/// What is wrong with a value. Each text continues a sentence that begins with the path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("is required: map a value that is not empty to it")]
    Required,
    #[error("is declared by no schema of this resource type: remove its mapping")]
    Undeclared,
    #[error("is given twice: send it once, in one spelling")]
    Repeated,
    #[error("has to be an array with the URI of the resource type's schema")]
    Schemas,
    #[error("names `{0}`, which is no schema of this resource type: take it out")]
    UnknownSchema(String),
    #[error("has to be {expected}, but {found} was sent: correct its mapping")]
    Type { expected: &'static str, found: &'static str },
    #[error("has to be {0}: correct the value at its source")]
    Format(&'static str),
    #[error("is longer than {0} bytes: shorten the value at its source")]
    TooLong(usize),
    #[error("has more than {0} elements: send fewer")]
    TooMany(usize),
    #[error("comes with more than {0} bytes of attributes that no schema declares: map fewer")]
    TooMuchUndeclared(usize),
    #[error("has more than one primary element: mark one")]
    SeveralPrimary,
    #[error("cannot change once it has a value: send the value it has")]
    Immutable,
    #[error("is not kept here: switch password synchronization off")]
    Password,
}

impl From<ValidationError> for Error {
    fn from(error: ValidationError) -> Self {
        let scim_type = match error.problem {
            Problem::Undeclared
            | Problem::Repeated
            | Problem::Schemas
            | Problem::UnknownSchema(_) => ScimType::InvalidSyntax,
            Problem::Immutable => ScimType::Mutability,
            _ => ScimType::InvalidValue,
        };
        Error::bad_request(scim_type, error.to_string())
    }
}

/// Where a value stands; written out only when there is something to say about it.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub extension: Option<&'a str>,
    pub attribute: &'a str,
    pub sub_attribute: Option<&'a str>,
}

impl<'a> Place<'a> {
    pub fn base(attribute: &'a str) -> Self {
        Self { extension: None, attribute, sub_attribute: None }
    }

    pub fn sub(self, name: &'a str) -> Self {
        Self { sub_attribute: Some(name), ..self }
    }

    pub fn problem(self, problem: Problem) -> ValidationError {
        ValidationError { path: self.to_string(), problem }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(urn) = self.extension {
            write!(f, "{}:", excerpt(urn))?;
        }
        f.write_str(excerpt(self.attribute))?;
        match self.sub_attribute {
            Some(sub) => write!(f, ".{}", excerpt(sub)),
            None => Ok(()),
        }
    }
}

/// The beginning of a name that a client chose: what it may add to a note or an error is bounded.
pub(super) fn excerpt(name: &str) -> &str {
    &name[..name.floor_char_boundary(128)]
}

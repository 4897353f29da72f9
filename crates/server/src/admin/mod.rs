//! What operators do, one file a noun. The command line and the API to come use these; none of them
//! prints.

use mapping::mistake::Mistake;

pub mod accounts;
pub mod directories;
pub mod domains;
pub mod enrolment;
pub mod grantables;
pub mod mail;
pub mod mappings;
pub mod members;
pub mod organizations;
pub mod reasons;
pub mod role_rules;
pub mod roles;
pub mod schemas;
pub mod settings;
pub mod teams;
pub mod tokens;

/// A refusal in one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Invalid(String),
    /// Something else has the name.
    #[error("{0}")]
    Conflict(String),
    #[error("{0}")]
    NotFound(String),
    /// A directory provides it.
    #[error("{0}")]
    Locked(String),
    /// What others have to confirm is not confirmed (yet).
    #[error("{0}")]
    Unproven(String),
    /// An attribute mapping that cannot be saved: everything that is wrong with it.
    #[error("the mapping is not saved; mistakes in it: {}", .0.len())]
    Mapping(Vec<Mistake>),
    #[error(transparent)]
    Store(#[from] store::Error),
}

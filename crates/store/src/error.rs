//! What can go wrong below the use cases.

/// A storage error. "Not found" is not one: reads answer `Option`.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// A unique look-up attribute is taken. The transaction's other writes are undone.
    #[error("`{attribute}` is already in use")]
    Conflict { attribute: &'static str },
    /// The row changed or vanished between being read and being written.
    #[error("changed meanwhile")]
    Stale,
    /// The database cannot take the work now; the same request may succeed later.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The database cannot be used before an operator changes something; the message says what.
    #[error("{0}")]
    Unusable(String),
    /// What is stored cannot be understood.
    #[error("corrupt {table} row `{row}`: {problem}")]
    Corrupt { table: &'static str, row: String, problem: String },
    /// The tables are not those that this version works on.
    #[error("this version cannot use the store: {0}")]
    Version(String),
    /// The database refused a statement for a reason that is our fault.
    #[error("the database refused a statement: {0}")]
    Refused(String),
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

//! Conditions on the stored version (RFC 7644 §3.14, RFC 9110 §13.1).

use super::Error;

/// What `If-Match` asks of a write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Precondition {
    #[default]
    None,
    /// `*`: the resource exists.
    Exists,
    /// One of these versions is stored. A tag that is no version of ours matches nothing.
    Version(Vec<i64>),
}

impl Precondition {
    pub(super) fn check(&self, version: i64) -> Result<(), Error> {
        match self {
            Self::Version(versions) if !versions.contains(&version) => {
                Err(Error::Precondition { version })
            }
            _ => Ok(()),
        }
    }
}

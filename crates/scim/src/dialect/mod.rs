//! The dialects in which identity providers speak SCIM, read into the standard's own terms.

/// How a request is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    /// Every known deviation of a client is understood and noted.
    #[default]
    Tolerant,
    /// The standard to the letter, for those who test a client.
    Strict,
}

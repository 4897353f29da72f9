//! How tolerant a request is read.

/// How a request is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    /// Every leniency, always; each one taken is noted.
    #[default]
    Tolerant,
    /// The letter of the standard, for those who test their own client.
    Strict,
}

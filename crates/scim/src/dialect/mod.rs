//! The dialects in which identity providers really speak SCIM, read into the standard's own terms.

mod client;

pub use client::Client;

/// How a request is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    /// Every leniency, always; each one taken is noted.
    #[default]
    Tolerant,
    /// The letter of the standard, for those who test their own client.
    Strict,
}

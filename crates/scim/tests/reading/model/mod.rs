//! The rules once more: slow, obvious, and written without a look at the crate.

pub mod filter;
pub mod patch;
pub mod project;

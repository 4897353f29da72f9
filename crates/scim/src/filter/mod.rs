//! Filters (RFC 7644 §3.4.2.2): text, tree, meaning, evaluation.
//!
//! [`parse`] makes a [`Filter`] of a text; a well-formed filter may still mean nothing.

mod ast;
mod display;
mod error;
mod parse;

pub use ast::{CompareOperator, CompareValue, Filter};
pub use error::{FilterError, FilterProblem};
pub(crate) use parse::Parser;
pub use parse::{MAX_DEPTH, MAX_LENGTH, MAX_TERMS, parse};

//! Filters (RFC 7644 §3.4.2.2): text, tree, meaning, evaluation.
//!
//! [`parse`] makes a [`Filter`] of a text, [`resolve`] makes a [`Condition`] of a filter and a
//! resource type, and [`Condition::matches`] asks it of a resource. A well-formed filter may still
//! mean nothing; that is the second step's error.

mod ast;
mod condition;
mod display;
mod error;
mod eval;
mod parse;
mod resolve;

pub use ast::{CompareOperator, CompareValue, Filter};
pub use condition::{Condition, Operand, Target};
pub use error::{FilterError, FilterProblem};
pub use eval::is_assigned;
pub use parse::{MAX_DEPTH, MAX_LENGTH, MAX_TERMS, parse};
pub use resolve::{resolve, resolve_at_root, resolve_element, resolve_noting, resolve_undeclared};
pub(crate) use {eval::compare_numbers, parse::Parser};

#[cfg(test)]
mod tests;

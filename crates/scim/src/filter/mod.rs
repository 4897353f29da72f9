//! Filters (RFC 7644 §3.4.2.2): text, tree, meaning, evaluation.

mod ast;

pub use ast::{CompareOperator, CompareValue, Filter};

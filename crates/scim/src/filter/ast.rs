//! The tree of a filter as written: well-formed, but not yet known to mean anything.

use crate::path::AttributePath;

/// A filter expression. `And` and `Or` hold at least two parts.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    /// `path pr`
    Present(AttributePath),
    /// `path op value`
    Compare {
        path: AttributePath,
        operator: CompareOperator,
        value: CompareValue,
    },
    /// `path[filter]`: one element of `path` satisfies the whole of `filter`, whose paths are
    /// sub-attributes of `path`.
    ValuePath {
        path: AttributePath,
        filter: Box<Filter>,
    },
}

/// RFC 7644 table 3, without `pr`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompareOperator {
    Eq,
    Ne,
    Co,
    Sw,
    Ew,
    Gt,
    Ge,
    Lt,
    Le,
}

/// The right side of a comparison: a JSON literal.
#[derive(Clone, Debug, PartialEq)]
pub enum CompareValue {
    String(String),
    Number(serde_json::Number),
    Boolean(bool),
    Null,
}

impl Filter {
    /// The number of comparisons.
    pub(crate) fn terms(&self) -> usize {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().map(Self::terms).sum(),
            Self::Not(part) | Self::ValuePath { filter: part, .. } => part.terms(),
            Self::Present(_) | Self::Compare { .. } => 1,
        }
    }
}

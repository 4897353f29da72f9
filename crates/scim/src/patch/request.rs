//! A PATCH request in the standard's own terms.

use serde_json::Value;

use crate::{filter::Filter, path::AttributePath};

/// The operations of one request, applied in order, all or none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PatchRequest {
    pub operations: Vec<Operation>,
    /// For each operation, the place of the one it was written as: one may be read as several.
    /// Empty where each is its own.
    pub written: Vec<usize>,
}

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    pub op: Op,
    pub path: Option<PatchPath>,
    /// For `remove`, the elements to take out of the multi-valued attribute at `path`; `None`
    /// takes out all of them.
    pub value: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Add,
    Remove,
    Replace,
}

/// The target of an operation.
#[derive(Clone, Debug, PartialEq)]
pub enum PatchPath {
    /// `[urn:]name[.sub]`
    Attribute(AttributePath),
    /// `[urn:]name[filter][.sub]`; `attribute.sub_attribute` is `None`.
    ValuePath { attribute: AttributePath, filter: Filter, sub_attribute: Option<String> },
    /// The URI of an extension schema: the object that holds its attributes.
    Extension(String),
}

//! PATCH (RFC 7644 §3.5.2) as a pure function.
//!
//! [`parse_path`] reads the target of an operation, [`apply`] applies a request to a resource in its
//! stored form. Members of a group are not part of that form: what a request does to them comes out
//! as [`MembershipStep`]s.

mod apply;
mod attribute;
mod elements;
mod error;
mod members;
mod path;
mod place;
mod request;
mod value_path;

pub use apply::{MAX_MEMBERS, MAX_OPERATIONS, Patched, apply};
pub use error::{PatchError, PatchProblem};
pub use members::{MemberRef, MembershipStep};
pub use path::{PatchPathError, parse_path};
pub use request::{Op, Operation, PatchPath, PatchRequest};

#[cfg(test)]
mod tests;

//! PATCH (RFC 7644 §3.5.2) as a pure function.

mod members;
mod request;

pub use members::{MemberRef, MembershipStep};
pub use request::{Op, Operation, PatchPath, PatchRequest};

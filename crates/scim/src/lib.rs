//! SCIM 2.0 as a library: schemas with all their characteristics, resources, filters, PATCH, and
//! the dialects in which identity providers really speak it.
//!
//! Pure by design: no I/O, no clock, no randomness, no HTTP and no SQL types. A request body comes
//! in as JSON text, passes [`json`] (bounds) and [`dialect`] (what the client meant, in the
//! standard's own terms), and from there on only the standard is known: [`validate`] for POST and
//! PUT, [`patch`] for PATCH, [`filter`] for queries, [`project`] for what is sent back.
//!
//! Sources: RFC 7643 (schema) and RFC 7644 (protocol) with their verified errata.

pub mod bulk;
pub mod dialect;
pub mod diff;
pub mod discovery;
pub mod error;
pub mod filter;
pub mod json;
pub mod list;
pub mod note;
pub mod patch;
pub mod path;
pub mod project;
pub mod reading;
pub mod representation;
pub mod schema;
pub mod search;
pub mod sort;
pub mod text;
pub mod urn;
pub mod validate;

/// A resource, or any JSON object of the protocol, with its attributes in the order they came.
pub type Object = serde_json::Map<String, serde_json::Value>;

pub use error::{Error, ScimType};
pub use note::Notes;

//! What follows from the resources of an organization's directories: who its members are, what the
//! product is told of them, which roles they have, how its teams are called — each value with its
//! reason.
//!
//! Pure by design, like [`scim`]: no I/O, no clock, no randomness, no SQL types. The store's rows come
//! in as values and go out as values; whoever calls decides in which transaction.

pub mod attribute_mapping;
pub mod configuration;
mod defaults;
pub mod domain_name;
pub mod linking;
pub mod member;
pub mod mistake;
pub mod path;
pub mod roles;
pub mod slug;
pub mod soft_delete;
pub mod target;
pub mod template;

pub use attribute_mapping::AttributeMapping;
pub use configuration::{Configuration, Directory};
pub use domain_name::domain_name;
pub use mistake::Mistake;
pub use target::Target;

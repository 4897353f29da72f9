//! Members and teams of an organization, as they follow from the resources of its directories.
//!
//! What a member should be is decided by [`mapping`], from values alone. Here the rows that it needs
//! are loaded ([`world`]), what concerns several members is settled ([`settle`]: whose e-mail address
//! it is, who the last owner is), and what has changed is written with an event for each change
//! ([`effects`]) — in the transaction of the write that caused it ([`follow`]), or, when the
//! configuration changes, by and by.

pub mod configurations;
pub mod effects;
pub mod enrolment;
pub mod follow;
mod memberships;
pub mod preview;
pub mod run;
mod settle;
mod teams;
mod world;

pub use configurations::Configurations;
pub use effects::Effects;
pub use follow::{Touched, Written, follow};
pub use teams::TeamError;
pub use world::{Person, World};

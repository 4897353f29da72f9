//! The simulated services against a small server that is right, or wrong in one thing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod entra;
mod okta;
mod reference;
mod sizes;
mod trouble;

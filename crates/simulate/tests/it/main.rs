//! The simulated services against a small server that is right, or wrong in one thing.

mod entra;
mod okta;
mod reference;
mod sizes;
mod trouble;

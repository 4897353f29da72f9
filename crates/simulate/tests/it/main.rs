//! The simulated services against a small server that is right, or wrong in one thing.

mod cycles;
mod entra;
mod knobs;
mod okta;
mod reference;
mod script;
mod sizes;
mod smaller;
mod trouble;

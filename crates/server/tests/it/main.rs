//! Tests through a real server process on loopback, each with a store of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod authentication;
mod check;
mod cli;
mod concurrency;
mod durability;
mod errors;
mod fuzz;
mod harness;
mod host;
mod isolation;
mod log;
mod okta_suite;
mod rate_limit;
mod replay;
mod simulations;
mod versions;
mod wire;

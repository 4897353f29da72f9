//! Tests through a real server process on loopback, each with a store of its own.

mod concurrency;
mod durability;
mod harness;
mod okta_suite;
mod replay;

//! Tests through a real server process on loopback, each with a store of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod authentication;
mod bulk;
mod check;
mod cli;
mod concurrency;
mod conflicts;
mod conformance;
mod creating;
mod cursors;
mod deletion;
mod discovery;
mod discovery_documents;
mod durability;
mod errata;
mod errors;
mod fuzz;
mod harness;
mod host;
mod hostile;
mod isolation;
mod log;
mod me;
mod modifying;
mod oauth;
mod okta_suite;
mod outside_reader;
mod paging;
mod profiles;
mod rate_limit;
mod reading;
mod replacing;
mod replay;
mod resource_model;
mod roles;
mod schemas;
mod search;
mod simulations;
mod sorting;
mod text;
mod transport;
mod users_and_groups;
mod values;
mod versions;
mod wire;

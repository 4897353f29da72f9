//! Headcount: directory sync that a software team runs itself.
//!
//! [`http`] turns requests into calls of [`directory`], whose use cases open a transaction of the
//! store, decide with the pure `scim` crate, and write. [`cli`] starts it all and administers it.

pub mod admin;
pub mod app;
pub mod availability;
pub mod background;
pub mod cli;
pub mod clock;
pub mod config;
pub mod cursor;
pub mod directory;
pub mod dns;
pub mod http;
pub mod ids;
pub mod log;
pub mod mail;
pub mod members;
pub mod rate_limit;
pub mod schemas;
pub mod shared_rate;
pub mod telemetry;
pub mod token;

//! Members and teams, judged by a model of what they should be: random sequences of everything that
//! directories and operators do come to what the model says, however they came there.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod arrival;
mod compare;
mod cost;
mod model;
mod play;
mod previews;
mod sequences;
mod steps;

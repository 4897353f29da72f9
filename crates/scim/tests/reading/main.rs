//! Reading what clients send: what must hold of every input.

mod checks;
mod found;
mod model;
mod properties;
mod random;

//! The catalog: one file per part of the protocol.

mod answers;
mod authentication;
mod bulk;
mod create;
mod delete;
mod discovery;
mod filter;
mod groups;
mod media;
mod pages;
mod patch;
mod read;
mod replace;
mod versions;

use crate::check::Check;

/// All checks, in the order in which they run. What holds for every answer comes last.
pub fn all() -> Vec<Check> {
    let parts = [
        discovery::checks(),
        media::checks(),
        authentication::checks(),
        create::checks(),
        read::checks(),
        filter::checks(),
        pages::checks(),
        replace::checks(),
        patch::checks(),
        groups::checks(),
        versions::checks(),
        bulk::checks(),
        delete::checks(),
        answers::checks(),
    ];
    parts.into_iter().flatten().collect()
}

//! The catalog: one file per part of the protocol.

mod answers;
mod authentication;
mod bulk;
mod create;
mod delete;
mod discovery;
mod filter;
mod filter_values;
mod groups;
mod media;
mod pages;
mod patch;
mod patch_dialects;
mod patch_values;
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
        filter_values::checks(),
        pages::checks(),
        replace::checks(),
        patch::checks(),
        patch_values::checks(),
        patch_dialects::checks(),
        groups::checks(),
        versions::checks(),
        bulk::checks(),
        delete::checks(),
        answers::checks(),
    ];
    parts.into_iter().flatten().collect()
}

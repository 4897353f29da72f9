//! Changes to a group's membership, as deltas: the member list itself is never read or rewritten.

use crate::filter::Filter;

/// A member as a client names it. `display` and `$ref` are the server's to compute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRef {
    /// The id of a User or a Group of the same directory.
    pub value: String,
}

/// One step of a membership change; steps are taken in order.
#[derive(Clone, Debug, PartialEq)]
pub enum MembershipStep {
    /// These become members; who is one already stays one.
    Add(Vec<MemberRef>),
    /// These are members no longer; who is none is passed over.
    Remove(Vec<String>),
    /// Whoever matches is a member no longer. Paths are sub-attributes of `members`
    /// (`value`, `type`, `display`, `$ref`). A filter of `value eq` terms joined by `or` is given
    /// as [`MembershipStep::Remove`].
    RemoveMatching(Filter),
    /// These, and nobody else, are the members.
    Replace(Vec<MemberRef>),
}

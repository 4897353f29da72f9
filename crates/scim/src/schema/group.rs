//! RFC 7643 §4.2 and §8.7.1; `displayName` is required (erratum 5368).

use super::{
    Attribute, Mutability, Schema,
    common_attributes::external_id,
    define::{complex, reference, schema, string},
};
use crate::urn;

pub(super) fn group() -> Schema {
    schema(
        urn::GROUP,
        "Group",
        "A set of users.",
        vec![
            external_id(),
            string("displayName", "Name of the group.").required(),
            Attribute {
                // The list changes, its elements do not (S-221).
                mutability: Mutability::ReadWrite,
                ..members()
            },
        ],
    )
}

fn members() -> Attribute {
    complex(
        "members",
        "Who belongs to the group.",
        vec![
            string("value", "Id of the member.").case_exact(),
            reference("$ref", &["User", "Group"], "URL of the member."),
            string("type", "Kind of the member.").canonical(&["User", "Group"]),
            string("display", "Name of the member."),
        ],
    )
    .mutability(Mutability::Immutable)
    .multi_valued()
}

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
        vec![external_id(), string("displayName", "Name of the group.").required(), members()],
    )
}

/// The list changes, its elements do not (S-221). Their names follow the members'.
fn members() -> Attribute {
    let fixed = |attribute: Attribute| attribute.mutability(Mutability::Immutable);
    complex(
        "members",
        "Who belongs to the group.",
        vec![
            fixed(string("value", "Id of the member.").case_exact()),
            fixed(reference("$ref", &["User", "Group"], "URL of the member.")),
            fixed(string("type", "Kind of the member.").canonical(&["User", "Group"])),
            string("display", "Name of the member.").read_only(),
        ],
    )
    .multi_valued()
}

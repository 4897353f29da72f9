//! RFC 7643 §6 and §8.7.2, with erratum 7522 (`schemaExtensions` is multi-valued).

use super::{
    Attribute, Schema,
    define::{boolean, complex, reference, schema, string},
};
use crate::urn;

pub(super) fn resource_type() -> Schema {
    let attributes = vec![
        string("id", "Identifier of the resource type; equal to its name."),
        string("name", "Name of the resource type, as in `meta.resourceType`.").required(),
        string("description", "What resources of this type are."),
        reference("endpoint", &["uri"], "Path of the endpoint, relative to the base URL.")
            .required(),
        reference("schema", &["uri"], "URI of the type's base schema.").required(),
        complex(
            "schemaExtensions",
            "Extensions that resources of this type may carry.",
            vec![
                reference("schema", &["uri"], "URI of the extension's schema.").required(),
                boolean("required", "Whether every resource must carry the extension.").required(),
            ],
        )
        .multi_valued(),
    ];
    schema(
        urn::RESOURCE_TYPE,
        "ResourceType",
        "A kind of resource and where to find it.",
        attributes.into_iter().map(Attribute::read_only).collect(),
    )
}

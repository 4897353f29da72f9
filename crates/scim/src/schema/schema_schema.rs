//! RFC 7643 §7 and §8.7.2, with errata 5606 and 8435 (`binary`), 8415 (no complex sub-attributes)
//! and 5607 (`referenceTypes` is multi-valued).

use super::{
    Attribute, Returned, Schema,
    define::{boolean, complex, schema, string},
};
use crate::urn;

const TYPES: [&str; 8] =
    ["string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex"];

pub(super) fn schema_schema() -> Schema {
    let mut characteristics = characteristics(&TYPES);
    // The one place where RFC 7643 itself nests a third level.
    characteristics.push(
        complex(
            "subAttributes",
            "Parts of a complex attribute.",
            self::characteristics(&TYPES[..7]),
        )
        .multi_valued(),
    );
    let attributes = vec![
        string("id", "URI of the schema.").required().returned(Returned::Always),
        string("name", "Name of the schema.").required(),
        string("description", "What the schema describes."),
        complex("attributes", "Attributes the schema declares.", characteristics)
            .multi_valued()
            .required(),
    ];
    schema(
        urn::SCHEMA,
        "Schema",
        "The attributes of a kind of resource and their characteristics.",
        attributes.into_iter().map(Attribute::read_only).collect(),
    )
}

fn characteristics(types: &[&str]) -> Vec<Attribute> {
    vec![
        string("name", "Name of the attribute.").case_exact().required(),
        string("type", "Type of the attribute's values.").required().canonical(types),
        boolean("multiValued", "Whether the attribute holds a list.").required(),
        string("description", "What the attribute means.").case_exact(),
        boolean("required", "Whether the attribute must have a value."),
        string("canonicalValues", "Suggested values.").case_exact().multi_valued(),
        boolean("caseExact", "Whether letter case counts when values are compared."),
        string("mutability", "Who can change the attribute, and when.").case_exact().canonical(&[
            "readOnly",
            "readWrite",
            "immutable",
            "writeOnly",
        ]),
        string("returned", "When the attribute is part of an answer.")
            .case_exact()
            .canonical(&["always", "never", "default", "request"]),
        string("uniqueness", "Among which resources a value may occur only once.")
            .case_exact()
            .canonical(&["none", "server", "global"]),
        string("referenceTypes", "What a reference may point to.").case_exact().multi_valued(),
    ]
}

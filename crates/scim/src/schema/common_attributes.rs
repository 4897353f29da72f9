use std::sync::LazyLock;

use super::{
    Attribute, Returned, Uniqueness,
    define::{complex, date_time, reference, string},
};

static COMMON: LazyLock<Vec<Attribute>> = LazyLock::new(|| {
    vec![
        reference(
            "schemas",
            &["uri"],
            "URIs of the schemas whose attributes this resource carries.",
        )
        .multi_valued()
        .required()
        .returned(Returned::Always),
        string("id", "Identifier of the resource, issued by this service and never used again.")
            .case_exact()
            .read_only()
            .returned(Returned::Always)
            .uniqueness(Uniqueness::Server),
        external_id(),
        complex(
            "meta",
            "What this service records about the resource.",
            vec![
                string("resourceType", "Name of the resource's type.").case_exact(),
                date_time("created", "When the resource was created here."),
                date_time("lastModified", "When the resource last changed here."),
                reference("location", &["uri"], "URL of the resource."),
                string("version", "Entity tag of the resource as it stands.").case_exact(),
            ],
        )
        .read_only(),
    ]
});

/// The attributes of every resource, RFC 7643 §3 and §3.1: `schemas`, `id`, `externalId`, `meta`.
pub fn common_attributes() -> &'static [Attribute] {
    &COMMON
}

/// Also listed by the published User and Group schemas: clients that read `/Schemas` to learn what
/// can be mapped look for it there (E-121).
pub(super) fn external_id() -> Attribute {
    string("externalId", "Identifier of the resource in the client's own system.").case_exact()
}

//! RFC 7643 §5 and §8.7.2 with erratum 8011, RFC 9865 §4 (`pagination`).

use super::{
    Attribute, Schema,
    define::{boolean, complex, integer, reference, schema, string},
};
use crate::urn;

pub(super) fn service_provider_config() -> Schema {
    let supported = || boolean("supported", "Whether the feature is available.").required();
    let attributes = vec![
        reference("documentationUri", &["external"], "Documentation for administrators."),
        feature("patch", "Changing parts of a resource.", vec![supported()]),
        feature(
            "bulk",
            "Several operations in one request.",
            vec![
                supported(),
                integer("maxOperations", "Most operations in one request.").required(),
                integer("maxPayloadSize", "Largest request body, in bytes.").required(),
            ],
        ),
        feature(
            "filter",
            "Finding resources by a filter.",
            vec![supported(), integer("maxResults", "Most resources in one answer.").required()],
        ),
        feature("changePassword", "Setting a user's password.", vec![supported()]),
        feature("sort", "Ordering of lists.", vec![supported()]),
        feature("etag", "Versions of resources, for conditional requests.", vec![supported()]),
        pagination(),
        authentication_schemes(),
    ];
    schema(
        urn::SERVICE_PROVIDER_CONFIG,
        "ServiceProviderConfig",
        "What this service supports, and up to which limits.",
        attributes.into_iter().map(Attribute::read_only).collect(),
    )
}

fn feature(name: &str, description: &str, sub_attributes: Vec<Attribute>) -> Attribute {
    complex(name, description, sub_attributes).required()
}

fn pagination() -> Attribute {
    complex(
        "pagination",
        "Ways to page through a list.",
        vec![
            boolean("cursor", "Whether lists can be paged with a cursor.").required(),
            boolean("index", "Whether lists can be paged by index.").required(),
            string("defaultPaginationMethod", "Way used when the request names none.")
                .canonical(&["cursor", "index"]),
            integer("defaultPageSize", "Resources in a page when the request names no count."),
            integer("maxPageSize", "Most resources in a page."),
            integer("cursorTimeout", "How long a cursor can be used, in seconds."),
        ],
    )
}

fn authentication_schemes() -> Attribute {
    complex(
        "authenticationSchemes",
        "Ways to authenticate.",
        vec![
            string("type", "Kind of the scheme.").required().canonical(&[
                "oauth",
                "oauth2",
                "oauthbearertoken",
                "httpbasic",
                "httpdigest",
            ]),
            string("name", "Name of the scheme.").required(),
            string("description", "What to send.").required(),
            reference("specUri", &["external"], "Specification of the scheme."),
            reference("documentationUri", &["external"], "How to use the scheme here."),
            boolean("primary", "Whether this is the preferred scheme."),
        ],
    )
    .multi_valued()
    .required()
}

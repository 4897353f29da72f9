//! What the service says about itself (RFC 7644 §4): ServiceProviderConfig, ResourceTypes, Schemas.
//!
//! Everything is made from the data that is enforced, with nothing left out but `password`, which
//! is accepted and never kept (E-123). No object carries a null (E-121).

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    Object,
    list::{self, ListResponse},
    schema::{Attribute, AttributeType, ResourceType, Returned, Schema, core_schemas},
    urn,
};

/// What differs between installations. The rest is the same everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    pub documentation_uri: Option<String>,
    /// `None` where Bulk is not served.
    pub bulk: Option<Bulk>,
    /// How long a cursor lasts, in seconds; `None` where pages are by index only.
    pub cursor_timeout: Option<u64>,
    /// The preferred one first.
    pub authentication_schemes: Vec<AuthenticationScheme>,
}

/// The bounds of one Bulk request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bulk {
    pub max_operations: u64,
    /// In bytes.
    pub max_payload_size: u64,
}

/// RFC 7643 §5, `authenticationSchemes.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthenticationScheme {
    OAuth2,
    OAuthBearerToken,
    HttpBasic,
}

/// The ServiceProviderConfig object (S-112, S-123).
pub fn service_provider_config(service: &Service, base_url: &str) -> Object {
    let mut config = Object::new();
    let mut set = |name: &str, value: Value| config.insert(name.into(), value);
    set("schemas", json!([urn::SERVICE_PROVIDER_CONFIG]));
    if let Some(uri) = &service.documentation_uri {
        set("documentationUri", uri.as_str().into());
    }
    set("patch", json!({ "supported": true }));
    set(
        "bulk",
        json!({
            "supported": service.bulk.is_some(),
            "maxOperations": service.bulk.map_or(0, |bulk| bulk.max_operations),
            "maxPayloadSize": service.bulk.map_or(0, |bulk| bulk.max_payload_size),
        }),
    );
    set("filter", json!({ "supported": true, "maxResults": list::MAX_COUNT }));
    set("changePassword", json!({ "supported": false }));
    set("sort", json!({ "supported": true }));
    set("etag", json!({ "supported": true }));
    let mut pagination = json!({
        "cursor": service.cursor_timeout.is_some(),
        "index": true,
        "defaultPaginationMethod": "index",
        "defaultPageSize": list::DEFAULT_COUNT,
        "maxPageSize": list::MAX_COUNT,
    });
    if let Some(seconds) = service.cursor_timeout {
        pagination["cursorTimeout"] = seconds.into();
    }
    set("pagination", pagination);
    let schemes = service.authentication_schemes.iter().enumerate();
    set(
        "authenticationSchemes",
        schemes.map(|(index, scheme)| scheme.to_value(index == 0)).collect(),
    );
    set("meta", meta("ServiceProviderConfig", base_url, "/ServiceProviderConfig"));
    config
}

impl AuthenticationScheme {
    fn to_value(self, primary: bool) -> Value {
        let (kind, name, description, specification) = match self {
            Self::OAuth2 => (
                "oauth2",
                "OAuth 2.0 client credentials",
                "Get a short-lived access token at the token endpoint and send it as a bearer token",
                "https://www.rfc-editor.org/rfc/rfc6749",
            ),
            Self::OAuthBearerToken => (
                "oauthbearertoken",
                "Bearer token",
                "Send the directory's token in the Authorization header, after the word Bearer",
                "https://www.rfc-editor.org/rfc/rfc6750",
            ),
            Self::HttpBasic => (
                "httpbasic",
                "HTTP Basic",
                "Send the directory's token as the password, with any user name",
                "https://www.rfc-editor.org/rfc/rfc7617",
            ),
        };
        json!({
            "type": kind,
            "name": name,
            "description": description,
            "specUri": specification,
            "primary": primary,
        })
    }
}

/// The list of resource types.
pub fn resource_types(types: &[ResourceType], base_url: &str) -> Object {
    list_of(types.iter().map(|rt| resource_type_object(rt, base_url)))
}

/// The resource type called `name`; `None` if there is none.
pub fn resource_type(types: &[ResourceType], name: &str, base_url: &str) -> Option<Object> {
    let rt = types.iter().find(|rt| rt.name.eq_ignore_ascii_case(name))?;
    Some(resource_type_object(rt, base_url))
}

/// The list of all schemas: those of the resource types, then those of discovery itself.
pub fn schemas(types: &[ResourceType], base_url: &str) -> Object {
    list_of(all_schemas(types).iter().map(|schema| schema_object(schema, base_url)))
}

/// The schema with this URI, in any letter case; `None` if there is none.
pub fn schema(types: &[ResourceType], uri: &str, base_url: &str) -> Option<Object> {
    let all = all_schemas(types);
    Some(schema_object(all.iter().find(|schema| urn::eq(&schema.id, uri))?, base_url))
}

fn all_schemas(types: &[ResourceType]) -> Vec<Arc<Schema>> {
    let base = types.iter().map(|rt| &rt.schema);
    let extensions = types.iter().flat_map(|rt| &rt.extensions).map(|extension| &extension.schema);
    let own = core_schemas().iter().filter(|schema| {
        [urn::SERVICE_PROVIDER_CONFIG, urn::RESOURCE_TYPE, urn::SCHEMA].contains(&&*schema.id)
    });
    let mut all: Vec<Arc<Schema>> = Vec::new();
    for schema in base.chain(extensions).chain(own) {
        if !all.iter().any(|known| known.id == schema.id) {
            all.push(schema.clone());
        }
    }
    all
}

fn list_of(resources: impl Iterator<Item = Object>) -> Object {
    let resources: Vec<_> = resources.map(Value::Object).collect();
    let count = resources.len() as u64;
    let response = ListResponse {
        total_results: Some(count),
        start_index: Some(1),
        items_per_page: count,
        ..ListResponse::default()
    };
    let mut object = response.into_object();
    object.insert("Resources".into(), resources.into());
    object
}

fn meta(resource_type: &str, base_url: &str, path: &str) -> Value {
    let location = format!("{}{path}", base_url.trim_end_matches('/'));
    json!({ "resourceType": resource_type, "location": location })
}

fn resource_type_object(rt: &ResourceType, base_url: &str) -> Object {
    let extensions = rt
        .extensions
        .iter()
        .map(|extension| json!({ "schema": extension.schema.id, "required": extension.required }));
    let mut object = Object::new();
    let mut set = |name: &str, value: Value| object.insert(name.into(), value);
    set("schemas", json!([urn::RESOURCE_TYPE]));
    set("id", rt.name.as_str().into());
    set("name", rt.name.as_str().into());
    set("description", rt.description.as_str().into());
    set("endpoint", rt.endpoint.as_str().into());
    set("schema", rt.schema.id.as_str().into());
    set("schemaExtensions", extensions.collect());
    set("meta", meta("ResourceType", base_url, &format!("/ResourceTypes/{}", rt.name)));
    object
}

/// A schema as `/Schemas` shows it, and as [`Schema::from_json`] reads it.
pub fn schema_object(schema: &Schema, base_url: &str) -> Object {
    let is_published =
        |attribute: &&Attribute| attribute.returned != Returned::Never || schema.id != urn::USER;
    let mut object = Object::new();
    let mut set = |name: &str, value: Value| object.insert(name.into(), value);
    set("schemas", json!([urn::SCHEMA]));
    set("id", schema.id.as_str().into());
    set("name", schema.name.as_str().into());
    if !schema.description.is_empty() {
        set("description", schema.description.as_str().into());
    }
    set("attributes", schema.attributes.iter().filter(is_published).map(characteristics).collect());
    set("meta", meta("Schema", base_url, &format!("/Schemas/{}", schema.id)));
    object
}

/// RFC 7643 §7. What does not apply to a type is left out: `caseExact` and `uniqueness` of
/// booleans (S-066) and complex attributes (erratum 6004).
fn characteristics(attribute: &Attribute) -> Value {
    use AttributeType::{Binary, Decimal, Integer, Reference, String};

    let mut object = Object::new();
    let mut set = |name: &str, value: Value| object.insert(name.into(), value);
    set("name", attribute.name.as_str().into());
    set("type", attribute.attribute_type.as_str().into());
    set("multiValued", attribute.multi_valued.into());
    if !attribute.description.is_empty() {
        set("description", attribute.description.as_str().into());
    }
    set("required", attribute.required.into());
    if !attribute.canonical_values.is_empty() {
        set("canonicalValues", json!(attribute.canonical_values));
    }
    let kind = attribute.attribute_type;
    if matches!(kind, String | Reference | Binary) {
        set("caseExact", attribute.case_exact.into());
    }
    set("mutability", attribute.mutability.as_str().into());
    set("returned", attribute.returned.as_str().into());
    if matches!(kind, String | Reference | Binary | Integer | Decimal) {
        set("uniqueness", attribute.uniqueness.as_str().into());
    }
    if !attribute.reference_types.is_empty() {
        set("referenceTypes", json!(attribute.reference_types));
    }
    if !attribute.sub_attributes.is_empty() {
        set("subAttributes", attribute.sub_attributes.iter().map(characteristics).collect());
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests;

//! `ServiceProviderConfig`, `ResourceTypes`, `Schemas` (RFC 7644 §4).

use axum::http::{Method, StatusCode, header, request::Parts};
use scim::{
    Error, Object,
    bulk::MAX_OPERATIONS,
    discovery::{self, AuthenticationScheme, Service},
};
use serde_json::Value;

use super::{
    allowed,
    answer::{Answer, Refusal},
    not_allowed,
    route::Endpoint,
};
use crate::{app::App, schemas::ResourceTypes};

/// Answers a discovery endpoint or the base URL. Paging, sorting and projection are disregarded
/// there, and a filter is refused, as the standard says.
pub(super) fn answer(
    app: &App,
    resource_types: &ResourceTypes,
    endpoint: &Endpoint,
    parts: &Parts,
    base_url: &str,
) -> Result<Answer, Refusal> {
    match parts.method {
        Method::GET | Method::HEAD => {}
        Method::OPTIONS => return Ok(Answer::options(allowed(endpoint))),
        _ => return Err(not_allowed(endpoint)),
    }
    let query = parts.uri.query().unwrap_or_default();
    if *endpoint == Endpoint::Base && (query.contains("/Users") || query.contains("/Groups")) {
        return Err(Refusal::from(Error::new(
            400,
            None,
            "the path stands behind the question mark: paste the base URL without a query, or let \
             the client put /Users in front of it",
        )));
    }
    if query.split('&').any(|pair| pair.starts_with("filter=")) {
        return Err(Refusal::from(Error::new(403, None, "discovery cannot be filtered")));
    }
    let types = &resource_types.all;
    let found = match endpoint {
        Endpoint::ServiceProviderConfig => {
            Some(discovery::service_provider_config(&service(app), base_url))
        }
        Endpoint::ResourceTypes(Some(name)) => discovery::resource_type(types, name, base_url),
        Endpoint::Schemas(None) => Some(discovery::schemas(types, base_url)),
        Endpoint::Schemas(Some(uri)) => discovery::schema(types, uri, base_url),
        _ => Some(discovery::resource_types(types, base_url)),
    };
    let object: Object = found.ok_or_else(|| {
        Refusal::from(Error::new(404, None, "no such schema or resource type; see the list"))
    })?;
    let body = Value::from(object).to_string();
    let tag = format!("W/\"{:08x}\"", crc32fast::hash(body.as_bytes()));
    let same = parts.headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let answer = match same {
        Some(same) if same.split(',').any(|t| t.trim() == tag) => {
            Answer::empty(StatusCode::NOT_MODIFIED)
        }
        _ => Answer::json(StatusCode::OK, body),
    };
    Ok(answer.with(header::ETAG, tag))
}

fn service(app: &App) -> Service {
    let bulk = discovery::Bulk {
        max_operations: MAX_OPERATIONS as u64,
        max_payload_size: app.settings.max_body_bytes as u64,
    };
    Service {
        documentation_uri: None,
        bulk: app.settings.bulk.then_some(bulk),
        cursor_timeout: Some(app.settings.cursor_timeout.as_secs()),
        authentication_schemes: vec![
            AuthenticationScheme::OAuthBearerToken,
            AuthenticationScheme::OAuth2,
            AuthenticationScheme::HttpBasic,
        ],
    }
}

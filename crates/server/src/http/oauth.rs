//! The token endpoint (RFC 6749 §4.4, client credentials) and the document that tells clients of it
//! (RFC 8414).
//!
//! The client is a directory: its id is the client id, any of its live tokens a client secret. What
//! is given out is an access token that stands for that secret for little more than an hour and ends
//! with it, so that nothing else has to be rotated or revoked.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, Method, Response, StatusCode, header, request::Parts},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};
use store::Tx;

use super::{
    auth::{self, Access},
    retry_after,
    scim::{
        exchange::Exchange,
        log_denied,
        route::{self, Address},
    },
};
use crate::{app::App, clock, rate_limit::OverLimit, token};

/// The token endpoint's path below the public URL.
pub const TOKEN: &str = "/oauth/token";
const AUTHORIZATION_SERVER: &str = "/.well-known/oauth-authorization-server";

/// How long an access token lasts, in seconds: the hour that Entra ID asks for at least (E-125), and a
/// minute, so that the answer says no less when it goes out.
const LIFETIME: i64 = 3660;

/// The longest form that is read, in bytes.
const MAX_FORM: usize = 16 << 10;

/// The one scope there is: all that the client's own token may do.
const SCOPE: &str = "scim";

/// Why no access token is given (RFC 6749 §5.2): status, code and words for the IT admin.
struct Refusal {
    status: StatusCode,
    error: &'static str,
    description: String,
    /// In seconds.
    retry_after: Option<u64>,
}

fn refuse(status: StatusCode, error: &'static str, description: impl Into<String>) -> Refusal {
    Refusal { status, error, description: description.into(), retry_after: None }
}

/// Whether `path` is answered here.
pub fn is_endpoint(app: &App, path: &str) -> bool {
    is_token(app, path) || is_metadata(app, path)
}

fn is_token(app: &App, path: &str) -> bool {
    below(app, path) == TOKEN
}

/// The document stands in front of the public URL's own path (RFC 8414 §3.1); one behind it is found,
/// too.
fn is_metadata(app: &App, path: &str) -> bool {
    let before = path.strip_prefix(AUTHORIZATION_SERVER).map(|rest| rest.trim_matches('/'));
    before.is_some_and(|rest| rest.is_empty() || rest == app.public_path)
        || below(app, path) == AUTHORIZATION_SERVER
}

/// The path below the public URL's own.
fn below<'p>(app: &App, path: &'p str) -> &'p str {
    let rest = path.strip_prefix('/').and_then(|path| path.strip_prefix(&*app.public_path));
    rest.filter(|rest| rest.starts_with('/')).unwrap_or(path)
}

/// Answers the token endpoint and its metadata.
pub async fn handle(app: Arc<App>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    if !is_token(&app, parts.uri.path()) {
        return match parts.method {
            Method::GET | Method::HEAD => answer(StatusCode::OK, &metadata(&app)),
            _ => not_allowed("GET, HEAD"),
        };
    }
    if parts.method != Method::POST {
        return not_allowed("POST");
    }
    let mut exchange = Exchange::begin(&app, &parts);
    match grant(&app, &parts, body, &mut exchange).await {
        Ok(granted) => {
            exchange.finish(200, None).await;
            answer(StatusCode::OK, &granted)
        }
        Err(Refusal { status, error, description, retry_after }) => {
            let refusal = scim::Error::new(status.as_u16(), None, description.as_str());
            exchange.finish(status.as_u16(), Some(refusal)).await;
            let mut response =
                answer(status, &json!({"error": error, "error_description": description}));
            let headers = response.headers_mut();
            if status == StatusCode::UNAUTHORIZED {
                let challenge = HeaderValue::from_static("Basic realm=\"headcount\"");
                headers.insert(header::WWW_AUTHENTICATE, challenge);
            }
            if let Some(seconds) = retry_after {
                headers.insert(header::RETRY_AFTER, seconds.into());
            }
            response
        }
    }
}

async fn grant(
    app: &App,
    parts: &Parts,
    body: Body,
    exchange: &mut Exchange,
) -> Result<Value, Refusal> {
    let invalid = |description: &str| {
        refuse(StatusCode::BAD_REQUEST, "invalid_request", description.to_owned())
    };
    let body = Limited::new(body, MAX_FORM).collect().await;
    let body = body.map_err(|_| invalid("the form is longer than 16 kB or did not arrive"))?;
    let form = String::from_utf8(body.to_bytes().to_vec()).ok();
    let form = form.and_then(|form| route::query_pairs(&form).ok());
    let form = form
        .ok_or_else(|| invalid("send the parameters as application/x-www-form-urlencoded text"))?;
    let mut repeated = None;
    let mut parameter = |name: &str| {
        let mut values = form.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone());
        let value = values.next().filter(|value| !value.is_empty());
        if values.next().is_some() {
            repeated = Some(name.to_owned());
        }
        value
    };
    let grant_type = parameter("grant_type");
    let scope = parameter("scope");
    let in_body = (parameter("client_id"), parameter("client_secret"));
    if let Some(name) = repeated {
        return Err(invalid(&format!("`{name}` is there twice")));
    }
    let (client_id, secret) = match (in_header(parts)?, in_body) {
        (Some(_), (_, Some(_))) => {
            return Err(invalid(
                "send the client secret in the header or in the body, not in both",
            ));
        }
        (Some((id, _)), (Some(other), None)) if id != other => {
            return Err(invalid("`client_id` is another than the header's"));
        }
        (Some(pair), _) => pair,
        (None, (Some(id), Some(secret))) => (id, secret),
        (None, _) => return Err(invalid_client("send `client_id` and `client_secret`")),
    };
    match grant_type.as_deref() {
        Some("client_credentials") => {}
        Some(_) => {
            let description = "`grant_type` has to be client_credentials";
            return Err(refuse(StatusCode::BAD_REQUEST, "unsupported_grant_type", description));
        }
        None => return Err(invalid("`grant_type` is missing: send client_credentials")),
    }
    if scope.is_some_and(|scope| scope.split(' ').any(|asked| asked != SCOPE)) {
        let description = "the only scope is `scim`: send that or none";
        return Err(refuse(StatusCode::BAD_REQUEST, "invalid_scope", description));
    }
    let now = exchange.now();
    let access = match client(app, &client_id, &secret, now).await {
        Ok(access) => access,
        Err(refusal) => {
            // While the store is away nobody can say whether the directory exists.
            if refusal.status != StatusCode::SERVICE_UNAVAILABLE {
                log_denied(app, &Address::Directory(client_id), exchange).await;
            }
            return Err(refusal);
        }
    };
    exchange.of(&access);
    app.let_in(&access.directory).await.map_err(|limited| match limited {
        OverLimit::For(wait) => {
            let description = "this directory makes too many requests";
            let status = StatusCode::TOO_MANY_REQUESTS;
            let refusal = refuse(status, "temporarily_unavailable", description);
            Refusal { retry_after: Some(wait.as_secs() + 1), ..refusal }
        }
        OverLimit::Unavailable(error) => not_stored(app, &error),
    })?;
    issue(app, &access, now).await
}

/// The directory with this id, if the secret is one of its live tokens and it is switched on.
async fn client(
    app: &App,
    client_id: &str,
    secret: &str,
    now: i64,
) -> Result<Arc<Access>, Refusal> {
    const UNKNOWN: &str = "no such client with this secret: the client id is the directory's id, the \
         client secret one of its tokens";
    if !token::is_well_formed(secret) || token::is_access(secret) {
        return Err(invalid_client(UNKNOWN));
    }
    let found = auth::find(app, secret).await.map_err(|_| unavailable())?;
    let access = found.filter(|found| found.directory.id == client_id);
    let access = access.ok_or_else(|| invalid_client(UNKNOWN))?;
    let token = &access.token;
    if token.revoked_at.is_some() || token.expires_at.is_some_and(|expires_at| expires_at <= now) {
        return Err(invalid_client(
            "the client secret has expired or was revoked: paste a new token",
        ));
    }
    if !access.directory.enabled {
        return Err(refuse(
            StatusCode::BAD_REQUEST,
            "unauthorized_client",
            "provisioning is switched off for this directory: switch it on in Headcount",
        ));
    }
    Ok(access)
}

async fn issue(app: &App, access: &Access, now: i64) -> Result<Value, Refusal> {
    let latest = now + LIFETIME * 1_000_000;
    let expires_at = access.token.expires_at.map_or(latest, |expires_at| expires_at.min(latest));
    let secret = token::generate_access();
    let (id, digest) = (access.token.id.clone(), token::digest(&secret));
    app.store
        .administer::<_, store::Error, _>(async move |tx: &mut Tx| {
            store::tokens::grant(tx, &id, &digest, expires_at, now).await
        })
        .await
        .map_err(|error| not_stored(app, &error))?;
    Ok(json!({
        "access_token": secret,
        "token_type": "Bearer",
        "expires_in": (expires_at - clock::now()).max(0) / 1_000_000,
        "scope": SCOPE,
    }))
}

/// Client id and secret from a Basic header, each form-encoded before it was joined (RFC 6749
/// §2.3.1).
fn in_header(parts: &Parts) -> Result<Option<(String, String)>, Refusal> {
    let Some(value) = parts.headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let read = || {
        let (scheme, rest) = value.to_str().ok()?.trim().split_once(' ')?;
        let pair = BASE64_STANDARD.decode(rest.trim()).ok()?;
        let pair = String::from_utf8(pair).ok()?;
        let (id, secret) = pair.split_once(':')?;
        let decoded = route::query_pairs(&format!("{id}={secret}")).ok()?;
        let fits = scheme.eq_ignore_ascii_case("basic");
        decoded.into_iter().next().filter(|_| fits)
    };
    read().map(Some).ok_or_else(|| invalid_client("the Authorization header is no Basic header"))
}

fn invalid_client(description: &str) -> Refusal {
    refuse(StatusCode::UNAUTHORIZED, "invalid_client", description)
}

fn not_stored(app: &App, error: &store::Error) -> Refusal {
    if !app.availability.failed(error) {
        tracing::error!(%error, "an access token could not be stored");
    }
    unavailable()
}

fn unavailable() -> Refusal {
    let description = "no token can be given now; ask again later";
    let refusal = refuse(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", description);
    Refusal { retry_after: Some(retry_after().into()), ..refusal }
}

fn metadata(app: &App) -> Value {
    json!({
        "issuer": app.public_url,
        "token_endpoint": format!("{}{TOKEN}", app.public_url),
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "response_types_supported": [],
        "scopes_supported": [SCOPE],
    })
}

fn not_allowed(allowed: &'static str) -> Response<Body> {
    let body = json!({
        "error": "invalid_request",
        "error_description": format!("this endpoint takes {allowed} only"),
    });
    let mut response = answer(StatusCode::METHOD_NOT_ALLOWED, &body);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    response
}

/// Never kept by anybody on the way (RFC 6749 §5.1).
fn answer(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

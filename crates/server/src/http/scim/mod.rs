//! The SCIM endpoint (RFC 7644 §3): one request from its URL to its answer and its log entry.

mod answer;
mod bulk;
mod conditional;
mod discovery;
pub(super) mod exchange;
mod grantables;
mod lists;
mod me;
mod resources;
pub mod route;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use answer::{Answer, Refusal};
use axum::{
    body::{Body, HttpBody},
    extract::Request,
    http::{HeaderMap, Method, header, request::Parts},
    response::Response,
};
use exchange::Exchange;
use futures_util::FutureExt;
use http_body_util::BodyExt;
use route::{Address, Endpoint, Kind, Route, RouteError};
use scim::{Error, ScimType, dialect::Reading};

use crate::{
    app::App,
    directory::Context,
    http::auth::{self, Access, Denied},
    rate_limit::OverLimit,
};

/// Requests a second and directory that are logged though they fail to authenticate; more are
/// refused unlogged.
const REFUSED_PER_SECOND: u32 = 20;

/// How long a client may go on sending what is not read any more.
const LINGER: Duration = Duration::from_secs(5);

/// Answers any request that no other route takes: SCIM, or 404 in SCIM's form.
pub async fn handle(app: Arc<App>, request: Request) -> Response {
    let (parts, mut body) = request.into_parts();
    let mut exchange = Exchange::begin(&app, &parts);
    // Boxed: what follows holds every operation's state, too much to move from caller to caller.
    let outcome = caught(Box::pin(answer(&app, &parts, &mut body, &mut exchange))).await;
    let (response, error) = match outcome {
        Ok(answer) => (answer.into_response(&parts, exchange.request_id()), None),
        Err(refusal) => {
            if let Some(error) = &refusal.unavailable {
                app.availability.failed(error);
            }
            let error = refusal.error.clone();
            (refusal.into_response(&parts, exchange.request_id()), Some(error))
        }
    };
    exchange.finish(response.status().as_u16(), error).await;
    if !body.is_end_stream() && !parts.headers.contains_key(header::EXPECT) {
        tokio::spawn(pass_over(body));
    }
    response
}

/// The outcome, also of a request that panics (S-452): the client learns nothing of why.
async fn caught(
    answering: impl Future<Output = Result<Answer, Refusal>>,
) -> Result<Answer, Refusal> {
    AssertUnwindSafe(answering).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("a request panicked");
        Err(Refusal::from(Error::new(500, None, "the request failed inside the server")))
    })
}

/// Reads what is left of a refused body, keeping none of it: a connection that is closed while its
/// client still sends loses the answer.
async fn pass_over(mut body: Body) {
    let all = async { while let Some(Ok(_)) = body.frame().await {} };
    // Who sends for longer than that loses the answer after all.
    let _ = tokio::time::timeout(LINGER, all).await;
}

async fn answer(
    app: &Arc<App>,
    parts: &Parts,
    body: &mut Body,
    exchange: &mut Exchange,
) -> Result<Answer, Refusal> {
    let route = find_route(app, parts);
    let address = match &route {
        Ok(route) => Some(&route.address),
        Err(RouteError::Unknown(address)) => address.as_ref(),
        Err(_) => None,
    };
    // Discovery is public where no credentials are sent: it holds nothing of any directory
    // (RFC 7643 §5, RFC 7644 §2).
    let public = matches!(&route, Ok(route) if is_discovery(&route.endpoint));
    let anonymous = !parts.headers.contains_key(header::AUTHORIZATION);
    let Some(address) = address else {
        return Err(route_refusal(route.err()));
    };
    let base_url = base_url(app, address);
    let access = if public && anonymous && discovery_is_public(app, address).await? {
        None
    } else {
        Some(let_in(app, &parts.headers, address, exchange).await?)
    };
    let Ok(Route { endpoint, .. }) = route else { return Err(route_refusal(route.err())) };
    if endpoint == Endpoint::ServiceProviderConfig && parts.uri.path().contains("Configs") {
        exchange.notes.add("`/ServiceProviderConfigs` read as `/ServiceProviderConfig`");
    }
    let Some(access) = access else {
        return discovery::answer(app, app.schemas.standard(), &endpoint, parts, &base_url);
    };
    me::check(&access.token, &endpoint)?;
    if parts.method == Method::OPTIONS {
        return Ok(Answer::options(allowed(&endpoint)));
    }
    let resource_types = Arc::clone(&access.resource_types);
    let learns = access.directory.learn_schemas;
    let writes = !matches!(parts.method, Method::GET | Method::HEAD);
    // What this request teaches is known to the next one.
    let _forgets = (learns && writes).then(|| app.tokens.forget_after(&access.directory.id));
    let context = Arc::new(Context {
        store: Arc::clone(&app.store),
        resource_types: Arc::clone(&resource_types),
        directory_id: access.directory.id.clone(),
        learn_schemas: learns,
        base_url,
        reading: if access.directory.strict { Reading::Strict } else { Reading::Tolerant },
        group_sync: access.directory.group_sync,
        request_id: exchange.request_id().to_owned(),
        now: exchange.now(),
        configurations: Arc::clone(&app.configurations),
    });
    let resource_type = |kind| match kind {
        Kind::User => &resource_types.user,
        Kind::Group => &resource_types.group,
    };
    let all = [&resource_types.user, &resource_types.group];
    let call = resources::Call { app, parts, access: &access, context: &context, exchange };
    match endpoint {
        Endpoint::Resources(kind) => match parts.method {
            Method::GET | Method::HEAD => call.list(&[resource_type(kind)]).await,
            Method::POST => call.create(resource_type(kind), body).await,
            _ => Err(not_allowed(&endpoint)),
        },
        Endpoint::Resource(kind, ref id) => match parts.method {
            Method::GET | Method::HEAD => call.get(resource_type(kind), id).await,
            Method::PUT => call.replace(resource_type(kind), id, body).await,
            Method::PATCH => call.patch(resource_type(kind), id, body).await,
            Method::DELETE => call.delete(resource_type(kind), id).await,
            _ => Err(not_allowed(&endpoint)),
        },
        Endpoint::Search(kind) => match parts.method {
            Method::POST => call.search(&[resource_type(kind)], body).await,
            _ => Err(not_allowed(&endpoint)),
        },
        Endpoint::Declared(ref name, ref id) => match resource_types.grantables_at(name) {
            None => Err(route_refusal(None)),
            Some(_) if writes => Err(not_allowed(&endpoint)),
            Some(found) => grantables::answer(found, id.as_deref(), call).await,
        },
        Endpoint::Bulk if !app.settings.bulk => Err(Refusal::from(Error::new(
            501,
            None,
            "bulk requests are switched off here: send each operation as a request of its own",
        ))),
        Endpoint::Bulk => match parts.method {
            Method::POST => bulk::answer(call, body).await,
            _ => Err(not_allowed(&endpoint)),
        },
        Endpoint::Me => me::answer(call, &access.token, body).await,
        Endpoint::RootSearch => match parts.method {
            Method::POST => call.search(&all, body).await,
            _ => Err(not_allowed(&endpoint)),
        },
        // A query of everything (RFC 7644 §3.4.2.1); without parameters it is discovery.
        Endpoint::Base
            if matches!(parts.method, Method::GET | Method::HEAD) && route::is_list(parts) =>
        {
            call.list(&all).await
        }
        Endpoint::Base
        | Endpoint::ServiceProviderConfig
        | Endpoint::ResourceTypes(_)
        | Endpoint::Schemas(_) => {
            discovery::answer(app, &resource_types, &endpoint, parts, &context.base_url)
        }
    }
}

fn find_route(app: &App, parts: &Parts) -> Result<Route, RouteError> {
    let path = parts.uri.path();
    let path = path
        .strip_prefix('/')
        .and_then(|path| path.strip_prefix(&*app.public_path))
        .filter(|rest| !app.public_path.is_empty() && rest.starts_with('/'))
        .unwrap_or(path);
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| parts.uri.authority().map(|authority| authority.as_str()));
    let organization = match (&app.settings.base_domain, host) {
        (Some(base_domain), Some(host)) => route::organization_of(host, base_domain),
        _ => None,
    };
    route::parse(path, organization)
}

fn base_url(app: &App, address: &Address) -> String {
    match (address, &app.settings.base_domain) {
        (Address::Organization(slug), Some(base_domain)) => {
            let scheme = app.public_url.split(':').next().unwrap_or("https");
            format!("{scheme}://{slug}.{base_domain}/scim/v2")
        }
        (Address::Organization(id) | Address::Directory(id), _) => {
            format!("{}/scim/v2/{id}", app.public_url)
        }
    }
}

/// Whether discovery answers requests without a token: unless a directory of this address has that
/// switched off (S-119).
async fn discovery_is_public(app: &App, address: &Address) -> Result<bool, Refusal> {
    use crate::admin::{Error, directories};
    let public = match address {
        Address::Directory(id) => {
            directories::get(&app.store, id).await.map(|directory| directory.public_discovery)
        }
        Address::Organization(slug) => directories::list(&app.store, Some(slug))
            .await
            .map(|all| all.iter().all(|directory| directory.public_discovery)),
    };
    match public {
        Ok(public) => Ok(public),
        Err(Error::Store(error)) => Err(Refusal::from(crate::directory::Error::Store(error))),
        Err(error) => Ok(matches!(error, Error::NotFound(_))),
    }
}

fn is_discovery(endpoint: &Endpoint) -> bool {
    matches!(
        endpoint,
        Endpoint::ServiceProviderConfig | Endpoint::ResourceTypes(_) | Endpoint::Schemas(_)
    )
}

fn allowed(endpoint: &Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Resources(_) => "GET, HEAD, POST, OPTIONS",
        Endpoint::Resource(..) | Endpoint::Me => "GET, HEAD, PUT, PATCH, DELETE, OPTIONS",
        Endpoint::Search(_) | Endpoint::RootSearch | Endpoint::Bulk => "POST, OPTIONS",
        _ => "GET, HEAD, OPTIONS",
    }
}

fn not_allowed(endpoint: &Endpoint) -> Refusal {
    let allowed = allowed(endpoint);
    Refusal::from(Error::new(405, None, format!("this endpoint takes {allowed} only")))
        .with(header::ALLOW, allowed)
}

fn route_refusal(error: Option<RouteError>) -> Refusal {
    Refusal::from(match error {
        Some(RouteError::Version(version)) => Error::bad_request(
            ScimType::InvalidVers,
            format!("version `{version}` of the protocol is not served; use `v2`"),
        ),
        Some(RouteError::Encoding) => Error::bad_request(
            ScimType::InvalidSyntax,
            "the URL holds percent-encoding that is none, or no UTF-8",
        ),
        _ => Error::new(
            404,
            None,
            "no such endpoint: a directory's base URL is …/scim/v2/{directory}, followed by \
             /Users or /Groups",
        ),
    })
}

/// Authenticates and takes one request of the directory's budget.
async fn let_in(
    app: &App,
    headers: &HeaderMap,
    address: &Address,
    exchange: &mut Exchange,
) -> Result<Arc<Access>, Refusal> {
    let now = exchange.now();
    match auth::authenticate(app, headers, address, now, &mut exchange.notes).await {
        Ok(access) => {
            exchange.of(&access);
            match app.let_in(&access.directory).await {
                Ok(()) => Ok(access),
                Err(OverLimit::For(wait)) => {
                    let seconds = wait.as_secs() + 1;
                    let detail = format!(
                        "this directory may make {} requests a second; send it again in {seconds} s",
                        access.directory.rate_limit
                    );
                    Err(Refusal::from(Error::new(429, None, detail))
                        .with(header::RETRY_AFTER, seconds.to_string()))
                }
                Err(OverLimit::Unavailable(error)) => {
                    Err(crate::directory::Error::Store(error).into())
                }
            }
        }
        // Nobody can say whether the directory exists.
        Err(denied @ Denied::Unavailable) => {
            Err(Refusal::from(Error::new(denied.status(), None, denied.detail())).retry())
        }
        Err(denied) => {
            log_denied(app, address, exchange).await;
            let refusal = Refusal::from(Error::new(denied.status(), None, denied.detail()));
            Err(match denied {
                Denied::Missing => {
                    refusal.with(header::WWW_AUTHENTICATE, "Bearer realm=\"headcount\"")
                }
                Denied::Unreadable | Denied::Unknown | Denied::Expired => refusal.with(
                    header::WWW_AUTHENTICATE,
                    "Bearer realm=\"headcount\", error=\"invalid_token\"",
                ),
                Denied::Several | Denied::Disabled | Denied::Unavailable => refusal,
            })
        }
    }
}

/// A refused request is logged with the directory that its URL names, if that exists: that is
/// where its admin will look. A flood of them is not; its answer stays the same, so that it tells
/// nobody which directories exist.
pub(super) async fn log_denied(app: &App, address: &Address, exchange: &mut Exchange) {
    let Address::Directory(id) = address else { return };
    let Ok(directory) = crate::admin::directories::get(&app.store, id).await else { return };
    if app.rate_limits.take(&format!("refused {id}"), REFUSED_PER_SECOND).is_ok() {
        exchange.of_directory(&directory.id);
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    /// S-009, S-319, S-452.
    #[tokio::test]
    async fn a_panic_is_answered_in_the_standards_form() {
        let outcome = caught(async { panic!("the secret cause") }).await;
        let (parts, ()) = Request::new(()).into_parts();
        let response = outcome.err().map(|refusal| refusal.into_response(&parts, "request-7"));
        let response = response.expect("a refusal");
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/scim+json");
        assert_eq!(response.headers()["x-request-id"], "request-7");
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(
            body,
            serde_json::json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
                "status": "500",
                "detail": "the request failed inside the server (request request-7)",
            })
        );
    }
}

//! HTTP: accepting connections, and what each address is answered by.

pub mod auth;
pub mod listen;
pub mod oauth;
pub mod scim;

use std::sync::Arc;

use axum::{
    body::Body,
    extract::Request,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use hyper::body::Incoming;

use crate::{app::App, availability, ids};

/// Seconds after which a client that could not be served now is asked to come back: a few, and not
/// the same for all, so that they do not all come at once.
pub fn retry_after() -> u32 {
    2 + ids::below(5)
}

/// Answers any request.
///
/// SCIM endpoints have their own table of routes, because identity providers' requests name them in
/// more spellings than a router knows; whatever nobody else takes is refused in SCIM's form.
pub async fn answer(app: Arc<App>, request: Request<Incoming>) -> Response {
    match request.uri().path() {
        "/livez" => "ok\n".into_response(),
        "/readyz" => readyz(&app).await,
        path if oauth::is_endpoint(&app, path) => oauth::handle(app, request.map(Body::new)).await,
        _ => scim::handle(app, request.map(Body::new)).await,
    }
}

/// The store can be read.
async fn readyz(app: &App) -> Response {
    match availability::read(&app.store).await {
        Ok(_) => "ready\n".into_response(),
        Err(error) => {
            if !app.availability.failed(&error) {
                tracing::error!(%error, "not ready");
            }
            let retry_after = [(header::RETRY_AFTER, retry_after().to_string())];
            (StatusCode::SERVICE_UNAVAILABLE, retry_after, "not ready\n").into_response()
        }
    }
}

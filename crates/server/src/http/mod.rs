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

use crate::app::App;

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
    match crate::admin::organizations::list(&app.store).await {
        Ok(_) => "ready\n".into_response(),
        Err(error) => {
            tracing::error!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")], "not ready\n")
                .into_response()
        }
    }
}

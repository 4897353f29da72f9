//! HTTP: accepting connections, and the routes of everything that is served.

pub mod auth;
pub mod listen;
pub mod scim;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use crate::app::App;

/// Everything that is served.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .fallback(elsewhere)
        .with_state(app)
}

/// The process answers.
async fn livez() -> &'static str {
    "ok\n"
}

/// The store can be read.
async fn readyz(State(app): State<Arc<App>>) -> Response {
    match crate::admin::organizations::list(&app.store).await {
        Ok(_) => "ready\n".into_response(),
        Err(error) => {
            tracing::error!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")], "not ready\n")
                .into_response()
        }
    }
}

/// SCIM endpoints have their own table, because identity providers' requests name them in more
/// spellings than a router knows. Everything else there is not.
async fn elsewhere(State(app): State<Arc<App>>, request: Request) -> Response {
    scim::handle(app, request).await
}

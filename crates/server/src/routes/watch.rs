//! Routes for those who watch the server: whether it is alive, whether it is ready, and its metrics.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use crate::app::App;
use crate::error::ApiError;
use crate::reply;

/// The process is alive.
pub(super) async fn health() -> Response {
    reply::json(StatusCode::OK, &json!({"status": "ok"}))
}

/// The model is loaded and the index open; not while the server ends.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    if app.is_draining() {
        return Err(ApiError::unavailable("the server is ending"));
    }
    app.ready()?;
    Ok(reply::json(StatusCode::OK, &json!({"status": "ready"})))
}

/// Everything that is counted.
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    let text = app.metrics.text(&app).map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(reply::of(StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", text))
}

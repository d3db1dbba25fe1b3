//! The routes, and what happens around each of them: the guard, the log, and the counts.

mod embeddings;
mod openapi;
mod search;
mod tei;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, State};
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any_service, get, post};

use super::app::App;
use super::error::ApiError;
use super::log::Answered;
use super::{mcp, page, reply};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The query of a search, for the log.
#[derive(Clone)]
pub(crate) struct Searched(pub(crate) String);

/// All routes. `ending` ends the sessions of agents.
pub(crate) fn router(app: &Arc<App>, ending: tokio_util::sync::CancellationToken) -> Router {
    Router::new()
        .route("/", get(page::page))
        .route("/v1/embeddings", post(embeddings::embeddings))
        .route("/v1/models", get(embeddings::models))
        .route("/v1/models/{*id}", get(embeddings::model))
        .route("/v1/search", get(search::by_address).post(search::by_body))
        .route("/v1/documents/{*id}", get(search::document))
        .route("/embed", post(tei::embed))
        .route("/similarity", post(tei::similarity))
        .route("/tokenize", post(tei::tokenize))
        .route("/info", get(tei::info))
        .route("/health", get(watch::health))
        .route("/ready", get(watch::ready))
        .route("/metrics", get(watch::metrics))
        .route("/openapi.json", get(openapi::document))
        .route("/mcp", any_service(mcp::over_http(app, ending)))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(Arc::clone(app), around))
        .with_state(Arc::clone(app))
}

async fn unknown() -> ApiError {
    ApiError::not_found("there is no such route").hint("/openapi.json lists the routes").code("route_not_found")
}

async fn wrong_method() -> ApiError {
    ApiError::refused(StatusCode::METHOD_NOT_ALLOWED, "this route has no such method")
        .hint("/openapi.json lists the routes")
}

/// What happens around every request.
async fn around(State(app): State<Arc<App>>, request: Request<Body>, next: Next) -> Response {
    let begun = Instant::now();
    let id = request_id(&request);
    let route = request.extensions().get::<MatchedPath>().map_or("unknown", |path| known(path.as_str()));
    let method = request.method().clone();
    let origin = request.headers().get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).map(String::from);
    let mut response = match app.guard.check(&request) {
        Ok(None) => next.run(request).await,
        Ok(Some(origin)) if method == Method::OPTIONS => preflight(&origin),
        Ok(Some(origin)) => {
            let mut response = next.run(request).await;
            allow(&mut response, &origin);
            response
        }
        Err(error) => {
            let scheme = if route == "/" { "Basic realm=\"semsearch\", charset=\"UTF-8\"" } else { "Bearer" };
            let mut response = error.into_response();
            if response.status() == StatusCode::UNAUTHORIZED {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
            }
            // A page that may use the server must be able to read why it was refused.
            if let Some(origin) = origin.filter(|origin| app.guard.may_ask(origin)) {
                allow(&mut response, &origin);
            }
            response
        }
    };
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let (status, took) = (response.status().as_u16(), begun.elapsed());
    app.metrics.answered(route, status, took);
    let query =
        response.extensions().get::<Searched>().filter(|_| app.options.log.queries).map(|query| query.0.clone());
    app.options.log.request(&Answered { id: &id, method: method.as_str(), route, status, took, query });
    response
}

/// The name of a route in the log and in the metrics. There are few of them, whatever is asked for.
fn known(path: &str) -> &'static str {
    const ROUTES: [&str; 16] = [
        "/",
        "/v1/embeddings",
        "/v1/models",
        "/v1/models/{*id}",
        "/v1/search",
        "/v1/documents/{*id}",
        "/embed",
        "/similarity",
        "/tokenize",
        "/info",
        "/health",
        "/ready",
        "/metrics",
        "/openapi.json",
        "/mcp",
        "unknown",
    ];
    ROUTES.into_iter().find(|route| *route == path).unwrap_or("unknown")
}

/// The request's id: the client's, if it is a plain word, else a new one.
fn request_id(request: &Request<Body>) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let given = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let is_word = |id: &&str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    given.filter(is_word).map_or_else(|| format!("{:08x}", NEXT.fetch_add(1, Ordering::Relaxed)), String::from)
}

/// What a browser asks before a page of another origin may use a route.
fn preflight(origin: &str) -> Response {
    let mut response = reply::of(StatusCode::NO_CONTENT, "text/plain", "");
    allow(&mut response, origin);
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
    let allowed = "authorization, content-type, mcp-protocol-version, mcp-session-id, mcp-method, mcp-name";
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(allowed));
    response
}

fn allow(response: &mut Response, origin: &str) {
    if let Ok(origin) = HeaderValue::from_str(origin) {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("Origin"));
    }
}

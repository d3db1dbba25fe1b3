//! The search page: one document, which the server writes. Without JavaScript it is a form; with it, results come while
//! one types, as the same HTML.

mod facets;
mod html;
mod view;

use std::sync::{Arc, OnceLock};

use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use semsearch_engine::QueryWords;
use sha2::{Digest, Sha256};

use super::app::App;
use super::documents::DocumentQuery;
use super::error::ApiError;
use super::search::{SearchBody, SearchMode, char_ranges};
use super::{body, reply};
pub(crate) use facets::Offered;
use view::{Asked, View};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// How many hits a page has.
const HITS: usize = 10;

/// The most characters of a document that are shown at once.
const PART: usize = 100_000;

/// `GET /`.
pub(crate) async fn page(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Response {
    let asked = Asked::of(&query.unwrap_or_default());
    let (status, view) = match shown(&app, &asked).await {
        Ok(view) => (StatusCode::OK, view),
        Err(error) => (error.status(), View::Error(error.told())),
    };
    let names = app.ready().map(|ready| ready.loaded.indexes.iter().map(|index| index.name.clone()).collect());
    let names: Vec<String> = names.unwrap_or_default();
    let html = if asked.part { view.results(&asked) } else { view.page(&asked, &names) };
    let mut response = reply::of(status, "text/html; charset=utf-8", html);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy());
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    response
}

/// What the page shows.
async fn shown(app: &App, asked: &Asked) -> Result<View, ApiError> {
    let ready = app.ready()?;
    let index = ready.index(asked.index())?;
    if !asked.id.is_empty() {
        let start = asked.start.saturating_sub(PART / 4);
        let part = DocumentQuery { index: asked.index().map(String::from), start, max_chars: Some(PART) };
        let document = app.document(asked.id.clone(), part).await?;
        let (snapshot, query) = (index.searcher.snapshot(), asked.q.clone());
        let marked = move || {
            let words = QueryWords::of(&query, |text| snapshot.split(text));
            let marks = char_ranges(&document.text, &words.places(&document.text));
            Ok(View::Document(document, marks))
        };
        return app.lane.run(marked).await;
    }
    let snapshot = index.searcher.snapshot();
    if asked.q.trim().is_empty() {
        return Ok(View::Start { documents: snapshot.facts().documents });
    }
    let (offered, name) = (Arc::clone(&app.offered), index.name.clone());
    let facets = app.lane.run(move || Ok(offered.of(&name, &*snapshot)?)).await?;
    let request = SearchBody {
        query: Some(asked.q.clone()),
        index: asked.index().map(String::from),
        k: HITS,
        offset: asked.offset,
        mode: asked.mode.unwrap_or(SearchMode::Hybrid),
        filter: Some(asked.filter.clone()),
        sentences: true,
        facets,
        ..SearchBody::default()
    };
    Ok(View::Hits(app.search(request).await?))
}

/// The policy that lets the page use its own style and script, and nothing else.
fn policy() -> HeaderValue {
    static POLICY: OnceLock<HeaderValue> = OnceLock::new();
    let digest = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text.as_bytes())));
    let policy = || {
        let (style, script) = (digest(STYLE), digest(SCRIPT));
        let policy = format!(
            "default-src 'none'; style-src {style}; script-src {script}; connect-src 'self'; form-action 'self'; \
             base-uri 'none'; frame-ancestors 'none'"
        );
        HeaderValue::from_str(&policy).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
    };
    POLICY.get_or_init(policy).clone()
}

/// The mode of this name.
fn mode(name: &str) -> Option<SearchMode> {
    body::from_value(name.into()).ok()
}

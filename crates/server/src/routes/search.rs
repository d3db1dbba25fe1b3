//! `/v1/search` and `/v1/documents`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{Request, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value};

use super::Searched;
use crate::app::App;
use crate::documents::DocumentQuery;
use crate::error::ApiError;
use crate::search::SearchBody;
use crate::{body, reply};

/// A search whose fields are in the address.
pub(super) async fn by_address(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Result<Response, ApiError> {
    answered(&app, of_address(&query.unwrap_or_default())?).await
}

/// A search whose fields are in the body.
pub(super) async fn by_body(State(app): State<Arc<App>>, request: Request<Body>) -> Result<Response, ApiError> {
    answered(&app, body::json(request, app.options.max_body).await?).await
}

async fn answered(app: &App, asked: SearchBody) -> Result<Response, ApiError> {
    let query = asked.query.clone().or_else(|| asked.queries.as_ref().map(|queries| queries.join("\n")));
    let mut response = reply::json(StatusCode::OK, &app.search(asked).await?);
    response.extensions_mut().insert(Searched(query.unwrap_or_default()));
    Ok(response)
}

/// A search from the fields of an address.
pub(crate) fn of_address(query: &str) -> Result<SearchBody, ApiError> {
    body::from_value(Value::Object(typed(body::query_fields(query))?))
}

/// A document, or a part of it.
pub(super) async fn document(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let wrong = |_| ApiError::invalid("the id in the address is not UTF-8, percent-encoded").param("id");
    let Path(id) = id.map_err(wrong)?;
    let fields = typed(body::query_fields(&query.unwrap_or_default()))?;
    let asked: DocumentQuery = body::from_value(Value::Object(fields))?;
    Ok(reply::json(StatusCode::OK, &app.document(id, asked).await?))
}

/// The fields of an address, with the types that they have in JSON. An empty field, which a form sends, is none.
fn typed(fields: Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
    let mut typed = Map::new();
    for (name, value) in fields {
        let value = match (name.as_str(), value) {
            ("facets" | "queries", Value::String(text)) => Value::Array(vec![text.into()]),
            (_, Value::String(text)) if text.is_empty() && name != "query" => continue,
            ("k" | "offset" | "start" | "max_chars", Value::String(text)) => whole(&name, &text)?,
            ("alpha" | "min_score", Value::String(text)) => number(&name, &text)?,
            ("chunks" | "explain" | "sentences", Value::String(text)) => boolean(&name, &text)?,
            (_, value) => value,
        };
        typed.insert(name, value);
    }
    Ok(typed)
}

fn whole(name: &str, text: &str) -> Result<Value, ApiError> {
    let wrong = |_| ApiError::invalid(format!("{name}: {text:?} is not a whole number")).param(name);
    text.parse::<u64>().map(Value::from).map_err(wrong)
}

fn number(name: &str, text: &str) -> Result<Value, ApiError> {
    let wrong = || ApiError::invalid(format!("{name}: {text:?} is not a number")).param(name);
    let number = text.parse::<f64>().ok().and_then(serde_json::Number::from_f64);
    number.map(Value::Number).ok_or_else(wrong)
}

fn boolean(name: &str, text: &str) -> Result<Value, ApiError> {
    match text {
        "true" | "1" => Ok(true.into()),
        "false" | "0" => Ok(false.into()),
        _ => Err(ApiError::invalid(format!("{name}: {text:?} is neither true nor false")).param(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_what_a_body_says() {
        let asked = of_address("query=a%20b&k=3&offset=&facets=year&alpha=.5&chunks=true&mode=hybrid").unwrap();
        assert_eq!((asked.query.as_deref(), asked.k, asked.alpha, asked.chunks), (Some("a b"), 3, Some(0.5), true));
        assert_eq!(asked.facets, ["year"]);
        for wrong in ["k=x", "k=-1", "alpha=nan", "chunks=maybe", "unknown=1", "mode=fuzzy", "k=1&k=2"] {
            assert!(of_address(&format!("query=a&{wrong}")).is_err(), "{wrong}");
        }
    }
}

//! Requests as bytes: bounded in size and time, and strict about what they hold.

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::ApiError;
use super::options::CLIENT_TIME;

/// The body of a request, of at most `most` bytes.
pub(crate) async fn bytes(request: Request<Body>, most: usize) -> Result<Bytes, ApiError> {
    let too_large = || {
        let message = format!("the body is larger than {most} bytes");
        ApiError::refused(StatusCode::PAYLOAD_TOO_LARGE, message)
            .hint("send fewer texts at once; `--max-body` sets the limit")
    };
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length > most as u64) {
        return Err(too_large());
    }
    let body = Limited::new(request.into_body(), most).collect();
    match tokio::time::timeout(CLIENT_TIME, body).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => Err(ApiError::invalid(format!("the body cannot be read: {error}"))),
        Err(_) => Err(ApiError::refused(StatusCode::REQUEST_TIMEOUT, "the body did not come in time")),
    }
}

/// The JSON of a request's body.
pub(crate) async fn json<T: DeserializeOwned>(request: Request<Body>, most: usize) -> Result<T, ApiError> {
    if !is_json(request.headers()) {
        let message = "the body must be JSON, and its `Content-Type` must say so";
        let error = ApiError::refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, message);
        return Err(error.hint("curl needs -H 'Content-Type: application/json'"));
    }
    parse(&bytes(request, most).await?)
}

/// Reads JSON. What is wrong is named with the field that it is in.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    if bytes.trim_ascii_start().first().is_some_and(|first| *first != b'{') {
        return Err(ApiError::invalid("the body must be a JSON object"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut reader).map_err(|error| wrong(&error))?;
    reader.end().map_err(|error| ApiError::invalid(format!("the body goes on after its JSON: {error}")))?;
    Ok(parsed)
}

/// The type of a request from its JSON, or from the fields of an address.
pub(crate) fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, ApiError> {
    serde_path_to_error::deserialize(value).map_err(|error| wrong(&error))
}

fn wrong(error: &serde_path_to_error::Error<serde_json::Error>) -> ApiError {
    let (path, inner) = (error.path().to_string(), error.inner());
    // `?` is somewhere in what could not be read.
    if path == "." || path.contains('?') {
        return ApiError::invalid(inner.to_string());
    }
    ApiError::invalid(format!("{path}: {inner}")).param(path)
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// The fields of an address as JSON: a field that is there twice is a list.
pub(crate) fn query_fields(query: &str) -> Map<String, Value> {
    let mut fields = Map::new();
    for (name, text) in form_urlencoded::parse(query.as_bytes()) {
        let value = Value::String(text.into_owned());
        match fields.get_mut(&*name) {
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
            None => {
                fields.insert(name.into_owned(), value);
            }
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wanted {
        k: usize,
    }

    #[test]
    fn what_is_wrong_is_named_and_where() {
        let message = |text: &str| parse::<Wanted>(text.as_bytes()).unwrap_err().told();
        assert_eq!(parse::<Wanted>(b" {\"k\": 3} ").unwrap().k, 3);
        assert!(message("[3]").contains("JSON object"));
        assert_eq!(message(r#"{"k": "x"}"#), r#"k: invalid type: string "x", expected usize at line 1 column 9"#);
        assert!(message(r#"{"k": 1, "kk": 2}"#).contains("unknown field `kk`"), "{}", message(r#"{"k": 1, "kk": 2}"#));
        assert!(message(r#"{"k": 1} {}"#).contains("goes on"));
        assert!(parse::<Wanted>(&"[".repeat(100_000).into_bytes()).is_err());
        assert!(parse::<Wanted>(b"{\"k\": 1, \"\xff\": 2}").is_err());
    }

    #[test]
    fn a_field_that_is_there_twice_is_a_list() {
        let fields = query_fields("a=1&b=x%20y&a=2&a=3&c");
        assert_eq!(Value::Object(fields), json!({"a": ["1", "2", "3"], "b": "x y", "c": ""}));
    }
}

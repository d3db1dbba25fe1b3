//! The one type of error that clients see, and the one place where the engine's errors become status codes.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use semsearch_engine::EngineError;
use semsearch_store::{ServerFailure, StoreError};
use serde::Serialize;

use super::reply;
use super::scheduler::{Refusal, with_causes};

/// An error, in the shape that OpenAI's clients read.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct ErrorBody {
    error: ErrorDetail,
}

/// An error that a client is told.
#[derive(Clone, Debug)]
pub(crate) struct ApiError(Box<ErrorDetail>);

/// What went wrong.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct ErrorDetail {
    /// What is wrong, and where.
    message: String,
    /// The kind: `invalid_request_error`, `authentication_error`, `permission_error`, `not_found_error`,
    /// `overloaded_error` or `server_error`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The field of the request that is wrong.
    param: Option<String>,
    /// A word for programs.
    code: Option<&'static str>,
    /// What to do next.
    hint: Option<String>,
    #[serde(skip)]
    status: StatusCode,
    #[serde(skip)]
    retry_after: Option<Duration>,
}

impl ApiError {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        let (param, code, hint, retry_after) = (None, None, None, None);
        Self(Box::new(ErrorDetail { message: message.into(), kind, param, code, hint, status, retry_after }))
    }

    /// The request is wrong.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", message)
    }

    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "authentication_error", message).code("invalid_api_key")
    }

    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "permission_error", message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found_error", message)
    }

    /// Any other status of a request that is wrong.
    pub(crate) fn refused(status: StatusCode, message: impl Into<String>) -> Self {
        Self::new(status, "invalid_request_error", message)
    }

    /// More work waits than anybody should wait for.
    pub(crate) fn busy(retry_after: Duration) -> Self {
        let message = "the server is busy: more work waits than `--max-wait` allows";
        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, "overloaded_error", message).code("overloaded");
        error.retry_after(retry_after)
    }

    /// The server starts or ends.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "server_error", message).retry_after(Duration::from_secs(1))
    }

    /// The server failed.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", message)
    }

    fn retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    pub(crate) fn param(mut self, param: impl Into<String>) -> Self {
        self.0.param = Some(param.into());
        self
    }

    pub(crate) fn code(mut self, code: &'static str) -> Self {
        self.0.code = Some(code);
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The field of the request that is wrong.
    #[cfg(test)]
    pub(crate) fn field(&self) -> Option<&str> {
        self.0.param.as_deref()
    }

    /// What a person would be told: the message, and what to do next.
    pub(crate) fn told(&self) -> String {
        match &self.0.hint {
            Some(hint) => format!("{}\nhint: {hint}", self.0.message),
            None => self.0.message.clone(),
        }
    }

    /// The answer that text-embeddings-inference would give: the message alone, with its own words for the kind.
    pub(crate) fn into_tei(self) -> Response {
        let kind = match self.0.status {
            StatusCode::TOO_MANY_REQUESTS => "Overloaded",
            StatusCode::SERVICE_UNAVAILABLE => "Unhealthy",
            status if status.is_server_error() => "Backend",
            _ => "Validation",
        };
        let body = serde_json::json!({"error": self.0.message, "error_type": kind});
        self.with_headers(reply::json(self.0.status, &body))
    }

    fn with_headers(&self, mut response: Response) -> Response {
        if let Some(after) = self.0.retry_after {
            let seconds = after.as_secs_f64().ceil().clamp(1.0, 3600.0) as u64;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let response = reply::json(self.0.status, &ErrorBody { error: (*self.0).clone() });
        self.with_headers(response)
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Busy(after) => Self::busy(after),
            Refusal::Failed(why) => Self::internal(why),
            Refusal::Closed => Self::unavailable("the server is ending"),
        }
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        let message = with_causes(&error);
        match error {
            EngineError::EmptyQuery => Self::invalid(message).param("query"),
            EngineError::Unsupported(_) | EngineError::Store(StoreError::Unsupported(_)) => Self::invalid(message),
            EngineError::Store(StoreError::NoWords { .. }) => {
                Self::invalid(message).hint("`semsearch index --rebuild` builds it again")
            }
            EngineError::Store(StoreError::NoIndex { .. }) => Self::unavailable(message),
            // It may answer again in a moment.
            EngineError::Store(StoreError::Server {
                failure: ServerFailure::Unreachable | ServerFailure::Slow | ServerFailure::Outdated,
                ..
            }) => Self::unavailable(message),
            _ => Self::internal(message),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        EngineError::from(error).into()
    }
}

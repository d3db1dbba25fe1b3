//! Vectors, as OpenAI's clients ask for them. Source: OpenAI's API reference, "Embeddings" and "Models".

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Request, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app::{App, Ready};
use crate::error::ApiError;
use crate::scheduler::{EmbeddedTexts, Priority};
use crate::{body, reply};

/// The most texts of a request.
pub(super) const MOST_TEXTS: usize = 2048;

/// Answers with more rows are written on a thread of their own.
const MANY_ROWS: usize = 32;

/// One text or several.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a string or a list of strings")]
pub(super) enum Input {
    One(String),
    Many(Vec<String>),
    Tokens(Vec<u64>),
    TokenLists(Vec<Vec<u64>>),
}

/// A request for vectors.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EmbeddingsBody {
    /// A text or up to 2,048 texts, none of them empty.
    input: Input,
    /// The name of the served model.
    model: String,
    /// How numbers are written.
    #[serde(default)]
    encoding_format: Option<EncodingFormat>,
    /// The number of components, which must be that of the served model.
    #[serde(default)]
    dimensions: Option<usize>,
    /// Not used; OpenAI's clients may send it.
    #[serde(default, rename = "user")]
    _user: Option<String>,
}

/// How numbers are written.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum EncodingFormat {
    /// A list of numbers.
    Float,
    /// The bytes of f32, little-endian, in base64.
    Base64,
}

#[derive(Serialize)]
struct EmbeddingsAnswer<'a> {
    object: &'static str,
    data: Vec<EmbeddingObject<'a>>,
    model: &'a str,
    usage: Usage,
    #[serde(skip_serializing_if = "is_zero")]
    tokens_dropped: usize,
}

#[derive(Serialize)]
struct EmbeddingObject<'a> {
    object: &'static str,
    index: usize,
    embedding: Numbers<'a>,
    /// How many tokens of the text were cut, because the model cannot read more.
    #[serde(skip_serializing_if = "is_zero")]
    tokens_dropped: usize,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Numbers<'a> {
    Float(&'a [f32]),
    Base64(String),
}

#[derive(Serialize)]
struct Usage {
    prompt_tokens: usize,
    total_tokens: usize,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// `POST /v1/embeddings`.
pub(super) async fn embeddings(State(app): State<Arc<App>>, request: Request<Body>) -> Result<Response, ApiError> {
    let asked: EmbeddingsBody = body::json(request, app.options.max_body).await?;
    let ready = app.ready()?;
    known_model(&app, ready, &asked.model)?;
    let dim = ready.loaded.embedder.dim();
    if let Some(dimensions) = asked.dimensions.filter(|&dimensions| dimensions != dim) {
        let message = format!("dimensions {dimensions}: this model makes vectors of {dim} components");
        return Err(ApiError::invalid(message)
            .param("dimensions")
            .hint("`semsearch index --truncate-dim N` builds an index of fewer"));
    }
    let texts = checked(asked.input, MOST_TEXTS)?;
    let rows = texts.len();
    let embedded = ready.scheduler.embed(Priority::Bulk, texts).await?;
    let (format, model) = (asked.encoding_format.unwrap_or(EncodingFormat::Float), ready.loaded.identity.id.clone());
    let write = move || written(&embedded, format, &model);
    if rows <= MANY_ROWS {
        return Ok(write());
    }
    let ran = tokio::task::spawn_blocking(write).await;
    ran.map_err(|error| ApiError::internal(format!("a defect of semsearch: {error}")))
}

fn written(embedded: &EmbeddedTexts, format: EncodingFormat, model: &str) -> Response {
    let numbers = |row: &'_ [f32]| match format {
        EncodingFormat::Float => None,
        EncodingFormat::Base64 => Some(STANDARD.encode(row.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())),
    };
    let data = embedded.vectors.iter().zip(&embedded.dropped).enumerate();
    let data = data.map(|(index, (row, &tokens_dropped))| EmbeddingObject {
        object: "embedding",
        index,
        embedding: numbers(row).map_or(Numbers::Float(row), Numbers::Base64),
        tokens_dropped,
    });
    let tokens_dropped = embedded.dropped.iter().sum();
    let usage = Usage { prompt_tokens: embedded.tokens, total_tokens: embedded.tokens };
    reply::json(
        StatusCode::OK,
        &EmbeddingsAnswer { object: "list", data: data.collect(), model, usage, tokens_dropped },
    )
}

/// The texts of an input. None may be empty.
pub(super) fn checked(input: Input, most: usize) -> Result<Vec<String>, ApiError> {
    let texts = match input {
        Input::One(text) => vec![text],
        Input::Many(texts) => texts,
        Input::Tokens(ids) if ids.is_empty() => Vec::new(),
        Input::Tokens(_) => return Err(token_ids(1)),
        Input::TokenLists(lists) => return Err(token_ids(lists.len())),
    };
    if texts.is_empty() || texts.len() > most {
        let message = format!("{} texts: from 1 to {most} are embedded together", texts.len());
        return Err(ApiError::invalid(message).param("input"));
    }
    match texts.iter().position(String::is_empty) {
        Some(empty) => Err(ApiError::invalid(format!("input[{empty}] is empty")).param("input")),
        None => Ok(texts),
    }
}

/// The refusal of so many texts that come as token ids.
fn token_ids(texts: usize) -> ApiError {
    let message = format!("the token ids of {texts} texts belong to another model's vocabulary: send the texts");
    let error = ApiError::invalid(message).param("input").code("token_ids");
    error.hint("LangChain sends texts with check_embedding_ctx_length=False")
}

/// Checks that a request names the served model.
fn known_model(app: &App, ready: &Ready, name: &str) -> Result<(), ApiError> {
    let names = names(app, ready);
    if names.iter().any(|known| known == name) {
        return Ok(());
    }
    let error = ApiError::not_found(format!("no model {name:?}: this server has {}", names.join(", ")));
    Err(error.param("model").code("model_not_found").hint("`--model-alias NAME` gives it another name"))
}

/// The names of the served model: its id, the last part of it, and its aliases.
fn names(app: &App, ready: &Ready) -> Vec<String> {
    let id = &ready.loaded.identity.id;
    let last = id.rsplit('/').next().filter(|last| *last != id).map(String::from);
    [id.clone()].into_iter().chain(last).chain(app.options.model_aliases.iter().cloned()).collect()
}

fn described(app: &App, name: &str) -> serde_json::Value {
    let started = std::time::SystemTime::now() - app.started.elapsed();
    let created = started.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    serde_json::json!({"id": name, "object": "model", "created": created, "owned_by": "semsearch"})
}

/// `GET /v1/models`.
pub(super) async fn models(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    let names = names(&app, app.ready()?);
    let data: Vec<_> = names.iter().map(|name| described(&app, name)).collect();
    Ok(reply::json(StatusCode::OK, &serde_json::json!({"object": "list", "data": data})))
}

/// `GET /v1/models/{id}`.
pub(super) async fn model(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<Response, ApiError> {
    known_model(&app, app.ready()?, &name)?;
    Ok(reply::json(StatusCode::OK, &described(&app, &name)))
}

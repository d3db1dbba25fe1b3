//! The routes of text-embeddings-inference, for its clients. Source: its OpenAPI document, version 1.9.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use schemars::JsonSchema;
use semsearch_kernels::Isa;
use serde::Deserialize;
use serde_json::{Value, json};

use super::embeddings::{Input, MOST_TEXTS, checked};
use crate::app::App;
use crate::error::ApiError;
use crate::scheduler::{EmbeddedTexts, Priority, with_causes};
use crate::{body, reply};

/// A request for vectors.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EmbedBody {
    /// A text or several.
    inputs: Input,
    /// Whether a text that is too long is cut. If it is false, such a text is an error.
    #[serde(default)]
    truncate: Option<bool>,
    /// The end at which a text is cut. Only the right one can be.
    #[serde(default)]
    truncation_direction: Option<Direction>,
    /// Whether vectors are scaled to length 1. It must be what the model does.
    #[serde(default)]
    normalize: Option<bool>,
    /// The name of a prompt before each text: `query` or `document`.
    #[serde(default)]
    prompt_name: Option<String>,
    /// The number of components, which must be that of the served model.
    #[serde(default)]
    dimensions: Option<usize>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
enum Direction {
    #[serde(alias = "left")]
    Left,
    #[serde(alias = "right")]
    Right,
}

/// A request for the similarity of a text to others.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SimilarityBody {
    inputs: SimilarityInput,
    #[serde(default)]
    parameters: Option<SimilarityParameters>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SimilarityInput {
    source_sentence: String,
    sentences: Vec<String>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SimilarityParameters {
    #[serde(default)]
    truncate: Option<bool>,
    #[serde(default)]
    truncation_direction: Option<Direction>,
    #[serde(default)]
    prompt_name: Option<String>,
}

/// A request for the tokens of texts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenizeBody {
    /// A text or several.
    inputs: Input,
    /// Whether special tokens are added.
    #[serde(default = "yes")]
    add_special_tokens: bool,
    /// The name of a prompt before each text: `query` or `document`.
    #[serde(default)]
    prompt_name: Option<String>,
}

fn yes() -> bool {
    true
}

/// `POST /embed`.
pub(super) async fn embed(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    embedded(&app, request).await.unwrap_or_else(ApiError::into_tei)
}

async fn embedded(app: &App, request: Request<Body>) -> Result<Response, ApiError> {
    let asked: EmbedBody = body::json(request, app.options.max_body).await?;
    let embedder = &app.ready()?.loaded.embedder;
    let (dim, normalized) = (embedder.dim(), embedder.normalized());
    if let Some(dimensions) = asked.dimensions.filter(|&dimensions| dimensions != dim) {
        return Err(ApiError::invalid(format!("dimensions {dimensions}: this model makes {dim} components")));
    }
    if asked.normalize.is_some_and(|normalize| normalize != normalized) {
        let does = if normalized { "scales vectors to length 1" } else { "does not scale vectors" };
        return Err(ApiError::invalid(format!("normalize: this server {does}")));
    }
    let texts = checked(asked.inputs, MOST_TEXTS)?;
    let vectors = vectors(app, texts, asked.truncate, asked.truncation_direction, asked.prompt_name.as_deref()).await?;
    let write = move || reply::json(StatusCode::OK, &vectors.iter().collect::<Vec<_>>());
    let ran = tokio::task::spawn_blocking(write).await;
    ran.map_err(|error| ApiError::internal(format!("a defect of semsearch: {error}")))
}

async fn vectors(
    app: &App,
    texts: Vec<String>,
    truncate: Option<bool>,
    direction: Option<Direction>,
    prompt: Option<&str>,
) -> Result<semsearch_encoder::encoder::Vectors, ApiError> {
    if direction == Some(Direction::Left) {
        return Err(ApiError::invalid("truncation_direction: texts are cut at their end, which is Right"));
    }
    let ready = app.ready()?;
    let texts = prompted(app, texts, prompt)?;
    let EmbeddedTexts { vectors, dropped, .. } = ready.scheduler.embed(Priority::Bulk, texts).await?;
    match dropped.iter().position(|&dropped| dropped > 0).filter(|_| truncate == Some(false)) {
        None => Ok(vectors),
        Some(text) => {
            let most = ready.loaded.embedder.tokenizer().max_length();
            let message = format!("inputs[{text}] has {} tokens, and the model reads {most}", most + dropped[text]);
            Err(ApiError::refused(StatusCode::PAYLOAD_TOO_LARGE, message))
        }
    }
}

/// Texts with the prompt of this name before each of them.
fn prompted(app: &App, texts: Vec<String>, name: Option<&str>) -> Result<Vec<String>, ApiError> {
    let Some(name) = name else { return Ok(texts) };
    let snapshot = app.ready()?.index(None)?.searcher.snapshot();
    let prompts = &snapshot.facts().config.prompts;
    let prompt = match name {
        "query" => &prompts.query,
        "document" | "passage" => &prompts.document,
        _ => return Err(ApiError::invalid(format!("no prompt {name:?}: there is query and document"))),
    };
    Ok(texts.into_iter().map(|text| format!("{prompt}{text}")).collect())
}

/// `POST /similarity`: the cosine of a text with each of the others.
pub(super) async fn similarity(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    similarities(&app, request).await.unwrap_or_else(ApiError::into_tei)
}

async fn similarities(app: &App, request: Request<Body>) -> Result<Response, ApiError> {
    let SimilarityBody { inputs, parameters } = body::json(request, app.options.max_body).await?;
    let texts = [inputs.source_sentence].into_iter().chain(inputs.sentences).collect();
    let texts = checked(Input::Many(texts), MOST_TEXTS + 1)?;
    let (truncate, direction, prompt) =
        parameters.map_or((None, None, None), |asked| (asked.truncate, asked.truncation_direction, asked.prompt_name));
    let vectors = vectors(app, texts, truncate, direction, prompt.as_deref()).await?;
    let isa = Isa::best();
    let length = |row: &[f32]| isa.inner_product(row, row).sqrt().max(f32::MIN_POSITIVE);
    let source = vectors.row(0);
    let cosine = |row: &[f32]| isa.inner_product(source, row) / (length(source) * length(row));
    Ok(reply::json(StatusCode::OK, &vectors.iter().skip(1).map(cosine).collect::<Vec<f32>>()))
}

/// `POST /tokenize`.
pub(super) async fn tokenize(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    tokenized(&app, request).await.unwrap_or_else(ApiError::into_tei)
}

async fn tokenized(app: &App, request: Request<Body>) -> Result<Response, ApiError> {
    let asked: TokenizeBody = body::json(request, app.options.max_body).await?;
    let texts = prompted(app, checked(asked.inputs, MOST_TEXTS)?, asked.prompt_name.as_deref())?;
    let embedder = Arc::clone(&app.ready()?.loaded.embedder);
    let special = asked.add_special_tokens;
    let split = move || -> Result<Response, ApiError> {
        let tokens = |text: &String| -> Result<Value, ApiError> {
            let tokens = embedder.tokenizer().places(text, special);
            let tokens = tokens.map_err(|error| ApiError::internal(with_causes(&error)))?;
            let object = |token: semsearch_encoder::model::TokenPlace| {
                let (start, stop) = token.chars.map_or((None, None), |chars| (Some(chars.start), Some(chars.end)));
                json!({"id": token.id, "text": token.text, "special": token.special, "start": start, "stop": stop})
            };
            Ok(tokens.into_iter().map(object).collect())
        };
        Ok(reply::json(StatusCode::OK, &texts.iter().map(tokens).collect::<Result<Vec<_>, _>>()?))
    };
    app.lane.run(split).await
}

/// `GET /info`.
pub(super) async fn info(State(app): State<Arc<App>>) -> Response {
    informed(&app).unwrap_or_else(ApiError::into_tei)
}

fn informed(app: &App) -> Result<Response, ApiError> {
    let ready = app.ready()?;
    let (embedder, identity) = (&ready.loaded.embedder, &ready.loaded.identity);
    let information = json!({
        "model_id": identity.id,
        "model_sha": identity.revision,
        "model_dtype": embedder.precision().to_string(),
        "model_type": {"embedding": {"pooling": embedder.pooling().to_string()}},
        "max_concurrent_requests": app.options.max_connections,
        "max_input_length": embedder.tokenizer().max_length(),
        "max_batch_tokens": ready.scheduler.quantum(),
        "max_batch_requests": Value::Null,
        "max_client_batch_size": MOST_TEXTS,
        "auto_truncate": true,
        "tokenization_workers": app.options.threads,
        "version": env!("CARGO_PKG_VERSION"),
        "sha": Value::Null,
        "docker_label": Value::Null,
    });
    Ok(reply::json(StatusCode::OK, &information))
}

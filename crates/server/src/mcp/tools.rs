//! The tools: what goes in and what comes out. Inputs are plain values with defaults, because some clients cannot fill
//! a field that may be null.

use std::sync::{Arc, OnceLock};

use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::describe::{DescribeAnswer, DescribeInput};
use crate::app::App;
use crate::body;
use crate::documents::{DocumentAnswer, DocumentQuery};
use crate::error::ApiError;
use crate::search::{CharRange, HitObject, SearchBody, SearchMode};

/// The most characters of an answer: some 6,000 tokens.
const MOST_CHARS: usize = 22_000;

/// The most characters of a snippet.
const SNIPPET: usize = 700;

/// The most hits of a search.
const MOST_HITS: usize = 50;

/// The most characters of a part of a document.
const MOST_PART: usize = 20_000;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SearchInput {
    /// What is searched for: a question or some words.
    query: String,
    /// How many results there are at most.
    #[serde(default = "eight")]
    #[schemars(range(min = 1, max = 50))]
    k: usize,
    /// How many of the best results are left out, for the next page.
    #[serde(default)]
    #[schemars(range(max = 950))]
    offset: usize,
    /// How documents are compared: by meaning (dense), by words (lexical), or by both (hybrid).
    #[serde(default = "hybrid")]
    mode: SearchMode,
    /// Only documents whose fields match, as in `year >= 2000 and lang = en`; empty for all.
    #[serde(default)]
    filter: String,
}

fn eight() -> usize {
    8
}

fn hybrid() -> SearchMode {
    SearchMode::Hybrid
}

#[derive(Serialize, JsonSchema)]
struct SearchOutput {
    /// The best first.
    results: Vec<Found>,
    /// Whether there are more: ask again with a larger `offset`.
    more: bool,
    /// The commit that was searched.
    commit: String,
}

#[derive(Serialize, JsonSchema)]
struct Found {
    /// The document's id, for `fetch`.
    id: String,
    title: String,
    /// Where the document is; empty if nobody knows.
    url: String,
    score: f32,
    /// The part of the document that answers best.
    snippet: String,
    /// The place of the snippet in the document, in characters.
    start: usize,
    end: usize,
    /// The line of the file at which the passage begins; 0 if there is no file.
    line: u64,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FetchInput {
    /// The document's id, as `search` gives it.
    id: String,
    /// The first character, from 0.
    #[serde(default)]
    start: usize,
    /// The most characters.
    #[serde(default = "part")]
    #[schemars(range(min = 1, max = 20000))]
    max_chars: usize,
}

fn part() -> usize {
    MOST_PART
}

#[derive(Serialize, JsonSchema)]
struct FetchOutput {
    id: String,
    title: String,
    text: String,
    url: String,
    metadata: Map<String, Value>,
    /// The place of the text in the document, in characters.
    start: usize,
    end: usize,
    total_chars: usize,
    /// Where the next part begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_start: Option<usize>,
}

/// All tools.
pub(super) fn all() -> Vec<Tool> {
    static ALL: OnceLock<Vec<Tool>> = OnceLock::new();
    let all = || {
        vec![
            tool::<SearchInput, SearchOutput>("search", "Search", "Finds the documents that answer a question best."),
            tool::<FetchInput, FetchOutput>("fetch", "Read a document", "Reads a document, or a part of a long one."),
            tool::<DescribeInput, DescribeAnswer>(
                "describe",
                "Describe the index",
                "Tells what the index holds: how many documents, by which model, and by which fields a search can be filtered.",
            ),
        ]
    };
    ALL.get_or_init(all).clone()
}

fn tool<I: JsonSchema, O: JsonSchema>(name: &'static str, title: &str, description: &'static str) -> Tool {
    let annotations = ToolAnnotations::with_title(title).read_only(true).idempotent(true).open_world(false);
    Tool::new(name, description, schema::<I>())
        .with_title(title)
        .with_raw_output_schema(schema::<O>())
        .with_annotations(annotations)
}

/// The schema of a type, without references: some clients do not follow them.
fn schema<T: JsonSchema>() -> Arc<JsonObject> {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    drop_formats(&mut schema);
    if let Some(fields) = schema.as_object_mut() {
        fields.remove("title");
        fields.remove("$schema");
        // A tool without inputs has an empty list of them.
        fields.entry("properties").or_insert_with(|| Value::Object(Map::new()));
    }
    Arc::new(schema.as_object().cloned().unwrap_or_default())
}

/// Takes away Rust's names of number types, of which clients warn.
fn drop_formats(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.retain(|name, value| name != "format" || !value.is_string());
            fields.values_mut().for_each(drop_formats);
        }
        Value::Array(parts) => parts.iter_mut().for_each(drop_formats),
        _ => {}
    }
}

/// Calls a tool; `None` if there is none of this name.
pub(super) async fn call(app: &App, name: &str, arguments: JsonObject) -> Option<Result<Value, ApiError>> {
    Some(match name {
        "search" => search(app, arguments).await,
        "fetch" => fetch(app, arguments).await,
        "describe" => match body::from_value::<DescribeInput>(Value::Object(arguments)) {
            Ok(_) => super::describe::describe(app).await,
            Err(error) => Err(error),
        },
        _ => return None,
    })
}

fn written(answer: &impl Serialize) -> Result<Value, ApiError> {
    serde_json::to_value(answer).map_err(|error| ApiError::internal(error.to_string()))
}

async fn search(app: &App, arguments: JsonObject) -> Result<Value, ApiError> {
    let asked: SearchInput = body::from_value(Value::Object(arguments))?;
    if !(1..=MOST_HITS).contains(&asked.k) {
        return Err(ApiError::invalid(format!("k {}: from 1 to {MOST_HITS} results can be asked for", asked.k)));
    }
    let request = SearchBody {
        query: Some(asked.query),
        k: asked.k,
        offset: asked.offset,
        mode: asked.mode,
        filter: Some(asked.filter),
        sentences: true,
        ..SearchBody::default()
    };
    let answer = app.search(request).await?;
    let (mut results, mut more, mut chars) = (Vec::new(), answer.more, 0);
    for hit in &answer.hits {
        let found = found(hit);
        chars += written(&found)?.to_string().chars().count();
        if chars > MOST_CHARS && !results.is_empty() {
            more = true;
            break;
        }
        results.push(found);
    }
    written(&SearchOutput { results, more, commit: answer.commit })
}

async fn fetch(app: &App, arguments: JsonObject) -> Result<Value, ApiError> {
    let asked: FetchInput = body::from_value(Value::Object(arguments))?;
    if !(1..=MOST_PART).contains(&asked.max_chars) {
        let message = format!("max_chars {}: from 1 to {MOST_PART} characters can be read at once", asked.max_chars);
        return Err(ApiError::invalid(message));
    }
    let part = DocumentQuery { index: None, start: asked.start, max_chars: Some(asked.max_chars) };
    let DocumentAnswer { id, title, text, metadata, source, start, end, total_chars, next_start, .. } =
        app.document(asked.id, part).await?;
    let url = url(&metadata, source.map(|place| place.path).as_deref());
    let title = title.unwrap_or_else(|| id.clone());
    written(&FetchOutput { id, title, text, url, metadata, start, end, total_chars, next_start })
}

fn found(hit: &HitObject) -> Found {
    let shown = snippet(&hit.text, hit.sentence);
    let before = hit.chunk.map_or(0, |chunk| chunk.start);
    Found {
        id: hit.id.clone(),
        title: hit.title.clone().unwrap_or_else(|| hit.id.clone()),
        url: url(&hit.metadata, hit.source.as_ref().map(|place| place.path.as_str())),
        score: hit.score,
        snippet: hit.text.chars().skip(shown.start).take(shown.end - shown.start).collect(),
        start: before + shown.start,
        end: before + shown.end,
        line: hit.source.as_ref().map_or(0, |place| place.line),
    }
}

/// The part of a text that is shown: around its sentence, if the text is long.
fn snippet(text: &str, sentence: Option<CharRange>) -> CharRange {
    let length = text.chars().count();
    let sentence = sentence.unwrap_or(CharRange { start: 0, end: 0 });
    let room = SNIPPET.saturating_sub(sentence.end - sentence.start);
    let start = sentence.start.saturating_sub(room / 3).min(length.saturating_sub(SNIPPET));
    CharRange { start, end: (start + SNIPPET).min(length) }
}

/// Where a document is: the address that it names, or its file.
fn url(metadata: &Map<String, Value>, path: Option<&str>) -> String {
    let named = metadata.get("url").and_then(Value::as_str);
    let of_file = || path.filter(|path| path.starts_with('/')).map(file_url);
    named.map(String::from).or_else(of_file).unwrap_or_default()
}

fn file_url(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    let byte = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    format!("file://{}", path.bytes().map(byte).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_plain_values_with_defaults() {
        for tool in all() {
            let schema = Value::Object((*tool.input_schema).clone());
            assert_eq!(schema["type"], "object", "{schema}");
            assert_eq!(schema["additionalProperties"], false, "{schema}");
            for (name, field) in schema["properties"].as_object().unwrap() {
                let kind = field["type"].as_str().unwrap_or_else(|| panic!("{name}: {field}"));
                assert!(["string", "integer"].contains(&kind), "{name}: {field}");
                let is_needed =
                    schema["required"].as_array().is_some_and(|names| names.contains(&name.as_str().into()));
                assert!(is_needed || field.get("default").is_some(), "{name}: {field}");
            }
            assert_eq!(tool.annotations.unwrap().read_only_hint, Some(true));
        }
    }

    #[test]
    fn a_snippet_holds_the_sentence_and_is_bounded() {
        let text = "é".repeat(5000);
        assert_eq!(snippet(&text, Some(CharRange { start: 3000, end: 3100 })), CharRange { start: 2800, end: 3500 });
        assert_eq!(snippet(&text, Some(CharRange { start: 4990, end: 5000 })), CharRange { start: 4300, end: 5000 });
        assert_eq!(snippet("short", None), CharRange { start: 0, end: 5 });
        assert_eq!(file_url("/a b/é.md"), "file:///a%20b/%C3%A9.md");
    }
}

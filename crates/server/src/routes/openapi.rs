//! `/openapi.json`: the routes as a document, made from the types that parse the requests.

use axum::http::StatusCode;
use axum::response::Response;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::embeddings::EmbeddingsBody;
use super::tei::{EmbedBody, SimilarityBody, TokenizeBody};
use crate::documents::{DocumentAnswer, DocumentQuery};
use crate::error::ErrorBody;
use crate::reply;
use crate::search::{SearchAnswer, SearchBody};

/// `GET /openapi.json`.
pub(super) async fn document() -> Response {
    reply::json(StatusCode::OK, &openapi())
}

fn openapi() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut schemas = settings.into_generator();
    let any = json!({});
    let paths = json!({
        "/v1/search": {
            "get": search(&mut schemas, fields::<SearchBody>(&mut schemas_of())),
            "post": operation(&mut schemas, "Search an index", "search", body_of::<SearchBody>, Some(named::<SearchAnswer>)),
        },
        "/v1/documents/{id}": {"get": document_operation(&mut schemas)},
        "/v1/embeddings": {
            "post": operation(&mut schemas, "Embed texts", "embeddings", body_of::<EmbeddingsBody>, None),
        },
        "/v1/models": {"get": plain("The served model", "models", &any)},
        "/embed": {"post": operation(&mut schemas, "Embed texts, as text-embeddings-inference does", "embed", body_of::<EmbedBody>, None)},
        "/similarity": {"post": operation(&mut schemas, "Cosines of a text with others", "similarity", body_of::<SimilarityBody>, None)},
        "/tokenize": {"post": operation(&mut schemas, "Tokens of texts", "tokenize", body_of::<TokenizeBody>, None)},
        "/info": {"get": plain("The served model, as text-embeddings-inference tells it", "info", &any)},
        "/health": {"get": plain("Whether the process is alive", "health", &any)},
        "/ready": {"get": plain("Whether the model is loaded", "ready", &any)},
    });
    let _ = named::<ErrorBody>(&mut schemas);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "semsearch",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Semantic search over an index, and vectors of texts.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas.take_definitions(true),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"key": []}],
    })
}

fn schemas_of() -> SchemaGenerator {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    settings.into_generator()
}

/// The place of a type's schema in the document.
fn named<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Value {
    schemas.subschema_for::<T>().to_value()
}

fn body_of<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Value {
    json!({"required": true, "content": {"application/json": {"schema": named::<T>(schemas)}}})
}

/// The fields of a type as fields of an address. What is a list there may be named several times.
fn fields<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Vec<Value> {
    let schema = schemas.root_schema_for::<T>().to_value();
    let none = Map::new();
    let fields = schema["properties"].as_object().unwrap_or(&none);
    fields
        .iter()
        .map(|(name, schema)| {
            let mut schema = schema.clone();
            // An address has no null: a field is there or not.
            if let Some(Value::Array(types)) = schema.get_mut("type") {
                types.retain(|kind| kind != "null");
                let first = types.first().cloned();
                if let (1, Some(first)) = (types.len(), first) {
                    schema["type"] = first;
                }
            }
            json!({"name": name, "in": "query", "schema": schema})
        })
        .collect()
}

fn search(schemas: &mut SchemaGenerator, parameters: Vec<Value>) -> Value {
    json!({
        "summary": "Search an index",
        "operationId": "search_by_address",
        "parameters": parameters,
        "responses": responses(named::<SearchAnswer>(schemas)),
    })
}

fn document_operation(schemas: &mut SchemaGenerator) -> Value {
    let mut parameters =
        vec![json!({"name": "id", "in": "path", "required": true, "schema": {"type": "string", "minLength": 1}})];
    parameters.extend(fields::<DocumentQuery>(&mut schemas_of()));
    json!({
        "summary": "A document, or a part of it",
        "operationId": "document",
        "parameters": parameters,
        "responses": responses(named::<DocumentAnswer>(schemas)),
    })
}

fn operation(
    schemas: &mut SchemaGenerator,
    summary: &str,
    id: &str,
    body: fn(&mut SchemaGenerator) -> Value,
    answer: Option<fn(&mut SchemaGenerator) -> Value>,
) -> Value {
    let answer = answer.map_or_else(|| json!({}), |answer| answer(schemas));
    json!({"summary": summary, "operationId": id, "requestBody": body(schemas), "responses": responses(answer)})
}

fn plain(summary: &str, id: &str, answer: &Value) -> Value {
    json!({"summary": summary, "operationId": id, "responses": responses(answer.clone())})
}

fn responses(answer: Value) -> Value {
    let error = |description: &str| {
        let schema = json!({"anyOf": [{"$ref": "#/components/schemas/ErrorBody"}, {"type": "object"}]});
        json!({"description": description, "content": {"application/json": {"schema": schema}}})
    };
    json!({
        "200": {"description": "The answer", "content": {"application/json": {"schema": answer}}},
        "400": error("The request is wrong"),
        "401": error("The key is missing or not known"),
        "403": error("The `Host` or the `Origin` is not allowed"),
        "404": error("There is no such thing"),
        "408": error("The body did not come in time"),
        "413": error("The body is too large"),
        "415": error("The body is not JSON"),
        "429": error("Too much work waits"),
        "503": error("The server starts or ends"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_to_a_schema() {
        let document = openapi();
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let place = reference.split('"').next().unwrap();
            assert!(document.pointer(place).is_some(), "{place}");
        }
        assert!(document.pointer("/components/schemas/SearchBody/properties/query").is_some());
        let parameters = document.pointer("/paths/~1v1~1search/get/parameters").unwrap().as_array().unwrap();
        assert!(parameters.iter().any(|one| one["name"] == "facets"));
    }
}

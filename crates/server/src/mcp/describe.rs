//! What an index holds, for an agent that wants to filter.

use schemars::JsonSchema;
use semsearch_store::Snapshot;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::app::App;
use crate::error::ApiError;

/// The most fields that are described, and the most examples of each.
const FIELDS: usize = 40;
const EXAMPLES: usize = 5;

/// The most characters of an example.
const LONGEST: usize = 80;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DescribeInput {}

#[derive(Serialize, JsonSchema)]
pub(super) struct DescribeAnswer {
    /// How many documents there are.
    documents: u64,
    /// The passages that they are cut into.
    passages: u64,
    /// The model that the index was built with.
    model: String,
    /// The commit that is described.
    commit: String,
    /// The ways in which it can be searched.
    modes: Vec<&'static str>,
    /// The fields by which a search can be filtered.
    fields: Vec<Field>,
}

#[derive(Serialize, JsonSchema)]
struct Field {
    name: String,
    /// The kinds of its values: string, number or boolean.
    kinds: Vec<&'static str>,
    /// Frequent values.
    examples: Vec<Value>,
}

pub(super) async fn describe(app: &App) -> Result<Value, ApiError> {
    let snapshot = app.ready()?.index(None)?.searcher.snapshot();
    app.lane.run(move || described(&*snapshot)).await
}

fn described(snapshot: &dyn Snapshot) -> Result<Value, ApiError> {
    let facts = snapshot.facts();
    let has_words = facts.config.language.is_some();
    let names = if has_words { snapshot.fields(FIELDS)? } else { Vec::new() };
    let fields = names.into_iter().map(|name| field(snapshot, name)).collect::<Result<_, ApiError>>()?;
    let answer = DescribeAnswer {
        documents: facts.documents,
        passages: facts.passages,
        model: facts.config.model.id.clone(),
        commit: facts.commit.clone(),
        modes: if has_words { vec!["dense", "lexical", "hybrid"] } else { vec!["dense"] },
        fields,
    };
    serde_json::to_value(&answer).map_err(|error| ApiError::internal(error.to_string()))
}

fn field(snapshot: &dyn Snapshot, name: String) -> Result<Field, ApiError> {
    let values = snapshot.values(&name, None, EXAMPLES)?;
    let (mut kinds, mut examples) = (Vec::new(), Vec::new());
    for value in values {
        let kind = match &value.value {
            Value::String(_) => "string",
            Value::Number(_) => "number",
            Value::Bool(_) => "boolean",
            _ => continue,
        };
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
        examples.push(match value.value {
            Value::String(text) => text.chars().take(LONGEST).collect::<String>().into(),
            value => value,
        });
    }
    Ok(Field { name, kinds, examples })
}

//! Whole documents, or a part of one.

use schemars::JsonSchema;
use semsearch_engine::{WholeDocument, whole_document};
use semsearch_store::Snapshot;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::app::App;
use super::error::ApiError;
use super::search::Place;

/// Which part of a document is wanted.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DocumentQuery {
    /// The name of the index; without it the first.
    pub(crate) index: Option<String>,
    /// The first character, from 0.
    pub(crate) start: usize,
    /// The most characters; without it all.
    pub(crate) max_chars: Option<usize>,
}

/// A document, or a part of one.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct DocumentAnswer {
    pub(crate) id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<String>,
    pub(crate) text: String,
    pub(crate) metadata: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<Place>,
    /// The part of the document that `text` is, in characters.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The characters of the whole document.
    pub(crate) total_chars: usize,
    /// Where the next part begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_start: Option<usize>,
    /// The commit that was read.
    pub(crate) commit: String,
}

impl App {
    /// The document with this id.
    ///
    /// # Errors
    /// There is no such document, the server is not ready, or the index is damaged.
    pub(crate) async fn document(&self, id: String, asked: DocumentQuery) -> Result<DocumentAnswer, ApiError> {
        if asked.max_chars == Some(0) {
            return Err(ApiError::invalid("max_chars is 0: at least one character can be read").param("max_chars"));
        }
        let snapshot = self.ready()?.index(asked.index.as_deref())?.searcher.snapshot();
        self.lane.run(move || part(&*snapshot, &id, &asked)).await
    }
}

fn part(snapshot: &dyn Snapshot, id: &str, asked: &DocumentQuery) -> Result<DocumentAnswer, ApiError> {
    let Some(document) = whole_document(snapshot, id)? else {
        return Err(ApiError::not_found(format!("no document {id:?}")).param("id").code("document_not_found"));
    };
    let WholeDocument { id, title, text, metadata, source, .. } = document;
    let total_chars = text.chars().count();
    let start = asked.start.min(total_chars);
    let end = start.saturating_add(asked.max_chars.unwrap_or(total_chars)).min(total_chars);
    Ok(DocumentAnswer {
        id,
        title,
        text: text.chars().skip(start).take(end - start).collect(),
        metadata,
        source: source.map(|source| Place { path: source.path, line: source.line.unwrap_or(1) }),
        start,
        end,
        total_chars,
        next_start: (end < total_chars).then_some(end),
        commit: snapshot.facts().commit.clone(),
    })
}

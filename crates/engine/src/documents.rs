//! Whole documents, put together from their passages.

use std::collections::HashMap;

use semsearch_filter::Filter;
use semsearch_store::{Snapshot, Source, StoreError, StoredPassage};
use serde_json::{Map, Value};

use super::EngineError;
use super::cutter::OF_PIECES;

/// How many passages are read at a time.
const AT_ONCE: usize = 1024;

/// A document as it was indexed.
#[derive(Clone, Debug, PartialEq)]
pub struct WholeDocument {
    /// The id.
    pub id: String,
    /// The title, if it has one.
    pub title: Option<String>,
    /// The whole text.
    pub text: String,
    /// All other fields of its record.
    pub metadata: Map<String, Value>,
    /// Where it begins, if the index recorded it.
    pub source: Option<Source>,
    /// How many passages it was cut into.
    pub passages: usize,
}

/// A document in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedDocument {
    /// The id.
    pub id: String,
    /// How many passages it has.
    pub passages: usize,
    /// Where it begins, if the index recorded it.
    pub source: Option<Source>,
}

/// The document with this id; `None` if the index has none.
///
/// # Errors
/// The index is damaged.
pub fn whole_document(snapshot: &dyn Snapshot, id: &str) -> Result<Option<WholeDocument>, EngineError> {
    let passages = snapshot.passages(&snapshot.find(id)?)?;
    let count = passages.len();
    let mut passages = passages.into_iter();
    let Some(first) = passages.next() else { return Ok(None) };
    let mut end = first.chunk.map_or(0, |chunk| chunk.end);
    let StoredPassage { id, title, mut text, mut metadata, source, chunk } = first;
    for StoredPassage { text: next, chunk: place, .. } in passages {
        let Some(place) = place else { continue };
        // A chunk may repeat the end of the one before it.
        text.extend(next.chars().skip(end.saturating_sub(place.start)));
        end = end.max(place.end);
    }
    if chunk.is_some() && metadata.get("path").and_then(Value::as_str) == Some(id.as_str()) {
        metadata.retain(|name, _| !OF_PIECES.contains(&name.as_str()));
    }
    Ok(Some(WholeDocument { id, title, text, metadata, source, passages: count }))
}

/// Calls `each` with every document that has a passage which `filter` lets pass, in the order in which they were indexed.
///
/// # Errors
/// The index cannot be filtered or is damaged, or `each` fails.
pub fn list_documents<E: From<EngineError>>(
    snapshot: &dyn Snapshot,
    filter: Option<&Filter>,
    mut each: impl FnMut(ListedDocument) -> Result<(), E>,
) -> Result<(), E> {
    let of_documents = |filter| -> Result<Vec<u64>, StoreError> { snapshot.documents(&snapshot.keys(filter)?) };
    let mut firsts = of_documents(filter).map_err(EngineError::from)?;
    // All passages of a listed document count, not only those that the filter lets pass.
    let mut counts: HashMap<u64, usize> = HashMap::new();
    of_documents(None).map_err(EngineError::from)?.iter().for_each(|&first| *counts.entry(first).or_default() += 1);
    firsts.sort_unstable();
    firsts.dedup();
    for firsts in firsts.chunks(AT_ONCE) {
        for (first, passage) in firsts.iter().zip(snapshot.passages(firsts).map_err(EngineError::from)?) {
            each(ListedDocument { id: passage.id, passages: counts[first], source: passage.source })?;
        }
    }
    Ok(())
}

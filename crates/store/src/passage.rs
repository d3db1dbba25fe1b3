//! Passages: what gets a vector of its own, all of a document or a chunk of it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Where a chunk stands in its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkPlace {
    /// The chunk's number in its document; 0 for the first.
    pub index: usize,
    /// The first character, counted in characters of the document from 0.
    pub start: usize,
    /// The character after the last one.
    pub end: usize,
}

/// How large the chunks of a document are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkSize {
    /// The most tokens of a chunk.
    pub tokens: usize,
    /// The most tokens that a chunk shares with the one before it.
    pub overlap: usize,
}

/// A passage on its way into an index.
#[derive(Clone, Copy, Debug)]
pub struct NewPassage<'a> {
    /// The text that hits show.
    pub text: &'a str,
    /// Where the passage stands, if its document is cut.
    pub chunk: Option<ChunkPlace>,
    /// What hits bring back, and filters look at.
    pub metadata: &'a Map<String, Value>,
    /// The text that the model was given; `None` if the vector came from elsewhere.
    pub embedded: Option<&'a str>,
    /// The vector.
    pub vector: &'a [f32],
}

/// A passage as an index keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredPassage {
    /// The document's id.
    pub id: String,
    /// The document's title, where it has one.
    pub title: Option<String>,
    /// The passage's text.
    pub text: String,
    /// Everything else of the document's record.
    pub metadata: Map<String, Value>,
    /// Where the passage stands in its document, where that was cut.
    pub chunk: Option<ChunkPlace>,
}

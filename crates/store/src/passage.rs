//! Passages: the texts that get a vector, each of them a document or a chunk of one.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ContentDigest, Version};

/// The place of a chunk in its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkPlace {
    /// The chunk's number in its document, from 0.
    pub index: usize,
    /// The position of the first character, counted in characters of the document from 0.
    pub start: usize,
    /// The position after the last character.
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

/// A passage that is about to be put into an index.
#[derive(Clone, Copy, Debug)]
pub struct NewPassage<'a> {
    /// The text that hits show.
    pub text: &'a str,
    /// The place of the passage, if its document is cut.
    pub chunk: Option<ChunkPlace>,
    /// The metadata, which hits show and filters test.
    pub metadata: &'a Map<String, Value>,
    /// The text that the model was given; `None` if the vector came from elsewhere.
    pub embedded: Option<&'a str>,
    /// The same text without the name of the file, if that is part of it ([`StoreWriter::renamed_vector`]).
    ///
    /// [`StoreWriter::renamed_vector`]: super::StoreWriter::renamed_vector
    pub nameless: Option<&'a str>,
    /// The passage's vector.
    pub vector: &'a [f32],
    /// Words by which the passage is found beside its text and title, such as the headings above it.
    pub about: &'a str,
    /// The line of the document's file at which the passage begins, from 1; `None` if the file has no lines.
    pub line: Option<u64>,
}

/// A passage as an index stores it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredPassage {
    /// The document's id.
    pub id: String,
    /// The document's title, if it has one.
    pub title: Option<String>,
    /// The passage's text.
    pub text: String,
    /// All other fields of the document's record.
    pub metadata: Map<String, Value>,
    /// The place of the passage in its document, if that was cut.
    pub chunk: Option<ChunkPlace>,
    /// The place where the passage begins; `None` if the index did not record it.
    pub source: Option<Source>,
}

/// The place where a passage begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The absolute path of a file, or the name of another input, such as `<stdin>`.
    pub path: String,
    /// The line, from 1; `None` if the file has no lines.
    pub line: Option<u64>,
}

/// A passage with everything that an index keeps of it, so that another index can hold the same passage: nothing is
/// embedded again, and no text is split into words again.
#[derive(Clone, Debug, PartialEq)]
pub struct CopiedPassage {
    /// The passage's key. Keys ascend in the order in which passages were indexed.
    pub key: u64,
    /// The key of the first passage of its document.
    pub first: u64,
    /// The document's id.
    pub id: String,
    /// The document's title, if it has one.
    pub title: Option<String>,
    /// The passage's text.
    pub text: String,
    /// All other fields of the document's record, as JSON.
    pub metadata: String,
    /// The place of the passage in its document, if that was cut.
    pub chunk: Option<ChunkPlace>,
    /// The place where the passage begins; `None` if the index did not record it.
    pub source: Option<Source>,
    /// The input that the document came from: an absolute path, or the name of another input.
    pub origin: String,
    /// The version of the document.
    pub version: Version,
    /// The digests of the texts by which the vector is found again: of the text that was embedded, and of the same text
    /// without its file's name. Not every passage has them. An index of exact vectors gives such a vector as what the
    /// model made of the text, so a passage whose vector was rounded must come without them.
    pub embedded: Vec<ContentDigest>,
    /// The words by which the passage is found, and how often each occurs, in the order of their bytes.
    pub words: Vec<(String, u32)>,
    /// The terms that answer filters, in the order of their bytes.
    pub facts: Vec<Vec<u8>>,
    /// The passage's vector.
    pub vector: Vec<f32>,
}

//! What the catalog stores of a passage, and in which field.

use std::path::Path;

use serde_json::{Map, Value};
use tantivy::TantivyDocument;
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions, Value as _,
};

use super::WORDS;
use super::entry::{CatalogEntry, NewDocument};
use crate::source;
use semsearch_store::{ChunkPlace, ContentDigest, Source, StoredPassage, digest_of};

/// Names of columns, which tantivy finds by name.
pub(super) const KEY: &str = "key";
pub(super) const DOCUMENT: &str = "document";
pub(super) const CONTENT: [&str; 2] = ["content_high", "content_low"];
pub(super) const VERSION: [&str; 2] = ["version_high", "version_low"];

/// The digest of everything that is stored of a passage except its id: title, text, metadata as JSON, its place in its
/// document as JSON if it is a chunk, and its source.
fn content(passage: [Option<&str>; 5]) -> ContentDigest {
    let [.., chunk, source] = passage;
    // Format 2 has no chunks, and releases before 0.2 did not count the source, which was not JSON.
    let counted = match (chunk, source) {
        (_, Some(source)) if source.starts_with('{') => 5,
        (Some(_), _) => 4,
        (None, _) => 3,
    };
    digest_of(&passage.map(|part| part.map(str::as_bytes))[..counted])
}

/// The fields of a tantivy document.
pub(super) struct Fields {
    pub(super) schema: Schema,
    pub(super) key: Field,
    pub(super) id: Field,
    pub(super) embedded: Field,
    pub(super) origin: Field,
    content: [Field; 2],
    title: Field,
    text: Field,
    /// JSON as text, which keeps the order of the fields and the numbers as they were.
    metadata: Field,
    /// Where the record stood, for a person who asks where a hit came from.
    source: Field,
    /// The fields that format 2 does not have.
    pub(super) latest: Option<LatestFields>,
}

/// The fields that exist since format 3.
#[derive(Clone, Copy)]
pub(super) struct LatestFields {
    document: Field,
    version: [Field; 2],
    /// JSON as text.
    chunk: Field,
    /// The words of title and text, for BM25.
    pub(super) words: Field,
    /// The metadata as terms, for filters.
    pub(super) facts: Field,
}

impl Fields {
    /// The fields of the format that is written.
    pub(super) fn new() -> Self {
        Self::build(true)
    }

    /// The fields of format 2.
    pub(super) fn format_2() -> Self {
        Self::build(false)
    }

    fn build(latest: bool) -> Self {
        let mut schema = Schema::builder();
        let key = schema.add_u64_field(KEY, INDEXED | FAST);
        let id = schema.add_text_field("id", STRING | STORED);
        let embedded = schema.add_bytes_field("embedded", INDEXED);
        let origin = schema.add_text_field("origin", STRING);
        let content = CONTENT.map(|name| schema.add_u64_field(name, FAST));
        if !latest {
            schema.add_u64_field("given", FAST);
        }
        let [title, text, metadata, source] =
            ["title", "text", "metadata", "source"].map(|name| schema.add_text_field(name, STORED));
        let latest = latest.then(|| {
            // Positions are not stored, because no query searches for phrases.
            let words =
                TextFieldIndexing::default().set_tokenizer(WORDS).set_index_option(IndexRecordOption::WithFreqs);
            LatestFields {
                document: schema.add_u64_field(DOCUMENT, FAST),
                version: VERSION.map(|name| schema.add_u64_field(name, FAST)),
                chunk: schema.add_text_field("chunk", STORED),
                words: schema.add_text_field("words", TextOptions::default().set_indexing_options(words)),
                facts: schema.add_bytes_field("facts", INDEXED),
            }
        });
        Self { schema: schema.build(), key, id, embedded, origin, content, title, text, metadata, source, latest }
    }

    pub(super) fn document(&self, entry: &CatalogEntry<'_>) -> NewDocument {
        let &CatalogEntry { title, text, metadata, source, .. } = entry;
        let chunk = entry.chunk.and_then(|chunk| serde_json::to_string(&chunk).ok());
        let content = content([title, Some(text), Some(metadata), chunk.as_deref(), source]);
        let mut new = NewDocument::default();
        new.add_number(self.key, entry.key);
        new.add_text(self.id, entry.id);
        new.add_text(self.origin, entry.origin);
        entry.embedded.iter().for_each(|digest| new.add_bytes(self.embedded, &digest.to_be_bytes()));
        new.add_digest(self.content, content);
        let texts =
            [(self.title, title), (self.text, Some(text)), (self.metadata, Some(metadata)), (self.source, source)];
        for (field, text) in texts {
            if let Some(text) = text {
                new.add_text(field, text);
            }
        }
        if let Some(latest) = self.latest {
            new.add_number(latest.document, entry.first);
            new.add_digest(latest.version, entry.version.0);
            if let Some(chunk) = chunk {
                new.add_text(latest.chunk, &chunk);
            }
            new.add_words(latest.words, entry.words);
            entry.facts.iter().for_each(|term| new.add_bytes(latest.facts, term));
        }
        new
    }

    /// The stored passage, if its digest is `expected`.
    pub(super) fn stored(
        &self,
        document: &TantivyDocument,
        expected: ContentDigest,
        holder: &Path,
    ) -> Option<StoredTexts> {
        let text = |field: Field| document.get_first(field)?.as_str();
        let metadata = text(self.metadata)?;
        let chunk = self.latest.and_then(|latest| text(latest.chunk));
        let source = text(self.source);
        if content([text(self.title), Some(text(self.text)?), Some(metadata), chunk, source]) != expected {
            return None;
        }
        Some(StoredTexts {
            id: text(self.id)?.into(),
            title: text(self.title).map(String::from),
            text: text(self.text)?.into(),
            metadata: metadata.into(),
            chunk: chunk.map(serde_json::from_str).transpose().ok()?,
            source: source.map(|stored| source::place(stored, holder)),
        })
    }
}

/// What is stored of a passage as texts.
pub(super) struct StoredTexts {
    pub(super) id: String,
    pub(super) title: Option<String>,
    pub(super) text: String,
    /// JSON.
    pub(super) metadata: String,
    pub(super) chunk: Option<ChunkPlace>,
    pub(super) source: Option<Source>,
}

impl StoredTexts {
    /// The metadata, if they are JSON.
    pub(super) fn fields(&self) -> Option<Map<String, Value>> {
        serde_json::from_str(&self.metadata).ok()
    }

    /// The passage, if its metadata are JSON.
    pub(super) fn passage(self) -> Option<StoredPassage> {
        let metadata = self.fields()?;
        let Self { id, title, text, chunk, source, .. } = self;
        Some(StoredPassage { id, title, text, metadata, chunk, source })
    }
}

//! What the catalog stores of a passage, and in which field.

use std::path::Path;

use serde_json::{Map, Value};
use tantivy::TantivyDocument;
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions, Value as _,
};

use super::words::WORDS;
use crate::source;
use semsearch_corpus::Document;
use semsearch_store::{ChunkPlace, ContentDigest, Source, StoredPassage, Version, digest_of};

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

/// A passage on its way into the catalog.
pub(crate) struct CatalogEntry<'a> {
    pub(crate) key: u64,
    /// The key of its document's first passage.
    pub(crate) first: u64,
    pub(crate) document: &'a Document,
    pub(crate) version: Version,
    pub(crate) text: &'a str,
    pub(crate) chunk: Option<ChunkPlace>,
    pub(crate) metadata: &'a Map<String, Value>,
    /// The digest of the text that the model was given; `None` if the vector came from elsewhere.
    pub(crate) embedded: Option<ContentDigest>,
    /// The digest of the same text without the name of the file, if that is part of it.
    pub(crate) nameless: Option<ContentDigest>,
    /// The name of the input, in the form that tells [`semsearch_corpus::Input`]s apart from one run to the next.
    pub(crate) origin: &'a str,
    /// Where the passage begins, as [`crate::source`] records it.
    pub(crate) source: &'a str,
    /// Words by which the passage is found beside its text and title.
    pub(crate) about: &'a str,
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
    /// Title and text, for BM25.
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

    pub(super) fn document(&self, entry: &CatalogEntry) -> TantivyDocument {
        let CatalogEntry {
            key,
            first,
            document,
            version,
            text,
            chunk,
            metadata,
            embedded,
            nameless,
            origin,
            source,
            about,
        } = entry;
        let facts =
            if document.is_row { semsearch_filter::terms_of_row(metadata) } else { semsearch_filter::terms(metadata) };
        let metadata = serde_json::to_string(metadata).unwrap_or_default();
        let chunk = chunk.and_then(|chunk| serde_json::to_string(&chunk).ok());
        let content = content([document.title.as_deref(), Some(text), Some(&metadata), chunk.as_deref(), Some(source)]);
        let mut stored = TantivyDocument::default();
        stored.add_u64(self.key, *key);
        stored.add_text(self.id, &document.id);
        stored.add_text(self.origin, origin);
        for embedded in [embedded, nameless].into_iter().flatten() {
            stored.add_bytes(self.embedded, &embedded.to_be_bytes());
        }
        add_digest(&mut stored, self.content, content);
        if let Some(title) = &document.title {
            stored.add_text(self.title, title);
        }
        stored.add_text(self.text, text);
        stored.add_text(self.metadata, metadata);
        stored.add_text(self.source, source);
        if let Some(latest) = self.latest {
            stored.add_u64(latest.document, *first);
            add_digest(&mut stored, latest.version, version.0);
            if let Some(chunk) = chunk {
                stored.add_text(latest.chunk, chunk);
            }
            // A title's words belong to every piece of its document.
            if let Some(title) = &document.title {
                stored.add_text(latest.words, title);
            }
            if !about.is_empty() {
                stored.add_text(latest.words, about);
            }
            stored.add_text(latest.words, text);
            facts.iter().for_each(|term| stored.add_bytes(latest.facts, term));
        }
        stored
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

fn add_digest(stored: &mut TantivyDocument, [high, low]: [Field; 2], digest: ContentDigest) {
    stored.add_u64(high, (digest >> 64) as u64);
    stored.add_u64(low, digest as u64);
}

//! What is kept of a document, and where.

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use tantivy::TantivyDocument;
use tantivy::schema::{FAST, Field, INDEXED, STORED, STRING, Schema, Value as _};

use crate::corpus::Document;

/// Names of columns, which tantivy finds by name.
pub(super) const KEY: &str = "key";
pub(super) const CONTENT: [&str; 2] = ["content_high", "content_low"];
pub(super) const GIVEN: &str = "given";

/// A document as the index keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// The document's id.
    pub id: String,
    /// Its title, where it has one.
    pub title: Option<String>,
    /// Its text.
    pub text: String,
    /// Everything else of its record.
    pub metadata: Map<String, Value>,
}

/// The first 128 bits of a SHA-256.
pub(in crate::index) type Digest = u128;

/// The digest of these bytes.
pub(in crate::index) fn digest(bytes: &[u8]) -> Digest {
    let mut first = [0; 16];
    first.copy_from_slice(&Sha256::digest(bytes)[..16]);
    u128::from_be_bytes(first)
}

/// What tells one version of a document from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::index) struct Version {
    /// Of title, text and metadata.
    pub(in crate::index) content: Digest,
    /// Of the vector, if it was given; 0 if the model made it.
    pub(in crate::index) given: u64,
}

impl Version {
    pub(in crate::index) fn of(document: &Document, given: Option<&[f32]>) -> Self {
        let metadata = serde_json::to_string(&document.metadata).unwrap_or_default();
        Self {
            content: content(document.title.as_deref(), &document.text, &metadata),
            given: given.map_or(0, |vector| (digest(bytemuck::cast_slice(vector)) as u64).max(1)),
        }
    }
}

/// The digest of what is stored of a document beside its id: title, text, and metadata as JSON, each after its length.
pub(super) fn content(title: Option<&str>, text: &str, metadata: &str) -> Digest {
    let mut bytes = Vec::with_capacity(text.len() + metadata.len() + 64);
    for part in [title, Some(text), Some(metadata)] {
        bytes.extend_from_slice(&part.map_or(u64::MAX, |part| part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part.unwrap_or_default().as_bytes());
    }
    digest(&bytes)
}

/// A document on its way into the catalog.
pub(in crate::index) struct Entry<'a> {
    pub(in crate::index) key: u64,
    pub(in crate::index) document: &'a Document,
    pub(in crate::index) version: Version,
    /// Of the text that the model was given, if it was.
    pub(in crate::index) embedded: Option<Digest>,
    /// The input, as [`crate::corpus::Input`]s are told apart from one run to the next.
    pub(in crate::index) origin: &'a str,
}

/// The fields of a tantivy document.
pub(super) struct Fields {
    pub(super) schema: Schema,
    pub(super) key: Field,
    pub(super) id: Field,
    pub(super) embedded: Field,
    pub(super) origin: Field,
    content: [Field; 2],
    given: Field,
    title: Field,
    text: Field,
    /// JSON as text: it comes back with its order and numbers as they were.
    metadata: Field,
    /// Where the record stood, for a person who asks where a hit came from.
    source: Field,
}

impl Fields {
    pub(super) fn new() -> Self {
        let mut schema = Schema::builder();
        let key = schema.add_u64_field(KEY, INDEXED | FAST);
        let id = schema.add_text_field("id", STRING | STORED);
        let embedded = schema.add_bytes_field("embedded", INDEXED);
        let origin = schema.add_text_field("origin", STRING);
        let content = CONTENT.map(|name| schema.add_u64_field(name, FAST));
        let given = schema.add_u64_field(GIVEN, FAST);
        let [title, text, metadata, source] =
            ["title", "text", "metadata", "source"].map(|name| schema.add_text_field(name, STORED));
        Self { schema: schema.build(), key, id, embedded, origin, content, given, title, text, metadata, source }
    }

    pub(super) fn document(&self, entry: &Entry) -> TantivyDocument {
        let Entry { key, document, version, embedded, origin } = entry;
        let mut stored = TantivyDocument::default();
        stored.add_u64(self.key, *key);
        stored.add_text(self.id, &document.id);
        stored.add_text(self.origin, origin);
        if let Some(embedded) = embedded {
            stored.add_bytes(self.embedded, &embedded.to_be_bytes());
        }
        stored.add_u64(self.content[0], (version.content >> 64) as u64);
        stored.add_u64(self.content[1], version.content as u64);
        stored.add_u64(self.given, version.given);
        if let Some(title) = &document.title {
            stored.add_text(self.title, title);
        }
        stored.add_text(self.text, &document.text);
        stored.add_text(self.metadata, serde_json::to_string(&document.metadata).unwrap_or_default());
        stored.add_text(self.source, document.place.to_string());
        stored
    }

    /// A document back, if it is the one whose digest is `expected`.
    pub(super) fn stored(&self, document: &TantivyDocument, expected: Digest) -> Option<Stored> {
        let text = |field: Field| document.get_first(field)?.as_str();
        let metadata = text(self.metadata)?;
        if content(text(self.title), text(self.text)?, metadata) != expected {
            return None;
        }
        Some(Stored {
            id: text(self.id)?.into(),
            title: text(self.title).map(String::from),
            text: text(self.text)?.into(),
            metadata: serde_json::from_str(metadata).ok()?,
        })
    }
}

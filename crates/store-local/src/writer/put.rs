//! How documents are put.

use semsearch_corpus::Document;
use semsearch_store::{Change, Compared, ContentDigest, NewPassage, StoreError, content_digest, digest_of};

use super::LocalWriter;
use crate::catalog::{CatalogEntry, Words};
use crate::source;

/// The digest of a text without its file's name. It differs from that of the same text as a whole.
pub(super) fn nameless_digest(text: &str) -> ContentDigest {
    digest_of(&[Some(b"nameless"), Some(text.as_bytes())])
}

impl LocalWriter {
    /// See [`semsearch_store::StoreWriter::put`].
    pub(super) fn put_document(
        &mut self,
        document: &Document,
        compared: Compared,
        passages: &[NewPassage<'_>],
    ) -> Result<(), StoreError> {
        if compared.change == Change::Unchanged {
            return Ok(());
        }
        let (id, title, version) = (document.id.as_str(), document.title.as_deref(), compared.version);
        let origin = self.inputs.origin(&document.place.input);
        let recorded = source::recorded_origin(&origin, &self.holder);
        let first = self.begin(id, compared.change)?;
        for (key, passage) in (first..).zip(passages) {
            let &NewPassage { text, chunk, metadata, about, .. } = passage;
            let facts = match document.is_row {
                true => semsearch_filter::terms_of_row(metadata),
                false => semsearch_filter::terms(metadata),
            };
            // A title's words belong to every piece of its document.
            let about = Some(about).filter(|about| !about.is_empty());
            let words: Vec<&str> = title.into_iter().chain(about).chain([text]).collect();
            let entry = CatalogEntry {
                key,
                first,
                id,
                title,
                version,
                text,
                chunk,
                metadata: &serde_json::to_string(metadata).unwrap_or_default(),
                embedded: &digests(passage),
                origin: &recorded,
                source: Some(&source::recorded(&origin, passage.line, &self.holder)),
                words: Words::Of(&words),
                facts: &facts,
            };
            self.add(&entry, passage.vector)?;
        }
        self.end(id, first)
    }

    /// Begins to put a document, and removes what it replaces. Returns the key of its first passage.
    fn begin(&mut self, id: &str, change: Change) -> Result<u64, StoreError> {
        if change == Change::Added || !self.replace(id)? {
            self.next.documents += 1;
        }
        Ok(self.next.next_key)
    }

    /// Adds a passage of the document.
    fn add(&mut self, entry: &CatalogEntry<'_>, vector: &[f32]) -> Result<(), StoreError> {
        self.documents()?.put(entry)?;
        self.pending.push(entry.key, vector);
        self.pending_texts.extend(entry.embedded.iter().map(|digest| (*digest, entry.key)));
        self.next.next_key = entry.key + 1;
        Ok(())
    }

    /// Ends a document whose passages have the keys from `first` on.
    fn end(&mut self, id: &str, first: u64) -> Result<(), StoreError> {
        if let Some(seen) = self.seen.get_mut(&content_digest(id.as_bytes())) {
            seen.keys = Some((first..self.next.next_key).collect());
        }
        self.changed = true;
        self.uncommitted += 1;
        if self.pending.bytes() >= self.segment_bytes() {
            self.flush()?;
        }
        Ok(())
    }
}

/// The digests of the texts by which a passage's vector is found again.
fn digests(passage: &NewPassage<'_>) -> Vec<ContentDigest> {
    let embedded = passage.embedded.map(|text| content_digest(text.as_bytes()));
    embedded.into_iter().chain(passage.nameless.map(nameless_digest)).collect()
}

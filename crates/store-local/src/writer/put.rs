//! How documents are put: those of this run's inputs, and those of another index.

use semsearch_corpus::Document;
use semsearch_store::{
    Change, Compared, ContentDigest, CopiedPassage, NewPassage, StoreError, content_digest, digest_of,
};

use super::LocalWriter;
use crate::catalog::{CatalogEntry, Words};
use crate::source;

/// How many more words a passage may have than its title, text and metadata have bytes. No text has more words than
/// bytes, but the words of a heading above it count too, even if its metadata do not have it.
const MORE_WORDS: u64 = 1 << 20;

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

    /// See [`semsearch_store::StoreWriter::put_copied`].
    pub(super) fn put_copies(&mut self, passages: &[CopiedPassage]) -> Result<Change, StoreError> {
        let Some(CopiedPassage { id, version, origin, .. }) = passages.first() else { return Ok(Change::Unchanged) };
        passages.iter().try_for_each(|passage| self.check_copy(passage))?;
        let change = self.meet(id, *version, None, &origin.as_str().into())?.change;
        if change == Change::Unchanged {
            return Ok(change);
        }
        let first = self.begin(id, change)?;
        for (key, passage) in (first..).zip(passages) {
            let source = passage.source.as_ref();
            let source = source.map(|source| source::recorded(&source.path, source.line, &self.holder));
            let entry = CatalogEntry {
                key,
                first,
                id,
                title: passage.title.as_deref(),
                version: *version,
                text: &passage.text,
                chunk: passage.chunk,
                metadata: &passage.metadata,
                embedded: &passage.embedded,
                origin: &source::recorded_origin(&passage.origin, &self.holder),
                source: source.as_deref(),
                words: Words::Counted(&passage.words),
                facts: &passage.facts,
            };
            self.add(&entry, &passage.vector)?;
        }
        self.end(id, first)?;
        Ok(change)
    }

    /// Checks that a passage of another index can be one of this index.
    fn check_copy(&self, passage: &CopiedPassage) -> Result<(), StoreError> {
        let CopiedPassage { id, title, text, metadata, words, vector, .. } = passage;
        let dim = self.next.config.dim;
        if vector.len() != dim {
            let message = format!("document {id:?}: a vector of {} components, the index has {dim}", vector.len());
            return Err(StoreError::Unsupported(message));
        }
        // A damaged index may say that a word occurs billions of times.
        let bytes = title.as_ref().map_or(0, String::len) + text.len() + metadata.len();
        let count: u64 = words.iter().map(|(_, count)| u64::from(*count)).sum();
        if count > bytes as u64 + MORE_WORDS {
            return Err(StoreError::Unsupported(format!("document {id:?}: {count} words in a text of {bytes} bytes")));
        }
        Ok(())
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

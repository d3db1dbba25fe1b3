//! Passages as they are stored. What is not as it was committed is not read.

use semsearch_files::guarded;
use semsearch_store::{StoreError, StoredPassage};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocAddress, DocSet, Term};

use super::fields::StoredTexts;
use super::{Catalog, damaged, guard, store};

impl Catalog {
    /// The documents under `keys`, in their order.
    pub(crate) fn get(&self, keys: &[u64]) -> Result<Vec<StoredPassage>, StoreError> {
        guard(&self.dir, || keys.iter().map(|&key| self.one(key)).collect())
    }

    pub(super) fn one(&self, key: u64) -> Result<StoredPassage, StoreError> {
        self.read(self.found(key)?)?.ok_or_else(|| self.changed(key))
    }

    /// The error of a document that is not as it was committed.
    pub(super) fn changed(&self, key: u64) -> StoreError {
        StoreError::damaged(&self.dir, format!("the document of vector {key} is not as it was committed"))
    }

    /// A document, if it is as it was committed. The digest of its content covers everything except its id. The id is
    /// checked against the terms, whose file is checked whenever it is opened.
    fn read(&self, address: DocAddress) -> Result<Option<StoredPassage>, StoreError> {
        Ok(self.read_texts(address)?.and_then(StoredTexts::passage))
    }

    /// The texts of a document, if they are as they were committed.
    pub(super) fn read_texts(&self, address: DocAddress) -> Result<Option<StoredTexts>, StoreError> {
        let stored = self.read_content(address)?;
        match stored {
            Some(stored) if !self.has_id(address, &stored.id)? => Ok(None),
            stored => Ok(stored),
        }
    }

    /// Whether the document at `address` has the id `id`.
    fn has_id(&self, address: DocAddress, id: &str) -> Result<bool, StoreError> {
        let term = Term::from_field_text(self.fields.id, id);
        let look = || -> tantivy::Result<bool> {
            let terms = self.searcher.segment_reader(address.segment_ord).inverted_index(self.fields.id)?;
            let Some(mut postings) = terms.read_postings(&term, IndexRecordOption::Basic)? else { return Ok(false) };
            Ok(postings.doc() <= address.doc_id && postings.seek(address.doc_id) == address.doc_id)
        };
        look().map_err(damaged(&self.dir))
    }

    /// A document, if its content is as it was committed.
    fn read_content(&self, address: DocAddress) -> Result<Option<StoredTexts>, StoreError> {
        let Some(content) = self.columns(address).content(address.doc_id) else { return Ok(None) };
        // In a large index the stored texts have not been checked, and tantivy may find no end in them.
        let texts = &self.texts[address.segment_ord as usize];
        let read = guarded(|| texts.get_document_bytes(address.doc_id));
        let Ok(read) = read else { return Ok(None) };
        let document = store::document(&read.map_err(damaged(&self.dir))?);
        Ok(document.and_then(|document| self.fields.stored(&document, content, &self.holder)))
    }

    /// Reads every document. Returns an error for each one that is not as it was committed, with its address in words.
    pub(crate) fn faults(&self) -> Result<Vec<StoreError>, StoreError> {
        guard(&self.dir, || self.all_faults())
    }

    fn all_faults(&self) -> Result<Vec<StoreError>, StoreError> {
        let mut faults = Vec::new();
        for (ordinal, segment) in (0..).zip(self.searcher.segment_readers()) {
            for document in segment.doc_ids_alive() {
                if self.read(DocAddress::new(ordinal, document))?.is_none() {
                    let what = format!("document {document} of segment {ordinal} is not as it was committed");
                    faults.push(StoreError::damaged(&self.dir, what));
                }
            }
        }
        Ok(faults)
    }
}

//! Documents, kept by tantivy. No other room names tantivy.
//!
//! A passage is a stored document under its key. Which of tantivy's files make a commit is said by the
//! [`Documents`] of the index's manifest. Searching the texts is not this room's affair yet: nothing is tokenized.

mod directory;
mod fields;
mod writer;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use tantivy::columnar::Column;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocAddress, DocId, DocSet, Index, ReloadPolicy, Searcher, SegmentReader, TERMINATED, Term};

pub use fields::Stored;
pub(super) use fields::{Digest, Entry, Version, digest};
pub(super) use writer::CatalogWriter;

use super::manifest::Documents;
use crate::error::{Error, Result};
use directory::Pinned;
use fields::{CONTENT, Fields, GIVEN, KEY};

/// How a file of stored texts ends.
const TEXTS: &str = ".store";

/// Checks the files of a commit; all but the stored texts, unless `whole`: those are checked document by document when
/// they are read.
pub(super) fn check(dir: &Path, documents: &Documents, whole: bool) -> Result<()> {
    documents.files.iter().try_for_each(|file| {
        if whole || !file.name.ends_with(TEXTS) { file.check(dir) } else { file.check_length(dir).map(drop) }
    })
}

/// What is known of a document without reading it whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// The key of its vector.
    pub(super) key: u64,
    /// Which version of it that is.
    pub(super) version: Version,
}

/// The columns of a segment, which are read without its documents.
struct Columns {
    key: Column<u64>,
    content: [Column<u64>; 2],
    given: Column<u64>,
}

impl Columns {
    fn open(segment: &SegmentReader) -> tantivy::Result<Self> {
        let open = |name| segment.fast_fields().u64(name);
        let [high, low] = CONTENT;
        Ok(Self { key: open(KEY)?, content: [open(high)?, open(low)?], given: open(GIVEN)? })
    }

    fn known(&self, document: DocId) -> Option<Known> {
        let [high, low] = [self.content[0].first(document)?, self.content[1].first(document)?];
        let version = Version { content: u128::from(high) << 64 | u128::from(low), given: self.given.first(document)? };
        Some(Known { key: self.key.first(document)?, version })
    }
}

/// One commit's documents, to read.
pub(super) struct Catalog {
    dir: PathBuf,
    fields: Fields,
    searcher: Searcher,
    columns: Vec<Columns>,
}

impl Catalog {
    /// Opens the documents of a commit, whose files have been checked.
    pub(super) fn open(dir: &Path, documents: &Documents) -> Result<Self> {
        let fields = Fields::new();
        let open = || -> tantivy::Result<(Index, Searcher, Vec<Columns>)> {
            let meta = serde_json::to_vec(&documents.meta)
                .map_err(|error| tantivy::TantivyError::InvalidArgument(error.to_string()))?;
            let index = Index::open(Pinned::open(dir, Some(meta))?)?;
            let reader: tantivy::IndexReader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
            let searcher = reader.searcher();
            let columns = searcher.segment_readers().iter().map(Columns::open).collect::<tantivy::Result<_>>()?;
            Ok((index, searcher, columns))
        };
        let (index, searcher, columns) = open().map_err(damaged(dir))?;
        if index.schema() != fields.schema {
            return Err(Error::damaged(dir, "its documents have other fields than this release writes"));
        }
        Ok(Self { dir: dir.into(), fields, searcher, columns })
    }

    /// Number of documents.
    pub(super) fn len(&self) -> u64 {
        self.searcher.num_docs()
    }

    /// The documents under `keys`, in their order.
    pub(super) fn get(&self, keys: &[u64]) -> Result<Vec<Stored>> {
        keys.iter().map(|&key| self.one(key)).collect()
    }

    fn one(&self, key: u64) -> Result<Stored> {
        let missing = || Error::damaged(&self.dir, format!("the document of vector {key} is missing"));
        let address = self.find(&Term::from_field_u64(self.fields.key, key))?.ok_or_else(missing)?;
        self.read(address)?.ok_or_else(|| {
            Error::damaged(&self.dir, format!("the document of vector {key} is not as it was committed"))
        })
    }

    /// A document, if it is as it was committed.
    fn read(&self, address: DocAddress) -> Result<Option<Stored>> {
        let Some(known) = self.columns[address.segment_ord as usize].known(address.doc_id) else { return Ok(None) };
        // In a large index the stored texts have not been checked, and tantivy may find no end in them.
        let read = catch_unwind(AssertUnwindSafe(|| self.searcher.doc(address)));
        let Ok(read) = read else { return Ok(None) };
        Ok(self.fields.stored(&read.map_err(damaged(&self.dir))?, known.version.content))
    }

    /// What is known of the document `id`.
    pub(super) fn known(&self, id: &str) -> Result<Option<Known>> {
        let found = self.find(&Term::from_field_text(self.fields.id, id))?;
        Ok(found.and_then(|address| self.columns[address.segment_ord as usize].known(address.doc_id)))
    }

    /// The key of a document of which the model was given the text with this digest.
    pub(super) fn embedded(&self, text: Digest) -> Result<Option<u64>> {
        let found = self.find(&Term::from_field_bytes(self.fields.embedded, &text.to_be_bytes()))?;
        Ok(found.and_then(|address| self.columns[address.segment_ord as usize].key.first(address.doc_id)))
    }

    /// The keys of all documents.
    pub(super) fn keys(&self) -> Result<Vec<u64>> {
        let mut keys = Vec::with_capacity(self.len() as usize);
        for (segment, columns) in self.searcher.segment_readers().iter().zip(&self.columns) {
            for document in segment.doc_ids_alive() {
                let none = || Error::damaged(&self.dir, "a document without a key");
                keys.push(columns.key.first(document).ok_or_else(none)?);
            }
        }
        Ok(keys)
    }

    /// The ids and keys of the documents that came from `origin`.
    pub(super) fn of_origin(&self, origin: &str) -> Result<Vec<(String, u64)>> {
        let term = Term::from_field_text(self.fields.origin, origin);
        let mut found = Vec::new();
        for address in self.find_all(&term).map_err(damaged(&self.dir))? {
            let Some(known) = self.columns[address.segment_ord as usize].known(address.doc_id) else { continue };
            found.push((self.one(known.key)?.id, known.key));
        }
        Ok(found)
    }

    /// Reads every document: the addresses of those that are not as they were committed, said in words.
    pub(super) fn faults(&self) -> Result<Vec<Error>> {
        let mut faults = Vec::new();
        for (ordinal, segment) in (0..).zip(self.searcher.segment_readers()) {
            for document in segment.doc_ids_alive() {
                if self.read(DocAddress::new(ordinal, document))?.is_none() {
                    let what = format!("document {document} of segment {ordinal} is not as it was committed");
                    faults.push(Error::damaged(&self.dir, what));
                }
            }
        }
        Ok(faults)
    }

    /// The one living document with this term; the first, if there are several.
    fn find(&self, term: &Term) -> Result<Option<DocAddress>> {
        let find = || -> tantivy::Result<Option<DocAddress>> {
            for (ordinal, segment) in (0..).zip(self.searcher.segment_readers()) {
                let terms = segment.inverted_index(term.field())?;
                let Some(mut postings) = terms.read_postings(term, IndexRecordOption::Basic)? else { continue };
                while postings.doc() != TERMINATED {
                    if !segment.is_deleted(postings.doc()) {
                        return Ok(Some(DocAddress::new(ordinal, postings.doc())));
                    }
                    postings.advance();
                }
            }
            Ok(None)
        };
        find().map_err(damaged(&self.dir))
    }

    /// Every living document with this term.
    fn find_all(&self, term: &Term) -> tantivy::Result<Vec<DocAddress>> {
        let mut found = Vec::new();
        for (ordinal, segment) in (0..).zip(self.searcher.segment_readers()) {
            let terms = segment.inverted_index(term.field())?;
            let Some(mut postings) = terms.read_postings(term, IndexRecordOption::Basic)? else { continue };
            while postings.doc() != TERMINATED {
                if !segment.is_deleted(postings.doc()) {
                    found.push(DocAddress::new(ordinal, postings.doc()));
                }
                postings.advance();
            }
        }
        Ok(found)
    }
}

fn damaged(path: &Path) -> impl Fn(tantivy::TantivyError) -> Error + '_ {
    move |source| Error::Damaged { path: path.into(), what: "it cannot be read".into(), source: Some(source.into()) }
}

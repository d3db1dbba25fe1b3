//! Documents, stored by tantivy. No module outside this one uses tantivy.
//!
//! A passage is a stored document under its key. It is found by its words (`lexical`) and by its metadata (`facts`).
//! The [`Documents`] of the index's manifest say which of tantivy's files make a commit.

mod copies;
mod directory;
mod entry;
mod facts;
mod fields;
mod ids;
mod lexical;
mod meta;
mod origins;
mod passages;
mod store;
mod terms_of;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tantivy::columnar::Column;
use tantivy::schema::IndexRecordOption;
use tantivy::store::StoreReader;
use tantivy::{DocAddress, DocId, DocSet, Index, ReloadPolicy, Searcher, SegmentReader, TERMINATED, Term};

pub(super) use copies::Portion;
pub(super) use entry::{CatalogEntry, Words};
pub(super) use ids::shared_id;
pub(super) use lexical::LexicalQuery;
pub(super) use writer::CatalogWriter;
pub use writer::is_catalog_thread;

use super::manifest::Documents;
use super::source;
use directory::Pinned;
use fields::{CONTENT, DOCUMENT, Fields, KEY, VERSION};
use semsearch_files::Dir;
use semsearch_files::guarded;
use semsearch_store::{Analysis, ContentDigest, StoreError, Version};
use semsearch_words::analyzer;
use store::TEXTS;

/// The analyzer's name in tantivy's schema.
const WORDS: &str = "words";

/// Tells tantivy how to split texts into words.
fn register_words(index: &Index, analysis: Analysis) {
    index.tokenizers().register(WORDS, analyzer(analysis));
}

/// How many unpacked blocks of texts are kept for each segment, for texts that are stored near each other.
const BLOCKS_KEPT: usize = 100;

/// Checks the files of a commit. The stored texts are checked only if `whole` is set; otherwise they are checked
/// document by document when they are read.
pub(super) fn check(dir: &Dir, documents: &Documents, whole: bool) -> Result<(), StoreError> {
    documents.files.iter().try_for_each(|file| {
        if whole || !file.name.ends_with(TEXTS) { file.check(dir) } else { file.open(dir).map(drop) }
    })
}

/// What is known of a document without reading it whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// The keys of its passages.
    pub(super) keys: Vec<u64>,
    /// The version of the document that they belong to.
    pub(super) version: Version,
}

/// The columns of a segment, which are read without its documents.
struct SegmentColumns {
    /// What is added to the keys of the files ([`Documents::shifts`]).
    shift: u64,
    keys: Column<u64>,
    content: [Column<u64>; 2],
    /// The columns that format 2 does not have.
    latest: Option<LatestColumns>,
}

struct LatestColumns {
    document: Column<u64>,
    version: [Column<u64>; 2],
}

impl SegmentColumns {
    fn open(segment: &SegmentReader, shift: u64, latest: bool) -> tantivy::Result<Self> {
        let open = |name: &str| segment.fast_fields().u64(name);
        let both = |[high, low]: [&str; 2]| -> tantivy::Result<_> { Ok([open(high)?, open(low)?]) };
        let latest =
            if latest { Some(LatestColumns { document: open(DOCUMENT)?, version: both(VERSION)? }) } else { None };
        Ok(Self { shift, keys: open(KEY)?, content: both(CONTENT)?, latest })
    }

    /// The key of a passage.
    fn key(&self, document: DocId) -> Option<u64> {
        self.keys.first(document)?.checked_add(self.shift)
    }

    fn content(&self, document: DocId) -> Option<ContentDigest> {
        digest_at(&self.content, document)
    }

    fn version(&self, document: DocId) -> Option<Version> {
        digest_at(&self.latest.as_ref()?.version, document).map(Version)
    }

    /// The key of the first passage of this one's document.
    fn document(&self, document: DocId) -> Option<u64> {
        self.latest.as_ref().map_or(&self.keys, |latest| &latest.document).first(document)?.checked_add(self.shift)
    }
}

fn digest_at([high, low]: &[Column<u64>; 2], document: DocId) -> Option<ContentDigest> {
    Some(u128::from(high.first(document)?) << 64 | u128::from(low.first(document)?))
}

/// The documents of one commit, opened for reading.
pub(super) struct Catalog {
    dir: PathBuf,
    /// The directory that holds the index.
    holder: PathBuf,
    files: Pinned,
    fields: Fields,
    analysis: Option<Analysis>,
    searcher: Searcher,
    columns: Vec<SegmentColumns>,
    texts: Vec<StoreReader>,
}

impl Catalog {
    /// Opens the documents of a commit, whose files have been checked.
    pub(super) fn open(dir: Dir, documents: &Documents, analysis: Option<Analysis>) -> Result<Self, StoreError> {
        let path = dir.path().to_owned();
        guard(&path, || Self::open_files(dir, documents, analysis))
    }

    fn open_files(dir: Dir, documents: &Documents, analysis: Option<Analysis>) -> Result<Self, StoreError> {
        let path = dir.path().to_owned();
        let dir = Arc::new(dir);
        meta::check(&path, documents)?;
        // This check comes before tantivy reads the fields: it panics where two fields have one name.
        let schema = documents.meta.get("schema");
        let is_known = |fields: &Fields| schema == serde_json::to_value(&fields.schema).ok().as_ref();
        let fields = [Fields::new(), Fields::format_2()].into_iter().find(is_known);
        let fields = fields
            .ok_or_else(|| StoreError::damaged(&path, "its documents have other fields than this release knows"))?;
        let meta = serde_json::to_vec(&documents.meta)
            .map_err(|error| damaged(&path)(tantivy::TantivyError::InvalidArgument(error.to_string())))?;
        let files = Pinned::new(dir, Some(meta));
        let open = || -> tantivy::Result<Searcher> {
            let index = Index::open(files.clone())?;
            let reader: tantivy::IndexReader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
            Ok(reader.searcher())
        };
        let searcher = open().map_err(damaged(&path))?;
        let open = |segment: &SegmentReader| {
            let shift = documents.shifts.get(&segment.segment_id().uuid_string()).copied().unwrap_or(0);
            SegmentColumns::open(segment, shift, fields.latest.is_some())
        };
        let columns = searcher.segment_readers().iter().map(open).collect::<tantivy::Result<_>>();
        let columns = columns.map_err(damaged(&path))?;
        let texts = searcher.segment_readers().iter().map(|segment| segment.get_store_reader(BLOCKS_KEPT));
        let texts = texts.collect::<std::io::Result<_>>().map_err(|error| damaged(&path)(error.into()))?;
        let holder = path.parent().map_or_else(PathBuf::new, source::holder);
        Ok(Self { dir: path, holder, files, columns, texts, fields, analysis, searcher })
    }

    /// Checks that no file became shorter while it was read. Call it before what was read is used.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]: a file became shorter.
    pub(super) fn check_maps(&self) -> Result<(), StoreError> {
        self.files.check_maps()
    }

    fn segments(&self) -> impl Iterator<Item = (&SegmentReader, &SegmentColumns)> {
        self.searcher.segment_readers().iter().zip(&self.columns)
    }

    fn columns(&self, address: DocAddress) -> &SegmentColumns {
        &self.columns[address.segment_ord as usize]
    }

    /// Number of passages.
    pub(super) fn len(&self) -> u64 {
        self.searcher.num_docs()
    }

    /// Where the passage of this key is.
    fn address(&self, key: u64) -> Result<Option<DocAddress>, StoreError> {
        for (ordinal, columns) in self.columns.iter().enumerate() {
            let Some(raw) = key.checked_sub(columns.shift) else { continue };
            let found = self.find_in(ordinal, &Term::from_field_u64(self.fields.key, raw));
            if let Some(document) = found.map_err(damaged(&self.dir))? {
                return Ok(Some(DocAddress::new(ordinal as u32, document)));
            }
        }
        Ok(None)
    }

    fn found(&self, key: u64) -> Result<DocAddress, StoreError> {
        let missing = || StoreError::damaged(&self.dir, format!("the document of vector {key} is missing"));
        self.address(key)?.ok_or_else(missing)
    }

    /// The key of the first passage of the document that this one belongs to.
    pub(super) fn document_of(&self, key: u64) -> Result<u64, StoreError> {
        let missing = || StoreError::damaged(&self.dir, format!("the document of vector {key} is missing"));
        guard(&self.dir, || {
            let address = self.found(key)?;
            self.columns(address).document(address.doc_id).ok_or_else(missing)
        })
    }

    /// The keys of the passages of the document `id`.
    pub(super) fn known_keys(&self, id: &str) -> Result<Vec<u64>, StoreError> {
        guard(&self.dir, || {
            let found = self.find_all(&Term::from_field_text(self.fields.id, id)).map_err(damaged(&self.dir))?;
            let key = |address: &DocAddress| self.columns(*address).key(address.doc_id);
            Ok(found.iter().filter_map(key).collect())
        })
    }

    /// What is known of the document `id`.
    pub(super) fn known(&self, id: &str) -> Result<Option<Known>, StoreError> {
        guard(&self.dir, || self.find_known(id))
    }

    fn find_known(&self, id: &str) -> Result<Option<Known>, StoreError> {
        let mut known = None;
        for address in self.find_all(&Term::from_field_text(self.fields.id, id)).map_err(damaged(&self.dir))? {
            let columns = self.columns(address);
            let Some((key, version)) = columns.key(address.doc_id).zip(columns.version(address.doc_id)) else {
                continue;
            };
            known.get_or_insert(Known { keys: Vec::new(), version }).keys.push(key);
        }
        Ok(known)
    }

    /// The key of a passage whose embedded text has this digest.
    pub(super) fn embedded(&self, text: ContentDigest) -> Result<Option<u64>, StoreError> {
        guard(&self.dir, || {
            let found = self.find(&Term::from_field_bytes(self.fields.embedded, &text.to_be_bytes()))?;
            Ok(found.and_then(|address| self.columns(address).key(address.doc_id)))
        })
    }

    /// Whether the file of the passage under `key` is gone.
    pub(super) fn is_gone(&self, key: u64) -> Result<bool, StoreError> {
        guard(&self.dir, || self.has_gone_file(key))
    }

    fn has_gone_file(&self, key: u64) -> Result<bool, StoreError> {
        let source = self.one(key)?.source;
        Ok(source.is_some_and(|source| Path::new(&source.path).is_absolute() && !Path::new(&source.path).exists()))
    }

    /// The key of a passage with this nameless text whose file is gone.
    pub(super) fn renamed(&self, nameless: ContentDigest) -> Result<Option<u64>, StoreError> {
        let term = Term::from_field_bytes(self.fields.embedded, &nameless.to_be_bytes());
        guard(&self.dir, || {
            for address in self.find_all(&term).map_err(damaged(&self.dir))? {
                let Some(key) = self.columns(address).key(address.doc_id) else { continue };
                if self.has_gone_file(key)? {
                    return Ok(Some(key));
                }
            }
            Ok(None)
        })
    }

    /// The keys of all passages.
    pub(super) fn keys(&self) -> Result<Vec<u64>, StoreError> {
        guard(&self.dir, || self.all_keys())
    }

    fn without_key(&self) -> StoreError {
        StoreError::damaged(&self.dir, "a document without a key")
    }

    fn all_keys(&self) -> Result<Vec<u64>, StoreError> {
        let mut keys = Vec::new();
        for (segment, columns) in self.segments() {
            for document in segment.doc_ids_alive() {
                keys.push(columns.key(document).ok_or_else(|| self.without_key())?);
            }
        }
        Ok(keys)
    }

    /// The number of documents, which is the number of passages that are the first of their document.
    pub(super) fn documents(&self) -> Result<u64, StoreError> {
        let first = |columns: &SegmentColumns, document| columns.document(document) == columns.key(document);
        let of_segment = |(segment, columns): (&SegmentReader, &SegmentColumns)| {
            segment.doc_ids_alive().filter(|&document| first(columns, document)).count() as u64
        };
        guard(&self.dir, || Ok(self.segments().map(of_segment).sum()))
    }

    /// The living document with this term; the first one, if there are several.
    fn find(&self, term: &Term) -> Result<Option<DocAddress>, StoreError> {
        for ordinal in 0..self.columns.len() {
            let found = self.find_in(ordinal, term).map_err(damaged(&self.dir))?;
            if let Some(document) = found {
                return Ok(Some(DocAddress::new(ordinal as u32, document)));
            }
        }
        Ok(None)
    }

    /// The first living document of a segment with this term.
    fn find_in(&self, ordinal: usize, term: &Term) -> tantivy::Result<Option<DocId>> {
        let segment = &self.searcher.segment_readers()[ordinal];
        let terms = segment.inverted_index(term.field())?;
        let Some(mut postings) = terms.read_postings(term, IndexRecordOption::Basic)? else { return Ok(None) };
        while postings.doc() != TERMINATED {
            if !segment.is_deleted(postings.doc()) {
                return Ok(Some(postings.doc()));
            }
            postings.advance();
        }
        Ok(None)
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

/// Reads what tantivy wrote. tantivy trusts its files, and may panic where a file holds impossible values.
fn guard<T>(dir: &Path, read: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    guarded(read).unwrap_or_else(|panic| {
        Err(StoreError::Damaged { path: dir.into(), what: "it cannot be read".into(), source: Some(panic.into()) })
    })
}

fn damaged(path: &Path) -> impl Fn(tantivy::TantivyError) -> StoreError + '_ {
    move |source| StoreError::Damaged {
        path: path.into(),
        what: "it cannot be read".into(),
        source: Some(source.into()),
    }
}

//! Documents and commits, kept by tantivy. No other file names tantivy.
//!
//! A passage is a stored document under its key; a commit carries the [`Manifest`] as its payload, so that documents
//! and vectors change in one atomic step. Searching the texts is not this file's affair yet: nothing is tokenized.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    Directory, DirectoryLock, FileHandle, Lock, MmapDirectory, WatchCallback, WatchHandle, WritePtr,
};
use tantivy::schema::{Field, INDEXED, IndexRecordOption, STORED, STRING, Schema, Value as _};
use tantivy::{
    DocAddress, DocSet, Index, IndexMeta, IndexWriter, ReloadPolicy, Searcher, TERMINATED, TantivyDocument, Term,
};

use super::manifest::Manifest;
use crate::corpus::Document;
use crate::error::{Error, Result};

/// tantivy's own record of the latest commit; replaced by a rename.
const META: &str = "meta.json";

/// Memory for documents on their way to disk, in bytes; tantivy asks for 15 MB at least.
const WRITER_MEMORY: usize = 32 << 20;

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

/// What is known of a document without reading it whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// The key of its vector.
    pub(super) key: u64,
    /// [`content_digest`] of it.
    pub(super) digest: String,
}

/// A digest of everything an index keeps of a document beside its id: SHA-256 of title, text and metadata as JSON, in
/// hexadecimal.
pub(super) fn content_digest(document: &Document) -> String {
    let parts = serde_json::json!([document.title, document.text, document.metadata]);
    hex::encode(Sha256::digest(parts.to_string()))
}

/// The fields of a tantivy document.
struct Fields {
    schema: Schema,
    key: Field,
    id: Field,
    digest: Field,
    title: Field,
    text: Field,
    /// JSON as text: it comes back with its order and numbers as they were.
    metadata: Field,
    /// Where the record stood, for a person who asks where a hit came from.
    source: Field,
}

impl Fields {
    fn new() -> Self {
        let mut schema = Schema::builder();
        let key = schema.add_u64_field("key", INDEXED | STORED);
        let id = schema.add_text_field("id", STRING | STORED);
        let [digest, title, text, metadata, source] =
            ["digest", "title", "text", "metadata", "source"].map(|name| schema.add_text_field(name, STORED));
        Self { schema: schema.build(), key, id, digest, title, text, metadata, source }
    }

    fn document(&self, key: u64, digest: &str, document: &Document) -> TantivyDocument {
        let mut stored = TantivyDocument::default();
        stored.add_u64(self.key, key);
        stored.add_text(self.id, &document.id);
        stored.add_text(self.digest, digest);
        if let Some(title) = &document.title {
            stored.add_text(self.title, title);
        }
        stored.add_text(self.text, &document.text);
        stored.add_text(self.metadata, Value::Object(document.metadata.clone()).to_string());
        stored.add_text(self.source, document.place.to_string());
        stored
    }

    fn text(&self, document: &TantivyDocument, field: Field) -> Option<String> {
        document.get_first(field)?.as_str().map(String::from)
    }

    /// A document back; `None` if it lacks what every document has.
    fn stored(&self, document: &TantivyDocument) -> Option<Stored> {
        Some(Stored {
            id: self.text(document, self.id)?,
            title: self.text(document, self.title),
            text: self.text(document, self.text)?,
            metadata: serde_json::from_str(&self.text(document, self.metadata)?).ok()?,
        })
    }
}

/// One commit's documents, to read.
pub(super) struct Catalog {
    dir: PathBuf,
    fields: Fields,
    searcher: Searcher,
}

impl Catalog {
    /// What changes with each commit, to tell whether there was one.
    pub(super) fn stamp(dir: &Path) -> Option<Vec<u8>> {
        std::fs::read(dir.join(META)).ok()
    }

    /// Opens the latest commit, checking each file's checksum first if `check`; `None` if nothing was ever committed.
    pub(super) fn open(dir: &Path, check: bool) -> Result<Option<(Self, Manifest)>> {
        let meta = dir.join(META);
        let directory = match Snapshot::open(dir, &meta)? {
            Some(directory) => directory,
            None => return Ok(None),
        };
        let index = Index::open(directory).map_err(damaged(dir))?;
        let metas = index.load_metas().map_err(damaged(&meta))?;
        let Some(payload) = &metas.payload else { return Ok(None) };
        let parent = dir.parent().unwrap_or(dir);
        let manifest = Manifest::parse(payload, parent, &meta)?;
        let fields = Fields::new();
        if index.schema() != fields.schema {
            let what = "its documents have other fields than this release writes".into();
            return Err(Error::Damaged { path: meta, what, source: None });
        }
        if check {
            check_files(&index, &metas, dir)?;
        }
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into().map_err(damaged(dir))?;
        let reader: tantivy::IndexReader = reader;
        Ok(Some((Self { dir: dir.into(), fields, searcher: reader.searcher() }, manifest)))
    }

    /// Number of documents.
    pub(super) fn len(&self) -> u64 {
        self.searcher.num_docs()
    }

    /// The documents under `keys`, in their order.
    pub(super) fn get(&self, keys: &[u64]) -> Result<Vec<Stored>> {
        keys.iter()
            .map(|&key| {
                let found = self.find_term(&Term::from_field_u64(self.fields.key, key))?;
                let stored = found.as_ref().and_then(|document| self.fields.stored(document));
                stored.ok_or_else(|| Error::Damaged {
                    path: self.dir.clone(),
                    what: format!("the document of vector {key} is missing"),
                    source: None,
                })
            })
            .collect()
    }

    /// What is known of the document `id`.
    pub(super) fn known(&self, id: &str) -> Result<Option<Known>> {
        let found = self.find_term(&Term::from_field_text(self.fields.id, id))?;
        Ok(found.and_then(|document| {
            let key = document.get_first(self.fields.key)?.as_u64()?;
            Some(Known { key, digest: self.fields.text(&document, self.fields.digest)? })
        }))
    }

    /// The one living document with this term.
    fn find_term(&self, term: &Term) -> Result<Option<TantivyDocument>> {
        let find = || -> tantivy::Result<Option<TantivyDocument>> {
            for (ordinal, segment) in (0..).zip(self.searcher.segment_readers()) {
                let terms = segment.inverted_index(term.field())?;
                let Some(mut postings) = terms.read_postings(term, IndexRecordOption::Basic)? else { continue };
                while postings.doc() != TERMINATED {
                    if !segment.is_deleted(postings.doc()) {
                        return self.searcher.doc(DocAddress::new(ordinal, postings.doc())).map(Some);
                    }
                    postings.advance();
                }
            }
            Ok(None)
        };
        find().map_err(damaged(&self.dir))
    }
}

/// Documents on their way into a commit.
pub(super) struct CatalogWriter {
    dir: PathBuf,
    fields: Fields,
    writer: IndexWriter,
}

impl CatalogWriter {
    /// Opens the catalog to write, or makes one.
    pub(super) fn open(dir: &Path) -> Result<Self> {
        std::fs::create_dir_all(dir).map_err(Error::write(dir))?;
        let fields = Fields::new();
        let open = || -> tantivy::Result<IndexWriter> {
            let directory = MmapDirectory::open(dir)?;
            let index = Index::open_or_create(directory, fields.schema.clone())?;
            index.writer_with_num_threads(1, WRITER_MEMORY)
        };
        let writer = open().map_err(|source| writing(dir, source))?;
        Ok(Self { dir: dir.into(), fields, writer })
    }

    /// Adds a document under its key, in place of any with its id.
    pub(super) fn put(&self, key: u64, digest: &str, document: &Document) -> Result<()> {
        self.writer.delete_term(Term::from_field_text(self.fields.id, &document.id));
        let added = self.writer.add_document(self.fields.document(key, digest, document));
        added.map(drop).map_err(|source| writing(&self.dir, source))
    }

    /// Drops every document.
    pub(super) fn clear(&self) -> Result<()> {
        self.writer.delete_all_documents().map(drop).map_err(|source| writing(&self.dir, source))
    }

    /// Commits, in one step, all that was put and the manifest.
    pub(super) fn commit(&mut self, manifest: &Manifest) -> Result<()> {
        let payload = serde_json::to_string(manifest).map_err(|source| Error::Index {
            path: self.dir.clone(),
            what: "cannot write the manifest".into(),
            source: source.into(),
        })?;
        let mut commit = || -> tantivy::Result<()> {
            let mut prepared = self.writer.prepare_commit()?;
            prepared.set_payload(&payload);
            prepared.commit().map(drop)
        };
        commit().map_err(|source| writing(&self.dir, source))?;
        share(&self.dir)
    }

    /// Gives up what was put since the last commit, and removes the files that it had already become.
    pub(super) fn abandon(mut self) {
        // Failing here costs nothing but disk: the next commit collects what is left.
        if self.writer.rollback().is_ok() {
            let _ = self.writer.garbage_collect_files().wait();
        }
    }

    /// Lets merges that run in the background finish.
    pub(super) fn close(self) -> Result<()> {
        self.writer.wait_merging_threads().map_err(|source| writing(&self.dir, source))?;
        share(&self.dir)
    }
}

/// Lets the same people read tantivy's records as the directory: it makes the files that it replaces for their owner
/// alone.
#[cfg(unix)]
fn share(dir: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = dir.metadata().map_err(Error::read(dir))?.permissions().mode() & 0o666;
    for file in [META, ".managed.json"].map(|name| dir.join(name)) {
        std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).map_err(Error::write(&file))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn share(_: &Path) -> Result<()> {
    Ok(())
}

fn writing(dir: &Path, source: tantivy::TantivyError) -> Error {
    Error::Index { path: dir.into(), what: "cannot write the catalog".into(), source: source.into() }
}

fn damaged(path: &Path) -> impl Fn(tantivy::TantivyError) -> Error + '_ {
    move |source| Error::Damaged { path: path.into(), what: "it cannot be read".into(), source: Some(source.into()) }
}

/// Compares every file of the commit with the checksum in its footer.
fn check_files(index: &Index, metas: &IndexMeta, dir: &Path) -> Result<()> {
    for file in metas.list_segment_files() {
        let path = dir.join(&file);
        // Not every segment has every kind of file. One that should be there is missed when it is opened.
        if !path.exists() {
            continue;
        }
        let (what, source) = match index.directory().validate_checksum(&file) {
            Ok(true) => continue,
            Ok(false) => ("its checksum does not match", None),
            Err(source) => ("it cannot be read", Some(source.into())),
        };
        return Err(Error::Damaged { path, what: what.into(), source });
    }
    Ok(())
}

/// A reader's view of a catalog's directory: one commit, whatever is committed meanwhile, and never a write.
///
/// tantivy reads `meta.json` several times while it opens; here it is read once. Its lock, a file in the directory,
/// would make readers wait and a read-only directory unreadable; what the lock protects against, files removed between
/// two reads, shows as a missing file, and the reader opens anew.
#[derive(Clone, Debug)]
struct Snapshot {
    files: MmapDirectory,
    meta: Arc<[u8]>,
}

impl Snapshot {
    /// `None` if there is no catalog.
    fn open(dir: &Path, meta: &Path) -> Result<Option<Self>> {
        let bytes = match std::fs::read(meta) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::read(meta)(error)),
        };
        let files = MmapDirectory::open(dir).map_err(|source| damaged(dir)(source.into()))?;
        Ok(Some(Self { files, meta: bytes.into() }))
    }

    fn read_only() -> io::Error {
        io::ErrorKind::ReadOnlyFilesystem.into()
    }
}

impl Directory for Snapshot {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        self.files.get_file_handle(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.files.exists(path)
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        if path == Path::new(META) { Ok(self.meta.to_vec()) } else { self.files.atomic_read(path) }
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        Err(DeleteError::IoError { io_error: Arc::new(Self::read_only()), filepath: path.into() })
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        Err(OpenWriteError::IoError { io_error: Arc::new(Self::read_only()), filepath: path.into() })
    }

    fn atomic_write(&self, _: &Path, _: &[u8]) -> io::Result<()> {
        Err(Self::read_only())
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    fn acquire_lock(&self, _: &Lock) -> Result<DirectoryLock, LockError> {
        Ok(DirectoryLock::from(Box::new(())))
    }

    fn watch(&self, _: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchHandle::empty())
    }
}

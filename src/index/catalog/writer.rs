//! Documents on their way into a commit.

use std::path::{Path, PathBuf};

use tantivy::indexer::NoMergePolicy;
use tantivy::{Index, IndexMeta, IndexWriter, SegmentMeta, Term};

use super::directory::Pinned;
use super::fields::{Entry, Fields};
use super::{Language, register_words};
use crate::error::{Error, Result};
use crate::index::compaction;
use crate::index::files::StoredFile;
use crate::index::manifest::Documents;

/// Memory for documents on their way to disk, in bytes; tantivy asks for 15 MB at least.
const WRITER_MEMORY: usize = 32 << 20;

/// A segment of so many documents is merged with no other.
const LARGE: u64 = 1 << 20;

/// Writes tantivy's files. None of them counts until a manifest names it.
pub(in crate::index) struct CatalogWriter {
    dir: PathBuf,
    fields: Fields,
    directory: Pinned,
    index: Index,
    writer: IndexWriter,
}

impl CatalogWriter {
    /// Goes on from a commit, or begins with nothing.
    pub(in crate::index) fn open(dir: &Path, base: Option<&Documents>, language: Language) -> Result<Self> {
        let fields = Fields::new();
        let open = || -> tantivy::Result<(Pinned, Index, IndexWriter)> {
            let meta = base.and_then(|documents| serde_json::to_vec(&documents.meta).ok());
            let directory = Pinned::open(dir, meta)?;
            let index = Index::open_or_create(directory.clone(), fields.schema.clone())?;
            register_words(&index, language);
            // One thread and merges of our own: a commit's files are complete when they are listed.
            let writer = index.writer_with_num_threads(1, WRITER_MEMORY)?;
            writer.set_merge_policy(Box::new(NoMergePolicy));
            Ok((directory, index, writer))
        };
        let (directory, index, writer) = open().map_err(|source| writing(dir, source))?;
        Ok(Self { dir: dir.into(), fields, directory, index, writer })
    }

    /// Adds a passage.
    pub(in crate::index) fn put(&self, entry: &Entry) -> Result<()> {
        let added = self.writer.add_document(self.fields.document(entry));
        added.map(drop).map_err(|source| writing(&self.dir, source))
    }

    /// Removes the passages of the document of this id. What is removed is remembered until the next commit.
    pub(in crate::index) fn remove(&self, id: &str) {
        self.writer.delete_term(Term::from_field_text(self.fields.id, id));
    }

    /// Writes all that was put; what small segments have become many is merged. Gives the files, which are on the disk
    /// then, though their names are not yet; `base` has those that are known. All passages are of so many `documents`.
    pub(in crate::index) fn flush(&mut self, documents: u64, base: Option<&Documents>) -> Result<Documents> {
        let failed = |source| writing(&self.dir, source);
        self.writer.commit().map_err(failed)?;
        loop {
            let segments = self.index.load_metas().map_err(failed)?.segments;
            let sizes: Vec<_> = segments
                .iter()
                .map(|segment| compaction::Size { all: segment.max_doc().into(), live: segment.num_docs().into() })
                .collect();
            let Some(group) = compaction::choose(&sizes, LARGE) else { break };
            let ids: Vec<_> = group.iter().map(|&at| SegmentMeta::id(&segments[at])).collect();
            self.writer.merge(&ids).wait().map_err(failed)?;
        }
        let metas = self.index.load_metas().map_err(failed)?;
        let meta = self.directory.meta().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let passages = metas.segments.iter().map(|segment| u64::from(segment.num_docs())).sum();
        Ok(Documents { count: documents, passages: Some(passages), files: self.files(&metas, base)?, meta })
    }

    /// The files of these segments, in the order of their names.
    fn files(&self, metas: &IndexMeta, base: Option<&Documents>) -> Result<Vec<StoredFile>> {
        let mut names: Vec<PathBuf> = metas.list_segment_files().into_iter().collect();
        names.sort();
        let known = |name: &Path| {
            base.and_then(|documents| documents.files.iter().find(|file| Path::new(&file.name) == name)).cloned()
        };
        names
            .iter()
            // Not every segment has every kind of file.
            .filter(|name| self.dir.join(name).exists())
            .map(|name| known(name).map_or_else(|| StoredFile::sync(&self.dir.join(name)), Ok))
            .collect()
    }
}

fn writing(dir: &Path, source: tantivy::TantivyError) -> Error {
    Error::Index { path: dir.into(), what: "cannot write the catalog".into(), source: source.into() }
}

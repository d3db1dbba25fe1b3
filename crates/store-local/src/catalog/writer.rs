//! Documents that are about to be committed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tantivy::index::SegmentId;
use tantivy::indexer::NoMergePolicy;
use tantivy::{Index, IndexMeta, IndexWriter, SegmentMeta, Term};

use super::directory::Pinned;
use super::entry::{CatalogEntry, NewDocument};
use super::fields::Fields;
use super::{guard, meta, register_words};
use crate::compaction;
use crate::files::StoredFile;
use crate::manifest::Documents;
use semsearch_files::Dir;
use semsearch_store::{Analysis, StoreError};

/// Memory for documents that are not on the disk yet, in bytes; tantivy needs at least 15 MB.
const WRITER_MEMORY: usize = 32 << 20;

/// Segments are merged only if the merged segment has at most this many documents.
const LARGE: u64 = 1 << 20;

/// Whether tantivy gives this name to one of its threads that read segments, to merge them or to find removed
/// documents. A panic on such a thread cannot be caught: it would end the process.
pub fn is_catalog_thread(name: &str) -> bool {
    name == "segment_updater"
        || ["merge_thread_", "thrd-tantivy-index", "docstore-"].iter().any(|own| name.starts_with(own))
}

/// Writes tantivy's files. None of them counts until a manifest names it.
pub(crate) struct CatalogWriter {
    dir: Arc<Dir>,
    fields: Fields,
    directory: Pinned,
    index: Index,
    writer: IndexWriter<NewDocument>,
    /// The files of the last commit or flush.
    listed: Vec<StoredFile>,
    /// See [`Documents::shifts`].
    shifts: BTreeMap<String, u64>,
}

impl CatalogWriter {
    /// Continues from a commit, or begins with nothing.
    pub(crate) fn open(dir: Dir, base: Option<&Documents>, analysis: Analysis) -> Result<Self, StoreError> {
        let fields = Fields::new();
        let dir = Arc::new(dir);
        let meta = base.map(|documents| serde_json::to_vec(&documents.meta)).transpose();
        let meta = meta.map_err(|source| StoreError::Library {
            path: dir.path().into(),
            what: "cannot read the catalog".into(),
            source: source.into(),
        })?;
        let directory = Pinned::new(Arc::clone(&dir), meta);
        let open = || -> tantivy::Result<(Index, IndexWriter<NewDocument>)> {
            let index = Index::open_or_create(directory.clone(), fields.schema.clone())?;
            register_words(&index, analysis);
            // There is one thread, and we merge ourselves, so a commit's files are complete when they are listed.
            let writer = index.writer_with_num_threads(1, WRITER_MEMORY)?;
            writer.set_merge_policy(Box::new(NoMergePolicy));
            Ok((index, writer))
        };
        if let Some(base) = base {
            meta::check(dir.path(), base)?;
        }
        let (index, writer) = guard(dir.path(), || open().map_err(|source| writing(dir.path(), source)))?;
        let listed = base.map(|documents| documents.files.clone()).unwrap_or_default();
        let shifts = base.map(|documents| documents.shifts.clone()).unwrap_or_default();
        Ok(Self { dir, fields, directory, index, writer, listed, shifts })
    }

    /// Adds a passage.
    pub(crate) fn put(&self, entry: &CatalogEntry<'_>) -> Result<(), StoreError> {
        let added = self.writer.add_document(self.fields.document(entry));
        added.map(drop).map_err(|source| writing(self.dir.path(), source))
    }

    /// Removes the passages of the document with this id. tantivy applies the removal at the next commit.
    pub(crate) fn remove(&self, id: &str) {
        self.writer.delete_term(Term::from_field_text(self.fields.id, id));
    }

    /// Writes everything that was put. If it `tidies`, small segments are merged once they are many. Returns the files:
    /// their bytes are on the disk, their names are not yet. All passages together belong to this many `documents`.
    pub(crate) fn flush(&mut self, documents: u64, tidies: bool) -> Result<Documents, StoreError> {
        let dir = Arc::clone(&self.dir);
        guard(dir.path(), || self.flush_all(documents, tidies))
    }

    fn flush_all(&mut self, documents: u64, tidies: bool) -> Result<Documents, StoreError> {
        let dir = Arc::clone(&self.dir);
        let failed = |source| writing(dir.path(), source);
        self.writer.commit().map_err(failed)?;
        if tidies {
            self.merge()?;
        }
        self.directory.check_maps()?;
        let metas = self.index.load_metas().map_err(failed)?;
        let unknown = || tantivy::TantivyError::InternalError("it has not listed the files that it wrote".into());
        let meta = self.directory.meta().ok_or_else(unknown).map_err(failed)?;
        let meta = serde_json::from_slice(&meta).map_err(|source| StoreError::Library {
            path: self.dir.path().into(),
            what: "cannot read what tantivy wrote".into(),
            source: source.into(),
        })?;
        let passages = metas.segments.iter().map(|segment| u64::from(segment.num_docs())).sum();
        self.listed = self.files(&metas)?;
        let there: Vec<String> = metas.segments.iter().map(|segment| segment.id().uuid_string()).collect();
        self.shifts.retain(|segment, _| there.contains(segment));
        let (files, shifts) = (self.listed.clone(), self.shifts.clone());
        Ok(Documents { count: documents, passages: Some(passages), files, meta, shifts })
    }

    /// Merges segments that are small and many, and rewrites those with many deleted documents, until there are none
    /// left.
    fn merge(&mut self) -> Result<(), StoreError> {
        let dir = Arc::clone(&self.dir);
        let failed = |source| writing(dir.path(), source);
        // A segment has one shift, so only segments of the same shift become one.
        let mut shifts: Vec<u64> = self.shifts.values().copied().chain([0]).collect();
        shifts.sort_unstable();
        shifts.dedup();
        for shift in shifts {
            loop {
                let mut segments = self.index.load_metas().map_err(failed)?.segments;
                segments.retain(|segment| self.shift(segment.id()) == shift);
                let sizes: Vec<_> = segments
                    .iter()
                    .map(|segment| compaction::Size { all: segment.max_doc().into(), live: segment.num_docs().into() })
                    .collect();
                let Some(group) = compaction::choose(&sizes, LARGE) else { break };
                let ids: Vec<_> = group.iter().map(|&at| SegmentMeta::id(&segments[at])).collect();
                self.check_texts(&ids)?;
                let merged = self.writer.merge(&ids).wait().map_err(failed)?;
                if let Some(merged) = merged.filter(|_| shift > 0) {
                    self.shifts.insert(merged.id().uuid_string(), shift);
                }
            }
        }
        Ok(())
    }

    fn shift(&self, segment: SegmentId) -> u64 {
        self.shifts.get(&segment.uuid_string()).copied().unwrap_or(0)
    }

    /// Checks the stored texts of segments that are about to be merged, if they belong to the last commit. In a large
    /// index these texts have not all been checked yet, and the new file gets a new checksum, which would hide the
    /// damage.
    fn check_texts(&self, segments: &[SegmentId]) -> Result<(), StoreError> {
        let merged = |file: &&StoredFile| segments.iter().any(|id| file.name.starts_with(&id.uuid_string()));
        self.listed.iter().filter(merged).try_for_each(|file| file.check(&self.dir))
    }

    /// The files of these segments, in the order of their names.
    fn files(&self, metas: &IndexMeta) -> Result<Vec<StoredFile>, StoreError> {
        let mut names: Vec<PathBuf> = metas.list_segment_files().into_iter().collect();
        names.sort();
        let known = |name: &Path| self.listed.iter().find(|file| Path::new(&file.name) == name).cloned();
        let mut files = Vec::new();
        for name in names {
            let shown = name.to_string_lossy();
            // Not every segment has every kind of file.
            if self.dir.identity_of(&shown).map_err(StoreError::read(&self.dir.path_of(&shown)))?.is_some() {
                files.push(known(&name).map_or_else(|| StoredFile::sync(&self.dir, &shown), Ok)?);
            }
        }
        Ok(files)
    }
}

fn writing(dir: &Path, source: tantivy::TantivyError) -> StoreError {
    StoreError::Library { path: dir.into(), what: "cannot write the catalog".into(), source: source.into() }
}

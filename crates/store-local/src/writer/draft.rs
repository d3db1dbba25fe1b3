//! The next commit, as far as it is written.

use crate::files::StoredFile;
use crate::manifest::Manifest;
use crate::segment::Segment;
use semsearch_store::IndexConfig;

/// The part of a commit that describes vectors.
pub(super) struct Draft {
    pub(super) config: IndexConfig,
    pub(super) segments: Vec<Segment>,
    pub(super) trained: Option<StoredFile>,
    pub(super) needs_training: bool,
    pub(super) documents: u64,
    pub(super) next_key: u64,
    pub(super) next_file: u64,
    pub(super) created: Option<String>,
}

impl Draft {
    /// The beginning of a build: it holds what `base` holds, or nothing.
    ///
    /// Keys and file numbers continue from `last`, even in a rebuild. A reader of an old commit must not find the names
    /// of its files, or its keys, with other content.
    pub(super) fn new(
        config: IndexConfig,
        needs_training: bool,
        last: Option<&Manifest>,
        base: Option<&Manifest>,
    ) -> Self {
        let (next_key, next_file) = last.map_or((0, 1), |last| (last.next_key, last.next_file));
        Self {
            config,
            segments: base.map(|base| base.segments.clone()).unwrap_or_default(),
            trained: base.and_then(|base| base.trained.clone()),
            needs_training,
            documents: base.map_or(0, |base| base.documents.count),
            next_key,
            next_file,
            created: base.map(|base| base.created.clone()),
        }
    }

    /// The number of the next file of vectors.
    pub(super) fn new_number(&mut self) -> u64 {
        self.next_file += 1;
        self.next_file - 1
    }
}

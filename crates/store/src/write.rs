//! Writing an index: documents are compared, put, removed, and committed in one step.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use semsearch_corpus::Document;

use super::{ChunkSize, CopiedPassage, NewPassage, StoreError, Version};

/// How an index is to be written.
#[derive(Clone, Copy, Debug, Default)]
pub struct WriteOptions {
    /// Begin anew. The old content of the index is dropped at the end, in one commit.
    pub rebuild: bool,
    /// How long to wait for another writer to finish.
    pub wait: Duration,
    /// Commit only once, at the end.
    pub at_once: bool,
    /// Commit after this many documents, in addition to the usual times.
    pub commit_every: Option<usize>,
}

/// How a document differs from what the index holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The document's id is new.
    Added,
    /// The id exists with other content.
    Updated,
    /// The document exists unchanged: there is nothing to embed and nothing to put.
    Unchanged,
}

/// A document that was compared with the index.
#[derive(Clone, Copy, Debug)]
pub struct Compared {
    /// Whether an earlier document of this run, from another input, has the same id and other content: this one replaces
    /// it.
    pub replaces: bool,
    /// How the document differs from what the index holds.
    pub change: Change,
    /// The version of the document.
    pub version: Version,
}

/// What a writer did that its caller does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The number of commits.
    pub commits: usize,
    /// The number of segments of vectors that were rewritten.
    pub compacted: usize,
    /// The bytes of the segments that replaced them.
    pub compacted_bytes: u64,
    /// The number of documents in the index at the end.
    pub documents: u64,
    /// The number of passages in the index at the end.
    pub passages: u64,
    /// Whether something was written that others will commit, such as a part of a generation that several processes write.
    pub awaits_commit: bool,
}

/// The one writer of an index. Readers see no change before a commit.
pub trait StoreWriter: Send {
    /// Tells the ids of the documents that come next. A store that asks a server asks once for all of them.
    ///
    /// # Errors
    /// The index cannot be read.
    fn look_up(&mut self, _ids: &[&str]) -> Result<(), StoreError> {
        Ok(())
    }

    /// Compares `document` with the index, and also its vector if one was `given`. Call it once for each document of an
    /// input: a second document of one input with the same id is an error that names both. In another input it is an
    /// update.
    ///
    /// If a document's id was made from its content, an equal document is the same document, and no error.
    ///
    /// # Errors
    /// [`StoreError::RepeatedId`], or the index is damaged.
    fn compare(
        &mut self,
        document: &Document,
        chunks: Option<ChunkSize>,
        given: Option<&[f32]>,
    ) -> Result<Compared, StoreError>;

    /// The vector that the model made of this text before, if the index has it unrounded.
    ///
    /// # Errors
    /// The index is damaged.
    fn vector_of(&mut self, text: &str) -> Result<Option<Vec<f32>>, StoreError>;

    /// The vector of a passage with this text, whatever its file was called, if that file is gone: it was renamed.
    ///
    /// # Errors
    /// The index is damaged.
    fn renamed_vector(&mut self, nameless: &str) -> Result<Option<Vec<f32>>, StoreError>;

    /// Puts a document with all its `passages`. `compared` is the result of [`StoreWriter::compare`].
    ///
    /// # Errors
    /// The index cannot be written.
    fn put(&mut self, document: &Document, compared: Compared, passages: &[NewPassage<'_>]) -> Result<(), StoreError>;

    /// Puts a document of another index with all its passages, as they are: `passages` are those of one document. Their
    /// keys are given anew. Returns how the document differs from what this index holds; an unchanged document is not
    /// put. A document of this run with the same id is replaced. The document's origin is no input of this run.
    ///
    /// # Errors
    /// A passage has a vector of another length or more words than its text, or the index cannot be written.
    fn put_copied(&mut self, passages: &[CopiedPassage]) -> Result<Change, StoreError>;

    /// Records that an input of this run has no documents, for [`StoreWriter::prune`].
    fn note_empty(&mut self, input: &Arc<str>);

    /// Removes the document with this id. Returns whether there was one.
    ///
    /// # Errors
    /// The index is damaged.
    fn remove(&mut self, id: &str) -> Result<bool, StoreError>;

    /// Removes every document that came from the inputs of this run and did not occur in it, and every document of a
    /// file that is one of `places` or below one, and is `gone`. Documents of an input that is `spared` stay. Returns how
    /// many were removed. An input is the same even if it is named by another path, or was moved together with the index.
    /// Places are absolute paths without links.
    ///
    /// # Errors
    /// The index is damaged.
    fn prune(
        &mut self,
        places: &[PathBuf],
        gone: &dyn Fn(&Path) -> bool,
        spared: &dyn Fn(&Path) -> bool,
    ) -> Result<usize, StoreError>;

    /// The number of files that are one of `places` or below one, and are `gone`, although the index has documents of
    /// them. A file of this run is not gone.
    ///
    /// # Errors
    /// The index is damaged.
    fn gone(&mut self, places: &[PathBuf], gone: &dyn Fn(&Path) -> bool) -> Result<usize, StoreError>;

    /// Commits what was put, if it is time for a commit. Call it between documents.
    ///
    /// # Errors
    /// Something cannot be written; then the last commit stays.
    fn checkpoint(&mut self) -> Result<(), StoreError>;

    /// Makes everything that was put since the last commit durable and visible in one step. Without a change there is
    /// no new commit.
    ///
    /// # Errors
    /// Something cannot be written; then the last commit stays.
    fn commit(self: Box<Self>) -> Result<Written, StoreError>;

    /// Commits what was put, for a process that has no time left. The next run rewrites segments that are small or have
    /// many dead entries.
    ///
    /// # Errors
    /// Those of [`StoreWriter::commit`].
    fn commit_untidied(self: Box<Self>) -> Result<Written, StoreError>;

    /// Drops what was put since the last commit.
    fn abandon(self: Box<Self>) -> Written;
}

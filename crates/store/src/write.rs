//! Writing an index: documents compared, put, removed, and committed in one step.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use semsearch_corpus::Document;

use super::{ChunkSize, NewPassage, StoreError, Version};

/// How an index is to be written.
#[derive(Clone, Copy, Debug, Default)]
pub struct WriteOptions {
    /// Start afresh: what the index holds is dropped at the end, in one commit.
    pub rebuild: bool,
    /// How long to wait for another writer to finish.
    pub wait: Duration,
    /// Commit once, at the end.
    pub at_once: bool,
    /// Commit after so many documents, beside the usual times.
    pub commit_every: Option<usize>,
}

/// What a document means to the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Its id is new.
    Added,
    /// Its id is there with other content.
    Updated,
    /// It is there as it is: there is nothing to embed and nothing to put.
    Unchanged,
}

/// A document compared with what the index has.
#[derive(Clone, Copy, Debug)]
pub struct Compared {
    /// What it means to the index.
    pub change: Change,
    /// What tells this version of it from another.
    pub version: Version,
}

/// What a writer did beside what its caller knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// How many commits there were.
    pub commits: usize,
    /// How many segments of vectors were rewritten as others.
    pub compacted: usize,
    /// Bytes of what they were rewritten as.
    pub compacted_bytes: u64,
    /// Documents of the index at the end.
    pub documents: u64,
    /// Passages of the index at the end.
    pub passages: u64,
}

/// The one writer of an index. Until a commit nothing that readers see has changed.
pub trait StoreWriter: Send {
    /// Says what `document` means to the index, with its vector if one was `given`. To be asked once for each document of an
    /// input: a second one with the same id is an error that names both. In another input it is an update.
    ///
    /// A document whose id was made of its content is the same document if it comes again.
    ///
    /// # Errors
    /// [`StoreError::RepeatedId`], or the index is damaged.
    fn compare(
        &mut self,
        document: &Document,
        chunks: Option<ChunkSize>,
        given: Option<&[f32]>,
    ) -> Result<Compared, StoreError>;

    /// The vector that the model made of this text before, where the index has it unrounded.
    ///
    /// # Errors
    /// The index is damaged.
    fn vector_of(&mut self, text: &str) -> Result<Option<Vec<f32>>, StoreError>;

    /// Puts a document as its `passages`, all of them, as [`StoreWriter::compare`] found it to be.
    ///
    /// # Errors
    /// The index cannot be written.
    fn put(&mut self, document: &Document, compared: Compared, passages: &[NewPassage<'_>]) -> Result<(), StoreError>;

    /// Notes an input of this run that has no documents, for [`StoreWriter::prune`].
    fn note_empty(&mut self, input: &Arc<str>);

    /// Removes every document that came from the inputs of this run and was not met in it, and every document of a file
    /// below one of `directories` that is `gone`. Gives their number. An input that is named by another path is the same
    /// input.
    ///
    /// # Errors
    /// The index is damaged.
    fn prune(&mut self, directories: &[PathBuf], gone: &dyn Fn(&Path) -> bool) -> Result<usize, StoreError>;

    /// Commits what was put, if it is time to. To be called between documents.
    ///
    /// # Errors
    /// Something cannot be written; the last commit stands then.
    fn checkpoint(&mut self) -> Result<(), StoreError>;

    /// Makes everything put since the last commit durable and visible in one step. Without a change there is no new commit.
    ///
    /// # Errors
    /// Something cannot be written; the last commit stands then.
    fn commit(self: Box<Self>) -> Result<Written, StoreError>;

    /// Commits what was put as it is, for a process that has no time left: rewriting what is small or worn is left to the
    /// next run.
    ///
    /// # Errors
    /// As of [`StoreWriter::commit`].
    fn commit_untidied(self: Box<Self>) -> Result<Written, StoreError>;

    /// Gives up what was put since the last commit.
    fn abandon(self: Box<Self>) -> Written;
}

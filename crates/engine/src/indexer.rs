//! Documents in, commits out. The command `semsearch index` uses this, and so can any other program that has documents.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use semsearch_corpus::{CorpusError, Document};
use semsearch_encoder::embedder::{Embedder, Progress};
use semsearch_store::{ChunkSize, Compared, IndexConfig, StoreWriter, Written};

use super::EngineError;
use super::given::GivenVectors;
use super::intake::{Documents, Intake};
use super::storing::Storing;
use super::window::Window;
use super::windows::{Embedding, lock};

/// Receives the progress of an indexer, and decides what happens with records that cannot be used.
pub trait IndexProgress: Progress {
    /// The error that ends the run.
    type Failure: From<EngineError>;

    /// A record of this input can be used.
    fn met(&mut self, _input: &Arc<str>) {}

    /// A record or an input cannot be used. If this returns `Ok`, the run continues without it.
    ///
    /// # Errors
    /// The run should end.
    fn skip(&mut self, error: CorpusError) -> Result<(), Self::Failure>;

    /// This document replaces one with the same id from another input of the same run.
    fn replaces(&mut self, _document: &Document) {}

    /// An input has no records, so all documents that came from it are removed.
    fn empty(&mut self, _input: &Arc<str>) {}
}

/// Ignores the progress; the first record that cannot be used ends the run.
impl IndexProgress for () {
    type Failure = EngineError;

    fn skip(&mut self, error: CorpusError) -> Result<(), EngineError> {
        Err(error.into())
    }
}

/// How an indexer works.
#[derive(Clone, Debug, Default)]
pub struct IndexerOptions {
    /// Whether a text over the maximum length is a bad record.
    pub refuse_long: bool,
    /// Whether an input may have no records. Its documents are then removed ([`Indexer::prune`]).
    pub may_be_empty: bool,
    /// The most documents between two commits, in addition to the usual commits.
    pub commit_every: Option<usize>,
    /// The flags that stop the indexer.
    pub stop: Stop,
}

/// Flags with which another thread stops an indexer. It then commits what it has done.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// Once it is set, no further document is taken.
    pub reading: Arc<AtomicBool>,
    /// Once it is set, nothing more is embedded.
    pub embedding: Arc<AtomicBool>,
}

/// What happened to the documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexCounts {
    /// Documents with new ids.
    pub added: usize,
    /// Documents that replaced others.
    pub updated: usize,
    /// Documents that the index held unchanged.
    pub unchanged: usize,
    /// Documents that were removed.
    pub removed: usize,
    /// Documents that replaced one with the same id from another input of the same run.
    pub replaced: usize,
    /// Tokens that were embedded.
    pub tokens: usize,
    /// Texts that were cut at the maximum length, and their tokens.
    pub truncation: Truncation,
}

/// Texts that were cut at the maximum length, and how many tokens were lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Truncation {
    /// How many texts were cut.
    pub texts: usize,
    /// How many of their tokens were dropped.
    pub tokens: usize,
}

impl Truncation {
    /// Adds texts to the counts; `dropped` is the number of dropped tokens of each text.
    pub fn add(&mut self, dropped: &[usize]) {
        self.texts += dropped.iter().filter(|&&dropped| dropped > 0).count();
        self.tokens += dropped.iter().sum::<usize>();
    }
}

/// Updates an index with documents.
///
/// Documents are compared with the index. New and changed ones are cut into passages, embedded in windows and put, and
/// committed at certain times. While a window is embedded, the one before it is put and committed, and the next one is read
/// and compared.
pub struct Indexer<'a> {
    intake: Intake<'a>,
    storing: Mutex<Storing>,
}

/// A document that is about to be put.
pub(super) struct ChangedDocument {
    pub(super) compared: Compared,
    pub(super) document: Document,
    pub(super) chunks: Option<ChunkSize>,
    /// The document's vector, if it was given.
    pub(super) given: Option<Vec<f32>>,
}

impl<'a> Indexer<'a> {
    /// An indexer that embeds with `embedder` as the index's `config` says, and writes with `writer`.
    pub fn new(
        embedder: &'a Embedder,
        config: &'a IndexConfig,
        writer: Box<dyn StoreWriter>,
        options: IndexerOptions,
    ) -> Self {
        let window = Window::of(embedder);
        let window = Window { records: options.commit_every.unwrap_or(window.records).min(window.records), ..window };
        let intake = Intake { embedder, config, options, window, given: None };
        Self { intake, storing: Mutex::new(Storing { writer, counts: IndexCounts::default() }) }
    }

    /// Takes the documents' vectors from a file instead of computing them.
    pub fn with_vectors(mut self, given: GivenVectors) -> Self {
        self.intake.given = Some(given);
        self
    }

    /// Puts every document that is new or changed, until there are no more documents, or until it is stopped.
    ///
    /// # Errors
    /// `progress` ends the run, or encoding or writing fails.
    pub fn run<P: IndexProgress>(
        &mut self,
        documents: impl IntoIterator<Item = Result<Document, CorpusError>>,
        progress: &mut P,
    ) -> Result<(), P::Failure> {
        let Self { intake, storing } = self;
        let stop = intake.options.stop.clone();
        let with = Embedding { embedder: intake.embedder, stop: &stop, storing };
        let mut documents = Documents::new(documents.into_iter());
        let mut next = intake.next_window(&mut documents, storing, progress, &|_| ())?;
        let mut before = None;
        // While a window is embedded, the one before it is put, and the next one is read.
        while let Some(window) = next {
            let window = lock(storing).sources(window, before.as_ref())?;
            let store = || before.map_or(Ok(()), |before| lock(storing).put_and_check(&before));
            let read = |progress: &mut P, report: &dyn Fn(&mut P)| {
                intake.next_window(&mut documents, storing, progress, report)
            };
            (before, next) = window.embed_beside(with, progress, store, read)?;
        }
        Ok(before.map_or(Ok(()), |last| lock(storing).put(&last))?)
    }

    /// The storing side, while no other thread uses it.
    fn storing(&mut self) -> &mut Storing {
        self.storing.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, at the end.
    fn stored(self) -> Storing {
        self.storing.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes every document that came from the inputs of this run and did not occur in it, and every document of a
    /// file that is one of `places` or below one, and is `gone`. Documents of an input that is `spared` stay.
    ///
    /// # Errors
    /// The index is damaged.
    pub fn prune(
        &mut self,
        places: &[PathBuf],
        gone: &dyn Fn(&Path) -> bool,
        spared: &dyn Fn(&Path) -> bool,
    ) -> Result<(), EngineError> {
        let storing = self.storing();
        storing.counts.removed += storing.writer.prune(places, gone, spared)?;
        Ok(())
    }

    /// The number of files that are one of `places` or below one, and are `gone`, although the index has documents of
    /// them.
    ///
    /// # Errors
    /// The index is damaged.
    pub fn gone(&mut self, places: &[PathBuf], gone: &dyn Fn(&Path) -> bool) -> Result<usize, EngineError> {
        Ok(self.storing().writer.gone(places, gone)?)
    }

    /// Checks that there is a record for every given vector.
    ///
    /// # Errors
    /// There are more vectors than records.
    pub fn end_of_records(&mut self) -> Result<(), EngineError> {
        self.intake.given.take().map_or(Ok(()), GivenVectors::end)
    }

    /// Commits everything that was put.
    ///
    /// # Errors
    /// Something cannot be written; then the last commit stays.
    pub fn commit(self) -> Result<(IndexCounts, Written), EngineError> {
        let Storing { writer, counts } = self.stored();
        Ok((counts, writer.commit()?))
    }

    /// Commits everything that was put, for a process that has no time left. Segments that are small or have many dead
    /// entries are not rewritten.
    ///
    /// # Errors
    /// Those of [`Indexer::commit`].
    pub fn commit_untidied(self) -> Result<(IndexCounts, Written), EngineError> {
        let Storing { writer, counts } = self.stored();
        Ok((counts, writer.commit_untidied()?))
    }

    /// Drops what was put since the last commit.
    pub fn abandon(self) -> Written {
        self.stored().writer.abandon()
    }
}

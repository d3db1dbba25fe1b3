//! Documents in, commits out. The command `semsearch index` uses this, and so can any other program that has documents.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use semsearch_corpus::{BadRecord, CorpusError, Document, Input};
use semsearch_encoder::embedder::{Embedder, Progress};
use semsearch_store::{Change, ChunkSize, Compared, IndexConfig, NewPassage, StoreError, StoreWriter, Written};

use super::cutter::{Cutter, chunk_size};
use super::given::GivenVectors;
use super::window::{Filled, Window};
use super::{EngineError, long_texts};

/// How many documents are looked up together in the index, at most.
const LOOKED_UP: usize = 128;

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
/// then committed at certain times.
pub struct Indexer<'a> {
    pub(super) embedder: &'a Embedder,
    config: &'a IndexConfig,
    pub(super) writer: Box<dyn StoreWriter>,
    options: IndexerOptions,
    window: Window,
    given: Option<GivenVectors>,
    pub(super) counts: IndexCounts,
}

/// A document that is about to be put.
pub(super) struct ChangedDocument {
    pub(super) compared: Compared,
    pub(super) document: Document,
    pub(super) chunks: Option<ChunkSize>,
    /// The document's vector, if it was given.
    given: Option<Vec<f32>>,
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
        Self { embedder, config, writer, options, window, given: None, counts: IndexCounts::default() }
    }

    /// Takes the documents' vectors from a file instead of computing them.
    pub fn with_vectors(self, given: GivenVectors) -> Self {
        Self { given: Some(given), ..self }
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
        let (mut window, mut filled) = (Vec::new(), Filled::default());
        let mut documents = documents.into_iter();
        while let Some(group) = self.next_group(&mut documents)? {
            for document in group {
                if let Some(changed) = self.take(document, progress)? {
                    filled.add(&changed.document);
                    window.push(changed);
                }
                if self.window.is_full(filled) {
                    filled = Filled::default();
                    self.put(std::mem::take(&mut window), progress)?;
                    self.writer.checkpoint().map_err(EngineError::from)?;
                }
            }
        }
        self.put(window, progress)
    }

    /// The next documents, which the store looks up together; `None` if there are no more or the indexer was stopped.
    fn next_group(
        &mut self,
        documents: &mut impl Iterator<Item = Result<Document, CorpusError>>,
    ) -> Result<Option<Vec<Result<Document, CorpusError>>>, EngineError> {
        let (mut group, mut bytes) = (Vec::new(), 0);
        while group.len() < LOOKED_UP && bytes < self.window.bytes && !self.options.stop.reading.load(Ordering::Relaxed)
        {
            let Some(document) = documents.next() else { break };
            bytes += document.as_ref().map_or(0, |document| document.text.len());
            group.push(document);
        }
        let ids: Vec<&str> = group.iter().flatten().map(|document| document.id.as_str()).collect();
        self.writer.look_up(&ids)?;
        Ok(Some(group).filter(|group| !group.is_empty()))
    }

    /// What must be put for a document; `None` if it is unchanged or cannot be used.
    fn take<P: IndexProgress>(
        &mut self,
        document: Result<Document, CorpusError>,
        progress: &mut P,
    ) -> Result<Option<ChangedDocument>, P::Failure> {
        // A blank file is not a record, and there is no given vector for it.
        let is_record = !matches!(document, Err(CorpusError::Record { problem: BadRecord::Blank, .. }));
        let given = self.given.as_mut().filter(|_| is_record).map(GivenVectors::next).transpose();
        let given = given?;
        let outcome = match document {
            Ok(document) if document.is_blank() => {
                Err(CorpusError::Record { place: document.place, problem: BadRecord::Blank })
            }
            Ok(document) => {
                progress.met(&document.place.input);
                self.compared(document, given)?
            }
            Err(error) => Err(error),
        };
        match outcome {
            Ok(Some(changed)) => {
                if changed.compared.replaces {
                    progress.replaces(&changed.document);
                }
                return Ok(Some(changed));
            }
            Ok(None) => {
                self.counts.unchanged += 1;
                progress.done(1, 0);
            }
            // An empty stream is more likely a failure of the program that writes it.
            Err(CorpusError::NoRecords { input }) if self.options.may_be_empty && *input != *Input::Stdin.name() => {
                progress.empty(&input);
                self.writer.note_empty(&input);
            }
            Err(error) => skip(error, progress)?,
        }
        Ok(None)
    }

    /// Compares a document with the index. Returns `None` if it is unchanged. The inner error is an error of the
    /// record.
    fn compared(
        &mut self,
        document: Document,
        given: Option<Vec<f32>>,
    ) -> Result<Result<Option<ChangedDocument>, CorpusError>, EngineError> {
        // A given vector belongs to a whole record.
        let max_length = self.embedder.tokenizer().max_length();
        let chunks = if given.is_some() { None } else { chunk_size(&document, self.config.chunks, max_length) };
        let compared = match self.writer.compare(&document, chunks, given.as_deref()) {
            Ok(compared) => compared,
            Err(StoreError::RepeatedId { place, id, first }) => {
                return Ok(Err(CorpusError::Record { place, problem: BadRecord::DuplicateId { id, first } }));
            }
            Err(error) => return Err(error.into()),
        };
        self.counts.replaced += usize::from(compared.replaces);
        let changed = compared.change != Change::Unchanged;
        Ok(Ok(changed.then_some(ChangedDocument { compared, document, chunks, given })))
    }

    /// Embeds the window's documents and puts them.
    fn put<P: IndexProgress>(&mut self, mut window: Vec<ChangedDocument>, progress: &mut P) -> Result<(), P::Failure> {
        if self.options.refuse_long && self.given.is_none() {
            let cutter = self.cutter();
            let whole = |changed: &ChangedDocument| cutter.tokens(&changed.document);
            let split =
                long_texts::split(window, cutter.tokenizer.max_length(), whole, |changed| &changed.document.place);
            let (fitting, long) = split.map_err(EngineError::from)?;
            long.into_iter().try_for_each(|error| skip(error, progress))?;
            window = fitting;
        }
        let (given, to_embed): (Vec<_>, Vec<_>) = window.into_iter().partition(|changed| changed.given.is_some());
        self.put_given(&given)?;
        progress.done(given.len(), 0);
        Ok(self.embed_and_put(&to_embed, progress)?)
    }

    /// Puts documents with the vectors that were given for them.
    fn put_given(&mut self, documents: &[ChangedDocument]) -> Result<(), EngineError> {
        for ChangedDocument { compared, document, given, .. } in documents {
            let vector = given.as_deref().unwrap_or_default();
            let (text, metadata) = (&document.text, &document.metadata);
            let line = document.place.line.or(document.first_line());
            let passage =
                NewPassage { text, chunk: None, metadata, embedded: None, nameless: None, vector, about: "", line };
            self.writer.put(document, *compared, &[passage])?;
            self.count(compared.change);
        }
        Ok(())
    }

    /// The cutter, which cuts documents into passages.
    pub(super) fn cutter(&self) -> Cutter<'a> {
        let config = self.config;
        let tokenizer = self.embedder.tokenizer();
        Cutter {
            tokenizer,
            with_title: config.with_title,
            with_context: config.with_context,
            prompt: &config.prompts.document,
        }
    }

    /// The flag that stops the embedding.
    pub(super) fn embedding(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.options.stop.embedding)
    }

    pub(super) fn count(&mut self, change: Change) {
        self.counts.added += usize::from(change == Change::Added);
        self.counts.updated += usize::from(change == Change::Updated);
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
        self.counts.removed += self.writer.prune(places, gone, spared)?;
        Ok(())
    }

    /// The number of files that are one of `places` or below one, and are `gone`, although the index has documents of
    /// them.
    ///
    /// # Errors
    /// The index is damaged.
    pub fn gone(&mut self, places: &[PathBuf], gone: &dyn Fn(&Path) -> bool) -> Result<usize, EngineError> {
        Ok(self.writer.gone(places, gone)?)
    }

    /// Checks that there is a record for every given vector.
    ///
    /// # Errors
    /// There are more vectors than records.
    pub fn end_of_records(&mut self) -> Result<(), EngineError> {
        self.given.take().map_or(Ok(()), GivenVectors::end)
    }

    /// Commits everything that was put.
    ///
    /// # Errors
    /// Something cannot be written; then the last commit stays.
    pub fn commit(self) -> Result<(IndexCounts, Written), EngineError> {
        Ok((self.counts, self.writer.commit()?))
    }

    /// Commits everything that was put, for a process that has no time left. Segments that are small or have many dead
    /// entries are not rewritten.
    ///
    /// # Errors
    /// Those of [`Indexer::commit`].
    pub fn commit_untidied(self) -> Result<(IndexCounts, Written), EngineError> {
        Ok((self.counts, self.writer.commit_untidied()?))
    }

    /// Drops what was put since the last commit.
    pub fn abandon(self) -> Written {
        self.writer.abandon()
    }
}

/// Reports a record that cannot be used.
fn skip<P: IndexProgress>(error: CorpusError, progress: &mut P) -> Result<(), P::Failure> {
    progress.done(1, 0);
    progress.skip(error)
}

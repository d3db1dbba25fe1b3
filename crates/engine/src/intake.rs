//! The side of an indexer that reads: documents are taken from the inputs and compared with the index, until a window is full.
//! Those that must be put are cut into pieces.

use std::sync::Mutex;
use std::sync::atomic::Ordering;

use semsearch_corpus::{BadRecord, CorpusError, Document, Input};
use semsearch_encoder::embedder::Embedder;
use semsearch_store::{Change, IndexConfig, StoreError};

use super::cutter::{Cutter, chunk_size};
use super::given::GivenVectors;
use super::indexer::{ChangedDocument, IndexProgress, IndexerOptions};
use super::storing::Storing;
use super::window::{Filled, Window};
use super::windows::{CutDocument, lock};
use super::{EngineError, long_texts};

/// How many documents are looked up together in the index, at most.
const LOOKED_UP: usize = 128;

/// Takes documents.
pub(super) struct Intake<'a> {
    pub(super) embedder: &'a Embedder,
    pub(super) config: &'a IndexConfig,
    pub(super) options: IndexerOptions,
    pub(super) window: Window,
    pub(super) given: Option<GivenVectors>,
}

/// The documents that were not taken yet.
pub(super) struct Documents<I> {
    rest: I,
    /// Those that the store has looked up.
    group: std::vec::IntoIter<Result<Document, CorpusError>>,
}

impl<I> Documents<I> {
    pub(super) fn new(rest: I) -> Self {
        Self { rest, group: Vec::new().into_iter() }
    }
}

impl<'a> Intake<'a> {
    /// The next window of documents that must be put, cut into pieces; `None` if there is none or the indexer was stopped.
    /// `report` is called now and then.
    pub(super) fn next_window<P: IndexProgress>(
        &mut self,
        documents: &mut Documents<impl Iterator<Item = Result<Document, CorpusError>>>,
        storing: &Mutex<Storing>,
        progress: &mut P,
        report: &dyn Fn(&mut P),
    ) -> Result<Option<Vec<CutDocument>>, P::Failure> {
        let Some(window) = self.fill(documents, storing, progress, report)? else { return Ok(None) };
        let (cutter, mut cut) = (self.cutter(), Vec::with_capacity(window.len()));
        for changed in self.fitting(window, progress)? {
            report(progress);
            let pieces = match &changed.given {
                Some(_) => Vec::new(),
                None => cutter.pieces(&changed.document, changed.chunks)?,
            };
            cut.push((changed, pieces));
        }
        Ok(Some(cut))
    }

    /// The next documents that must be put, as many as fill a window.
    fn fill<P: IndexProgress>(
        &mut self,
        documents: &mut Documents<impl Iterator<Item = Result<Document, CorpusError>>>,
        storing: &Mutex<Storing>,
        progress: &mut P,
        report: &dyn Fn(&mut P),
    ) -> Result<Option<Vec<ChangedDocument>>, P::Failure> {
        let (mut window, mut filled) = (Vec::new(), Filled::default());
        while !self.window.is_full(filled) {
            let Some(document) = documents.group.next() else {
                report(progress);
                let group = self.next_group(&mut documents.rest);
                if group.is_empty() {
                    break;
                }
                let ids: Vec<&str> = group.iter().flatten().map(|document| document.id.as_str()).collect();
                lock(storing).writer.look_up(&ids).map_err(EngineError::from)?;
                documents.group = group.into_iter();
                continue;
            };
            if let Some(changed) = self.take(document, storing, progress)? {
                filled.add(&changed.document);
                window.push(changed);
            }
        }
        Ok(Some(window).filter(|window| !window.is_empty()))
    }

    /// The next documents, which the store looks up together. There are none if the indexer was stopped.
    fn next_group(
        &mut self,
        documents: &mut impl Iterator<Item = Result<Document, CorpusError>>,
    ) -> Vec<Result<Document, CorpusError>> {
        let (mut group, mut bytes) = (Vec::new(), 0);
        while group.len() < LOOKED_UP && bytes < self.window.bytes && !self.options.stop.reading.load(Ordering::Relaxed)
        {
            let Some(document) = documents.next() else { break };
            bytes += document.as_ref().map_or(0, |document| document.text.len());
            group.push(document);
        }
        group
    }

    /// What must be put for a document; `None` if it is unchanged or cannot be used.
    fn take<P: IndexProgress>(
        &mut self,
        document: Result<Document, CorpusError>,
        storing: &Mutex<Storing>,
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
                self.compared(document, given, &mut lock(storing))?
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
                lock(storing).counts.unchanged += 1;
                progress.done(1, 0);
            }
            // An empty stream is more likely a failure of the program that writes it.
            Err(CorpusError::NoRecords { input }) if self.options.may_be_empty && *input != *Input::Stdin.name() => {
                progress.empty(&input);
                lock(storing).writer.note_empty(&input);
            }
            Err(error) => skip(error, progress)?,
        }
        Ok(None)
    }

    /// Compares a document with the index. Returns `None` if it is unchanged. The inner error is an error of the
    /// record.
    fn compared(
        &self,
        document: Document,
        given: Option<Vec<f32>>,
        storing: &mut Storing,
    ) -> Result<Result<Option<ChangedDocument>, CorpusError>, EngineError> {
        // A given vector belongs to a whole record.
        let max_length = self.embedder.tokenizer().max_length();
        let chunks = if given.is_some() { None } else { chunk_size(&document, self.config.chunks, max_length) };
        let compared = match storing.writer.compare(&document, chunks, given.as_deref()) {
            Ok(compared) => compared,
            Err(StoreError::RepeatedId { place, id, first }) => {
                return Ok(Err(CorpusError::Record { place, problem: BadRecord::DuplicateId { id, first } }));
            }
            Err(error) => return Err(error.into()),
        };
        storing.counts.replaced += usize::from(compared.replaces);
        let changed = compared.change != Change::Unchanged;
        Ok(Ok(changed.then_some(ChangedDocument { compared, document, chunks, given })))
    }

    /// The documents of a window without those that are too long, if these are bad records.
    fn fitting<P: IndexProgress>(
        &self,
        window: Vec<ChangedDocument>,
        progress: &mut P,
    ) -> Result<Vec<ChangedDocument>, P::Failure> {
        if !self.options.refuse_long || self.given.is_some() {
            return Ok(window);
        }
        let cutter = self.cutter();
        let whole = |changed: &ChangedDocument| cutter.tokens(&changed.document);
        let split = long_texts::split(window, cutter.tokenizer.max_length(), whole, |changed| &changed.document.place);
        let (fitting, long) = split.map_err(EngineError::from)?;
        long.into_iter().try_for_each(|error| skip(error, progress))?;
        Ok(fitting)
    }

    /// The cutter, which cuts documents into passages.
    fn cutter(&self) -> Cutter<'a> {
        let config = self.config;
        let tokenizer = self.embedder.tokenizer();
        Cutter {
            tokenizer,
            with_title: config.with_title,
            with_context: config.with_context,
            prompt: &config.prompts.document,
        }
    }
}

/// Reports a record that cannot be used.
fn skip<P: IndexProgress>(error: CorpusError, progress: &mut P) -> Result<(), P::Failure> {
    progress.done(1, 0);
    progress.skip(error)
}

//! Windows of documents on their way into the index: cut into pieces, then embedded, by a thread of their own.

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use semsearch_encoder::embedder::{Embedded, Embedder, Progress};

use super::EngineError;
use super::cutter::Piece;
use super::indexer::{ChangedDocument, Stop};
use super::storing::Storing;

/// A document and its pieces; none if its vector was given.
pub(super) type CutDocument = (ChangedDocument, Vec<Piece>);

/// Documents and what must be embedded of them.
pub(super) struct CutWindow {
    pub(super) documents: Vec<CutDocument>,
    /// Where the vector of each piece comes from, document by document.
    pub(super) sources: Vec<Vec<VectorSource>>,
    /// The vectors that the index has already.
    pub(super) known: Vec<Vec<f32>>,
    /// For each text that must be embedded, a document and its piece that have it.
    pub(super) to_embed: Vec<(usize, usize)>,
}

/// Where the vector of a piece comes from.
#[derive(Clone, Copy)]
pub(super) enum VectorSource {
    /// The text with this number is embedded.
    Embedded(usize),
    /// The index has it; this is its number among the known vectors.
    Known(usize),
}

/// A window with the vectors of its texts.
pub(super) struct EmbeddedWindow {
    window: CutWindow,
    embedded: Embedded,
    /// Whether each text has its vector.
    done: Vec<bool>,
}

/// What a thread embeds with.
#[derive(Clone, Copy)]
pub(super) struct Embedding<'a> {
    pub(super) embedder: &'a Embedder,
    pub(super) stop: &'a Stop,
    /// Where windows are put.
    pub(super) storing: &'a Mutex<Storing>,
}

impl CutWindow {
    /// The texts that must be embedded.
    fn texts(&self) -> Vec<&str> {
        let text = |&(document, piece): &(usize, usize)| {
            let (changed, pieces) = &self.documents[document];
            pieces[piece].to_embed(&changed.document)
        };
        self.to_embed.iter().map(text).collect()
    }

    fn embed(self, with: Embedding<'_>, progress: &mut dyn Progress) -> Result<EmbeddedWindow, EngineError> {
        let (embedded, done) = with.embedder.embed_until(&self.texts(), progress, &with.stop.embedding)?;
        Ok(EmbeddedWindow { window: self, embedded, done })
    }

    /// Embeds the texts with a thread of its own, while this thread puts the window before (`store`) and then reads the next one
    /// (`read`). If the window has its vectors while this thread reads, its own thread puts it: the documents come slowly, and
    /// whoever waits for these need not wait for the next ones. Otherwise the window comes back, with the result of the
    /// reading. The window before it is always put first.
    ///
    /// `read` gets a function that reports the progress so far. If one side fails, the other is stopped.
    ///
    /// # Errors
    /// Encoding, storing or reading fails.
    pub(super) fn embed_beside<P: Progress, T, E: From<EngineError>>(
        self,
        with: Embedding<'_>,
        progress: &mut P,
        store: impl FnOnce() -> Result<(), EngineError>,
        read: impl FnOnce(&mut P, &dyn Fn(&mut P)) -> Result<T, E>,
    ) -> Result<(Option<EmbeddedWindow>, T), E> {
        // Progress is counted in documents.
        progress.done(self.documents.len().saturating_sub(self.to_embed.len()), 0);
        let (sender, told) = mpsc::channel();
        let report = |progress: &mut P| told.try_iter().for_each(|step: Step| step.report(progress));
        let reads = AtomicBool::new(false);
        let (embedded, other) = thread::scope(|scope| {
            let reads = &reads;
            let embedding = scope.spawn(move || {
                let embedded = self.embed(with, &mut Steps(sender)).and_then(|window| {
                    if !reads.load(Ordering::Acquire) {
                        return Ok(Some(window));
                    }
                    lock(with.storing).put_and_check(&window)?;
                    Ok(None)
                });
                if embedded.is_err() {
                    with.stop.reading.store(true, Ordering::Relaxed);
                }
                embedded
            });
            let other = store().map_err(E::from).and_then(|()| {
                reads.store(true, Ordering::Release);
                read(progress, &report)
            });
            reads.store(false, Ordering::Release);
            if other.is_err() {
                with.stop.embedding.store(true, Ordering::Relaxed);
            }
            // The thread drops the sender when it has embedded.
            told.iter().for_each(|step| step.report(progress));
            (embedding.join().unwrap_or_else(|panic| resume_unwind(panic)), other)
        });
        let other = other?;
        Ok((embedded?, other))
    }
}

impl EmbeddedWindow {
    /// The documents with their pieces, and where the pieces' vectors come from.
    pub(super) fn documents(&self) -> impl Iterator<Item = (&CutDocument, &[VectorSource])> {
        self.window.documents.iter().zip(self.window.sources.iter().map(Vec::as_slice))
    }

    /// The texts that were embedded, with their vectors.
    pub(super) fn vectors(&self) -> HashMap<&str, &[f32]> {
        let texts = self.window.texts().into_iter().enumerate().filter(|&(text, _)| self.done[text]);
        texts.map(|(text, words)| (words, self.embedded.vectors.row(text))).collect()
    }

    /// How many tokens each embedded text has, and how many of them were dropped.
    pub(super) fn lengths(&self) -> impl Iterator<Item = (usize, usize)> {
        let tokenized = &self.embedded.tokenized;
        let done = (0..self.done.len()).filter(|&text| self.done[text]);
        done.map(|text| (tokenized.ids.get(text).len(), tokenized.dropped[text]))
    }

    /// The vector of a piece; `None` if the work was stopped before.
    pub(super) fn vector(&self, source: VectorSource) -> Option<&[f32]> {
        match source {
            VectorSource::Embedded(text) => self.done[text].then(|| self.embedded.vectors.row(text)),
            VectorSource::Known(number) => Some(&self.window.known[number]),
        }
    }
}

/// The storing side. A thread that panicked ends the run, so nobody meets what it left.
pub(super) fn lock(storing: &Mutex<Storing>) -> MutexGuard<'_, Storing> {
    storing.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A step of the embedding, on its way to the thread that reports it.
enum Step {
    Done { texts: usize, tokens: usize },
    SmallerBatches { tokens: usize },
}

impl Step {
    fn report(self, progress: &mut impl Progress) {
        match self {
            Self::Done { texts, tokens } => progress.done(texts, tokens),
            Self::SmallerBatches { tokens } => progress.smaller_batches(tokens),
        }
    }
}

/// Sends the steps. The receiver lives as long as the thread that embeds, so every step arrives.
struct Steps(mpsc::Sender<Step>);

impl Progress for Steps {
    fn done(&mut self, texts: usize, tokens: usize) {
        self.0.send(Step::Done { texts, tokens }).unwrap_or_default();
    }

    fn smaller_batches(&mut self, tokens: usize) {
        self.0.send(Step::SmallerBatches { tokens }).unwrap_or_default();
    }
}

//! The state that the threads of one call share: the batches that wait, and the vectors that are done.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};

use super::batch::batches;
use super::embedded::{Embedded, rows};
use super::progress::Progress;
use crate::backend::Encoder;
use crate::error::EncoderError;
use crate::model::{RaggedIds, Tokenized};
use crate::pooling::Output;
use crate::vectors::Vectors;

/// How texts are encoded.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub(super) encoder: &'a dyn Encoder,
    pub(super) output: Output,
    /// Tokens of a batch. It becomes smaller when a batch does not fit into the device's memory.
    pub(super) batch_tokens: &'a AtomicUsize,
    /// Ends the work soon after it is set.
    pub(super) stop: &'a AtomicBool,
}

/// The work of one call.
pub(super) struct Work<'a> {
    job: Job<'a>,
    /// The parts that are still being tokenized.
    coming: Option<mpsc::Receiver<Result<Tokenized, EncoderError>>>,
    /// The waiting batches of the parts that have arrived.
    waiting: VecDeque<Batch>,
    /// Each part, with the vectors made so far.
    parts: Vec<Partly>,
    /// The error that ended the work.
    failed: Option<EncoderError>,
    progress: &'a mut dyn Progress,
}

/// Texts, of which some or all have their vectors.
pub(super) struct Partly {
    pub(super) embedded: Embedded,
    /// Whether each text has its vector.
    pub(super) done: Vec<bool>,
}

/// Texts of one part that are encoded together.
pub(super) struct Batch {
    part: usize,
    texts: Vec<usize>,
}

impl<'a> Work<'a> {
    /// No work yet.
    pub(super) fn new(job: Job<'a>, progress: &'a mut dyn Progress) -> Self {
        Self { job, coming: None, waiting: VecDeque::new(), parts: Vec::new(), failed: None, progress }
    }

    /// The number of batches that wait to be encoded.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Takes further parts from this channel, until it is closed.
    pub(super) fn expect(&mut self, coming: mpsc::Receiver<Result<Tokenized, EncoderError>>) {
        self.coming = Some(coming);
    }

    /// Adds a part.
    pub(super) fn add(&mut self, tokenized: Tokenized) {
        let (ids, output) = (&tokenized.ids, &self.job.output);
        let part = self.parts.len();
        let texts = batches(ids, self.job.batch_tokens.load(Ordering::Relaxed));
        self.waiting.extend(texts.into_iter().map(|texts| Batch { part, texts }));
        let rows = ids.iter().map(|text| output.rows(text.len())).sum();
        let done = vec![false; ids.len()];
        let embedded = Embedded { vectors: Vectors::zeros(rows, output.dim), tokenized };
        self.parts.push(Partly { embedded, done });
    }

    /// The next batch and its token ids. If no batch waits, the thread waits for the next part.
    pub(super) fn next(&mut self) -> Option<(Batch, RaggedIds)> {
        loop {
            if self.job.stop.load(Ordering::Relaxed) {
                self.end();
            }
            if let Some(batch) = self.waiting.pop_front() {
                let mut gathered = RaggedIds::default();
                let ids = &self.parts[batch.part].embedded.tokenized.ids;
                batch.texts.iter().for_each(|&text| gathered.push_text(ids.text(text)));
                return Some((batch, gathered));
            }
            match self.coming.as_ref()?.recv() {
                Ok(Ok(tokenized)) => self.add(tokenized),
                Ok(Err(error)) => self.fail(error),
                Err(_) => self.coming = None,
            }
        }
    }

    /// Takes the vectors of a batch, or the reason why there are none.
    pub(super) fn take(
        &mut self,
        batch: Batch,
        gathered: &RaggedIds,
        encoded: Result<(Vectors, Vec<bool>), EncoderError>,
    ) {
        match encoded {
            Ok((encoded, encoded_now)) => {
                let Partly { embedded: Embedded { vectors, tokenized }, done } = &mut self.parts[batch.part];
                let pooling = self.job.output.pooling;
                for (position, &text) in batch.texts.iter().enumerate() {
                    let (from, to) = (rows(gathered, pooling, position), rows(&tokenized.ids, pooling, text));
                    vectors.rows_mut(to.start, to.end).copy_from_slice(encoded.rows(from.start, from.end));
                    done[text] = encoded_now[position];
                }
                if encoded_now.iter().all(|&done| done) {
                    self.progress.done(batch.texts.len(), gathered.tokens());
                }
            }
            Err(EncoderError::DeviceMemory { .. }) if batch.texts.len() > 1 => self.halve(batch, gathered.tokens()),
            Err(error) => self.fail(error),
        }
    }

    /// Divides a batch of this many tokens into halves. Batches of later parts get half as many tokens.
    fn halve(&mut self, mut batch: Batch, tokens: usize) {
        let half = tokens / 2;
        if self.job.batch_tokens.fetch_min(half, Ordering::Relaxed) > half {
            self.progress.smaller_batches(half);
        }
        let texts = batch.texts.split_off(batch.texts.len() / 2);
        self.waiting.push_front(Batch { part: batch.part, texts });
        self.waiting.push_front(batch);
    }

    /// Ends the work with an error.
    fn fail(&mut self, error: EncoderError) {
        self.failed.get_or_insert(error);
        self.end();
    }

    /// Ends the work. Texts that are not encoded yet stay without a vector.
    fn end(&mut self) {
        self.waiting.clear();
        self.coming = None;
    }

    /// Joins the parts.
    pub(super) fn finish(&mut self) -> Result<Partly, EncoderError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let mut all = Embedded { vectors: Vectors::zeros(0, self.job.output.dim), tokenized: Tokenized::default() };
        let mut done = Vec::new();
        for part in self.parts.drain(..) {
            all.vectors.append(part.embedded.vectors);
            all.tokenized.append(part.embedded.tokenized);
            done.extend(part.done);
        }
        Ok(Partly { embedded: all, done })
    }
}

/// Locks the work. A thread that panicked left it as it was between two batches.
pub(super) fn lock<'a, 'b>(work: &'a Mutex<Work<'b>>) -> MutexGuard<'a, Work<'b>> {
    work.lock().unwrap_or_else(PoisonError::into_inner)
}

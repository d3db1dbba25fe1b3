//! What an encoder is given, and when.
//!
//! Texts are sorted by length and cut into batches of so many tokens, so that a batch's texts are alike; the results come
//! back in the order given. While some texts are encoded, those after them are tokenized.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use super::{Embedded, Progress, rows};
use crate::EncoderError;
use crate::encoder::{Encoder, Output, Vectors};
use crate::model::{RaggedIds, Tokenized};

/// How texts are to be encoded.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub(super) encoder: &'a dyn Encoder,
    pub(super) output: Output,
    /// Tokens of a batch. It falls where the device's memory does not hold that.
    pub(super) batch_tokens: &'a AtomicUsize,
    /// Ends the work soon after it is set.
    pub(super) stop: &'a AtomicBool,
}

impl Job<'_> {
    /// Encodes the texts of `first`, and those of `rest`, which a thread fetches meanwhile: all, if it is not stopped.
    ///
    /// # Errors
    /// Fetching or encoding fails.
    pub(super) fn encode(
        self,
        first: Tokenized,
        mut rest: impl ExactSizeIterator<Item = Result<Tokenized, EncoderError>> + Send,
        progress: &mut dyn Progress,
    ) -> Result<Partly, EncoderError> {
        let mut work =
            Work { job: self, coming: None, waiting: VecDeque::new(), parts: Vec::new(), failed: None, progress };
        work.add(first);
        thread::scope(|scope| {
            let mut at_once = work.waiting.len();
            if rest.len() > 0 {
                at_once = usize::MAX;
                let (sender, coming) = mpsc::sync_channel(1);
                work.coming = Some(coming);
                // It ends with the texts, or when nobody receives any more.
                scope.spawn(move || rest.try_for_each(|part| sender.send(part)));
            }
            let others = self.encoder.in_flight().min(at_once).saturating_sub(1);
            // Counted, so that a panic of whoever encodes drops the receiver, and the fetching thread ends.
            let work = Arc::new(Mutex::new(work));
            let others: Vec<_> = (0..others)
                .map(|_| {
                    let work = Arc::clone(&work);
                    scope.spawn(move || self.encode_batches(&work))
                })
                .collect();
            self.encode_batches(&work);
            others.into_iter().for_each(|other| other.join().unwrap_or_else(|panic| resume_unwind(panic)));
            lock(&work).finish()
        })
    }

    /// Encodes batches until none is left.
    fn encode_batches(self, work: &Mutex<Work<'_>>) {
        loop {
            let Some((batch, ids)) = lock(work).next() else { return };
            let encoded = self.encoder.encode_until(&ids, &self.output, self.stop);
            lock(work).take(batch, &ids, encoded);
        }
    }
}

/// What the threads that encode share.
struct Work<'a> {
    job: Job<'a>,
    /// Parts that are on their way.
    coming: Option<mpsc::Receiver<Result<Tokenized, EncoderError>>>,
    /// Batches of the parts that are here.
    waiting: VecDeque<Batch>,
    /// Each part, with the vectors made so far.
    parts: Vec<Partly>,
    /// What ended the work.
    failed: Option<EncoderError>,
    progress: &'a mut dyn Progress,
}

/// Texts of which some have their vectors, or all.
pub(super) struct Partly {
    pub(super) embedded: Embedded,
    /// Whether each text has its vector.
    pub(super) done: Vec<bool>,
}

/// Texts of one part that are encoded together.
struct Batch {
    part: usize,
    texts: Vec<usize>,
}

/// A thread that panicked left the work as it was between two batches.
fn lock<'a, 'b>(work: &'a Mutex<Work<'b>>) -> MutexGuard<'a, Work<'b>> {
    work.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Work<'_> {
    /// Adds a part.
    fn add(&mut self, tokenized: Tokenized) {
        let (ids, output) = (&tokenized.ids, &self.job.output);
        let part = self.parts.len();
        let texts = batches(ids, self.job.batch_tokens.load(Ordering::Relaxed));
        self.waiting.extend(texts.into_iter().map(|texts| Batch { part, texts }));
        let rows = ids.iter().map(|text| output.rows(text.len())).sum();
        let done = vec![false; ids.len()];
        let embedded = Embedded { vectors: Vectors::zeros(rows, output.dim), tokenized };
        self.parts.push(Partly { embedded, done });
    }

    /// The next batch and its ids; of the part on its way, if need be.
    fn next(&mut self) -> Option<(Batch, RaggedIds)> {
        loop {
            if self.job.stop.load(Ordering::Relaxed) {
                self.end();
            }
            if let Some(batch) = self.waiting.pop_front() {
                let mut gathered = RaggedIds::default();
                let ids = &self.parts[batch.part].embedded.tokenized.ids;
                batch.texts.iter().for_each(|&text| gathered.push(ids.get(text)));
                return Some((batch, gathered));
            }
            match self.coming.as_ref()?.recv() {
                Ok(Ok(tokenized)) => self.add(tokenized),
                Ok(Err(error)) => self.fail(error),
                Err(_) => self.coming = None,
            }
        }
    }

    /// Takes what came of a batch.
    fn take(&mut self, batch: Batch, gathered: &RaggedIds, encoded: Result<(Vectors, Vec<bool>), EncoderError>) {
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

    /// Has a batch of so many tokens encoded by halves, and the parts to come in batches of half as many.
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

    /// Ends the work: what is not encoded yet stays so.
    fn end(&mut self) {
        self.waiting.clear();
        self.coming = None;
    }

    /// All parts together.
    fn finish(&mut self) -> Result<Partly, EncoderError> {
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

/// Consecutive texts together, as long as they have no more than `limit` bytes.
pub(super) fn parts<T: AsRef<str>>(texts: &[T], limit: usize) -> Vec<&[T]> {
    let (mut parts, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (index, text) in texts.iter().enumerate() {
        bytes += text.as_ref().len();
        if bytes > limit && index > start {
            parts.push(&texts[start..index]);
            (start, bytes) = (index, text.as_ref().len());
        }
    }
    parts.push(&texts[start..]);
    parts
}

/// Texts in batches, longest first, each of at most `budget` tokens when padded to its longest, or of one text.
fn batches(ids: &RaggedIds, budget: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..ids.len()).collect();
    order.sort_by_key(|&text| Reverse(ids.get(text).len()));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut room = 0;
    for text in order {
        match batches.last_mut() {
            Some(batch) if batch.len() < room => batch.push(text),
            _ => {
                room = budget / ids.get(text).len().max(1);
                batches.push(vec![text]);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::encoder::Precision;
    use crate::model::Pooling;

    fn ragged(lengths: &[usize]) -> RaggedIds {
        let mut ids = RaggedIds::default();
        lengths.iter().for_each(|&length| ids.push(&vec![length as u32; length]));
        ids
    }

    proptest! {
        #[test]
        fn batches_hold_every_text_once_within_the_budget(lengths in prop::collection::vec(1..300usize, 0..200)) {
            let budget = 512;
            let batches = batches(&ragged(&lengths), budget);
            let mut all: Vec<usize> = batches.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..lengths.len()).collect::<Vec<_>>());
            for batch in &batches {
                let longest = batch.iter().map(|&text| lengths[text]).max().unwrap();
                prop_assert!(batch.len() == 1 || batch.len() * longest <= budget);
            }
        }
    }

    #[test]
    fn parts_are_all_of_the_texts_in_their_order() {
        let texts = [1, 9, 1, 8, 18, 1, 1].map(|length| "x".repeat(length));
        let lengths: Vec<usize> = parts(&texts, 9).iter().map(|part| part.len()).collect();
        assert_eq!(lengths, [1, 1, 2, 1, 2]);
        assert_eq!(parts(&texts, 9).concat(), texts);
        assert_eq!(parts::<String>(&[], 9).concat(), [""; 0]);
    }

    #[test]
    fn texts_of_like_length_share_a_batch() {
        assert_eq!(batches(&ragged(&[2, 100, 3, 100]), 200), vec![vec![1, 3], vec![2, 0]]);
    }

    /// A device whose memory holds so many tokens, and which makes of a text its length.
    struct Device {
        memory: usize,
        in_flight: usize,
    }

    impl Encoder for Device {
        fn dim(&self) -> usize {
            1
        }

        fn encode(&self, ids: &RaggedIds, output: &Output) -> Result<Vectors, EncoderError> {
            if ids.tokens() > self.memory {
                let source = "full".into();
                return Err(EncoderError::DeviceMemory { device: "cuda:0".into(), tokens: ids.tokens(), source });
            }
            let rows = |text: &[u32]| vec![text.len() as f32; output.rows(text.len())];
            Ok(Vectors::new(ids.iter().flat_map(rows).collect(), 1))
        }

        fn batch_tokens(&self) -> usize {
            1000
        }

        fn in_flight(&self) -> usize {
            self.in_flight
        }

        fn precision(&self) -> Precision {
            Precision::F32
        }

        fn describe(&self) -> String {
            "a test's".into()
        }
    }

    /// What was told: texts and tokens done, and how small batches became.
    #[derive(Default)]
    struct Told {
        done: (usize, usize),
        smaller: Vec<usize>,
    }

    impl Progress for Told {
        fn done(&mut self, texts: usize, tokens: usize) {
            self.done = (self.done.0 + texts, self.done.1 + tokens);
        }

        fn smaller_batches(&mut self, tokens: usize) {
            self.smaller.push(tokens);
        }
    }

    /// Encodes parts of texts of these lengths.
    fn encode(
        device: &Device,
        pooling: Pooling,
        parts: &[Vec<usize>],
    ) -> (Result<Embedded, EncoderError>, Told, usize) {
        let batch_tokens = AtomicUsize::new(device.batch_tokens());
        let output = Output { pooling, dim: 1, normalized: false };
        let tokenized = |lengths: &Vec<usize>| Tokenized { ids: ragged(lengths), dropped: vec![0; lengths.len()] };
        let rest: Vec<Result<Tokenized, EncoderError>> = parts[1..].iter().map(|part| Ok(tokenized(part))).collect();
        let mut told = Told::default();
        let job = Job { encoder: device, output, batch_tokens: &batch_tokens, stop: &AtomicBool::new(false) };
        let encoded = job.encode(tokenized(&parts[0]), rest.into_iter(), &mut told);
        let all = |encoded: Partly| {
            assert!(encoded.done.iter().all(|&done| done));
            encoded.embedded
        };
        (encoded.map(all), told, batch_tokens.into_inner())
    }

    /// Sets the flag when so many texts are done.
    struct Stopping<'a>(usize, &'a AtomicBool);

    impl Progress for Stopping<'_> {
        fn done(&mut self, texts: usize, _: usize) {
            self.0 = self.0.saturating_sub(texts);
            self.1.store(self.0 == 0, Ordering::Relaxed);
        }
    }

    #[test]
    fn work_that_is_stopped_gives_what_is_done_and_says_what_that_is() {
        let device = Device { memory: 600, in_flight: 1 };
        let (batch_tokens, stop) = (AtomicUsize::new(100), AtomicBool::new(false));
        let output = Output { pooling: Pooling::Mean, dim: 1, normalized: false };
        let job = Job { encoder: &device, output, batch_tokens: &batch_tokens, stop: &stop };
        let tokenized = |lengths: &[usize]| Tokenized { ids: ragged(lengths), dropped: vec![0; lengths.len()] };
        let rest = [Ok(tokenized(&[7; 40]))];
        let partly = job.encode(tokenized(&[10; 40]), rest.into_iter(), &mut Stopping(15, &stop)).unwrap();
        // Batches of ten texts: two of them.
        assert_eq!(partly.done.iter().filter(|&&done| done).count(), 20);
        for (text, &done) in partly.done.iter().enumerate() {
            assert_eq!(partly.embedded.vectors.row(text), [if done { 10.0 } else { 0.0 }]);
        }
    }

    proptest! {
        #[test]
        fn every_text_has_its_own_vector_whatever_the_memory_and_the_threads(
            parts in prop::collection::vec(prop::collection::vec(1..60usize, 0..60), 1..6),
            memory in 60..2000usize,
            in_flight in 1..4usize,
        ) {
            for pooling in [Pooling::Mean, Pooling::None] {
                let (encoded, told, _) = encode(&Device { memory, in_flight }, pooling, &parts);
                let encoded = encoded.unwrap();
                let lengths = parts.concat();
                let repeat = |&length: &usize| vec![length as f32; if pooling == Pooling::None { length } else { 1 }];
                prop_assert_eq!(encoded.vectors.as_slice(), &lengths.iter().flat_map(repeat).collect::<Vec<f32>>()[..]);
                prop_assert_eq!(&encoded.tokenized.ids, &ragged(&lengths));
                prop_assert_eq!(told.done, (lengths.len(), lengths.iter().sum()));
            }
        }
    }

    #[test]
    fn a_batch_that_memory_does_not_hold_is_halved_and_told_once() {
        let parts = [vec![100; 10], vec![100; 10]];
        let (encoded, told, batch_tokens) = encode(&Device { memory: 600, in_flight: 1 }, Pooling::Mean, &parts);
        assert_eq!(encoded.unwrap().vectors.as_slice(), [100.0; 20]);
        assert_eq!((told.smaller, batch_tokens), (vec![500], 500));
    }

    #[test]
    fn a_text_that_memory_does_not_hold_ends_the_work() {
        for in_flight in [1, 2] {
            let parts = [vec![10; 300], vec![10, 700, 10], vec![10; 300], vec![10; 300], vec![10; 300]];
            let (encoded, ..) = encode(&Device { memory: 600, in_flight }, Pooling::Mean, &parts);
            assert!(matches!(encoded, Err(EncoderError::DeviceMemory { tokens: 700, .. })));
        }
    }
}

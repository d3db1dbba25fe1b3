//! Encodes texts batch by batch, while the texts after them are tokenized.
//!
//! Texts are sorted by length and divided into batches of a certain number of tokens, so that the texts of a batch have
//! similar lengths. The vectors come back in the order of the texts.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use super::progress::Progress;
use super::work::{Job, Partly, Work, lock};
use crate::error::EncoderError;
use crate::model::Tokenized;

impl Job<'_> {
    /// Encodes the texts of `first`, then those of `rest`, which another thread fetches meanwhile. If the job is stopped, some
    /// texts stay without a vector.
    ///
    /// # Errors
    /// Fetching or encoding fails.
    pub(super) fn encode(
        self,
        first: Tokenized,
        mut rest: impl ExactSizeIterator<Item = Result<Tokenized, EncoderError>> + Send,
        progress: &mut dyn Progress,
    ) -> Result<Partly, EncoderError> {
        let mut work = Work::new(self, progress);
        work.add(first);
        thread::scope(|scope| {
            let mut at_once = work.waiting();
            if rest.len() > 0 {
                at_once = usize::MAX;
                let (sender, coming) = mpsc::sync_channel(1);
                work.expect(coming);
                // The thread ends with the texts, or when the receiver is dropped.
                scope.spawn(move || rest.try_for_each(|part| sender.send(part)));
            }
            let others = self.encoder.in_flight().min(at_once).saturating_sub(1);
            // In an `Arc`, so that a panic in an encoding thread drops the receiver, and the fetching thread ends.
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use proptest::prelude::*;

    use super::*;
    use crate::backend::{Encoder, Precision};
    use crate::embedder::Embedded;
    use crate::model::RaggedIds;
    use crate::pooling::{Output, Pooling};
    use crate::vectors::Vectors;

    fn ragged(lengths: &[usize]) -> RaggedIds {
        let mut ids = RaggedIds::default();
        lengths.iter().for_each(|&length| ids.push(&vec![length as u32; length]));
        ids
    }

    /// A device whose memory holds this many tokens. Its vector for a text is the text's length.
    struct Device {
        memory: usize,
        in_flight: usize,
    }

    impl Encoder for Device {
        fn dim(&self) -> usize {
            1
        }

        fn word_vectors(&self, ids: &[u32]) -> Result<Vectors, EncoderError> {
            Ok(Vectors::zeros(ids.len(), 1))
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

    /// What the progress received: texts and tokens done, and how small batches became.
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

    /// Sets the flag once this many texts are done.
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
        // A batch has ten texts, so two batches are done.
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

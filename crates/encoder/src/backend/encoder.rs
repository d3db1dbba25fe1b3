//! The interface of every encoder.

use std::sync::atomic::{AtomicBool, Ordering};

use super::cpu::PackedEncoder;
use super::device::Precision;
use crate::error::EncoderError;
use crate::model::{RaggedIds, Weights};
use crate::pooling::Output;
use crate::vectors::Vectors;

/// Runs a model on token ids.
///
/// Several threads may call one encoder at the same time. No call changes another's vectors.
pub trait Encoder: Send + Sync {
    /// Components of the model's vectors.
    fn dim(&self) -> usize;

    /// Encodes the texts as one batch, in the order given. A text has as many rows as [`Output::rows`] says, each of
    /// `output.dim` components.
    ///
    /// A batch is cheapest when its texts have similar lengths.
    ///
    /// # Errors
    /// [`EncoderError::DeviceMemory`] if a smaller batch may fit. Any other error: the device fails, or the model has no
    /// such token.
    fn encode(&self, ids: &RaggedIds, output: &Output) -> Result<Vectors, EncoderError>;

    /// Encodes the texts until `stop` is set. Soon after that it returns the vectors made so far, and for each text whether
    /// it has its vector. An encoder with short batches finishes the one that it has begun.
    ///
    /// # Errors
    /// Those of [`Encoder::encode`].
    fn encode_until(
        &self,
        ids: &RaggedIds,
        output: &Output,
        stop: &AtomicBool,
    ) -> Result<(Vectors, Vec<bool>), EncoderError> {
        if stop.load(Ordering::Relaxed) {
            let rows = ids.iter().map(|text| output.rows(text.len())).sum();
            return Ok((Vectors::zeros(rows, output.dim), vec![false; ids.len()]));
        }
        Ok((self.encode(ids, output)?, vec![true; ids.len()]))
    }

    /// The vectors that the model begins with: a row of its table of words for each token, `[ids, dim]`, in f32. They know
    /// nothing of the tokens around.
    ///
    /// # Errors
    /// The device fails, or the model has no such token.
    fn word_vectors(&self, ids: &[u32]) -> Result<Vectors, EncoderError>;

    /// The number of tokens in a batch with which the encoder is fastest.
    fn batch_tokens(&self) -> usize;

    /// How many batches one call should have encoded at once, each by a thread of its own. If it is more than one, the
    /// processor is free for other work meanwhile.
    fn in_flight(&self) -> usize {
        1
    }

    /// The arithmetic of its matrix products.
    fn precision(&self) -> Precision;

    /// The device and the instructions it computes with, for a person to read.
    fn describe(&self) -> String;

    /// The encoder itself if its weights are packed. Only such an encoder has a prepared form.
    fn packed(&self) -> Option<&PackedEncoder> {
        None
    }
}

/// Checks that a model with this many words and positions has an embedding for every token.
pub(super) fn check(ids: &RaggedIds, words: usize, positions: usize) -> Result<(), EncoderError> {
    check_words(ids.iter().flatten(), words)?;
    match ids.iter().map(<[u32]>::len).find(|&length| length > positions) {
        Some(length) => Err(EncoderError::Unsupported(format!("{length} tokens: the model has {positions} positions"))),
        None => Ok(()),
    }
}

/// Checks that a model with this many words has every token.
pub(super) fn check_words<'a>(mut ids: impl Iterator<Item = &'a u32>, words: usize) -> Result<(), EncoderError> {
    match ids.find(|&&id| id as usize >= words) {
        Some(id) => Err(EncoderError::Unsupported(format!(
            "the tokenizer makes token {id}, and the model has {words} words: these files do not belong together"
        ))),
        None => Ok(()),
    }
}

/// Checks that all values are finite. If one is not, the error names a weight that is not finite. If all weights are
/// finite, the error says that intermediate numbers became too large.
pub(super) fn check_finite(
    values: &[f32],
    weights: &Weights,
    device: impl FnOnce() -> String,
    hint: &str,
) -> Result<(), EncoderError> {
    weights.check_whole()?;
    if values.iter().all(|value| value.is_finite()) {
        return Ok(());
    }
    let beyond =
        || EncoderError::Arithmetic { device: device(), source: format!("a number is out of range{hint}").into() };
    Err(weights.not_finite().unwrap_or_else(beyond))
}

//! Token ids in, vectors out.
//!
//! [`Encoder`] is the one interface: ragged ids, never padded ones, so that what a batch is made of is the encoder's
//! own affair. [`PackedEncoder`] is for CPUs, [`GpuEncoder`] for GPUs, [`CandleEncoder`] the reference for both. Texts and
//! their order belong to [`crate::embedder`].

mod candle;
mod cuda;
mod gpu;
mod linear;
mod network;
mod packed;
mod pooling;

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

pub use self::candle::CandleEncoder;
pub use self::gpu::GpuEncoder;
pub use self::packed::PackedEncoder;
pub use self::pooling::{Output, normalize, pool};
use crate::EncoderError;
use crate::model::{RaggedIds, Weights};
use semsearch_files::Cause;

/// Runs a model on token ids.
pub trait Encoder: Send + Sync {
    /// Components of the model's vectors.
    fn dim(&self) -> usize;

    /// Encodes the texts as one batch, in the order given: of each text the rows that [`Output::rows`] tells, of
    /// `output.dim` components.
    ///
    /// Texts of similar length make the cheapest batch.
    ///
    /// # Errors
    /// [`EncoderError::DeviceMemory`]: a smaller batch may do. Any other: the device fails, or the model has no such token.
    fn encode(&self, ids: &RaggedIds, output: &Output) -> Result<Vectors, EncoderError>;

    /// The same until `stop` is set: soon after that it gives what is done, and for each text whether it is. An encoder whose
    /// batches are short ends the one that it has begun.
    ///
    /// # Errors
    /// As [`Encoder::encode`].
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

    /// How many tokens a batch should have for the encoder to be at its best.
    fn batch_tokens(&self) -> usize;

    /// How many batches it should have at once, each from a thread of its own; with more than one, the processor is free
    /// for other work meanwhile.
    fn in_flight(&self) -> usize {
        1
    }

    /// The arithmetic of its matrix products.
    fn precision(&self) -> Precision;

    /// Where it computes and by which instructions, for a person to read.
    fn describe(&self) -> String;
}

/// An error of candle's without the calls that led to it, which it adds where the environment has Rust's backtraces on.
fn cause(error: candle_core::Error) -> Cause {
    match error {
        candle_core::Error::WithBacktrace { inner, .. } => cause(*inner),
        other => other.into(),
    }
}

/// Checks that a model of so many words and positions has an embedding for every token.
fn check(ids: &RaggedIds, words: usize, positions: usize) -> Result<(), EncoderError> {
    if let Some(id) = ids.iter().flatten().find(|&&id| id as usize >= words) {
        return Err(EncoderError::Unsupported(format!(
            "the tokenizer makes token {id}, and the model has {words} words: these files do not belong together"
        )));
    }
    match ids.iter().map(<[u32]>::len).find(|&length| length > positions) {
        Some(length) => Err(EncoderError::Unsupported(format!("{length} tokens: the model has {positions} positions"))),
        None => Ok(()),
    }
}

/// Checks that a model made numbers of its texts. If not, one of its weights is none, and named, or they are too large.
fn check_finite(
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
        || EncoderError::Arithmetic { device: device(), source: format!("numbers beyond all range{hint}").into() };
    Err(weights.not_finite().unwrap_or_else(beyond))
}

/// Rows of equal length, one after the other.
///
/// Invariant: `data.len()` is a multiple of `dim`, and `dim` is not 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Vectors {
    data: Vec<f32>,
    dim: usize,
}

impl Vectors {
    /// Rows of `dim` components.
    ///
    /// # Panics
    /// If `data` is not whole rows.
    pub fn new(data: Vec<f32>, dim: usize) -> Self {
        assert!(dim > 0 && data.len().is_multiple_of(dim), "{} floats are no rows of {dim}", data.len());
        Self { data, dim }
    }

    /// `rows` rows of zeros.
    pub fn zeros(rows: usize, dim: usize) -> Self {
        Self::new(vec![0.0; rows * dim], dim)
    }

    /// Components of a row.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.data.len() / self.dim
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// Row `index`.
    pub fn row(&self, index: usize) -> &[f32] {
        &self.data[index * self.dim..][..self.dim]
    }

    /// Rows `start..end`, one after the other.
    pub fn rows(&self, start: usize, end: usize) -> &[f32] {
        &self.data[start * self.dim..end * self.dim]
    }

    /// Rows `start..end`, to write to.
    pub fn rows_mut(&mut self, start: usize, end: usize) -> &mut [f32] {
        &mut self.data[start * self.dim..end * self.dim]
    }

    /// Every row, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.data.chunks_exact(self.dim)
    }

    /// Every row, to write to.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = &mut [f32]> {
        self.data.chunks_exact_mut(self.dim)
    }

    /// These rows, in this order.
    pub fn gather(&self, rows: &[usize]) -> Self {
        Self::new(rows.iter().flat_map(|&row| self.row(row)).copied().collect(), self.dim)
    }

    /// Adds the rows of `more`, of the same dimension, after the others.
    pub fn append(&mut self, more: Self) {
        debug_assert_eq!(self.dim, more.dim);
        if self.is_empty() {
            // Most are all there is.
            *self = more;
        } else {
            self.data.extend_from_slice(&more.data);
        }
    }

    /// All components, row after row.
    pub fn as_slice(&self) -> &[f32] {
        &self.data
    }
}

/// Where an encoder runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Device {
    /// CUDA if it is built in and answers, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The CUDA device of this number.
    Cuda(usize),
}

impl FromStr for Device {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word.split_once(':') {
            None if word == "auto" => Ok(Self::Auto),
            None if word == "cpu" => Ok(Self::Cpu),
            None if word == "cuda" => Ok(Self::Cuda(0)),
            Some(("cuda", number)) => number
                .parse()
                .map(Self::Cuda)
                .map_err(|_| format!("no device number {number:?}: expected one as in cuda:0")),
            _ => Err(format!("no device {word:?}: expected auto, cpu, cuda or cuda:N")),
        }
    }
}

/// The arithmetic of an encoder's matrix products.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats.
    F32,
    /// 16-bit floats of 8 exponent bits, accumulated in 32-bit ones.
    Bf16,
    /// 16-bit floats of 5 exponent bits.
    F16,
    /// 8-bit integers, accumulated in 32-bit ones.
    Int8,
}

impl Precision {
    /// All of them, the most exact first.
    pub const ALL: [Self; 4] = [Self::F32, Self::F16, Self::Bf16, Self::Int8];
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
            Self::Int8 => "int8",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_spelled_as_documented() {
        assert_eq!("cuda:2".parse(), Ok(Device::Cuda(2)));
        assert_eq!("cuda".parse(), Ok(Device::Cuda(0)));
        assert!("cuda:x".parse::<Device>().is_err() && "gpu".parse::<Device>().is_err());
    }

    #[test]
    #[should_panic(expected = "no rows of 3")]
    fn vectors_are_whole_rows() {
        Vectors::new(vec![0.0; 4], 3);
    }
}

//! BERT on an NVIDIA GPU, in f32, bf16 or f16.
//!
//! Two lanes: each has a stream and the weights, 90 MB in f32, of its own, and serves one caller at a time. While one
//! waits for its vectors to be copied back, the other's batch runs. candle's tensors of two streams cannot meet, and
//! waiting for a copy is waiting for its whole stream, so two streams without weights of their own would gain nothing.
//!
//! It runs on a CPU as well, where it is slow, so that all but the device is tested where there is no GPU.

use std::sync::{Mutex, MutexGuard, PoisonError};

use candle_core::{DType, Device as CandleDevice, DeviceLocation};

use super::network::Network;
use super::{Device, Encoder, Output, Precision, Vectors, cause, check, check_finite, cuda};
use crate::EncoderError;
use crate::model::{BertConfig, ModelFiles, Pooling, RaggedIds, Weights};

/// Batches in flight.
const LANES: usize = 2;

/// Tokens of a batch, where memory allows: the products fill a large GPU, and a kernel runs longer than its launch takes.
const BATCH_TOKENS: usize = 1 << 16;

/// Tokens of a batch on a CPU.
const CPU_BATCH_TOKENS: usize = 1 << 12;

/// The share of a GPU's free memory that batches may fill, by the estimate of [`bytes_per_token`].
const MEMORY_SHARE: usize = 2;

/// BERT on a GPU.
pub struct GpuEncoder {
    lanes: Vec<Mutex<Network>>,
    /// As they are in the file.
    weights: Weights,
    dim: usize,
    vocabulary: usize,
    positions: usize,
    precision: Precision,
    batch_tokens: usize,
    place: String,
}

impl GpuEncoder {
    /// Loads the model's weights to the device, and has it encode a word, so that what it cannot do is known at once.
    ///
    /// The precisions are f32, bf16 and f16; for int8, which has no products here, it is f32.
    ///
    /// # Errors
    /// There is no such device, or it cannot run the network; the weights are missing, damaged, or not BERT's.
    pub fn load(
        model: &ModelFiles,
        config: &BertConfig,
        device: Device,
        precision: Precision,
    ) -> Result<Self, EncoderError> {
        let (precision, dtype) = match precision {
            Precision::Bf16 => (precision, DType::BF16),
            Precision::F16 => (precision, DType::F16),
            Precision::F32 | Precision::Int8 => (Precision::F32, DType::F32),
        };
        let weights = Weights::open(model)?;
        let mut lanes = Vec::with_capacity(LANES);
        for _ in 0..LANES {
            let device = match device {
                Device::Cpu => CandleDevice::Cpu,
                Device::Auto => cuda::open(0)?,
                Device::Cuda(number) => cuda::open(number)?,
            };
            let network = weights.build(&device, |weights| Network::load(&weights, config, dtype));
            lanes.push(Mutex::new(network.map_err(|source| match is_devices(&source) {
                true => unusable(&place(&device), "it does not take the model's weights".into(), source),
                false => weights.damaged(cause(source)),
            })?));
        }
        let mut encoder = Self {
            lanes,
            weights,
            dim: config.hidden_size,
            vocabulary: config.vocab_size,
            positions: config.max_position_embeddings,
            precision,
            batch_tokens: CPU_BATCH_TOKENS,
            place: String::new(),
        };
        encoder.settle(config, dtype)?;
        Ok(encoder)
    }

    /// Names the device, tries it, and sizes batches to the memory that it has left.
    fn settle(&mut self, config: &BertConfig, dtype: DType) -> Result<(), EncoderError> {
        let device = self.lane(0).device().clone();
        self.place = place(&device);
        let mut word = RaggedIds::default();
        word.push(&[0]);
        let output = Output { pooling: Pooling::Mean, dim: self.dim, normalized: true };
        for number in 0..self.lanes.len() {
            let tried = self.lane(number).encode(&word, &output);
            tried.map_err(|source| {
                unusable(&self.place, format!("it does not compute in {}", self.precision), source)
            })?;
        }
        if let Some(free) = cuda::free_memory(&device) {
            let room = free / MEMORY_SHARE / LANES / bytes_per_token(config, dtype);
            // A text of any length is a batch.
            self.batch_tokens = room.min(BATCH_TOKENS).max(self.positions);
        }
        if let Some(name) = cuda::name(&device) {
            self.place = format!("{} ({name})", self.place);
        }
        Ok(())
    }

    /// A lane that is free, or the first one once it is.
    fn free_lane(&self) -> MutexGuard<'_, Network> {
        self.lanes.iter().find_map(|lane| lane.try_lock().ok()).unwrap_or_else(|| self.lane(0))
    }

    fn lane(&self, number: usize) -> MutexGuard<'_, Network> {
        // A network does not change: one whose caller panicked is as good as any.
        self.lanes[number].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Encoder for GpuEncoder {
    fn dim(&self) -> usize {
        self.dim
    }

    fn encode(&self, ids: &RaggedIds, output: &Output) -> Result<Vectors, EncoderError> {
        check(ids, self.vocabulary, self.positions)?;
        if ids.is_empty() {
            return Ok(Vectors::zeros(0, output.dim));
        }
        let (device, tokens) = (|| self.place.clone(), ids.tokens());
        let vectors = self.free_lane().encode(ids, output).map_err(|source| match cuda::is_out_of_memory(&source) {
            true => EncoderError::DeviceMemory { device: device(), tokens, source: cause(source) },
            false => EncoderError::Arithmetic { device: device(), source: cause(source) },
        })?;
        let hint = if self.precision == Precision::F16 { " of f16: use `--precision bf16` or `f32`" } else { "" };
        check_finite(&vectors, &self.weights, device, hint)?;
        Ok(Vectors::new(vectors, output.dim))
    }

    fn batch_tokens(&self) -> usize {
        self.batch_tokens
    }

    fn in_flight(&self) -> usize {
        self.lanes.len()
    }

    fn precision(&self) -> Precision {
        self.precision
    }

    fn describe(&self) -> String {
        format!("{}, by candle", self.place)
    }
}

/// The device as it is named on the command line.
fn place(device: &CandleDevice) -> String {
    match device.location() {
        DeviceLocation::Cuda { gpu_id } => format!("cuda:{gpu_id}"),
        _ => "cpu".into(),
    }
}

/// Whether it was the GPU that failed, and not what it was given.
fn is_devices(error: &candle_core::Error) -> bool {
    match error {
        candle_core::Error::WithBacktrace { inner, .. } => is_devices(inner),
        error => matches!(error, candle_core::Error::Cuda(_)),
    }
}

/// That the device cannot be used, in the driver's words where it has any.
fn unusable(device: &str, what: String, source: candle_core::Error) -> EncoderError {
    let what = cuda::why(&source).map_or(what, Into::into);
    EncoderError::Device { device: device.into(), what, missing: false, source: Some(cause(source)) }
}

/// Bytes that a batch needs for each of its tokens, at most: what lives together in a layer's attention and in its
/// feed-forward half, for the longest texts.
fn bytes_per_token(config: &BertConfig, dtype: DType) -> usize {
    let scores = config.num_attention_heads * config.max_position_embeddings;
    let values = 12 * config.hidden_size + 3 * config.intermediate_size + 3 * scores;
    values * dtype.size_in_bytes()
}

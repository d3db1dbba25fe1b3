//! A network in candle's tensors: on NVIDIA GPUs in f32, bf16 or f16, and on the CPU for comparison.
//!
//! On a GPU there are two lanes. Each has its own stream and its own weights, 90 MB in f32, and serves one batch at a
//! time. While one batch waits until its vectors are copied back, the other one runs. Tensors of two streams cannot be
//! combined in candle, and to wait for a copy is to wait for the whole stream, so two streams with shared weights would
//! gain nothing. On the CPU both lanes share the weights, so everything except the device is tested on machines without
//! a GPU.

mod attention;
mod cuda;
mod failure;
mod lanes;
mod layer;
mod loader;
mod network;
mod pooled;
mod relative;
mod same_length;

use std::sync::Arc;

use candle_core::{DType, Device as CandleDevice};

use self::failure::cause;
use self::lanes::Lanes;
use self::loader::{Loader, place};
use self::network::TensorNetwork;
use super::device::{Device, Precision};
use super::encoder::{Encoder, check, check_finite, check_words};
use crate::architecture::Transformer;
use crate::error::EncoderError;
use crate::model::{ModelFiles, RaggedIds, Weights};
use crate::pooling::{Output, Pooling};
use crate::vectors::Vectors;

/// The number of batches that run at the same time.
const LANES: usize = 2;

/// The tokens of a batch, if memory allows: the products fill a large GPU, and a kernel runs longer than its launch
/// takes.
const BATCH_TOKENS: usize = 1 << 16;

/// The tokens of a batch on a CPU.
const CPU_BATCH_TOKENS: usize = 1 << 12;

/// Batches may fill one part in this many of a GPU's free memory, by the estimate of [`bytes_per_token`].
const MEMORY_SHARE: usize = 2;

/// A network in candle's tensors.
pub struct TensorEncoder {
    lanes: Lanes,
    weights: Weights,
    network: Transformer,
    precision: Precision,
    batch_tokens: usize,
    place: String,
}

impl TensorEncoder {
    /// Loads the model's weights to the device, and encodes a word there, so that errors of the device show at once.
    ///
    /// The precisions are f32, bf16 and f16. int8 becomes f32, because candle's tensors have no int8. [`Device::Auto`]
    /// is the first GPU.
    ///
    /// # Errors
    /// There is no such device, or it cannot run the network; the weights are missing, damaged, or not those of the
    /// network.
    pub fn load(
        model: &ModelFiles,
        network: &Transformer,
        device: Device,
        precision: Precision,
    ) -> Result<Self, EncoderError> {
        let (precision, dtype) = match precision {
            Precision::Bf16 => (precision, DType::BF16),
            Precision::F16 => (precision, DType::F16),
            Precision::F32 | Precision::Int8 => (Precision::F32, DType::F32),
        };
        let weights = Weights::open(model, network)?;
        let load = |device: CandleDevice| {
            let loader = Loader { weights: &weights, device: &device, dtype, hidden_size: network.hidden_size };
            TensorNetwork::load(&loader, network).map(Arc::new)
        };
        let gpu = |number| (0..LANES).map(|_| load(cuda::open(number)?)).collect::<Result<_, EncoderError>>();
        let networks = match device {
            Device::Cpu => vec![load(CandleDevice::Cpu)?; LANES],
            Device::Auto => gpu(0)?,
            Device::Cuda(number) => gpu(number)?,
        };
        let place = place(networks[0].device());
        let (lanes, network) = (Lanes::new(networks), network.clone());
        let mut encoder = Self { lanes, weights, network, precision, batch_tokens: CPU_BATCH_TOKENS, place };
        encoder.settle(dtype)?;
        Ok(encoder)
    }

    /// Tries the device, chooses the size of batches by its free memory, and reads its name.
    fn settle(&mut self, dtype: DType) -> Result<(), EncoderError> {
        let mut word = RaggedIds::default();
        word.push(&[0]);
        let output = Output { pooling: Pooling::Mean, dim: self.dim(), normalized: true };
        for network in self.lanes.networks() {
            network.encode(&word, &output).map_err(|source| {
                cuda::unusable(&self.place, format!("it does not compute in {}", self.precision), source)
            })?;
        }
        let device = self.lanes.networks()[0].device().clone();
        if let Some(free) = cuda::free_memory(&device) {
            let room = free / MEMORY_SHARE / LANES / bytes_per_token(&self.network, dtype);
            // A batch must have room for a text of any length.
            self.batch_tokens = room.min(BATCH_TOKENS).max(self.network.max_tokens);
        }
        if let Some(name) = cuda::name(&device) {
            self.place = format!("{} ({name})", self.place);
        }
        Ok(())
    }
}

impl Encoder for TensorEncoder {
    fn dim(&self) -> usize {
        self.network.hidden_size
    }

    fn encode(&self, ids: &RaggedIds, output: &Output) -> Result<Vectors, EncoderError> {
        check(ids, self.network.vocabulary(), self.network.max_tokens)?;
        if ids.is_empty() {
            return Ok(Vectors::zeros(0, output.dim));
        }
        let (device, tokens) = (|| self.place.clone(), ids.tokens());
        let encoded = self.lanes.take().encode(ids, output);
        let vectors = encoded.map_err(|source| match cuda::is_out_of_memory(&source) {
            true => EncoderError::DeviceMemory { device: device(), tokens, source: cause(source) },
            false => EncoderError::Arithmetic { device: device(), source: cause(source) },
        })?;
        let hint = if self.precision == Precision::F16 { " of f16; bf16 and f32 have a larger range" } else { "" };
        check_finite(&vectors, &self.weights, device, hint)?;
        Ok(Vectors::new(vectors, output.dim))
    }

    fn word_vectors(&self, ids: &[u32]) -> Result<Vectors, EncoderError> {
        check_words(ids.iter(), self.network.vocabulary())?;
        if ids.is_empty() {
            return Ok(Vectors::zeros(0, self.dim()));
        }
        let failed = |source| EncoderError::Arithmetic { device: self.place.clone(), source: cause(source) };
        let rows = self.lanes.take().word_vectors(ids).map_err(failed)?;
        check_finite(&rows, &self.weights, || self.place.clone(), "")?;
        Ok(Vectors::new(rows, self.dim()))
    }

    fn batch_tokens(&self) -> usize {
        self.batch_tokens
    }

    fn in_flight(&self) -> usize {
        LANES
    }

    fn precision(&self) -> Precision {
        self.precision
    }

    fn describe(&self) -> String {
        format!("{}, by candle", self.place)
    }
}

/// The most bytes that a batch needs for each of its tokens: everything that a layer's attention and its feed-forward
/// network hold at one time, for the longest texts.
fn bytes_per_token(network: &Transformer, dtype: DType) -> usize {
    let scores = network.heads * network.max_tokens;
    let values = 12 * network.hidden_size + 3 * network.intermediate_size() + 3 * scores;
    values * dtype.size_in_bytes()
}

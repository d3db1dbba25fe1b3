//! How a model is to be run.

use semsearch_kernels::Isa;

use crate::backend::{Device, Precision};
use crate::pooling::Pooling;

/// How a model is to be run. The default is as its own files say, in f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where the model runs.
    pub device: Device,
    /// The arithmetic. `None` is bf16 where the device multiplies such numbers, and f32 elsewhere.
    pub precision: Option<Precision>,
    /// How token vectors become a text's vector. `None` is the model's way.
    pub pooling: Option<Pooling>,
    /// Tokens kept of a text, special tokens included. `None` is the model's number.
    pub max_length: Option<usize>,
    /// Whether vectors are scaled to length 1. `None` is what the model does.
    pub normalized: Option<bool>,
    /// How many components of a vector are kept, the first ones, for models whose training makes these say most
    /// (Kusupati et al. 2022, *Matryoshka Representation Learning*). `None` keeps all.
    pub truncate_dim: Option<usize>,
    /// The implementation of the network. `None` is the packed one on a CPU, if it can run the model, and else that with
    /// candle's tensors.
    pub backend: Option<Backend>,
    /// The instruction set of the packed backend. `None` is the best that the processor has.
    pub isa: Option<Isa>,
    /// Tokens of a batch. `None` is a number that suits the backend and its memory.
    pub batch_tokens: Option<usize>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            device: Device::Auto,
            precision: Some(Precision::F32),
            pooling: None,
            max_length: None,
            normalized: None,
            truncate_dim: None,
            backend: None,
            isa: None,
            batch_tokens: None,
        }
    }
}

/// An implementation of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// For CPUs: weights packed for this project's own kernels.
    Packed,
    /// candle's tensors: for GPUs, and on the CPU for models that the packed backend cannot run.
    Tensor,
}

//! How a model is run.

use semsearch_kernels::Isa;

use crate::backend::{Device, Precision};
use crate::pooling::Pooling;

/// How a model is run. The default is what its own files say, in f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where the model runs.
    pub device: Device,
    /// The arithmetic. `None` means bf16 if the device multiplies such numbers, and otherwise f32.
    pub precision: Option<Precision>,
    /// How token vectors become a text's vector. `None` means the model's own setting.
    pub pooling: Option<Pooling>,
    /// The tokens that are kept of a text, special tokens included. `None` means the model's own number.
    pub max_length: Option<usize>,
    /// Whether vectors are scaled to length 1. `None` means the model's own setting.
    pub normalized: Option<bool>,
    /// How many components of a vector are kept, from the first on. This is for models whose training puts the most
    /// important components first (Kusupati et al. 2022, *Matryoshka Representation Learning*). `None` keeps all.
    pub truncate_dim: Option<usize>,
    /// The implementation of the network. `None` means the packed backend on a CPU, and the backend with candle's tensors on
    /// a GPU.
    pub backend: Option<Backend>,
    /// The instruction set of the packed backend. `None` means the best one that the processor supports.
    pub isa: Option<Isa>,
    /// The tokens of a batch. `None` means a number that suits the backend and its memory.
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
    /// candle's tensors: for GPUs, and on the CPU for comparison.
    Tensor,
}

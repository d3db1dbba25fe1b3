//! Multi-head attention in candle's tensors.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{Linear, Module, ops, rotary_emb};

use super::loader::Loader;
use super::relative::{rotations, window};
use super::same_length::SameLength;
use crate::architecture::{AttentionSpec, LayerSpec};
use crate::backend::positions::DistanceBias;
use crate::error::EncoderError;

/// Attention, and the linear layer after it.
pub(super) struct Attention {
    spec: AttentionSpec,
    /// Queries, keys and values in one product, `[3 · hidden_size, hidden_size]`. The weights of the queries are
    /// divided by √(a head's dimension).
    qkv: Linear,
    output: Linear,
    heads: usize,
}

impl Attention {
    /// Copies the weights to the device.
    ///
    /// # Errors
    /// A tensor is missing or has another size than described, or the device has no memory for it.
    pub(super) fn load(loader: &Loader<'_>, spec: &LayerSpec, heads: usize) -> std::result::Result<Self, EncoderError> {
        let scale = ((loader.hidden_size / heads) as f64).sqrt().recip() as f32;
        let qkv = loader.linear(&spec.qkv, Some((loader.hidden_size, scale)))?;
        Ok(Self { spec: spec.attention, qkv, output: loader.linear(&spec.output, None)?, heads })
    }

    /// output(softmax(q kᵀ + bias) v) for every head of every text, `[tokens, hidden_size]`.
    pub(super) fn forward(
        &self,
        hidden: &Tensor,
        groups: &[SameLength],
        bias: Option<&DistanceBias>,
    ) -> Result<Tensor> {
        let qkv = self.qkv.forward(hidden)?;
        let contexts = groups
            .iter()
            .map(|group| self.attend(&qkv.narrow(0, group.start, group.rows())?, group, bias))
            .collect::<Result<Vec<_>>>()?;
        match &contexts[..] {
            [one] => self.output.forward(one),
            several => self.output.forward(&Tensor::cat(several, 0)?),
        }
    }

    /// softmax(q kᵀ + bias) v for texts of one length.
    fn attend(&self, qkv: &Tensor, group: &SameLength, bias: Option<&DistanceBias>) -> Result<Tensor> {
        let dim = qkv.dim(1)? / 3;
        // [3, texts, heads, length, a head's dimension]
        let qkv = qkv
            .reshape((group.texts, group.length, 3, self.heads, dim / self.heads))?
            .permute((2, 0, 3, 1, 4))?
            .contiguous()?;
        let (mut queries, mut keys, values) = (qkv.get(0)?, qkv.get(1)?, qkv.get(2)?);
        if let Some(base) = self.spec.rotary {
            let (cosines, sines) = rotations(base, group.length, dim / self.heads, &queries)?;
            queries = rotary_emb::rope(&queries, &cosines, &sines)?;
            keys = rotary_emb::rope(&keys, &cosines, &sines)?;
        }
        let mut scores = queries.matmul(&keys.t()?)?;
        if let Some(bias) = bias {
            scores = scores.broadcast_add(&bias.of(group.length, scores.device(), scores.dtype())?)?;
        }
        if let Some(distance) = self.spec.window.filter(|distance| distance + 1 < group.length) {
            let mask = window(distance, group.length, scores.device(), scores.dtype())?;
            scores = scores.broadcast_add(&mask)?;
        }
        softmax(&scores)?.matmul(&values)?.transpose(1, 2)?.reshape((group.rows(), dim))
    }
}

/// The softmax of each row. On a GPU, candle sums a row in 32 bits; on a CPU it would sum in the type of the values.
fn softmax(scores: &Tensor) -> Result<Tensor> {
    match scores.device() {
        Device::Cpu => ops::softmax_last_dim(&scores.to_dtype(DType::F32)?)?.to_dtype(scores.dtype()),
        _ => ops::softmax_last_dim(scores),
    }
}

//! One transformer layer on the CPU.

use semsearch_kernels::{Activation, AttentionShape, LayerNorm, Qkv};

use super::linear::Linear;
use super::scratch::GroupScratch;
use crate::architecture::{LayerSpec, NormSpec};
use crate::error::EncoderError;
use crate::model::Weights;

/// Rows of the feed-forward network that are computed at once: 96 × 1536 floats are 0.6 MB.
const ROWS: usize = 96;

/// Attention, then a feed-forward network.
pub(super) struct PackedLayer {
    /// Queries, keys and values in one product: `[hidden_size, 3 · hidden_size]`.
    qkv: Linear,
    output: Linear,
    attention_norm: LayerNorm,
    up: Linear,
    down: Linear,
    norm: LayerNorm,
}

impl PackedLayer {
    /// Finds the layer's tensors.
    ///
    /// # Errors
    /// A tensor is missing, has another size than described, or one of its values is not finite.
    pub(super) fn load(weights: &Weights, spec: &LayerSpec, hidden_size: usize) -> Result<Self, EncoderError> {
        Ok(Self {
            qkv: Linear::load(weights, &spec.qkv)?,
            output: Linear::load(weights, &spec.output)?,
            attention_norm: norm(weights, &spec.attention_norm, hidden_size)?,
            up: Linear::load(weights, &spec.up)?,
            down: Linear::load(weights, &spec.down)?,
            norm: norm(weights, &spec.norm, hidden_size)?,
        })
    }

    /// The layer's linear layers.
    pub(super) fn linears(&self) -> [&Linear; 4] {
        [&self.qkv, &self.output, &self.up, &self.down]
    }

    /// hidden = LayerNorm(hidden + attention(hidden))
    pub(super) fn attend(&self, ids: &[&[u32]], shape: AttentionShape, scratch: &mut GroupScratch) {
        let GroupScratch { kernels, hidden, qkv, context, output, attention, linear, .. } = scratch;
        let tokens = hidden.len() / self.qkv.inputs();
        qkv.resize(tokens * self.qkv.outputs(), 0.0);
        context.resize(hidden.len(), 0.0);
        output.resize(hidden.len(), 0.0);
        self.qkv.apply(hidden, Activation::None, linear, qkv);
        let (mut qkv, mut context_rest) = (&qkv[..], &mut context[..]);
        for text in ids {
            let (text_qkv, qkv_after) = qkv.split_at(text.len() * self.qkv.outputs());
            let (text_context, context_after) = context_rest.split_at_mut(text.len() * self.qkv.inputs());
            kernels.isa.attention(kernels.format, Qkv { values: text_qkv, shape }, attention, text_context);
            (qkv, context_rest) = (qkv_after, context_after);
        }
        self.output.apply(context, Activation::None, linear, output);
        kernels.isa.add_layer_norm(hidden, output, &self.attention_norm);
    }

    /// hidden = LayerNorm(hidden + down(gelu(up(hidden)))), some rows at a time.
    pub(super) fn feed_forward(&self, scratch: &mut GroupScratch) {
        let GroupScratch { kernels, hidden, output, inner, linear, .. } = scratch;
        let (dim, width) = (self.up.inputs(), self.up.outputs());
        for (rows, out) in hidden.chunks_mut(ROWS * dim).zip(output.chunks_mut(ROWS * dim)) {
            inner.resize(rows.len() / dim * width, 0.0);
            self.up.apply(rows, Activation::Gelu, linear, inner);
            self.down.apply(inner, Activation::None, linear, out);
            kernels.isa.add_layer_norm(rows, out, &self.norm);
        }
    }
}

/// Reads the weight and the bias of a normalization.
pub(super) fn norm(weights: &Weights, spec: &NormSpec, size: usize) -> Result<LayerNorm, EncoderError> {
    Ok(LayerNorm {
        weight: weights.get_finite(&format!("{}.weight", spec.name), size)?.to_vec(),
        bias: weights.get_finite(&format!("{}.bias", spec.name), size)?.to_vec(),
        epsilon: spec.epsilon as f32,
    })
}

//! One transformer layer on the CPU.

use std::sync::Arc;

use semsearch_kernels::{Activation, AttentionShape, Isa, LayerNorm, Memory, Qkv, Reach};

use super::linear::Linear;
use super::scratch::GroupScratch;
use crate::architecture::{AttentionSpec, HiddenAct, LayerSpec, LinearSpec, NormOrder, NormSpec};
use crate::error::EncoderError;
use crate::model::{TextIds, Weights};
use crate::prepared::PreparedModel;

/// Rows of the feed-forward network that are computed at once: 96 × 1536 floats are 0.6 MB.
const ROWS: usize = 96;

/// Attention, then a feed-forward network.
pub(super) struct PackedLayer {
    order: NormOrder,
    attention: AttentionSpec,
    /// Queries, keys and values in one product: `[hidden_size, 3 · hidden_size]`.
    qkv: Linear,
    output: Linear,
    attention_norm: Option<LayerNorm>,
    up: Linear,
    gated: bool,
    activation: Activation,
    down: Linear,
    norm: LayerNorm,
}

impl PackedLayer {
    /// Finds the layer's tensors.
    ///
    /// # Errors
    /// A tensor is missing, has another size than described, or one of its values is not finite.
    pub(super) fn load(
        weights: &Weights,
        prepared: Option<&Arc<PreparedModel>>,
        spec: &LayerSpec,
        hidden_size: usize,
    ) -> Result<Self, EncoderError> {
        let linear = |spec: &LinearSpec| Linear::load(weights, prepared, spec);
        Ok(Self {
            order: spec.order,
            attention: spec.attention,
            qkv: linear(&spec.qkv)?,
            output: linear(&spec.output)?,
            attention_norm: spec.attention_norm.as_ref().map(|spec| norm(weights, spec, hidden_size)).transpose()?,
            up: linear(&spec.up)?,
            gated: spec.gated,
            activation: activation(spec.activation),
            down: linear(&spec.down)?,
            norm: norm(weights, &spec.norm, hidden_size)?,
        })
    }

    /// The layer's linear layers.
    pub(super) fn linears(&self) -> [&Linear; 4] {
        [&self.qkv, &self.output, &self.up, &self.down]
    }

    /// Adds attention to the hidden state, and normalizes. All tokens are seen in the way of `reach`, unless the layer has a
    /// window.
    pub(super) fn attend(
        &self,
        texts: &[TextIds<'_>],
        shape: AttentionShape,
        reach: Reach<'_>,
        scratch: &mut GroupScratch,
    ) {
        let GroupScratch { kernels, hidden, normed, qkv, context, output, attention, linear, rotations, .. } = scratch;
        let reach = self.attention.window.map_or(reach, Reach::Near);
        let input = self.before(kernels.isa, self.attention_norm.as_ref(), hidden, normed);
        let tokens = input.len() / self.qkv.inputs();
        let qkv = qkv.room(tokens * self.qkv.outputs());
        let context = context.room(input.len());
        let output = output.room(input.len());
        self.qkv.apply(input, Activation::None, linear, qkv);
        // Softmax would turn what is not finite into numbers. Every other step leaves it so.
        linear.check(qkv);
        let (mut qkv, mut context_rest) = (qkv, &mut *context);
        for text in texts {
            let (text_qkv, qkv_after) = qkv.split_at_mut(text.len() * self.qkv.outputs());
            let (text_context, context_after) = context_rest.split_at_mut(text.len() * self.qkv.inputs());
            if let Some(base) = self.attention.rotary {
                rotations.apply(base, shape, text_qkv);
            }
            let input = Qkv { values: text_qkv, shape, reach };
            kernels.isa.attention(kernels.format, input, attention, text_context);
            (qkv, context_rest) = (qkv_after, context_after);
        }
        self.output.apply(context, Activation::None, linear, output);
        self.after(kernels.isa, self.attention_norm.as_ref(), hidden, output);
    }

    /// Adds the feed-forward network to the hidden state, and normalizes, some rows at a time.
    pub(super) fn feed_forward(&self, scratch: &mut GroupScratch) {
        let GroupScratch { kernels, hidden, normed, output, inner, gated, linear, .. } = scratch;
        let (dim, width) = (self.up.inputs(), self.up.outputs());
        let output = output.room(hidden.len());
        for (rows, out) in hidden.chunks_mut(ROWS * dim).zip(output.chunks_mut(ROWS * dim)) {
            let inner = inner.room(rows.len() / dim * width);
            let input = self.before(kernels.isa, Some(&self.norm), rows, normed);
            if self.gated {
                self.up.apply(input, Activation::None, linear, inner);
                let gated = gated.room(inner.len() / 2);
                kernels.isa.gate(self.activation, inner, width / 2, gated);
                self.down.apply(gated, Activation::None, linear, out);
            } else {
                self.up.apply(input, self.activation, linear, inner);
                self.down.apply(inner, Activation::None, linear, out);
            }
            self.after(kernels.isa, Some(&self.norm), rows, out);
        }
    }

    /// What a half of the layer reads: the hidden state, or its copy in `normed`, which is normalized.
    fn before<'a>(
        &self,
        isa: Isa,
        norm: Option<&LayerNorm>,
        hidden: &'a [f32],
        normed: &'a mut Memory<f32>,
    ) -> &'a [f32] {
        match (self.order, norm) {
            (NormOrder::Pre, Some(norm)) => {
                normed.copy(hidden);
                isa.layer_norm(normed, norm);
                normed
            }
            _ => hidden,
        }
    }

    /// Adds what a half of the layer computed to the hidden state.
    fn after(&self, isa: Isa, norm: Option<&LayerNorm>, hidden: &mut [f32], output: &[f32]) {
        match (self.order, norm) {
            (NormOrder::Post, Some(norm)) => isa.add_layer_norm(hidden, output, norm),
            _ => hidden.iter_mut().zip(output).for_each(|(sum, value)| *sum += value),
        }
    }
}

/// Reads the weight and the bias of a normalization.
pub(super) fn norm(weights: &Weights, spec: &NormSpec, size: usize) -> Result<LayerNorm, EncoderError> {
    let (weight, bias) = weights.norm(spec, size)?;
    Ok(LayerNorm { weight: weight.to_vec(), bias: bias.to_vec(), epsilon: spec.epsilon as f32 })
}

/// The kernels' function for an activation.
pub(super) fn activation(activation: HiddenAct) -> Activation {
    match activation {
        HiddenAct::Gelu => Activation::Gelu,
        HiddenAct::GeluNew => Activation::GeluTanh,
        HiddenAct::Relu => Activation::Relu,
        HiddenAct::Silu => Activation::Silu,
    }
}

//! One transformer layer on the CPU.

use std::sync::Arc;

use semsearch_kernels::{Activation, AttentionShape, Format, Isa, LayerNorm, Memory, Qkv, Reach, Stored};

use super::linear::{Linear, LinearScratch};
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
        let reach = self.attention.window.map_or(reach, Reach::Near);
        let pairs = shape.head_dim.is_multiple_of(2) && self.attention.rotary.is_none();
        match scratch.kernels.format {
            // The products would round to bf16 in any case.
            Format::Bf16 if pairs => {
                self.project::<u32>(scratch);
                self.mix::<u32>(texts, shape, reach, scratch);
            }
            _ => {
                self.project::<f32>(scratch);
                self.rotate(texts, shape, scratch);
                self.mix::<f32>(texts, shape, reach, scratch);
            }
        }
    }

    /// Computes queries, keys and values.
    fn project<T: Stored>(&self, scratch: &mut GroupScratch) {
        let GroupScratch { kernels, hidden, normed, qkv, linear, .. } = scratch;
        let input = self.before(kernels.isa, self.attention_norm.as_ref(), hidden, normed);
        self.qkv.apply(input, Activation::None, linear, qkv.room::<T>(3 * input.len() / T::VALUES));
    }

    /// Turns queries and keys by their positions, if the architecture does.
    fn rotate(&self, texts: &[TextIds<'_>], shape: AttentionShape, scratch: &mut GroupScratch) {
        let GroupScratch { hidden, qkv, rotations, .. } = scratch;
        let Some(base) = self.attention.rotary else { return };
        let mut rest = qkv.room(3 * hidden.len());
        for text in texts {
            let (of_text, after) = rest.split_at_mut(text.len() * self.qkv.outputs());
            rotations.apply(base, shape, of_text);
            rest = after;
        }
    }

    /// Attention of each text by itself, which is added to the hidden state.
    fn mix<T: Stored>(
        &self,
        texts: &[TextIds<'_>],
        shape: AttentionShape,
        reach: Reach<'_>,
        scratch: &mut GroupScratch,
    ) {
        let GroupScratch { kernels, hidden, qkv, context, output, attention, linear, .. } = scratch;
        let dim = shape.heads * shape.head_dim / T::VALUES;
        let (qkv, context) = (qkv.room::<T>(3 * hidden.len() / T::VALUES), context.room(hidden.len() / T::VALUES));
        // Softmax would turn what is not finite into numbers. Every other step leaves it so.
        linear.check(qkv);
        let (mut qkv, mut rest) = (&*qkv, &mut *context);
        for text in texts {
            let (values, qkv_after) = qkv.split_at(text.len() * 3 * dim);
            let (out, rest_after) = rest.split_at_mut(text.len() * dim);
            kernels.isa.attention(kernels.format, Qkv { values, shape, reach }, attention, out);
            (qkv, rest) = (qkv_after, rest_after);
        }
        let output = output.room(hidden.len());
        self.output.apply(context, Activation::None, linear, output);
        self.after(kernels.isa, self.attention_norm.as_ref(), hidden, output);
    }

    /// Adds the feed-forward network to the hidden state, and normalizes, some rows at a time.
    pub(super) fn feed_forward(&self, scratch: &mut GroupScratch) {
        let GroupScratch { kernels, hidden, normed, output, inner, gated, linear, .. } = scratch;
        let (dim, width) = (self.up.inputs(), self.up.outputs());
        let pairs = kernels.format == Format::Bf16 && width.is_multiple_of(2) && self.activation.is_within_product();
        let output = output.room(hidden.len());
        // Products in tiles wait for weights. Pairs of bf16s leave room for a whole group, which reads the weights once.
        let once = pairs && !self.gated && kernels.isa.has_tiles();
        let part = if once { 2 * ROWS * dim } else { ROWS * dim };
        for (rows, out) in hidden.chunks_mut(part).zip(output.chunks_mut(part)) {
            let input = self.before(kernels.isa, Some(&self.norm), rows, normed);
            let values = input.len() / dim * width;
            if self.gated {
                let inner = inner.room(values);
                self.up.apply(input, Activation::None, linear, inner);
                let gated = gated.room(values / 2);
                kernels.isa.gate(self.activation, inner, width / 2, gated);
                self.down.apply(gated, Activation::None, linear, out);
            } else if pairs {
                self.up_and_down(input, linear, inner.room::<u32>(values / 2), out);
            } else {
                self.up_and_down(input, linear, inner.room::<f32>(values), out);
            }
            self.after(kernels.isa, Some(&self.norm), rows, out);
        }
    }

    /// A feed-forward network without a gate.
    fn up_and_down(&self, input: &[f32], linear: &mut LinearScratch, inner: &mut [impl Stored], out: &mut [f32]) {
        self.up.apply(input, self.activation, linear, inner);
        self.down.apply(inner, Activation::None, linear, out);
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

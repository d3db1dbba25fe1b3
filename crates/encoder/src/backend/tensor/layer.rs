//! One transformer layer in candle's tensors.

use candle_core::{Result, Tensor};
use candle_nn::{LayerNorm, Linear, Module};

use super::attention::Attention;
use super::loader::Loader;
use super::same_length::SameLength;
use crate::architecture::{HiddenAct, LayerSpec, NormOrder};
use crate::backend::positions::DistanceBias;
use crate::error::EncoderError;

/// Attention, then a feed-forward network.
pub(super) struct TensorLayer {
    order: NormOrder,
    attention: Attention,
    attention_norm: Option<LayerNorm>,
    up: Linear,
    gated: bool,
    activation: HiddenAct,
    down: Linear,
    norm: LayerNorm,
}

impl TensorLayer {
    /// Copies the weights to the device.
    ///
    /// # Errors
    /// A tensor is missing or has another size than described, or the device has no memory for it.
    pub(super) fn load(loader: &Loader<'_>, spec: &LayerSpec, heads: usize) -> std::result::Result<Self, EncoderError> {
        Ok(Self {
            order: spec.order,
            attention: Attention::load(loader, spec, heads)?,
            attention_norm: spec.attention_norm.as_ref().map(|norm| loader.norm(norm)).transpose()?,
            up: loader.linear(&spec.up, None)?,
            gated: spec.gated,
            activation: spec.activation,
            down: loader.linear(&spec.down, None)?,
            norm: loader.norm(&spec.norm)?,
        })
    }

    /// The layer's output, `[tokens, hidden_size]`.
    pub(super) fn forward(&self, hidden: Tensor, groups: &[SameLength], bias: Option<&DistanceBias>) -> Result<Tensor> {
        let attention = |input: &Tensor| self.attention.forward(input, groups, bias);
        let hidden = self.add(hidden, self.attention_norm.as_ref(), attention)?;
        self.add(hidden, Some(&self.norm), |input| self.feed_forward(input))
    }

    /// Adds what `part` computes to the hidden state. It is normalized before or after that.
    fn add(
        &self,
        hidden: Tensor,
        norm: Option<&LayerNorm>,
        part: impl Fn(&Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        match (self.order, norm) {
            (NormOrder::Post, Some(norm)) => norm.forward(&(part(&hidden)? + hidden)?),
            (NormOrder::Pre, Some(norm)) => part(&norm.forward(&hidden)?)? + hidden,
            (_, None) => part(&hidden)? + hidden,
        }
    }

    fn feed_forward(&self, input: &Tensor) -> Result<Tensor> {
        let inner = self.up.forward(input)?;
        if !self.gated {
            return self.down.forward(&self.activate(&inner)?);
        }
        let width = inner.dim(1)? / 2;
        let gate = self.activate(&inner.narrow(1, 0, width)?.contiguous()?)?;
        self.down.forward(&(gate * inner.narrow(1, width, width)?)?)
    }

    fn activate(&self, values: &Tensor) -> Result<Tensor> {
        match self.activation {
            HiddenAct::Gelu => values.gelu_erf(),
            HiddenAct::GeluNew => values.gelu(),
            HiddenAct::Relu => values.relu(),
            HiddenAct::Silu => values.silu(),
        }
    }
}

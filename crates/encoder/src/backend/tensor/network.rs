//! The forward pass in candle's tensors: embeddings, then the layers in order.
//!
//! The texts' tokens stand one after the other, as rows of one matrix, so each linear layer is one product over all
//! rows. Only attention distinguishes texts. So nothing is padded and nothing is masked, and a text's vector does not
//! depend on the length of its neighbours.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{LayerNorm, Linear, Module};

use super::attention::Attention;
use super::loader::Loader;
use super::pooled::pooled;
use super::same_length::{SameLength, by_length};
use crate::architecture::{Architecture, HiddenAct, LayerSpec};
use crate::error::EncoderError;
use crate::model::RaggedIds;
use crate::pooling::Output;

/// A network whose weights are on one device, in one type.
pub(super) struct TensorNetwork {
    /// `[vocabulary, hidden_size]`
    words: Tensor,
    /// `[positions, hidden_size]`, with the first type's embedding added to each row.
    positions: Tensor,
    norm: LayerNorm,
    layers: Vec<TensorLayer>,
    heads: usize,
}

/// Attention, then a feed-forward network.
struct TensorLayer {
    attention: Attention,
    attention_norm: LayerNorm,
    up: Linear,
    activation: HiddenAct,
    down: Linear,
    norm: LayerNorm,
}

impl TensorNetwork {
    /// Copies the weights to the device.
    ///
    /// # Errors
    /// A tensor is missing or has another size than described, or the device has no memory for it.
    pub(super) fn load(loader: &Loader<'_>, architecture: &Architecture) -> std::result::Result<Self, EncoderError> {
        let spec = &architecture.embeddings;
        let (words, positions) = (loader.table(&spec.words)?, loader.table(&spec.positions)?);
        let types = loader.table(&spec.types)?;
        let layers = architecture.layers.iter().map(|layer| TensorLayer::load(loader, layer, architecture.heads));
        let with_type = |positions: Tensor| positions.broadcast_add(&types.narrow(0, 0, 1)?)?.to_dtype(loader.dtype);
        Ok(Self {
            words: loader.done(words.to_dtype(loader.dtype))?,
            positions: loader.done(with_type(positions))?,
            norm: loader.norm(&spec.norm)?,
            layers: layers.collect::<std::result::Result<_, _>>()?,
            heads: architecture.heads,
        })
    }

    pub(super) fn device(&self) -> &Device {
        self.words.device()
    }

    /// The texts' vectors, `[rows, output.dim]`, in the order given. It is fastest if texts of one length are neighbours.
    ///
    /// # Errors
    /// The device fails.
    pub(super) fn encode(&self, ids: &RaggedIds, output: &Output) -> Result<Vec<f32>> {
        let groups = by_length(ids, self.heads);
        let hidden = self.forward(ids, &groups)?;
        // This is the batch's only copy from the device. The call returns when the copy is done.
        pooled(&hidden, &groups, output)?.flatten_all()?.to_vec1()
    }

    /// The vectors of these words, before anything is added to them.
    ///
    /// # Errors
    /// The device fails.
    pub(super) fn word_vectors(&self, ids: &[u32]) -> Result<Vec<f32>> {
        let ids = Tensor::from_slice(ids, ids.len(), self.device())?;
        self.words.index_select(&ids, 0)?.to_dtype(DType::F32)?.flatten_all()?.to_vec1()
    }

    /// The last layer's output, `[tokens, hidden_size]`.
    fn forward(&self, ids: &RaggedIds, groups: &[SameLength]) -> Result<Tensor> {
        let tokens: Vec<u32> = ids.iter().flatten().copied().collect();
        let positions: Vec<u32> = ids.iter().flat_map(|text| 0..text.len() as u32).collect();
        let (rows, device) = (tokens.len(), self.device());
        let words = self.words.index_select(&Tensor::from_vec(tokens, rows, device)?, 0)?;
        let positions = self.positions.index_select(&Tensor::from_vec(positions, rows, device)?, 0)?;
        let hidden = self.norm.forward(&(words + positions)?)?;
        self.layers.iter().try_fold(hidden, |hidden, layer| layer.forward(&hidden, groups))
    }
}

impl TensorLayer {
    fn load(loader: &Loader<'_>, spec: &LayerSpec, heads: usize) -> std::result::Result<Self, EncoderError> {
        Ok(Self {
            attention: Attention::load(loader, spec, heads)?,
            attention_norm: loader.norm(&spec.attention_norm)?,
            up: loader.linear(&spec.up, None)?,
            activation: spec.activation,
            down: loader.linear(&spec.down, None)?,
            norm: loader.norm(&spec.norm)?,
        })
    }

    fn forward(&self, hidden: &Tensor, groups: &[SameLength]) -> Result<Tensor> {
        let hidden = self.attention_norm.forward(&(self.attention.forward(hidden, groups)? + hidden)?)?;
        let inner = self.up.forward(&hidden)?;
        let inner = match self.activation {
            HiddenAct::Gelu => inner.gelu_erf()?,
            HiddenAct::GeluNew => inner.gelu()?,
            HiddenAct::Relu => inner.relu()?,
        };
        self.norm.forward(&(self.down.forward(&inner)? + hidden)?)
    }
}

//! The forward pass in candle's tensors: embeddings, then the layers in order.
//!
//! The texts' tokens stand one after the other, as rows of one matrix, so each linear layer is one product over all
//! rows. Only attention distinguishes texts. So nothing is padded and nothing is masked, and a text's vector does not
//! depend on the length of its neighbours.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{LayerNorm, Module};

use super::layer::TensorLayer;
use super::loader::Loader;
use super::pooled::pooled;
use super::same_length::{SameLength, by_length};
use crate::architecture::{PositionSpec, Transformer};
use crate::backend::positions::DistanceBias;
use crate::error::EncoderError;
use crate::model::{RaggedIds, TextIds};
use crate::pooling::Output;

/// A network whose weights are on one device, in one type.
pub(super) struct TensorNetwork {
    /// `[vocabulary, hidden_size]`
    words: Tensor,
    /// `[positions, hidden_size]`, in f32.
    positions: Option<(PositionSpec, Tensor)>,
    /// `[types, hidden_size]`, in f32.
    types: Option<Tensor>,
    embedding_norm: LayerNorm,
    bias: Option<DistanceBias>,
    layers: Vec<TensorLayer>,
    norm: Option<LayerNorm>,
    heads: usize,
}

impl TensorNetwork {
    /// Copies the weights to the device.
    ///
    /// # Errors
    /// A tensor is missing or has another size than described, or the device has no memory for it.
    pub(super) fn load(loader: &Loader<'_>, network: &Transformer) -> std::result::Result<Self, EncoderError> {
        let (spec, heads) = (&network.embeddings, network.heads);
        let positions = |spec: &PositionSpec| Ok::<_, EncoderError>((spec.clone(), loader.table(&spec.table)?));
        let layers = network.layers.iter().map(|layer| TensorLayer::load(loader, layer, heads));
        Ok(Self {
            words: loader.done(loader.table(&spec.words)?.to_dtype(loader.dtype))?,
            positions: spec.positions.as_ref().map(positions).transpose()?,
            types: spec.types.as_ref().map(|types| loader.table(types)).transpose()?,
            embedding_norm: loader.norm(&spec.norm)?,
            bias: DistanceBias::load(loader.weights, network)?,
            layers: layers.collect::<std::result::Result<_, _>>()?,
            norm: network.norm.as_ref().map(|norm| loader.norm(norm)).transpose()?,
            heads,
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
        self.rows(&self.words, ids.to_vec())?.to_dtype(DType::F32)?.flatten_all()?.to_vec1()
    }

    /// The last layer's output, `[tokens, hidden_size]`.
    fn forward(&self, ids: &RaggedIds, groups: &[SameLength]) -> Result<Tensor> {
        let hidden = self.embedding_norm.forward(&self.embedded(ids)?)?;
        let bias = self.bias.as_ref();
        let hidden = self.layers.iter().try_fold(hidden, |hidden, layer| layer.forward(hidden, groups, bias))?;
        match &self.norm {
            Some(norm) => norm.forward(&hidden),
            None => Ok(hidden),
        }
    }

    /// word + (position + type). The second sum is f32.
    fn embedded(&self, ids: &RaggedIds) -> Result<Tensor> {
        let words = self.rows(&self.words, ids.iter().flatten().copied().collect())?;
        let positions = self.positions.as_ref().map(|(spec, table)| {
            let rows = ids.iter().flat_map(|text| spec.rows(text)).map(|row| row as u32);
            self.rows(table, rows.collect())
        });
        let types = self.types.as_ref().map(|table| {
            let two = table.dim(0)? > 1;
            let of = |text: TextIds<'_>| (0..text.len()).map(move |at| u32::from(two && at >= text.second));
            self.rows(table, ids.texts().flat_map(of).collect())
        });
        match (positions.transpose()?, types.transpose()?) {
            (Some(positions), Some(types)) => words.add(&(positions + types)?.to_dtype(words.dtype())?),
            (Some(added), None) | (None, Some(added)) => words.add(&added.to_dtype(words.dtype())?),
            (None, None) => Ok(words),
        }
    }

    /// Rows of a table.
    fn rows(&self, table: &Tensor, rows: Vec<u32>) -> Result<Tensor> {
        let count = rows.len();
        table.index_select(&Tensor::from_vec(rows, count, self.device())?, 0)
    }
}

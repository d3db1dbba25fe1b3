//! The forward pass on the CPU: embeddings, then the layers in order.

use rayon::prelude::*;
use semsearch_kernels::{AttentionShape, Format, LayerNorm};

use super::layer::{PackedLayer, norm};
use super::scratch::GroupScratch;
use crate::architecture::{Architecture, TableSpec};
use crate::error::EncoderError;
use crate::model::{Floats, Weights};

/// A network whose weights are mapped, and packed when packing pays.
pub(super) struct PackedNetwork {
    embeddings: PackedEmbeddings,
    layers: Vec<PackedLayer>,
    shape: AttentionShape,
}

/// Three tables whose rows are added up and normalized.
struct PackedEmbeddings {
    /// `[vocabulary, hidden_size]`
    words: Floats,
    /// `[positions, hidden_size]`
    positions: Floats,
    /// `[types, hidden_size]`; every token has the first type.
    types: Floats,
    norm: LayerNorm,
}

impl PackedNetwork {
    /// Finds the tensors.
    ///
    /// # Errors
    /// A tensor is missing, has another size than described, or one of its values is not finite.
    pub(super) fn load(weights: &Weights, architecture: &Architecture) -> Result<Self, EncoderError> {
        let (heads, hidden_size) = (architecture.heads, architecture.hidden_size);
        let spec = &architecture.embeddings;
        let table = |table: &TableSpec| weights.get(&table.name, table.rows * hidden_size);
        let embeddings = PackedEmbeddings {
            words: table(&spec.words)?,
            positions: table(&spec.positions)?,
            types: table(&spec.types)?,
            norm: norm(weights, &spec.norm, hidden_size)?,
        };
        let layers = architecture.layers.iter().map(|layer| PackedLayer::load(weights, layer, hidden_size));
        let shape = AttentionShape { heads, head_dim: hidden_size / heads };
        Ok(Self { embeddings, layers: layers.collect::<Result<_, _>>()?, shape })
    }

    /// Components of a token's vector.
    pub(super) fn hidden_size(&self) -> usize {
        self.shape.heads * self.shape.head_dim
    }

    /// The vectors of these words, before anything is added to them.
    pub(super) fn word_vectors(&self, ids: &[u32]) -> Vec<f32> {
        let dim = self.hidden_size();
        ids.iter().flat_map(|&id| &self.embeddings.words[id as usize * dim..][..dim]).copied().collect()
    }

    /// Packs all weights that are not packed yet.
    pub(super) fn pack(&self, format: Format) {
        self.layers.par_iter().flat_map(PackedLayer::linears).for_each(|linear| linear.pack(format));
    }

    /// Computes the last layer's output for the texts of `ids`, `[tokens, hidden_size]`, in `scratch.hidden`.
    pub(super) fn forward(&self, ids: &[&[u32]], scratch: &mut GroupScratch) {
        self.embeddings.look_up(ids, scratch);
        for layer in &self.layers {
            layer.attend(ids, self.shape, scratch);
            layer.feed_forward(scratch);
        }
    }
}

impl PackedEmbeddings {
    /// hidden = LayerNorm(word + (position + type))
    fn look_up(&self, ids: &[&[u32]], scratch: &mut GroupScratch) {
        let dim = self.norm.weight.len();
        let (words, positions, of_type) = (&self.words[..], &self.positions[..], &self.types[..dim]);
        scratch.hidden.clear();
        scratch.output.clear();
        for text in ids {
            for (&id, position) in text.iter().zip(positions.chunks_exact(dim)) {
                scratch.hidden.extend_from_slice(&words[id as usize * dim..][..dim]);
                scratch.output.extend(position.iter().zip(of_type).map(|(position, of_type)| position + of_type));
            }
        }
        scratch.linear.check(&scratch.hidden);
        scratch.linear.check(&scratch.output);
        scratch.kernels.isa.add_layer_norm(&mut scratch.hidden, &scratch.output, &self.norm);
    }
}

//! The forward pass on the CPU: embeddings, then the layers in order.

use std::sync::Arc;

use rayon::prelude::*;
use semsearch_kernels::{AttentionShape, Format, LayerNorm, Reach, RelativeBias};

use super::layer::{PackedLayer, norm};
use super::scratch::GroupScratch;
use crate::architecture::{PositionSpec, TableSpec, Transformer};
use crate::backend::positions::DistanceBias;
use crate::error::EncoderError;
use crate::model::{Floats, TextIds, Weights};
use crate::prepared::{NewSection, PreparedModel};

/// A network whose weights are mapped, and packed when packing pays.
pub(super) struct PackedNetwork {
    embeddings: PackedEmbeddings,
    bias: Option<DistanceBias>,
    layers: Vec<PackedLayer>,
    norm: Option<LayerNorm>,
    shape: AttentionShape,
}

/// Tables whose rows are added up and normalized.
struct PackedEmbeddings {
    /// `[vocabulary, hidden_size]`
    words: Floats,
    /// `[positions, hidden_size]`
    positions: Option<(PositionSpec, Floats)>,
    /// `[types, hidden_size]`
    types: Option<Floats>,
    norm: LayerNorm,
}

impl PackedNetwork {
    /// Finds the tensors.
    ///
    /// # Errors
    /// A tensor is missing, has another size than described, or one of its values is not finite.
    pub(super) fn load(
        weights: &Weights,
        prepared: Option<&Arc<PreparedModel>>,
        network: &Transformer,
    ) -> Result<Self, EncoderError> {
        let (heads, hidden_size) = (network.heads, network.hidden_size);
        let spec = &network.embeddings;
        let table = |table: &TableSpec| weights.get(&table.name, table.rows * hidden_size);
        let positions = |spec: &PositionSpec| Ok::<_, EncoderError>((spec.clone(), table(&spec.table)?));
        let embeddings = PackedEmbeddings {
            words: table(&spec.words)?,
            positions: spec.positions.as_ref().map(positions).transpose()?,
            types: spec.types.as_ref().map(table).transpose()?,
            norm: norm(weights, &spec.norm, hidden_size)?,
        };
        let layers = network.layers.iter().map(|layer| PackedLayer::load(weights, prepared, layer, hidden_size));
        Ok(Self {
            embeddings,
            bias: DistanceBias::load(weights, network)?,
            layers: layers.collect::<Result<_, _>>()?,
            norm: network.norm.as_ref().map(|spec| norm(weights, spec, hidden_size)).transpose()?,
            shape: AttentionShape { heads, head_dim: hidden_size / heads },
        })
    }

    /// Components of a token's vector.
    pub(super) fn hidden_size(&self) -> usize {
        self.shape.heads * self.shape.head_dim
    }

    /// The vectors of words, before anything is added to them.
    pub(super) fn words(&self) -> &Floats {
        &self.embeddings.words
    }

    /// Packs all weights that are not packed yet.
    pub(super) fn pack(&self, format: Format) {
        self.layers.par_iter().flat_map(PackedLayer::linears).for_each(|linear| linear.pack(format));
    }

    /// The sections of a prepared form.
    pub(super) fn sections(&self, format: Format) -> Vec<NewSection> {
        self.layers.par_iter().flat_map(PackedLayer::linears).map(|linear| linear.section(format)).collect()
    }

    /// Computes the last layer's output for these texts, `[tokens, hidden_size]`, in `scratch.hidden`.
    pub(super) fn forward(&self, texts: &[TextIds<'_>], scratch: &mut GroupScratch) {
        let reach = match &self.bias {
            Some(DistanceBias { values, farthest }) => Reach::Biased(RelativeBias { values, farthest: *farthest }),
            None => Reach::All,
        };
        self.embeddings.look_up(texts, scratch);
        for layer in &self.layers {
            layer.attend(texts, self.shape, reach, scratch);
            layer.feed_forward(scratch);
        }
        if let Some(norm) = &self.norm {
            scratch.kernels.isa.layer_norm(&mut scratch.hidden, norm);
        }
        // Pooling takes some of these numbers only.
        scratch.linear.check(&scratch.hidden);
    }
}

impl PackedEmbeddings {
    /// hidden = LayerNorm(word + (position + type))
    fn look_up(&self, texts: &[TextIds<'_>], scratch: &mut GroupScratch) {
        let dim = self.norm.weight.len();
        let row = |table: &Floats, row: usize, out: &mut [f32]| {
            out.iter_mut().zip(&table[row * dim..][..dim]).for_each(|(sum, value)| *sum += value);
        };
        let tokens: usize = texts.iter().map(|text| text.len()).sum();
        let ids = texts.iter().flat_map(|text| text.ids);
        for (hidden, &id) in scratch.hidden.room(tokens * dim).chunks_exact_mut(dim).zip(ids) {
            hidden.copy_from_slice(&self.words[id as usize * dim..][..dim]);
        }
        let output = scratch.output.room(tokens * dim);
        output.fill(0.0);
        let mut out = output.chunks_exact_mut(dim);
        for text in texts {
            let mut positions = self.positions.as_ref().map(|(spec, table)| (spec.rows(text.ids), table));
            for (at, out) in (0..text.len()).zip(&mut out) {
                if let Some((rows, table)) = &mut positions
                    && let Some(position) = rows.next()
                {
                    row(table, position, out);
                }
                if let Some(types) = &self.types {
                    let is_second = at >= text.second && types.len() > dim;
                    row(types, usize::from(is_second), out);
                }
            }
        }
        scratch.linear.check(&scratch.hidden);
        scratch.linear.check(&scratch.output);
        scratch.kernels.isa.add_layer_norm(&mut scratch.hidden, &scratch.output, &self.norm);
    }
}

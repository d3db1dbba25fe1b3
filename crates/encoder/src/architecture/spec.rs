//! The parts of a network's description.

use serde::Deserialize;

/// A transformer encoder.
#[derive(Clone, Debug, PartialEq)]
pub struct Transformer {
    /// The number of components of a token's vector, and so of a text's.
    pub hidden_size: usize,
    /// The number of attention heads; it divides `hidden_size`.
    pub heads: usize,
    /// The longest text, in tokens.
    pub max_tokens: usize,
    /// What comes before the layers.
    pub embeddings: EmbeddingSpec,
    /// What each layer adds to its scores, by the distance of two tokens.
    pub relative_bias: Option<RelativeBiasSpec>,
    /// The layers, in order.
    pub layers: Vec<LayerSpec>,
    /// The normalization after the last layer.
    pub norm: Option<NormSpec>,
    /// The prefixes that tensors' names may have in the weights' file.
    pub prefixes: &'static [&'static str],
}

/// The sum of embeddings, normalized.
#[derive(Clone, Debug, PartialEq)]
pub struct EmbeddingSpec {
    /// A row for each token of the vocabulary.
    pub words: TableSpec,
    /// A row for each position of a text.
    pub positions: Option<PositionSpec>,
    /// A row for each token type. The tokens of a text have the first; those of a pair's second text have the second, if
    /// there is one.
    pub types: Option<TableSpec>,
    /// The normalization of the sum.
    pub norm: NormSpec,
}

/// Which row of a table belongs to which token of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PositionSpec {
    /// The table.
    pub table: TableSpec,
    /// If it is `None`, rows are counted from 0. Otherwise it is the padding token: rows are counted from the one after this
    /// token's number, and a padding token itself has the row of its number.
    pub padding: Option<u32>,
}

/// A bias by the distance of two tokens, which all layers share: `[buckets, heads]` (Raffel et al. 2020).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelativeBiasSpec {
    /// The tensor's name.
    pub name: String,
    /// Half of the buckets are for keys before the query, and half for those after it.
    pub buckets: usize,
}

/// One transformer layer: attention, then a feed-forward network, each added to its input.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerSpec {
    /// Where the normalizations are.
    pub order: NormOrder,
    /// How a token sees the others.
    pub attention: AttentionSpec,
    /// Computes queries, keys and values, side by side.
    pub qkv: LinearSpec,
    /// Maps the heads' outputs to the hidden size.
    pub output: LinearSpec,
    /// The normalization of attention. The first layer of some networks has none.
    pub attention_norm: Option<NormSpec>,
    /// Maps the hidden size to the intermediate size. If it is gated, it does so twice, side by side.
    pub up: LinearSpec,
    /// Whether the first half of `up`'s outputs is activated and then multiplied by the second half.
    pub gated: bool,
    /// The activation between the two.
    pub activation: HiddenAct,
    /// Maps the intermediate size back to the hidden size.
    pub down: LinearSpec,
    /// The normalization of the feed-forward network.
    pub norm: NormSpec,
}

/// Where a layer normalizes (Xiong et al. 2020).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormOrder {
    /// x = norm(x + f(x))
    Post,
    /// x = x + f(norm(x))
    Pre,
}

/// How a token sees the others.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AttentionSpec {
    /// The base of the angles by which queries and keys are rotated (Su et al. 2021). Component i of a head's first half is
    /// rotated with component i of its second half.
    pub rotary: Option<f64>,
    /// The largest distance of a token that is seen. `None` means that all tokens are.
    pub window: Option<usize>,
}

/// A table of embeddings, `[rows, hidden_size]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSpec {
    /// The tensor's name.
    pub name: String,
    /// The number of its rows.
    pub rows: usize,
}

/// Linear layers over the same inputs, with their outputs side by side. Each layer has a `weight`, `[outputs, inputs]`,
/// and mostly a `bias`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinearSpec {
    /// The names of the layers, without `.weight` and `.bias`.
    pub parts: Vec<String>,
    /// The number of inputs of each layer.
    pub inputs: usize,
    /// The number of outputs of each layer.
    pub outputs: usize,
    /// Whether the layers have a bias.
    pub biased: bool,
}

/// A layer normalization with a `weight` and mostly a `bias`, `[hidden_size]`.
#[derive(Clone, Debug, PartialEq)]
pub struct NormSpec {
    /// The layer's name, without `.weight` and `.bias`.
    pub name: String,
    /// ε, added to the variance.
    pub epsilon: f64,
    /// Whether the layer has a bias.
    pub biased: bool,
}

/// The activation of a feed-forward network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HiddenAct {
    /// x·Φ(x), with the error function.
    Gelu,
    /// The approximation of GELU with tanh.
    #[serde(alias = "gelu_pytorch_tanh", alias = "gelu_approximate")]
    GeluNew,
    /// max(x, 0).
    Relu,
    /// x·σ(x), with the logistic function σ.
    #[serde(alias = "swish")]
    Silu,
}

/// A vector for each token, and no layer (van Dongen and Tulkens 2024, *Model2Vec*).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticTable {
    /// Whether vectors are scaled to length 1.
    pub normalized: bool,
}

impl Transformer {
    /// The size of the vocabulary.
    pub fn vocabulary(&self) -> usize {
        self.embeddings.words.rows
    }

    /// The widest layer between the halves of a feed-forward network.
    pub(crate) fn intermediate_size(&self) -> usize {
        self.layers.iter().map(|layer| layer.up.parts.len() * layer.up.outputs).max().unwrap_or(0)
    }
}

impl LayerSpec {
    /// The names of the layer's linear layers and normalizations.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &str> {
        let linear = [&self.qkv, &self.output, &self.up, &self.down].into_iter().flat_map(|linear| &linear.parts);
        let norms = self.attention_norm.iter().chain([&self.norm]).map(|norm| &norm.name);
        linear.chain(norms).map(String::as_str)
    }
}

impl LinearSpec {
    /// Layers of these names, with biases.
    pub(super) fn new(parts: &[String], inputs: usize, outputs: usize) -> Self {
        Self { parts: parts.to_vec(), inputs, outputs, biased: true }
    }
}

impl RelativeBiasSpec {
    /// The distance from which on all tokens share a bucket.
    const FAR: f32 = 128.0;

    /// The bucket of a distance, key − query. Half of the buckets of one side are for one distance each; those of the
    /// others grow with the logarithm of the distance (transformers, `MPNetEncoder.relative_position_bucket`).
    pub(crate) fn bucket(&self, distance: isize) -> usize {
        let side = self.buckets / 2;
        let near = side / 2;
        let first = if distance > 0 { side } else { 0 };
        let distance = distance.unsigned_abs();
        if distance < near {
            return first + distance;
        }
        let share = (distance as f32 / near as f32).ln() / (Self::FAR / near as f32).ln();
        first + (near + (share * (side - near) as f32) as usize).min(side - 1)
    }
}

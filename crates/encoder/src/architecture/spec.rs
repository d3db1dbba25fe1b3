//! The parts of a network's description.

use serde::Deserialize;

/// A transformer encoder.
#[derive(Clone, Debug, PartialEq)]
pub struct Architecture {
    /// The number of components of a token's vector, and so of a text's.
    pub hidden_size: usize,
    /// The number of attention heads; it divides `hidden_size`.
    pub heads: usize,
    /// What comes before the layers.
    pub embeddings: EmbeddingSpec,
    /// The layers, in order.
    pub layers: Vec<LayerSpec>,
    /// The prefixes that tensors' names may have in the weights' file.
    pub prefixes: &'static [&'static str],
}

/// The sum of three embeddings, normalized.
#[derive(Clone, Debug, PartialEq)]
pub struct EmbeddingSpec {
    /// A row for each token of the vocabulary.
    pub words: TableSpec,
    /// A row for each position of a text.
    pub positions: TableSpec,
    /// A row for each token type; every token of a text has the first.
    pub types: TableSpec,
    /// The normalization of the sum.
    pub norm: NormSpec,
}

/// One transformer layer: attention, then a feed-forward network, each added to its input and normalized.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerSpec {
    /// Computes queries, keys and values, side by side.
    pub qkv: LinearSpec,
    /// Maps the heads' outputs to the hidden size.
    pub output: LinearSpec,
    /// The normalization after attention.
    pub attention_norm: NormSpec,
    /// Maps the hidden size to the intermediate size.
    pub up: LinearSpec,
    /// The activation between the two.
    pub activation: HiddenAct,
    /// Maps the intermediate size back to the hidden size.
    pub down: LinearSpec,
    /// The normalization after the feed-forward network.
    pub norm: NormSpec,
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
/// and a `bias`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinearSpec {
    /// The names of the layers, without `.weight` and `.bias`.
    pub parts: Vec<String>,
    /// The number of inputs of each layer.
    pub inputs: usize,
    /// The number of outputs of each layer.
    pub outputs: usize,
}

/// A layer normalization with a `weight` and a `bias`, `[hidden_size]`.
#[derive(Clone, Debug, PartialEq)]
pub struct NormSpec {
    /// The layer's name, without `.weight` and `.bias`.
    pub name: String,
    /// ε, added to the variance.
    pub epsilon: f64,
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
}

impl Architecture {
    /// The longest text, in tokens.
    pub fn max_tokens(&self) -> usize {
        self.embeddings.positions.rows
    }

    /// The size of the vocabulary.
    pub fn vocabulary(&self) -> usize {
        self.embeddings.words.rows
    }

    /// The widest layer between the halves of a feed-forward network.
    pub(crate) fn intermediate_size(&self) -> usize {
        self.layers.iter().map(|layer| layer.up.outputs).max().unwrap_or(0)
    }
}

impl LayerSpec {
    /// The names of the layer's linear layers and normalizations.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &str> {
        let linear = [&self.qkv, &self.output, &self.up, &self.down].into_iter().flat_map(|linear| &linear.parts);
        linear.chain([&self.attention_norm.name, &self.norm.name]).map(String::as_str)
    }
}

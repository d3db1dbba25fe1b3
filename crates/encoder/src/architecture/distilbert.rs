//! DistilBERT (Sanh et al. 2019), as transformers implements it in `DistilBertModel`: BERT without token types, under
//! other names.

use std::path::Path;

use serde::Deserialize;

use super::sizes::Sizes;
use super::spec::{
    AttentionSpec, EmbeddingSpec, HiddenAct, LayerSpec, LinearSpec, NormOrder, PositionSpec, TableSpec, Transformer,
};
use super::{Architecture, parsed};
use crate::error::EncoderError;

const PREFIXES: &[&str] = &["distilbert.", ""];

/// ε of every normalization. It is not in the configuration: it is part of the network.
const EPSILON: f64 = 1e-12;

/// DistilBERT's `config.json`.
#[derive(Deserialize)]
struct DistilBertConfig {
    vocab_size: usize,
    dim: usize,
    n_layers: usize,
    n_heads: usize,
    hidden_dim: usize,
    activation: HiddenAct,
    max_position_embeddings: usize,
    #[serde(default)]
    pad_token_id: usize,
}

/// Reads DistilBERT's `config.json`.
///
/// # Errors
/// The file is damaged, or a value in it is not supported.
pub(super) fn architecture(path: &Path, bytes: &[u8]) -> Result<Architecture, EncoderError> {
    parsed(path, bytes, DistilBertConfig::transformer)
}

impl DistilBertConfig {
    fn transformer(&self) -> Result<Transformer, String> {
        let sizes = self.sizes();
        sizes.check()?;
        let table = |name: &str, rows| TableSpec { name: format!("embeddings.{name}.weight"), rows };
        let positions = table("position_embeddings", self.max_position_embeddings);
        Ok(Transformer {
            hidden_size: self.dim,
            heads: self.n_heads,
            max_tokens: self.max_position_embeddings,
            embeddings: EmbeddingSpec {
                words: table("word_embeddings", self.vocab_size),
                positions: Some(PositionSpec { table: positions, padding: None }),
                types: None,
                norm: sizes.norm("embeddings.LayerNorm".into()),
            },
            relative_bias: None,
            layers: (0..self.n_layers).map(|number| self.layer(&sizes, number)).collect(),
            norm: None,
            prefixes: PREFIXES,
        })
    }

    fn layer(&self, sizes: &Sizes<'_>, number: usize) -> LayerSpec {
        let (hidden, inner) = (self.dim, self.hidden_dim);
        let name = |part: &str| format!("transformer.layer.{number}.{part}");
        LayerSpec {
            order: NormOrder::Post,
            attention: AttentionSpec::default(),
            qkv: LinearSpec::new(&["q", "k", "v"].map(|part| name(&format!("attention.{part}_lin"))), hidden, hidden),
            output: LinearSpec::new(&[name("attention.out_lin")], hidden, hidden),
            attention_norm: Some(sizes.norm(name("sa_layer_norm"))),
            up: LinearSpec::new(&[name("ffn.lin1")], hidden, inner),
            gated: false,
            activation: self.activation,
            down: LinearSpec::new(&[name("ffn.lin2")], inner, hidden),
            norm: sizes.norm(name("output_layer_norm")),
        }
    }

    fn sizes(&self) -> Sizes<'_> {
        Sizes {
            vocabulary: ("vocab_size", self.vocab_size),
            hidden: ("dim", self.dim),
            layers: ("n_layers", self.n_layers),
            heads: ("n_heads", self.n_heads),
            intermediate: ("hidden_dim", self.hidden_dim),
            positions: ("max_position_embeddings", self.max_position_embeddings),
            types: None,
            padding: self.pad_token_id,
            epsilon: ("layer_norm_eps", EPSILON),
        }
    }
}

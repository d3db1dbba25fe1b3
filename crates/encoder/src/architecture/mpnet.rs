//! MPNet (Song et al. 2020), as transformers implements it in `MPNetModel`: BERT with a bias by the distance of two
//! tokens, and without token types.

use std::path::Path;

use serde::Deserialize;

use super::sizes::{Sizes, UsualSizes};
use super::spec::{
    AttentionSpec, EmbeddingSpec, HiddenAct, LayerSpec, LinearSpec, NormOrder, PositionSpec, RelativeBiasSpec,
    TableSpec, Transformer,
};
use super::{Architecture, parsed};
use crate::error::EncoderError;

const PREFIXES: &[&str] = &["mpnet.", ""];

/// The number of the padding token, which is not in the configuration: it is part of the network.
const PADDING: u32 = 1;

/// MPNet's `config.json`.
#[derive(Deserialize)]
struct MpnetConfig {
    #[serde(flatten)]
    sizes: UsualSizes,
    hidden_act: HiddenAct,
    layer_norm_eps: f64,
    #[serde(default = "usual_buckets")]
    relative_attention_num_buckets: usize,
}

fn usual_buckets() -> usize {
    32
}

/// Reads MPNet's `config.json`.
///
/// # Errors
/// The file is damaged, or a value in it is not supported.
pub(super) fn architecture(path: &Path, bytes: &[u8]) -> Result<Architecture, EncoderError> {
    parsed(path, bytes, MpnetConfig::transformer)
}

impl MpnetConfig {
    fn transformer(&self) -> Result<Transformer, String> {
        let sizes = self.named_sizes();
        sizes.check()?;
        let buckets = self.relative_attention_num_buckets;
        if buckets != usual_buckets() {
            return Err(format!(
                "relative_attention_num_buckets is {buckets}, and only {} are supported",
                usual_buckets()
            ));
        }
        let table = |name: &str, rows| TableSpec { name: format!("embeddings.{name}.weight"), rows };
        let positions = table("position_embeddings", self.sizes.max_position_embeddings);
        Ok(Transformer {
            hidden_size: self.sizes.hidden_size,
            heads: self.sizes.num_attention_heads,
            max_tokens: sizes.tokens_after_padding()?,
            embeddings: EmbeddingSpec {
                words: table("word_embeddings", self.sizes.vocab_size),
                positions: Some(PositionSpec { table: positions, padding: Some(PADDING) }),
                types: None,
                norm: sizes.norm("embeddings.LayerNorm".into()),
            },
            relative_bias: Some(RelativeBiasSpec { name: "encoder.relative_attention_bias.weight".into(), buckets }),
            layers: (0..self.sizes.num_hidden_layers).map(|number| self.layer(&sizes, number)).collect(),
            norm: None,
            prefixes: PREFIXES,
        })
    }

    fn layer(&self, sizes: &Sizes<'_>, number: usize) -> LayerSpec {
        let (hidden, inner) = (self.sizes.hidden_size, self.sizes.intermediate_size);
        let name = |part: &str| format!("encoder.layer.{number}.{part}");
        LayerSpec {
            order: NormOrder::Post,
            attention: AttentionSpec::default(),
            qkv: LinearSpec::new(&["q", "k", "v"].map(|part| name(&format!("attention.attn.{part}"))), hidden, hidden),
            output: LinearSpec::new(&[name("attention.attn.o")], hidden, hidden),
            attention_norm: Some(sizes.norm(name("attention.LayerNorm"))),
            up: LinearSpec::new(&[name("intermediate.dense")], hidden, inner),
            gated: false,
            activation: self.hidden_act,
            down: LinearSpec::new(&[name("output.dense")], inner, hidden),
            norm: sizes.norm(name("output.LayerNorm")),
        }
    }

    fn named_sizes(&self) -> Sizes<'_> {
        self.sizes.named(PADDING as usize, ("layer_norm_eps", self.layer_norm_eps))
    }
}

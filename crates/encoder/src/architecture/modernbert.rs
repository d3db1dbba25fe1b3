//! ModernBERT (Warner et al. 2024), as transformers implements it in `ModernBertModel`: rotated queries and keys,
//! normalizations before each half of a layer, gates, and layers that see only near tokens.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::sizes::Sizes;
use super::spec::{
    AttentionSpec, EmbeddingSpec, HiddenAct, LayerSpec, LinearSpec, NormOrder, NormSpec, TableSpec, Transformer,
};
use super::{Architecture, parsed};
use crate::error::EncoderError;

const PREFIXES: &[&str] = &["model.", ""];

/// ModernBERT's `config.json`. Newer files say for each layer what it sees, and older ones say which layers see all.
#[derive(Deserialize)]
struct ModernBertConfig {
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    #[serde(default = "gelu")]
    hidden_activation: HiddenAct,
    max_position_embeddings: usize,
    #[serde(default = "usual_epsilon")]
    norm_eps: f64,
    #[serde(default)]
    norm_bias: bool,
    #[serde(default)]
    attention_bias: bool,
    #[serde(default)]
    mlp_bias: bool,
    #[serde(default)]
    pad_token_id: usize,
    #[serde(default = "usual_window")]
    local_attention: usize,
    global_attn_every_n_layers: Option<usize>,
    layer_types: Option<Vec<String>>,
    global_rope_theta: Option<f64>,
    local_rope_theta: Option<f64>,
    rope_parameters: Option<BTreeMap<String, Rope>>,
}

#[derive(Deserialize)]
struct Rope {
    rope_type: Option<String>,
    rope_theta: Option<f64>,
}

fn gelu() -> HiddenAct {
    HiddenAct::Gelu
}

fn usual_epsilon() -> f64 {
    1e-5
}

fn usual_window() -> usize {
    128
}

const FULL: &str = "full_attention";
const SLIDING: &str = "sliding_attention";

/// Reads ModernBERT's `config.json`.
///
/// # Errors
/// The file is damaged, or a value in it is not supported.
pub(super) fn architecture(path: &Path, bytes: &[u8]) -> Result<Architecture, EncoderError> {
    parsed(path, bytes, ModernBertConfig::transformer)
}

impl ModernBertConfig {
    fn transformer(&self) -> Result<Transformer, String> {
        self.sizes().check()?;
        let words = TableSpec { name: "embeddings.tok_embeddings.weight".into(), rows: self.vocab_size };
        let layers = (0..self.num_hidden_layers).map(|number| Ok(self.layer(number, self.attention(number)?)));
        Ok(Transformer {
            hidden_size: self.hidden_size,
            heads: self.num_attention_heads,
            max_tokens: self.max_position_embeddings,
            embeddings: EmbeddingSpec {
                words,
                positions: None,
                types: None,
                norm: self.norm("embeddings.norm".into()),
            },
            relative_bias: None,
            layers: layers.collect::<Result<_, String>>()?,
            norm: Some(self.norm("final_norm".into())),
            prefixes: PREFIXES,
        })
    }

    fn layer(&self, number: usize, attention: AttentionSpec) -> LayerSpec {
        let (hidden, inner) = (self.hidden_size, self.intermediate_size);
        let name = |part: &str| format!("layers.{number}.{part}");
        let linear = |part: &str, inputs, outputs, biased| LinearSpec {
            biased,
            ..LinearSpec::new(&[name(part)], inputs, outputs)
        };
        LayerSpec {
            order: NormOrder::Pre,
            attention,
            qkv: linear("attn.Wqkv", hidden, 3 * hidden, self.attention_bias),
            output: linear("attn.Wo", hidden, hidden, self.attention_bias),
            // The embeddings are normalized already.
            attention_norm: (number > 0).then(|| self.norm(name("attn_norm"))),
            up: linear("mlp.Wi", hidden, 2 * inner, self.mlp_bias),
            gated: true,
            activation: self.hidden_activation,
            down: linear("mlp.Wo", inner, hidden, self.mlp_bias),
            norm: self.norm(name("mlp_norm")),
        }
    }

    /// What the tokens of a layer see.
    fn attention(&self, number: usize) -> Result<AttentionSpec, String> {
        let every = self.global_attn_every_n_layers.unwrap_or(3).max(1);
        let by_number = if number.is_multiple_of(every) { FULL } else { SLIDING };
        let sees = match &self.layer_types {
            Some(types) => types.get(number).ok_or_else(|| format!("layer_types has no layer {number}"))?,
            None => by_number,
        };
        let rope = self.rope_parameters.as_ref().and_then(|all| all.get(sees));
        match rope.and_then(|rope| rope.rope_type.as_deref()) {
            None | Some("default") => {}
            Some(other) => return Err(format!("rope_type {other:?} is not supported, only \"default\"")),
        }
        let (name, older, usual, window) = match sees {
            FULL => ("global_rope_theta", self.global_rope_theta, 160_000.0, None),
            SLIDING => ("local_rope_theta", self.local_rope_theta, 10_000.0, Some(self.local_attention / 2)),
            other => return Err(format!("layer type {other:?} is not supported, only {FULL:?} and {SLIDING:?}")),
        };
        let base = rope.and_then(|rope| rope.rope_theta).or(older).unwrap_or(usual);
        self.sizes().check_rotary(name, base)?;
        Ok(AttentionSpec { rotary: Some(base), window })
    }

    fn norm(&self, name: String) -> NormSpec {
        NormSpec { name, epsilon: self.norm_eps, biased: self.norm_bias }
    }

    fn sizes(&self) -> Sizes<'_> {
        Sizes {
            vocabulary: ("vocab_size", self.vocab_size),
            hidden: ("hidden_size", self.hidden_size),
            layers: ("num_hidden_layers", self.num_hidden_layers),
            heads: ("num_attention_heads", self.num_attention_heads),
            intermediate: ("intermediate_size", self.intermediate_size),
            positions: ("max_position_embeddings", self.max_position_embeddings),
            types: None,
            padding: self.pad_token_id,
            epsilon: ("norm_eps", self.norm_eps),
        }
    }
}

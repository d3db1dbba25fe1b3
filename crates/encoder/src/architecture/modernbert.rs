//! ModernBERT (Warner et al. 2024), as transformers implements it in `ModernBertModel`: rotated queries and keys,
//! normalizations before each half of a layer, gates, and layers that see only near tokens.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::sizes::{Sizes, UsualSizes};
use super::spec::{
    AttentionSpec, EmbeddingSpec, HiddenAct, LayerSpec, LinearSpec, NormOrder, NormSpec, TableSpec, Transformer,
};
use super::{Architecture, parsed};
use crate::error::EncoderError;

const PREFIXES: &[&str] = &["model.", ""];

/// ModernBERT's `config.json`. Newer files say for each layer what it sees, and older ones say which layers see all.
#[derive(Deserialize)]
struct ModernBertConfig {
    #[serde(flatten)]
    sizes: UsualSizes,
    #[serde(default = "gelu")]
    hidden_activation: HiddenAct,
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
        self.named_sizes().check()?;
        let words = TableSpec { name: "embeddings.tok_embeddings.weight".into(), rows: self.sizes.vocab_size };
        let layers = (0..self.sizes.num_hidden_layers).map(|number| Ok(self.layer(number, self.attention(number)?)));
        Ok(Transformer {
            hidden_size: self.sizes.hidden_size,
            heads: self.sizes.num_attention_heads,
            max_tokens: self.sizes.max_position_embeddings,
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
        let (hidden, inner) = (self.sizes.hidden_size, self.sizes.intermediate_size);
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
        self.named_sizes().check_rotary(name, base)?;
        Ok(AttentionSpec { rotary: Some(base), window })
    }

    fn norm(&self, name: String) -> NormSpec {
        NormSpec { name, epsilon: self.norm_eps, biased: self.norm_bias }
    }

    fn named_sizes(&self) -> Sizes<'_> {
        self.sizes.named(self.pad_token_id, ("norm_eps", self.norm_eps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(more: &str) -> Result<Transformer, String> {
        let config = format!(
            r#"{{"vocab_size": 30, "hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 2,
            "intermediate_size": 48, "max_position_embeddings": 64, "local_attention": 9{more}}}"#
        );
        match architecture(Path::new("config.json"), config.as_bytes()).map_err(|error| error.to_string())? {
            Architecture::Transformer(read) => Ok(*read),
            Architecture::Static(_) => panic!("ModernBERT has layers"),
        }
    }

    #[test]
    fn layers_see_all_tokens_or_near_ones_as_the_file_says_in_either_form() {
        let windows = |more: &str| -> Vec<(Option<usize>, Option<f64>)> {
            let seen = |layer: &LayerSpec| (layer.attention.window, layer.attention.rotary);
            read(more).unwrap().layers.iter().map(seen).collect()
        };
        let (all, near) = ((None, Some(160_000.0)), (Some(4), Some(10_000.0)));
        assert_eq!(windows(""), [all, near, near, all]);
        assert_eq!(windows(r#", "global_attn_every_n_layers": 2"#), [all, near, all, near]);
        let newer = r#", "layer_types": ["sliding_attention", "full_attention", "full_attention", "full_attention"],
            "rope_parameters": {"sliding_attention": {"rope_type": "default", "rope_theta": 7.0}}"#;
        assert_eq!(windows(newer), [(Some(4), Some(7.0)), all, all, all]);
    }

    #[test]
    fn what_is_not_supported_is_named() {
        for (more, said) in [
            (r#", "layer_types": ["full_attention"]"#, "layer_types has no layer 1"),
            (r#", "layer_types": ["linear", "linear", "linear", "linear"]"#, "layer type \"linear\""),
            (r#", "rope_parameters": {"full_attention": {"rope_type": "yarn"}}"#, "rope_type \"yarn\""),
            (r#", "global_rope_theta": 0.0"#, "global_rope_theta is 0"),
            (r#", "norm_eps": 2"#, "norm_eps is 2"),
        ] {
            let message = read(more).unwrap_err();
            assert!(message.contains(said), "{message}");
        }
    }
}

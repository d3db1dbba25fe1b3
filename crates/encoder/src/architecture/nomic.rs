//! NomicBERT (Nussbaum et al. 2024): BERT with rotated queries and keys, gates, and no biases.
//!
//! Files have one of two forms. The authors' own code has the names of GPT-2 in `config.json` and one tensor for
//! queries, keys and values. transformers has names of its own for the same network (`NomicBertModel`).

use std::path::Path;

use serde::Deserialize;

use super::sizes::Sizes;
use super::spec::{
    AttentionSpec, EmbeddingSpec, HiddenAct, LayerSpec, LinearSpec, NormOrder, NormSpec, TableSpec, Transformer,
};
use super::{Architecture, parsed};
use crate::error::EncoderError;

const PREFIXES: &[&str] = &["nomic_bert.", "bert.", ""];

/// NomicBERT's `config.json`. It has the names of one form, or of both.
#[derive(Deserialize)]
struct NomicConfig {
    vocab_size: usize,
    #[serde(default)]
    type_vocab_size: usize,
    #[serde(default)]
    pad_token_id: Option<usize>,
    #[serde(flatten)]
    authors: AuthorsNames,
    #[serde(flatten)]
    transformers: TransformersNames,
}

/// The names in the authors' own form, and what only they can ask for.
#[derive(Deserialize)]
struct AuthorsNames {
    n_embd: Option<usize>,
    n_layer: Option<usize>,
    n_head: Option<usize>,
    n_inner: Option<usize>,
    n_positions: Option<usize>,
    activation_function: Option<String>,
    layer_norm_epsilon: Option<f64>,
    rotary_emb_base: Option<f64>,
    rotary_emb_fraction: Option<f64>,
    #[serde(default)]
    rotary_emb_interleaved: bool,
    rotary_scaling_factor: Option<f64>,
    #[serde(default)]
    prenorm: bool,
    #[serde(default)]
    qkv_proj_bias: bool,
    #[serde(default)]
    mlp_fc1_bias: bool,
    #[serde(default)]
    mlp_fc2_bias: bool,
    use_rms_norm: Option<bool>,
    num_experts: Option<usize>,
}

/// The names in transformers' form.
#[derive(Deserialize)]
struct TransformersNames {
    hidden_size: Option<usize>,
    num_hidden_layers: Option<usize>,
    num_attention_heads: Option<usize>,
    intermediate_size: Option<usize>,
    max_position_embeddings: Option<usize>,
    hidden_act: Option<String>,
    layer_norm_eps: Option<f64>,
    rope_parameters: Option<Rope>,
}

#[derive(Deserialize)]
struct Rope {
    rope_type: Option<String>,
    rope_theta: Option<f64>,
}

/// Reads NomicBERT's `config.json`.
///
/// # Errors
/// The file is damaged, or a value in it is not supported.
pub(super) fn architecture(path: &Path, bytes: &[u8]) -> Result<Architecture, EncoderError> {
    parsed(path, bytes, NomicConfig::transformer)
}

impl NomicConfig {
    fn transformer(&self) -> Result<Transformer, String> {
        let sizes = self.sizes()?;
        sizes.check()?;
        self.check()?;
        let rope = self.transformers.rope_parameters.as_ref();
        let base = rope.and_then(|rope| rope.rope_theta).or(self.authors.rotary_emb_base).unwrap_or(1000.0);
        sizes.check_rotary("rotary_emb_base", base)?;
        let table = |name: &str, rows| TableSpec { name: format!("embeddings.{name}.weight"), rows };
        Ok(Transformer {
            hidden_size: sizes.hidden.1,
            heads: sizes.heads.1,
            max_tokens: sizes.positions.1,
            embeddings: EmbeddingSpec {
                words: table("word_embeddings", self.vocab_size),
                positions: None,
                types: sizes.types.map(|(_, types)| table("token_type_embeddings", types)),
                norm: sizes.norm("emb_ln".into()),
            },
            relative_bias: None,
            layers: (0..sizes.layers.1).map(|number| self.layer(&sizes, number, base)).collect(),
            norm: None,
            prefixes: PREFIXES,
        })
    }

    fn layer(&self, sizes: &Sizes<'_>, number: usize, base: f64) -> LayerSpec {
        let (hidden, inner) = (sizes.hidden.1, sizes.intermediate.1);
        let name = |part: &str| format!("encoder.layers.{number}.{part}");
        let linear = |parts: &[&str], inputs, outputs, biased| {
            let parts: Vec<String> = parts.iter().map(|part| name(part)).collect();
            LinearSpec { biased, ..LinearSpec::new(&parts, inputs, outputs) }
        };
        let norm = |part: &str| -> NormSpec { sizes.norm(name(part)) };
        let AuthorsNames { qkv_proj_bias, mlp_fc1_bias, mlp_fc2_bias, .. } = self.authors;
        LayerSpec {
            order: NormOrder::Post,
            attention: AttentionSpec { rotary: Some(base), window: None },
            qkv: linear(&["attn.Wqkv"], hidden, 3 * hidden, qkv_proj_bias),
            output: linear(&["attn.out_proj"], hidden, hidden, qkv_proj_bias),
            attention_norm: Some(norm("norm1")),
            // The second of the two is activated.
            up: linear(&["mlp.fc12", "mlp.fc11"], hidden, inner, mlp_fc1_bias),
            gated: true,
            activation: HiddenAct::Silu,
            down: linear(&["mlp.fc2"], inner, hidden, mlp_fc2_bias),
            norm: norm("norm2"),
        }
    }

    /// Refuses what the authors' code can be told to do, and no published model does.
    fn check(&self) -> Result<(), String> {
        let authors = &self.authors;
        let activation = self.transformers.hidden_act.as_ref().or(authors.activation_function.as_ref());
        let is_silu = activation.is_none_or(|name| ["swiglu", "silu"].contains(&name.as_str()));
        let unsupported = [
            (!is_silu, "an activation other than swiglu"),
            (authors.rotary_emb_fraction.is_some_and(|fraction| fraction != 1.0), "rotary_emb_fraction other than 1"),
            (authors.rotary_emb_interleaved, "rotary_emb_interleaved"),
            (authors.rotary_scaling_factor.is_some(), "rotary_scaling_factor"),
            (authors.prenorm, "prenorm"),
            (authors.use_rms_norm == Some(true), "use_rms_norm"),
            (authors.num_experts.is_some_and(|experts| experts > 0), "a mixture of experts"),
        ];
        if let Some((_, what)) = unsupported.into_iter().find(|(found, _)| *found) {
            return Err(format!("{what} is not supported in NomicBERT"));
        }
        match self.transformers.rope_parameters.as_ref().and_then(|rope| rope.rope_type.as_deref()) {
            None | Some("default") => Ok(()),
            Some(other) => Err(format!("rope_type {other:?} is not supported, only \"default\"")),
        }
    }

    fn sizes(&self) -> Result<Sizes<'_>, String> {
        let (ours, theirs) = (&self.transformers, &self.authors);
        let size = |name, first: Option<usize>, second: Option<usize>| {
            first.or(second).map(|size| (name, size)).ok_or_else(|| format!("there is no {name}"))
        };
        Ok(Sizes {
            vocabulary: ("vocab_size", self.vocab_size),
            hidden: size("hidden_size", ours.hidden_size, theirs.n_embd)?,
            layers: size("num_hidden_layers", ours.num_hidden_layers, theirs.n_layer)?,
            heads: size("num_attention_heads", ours.num_attention_heads, theirs.n_head)?,
            intermediate: size("intermediate_size", ours.intermediate_size, theirs.n_inner)?,
            // Angles have no end. The authors' number is what their models are served with.
            positions: size("n_positions", theirs.n_positions, ours.max_position_embeddings)?,
            types: (self.type_vocab_size > 0).then_some(("type_vocab_size", self.type_vocab_size)),
            padding: self.pad_token_id.unwrap_or(0),
            epsilon: ("layer_norm_epsilon", ours.layer_norm_eps.or(theirs.layer_norm_epsilon).unwrap_or(1e-12)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUTHORS: &str = r#"{"vocab_size": 30, "n_embd": 32, "n_layer": 1, "n_head": 2, "n_inner": 48,
        "n_positions": 8192, "activation_function": "swiglu", "layer_norm_epsilon": 1e-12, "rotary_emb_base": 500,
        "type_vocab_size": 2"#;

    fn read(more: &str) -> Result<Transformer, String> {
        let config = format!("{AUTHORS}{more}}}");
        match architecture(Path::new("config.json"), config.as_bytes()).map_err(|error| error.to_string())? {
            Architecture::Transformer(read) => Ok(*read),
            Architecture::Static(_) => panic!("NomicBERT has layers"),
        }
    }

    #[test]
    fn a_file_may_have_the_names_of_both_forms() {
        let both = r#", "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 48,
            "max_position_embeddings": 2048, "layer_norm_eps": 1e-12, "hidden_act": "silu""#;
        assert_eq!(read(both), read(""));
        assert_eq!(read("").unwrap().max_tokens, 8192);
    }

    #[test]
    fn what_no_published_model_asks_for_is_refused() {
        for (more, said) in [
            (r#", "prenorm": true"#, "prenorm is not supported"),
            (r#", "num_attention_heads": 32"#, "a head has 1 components"),
            (r#", "rope_parameters": {"rope_theta": 0.0}"#, "rotary_emb_base is 0"),
            (r#", "num_experts": 8"#, "a mixture of experts"),
            (r#", "rotary_scaling_factor": 2.0"#, "rotary_scaling_factor"),
            (r#", "hidden_act": "gelu""#, "an activation other than swiglu"),
            (r#", "rope_parameters": {"rope_type": "yarn"}"#, "rope_type \"yarn\""),
        ] {
            let message = read(more).unwrap_err();
            assert!(message.contains(said), "{message}");
        }
    }
}

//! BERT (Devlin et al. 2018), as transformers implements it in `BertModel`.

use std::path::Path;

use serde::Deserialize;

use super::spec::{Architecture, EmbeddingSpec, HiddenAct, LayerSpec, LinearSpec, NormSpec, TableSpec};
use crate::error::EncoderError;
use crate::json;

/// The most weights of a model: three times those of the largest BERT. A file that asks for more is damaged, or was
/// made to fill memory.
const MAX_WEIGHTS: u64 = 1 << 30;

/// Models for other tasks keep the encoder below this name.
const PREFIXES: &[&str] = &["bert.", ""];

/// BERT's `config.json`.
#[derive(Deserialize)]
struct BertConfig {
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    hidden_act: HiddenAct,
    max_position_embeddings: usize,
    type_vocab_size: usize,
    layer_norm_eps: f64,
    #[serde(default)]
    pad_token_id: usize,
    position_embedding_type: Option<String>,
}

/// Reads BERT's `config.json`.
///
/// # Errors
/// The file is damaged, or a value in it is not supported.
pub(super) fn architecture(path: &Path, bytes: &[u8]) -> Result<Architecture, EncoderError> {
    let config: BertConfig = json::parse(path, bytes)?;
    config.check().map_err(|what| EncoderError::Model { path: path.into(), what, source: None })?;
    Ok(config.architecture())
}

impl BertConfig {
    fn architecture(&self) -> Architecture {
        let table = |name: &str, rows| TableSpec { name: format!("embeddings.{name}.weight"), rows };
        Architecture {
            hidden_size: self.hidden_size,
            heads: self.num_attention_heads,
            embeddings: EmbeddingSpec {
                words: table("word_embeddings", self.vocab_size),
                positions: table("position_embeddings", self.max_position_embeddings),
                types: table("token_type_embeddings", self.type_vocab_size),
                norm: self.norm("embeddings.LayerNorm".into()),
            },
            layers: (0..self.num_hidden_layers).map(|number| self.layer(number)).collect(),
            prefixes: PREFIXES,
        }
    }

    fn layer(&self, number: usize) -> LayerSpec {
        let (hidden, inner) = (self.hidden_size, self.intermediate_size);
        let name = |part: &str| format!("encoder.layer.{number}.{part}");
        let linear = |parts: &[&str], inputs, outputs| LinearSpec {
            parts: parts.iter().map(|part| name(part)).collect(),
            inputs,
            outputs,
        };
        LayerSpec {
            qkv: linear(&["attention.self.query", "attention.self.key", "attention.self.value"], hidden, hidden),
            output: linear(&["attention.output.dense"], hidden, hidden),
            attention_norm: self.norm(name("attention.output.LayerNorm")),
            up: linear(&["intermediate.dense"], hidden, inner),
            activation: self.hidden_act,
            down: linear(&["output.dense"], inner, hidden),
            norm: self.norm(name("output.LayerNorm")),
        }
    }

    fn norm(&self, name: String) -> NormSpec {
        NormSpec { name, epsilon: self.layer_norm_eps }
    }

    /// Checks that the network can be computed.
    fn check(&self) -> Result<(), String> {
        match self.position_embedding_type.as_deref() {
            None | Some("absolute") => {}
            Some(other) => return Err(format!("{other:?} position embeddings are not supported, only absolute")),
        }
        self.check_sizes()?;
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            return Err(format!("{} heads do not divide {}", self.num_attention_heads, self.hidden_size));
        }
        if self.max_position_embeddings < 3 {
            return Err(format!("{} positions are too few for a text", self.max_position_embeddings));
        }
        if self.pad_token_id >= self.vocab_size {
            return Err(format!("pad_token_id is {}, but there are {} words", self.pad_token_id, self.vocab_size));
        }
        if !(0.0..1.0).contains(&self.layer_norm_eps) {
            return Err(format!("layer_norm_eps is {}, expected a small number", self.layer_norm_eps));
        }
        Ok(())
    }

    /// Checks that no size is 0, and that none is so large that it would only fill memory.
    fn check_sizes(&self) -> Result<(), String> {
        let sizes = [
            ("vocab_size", self.vocab_size, 10_000_000),
            ("hidden_size", self.hidden_size, 16_384),
            ("num_hidden_layers", self.num_hidden_layers, 512),
            ("num_attention_heads", self.num_attention_heads, 1024),
            ("intermediate_size", self.intermediate_size, 131_072),
            ("max_position_embeddings", self.max_position_embeddings, 65_536),
            ("type_vocab_size", self.type_vocab_size, 1024),
        ];
        if let Some((name, size, most)) = sizes.into_iter().find(|&(_, size, most)| !(1..=most).contains(&size)) {
            return Err(format!("{name} is {size}, expected 1 to {most}"));
        }
        let [words, dim, layers, _, inner, positions, types] = sizes.map(|(_, size, _)| size as u64);
        let weights = (words + positions + types) * dim + layers * (4 * dim * dim + 2 * dim * inner);
        if weights > MAX_WEIGHTS {
            return Err(format!("{weights} weights are more than any such model has"));
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::architecture) const CONFIG: &str = r#"{"model_type": "bert", "vocab_size": 10, "hidden_size": 4,
        "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8, "hidden_act": "gelu",
        "max_position_embeddings": 32, "type_vocab_size": 2, "layer_norm_eps": 1e-12}"#;

    fn read(config: &str) -> Result<Architecture, String> {
        architecture(Path::new("config.json"), config.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_layer_has_the_names_and_sizes_of_transformers() {
        let described = read(CONFIG).unwrap();
        assert_eq!((described.max_tokens(), described.vocabulary(), described.layers.len()), (32, 10, 1));
        let layer = &described.layers[0];
        assert_eq!((layer.up.inputs, layer.up.outputs, layer.activation), (4, 8, HiddenAct::Gelu));
        let parts: Vec<&str> = layer.parts().collect();
        assert_eq!(parts.len(), 8);
        assert!(parts.contains(&"encoder.layer.0.attention.self.query"));
    }

    #[test]
    fn an_activation_has_several_names() {
        for name in ["gelu_new", "gelu_pytorch_tanh", "gelu_approximate"] {
            let described = read(&CONFIG.replace("\"gelu\"", &format!("{name:?}"))).unwrap();
            assert_eq!(described.layers[0].activation, HiddenAct::GeluNew);
        }
    }

    #[test]
    fn a_size_of_0_or_beyond_all_measure_is_named() {
        for (from, to, expected) in [
            ("\"vocab_size\": 10", "\"vocab_size\": 0", "vocab_size is 0, expected 1 to 10000000"),
            ("\"hidden_size\": 4", "\"hidden_size\": 0", "hidden_size is 0"),
            ("layers\": 1", "layers\": 0", "num_hidden_layers is 0"),
            ("layers\": 1", "layers\": 18446744073709551615", "num_hidden_layers is 18446744073709551615"),
            ("heads\": 2", "heads\": 0", "num_attention_heads is 0"),
            ("heads\": 2", "heads\": 3", "3 heads do not divide 4"),
            ("intermediate_size\": 8", "intermediate_size\": 0", "intermediate_size is 0"),
            ("embeddings\": 32", "embeddings\": 2", "2 positions are too few for a text"),
            ("type_vocab_size\": 2", "type_vocab_size\": 0", "type_vocab_size is 0"),
            ("\"vocab_size\": 10", "\"pad_token_id\": 10, \"vocab_size\": 10", "pad_token_id is 10"),
            ("1e-12", "-1", "layer_norm_eps is -1"),
            ("2, \"intermediate", "2, \"position_embedding_type\": \"relative_key\", \"intermediate", "relative_key"),
            (
                "\"vocab_size\": 10, \"hidden_size\": 4",
                "\"vocab_size\": 9000000, \"hidden_size\": 8192",
                "weights are more than",
            ),
        ] {
            let said = read(&CONFIG.replace(from, to)).unwrap_err();
            assert!(said.contains(expected), "{said}");
        }
    }
}

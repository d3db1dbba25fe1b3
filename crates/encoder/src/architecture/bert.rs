//! BERT (Devlin et al. 2018), as transformers implements it in `BertModel`, and the networks that differ from it only in
//! how positions are counted: RoBERTa (Liu et al. 2019), XLM-RoBERTa (Conneau et al. 2020), CamemBERT (Martin et al.
//! 2020).

use std::path::Path;

use serde::Deserialize;

use super::sizes::{Sizes, UsualSizes};
use super::spec::{
    AttentionSpec, EmbeddingSpec, HiddenAct, LayerSpec, LinearSpec, NormOrder, PositionSpec, TableSpec, Transformer,
};
use super::{Architecture, parsed};
use crate::error::EncoderError;

/// Models for other tasks keep the encoder below this name.
const BERT: &[&str] = &["bert.", ""];
const ROBERTA: &[&str] = &["roberta.", ""];

/// BERT's `config.json`.
#[derive(Deserialize)]
struct BertConfig {
    #[serde(flatten)]
    sizes: UsualSizes,
    hidden_act: HiddenAct,
    type_vocab_size: usize,
    layer_norm_eps: f64,
    pad_token_id: Option<usize>,
    position_embedding_type: Option<String>,
}

/// Reads BERT's `config.json`.
///
/// # Errors
/// The file is damaged, or a value in it is not supported.
pub(super) fn bert(path: &Path, bytes: &[u8]) -> Result<Architecture, EncoderError> {
    parsed(path, bytes, |config: &BertConfig| {
        config.check(0)?;
        let sizes = config.named_sizes(0);
        Ok(config.transformer(&sizes, config.sizes.max_position_embeddings, None, BERT))
    })
}

/// Reads RoBERTa's `config.json`. Positions are counted from the one after the padding token's number.
///
/// # Errors
/// The file is damaged, or a value in it is not supported.
pub(super) fn roberta(path: &Path, bytes: &[u8]) -> Result<Architecture, EncoderError> {
    parsed(path, bytes, |config: &BertConfig| {
        config.check(1)?;
        let sizes = config.named_sizes(1);
        let tokens = sizes.tokens_after_padding()?;
        Ok(config.transformer(&sizes, tokens, Some(sizes.padding as u32), ROBERTA))
    })
}

impl BertConfig {
    fn transformer(
        &self,
        sizes: &Sizes<'_>,
        max_tokens: usize,
        padding: Option<u32>,
        prefixes: &'static [&'static str],
    ) -> Transformer {
        let table = |name: &str, rows| TableSpec { name: format!("embeddings.{name}.weight"), rows };
        let positions = table("position_embeddings", self.sizes.max_position_embeddings);
        Transformer {
            hidden_size: self.sizes.hidden_size,
            heads: self.sizes.num_attention_heads,
            max_tokens,
            embeddings: EmbeddingSpec {
                words: table("word_embeddings", self.sizes.vocab_size),
                positions: Some(PositionSpec { table: positions, padding }),
                types: Some(table("token_type_embeddings", self.type_vocab_size)),
                norm: sizes.norm("embeddings.LayerNorm".into()),
            },
            relative_bias: None,
            layers: (0..self.sizes.num_hidden_layers).map(|number| self.layer(sizes, number)).collect(),
            norm: None,
            prefixes,
        }
    }

    fn layer(&self, sizes: &Sizes<'_>, number: usize) -> LayerSpec {
        let (hidden, inner) = (self.sizes.hidden_size, self.sizes.intermediate_size);
        let name = |part: &str| format!("encoder.layer.{number}.{part}");
        LayerSpec {
            order: NormOrder::Post,
            attention: AttentionSpec::default(),
            qkv: LinearSpec::new(
                &["query", "key", "value"].map(|part| name(&format!("attention.self.{part}"))),
                hidden,
                hidden,
            ),
            output: LinearSpec::new(&[name("attention.output.dense")], hidden, hidden),
            attention_norm: Some(sizes.norm(name("attention.output.LayerNorm"))),
            up: LinearSpec::new(&[name("intermediate.dense")], hidden, inner),
            gated: false,
            activation: self.hidden_act,
            down: LinearSpec::new(&[name("output.dense")], inner, hidden),
            norm: sizes.norm(name("output.LayerNorm")),
        }
    }

    fn named_sizes(&self, usual_padding: usize) -> Sizes<'_> {
        let padding = self.pad_token_id.unwrap_or(usual_padding);
        let types = Some(("type_vocab_size", self.type_vocab_size));
        Sizes { types, ..self.sizes.named(padding, ("layer_norm_eps", self.layer_norm_eps)) }
    }

    fn check(&self, usual_padding: usize) -> Result<(), String> {
        match self.position_embedding_type.as_deref() {
            None | Some("absolute") => self.named_sizes(usual_padding).check(),
            Some(other) => Err(format!("{other:?} position embeddings are not supported, only absolute")),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::architecture) const CONFIG: &str = r#"{"model_type": "bert", "vocab_size": 10, "hidden_size": 4,
        "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8, "hidden_act": "gelu",
        "max_position_embeddings": 32, "type_vocab_size": 2, "layer_norm_eps": 1e-12}"#;

    fn read(config: &str) -> Result<Transformer, String> {
        let Architecture::Transformer(read) =
            bert(Path::new("config.json"), config.as_bytes()).map_err(|error| error.to_string())?
        else {
            panic!("BERT is a transformer")
        };
        Ok(*read)
    }

    #[test]
    fn a_layer_has_the_names_and_sizes_of_transformers() {
        let described = read(CONFIG).unwrap();
        assert_eq!((described.max_tokens, described.vocabulary(), described.layers.len()), (32, 10, 1));
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

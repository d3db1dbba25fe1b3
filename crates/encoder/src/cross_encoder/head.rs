//! What turns a pair's vector into its score: the head of transformers' `…ForSequenceClassification`.

use std::collections::BTreeMap;

use semsearch_kernels::{Isa, LayerNorm};
use serde::Deserialize;
use serde_json::Value;

use crate::architecture::{NormSpec, Transformer};
use crate::backend::{Dense, sigmoid};
use crate::error::EncoderError;
use crate::json;
use crate::model::{CONFIG, DenseActivation, ModelFiles, Weights, classifies};
use crate::pooling::Pooling;

/// The part of `config.json` that says what the head is.
#[derive(Deserialize)]
struct HeadConfig {
    model_type: Option<String>,
    #[serde(default)]
    architectures: Vec<String>,
    num_labels: Option<usize>,
    id2label: Option<BTreeMap<String, Value>>,
    classifier_pooling: Option<String>,
    classifier_activation: Option<String>,
    #[serde(default)]
    classifier_bias: bool,
    #[serde(default)]
    norm_bias: bool,
    norm_eps: Option<f64>,
    sentence_transformers: Option<Activations>,
    /// The older name of `sentence_transformers.activation_fn`.
    sbert_ce_default_activation_function: Option<String>,
}

#[derive(Deserialize)]
struct Activations {
    activation_fn: Option<String>,
}

/// What `config.json` says of a head. The names are those in the weights' file.
pub(super) struct HeadSpec {
    /// How the tokens' vectors become the vector of the pair.
    pub(super) pooling: Pooling,
    dense: &'static str,
    /// Whether `dense` has a bias.
    biased: bool,
    activation: DenseActivation,
    /// The normalization between the two layers.
    norm: Option<NormSpec>,
    out: &'static str,
    /// Whether a score is the logistic function of what the model gives.
    logistic: bool,
}

impl HeadSpec {
    /// Reads the model's `config.json`.
    ///
    /// # Errors
    /// The file is damaged, the model is no cross-encoder, or its head is not supported.
    pub(super) fn read(model: &ModelFiles) -> Result<Self, EncoderError> {
        let path = model.path(CONFIG);
        let config: HeadConfig = json::load_required(&path)?;
        config.spec().map_err(|what| EncoderError::Model { path, what, source: None })
    }
}

/// A head that is ready to score.
pub(super) struct Head {
    dense: Dense,
    norm: Option<LayerNorm>,
    out: Dense,
    logistic: bool,
}

impl Head {
    /// Reads the weights of the head.
    ///
    /// # Errors
    /// The weights are missing or damaged.
    pub(super) fn load(spec: &HeadSpec, model: &ModelFiles, network: &Transformer) -> Result<Self, EncoderError> {
        let (weights, hidden) = (Weights::open(model, network)?, network.hidden_size);
        let layer = |name: &str, outputs, biased, activation| {
            let weight = weights.get_finite(&format!("{name}.weight"), outputs * hidden)?;
            Ok::<_, EncoderError>(Dense::new(&weight, &weights.bias(name, outputs, biased)?, activation))
        };
        let norm = spec.norm.as_ref().map(|norm| {
            let (weight, bias) = weights.norm(norm, hidden)?;
            let epsilon = norm.epsilon as f32;
            Ok::<_, EncoderError>(LayerNorm { weight: weight.to_vec(), bias: bias.to_vec(), epsilon })
        });
        Ok(Self {
            dense: layer(spec.dense, hidden, spec.biased, spec.activation)?,
            norm: norm.transpose()?,
            out: layer(spec.out, 1, true, DenseActivation::Identity)?,
            logistic: spec.logistic,
        })
    }

    /// The scores of pairs, from their vectors, `[pairs, hidden_size]`.
    ///
    /// # Errors
    /// A number is too large for 32 bits.
    pub(super) fn scores(&self, vectors: &[f32]) -> Result<Vec<f32>, EncoderError> {
        let mut rows = self.dense.apply(vectors)?;
        if let Some(norm) = &self.norm {
            Isa::best().layer_norm(&mut rows, norm);
        }
        let scores = self.out.apply(&rows)?;
        Ok(if self.logistic { scores.into_iter().map(sigmoid).collect() } else { scores })
    }
}

impl HeadConfig {
    /// The layers of the family's head.
    fn spec(&self) -> Result<HeadSpec, String> {
        if !classifies(&self.architectures) {
            let what = "the model is not a cross-encoder: its architectures name no …ForSequenceClassification";
            return Err(format!("{what}, only {:?}", self.architectures));
        }
        match self.id2label.as_ref().map(BTreeMap::len).or(self.num_labels).unwrap_or(2) {
            1 => {}
            labels => return Err(format!("the model gives {labels} numbers for a pair, and a reranker gives one")),
        }
        let plain = HeadSpec {
            pooling: Pooling::Cls,
            dense: "classifier.dense",
            biased: true,
            activation: DenseActivation::Tanh,
            norm: None,
            out: "classifier.out_proj",
            logistic: self.is_logistic()?,
        };
        match self.model_type.as_deref().unwrap_or("bert") {
            "bert" | "nomic_bert" => Ok(HeadSpec { dense: "pooler.dense", out: "classifier", ..plain }),
            "roberta" | "xlm-roberta" | "camembert" | "mpnet" => Ok(plain),
            "distilbert" => {
                Ok(HeadSpec { dense: "pre_classifier", activation: DenseActivation::Relu, out: "classifier", ..plain })
            }
            "modernbert" => Ok(HeadSpec {
                pooling: self.modern_pooling()?,
                dense: "head.dense",
                biased: self.classifier_bias,
                activation: DenseActivation::Gelu,
                norm: Some(NormSpec {
                    name: "head.norm".into(),
                    epsilon: self.norm_eps.unwrap_or(1e-5),
                    biased: self.norm_bias,
                }),
                out: "classifier",
                ..plain
            }),
            other => Err(format!("a cross-encoder of type {other:?} is not supported")),
        }
    }

    /// How ModernBERT's head pools. It is refused if it has another activation than the usual one.
    fn modern_pooling(&self) -> Result<Pooling, String> {
        match self.classifier_activation.as_deref() {
            None | Some("gelu") => {}
            Some(other) => return Err(format!("classifier_activation {other:?} is not supported, only \"gelu\"")),
        }
        match self.classifier_pooling.as_deref() {
            None | Some("cls") => Ok(Pooling::Cls),
            Some("mean") => Ok(Pooling::Mean),
            Some(other) => Err(format!("classifier_pooling {other:?} is not supported, only \"cls\" and \"mean\"")),
        }
    }

    /// Whether the configuration asks for the logistic function.
    fn is_logistic(&self) -> Result<bool, String> {
        let named = self.sentence_transformers.as_ref().and_then(|all| all.activation_fn.as_deref());
        let named = named.or(self.sbert_ce_default_activation_function.as_deref());
        match DenseActivation::of_torch(named.unwrap_or_default())? {
            DenseActivation::Identity => Ok(false),
            DenseActivation::Sigmoid => Ok(true),
            _ => {
                let named = named.unwrap_or_default();
                Err(format!("a score's function {named} is not supported, only Identity and Sigmoid"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(config: &str) -> Result<HeadSpec, String> {
        let config = format!(r#"{{"architectures": ["XForSequenceClassification"], {config}}}"#);
        serde_json::from_str::<HeadConfig>(&config).unwrap().spec()
    }

    #[test]
    fn a_score_is_the_logistic_function_only_where_the_configuration_says_so() {
        let one = r#""num_labels": 1, "model_type": "bert""#;
        let class = |name: &str| format!("torch.nn.modules.{name}");
        let newer = |name: &str| format!(r#"{one}, "sentence_transformers": {{"activation_fn": "{}"}}"#, class(name));
        let older = |name: &str| format!(r#"{one}, "sbert_ce_default_activation_function": "{}""#, class(name));
        let logistic = |config: &str| spec(config).map(|spec| spec.logistic);
        assert_eq!(logistic(one), Ok(false));
        for both in ["linear.Identity", "activation.Sigmoid"].map(|name| [newer(name), older(name)]) {
            assert!(both.iter().all(|config| logistic(config) == Ok(config.contains("Sigmoid"))));
        }
        let message = logistic(&older("activation.Tanh")).unwrap_err();
        assert!(message.contains("only Identity and Sigmoid"), "{message}");
    }

    #[test]
    fn a_head_that_is_not_supported_is_refused() {
        for (config, said) in [
            (r#""num_labels": 3, "model_type": "bert""#, "gives 3 numbers"),
            (r#""id2label": {"0": "a", "1": "b"}, "model_type": "bert""#, "gives 2 numbers"),
            (r#""num_labels": 1, "model_type": "model2vec""#, "of type \"model2vec\""),
            (r#""num_labels": 1, "model_type": "modernbert", "classifier_pooling": "max""#, "classifier_pooling"),
            (
                r#""num_labels": 1, "model_type": "modernbert", "classifier_activation": "silu""#,
                "classifier_activation",
            ),
        ] {
            let message = spec(config).err().unwrap();
            assert!(message.contains(said), "{message}");
        }
    }
}

//! What turns a pair's vector into its score: the head of transformers' `…ForSequenceClassification`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::architecture::Transformer;
use crate::backend::{Dense, sigmoid};
use crate::error::EncoderError;
use crate::json;
use crate::model::{CONFIG, DenseActivation, ModelFiles, Weights};
use crate::pooling::{Pooling, normalize_layer};

/// The part of `config.json` that says what the head is.
#[derive(Deserialize)]
struct HeadConfig {
    model_type: Option<String>,
    #[serde(default)]
    architectures: Vec<String>,
    num_labels: Option<usize>,
    id2label: Option<BTreeMap<String, Value>>,
    classifier_pooling: Option<String>,
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

/// The layers of a head by their names in the weights' file, in order.
struct HeadSpec {
    pooling: Pooling,
    dense: &'static str,
    /// Whether `dense` has a bias.
    biased: bool,
    activation: DenseActivation,
    /// The normalization between the two layers.
    norm: Option<(&'static str, f64)>,
    norm_biased: bool,
    out: &'static str,
}

/// A head that is ready to score.
pub(super) struct Head {
    pub(super) pooling: Pooling,
    dense: Dense,
    norm: Option<HeadNorm>,
    out: Dense,
    /// Whether a score is the logistic function of what the model gives.
    logistic: bool,
}

/// A layer normalization.
struct HeadNorm {
    weight: Vec<f32>,
    bias: Vec<f32>,
    epsilon: f64,
}

impl Head {
    /// Reads the head of the model.
    ///
    /// # Errors
    /// The model is no cross-encoder, its head is not supported, or its weights are missing or damaged.
    pub(super) fn load(model: &ModelFiles, network: &Transformer) -> Result<Self, EncoderError> {
        let path = model.path(CONFIG);
        let config: HeadConfig = json::load_required(&path)?;
        let refused = |what| EncoderError::Model { path: path.clone(), what, source: None };
        let spec = config.spec().map_err(refused)?;
        let logistic = config.is_logistic().map_err(refused)?;
        let weights = Weights::open(model, network)?;
        let hidden = network.hidden_size;
        let bias = |name: &str, size, there| match there {
            true => Ok(weights.get_finite(&format!("{name}.bias"), size)?.to_vec()),
            false => Ok::<_, EncoderError>(vec![0.0; size]),
        };
        let dense = weights.get_finite(&format!("{}.weight", spec.dense), hidden * hidden)?;
        let norm = spec.norm.map(|(name, epsilon)| {
            let weight = weights.get_finite(&format!("{name}.weight"), hidden)?.to_vec();
            Ok::<_, EncoderError>(HeadNorm { weight, bias: bias(name, hidden, spec.norm_biased)?, epsilon })
        });
        let out = weights.get_finite(&format!("{}.weight", spec.out), hidden)?;
        Ok(Self {
            pooling: spec.pooling,
            dense: Dense::new(&dense, &bias(spec.dense, hidden, spec.biased)?, spec.activation),
            norm: norm.transpose()?,
            out: Dense::new(&out, &bias(spec.out, 1, true)?, DenseActivation::Identity),
            logistic,
        })
    }

    /// The scores of pairs, from their vectors, `[pairs, hidden_size]`.
    pub(super) fn scores(&self, vectors: &[f32]) -> Vec<f32> {
        let mut rows = self.dense.apply(vectors);
        if let Some(HeadNorm { weight, bias, epsilon }) = &self.norm {
            rows.chunks_exact_mut(weight.len()).for_each(|row| normalize_layer(row, weight, bias, *epsilon));
        }
        let scores = self.out.apply(&rows);
        if self.logistic { scores.into_iter().map(sigmoid).collect() } else { scores }
    }
}

impl HeadConfig {
    /// The layers of the family's head.
    fn spec(&self) -> Result<HeadSpec, String> {
        let classifies = |name: &String| name.ends_with("ForSequenceClassification");
        if !self.architectures.iter().any(classifies) {
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
            norm_biased: false,
            out: "classifier.out_proj",
        };
        match self.model_type.as_deref().unwrap_or("bert") {
            "bert" | "nomic_bert" => Ok(HeadSpec { dense: "pooler.dense", out: "classifier", ..plain }),
            "roberta" | "xlm-roberta" | "camembert" | "mpnet" => Ok(plain),
            "distilbert" => {
                Ok(HeadSpec { dense: "pre_classifier", activation: DenseActivation::Relu, out: "classifier", ..plain })
            }
            "modernbert" => Ok(HeadSpec {
                pooling: match self.classifier_pooling.as_deref() {
                    None | Some("cls") => Pooling::Cls,
                    Some("mean") => Pooling::Mean,
                    Some(other) => return Err(format!("classifier_pooling {other:?} is not supported")),
                },
                dense: "head.dense",
                biased: self.classifier_bias,
                activation: DenseActivation::Gelu,
                norm: Some(("head.norm", self.norm_eps.unwrap_or(1e-5))),
                norm_biased: self.norm_bias,
                out: "classifier",
            }),
            other => Err(format!("a cross-encoder of type {other:?} is not supported")),
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

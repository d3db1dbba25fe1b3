//! How a model is run according to its own files: its network, pooling, normalization, maximum length and prompts.
//!
//! The files are those of transformers (`config.json`) and sentence-transformers (`modules.json`,
//! `1_Pooling/config.json`, `sentence_bert_config.json`, `config_sentence_transformers.json`).

use std::path::Path;

use semsearch_files::RelativePath;
use serde::Deserialize;

use super::dense::DenseSpec;
use super::files::{CONFIG, ModelFiles, PROMPTS, SENTENCE_CONFIG, TOKENIZER_CONFIG};
use super::modules::{Modules, module_files};
use super::prompts::{ModelPrompts, PromptConfig};
use crate::architecture::Architecture;
use crate::error::EncoderError;
use crate::json;
use crate::pooling::Pooling;

/// How a model is run according to its own files.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// The network.
    pub architecture: Architecture,
    /// The pooling. It is the mean if the files do not name one.
    pub pooling: Pooling,
    /// The linear layers after the pooling, in order.
    pub dense: Vec<DenseSpec>,
    /// Whether vectors are scaled to length 1. They are if there is no `modules.json`.
    pub normalized: bool,
    /// The tokens that are kept of a text, special tokens included.
    pub max_length: usize,
    /// Whether texts are written in small letters before they are tokenized.
    pub lowercase: bool,
    /// Whether the model was trained to judge texts, or pairs of texts, and not to make vectors.
    pub classifies: bool,
    /// Whether the files say how to pool. If not, `pooling` and `normalized` are the usual ones.
    pub has_modules: bool,
    /// The prompts that the model was trained to see before queries, and before documents.
    pub prompts: ModelPrompts,
}

#[derive(Default, Deserialize)]
struct SentenceConfig {
    max_seq_length: Option<usize>,
    #[serde(default)]
    do_lower_case: bool,
}

/// The part of `config.json` that says what the model was trained for.
#[derive(Deserialize)]
struct Purpose {
    #[serde(default)]
    architectures: Vec<String>,
}

#[derive(Deserialize)]
struct TokenizerConfig {
    /// The value 10³⁰ in some files means "no limit".
    model_max_length: Option<f64>,
}

impl ModelConfig {
    /// Reads the files in the model's directory.
    ///
    /// # Errors
    /// A file is unreadable or damaged, or asks for something that is not supported.
    pub fn load(model: &ModelFiles) -> Result<Self, EncoderError> {
        let path = model.path(CONFIG);
        let no_file = || EncoderError::ModelFile { dir: model.dir.clone(), file: CONFIG };
        let bytes = json::read(&path)?.ok_or_else(no_file)?;
        let architecture = Architecture::parse(&path, &bytes)?;
        let purpose: Purpose = json::parse(&path, &bytes)?;
        let Modules { pooling, dense, normalized, there } = Modules::load(&model.dir)?;
        let sentence: SentenceConfig = json::load(&model.path(SENTENCE_CONFIG))?.unwrap_or_default();
        let tokenizer: Option<TokenizerConfig> = json::load(&model.path(TOKENIZER_CONFIG))?;
        let positions = architecture.max_tokens();
        let max_length = sentence
            .max_seq_length
            // The cast saturates: "no limit" becomes the largest number, and the positions bound it.
            .or_else(|| tokenizer.and_then(|config| config.model_max_length).map(|limit| limit as usize))
            .map_or(architecture.usual_tokens(), |limit| limit.min(positions));
        let prompts: Option<PromptConfig> = json::load(&model.path(PROMPTS))?;
        let prompts = prompts.unwrap_or_default().prompts();
        // A table says itself how its vectors are used.
        let (normalized, has_modules) = match &architecture {
            Architecture::Static(table) if !there => (table.normalized, true),
            _ => (normalized, there),
        };
        Ok(Self {
            pooling,
            dense,
            normalized,
            max_length,
            lowercase: sentence.do_lower_case,
            classifies: !has_modules && classifies(&purpose.architectures),
            has_modules,
            prompts,
            architecture,
        })
    }

    /// The files of the modules that `modules.json` names, relative to the model's directory: how to pool, and linear
    /// layers.
    ///
    /// # Errors
    /// `modules.json` is unreadable, or a path leads out of the model's directory.
    pub fn module_files(dir: &Path) -> Result<Vec<RelativePath>, EncoderError> {
        module_files(dir)
    }
}

/// Whether one of the `architectures` in `config.json` judges texts or pairs of texts.
pub(crate) fn classifies(architectures: &[String]) -> bool {
    architectures.iter().any(|name| name.ends_with("ForSequenceClassification"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MODULES;

    const BERT: &str = r#"{"model_type": "bert", "vocab_size": 10, "hidden_size": 4, "num_hidden_layers": 1,
        "num_attention_heads": 2, "intermediate_size": 8, "hidden_act": "gelu", "max_position_embeddings": 32,
        "type_vocab_size": 2, "layer_norm_eps": 1e-12}"#;
    const MODULES_ALL: &str = r#"[{"path": "", "type": "sentence_transformers.models.Transformer"},
        {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}]"#;

    fn load(files: &[(&str, &str)]) -> Result<ModelConfig, String> {
        let dir = tempfile::tempdir().unwrap();
        for (file, content) in files {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let model = ModelFiles { dir: dir.path().into(), id: "x".into(), revision: None };
        ModelConfig::load(&model).map_err(|error| error.to_string())
    }

    #[test]
    fn pooling_normalization_and_length_come_from_the_models_own_files() {
        let cls = r#"{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}"#;
        let config = load(&[
            (CONFIG, BERT),
            (MODULES, MODULES_ALL),
            ("1_Pooling/config.json", cls),
            (SENTENCE_CONFIG, r#"{"max_seq_length": 16, "do_lower_case": true}"#),
        ])
        .unwrap();
        assert!(config.lowercase && !config.classifies);
        assert_eq!((config.pooling, config.normalized, config.max_length), (Pooling::Cls, true, 16));

        let unnormalized = MODULES_ALL.replace("models.Normalize", "models.Transformer");
        let config = load(&[(CONFIG, BERT), (MODULES, &unnormalized), ("1_Pooling/config.json", cls)]).unwrap();
        assert_eq!((config.normalized, config.max_length), (false, 32));
    }

    #[test]
    fn without_them_a_model_is_pooled_by_mean_normalized_and_as_long_as_its_positions() {
        let config = load(&[(CONFIG, BERT), (TOKENIZER_CONFIG, r#"{"model_max_length": 1e30}"#)]).unwrap();
        assert_eq!((config.pooling, config.normalized, config.max_length), (Pooling::Mean, true, 32));
        assert!(!config.has_modules);
    }

    #[test]
    fn what_is_not_supported_is_named() {
        let other = BERT.replace("\"bert\"", "\"gpt2\"");
        assert!(load(&[(CONFIG, &other)]).unwrap_err().contains("model type \"gpt2\" is not supported"));
        let other = MODULES_ALL.replace("Normalize", "LSTM");
        let mean = ("1_Pooling/config.json", r#"{"pooling_mode_mean_tokens": true}"#);
        assert!(load(&[(CONFIG, BERT), (MODULES, &other), mean]).unwrap_err().contains("module LSTM"));
        let no_prompt = ("1_Pooling/config.json", r#"{"pooling_mode_mean_tokens": true, "include_prompt": false}"#);
        assert!(load(&[(CONFIG, BERT), (MODULES, MODULES_ALL), no_prompt]).unwrap_err().contains("include_prompt"));
        let two = ("1_Pooling/config.json", r#"{"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": true}"#);
        assert!(load(&[(CONFIG, BERT), (MODULES, MODULES_ALL), two]).unwrap_err().contains("cls_token"));
        assert!(load(&[(CONFIG, "{\"vocab")]).unwrap_err().contains("damaged"));
    }

    #[test]
    fn linear_layers_come_after_the_pooling_in_their_order() {
        let modules = r#"[{"path": "", "type": "Transformer"}, {"path": "1_Pooling", "type": "Pooling"},
            {"path": "2_Dense", "type": "sentence_transformers.models.Dense"}, {"path": "3_Dense", "type": "Dense"}]"#;
        let layer = |activation: &str| {
            format!(r#"{{"in_features": 4, "out_features": 7, "bias": false, "activation_function": "{activation}"}}"#)
        };
        let (tanh, other) = (layer("torch.nn.modules.activation.Tanh"), layer("torch.nn.Softmax"));
        let last = r#"{"pooling_mode_lasttoken": true, "pooling_mode_cls_token": false}"#;
        let files = |second: &'static str, third: &str| {
            let all =
                [(CONFIG, BERT), (MODULES, modules), ("1_Pooling/config.json", last), ("2_Dense/config.json", &tanh)];
            load(&[&all[..], &[(second, third)]].concat())
        };
        let config = files("3_Dense/config.json", &layer("torch.nn.modules.linear.Identity")).unwrap();
        assert_eq!((config.pooling, config.normalized, config.dense.len()), (Pooling::Last, false, 2));
        assert_eq!((config.dense[0].inputs, config.dense[0].outputs, config.dense[0].biased), (4, 7, false));
        assert!(config.dense[1].weights.ends_with("3_Dense/model.safetensors"));
        assert!(files("3_Dense/config.json", &other).unwrap_err().contains("activation Softmax is not supported"));
        assert!(files("x", "").unwrap_err().contains("3_Dense/config.json"));
    }

    #[test]
    fn a_module_that_lies_elsewhere_is_refused_and_not_read() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("config.json"), r#"{"pooling_mode_cls_token": true}"#).unwrap();
        let absolute = outside.path().to_str().unwrap();
        for path in [absolute, "../x", "a/../../x", "..", "/", "a\\\\b", "./../x"] {
            let modules = format!(r#"[{{"path": "{path}", "type": "Pooling"}}]"#);
            let said = load(&[(CONFIG, BERT), (MODULES, &modules)]).unwrap_err();
            assert!(said.contains("leads out of the model's directory"), "{said}");
        }
        let modules = r#"[{"path": "./1_Pooling/", "type": "Pooling"}]"#;
        let cls = ("1_Pooling/config.json", r#"{"pooling_mode_cls_token": true}"#);
        assert_eq!(load(&[(CONFIG, BERT), (MODULES, modules), cls]).unwrap().pooling, Pooling::Cls);
    }
}

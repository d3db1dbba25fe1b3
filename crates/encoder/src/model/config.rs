//! What a model's own files say about running it: BERT's shape, pooling, normalization, maximum length.
//!
//! The files are those of transformers (`config.json`) and sentence-transformers (`modules.json`,
//! `1_Pooling/config.json`, `sentence_bert_config.json`, `config_sentence_transformers.json`).

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{CONFIG, MAX_JSON, MODULES, ModelFiles, PROMPTS, SENTENCE_CONFIG, TOKENIZER_CONFIG};
use crate::EncoderError;
use semsearch_files::{FileError, RelativePath, open_regular, read_bounded};

/// How a text's token vectors become one vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// Their mean.
    Mean,
    /// The first, that of `[CLS]`.
    Cls,
    /// The largest value of each component.
    Max,
    /// They stay as they are: one vector a token.
    None,
}

impl Pooling {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Mean, Self::Cls, Self::Max, Self::None];

    /// The option's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Cls => "cls",
            Self::Max => "max",
            Self::None => "none",
        }
    }
}

impl fmt::Display for Pooling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Pooling {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|pooling| pooling.as_str() == word).ok_or_else(|| format!("no pooling {word:?}"))
    }
}

/// The feed-forward layer's activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HiddenAct {
    /// x·Φ(x), by the error function.
    Gelu,
    /// Its approximation by tanh.
    #[serde(alias = "gelu_pytorch_tanh", alias = "gelu_approximate")]
    GeluNew,
    /// max(x, 0).
    Relu,
}

/// BERT's shape, from `config.json`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct BertConfig {
    /// Absent in the oldest files.
    pub model_type: Option<String>,
    /// Rows of the word embeddings.
    pub vocab_size: usize,
    /// Components of a token's vector, and so of a text's.
    pub hidden_size: usize,
    /// Transformer layers.
    pub num_hidden_layers: usize,
    /// Attention heads; they divide `hidden_size`.
    pub num_attention_heads: usize,
    /// Width of the feed-forward layer.
    pub intermediate_size: usize,
    /// Its activation.
    pub hidden_act: HiddenAct,
    /// Rows of the position embeddings: the longest text possible, in tokens.
    pub max_position_embeddings: usize,
    /// Rows of the token type embeddings.
    pub type_vocab_size: usize,
    /// ε of LayerNorm.
    pub layer_norm_eps: f64,
    /// The id that fills batches.
    #[serde(default)]
    pub pad_token_id: usize,
    /// `absolute`, or absent.
    pub position_embedding_type: Option<String>,
}

/// How a model is to be run, by its own files.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// The network's shape.
    pub bert: BertConfig,
    /// Pooling; mean where the files do not say.
    pub pooling: Pooling,
    /// Whether vectors are scaled to length 1. Where there is no `modules.json` they are.
    pub normalized: bool,
    /// Tokens kept of a text, specials included.
    pub max_length: usize,
    /// Whether the files say how to pool; if not, `pooling` and `normalized` are the usual ones.
    pub has_modules: bool,
    /// What the model was trained to see before queries, and before documents.
    pub prompts: ModelPrompts,
}

/// Prompts by the names that sentence-transformers' `encode_query` and `encode_document` look for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelPrompts {
    /// Before queries.
    pub query: String,
    /// Before documents.
    pub document: String,
}

#[derive(Default, Deserialize)]
struct PromptConfig {
    #[serde(default)]
    prompts: BTreeMap<String, String>,
}

impl PromptConfig {
    fn prompts(self) -> ModelPrompts {
        let first = |names: &[&str]| names.iter().find_map(|name| self.prompts.get(*name)).cloned().unwrap_or_default();
        ModelPrompts { query: first(&["query"]), document: first(&["document", "passage", "corpus"]) }
    }
}

#[derive(Deserialize)]
struct Module {
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

impl Module {
    /// The last part of the Python class's name.
    fn class(&self) -> &str {
        self.kind.rsplit('.').next().unwrap_or(&self.kind)
    }

    /// The path of its configuration, below the model's directory.
    fn config(&self, modules: &Path) -> Result<RelativePath, EncoderError> {
        let dir = self.path.strip_prefix("./").unwrap_or(&self.path);
        let dir = dir.strip_suffix('/').unwrap_or(dir);
        let file = if self.path.is_empty() { CONFIG.to_owned() } else { format!("{dir}/{CONFIG}") };
        RelativePath::new(&file).ok_or_else(|| {
            let what =
                format!("the path of its module {}, {:?}, leads out of the model's directory", self.class(), self.path);
            EncoderError::Model { path: modules.into(), what, source: None }
        })
    }
}

#[derive(Deserialize)]
struct SentenceConfig {
    max_seq_length: Option<usize>,
}

#[derive(Deserialize)]
struct TokenizerConfig {
    /// Some files say 10³⁰ for "no limit".
    model_max_length: Option<f64>,
}

impl ModelConfig {
    /// Reads the files in the model's directory.
    ///
    /// # Errors
    /// A file is unreadable or damaged, or asks for something that is not supported.
    pub fn load(model: &ModelFiles) -> Result<Self, EncoderError> {
        let path = model.path(CONFIG);
        let bert: BertConfig = read_json(&path)?.ok_or_else(|| no_file(model, CONFIG))?;
        bert.check().map_err(|what| EncoderError::Model { path, what, source: None })?;

        let modules: Option<Vec<Module>> = read_json(&model.path(MODULES))?;
        let mut pooling = Pooling::Mean;
        let mut normalized = modules.is_none();
        for module in modules.iter().flatten() {
            match module.class() {
                "Transformer" => {}
                "Pooling" => pooling = pooling_of(&model.path(module.config(&model.path(MODULES))?))?,
                "Normalize" => normalized = true,
                other => {
                    let what = format!("module {other} is not supported, only Transformer, Pooling and Normalize");
                    return Err(EncoderError::Model { path: model.path(MODULES), what, source: None });
                }
            }
        }

        let sentence: Option<SentenceConfig> = read_json(&model.path(SENTENCE_CONFIG))?;
        let tokenizer: Option<TokenizerConfig> = read_json(&model.path(TOKENIZER_CONFIG))?;
        let positions = bert.max_position_embeddings;
        let max_length = sentence
            .and_then(|config| config.max_seq_length)
            // The cast saturates: "no limit" becomes the largest number, and the positions bound it.
            .or_else(|| tokenizer.and_then(|config| config.model_max_length).map(|limit| limit as usize))
            .map_or(positions, |limit| limit.min(positions));
        let prompts: Option<PromptConfig> = read_json(&model.path(PROMPTS))?;
        let prompts = prompts.unwrap_or_default().prompts();
        Ok(Self { bert, pooling, normalized, max_length, has_modules: modules.is_some(), prompts })
    }

    /// The path, below the model's directory, of the file that says how to pool; where `modules.json` names one.
    ///
    /// # Errors
    /// `modules.json` is unreadable, or the path would lead out of the model's directory.
    pub fn pooling_file(dir: &Path) -> Result<Option<RelativePath>, EncoderError> {
        let path = dir.join(MODULES);
        let modules: Option<Vec<Module>> = read_json(&path)?;
        let pooling = modules.into_iter().flatten().find(|module| module.class() == "Pooling");
        pooling.map(|module| module.config(&path)).transpose()
    }
}

/// Weights of a model, at most: three times those of the largest BERT. A file that says more is damaged, or made to fill
/// memory.
const MAX_WEIGHTS: u64 = 1 << 30;

impl BertConfig {
    fn check(&self) -> Result<(), String> {
        match self.model_type.as_deref() {
            None | Some("bert") => {}
            Some(other) => return Err(format!("model type {other:?} is not supported, only bert")),
        }
        match self.position_embedding_type.as_deref() {
            None | Some("absolute") => {}
            Some(other) => return Err(format!("{other:?} position embeddings are not supported, only absolute")),
        }
        self.check_sizes()?;
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            return Err(format!("{} heads do not divide {}", self.num_attention_heads, self.hidden_size));
        }
        if self.max_position_embeddings < 3 {
            return Err(format!("{} positions hold no text", self.max_position_embeddings));
        }
        if self.pad_token_id >= self.vocab_size {
            return Err(format!("pad_token_id is {}, but there are {} words", self.pad_token_id, self.vocab_size));
        }
        if !(0.0..1.0).contains(&self.layer_norm_eps) {
            return Err(format!("layer_norm_eps is {}, expected a small number", self.layer_norm_eps));
        }
        Ok(())
    }

    /// Checks that no size is 0, and none so large that only memory would show it.
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

/// The one pooling mode that a `1_Pooling/config.json` switches on.
fn pooling_of(path: &Path) -> Result<Pooling, EncoderError> {
    #[derive(Deserialize)]
    struct Modes {
        #[serde(flatten)]
        all: std::collections::BTreeMap<String, serde_json::Value>,
    }
    let Some(Modes { all }) = read_json(path)? else {
        return Err(EncoderError::File(FileError::Read {
            path: path.into(),
            source: std::io::ErrorKind::NotFound.into(),
        }));
    };
    let on = |(key, value): (&String, &serde_json::Value)| {
        (value == &serde_json::Value::Bool(true)).then(|| key.strip_prefix("pooling_mode_").map(String::from)).flatten()
    };
    let mut modes: Vec<String> = all.iter().filter_map(on).collect();
    modes.extend(all.get("pooling_mode").and_then(|mode| mode.as_str()).map(String::from));
    match modes.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["mean_tokens" | "mean"] => Ok(Pooling::Mean),
        ["cls_token" | "cls"] => Ok(Pooling::Cls),
        ["max_tokens" | "max"] => Ok(Pooling::Max),
        _ => {
            let what = format!("pooling by {modes:?} is not supported, only one of mean, cls and max");
            Err(EncoderError::Model { path: path.into(), what, source: None })
        }
    }
}

/// Reads a JSON file; `None` if there is none.
fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, EncoderError> {
    let bytes = match open_regular(path).and_then(|file| read_bounded(file, MAX_JSON)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(FileError::read(path)(error).into()),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|source| EncoderError::Model {
        path: path.into(),
        what: "damaged, or not a file of a BERT model".into(),
        source: Some(source.into()),
    })
}

fn no_file(model: &ModelFiles, file: &'static str) -> EncoderError {
    EncoderError::ModelFile { dir: model.dir.clone(), file }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            (SENTENCE_CONFIG, r#"{"max_seq_length": 16}"#),
        ])
        .unwrap();
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
        let roberta = BERT.replace("\"bert\"", "\"xlm-roberta\"");
        assert!(load(&[(CONFIG, &roberta)]).unwrap_err().contains("model type \"xlm-roberta\" is not supported"));
        let dense = MODULES_ALL.replace("Normalize", "Dense");
        let mean = ("1_Pooling/config.json", r#"{"pooling_mode_mean_tokens": true}"#);
        assert!(load(&[(CONFIG, BERT), (MODULES, &dense), mean]).unwrap_err().contains("module Dense"));
        let two = ("1_Pooling/config.json", r#"{"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": true}"#);
        assert!(load(&[(CONFIG, BERT), (MODULES, MODULES_ALL), two]).unwrap_err().contains("cls_token"));
        assert!(load(&[(CONFIG, "{\"vocab")]).unwrap_err().contains("damaged"));
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

    #[test]
    fn a_size_of_0_or_beyond_all_measure_is_named() {
        let said = |from: &str, to: &str| load(&[(CONFIG, &BERT.replace(from, to))]).unwrap_err();
        for (from, to, expected) in [
            ("\"vocab_size\": 10", "\"vocab_size\": 0", "vocab_size is 0, expected 1 to 10000000"),
            ("\"hidden_size\": 4", "\"hidden_size\": 0", "hidden_size is 0"),
            ("layers\": 1", "layers\": 0", "num_hidden_layers is 0"),
            ("layers\": 1", "layers\": 18446744073709551615", "num_hidden_layers is 18446744073709551615"),
            ("heads\": 2", "heads\": 0", "num_attention_heads is 0"),
            ("heads\": 2", "heads\": 3", "3 heads do not divide 4"),
            ("intermediate_size\": 8", "intermediate_size\": 0", "intermediate_size is 0"),
            ("embeddings\": 32", "embeddings\": 2", "2 positions hold no text"),
            ("type_vocab_size\": 2", "type_vocab_size\": 0", "type_vocab_size is 0"),
            ("\"vocab_size\": 10", "\"pad_token_id\": 10, \"vocab_size\": 10", "pad_token_id is 10"),
            ("1e-12", "-1", "layer_norm_eps is -1"),
            (
                "\"vocab_size\": 10, \"hidden_size\": 4",
                "\"vocab_size\": 9000000, \"hidden_size\": 8192",
                "weights are more than",
            ),
        ] {
            assert!(said(from, to).contains(expected), "{}", said(from, to));
        }
    }
}

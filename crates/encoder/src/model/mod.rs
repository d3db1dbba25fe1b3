//! A model's files: what they say, and which model they are.
//!
//! [`ModelConfig`] reads how the model is to be run; [`Tokenizer`] turns texts into the ids it knows. Running it is left to
//! [`crate::encoder`], finding it to whoever names it.

mod config;
mod fingerprint;
mod limits;
mod long_text;
mod patterns;
mod tokenizer;
mod weights;
mod wordpiece;

use std::path::{Path, PathBuf};

pub use config::{BertConfig, HiddenAct, ModelConfig, ModelPrompts, Pooling};
pub use fingerprint::fingerprint;
pub use tokenizer::{RaggedIds, Tokenized, Tokenizer};
pub(crate) use weights::{Floats, Weights};

/// The configuration's file.
pub const CONFIG: &str = "config.json";
/// The tokenizer's file.
pub const TOKENIZER: &str = "tokenizer.json";
/// The weights' file.
pub const WEIGHTS: &str = "model.safetensors";
/// The file that names what comes after the network: pooling, normalization.
pub const MODULES: &str = "modules.json";
/// The file that says how many tokens of a text are kept.
pub const SENTENCE_CONFIG: &str = "sentence_bert_config.json";
/// The file that says how many tokens the tokenizer keeps.
pub const TOKENIZER_CONFIG: &str = "tokenizer_config.json";
/// The file that says what stands before texts.
pub const PROMPTS: &str = "config_sentence_transformers.json";

/// Bytes of a configuration, at most. The usual ones have a few thousand.
const MAX_JSON: u64 = 1 << 20;

/// Bytes of a tokenizer.json, at most: twice those of a vocabulary of 250,000 words.
const MAX_TOKENIZER: u64 = 32 << 20;

/// The files without which there is no model.
pub const REQUIRED: [&str; 3] = [CONFIG, TOKENIZER, WEIGHTS];

/// A model found: its directory, and the name it was asked for by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFiles {
    /// The directory that holds the files.
    pub dir: PathBuf,
    /// The Hub id, or the directory's absolute path.
    pub id: String,
    /// The revision, for a Hub id.
    pub revision: Option<String>,
}

impl ModelFiles {
    /// The path of one of the model's files.
    pub fn path(&self, file: impl AsRef<Path>) -> PathBuf {
        self.dir.join(file)
    }
}

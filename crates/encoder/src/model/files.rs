//! The files of a model.

use std::path::{Path, PathBuf};

/// The configuration's file.
pub const CONFIG: &str = "config.json";
/// The tokenizer's file.
pub const TOKENIZER: &str = "tokenizer.json";
/// The weights' file.
pub const WEIGHTS: &str = "model.safetensors";
/// The file that lists the steps after the network: pooling, normalization.
pub const MODULES: &str = "modules.json";
/// The file that says how many tokens of a text are kept.
pub const SENTENCE_CONFIG: &str = "sentence_bert_config.json";
/// The file that says how many tokens the tokenizer would keep.
pub const TOKENIZER_CONFIG: &str = "tokenizer_config.json";
/// The file that names the prompts before texts.
pub const PROMPTS: &str = "config_sentence_transformers.json";

/// The largest tokenizer.json that is read, in bytes. It is twice the size of a file with 250,000 words.
pub(super) const MAX_TOKENIZER: u64 = 32 << 20;

/// The files that every model must have.
pub const REQUIRED: [&str; 3] = [CONFIG, TOKENIZER, WEIGHTS];

/// The files that a complete model may have besides.
pub const OPTIONAL: [&str; 4] = [MODULES, SENTENCE_CONFIG, TOKENIZER_CONFIG, PROMPTS];

/// A model: the directory with its files, and the name by which it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFiles {
    /// The directory that holds the files.
    pub dir: PathBuf,
    /// The Hub id, or the directory's absolute path.
    pub id: String,
    /// The revision, if the name is a Hub id.
    pub revision: Option<String>,
}

impl ModelFiles {
    /// The model in this directory, named by its path.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        let dir = dir.into();
        Self { id: dir.to_string_lossy().into_owned(), dir, revision: None }
    }

    /// The path of one of the model's files.
    pub fn path(&self, file: impl AsRef<Path>) -> PathBuf {
        self.dir.join(file)
    }
}

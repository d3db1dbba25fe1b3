//! A model's files: where they are, whether they are the right ones, and what they say.
//!
//! [`resolve()`] finds the directory, on disk or on the Hugging Face Hub; [`ModelConfig`] reads how the model is to be
//! run; [`Tokenizer`] turns texts into the ids it knows. Running it is left to [`crate::encoder`].

mod config;
mod digest;
mod download;
mod import;
mod limits;
mod long_text;
mod resolve;
mod tokenizer;
mod weights;
mod wordpiece;

use std::path::{Path, PathBuf};

pub use config::{BertConfig, HiddenAct, ModelConfig, ModelPrompts, Pooling};
pub use digest::{fingerprint, verify};
pub use import::import;
pub use resolve::{Locations, resolve};
pub use tokenizer::{RaggedIds, Tokenized, Tokenizer};
pub(crate) use weights::{Floats, Weights};

use crate::hub;

/// The model used where none is named.
pub const DEFAULT_MODEL: &str = "sentence-transformers/all-MiniLM-L6-v2";

/// The commit of [`DEFAULT_MODEL`] on the Hub whose digests are pinned.
pub const DEFAULT_REVISION: &str = "c9745ed1d9f207416be6d2e6f8de32d1f16199bf";

pub(crate) const CONFIG: &str = "config.json";
pub(crate) const TOKENIZER: &str = "tokenizer.json";
pub(crate) const WEIGHTS: &str = "model.safetensors";
const MODULES: &str = "modules.json";
const SENTENCE_CONFIG: &str = "sentence_bert_config.json";
const TOKENIZER_CONFIG: &str = "tokenizer_config.json";
const PROMPTS: &str = "config_sentence_transformers.json";

/// Bytes of a configuration, at most. The usual ones have a few thousand.
const MAX_JSON: u64 = 1 << 20;

/// Bytes of a tokenizer.json, at most: twice those of a vocabulary of 250,000 words.
const MAX_TOKENIZER: u64 = 32 << 20;

/// The files without which there is no model.
const REQUIRED: [&str; 3] = [CONFIG, TOKENIZER, WEIGHTS];

/// A model as the user names it: a Hub id with a revision, or a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelName {
    /// `owner/name` on the Hub, or a directory's path.
    pub id: String,
    /// Commit, tag or branch on the Hub.
    pub revision: Option<String>,
}

impl Default for ModelName {
    fn default() -> Self {
        Self { id: DEFAULT_MODEL.into(), revision: None }
    }
}

impl ModelName {
    /// The revision asked for, the pinned one of the default model, or the default branch.
    fn revision(&self) -> &str {
        match &self.revision {
            Some(revision) => revision,
            None if self.id == DEFAULT_MODEL => DEFAULT_REVISION,
            None => hub::DEFAULT_BRANCH,
        }
    }

    /// Whether this is the model whose digests are known.
    fn is_pinned(&self) -> bool {
        self.id == DEFAULT_MODEL && self.revision() == DEFAULT_REVISION
    }

    /// `owner/name`, each part a plain name.
    fn hub_parts(&self) -> Option<(&str, &str)> {
        hub::parts(&self.id)
    }
}

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

//! A model's files: what they contain, and which model they are.
//!
//! [`ModelConfig`] reads how the model is run, and [`Tokenizer`] turns texts into the ids that the model knows.
//! [`crate::backend`] runs it. The caller decides where the files come from.

mod ascii;
mod config;
mod dense;
mod files;
mod fingerprint;
mod floats;
mod limits;
mod long_text;
mod modules;
mod patterns;
mod prompts;
mod ragged;
mod tokenizer;
mod tokenizer_file;
mod vocabulary;
mod weights;
mod wordpiece;

pub use config::ModelConfig;
pub(crate) use config::classifies;
pub use dense::{DenseActivation, DenseSpec};
pub use files::{
    CONFIG, MODULES, ModelFiles, OPTIONAL, PROMPTS, REQUIRED, SENTENCE_CONFIG, TOKENIZER, TOKENIZER_CONFIG, WEIGHTS,
};
pub use fingerprint::fingerprint;
pub(crate) use fingerprint::fingerprinted;
pub(crate) use floats::Floats;
pub use prompts::ModelPrompts;
pub use ragged::{RaggedIds, TextIds, Tokenized};
pub(crate) use tokenizer::prepared_sections;
pub use tokenizer::{TokenPlace, Tokenizer};
pub(crate) use vocabulary::VOCABULARY_LAYOUT;
pub(crate) use weights::Weights;

pub use crate::pooling::Pooling;

//! Pairs of texts in, scores out: a model that reads a query and a passage together (Nogueira and Cho 2019, *Passage
//! Re-ranking with BERT*).
//!
//! Such a model sees how the words of both texts relate, which two separate vectors cannot show. So it is better, and too
//! slow for more than some hundred passages: it orders what a search has found. It is one of the networks of
//! [`crate::architecture`], run as for embeddings, with a head that turns a pair's vector into its score.

mod head;

use self::head::{Head, HeadSpec};
use crate::architecture::Architecture;
use crate::backend::Precision;
use crate::embedder::{Embedder, Options};
use crate::error::EncoderError;
use crate::model::ModelFiles;

/// A model that is ready to score pairs.
///
/// Threads share one in an `Arc`, as they share an [`Embedder`].
pub struct CrossEncoder {
    embedder: Embedder,
    head: Head,
}

/// What a model says about pairs.
#[derive(Clone, Debug, PartialEq)]
pub struct PairScores {
    /// The score of each pair.
    pub scores: Vec<f32>,
    /// How many pairs were cut at the model's maximum length.
    pub cut: usize,
}

impl CrossEncoder {
    /// Loads a model. Pooling, normalization and the number of components are the head's, whatever the options say.
    ///
    /// # Errors
    /// A file is missing or damaged, the model is no cross-encoder with one score, or the build or the machine cannot
    /// serve an option.
    pub fn load(model: &ModelFiles, options: &Options) -> Result<Self, EncoderError> {
        let spec = HeadSpec::read(model)?;
        let options = Options { pooling: Some(spec.pooling), normalized: Some(false), truncate_dim: None, ..*options };
        let embedder = Embedder::load(model, &options)?;
        let config = embedder.config();
        match &config.architecture {
            Architecture::Transformer(network) if config.dense.is_empty() => {
                Ok(Self { head: Head::load(&spec, model, network)?, embedder })
            }
            _ => Err(EncoderError::Unsupported("a cross-encoder has layers and no module Dense".into())),
        }
    }

    /// The score of each pair, as the model gives it: the greater, the better the second text answers the first. A
    /// configuration may say that it is a number between 0 and 1.
    ///
    /// A pair's score has the same bits whatever pairs are scored with it.
    ///
    /// # Errors
    /// Tokenizing or encoding fails, or a number is too large for 32 bits.
    pub fn scores(&self, pairs: &[(&str, &str)]) -> Result<PairScores, EncoderError> {
        let tokenized = self.embedder.tokenizer().tokenize_pairs(pairs)?;
        let cut = tokenized.dropped.iter().filter(|&&dropped| dropped > 0).count();
        let embedded = self.embedder.embed_tokenized(tokenized)?;
        Ok(PairScores { scores: self.head.scores(embedded.vectors.as_slice())?, cut })
    }

    /// The arithmetic in use: the one that the options name, or f32 if the device lacks it.
    pub fn precision(&self) -> Precision {
        self.embedder.precision()
    }

    /// The most tokens of a pair, special tokens included.
    pub fn max_length(&self) -> usize {
        self.embedder.tokenizer().max_length()
    }

    /// The device and the instructions that the model runs with, for a person to read.
    pub fn describe(&self) -> String {
        self.embedder.describe()
    }
}

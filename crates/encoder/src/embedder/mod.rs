//! Texts in, vectors out: a tokenizer and an encoder, with the batching between them.
//!
//! `choice` chooses the encoder. `job` divides texts into batches and encodes them.

mod batch;
mod choice;
mod embedded;
mod job;
mod options;
mod progress;
mod work;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use self::batch::parts;
pub use self::embedded::Embedded;
pub use self::options::{Backend, Options};
pub use self::progress::Progress;
use self::work::{Job, Partly};
use crate::architecture::Architecture;
use crate::backend::{DenseEncoder, Encoder, PackedEncoder, Precision};
use crate::error::EncoderError;
use crate::model::{ModelConfig, ModelFiles, Tokenized, Tokenizer, prepared_sections};
use crate::pooling::{Output, Pooling};
pub use crate::prepared::{PreparedModel, Unprepared};
use crate::vectors::Vectors;

/// A model that is ready to embed texts.
///
/// Threads share one in an `Arc`. Calls compute at the same time: none waits for another to end, and none changes another's
/// vectors.
pub struct Embedder {
    tokenizer: Tokenizer,
    encoder: Box<dyn Encoder>,
    /// Why the encoder is not on a GPU, if the options would have allowed one.
    no_gpu: Option<EncoderError>,
    config: ModelConfig,
    model: ModelFiles,
    output: Output,
    /// The tokens of a batch: the encoder's number, or fewer if such a batch did not fit into its memory.
    batch_tokens: AtomicUsize,
}

impl Embedder {
    /// Loads a model.
    ///
    /// # Errors
    /// A file is missing or damaged, or the model, the build or the machine cannot serve an option.
    pub fn load(model: &ModelFiles, options: &Options) -> Result<Self, EncoderError> {
        Self::load_from(model, options, None)
    }

    /// Loads a model by way of its prepared form, if there is one, which was looked for with the same options. The model is
    /// ready in a third of the time then, and gives the same vectors to the last bit. [`Embedder::prepare`] writes the form.
    ///
    /// # Errors
    /// Those of [`Embedder::load`].
    pub fn load_prepared(
        model: &ModelFiles,
        options: &Options,
        prepared: Arc<PreparedModel>,
    ) -> Result<Self, EncoderError> {
        Self::load_from(model, options, Some(prepared))
    }

    fn load_from(
        model: &ModelFiles,
        options: &Options,
        prepared: Option<Arc<PreparedModel>>,
    ) -> Result<Self, EncoderError> {
        let config = ModelConfig::load(model)?;
        let (max_length, positions) =
            (options.max_length.unwrap_or(config.max_length), config.architecture.max_tokens());
        if max_length > positions {
            return Err(EncoderError::Unsupported(format!(
                "a maximum length of {max_length}: the model has {positions} positions"
            )));
        }
        // The encoder comes first: its weights are read while the vocabulary is read.
        let (encoder, no_gpu) = choice::encoder(model, &config, options, prepared)?;
        let encoder = DenseEncoder::over(encoder, &config.dense)?;
        let dim = options.truncate_dim.unwrap_or(encoder.dim());
        if dim == 0 || dim > encoder.dim() {
            let (id, made) = (&model.id, encoder.dim());
            return Err(EncoderError::Unsupported(format!("{dim} components were asked for, {id} makes {made}")));
        }
        Ok(Self {
            tokenizer: match config.architecture {
                Architecture::Transformer(_) => {
                    let prepared = encoder.packed().and_then(PackedEncoder::prepared);
                    Tokenizer::load_prepared(model, prepared, max_length)?
                }
                Architecture::Static(_) => Tokenizer::load_bare(model, max_length)?,
            }
            .lowercasing(config.lowercase),
            output: Output {
                pooling: options.pooling.unwrap_or(config.pooling),
                dim,
                normalized: options.normalized.unwrap_or(config.normalized),
            },
            batch_tokens: options.batch_tokens.unwrap_or(encoder.batch_tokens()).into(),
            encoder,
            no_gpu,
            config,
            model: model.clone(),
        })
    }

    /// Writes the prepared form, if the model was loaded by way of one, and it was missing or did not fit. Returns its path
    /// and why it was written. A form whose model was changed in the last seconds is not written yet.
    ///
    /// # Errors
    /// The form cannot be written, or a file of the model cannot be read any more.
    pub fn prepare(&self) -> Result<Option<(PathBuf, Unprepared)>, EncoderError> {
        let Some((encoder, prepared)) = self.encoder.packed().and_then(|packed| Some((packed, packed.prepared()?)))
        else {
            return Ok(None);
        };
        let Err(why) = prepared.state() else { return Ok(None) };
        // In the order in which they are used.
        let mut sections = prepared_sections(&self.model)?;
        sections.extend(encoder.sections());
        let written = prepared.write(&self.model, &sections)?;
        Ok(written.then(|| (prepared.path().into(), why)))
    }

    /// The number of components of a vector.
    pub fn dim(&self) -> usize {
        self.output.dim
    }

    /// Whether the model makes more components than are kept.
    pub fn truncated(&self) -> bool {
        self.dim() < self.encoder.dim()
    }

    /// How token vectors become a text's vector.
    pub fn pooling(&self) -> Pooling {
        self.output.pooling
    }

    /// Whether vectors are scaled to length 1.
    pub fn normalized(&self) -> bool {
        self.output.normalized
    }

    /// The arithmetic in use: the one that the options name, or f32 if the device lacks it.
    pub fn precision(&self) -> Precision {
        self.encoder.precision()
    }

    /// Why the CPU computes, although the options allow a GPU and this build can use GPUs.
    pub fn no_gpu(&self) -> Option<&EncoderError> {
        self.no_gpu.as_ref()
    }

    /// What the model's files say.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The device and the instructions that the encoder computes with, for a person to read.
    pub fn describe(&self) -> String {
        self.encoder.describe()
    }

    /// Embeds `texts`.
    ///
    /// # Errors
    /// Tokenizing or encoding fails.
    pub fn embed(&self, texts: &[impl AsRef<str> + Sync]) -> Result<Embedded, EncoderError> {
        self.embed_reporting(texts, &mut ())
    }

    /// Embeds `texts`, and reports to `progress` after each batch.
    ///
    /// While some texts are encoded, the texts after them are tokenized. A batch that does not fit into a GPU's memory is
    /// divided into halves, and later batches have the size of a half.
    ///
    /// # Errors
    /// Tokenizing or encoding fails.
    pub fn embed_reporting(
        &self,
        texts: &[impl AsRef<str> + Sync],
        progress: &mut dyn Progress,
    ) -> Result<Embedded, EncoderError> {
        Ok(self.embed_until(texts, progress, &AtomicBool::new(false))?.0)
    }

    /// Embeds `texts` until `stop` is set. Soon after that it returns the vectors made so far, and for each text whether it
    /// has its vector. Texts at the end may be missing from the result.
    ///
    /// # Errors
    /// Tokenizing or encoding fails.
    pub fn embed_until(
        &self,
        texts: &[impl AsRef<str> + Sync],
        progress: &mut dyn Progress,
        stop: &AtomicBool,
    ) -> Result<(Embedded, Vec<bool>), EncoderError> {
        let mut parts = parts(texts, self.part_bytes()).into_iter();
        let first = self.tokenizer.tokenize(parts.next().unwrap_or_default())?;
        // An encoder on the CPU needs the other threads.
        let beside = self.encoder.in_flight() == 1;
        let rest = parts.map(|part| match beside {
            true => self.tokenizer.tokenize_here(part),
            false => self.tokenizer.tokenize(part),
        });
        let Partly { embedded, mut done } = self.job(stop).encode(first, rest, progress)?;
        done.resize(texts.len(), false);
        Ok((embedded, done))
    }

    /// Embeds texts that are tokenized already.
    ///
    /// # Errors
    /// Encoding fails.
    pub fn embed_tokenized(&self, tokenized: Tokenized) -> Result<Embedded, EncoderError> {
        let never = AtomicBool::new(false);
        Ok(self.job(&never).encode(tokenized, std::iter::empty(), &mut ())?.embedded)
    }

    /// The vectors that the model begins with: a row of its table of words for each token, in f32. To look them up takes
    /// no time, and they know nothing of the tokens around.
    ///
    /// # Errors
    /// The model has no such token, or the device fails.
    pub fn word_vectors(&self, ids: &[u32]) -> Result<Vectors, EncoderError> {
        self.encoder.word_vectors(ids)
    }

    fn job<'a>(&'a self, stop: &'a AtomicBool) -> Job<'a> {
        Job { encoder: &*self.encoder, output: self.output, batch_tokens: &self.batch_tokens, stop }
    }

    /// The number of tokens of a batch with which the encoder is fastest.
    pub fn batch_tokens(&self) -> usize {
        self.batch_tokens.load(Ordering::Relaxed)
    }

    /// How many batches should be encoded at once, each by a thread of its own: one on a CPU.
    pub fn in_flight(&self) -> usize {
        self.encoder.in_flight()
    }

    /// The number of bytes of text that are tokenized and sorted by length together. They make several batches.
    pub fn part_bytes(&self) -> usize {
        const BYTES_PER_TOKEN: usize = 4;
        const BATCHES: usize = 4;
        /// With fewer, texts of similar lengths would end up in different batches.
        const LEAST: usize = 256 * 1024;
        (BATCHES * self.encoder.in_flight() * self.batch_tokens.load(Ordering::Relaxed) * BYTES_PER_TOKEN).max(LEAST)
    }
}

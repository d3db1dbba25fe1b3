//! Texts in, vectors out: tokenizer and encoder together, with the batching between them.
//!
//! Which encoder runs is chosen in `choice`, what it is given in `batches`.

mod batches;
mod choice;

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use self::batches::{Job, Partly, parts};
use crate::EncoderError;
use crate::encoder::{Device, Encoder, Output, Precision, Vectors};
use crate::model::{ModelConfig, ModelFiles, Pooling, RaggedIds, Tokenized, Tokenizer};
use semsearch_kernels::Isa;

/// How to run a model. By default as it was made to run, in f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where the encoder runs.
    pub device: Device,
    /// Its arithmetic; if `None`, bf16 where the device multiplies such numbers, else f32.
    pub precision: Option<Precision>,
    /// How token vectors become one; the model's way, if `None`.
    pub pooling: Option<Pooling>,
    /// Tokens kept of a text, specials included; the model's number, if `None`.
    pub max_length: Option<usize>,
    /// Whether vectors are scaled to length 1; if the model does, if `None`.
    pub normalized: Option<bool>,
    /// Components kept of a vector, for models that were trained so that the first ones say most (Kusupati et al. 2022,
    /// *Matryoshka Representation Learning*); all, if `None`.
    pub truncate_dim: Option<usize>,
    /// Which encoder; if `None`, on a CPU the packed one for models that it can run, else candle's, on a GPU the one for
    /// GPUs.
    pub encoder: Option<EncoderKind>,
    /// The instruction set of the packed encoder; the best there is, if `None`.
    pub isa: Option<Isa>,
    /// Tokens of a batch; as many as suit the encoder and its memory, if `None`.
    pub batch_tokens: Option<usize>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            device: Device::Auto,
            precision: Some(Precision::F32),
            pooling: None,
            max_length: None,
            normalized: None,
            truncate_dim: None,
            encoder: None,
            isa: None,
            batch_tokens: None,
        }
    }
}

/// An implementation of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncoderKind {
    /// candle's, padded, in f32: the reference.
    Candle,
    /// Ours, for CPUs.
    Packed,
    /// Ours on candle's tensors, for GPUs; on a CPU it is slow.
    Gpu,
}

/// A model ready to embed texts.
pub struct Embedder {
    tokenizer: Tokenizer,
    encoder: Box<dyn Encoder>,
    /// Why it is no GPU, where one would have been taken.
    no_gpu: Option<EncoderError>,
    config: ModelConfig,
    output: Output,
    /// Tokens of a batch: the encoder's number, or less if its memory did not hold that.
    batch_tokens: AtomicUsize,
}

/// Texts' vectors and tokens.
#[derive(Clone, Debug)]
pub struct Embedded {
    /// `[texts, dim]`; for [`Pooling::None`] `[tokens, dim]`, a text's rows where its ids are.
    pub vectors: Vectors,
    /// What the vectors were made of.
    pub tokenized: Tokenized,
}

impl Embedded {
    /// The rows of `vectors` that belong to text `index`.
    pub fn rows(&self, index: usize, pooling: Pooling) -> &[f32] {
        let rows = rows(&self.tokenized.ids, pooling, index);
        self.vectors.rows(rows.start, rows.end)
    }
}

/// Hears how far a call to [`Embedder::embed_reporting`] has come, from whichever thread.
pub trait Progress: Send {
    /// `texts` more texts, of `tokens` tokens together, are done.
    fn done(&mut self, texts: usize, tokens: usize);

    /// The device's memory did not hold a batch: from now on they have at most `tokens` tokens.
    fn smaller_batches(&mut self, _tokens: usize) {}
}

/// Nobody wants to hear.
impl Progress for () {
    fn done(&mut self, _: usize, _: usize) {}
}

impl Embedder {
    /// Loads a model.
    ///
    /// # Errors
    /// A file is missing or damaged, or the model, the build or the machine cannot serve an option.
    pub fn load(model: &ModelFiles, options: &Options) -> Result<Self, EncoderError> {
        let config = ModelConfig::load(model)?;
        let (max_length, positions) =
            (options.max_length.unwrap_or(config.max_length), config.bert.max_position_embeddings);
        if max_length > positions {
            return Err(EncoderError::Unsupported(format!(
                "a maximum length of {max_length}: the model has {positions} positions"
            )));
        }
        // The encoder first: its weights are being read while the vocabulary is.
        let (encoder, no_gpu) = choice::encoder(model, &config, options)?;
        let dim = options.truncate_dim.unwrap_or(encoder.dim());
        if dim == 0 || dim > encoder.dim() {
            let (id, made) = (&model.id, encoder.dim());
            return Err(EncoderError::Unsupported(format!("{dim} components of a vector: {id} makes {made}")));
        }
        Ok(Self {
            tokenizer: Tokenizer::load(model, max_length)?,
            output: Output {
                pooling: options.pooling.unwrap_or(config.pooling),
                dim,
                normalized: options.normalized.unwrap_or(config.normalized),
            },
            batch_tokens: options.batch_tokens.unwrap_or(encoder.batch_tokens()).into(),
            encoder,
            no_gpu,
            config,
        })
    }

    /// Components of a vector.
    pub fn dim(&self) -> usize {
        self.output.dim
    }

    /// Whether these are only the first of more that the model makes.
    pub fn truncated(&self) -> bool {
        self.dim() < self.encoder.dim()
    }

    /// How token vectors become one.
    pub fn pooling(&self) -> Pooling {
        self.output.pooling
    }

    /// Whether vectors are scaled to length 1.
    pub fn normalized(&self) -> bool {
        self.output.normalized
    }

    /// The arithmetic in use: the one asked for, or f32 where the device lacks that.
    pub fn precision(&self) -> Precision {
        self.encoder.precision()
    }

    /// Why the CPU computes though [`Device::Auto`] takes a GPU where one answers; `None` too where this build knows
    /// none.
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

    /// Where and how the encoder computes, for a person to read.
    pub fn describe(&self) -> String {
        self.encoder.describe()
    }

    /// Embeds `texts`.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), semsearch_encoder::EncoderError> {
    /// use semsearch_encoder::embedder::{Embedder, Options};
    /// use semsearch_encoder::model::ModelFiles;
    ///
    /// let model = ModelFiles { dir: "all-MiniLM-L6-v2".into(), id: "all-MiniLM-L6-v2".into(), revision: None };
    /// let embedder = Embedder::load(&model, &Options::default())?;
    /// let embedded = embedder.embed(&["I took my dog for a walk", "I took my cat for a walk"])?;
    /// let (dog, cat) = (embedded.vectors.row(0), embedded.vectors.row(1));
    /// let cosine: f32 = dog.iter().zip(cat).map(|(a, b)| a * b).sum();
    /// assert!((cosine - 0.8291).abs() < 1e-4);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Tokenizing or encoding fails.
    pub fn embed(&self, texts: &[impl AsRef<str> + Sync]) -> Result<Embedded, EncoderError> {
        self.embed_reporting(texts, &mut ())
    }

    /// Embeds `texts`, telling `progress` after each batch.
    ///
    /// Some texts are tokenized while those before them are encoded, as many batches at once as the encoder takes. What
    /// a GPU's memory does not hold is encoded by halves, and what comes after it in batches of that size.
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

    /// Embeds `texts` until `stop` is set: soon after that it gives what is done, and for each text whether it is. Texts at the
    /// end may be missing then.
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
        // Beside an encoder that has the processor, on one thread.
        let beside = self.encoder.in_flight() == 1;
        let rest = parts.map(|part| match beside {
            true => self.tokenizer.tokenize_here(part),
            false => self.tokenizer.tokenize(part),
        });
        let Partly { embedded, mut done } = self.job(stop).encode(first, rest, progress)?;
        done.resize(texts.len(), false);
        Ok((embedded, done))
    }

    /// Embeds texts that are tokenized.
    ///
    /// # Errors
    /// Encoding fails.
    pub fn embed_tokenized(&self, tokenized: Tokenized) -> Result<Embedded, EncoderError> {
        let never = AtomicBool::new(false);
        Ok(self.job(&never).encode(tokenized, std::iter::empty(), &mut ())?.embedded)
    }

    fn job<'a>(&'a self, stop: &'a AtomicBool) -> Job<'a> {
        Job { encoder: &*self.encoder, output: self.output, batch_tokens: &self.batch_tokens, stop }
    }

    /// Bytes of text that are tokenized, sorted by length and encoded together: several batches.
    pub fn part_bytes(&self) -> usize {
        const BYTES_PER_TOKEN: usize = 4;
        const BATCHES: usize = 4;
        /// Fewer would leave texts of like length apart.
        const LEAST: usize = 256 * 1024;
        (BATCHES * self.encoder.in_flight() * self.batch_tokens.load(Ordering::Relaxed) * BYTES_PER_TOKEN).max(LEAST)
    }
}

/// The rows of text `index`: one, or one a token.
fn rows(ids: &RaggedIds, pooling: Pooling, index: usize) -> Range<usize> {
    if pooling == Pooling::None { ids.range(index) } else { index..index + 1 }
}

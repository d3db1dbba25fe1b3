//! Texts in, vectors out: tokenizer and encoder together, with the batching between them.
//!
//! Texts are sorted by length and cut into batches of so many tokens, so that little is padded; the results come back
//! in the order given.

use std::ops::Range;
use std::panic::resume_unwind;
use std::thread;

use crate::encoder::{CandleEncoder, Device, Encoder, PackedEncoder, Precision, Vectors, normalize};
use crate::error::{Error, Result};
use crate::kernels::Isa;
use crate::model::{ModelConfig, ModelFiles, Pooling, RaggedIds, Tokenized, Tokenizer};

/// How to run a model. By default as it was made to run, in f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where the encoder runs.
    pub device: Device,
    /// Its arithmetic; if `None`, bf16 where the processor multiplies such numbers, else f32.
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
    /// Which encoder; the packed one on a CPU and for models that it can run, else candle's, if `None`.
    pub encoder: Option<EncoderKind>,
    /// The instruction set of the packed encoder; the best there is, if `None`.
    pub isa: Option<Isa>,
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
        }
    }
}

/// An implementation of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncoderKind {
    /// candle's: the reference, and the one for GPUs.
    Candle,
    /// Ours, for CPUs.
    Packed,
}

/// A model ready to embed texts.
pub struct Embedder {
    tokenizer: Tokenizer,
    encoder: Box<dyn Encoder>,
    config: ModelConfig,
    pooling: Pooling,
    normalized: bool,
    dim: usize,
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

/// Hears how far a call to [`Embedder::embed_reporting`] has come.
pub trait Progress {
    /// `texts` more texts, of `tokens` tokens together, are done.
    fn done(&mut self, texts: usize, tokens: usize);
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
    pub fn load(model: &ModelFiles, options: &Options) -> Result<Self> {
        let config = ModelConfig::load(model)?;
        let (max_length, positions) =
            (options.max_length.unwrap_or(config.max_length), config.bert.max_position_embeddings);
        if max_length > positions {
            return Err(Error::Unsupported(format!(
                "a maximum length of {max_length}: the model has {positions} positions"
            )));
        }
        // The encoder first: its weights are being read while the vocabulary is.
        let encoder = encoder(model, &config, options)?;
        let dim = options.truncate_dim.unwrap_or(encoder.dim());
        if dim == 0 || dim > encoder.dim() {
            let (id, made) = (&model.id, encoder.dim());
            return Err(Error::Unsupported(format!("{dim} components of a vector: {id} makes {made}")));
        }
        Ok(Self {
            dim,
            tokenizer: Tokenizer::load(model, max_length)?,
            encoder,
            pooling: options.pooling.unwrap_or(config.pooling),
            normalized: options.normalized.unwrap_or(config.normalized),
            config,
        })
    }

    /// Components of a vector.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Whether these are only the first of more that the model makes.
    pub fn truncated(&self) -> bool {
        self.dim < self.encoder.dim()
    }

    /// How token vectors become one.
    pub fn pooling(&self) -> Pooling {
        self.pooling
    }

    /// Whether vectors are scaled to length 1.
    pub fn normalized(&self) -> bool {
        self.normalized
    }

    /// The arithmetic in use: the one asked for, or f32 where the processor lacks that.
    pub fn precision(&self) -> Precision {
        self.encoder.precision()
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
    /// # fn main() -> semsearch::error::Result<()> {
    /// use semsearch::embedder::{Embedder, Options};
    /// use semsearch::model::ModelFiles;
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
    pub fn embed(&self, texts: &[impl AsRef<str> + Sync]) -> Result<Embedded> {
        self.embed_reporting(texts, &mut ())
    }

    /// Embeds `texts`, telling `progress` after each batch.
    ///
    /// Some texts are tokenized while those before them are encoded.
    ///
    /// # Errors
    /// Tokenizing or encoding fails.
    pub fn embed_reporting(&self, texts: &[impl AsRef<str> + Sync], progress: &mut dyn Progress) -> Result<Embedded> {
        let mut parts = parts(texts).into_iter();
        let first = parts.next().unwrap_or_default();
        let mut tokenized = self.tokenizer.tokenize(first)?;
        let mut all = Embedded { vectors: Vectors::zeros(0, self.dim()), tokenized: Tokenized::default() };
        loop {
            let (encoded, next) = thread::scope(|scope| {
                let next = parts.next().map(|part| scope.spawn(|| self.tokenizer.tokenize_here(part)));
                let encoded = self.encode(&tokenized.ids, progress);
                (encoded, next.map(|next| next.join().unwrap_or_else(|panic| resume_unwind(panic))))
            });
            all.vectors.append(encoded?);
            all.tokenized.append(tokenized);
            match next {
                Some(next) => tokenized = next?,
                None => return Ok(all),
            }
        }
    }

    /// The vectors of texts that are tokenized, batch by batch.
    fn encode(&self, ids: &RaggedIds, progress: &mut dyn Progress) -> Result<Vectors> {
        let all_rows = if self.pooling == Pooling::None { ids.tokens() } else { ids.len() };
        let mut vectors = Vectors::zeros(all_rows, self.dim());
        for batch in batches(ids, self.encoder.batch_tokens()) {
            let mut gathered = RaggedIds::default();
            batch.iter().for_each(|&text| gathered.push(ids.get(text)));
            let mut encoded = self.encoder.encode(&gathered, self.pooling)?;
            if self.truncated() {
                encoded = encoded.truncated(self.dim);
            }
            // Token vectors stay raw, as the model gives them: it is a text's one vector that is compared.
            if self.normalized && self.pooling != Pooling::None {
                encoded.iter_mut().for_each(normalize);
            }
            for (position, &text) in batch.iter().enumerate() {
                let (from, to) = (rows(&gathered, self.pooling, position), rows(ids, self.pooling, text));
                vectors.rows_mut(to.start, to.end).copy_from_slice(encoded.rows(from.start, from.end));
            }
            progress.done(batch.len(), gathered.tokens());
        }
        Ok(vectors)
    }
}

/// Bytes of text that are tokenized, sorted by length and encoded together: several batches.
const PART: usize = 256 * 1024;

/// Consecutive texts together, as long as they have no more than [`PART`] bytes.
fn parts<T: AsRef<str>>(texts: &[T]) -> Vec<&[T]> {
    let (mut parts, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (index, text) in texts.iter().enumerate() {
        bytes += text.as_ref().len();
        if bytes > PART && index > start {
            parts.push(&texts[start..index]);
            (start, bytes) = (index, text.as_ref().len());
        }
    }
    parts.push(&texts[start..]);
    parts
}

/// Loads the encoder asked for, or the best for the device and the model.
fn encoder(model: &ModelFiles, config: &ModelConfig, options: &Options) -> Result<Box<dyn Encoder>> {
    let on_cpu = match options.device {
        Device::Cpu => true,
        Device::Auto => !CandleEncoder::has_cuda(),
        Device::Cuda(_) => false,
    };
    let suitable = on_cpu && PackedEncoder::supports(&config.bert);
    match options.encoder {
        Some(EncoderKind::Packed) if !suitable => Err(Error::Unsupported(
            "the packed encoder runs on CPUs, and models with the activation gelu: use `--encoder candle`".into(),
        )),
        None | Some(EncoderKind::Packed) if suitable => {
            let isa = options.isa.unwrap_or_else(Isa::best);
            let precision = options.precision.unwrap_or(Precision::Bf16);
            Ok(Box::new(PackedEncoder::load(model, &config.bert, precision, isa)?))
        }
        _ => match options.precision {
            None | Some(Precision::F32) => Ok(Box::new(CandleEncoder::load(model, &config.bert, options.device)?)),
            Some(other) => {
                Err(Error::Unsupported(format!("candle computes in f32, not {other}: use `--precision f32`")))
            }
        },
    }
}

/// The rows of text `index`: one, or one a token.
fn rows(ids: &RaggedIds, pooling: Pooling, index: usize) -> Range<usize> {
    if pooling == Pooling::None { ids.range(index) } else { index..index + 1 }
}

/// Texts in batches, longest first, each of at most `budget` tokens when padded to its longest, or of one text.
fn batches(ids: &RaggedIds, budget: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..ids.len()).collect();
    order.sort_by_key(|&text| std::cmp::Reverse(ids.get(text).len()));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut room = 0;
    for text in order {
        match batches.last_mut() {
            Some(batch) if batch.len() < room => batch.push(text),
            _ => {
                room = budget / ids.get(text).len().max(1);
                batches.push(vec![text]);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ragged(lengths: &[usize]) -> RaggedIds {
        let mut ids = RaggedIds::default();
        lengths.iter().for_each(|&length| ids.push(&vec![1; length]));
        ids
    }

    proptest! {
        #[test]
        fn batches_hold_every_text_once_within_the_budget(lengths in prop::collection::vec(1..300usize, 0..200)) {
            let budget = 512;
            let batches = batches(&ragged(&lengths), budget);
            let mut all: Vec<usize> = batches.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..lengths.len()).collect::<Vec<_>>());
            for batch in &batches {
                let longest = batch.iter().map(|&text| lengths[text]).max().unwrap();
                prop_assert!(batch.len() == 1 || batch.len() * longest <= budget);
            }
        }
    }

    #[test]
    fn parts_are_all_of_the_texts_in_their_order() {
        let texts = [1, PART, 1, PART - 1, 2 * PART, 1, 1].map(|length| "x".repeat(length));
        let lengths: Vec<usize> = parts(&texts).iter().map(|part| part.len()).collect();
        assert_eq!(lengths, [1, 1, 2, 1, 2]);
        assert_eq!(parts(&texts).concat(), texts);
        assert_eq!(parts::<String>(&[]).concat(), [""; 0]);
    }

    #[test]
    fn texts_of_like_length_share_a_batch() {
        assert_eq!(batches(&ragged(&[2, 100, 3, 100]), 200), vec![vec![1, 3], vec![2, 0]]);
    }
}

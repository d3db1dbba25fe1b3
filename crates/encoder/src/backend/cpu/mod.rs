//! A fast network on the CPU, in f32, bf16 or int8.
//!
//! Texts are concatenated and never padded, in every step. They are divided into groups, so that a matrix product has
//! enough rows while a group's activations stay in the second-level cache, and each group runs on one core. A text's
//! vector has the same bits whatever texts are in its group: every sum runs in the order of its own row
//! ([`semsearch_kernels`]).
//!
//! The format is that of the matrix products' inputs. Their sums, and everything between the products, are f32.

mod groups;
mod kernels;
mod layer;
mod linear;
mod network;
mod rotary;
mod scratch;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use semsearch_kernels::{Format, Isa};

use self::groups::{GroupWork, divide};
use self::kernels::Kernels;
use self::network::PackedNetwork;
use self::scratch::GroupScratch;
use super::device::Precision;
use super::encoder::{Encoder, check, check_finite, check_words};
use crate::architecture::Transformer;
use crate::error::EncoderError;
use crate::model::{ModelFiles, RaggedIds, Weights};
use crate::pooling::Output;
use crate::prepared::{NewSection, PreparedModel};
use crate::turns;
use crate::vectors::Vectors;

/// Tokens of a batch. They make so many groups that no core waits long for another.
const BATCH_TOKENS: usize = 1 << 14;

/// A network with its weights packed for the kernels.
pub struct PackedEncoder {
    network: PackedNetwork,
    weights: Weights,
    kernels: Kernels,
    /// The size of the vocabulary, and the longest text in tokens.
    limits: (usize, usize),
    /// Whether a text was encoded before.
    used: AtomicBool,
    prepared: Option<Arc<PreparedModel>>,
}

impl PackedEncoder {
    /// Whether `isa` has products of this precision. If it does not, the encoder computes in f32.
    pub fn has(precision: Precision, isa: Isa) -> bool {
        format(precision).is_some_and(|format| isa.has(format))
    }

    /// The format of the products of this precision, or f32 if `isa` does not have such products.
    pub(crate) fn format(precision: Precision, isa: Isa) -> Format {
        format(precision).filter(|&format| isa.has(format)).unwrap_or(Format::F32)
    }

    /// Maps the model's weights, for products of this precision, or of f32 if `isa` does not [have](Self::has) such
    /// products. The weights of the prepared form are used as they are, if they are in this format.
    ///
    /// # Errors
    /// The weights are missing, damaged, or not those of the network.
    pub fn load(
        model: &ModelFiles,
        network: &Transformer,
        precision: Precision,
        isa: Isa,
        prepared: Option<Arc<PreparedModel>>,
    ) -> Result<Self, EncoderError> {
        let format = Self::format(precision, isa);
        let prepared = prepared.filter(|prepared| prepared.format() == format);
        let weights = Weights::open(model, network)?;
        if !prepared.as_ref().is_some_and(|prepared| prepared.read_ahead()) {
            // The embeddings are left out: a text needs only a few of their rows.
            weights.read_ahead(&network.layers);
        }
        Ok(Self {
            network: PackedNetwork::load(&weights, prepared.as_ref(), network)?,
            weights,
            kernels: Kernels { isa, format },
            limits: (network.vocabulary(), network.max_tokens),
            used: AtomicBool::new(false),
            prepared,
        })
    }

    /// The prepared form of the model, if the encoder was told where it is kept.
    pub(crate) fn prepared(&self) -> Option<&PreparedModel> {
        self.prepared.as_deref()
    }

    /// The sections of a prepared form: the weights as this encoder reads them.
    pub(crate) fn sections(&self) -> Vec<NewSection> {
        self.network.sections(self.kernels.format)
    }

    /// Encodes a group on the calling thread.
    fn encode_group(&self, group: &mut GroupWork<'_>, output: &Output, scratch: &mut GroupScratch) {
        self.network.forward(&group.texts, scratch);
        if scratch.linear.took_not_finite() {
            // The vectors are not finite either then. All of them are checked at the end.
            return group.out.fill(f32::NAN);
        }
        group.write(&scratch.hidden, self.dim(), output);
    }
}

impl Encoder for PackedEncoder {
    fn dim(&self) -> usize {
        self.network.hidden_size()
    }

    fn encode(&self, ids: &RaggedIds, output: &Output) -> Result<Vectors, EncoderError> {
        // Nobody sets this flag, so every text has its vector.
        Ok(self.encode_until(ids, output, &AtomicBool::new(false))?.0)
    }

    fn encode_until(
        &self,
        ids: &RaggedIds,
        output: &Output,
        stop: &AtomicBool,
    ) -> Result<(Vectors, Vec<bool>), EncoderError> {
        check(ids, self.limits.0, self.limits.1)?;
        let mut vectors = Vectors::zeros(ids.iter().map(|text| output.rows(text.len())).sum(), output.dim);
        let mut done = vec![false; ids.len()];
        let mut groups = divide(ids, output, &mut vectors, &mut done);
        // A process that answers one question returns here. Otherwise it would wait until weights are packed and
        // threads start.
        let first = !self.used.swap(true, Ordering::Relaxed);
        if groups.len() > 1 || !first {
            self.network.pack(self.kernels.format);
        }
        let encode = |scratch: &mut GroupScratch, group: &mut GroupWork<'_>| {
            if !stop.load(Ordering::Relaxed) {
                self.encode_group(group, output, scratch);
                group.done.fill(true);
            }
        };
        let scratch = || GroupScratch::new(self.kernels);
        match &mut groups[..] {
            [one] => encode(&mut scratch(), one),
            groups => turns::for_each(groups, scratch, encode),
        }
        self.prepared.as_ref().map_or(Ok(()), |prepared| prepared.check_whole())?;
        check_finite(vectors.as_slice(), &self.weights, || self.describe(), "")?;
        Ok((vectors, done))
    }

    fn word_vectors(&self, ids: &[u32]) -> Result<Vectors, EncoderError> {
        check_words(ids.iter(), self.limits.0)?;
        let rows = self.weights.rows(self.network.words(), ids, self.dim())?;
        check_finite(&rows, &self.weights, || self.describe(), "")?;
        Ok(Vectors::new(rows, self.dim()))
    }

    fn batch_tokens(&self) -> usize {
        BATCH_TOKENS
    }

    fn precision(&self) -> Precision {
        match self.kernels.format {
            Format::F32 => Precision::F32,
            Format::Bf16 => Precision::Bf16,
            Format::Int8 => Precision::Int8,
        }
    }

    fn describe(&self) -> String {
        format!("cpu, {}", self.kernels.isa)
    }

    fn packed(&self) -> Option<&PackedEncoder> {
        Some(self)
    }
}

/// The kernels' format for this precision, if there is one.
fn format(precision: Precision) -> Option<Format> {
    match precision {
        Precision::F32 => Some(Format::F32),
        Precision::Bf16 => Some(Format::Bf16),
        Precision::Int8 => Some(Format::Int8),
        Precision::F16 => None,
    }
}

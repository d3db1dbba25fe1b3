//! BERT on the CPU at speed, in f32, bf16 or int8.
//!
//! Ragged from end to end: texts are concatenated, never padded, and grouped so that a matrix product has rows enough
//! while a group's activations stay in the second-level cache. Groups run on one core each. A text's vector has the same
//! bits whatever it is grouped with: every sum runs in the order of its own row ([`semsearch_kernels`]).
//!
//! The format is that of the matrix products' inputs; their sums and everything between them are f32.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::linear::{Linear, LinearScratch};
use super::{Encoder, Output, Precision, Vectors, check, check_finite};
use crate::EncoderError;
use crate::model::{BertConfig, Floats, HiddenAct, ModelFiles, RaggedIds, Weights};
use semsearch_kernels::{Activation, AttentionScratch, AttentionShape, Format, Isa, LayerNorm};

/// Tokens of a group, unless one text alone has more.
const GROUP_TOKENS: usize = 96;

/// Tokens given to one call: enough groups that no core waits long for another.
const BATCH_TOKENS: usize = 1 << 14;

/// Rows of the feed-forward layer computed at once: 96 × 1536 floats are 0.6 MB.
const ROWS: usize = 96;

/// BERT with its weights packed for the kernels.
pub struct PackedEncoder {
    embeddings: Embeddings,
    layers: Vec<Layer>,
    weights: Weights,
    shape: AttentionShape,
    isa: Isa,
    format: Format,
    /// Whether a text was encoded before.
    used: AtomicBool,
}

/// What a token, its position and its type add up to.
struct Embeddings {
    /// `[vocabulary, dim]`
    words: Floats,
    /// `[positions, dim]`
    positions: Floats,
    /// `[types, dim]`, of which texts have the first.
    types: Floats,
    norm: LayerNorm,
}

/// One transformer layer.
struct Layer {
    /// Queries, keys and values in one product: `[dim, 3 · dim]`.
    qkv: Linear,
    output: Linear,
    attention_norm: LayerNorm,
    up: Linear,
    down: Linear,
    norm: LayerNorm,
}

/// Memory that a core works in, kept from one group to the next.
#[derive(Default)]
struct Scratch {
    /// `[tokens, dim]`, the hidden state.
    hidden: Vec<f32>,
    /// `[tokens, 3 · dim]`
    qkv: Vec<f32>,
    /// `[tokens, dim]`
    context: Vec<f32>,
    /// `[tokens, dim]`
    output: Vec<f32>,
    /// `[ROWS, intermediate]`
    inner: Vec<f32>,
    attention: AttentionScratch,
    linear: LinearScratch,
}

impl PackedEncoder {
    /// Whether it can run a model of this shape; the others are candle's.
    pub fn supports(config: &BertConfig) -> bool {
        config.hidden_act == HiddenAct::Gelu
    }

    /// Whether `isa` has products of this precision; where it has not, the encoder computes in f32.
    pub fn has(precision: Precision, isa: Isa) -> bool {
        format(precision).is_some_and(|format| isa.has(format))
    }

    /// Maps the model's weights, for products of this precision, or of f32 where `isa` [has](Self::has) none.
    ///
    /// # Errors
    /// The weights are missing, damaged, or not BERT's.
    pub fn load(model: &ModelFiles, config: &BertConfig, precision: Precision, isa: Isa) -> Result<Self, EncoderError> {
        let format = format(precision).filter(|&format| isa.has(format)).unwrap_or(Format::F32);
        let weights = Weights::open(model)?;
        // All but the embeddings, of which a text needs a few rows.
        weights.read_ahead("encoder.");
        let dim = config.hidden_size;
        let embeddings = Embeddings {
            words: weights.get("embeddings.word_embeddings.weight", config.vocab_size * dim)?,
            positions: weights.get("embeddings.position_embeddings.weight", config.max_position_embeddings * dim)?,
            types: weights.get("embeddings.token_type_embeddings.weight", config.type_vocab_size * dim)?,
            norm: norm(&weights, "embeddings.LayerNorm", config)?,
        };
        let layers = (0..config.num_hidden_layers)
            .map(|number| Layer::load(&weights, number, config))
            .collect::<Result<_, EncoderError>>()?;
        let heads = config.num_attention_heads;
        let shape = AttentionShape { heads, head_dim: dim / heads };
        Ok(Self { embeddings, layers, weights, shape, isa, format, used: AtomicBool::new(false) })
    }

    /// Packs all weights, unless they are.
    fn pack(&self) {
        self.layers.par_iter().flat_map(|layer| [&layer.qkv, &layer.output, &layer.up, &layer.down]).for_each(
            |linear| {
                linear.pack(self.format);
            },
        );
    }

    /// The last layer's output for the texts of `ids`, `[tokens, dim]`, in `scratch.hidden`.
    fn forward(&self, ids: &[&[u32]], scratch: &mut Scratch) {
        let kernels = (self.isa, self.format);
        self.embeddings.look_up(ids, self.isa, scratch);
        for layer in &self.layers {
            layer.attend(ids, self.shape, kernels, scratch);
            layer.feed_forward(kernels, scratch);
        }
    }

    /// Encodes one group into its rows of the result.
    fn encode_group(&self, ids: &[&[u32]], output: &Output, scratch: &mut Scratch, mut out: &mut [f32]) {
        self.forward(ids, scratch);
        if scratch.linear.took_not_finite() {
            // The vectors are none either, and said to be so where all of them are checked.
            return out.fill(f32::NAN);
        }
        let dim = self.dim();
        let mut rest = scratch.hidden.as_slice();
        for text in ids {
            let (tokens, tokens_after) = rest.split_at(text.len() * dim);
            let (rows, rows_after) = out.split_at_mut(output.rows(text.len()) * output.dim);
            output.write(tokens, dim, rows);
            (rest, out) = (tokens_after, rows_after);
        }
    }
}

impl Encoder for PackedEncoder {
    fn dim(&self) -> usize {
        self.shape.heads * self.shape.head_dim
    }

    fn encode(&self, ids: &RaggedIds, output: &Output) -> Result<Vectors, EncoderError> {
        // Nobody else has the flag, so all are done.
        Ok(self.encode_until(ids, output, &AtomicBool::new(false))?.0)
    }

    fn encode_until(
        &self,
        ids: &RaggedIds,
        output: &Output,
        stop: &AtomicBool,
    ) -> Result<(Vectors, Vec<bool>), EncoderError> {
        let (width, dim) = (self.dim(), output.dim);
        check(ids, self.embeddings.words.len() / width, self.embeddings.positions.len() / width)?;
        let rows = |text: &[u32]| output.rows(text.len());
        let mut encoded = Vectors::zeros(ids.iter().map(rows).sum(), dim);
        let mut done = vec![false; ids.len()];
        let mut work = Vec::new();
        let (mut rest, mut rest_done) = (encoded.rows_mut(0, encoded.len()), &mut done[..]);
        for group in groups(ids) {
            let (out, after) = rest.split_at_mut(group.iter().map(|text| rows(text)).sum::<usize>() * dim);
            let (done, after_done) = rest_done.split_at_mut(group.len());
            work.push((group, out, done));
            (rest, rest_done) = (after, after_done);
        }
        // A process that answers one question ends here: it would wait for weights to be packed, and for threads to start.
        let first = !self.used.swap(true, Ordering::Relaxed);
        if work.len() > 1 || !first {
            self.pack();
        }
        let encode = |scratch: &mut Scratch, (group, out, done): &mut (Vec<&[u32]>, &mut [f32], &mut [bool])| {
            if !stop.load(Ordering::Relaxed) {
                self.encode_group(group, output, scratch, out);
                done.fill(true);
            }
        };
        match &mut work[..] {
            [one] => encode(&mut Scratch::default(), one),
            work => work.par_iter_mut().for_each_init(Scratch::default, encode),
        }
        check_finite(encoded.as_slice(), &self.weights, || self.describe(), "")?;
        Ok((encoded, done))
    }

    fn batch_tokens(&self) -> usize {
        BATCH_TOKENS
    }

    fn precision(&self) -> Precision {
        match self.format {
            Format::F32 => Precision::F32,
            Format::Bf16 => Precision::Bf16,
            Format::Int8 => Precision::Int8,
        }
    }

    fn describe(&self) -> String {
        format!("cpu, {}", self.isa)
    }
}

/// The kernels' format of this precision, if they know it.
fn format(precision: Precision) -> Option<Format> {
    match precision {
        Precision::F32 => Some(Format::F32),
        Precision::Bf16 => Some(Format::Bf16),
        Precision::Int8 => Some(Format::Int8),
        Precision::F16 => None,
    }
}

/// Consecutive texts together, as long as they have no more than [`GROUP_TOKENS`] tokens.
fn groups(ids: &RaggedIds) -> Vec<Vec<&[u32]>> {
    let mut groups: Vec<Vec<&[u32]>> = Vec::new();
    let mut tokens = 0;
    for text in ids.iter() {
        match groups.last_mut() {
            Some(group) if tokens + text.len() <= GROUP_TOKENS => group.push(text),
            _ => {
                groups.push(vec![text]);
                tokens = 0;
            }
        }
        tokens += text.len();
    }
    groups
}

impl Embeddings {
    fn look_up(&self, ids: &[&[u32]], isa: Isa, scratch: &mut Scratch) {
        let dim = self.norm.weight.len();
        let (words, positions, of_type) = (&self.words[..], &self.positions[..], &self.types[..dim]);
        scratch.hidden.clear();
        scratch.output.clear();
        for text in ids {
            for (&id, position) in text.iter().zip(positions.chunks_exact(dim)) {
                scratch.hidden.extend_from_slice(&words[id as usize * dim..][..dim]);
                scratch.output.extend(position.iter().zip(of_type).map(|(position, of_type)| position + of_type));
            }
        }
        scratch.linear.check(&scratch.hidden);
        scratch.linear.check(&scratch.output);
        isa.add_layer_norm(&mut scratch.hidden, &scratch.output, &self.norm);
    }
}

impl Layer {
    fn load(weights: &Weights, number: usize, config: &BertConfig) -> Result<Self, EncoderError> {
        let (dim, inner) = (config.hidden_size, config.intermediate_size);
        let name = |part: &str| format!("encoder.layer.{number}.{part}");
        let linear = |parts: &[&str], inputs: usize, outputs: usize| -> Result<Linear, EncoderError> {
            let names: Vec<String> = parts.iter().map(|part| name(part)).collect();
            Linear::load(weights, &names, inputs, outputs)
        };
        Ok(Self {
            qkv: linear(&["attention.self.query", "attention.self.key", "attention.self.value"], dim, dim)?,
            output: linear(&["attention.output.dense"], dim, dim)?,
            attention_norm: norm(weights, &name("attention.output.LayerNorm"), config)?,
            up: linear(&["intermediate.dense"], dim, inner)?,
            down: linear(&["output.dense"], inner, dim)?,
            norm: norm(weights, &name("output.LayerNorm"), config)?,
        })
    }

    /// hidden = LayerNorm(hidden + attention(hidden))
    fn attend(&self, ids: &[&[u32]], shape: AttentionShape, kernels: (Isa, Format), scratch: &mut Scratch) {
        let (isa, format) = kernels;
        let Scratch { hidden, qkv, context, output, attention, linear, .. } = scratch;
        let tokens = hidden.len() / self.qkv.inputs();
        qkv.resize(tokens * self.qkv.outputs(), 0.0);
        context.resize(hidden.len(), 0.0);
        output.resize(hidden.len(), 0.0);
        self.qkv.apply(kernels, hidden, Activation::None, linear, qkv);
        let (mut qkv, mut context_rest) = (&qkv[..], &mut context[..]);
        for text in ids {
            let (text_qkv, qkv_after) = qkv.split_at(text.len() * self.qkv.outputs());
            let (text_context, context_after) = context_rest.split_at_mut(text.len() * self.qkv.inputs());
            isa.attention(format, text_qkv, shape, attention, text_context);
            (qkv, context_rest) = (qkv_after, context_after);
        }
        self.output.apply(kernels, context, Activation::None, linear, output);
        isa.add_layer_norm(hidden, output, &self.attention_norm);
    }

    /// hidden = LayerNorm(hidden + down(gelu(up(hidden)))), some rows at a time.
    fn feed_forward(&self, kernels: (Isa, Format), scratch: &mut Scratch) {
        let Scratch { hidden, output, inner, linear, .. } = scratch;
        let (dim, width) = (self.up.inputs(), self.up.outputs());
        for (rows, out) in hidden.chunks_mut(ROWS * dim).zip(output.chunks_mut(ROWS * dim)) {
            inner.resize(rows.len() / dim * width, 0.0);
            self.up.apply(kernels, rows, Activation::Gelu, linear, inner);
            self.down.apply(kernels, inner, Activation::None, linear, out);
            kernels.0.add_layer_norm(rows, out, &self.norm);
        }
    }
}

fn norm(weights: &Weights, name: &str, config: &BertConfig) -> Result<LayerNorm, EncoderError> {
    Ok(LayerNorm {
        weight: weights.get_finite(&format!("{name}.weight"), config.hidden_size)?.to_vec(),
        bias: weights.get_finite(&format!("{name}.bias"), config.hidden_size)?.to_vec(),
        epsilon: config.layer_norm_eps as f32,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_keep_the_order_and_stay_small_unless_one_text_is_large() {
        let mut ids = RaggedIds::default();
        [40, 40, 40, 200, 1].iter().for_each(|&length| ids.push(&vec![1; length]));
        let lengths: Vec<Vec<usize>> =
            groups(&ids).iter().map(|group| group.iter().map(|text| text.len()).collect()).collect();
        assert_eq!(lengths, [vec![40, 40], vec![40], vec![200], vec![1]]);
    }
}

//! Multi-head attention of one text. It works on one head and a few queries at a time, so only these rows of scores are
//! in memory.

use std::ops::Range;

use super::gemm::{Finish, Keep, PANEL, Strided, Target, product};
use super::math;
use super::product::{FloatProduct, Product};
use super::simd::Simd;

/// Queries whose scores are held at once. These, with a head's keys and values, stay in the second-level cache.
const QUERIES: usize = 48;

/// How a hidden vector is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttentionShape {
    /// The number of heads.
    pub heads: usize,
    /// The number of components of each head.
    pub head_dim: usize,
}

/// Queries, keys and values of one text, side by side for each token.
#[derive(Clone, Copy, Debug)]
pub struct Qkv<'a> {
    /// `[tokens, 3 · heads · head_dim]`
    pub values: &'a [f32],
    /// How each hidden vector is divided into heads.
    pub shape: AttentionShape,
    /// Which keys a query sees, and how.
    pub reach: Reach<'a>,
}

/// Which keys a query sees, and what the distance of the two tokens means.
#[derive(Clone, Copy, Debug)]
pub enum Reach<'a> {
    /// All keys, whatever their distance.
    All,
    /// The keys of at most this distance.
    Near(usize),
    /// All keys. The distance adds to a score.
    Biased(RelativeBias<'a>),
}

/// What is added to each score, by the distance of its tokens (Shaw et al. 2018).
#[derive(Clone, Copy, Debug)]
pub struct RelativeBias<'a> {
    /// `[heads, 2 · farthest + 1]`, for key − query from −farthest to farthest.
    pub values: &'a [f32],
    /// The largest distance. A text has at most one token more.
    pub farthest: usize,
}

impl<'a> Reach<'a> {
    /// The keys that at least one of these queries sees, from the beginning of a panel on.
    fn keys(self, queries: &Range<usize>, tokens: usize) -> Range<usize> {
        match self {
            Self::All | Self::Biased(_) => 0..tokens,
            Self::Near(distance) => {
                let first = queries.start.saturating_sub(distance) / PANEL * PANEL;
                first..tokens.min(queries.end.saturating_add(distance))
            }
        }
    }

    /// Makes the scores of a block what softmax gets. Returns the factor that they still need.
    #[inline(always)]
    fn prepare(self, scores: &mut [f32], block: &Block, scale: f32) -> f32 {
        let Block { head, first, keys, columns } = block;
        let rows = scores.chunks_exact_mut(*columns).zip(*first..);
        match self {
            Self::All => scale,
            Self::Near(distance) => {
                for (row, query) in rows {
                    let before = query.saturating_sub(distance).saturating_sub(keys.start);
                    row[..before].fill(f32::NEG_INFINITY);
                    let after = query.saturating_add(distance).saturating_add(1).min(keys.end) - keys.start;
                    row[after..keys.len()].fill(f32::NEG_INFINITY);
                }
                scale
            }
            Self::Biased(RelativeBias { values, farthest }) => {
                let of_head = &values[head * (2 * farthest + 1)..];
                for (row, query) in rows {
                    let by_distance = &of_head[farthest - query + keys.start..][..keys.len()];
                    row.iter_mut().zip(by_distance).for_each(|(score, bias)| *score = *score * scale + bias);
                }
                1.0
            }
        }
    }
}

/// The scores that are held at once: those of a head, from the query `first` on, with some keys.
struct Block {
    head: usize,
    first: usize,
    keys: Range<usize>,
    /// The number of scores from one row to the next.
    columns: usize,
}

/// Memory for attention, which is kept from one text to the next.
#[derive(Clone, Debug, Default)]
pub struct AttentionScratch {
    pub(super) f32: Scratch<f32>,
    pub(super) bf16: Scratch<u32>,
}

/// The memory for one format.
#[derive(Clone, Debug, Default)]
pub(super) struct Scratch<Word> {
    /// Queries, keys and values of all heads; unused if floats are words themselves.
    words: Vec<Word>,
    head: Head<Word>,
    /// `[QUERIES, padded tokens]`
    scores: Vec<f32>,
    /// The exponentials of the scores, `[QUERIES, words of padded tokens]`; unused if floats are words themselves.
    weights: Vec<Word>,
    /// The factor of each query that makes its weights add up to 1.
    factors: Vec<f32>,
}

/// One head of a text, gathered. Side by side with those of other heads, its vectors would be pages apart.
#[derive(Clone, Debug, Default)]
struct Head<Word> {
    /// `[tokens, words of head_dim]`
    queries: Vec<Word>,
    /// Kᵀ, `[panels, words of head_dim, PANEL]`.
    keys: Vec<Word>,
    /// `[words of tokens, padded head_dim]`
    values: Vec<Word>,
}

/// See [`super::Isa::attention`].
///
/// # Safety
/// The processor has the instructions of `P`; the slices have the shapes that `Isa::attention` checks.
#[inline(always)]
pub(super) unsafe fn attention<P: FloatProduct, const ROWS: usize, const VECTORS: usize, const HEAD: usize>(
    Qkv { values: qkv, shape, reach }: Qkv<'_>,
    scratch: &mut Scratch<P::Word>,
    out: &mut [f32],
) {
    let lanes = P::Float::LANES;
    let AttentionShape { heads, head_dim } = shape;
    let hidden = heads * head_dim;
    let tokens = out.len() / hidden;
    // A wide tile has at most the columns of two narrow ones, so it stays within the padded columns.
    const { assert!(VECTORS <= 2 * HEAD) };
    let value_dim = head_dim.next_multiple_of(HEAD * lanes);
    let head_words = head_dim / P::PER_WORD;
    let scale = 1.0 / (head_dim as f32).sqrt();
    let Scratch { words, head, scores, weights, factors } = scratch;
    // SAFETY: the caller guarantees the instructions.
    let qkv = unsafe { P::words(qkv, words) };
    for number in 0..heads {
        head.gather::<P>(qkv, shape, number, value_dim);
        for first in (0..tokens).step_by(QUERIES) {
            let rows = QUERIES.min(tokens - first);
            let keys = reach.keys(&(first..first + rows), tokens);
            let columns = keys.len().next_multiple_of(HEAD * lanes);
            scores.resize(QUERIES * columns, 0.0);
            let a = Strided { start: &head.queries[first * head_words..], stride: head_words };
            // SAFETY: as for this function; the gathered matrices have the shapes that the strides say.
            unsafe {
                let panels = head.keys.chunks_exact(head_words * PANEL).skip(keys.start / PANEL);
                for (panel, start) in panels.zip((0..keys.len()).step_by(PANEL)) {
                    let mut column = 0;
                    while start + column < keys.len() && column < PANEL {
                        let b = Strided { start: &panel[column..], stride: PANEL };
                        let out = &mut scores[start + column..];
                        // The last columns use a narrower tile, if they fit into one.
                        let narrow = keys.len() - start - column <= HEAD * lanes;
                        let width = if narrow { HEAD * lanes } else { VECTORS * lanes };
                        let mut to = Target { out, stride: columns, width, finish: Keep, column: 0 };
                        if narrow {
                            product::<P, ROWS, HEAD>(rows, a, b, head_words, &mut to);
                        } else {
                            product::<P, ROWS, VECTORS>(rows, a, b, head_words, &mut to);
                        }
                        column += width;
                    }
                }
                let scores = &mut scores[..rows * columns];
                factors.clear();
                let block = Block { head: number, first, keys: keys.clone(), columns };
                let scale = reach.prepare(scores, &block, scale);
                for row in scores.chunks_exact_mut(columns) {
                    factors.push(softmax::<P::Float>(row, keys.len(), scale));
                }
                let a = Strided { start: P::words(scores, weights), stride: columns / P::PER_WORD };
                let values = &head.values[keys.start / P::PER_WORD * value_dim..];
                for column in (0..head_dim).step_by(HEAD * lanes) {
                    let b = Strided { start: &values[column..], stride: value_dim };
                    let width = (HEAD * lanes).min(head_dim - column);
                    let out = &mut out[first * hidden + number * head_dim + column..];
                    let mut to = Target { out, stride: hidden, width, finish: Scaled(factors), column: 0 };
                    product::<P, ROWS, HEAD>(rows, a, b, keys.len().div_ceil(P::PER_WORD), &mut to);
                }
            }
        }
    }
}

/// Multiplies each row by its own factor.
#[derive(Clone, Copy)]
struct Scaled<'a>(&'a [f32]);

impl<P: Product<Sum = <P as Product>::Float>> Finish<P> for Scaled<'_> {
    #[inline(always)]
    unsafe fn finish(self, sum: P::Sum, row: usize, _: usize) -> P::Float {
        // SAFETY: the caller guarantees the instructions.
        unsafe { sum.mul(P::Float::splat(self.0[row])) }
    }
}

impl<Word: Copy + Default> Head<Word> {
    /// Gathers the queries, keys and values of head `number`.
    #[inline(always)]
    fn gather<P: FloatProduct<Word = Word>>(
        &mut self,
        qkv: &[Word],
        AttentionShape { heads, head_dim }: AttentionShape,
        number: usize,
        value_dim: usize,
    ) {
        let words = head_dim / P::PER_WORD;
        let tokens = qkv.len() / (3 * heads * words);
        let part = |token: usize, part: usize| &qkv[((3 * token + part) * heads + number) * words..][..words];
        self.queries.clear();
        // Values that an earlier head left after the last token are multiplied, but not used.
        self.keys.resize(tokens.next_multiple_of(PANEL) * words, Word::default());
        self.values.resize(tokens.div_ceil(P::PER_WORD) * value_dim, Word::default());
        for token in 0..tokens {
            self.queries.extend_from_slice(part(token, 0));
            let panel = &mut self.keys[token / PANEL * words * PANEL..][..words * PANEL];
            for (line, &word) in panel.chunks_exact_mut(PANEL).zip(part(token, 1)) {
                line[token % PANEL] = word;
            }
        }
        for (first, row) in (0..tokens).step_by(P::PER_WORD).zip(self.values.chunks_exact_mut(value_dim)) {
            let second = (first + 1 < tokens).then(|| part(first + 1, 2));
            P::by_column(part(first, 2), second, &mut row[..head_dim]);
        }
    }
}

/// Turns the first `tokens` scores of a row into e^((x − max)·scale) and the others into 0. Returns the factor that makes the
/// row add up to 1.
///
/// # Safety
/// The processor has `V`'s instructions; `row` is whole vectors.
#[inline(always)]
unsafe fn softmax<V: Simd>(row: &mut [f32], tokens: usize, scale: f32) -> f32 {
    let whole = &mut row[..tokens.next_multiple_of(V::LANES)];
    // The rest of the last vector gets no weight.
    whole[tokens..].fill(f32::NEG_INFINITY);
    // SAFETY: as for this function; `whole` is whole vectors.
    let factor = 1.0 / unsafe { exponentials::<V>(whole, scale) };
    row[tokens..].fill(0.0);
    factor
}

/// Replaces x by e^((x − max)·scale), and returns the sum of all: softmax without the division.
///
/// # Safety
/// The processor has `V`'s instructions; `row` consists of whole vectors.
#[inline(always)]
unsafe fn exponentials<V: Simd>(row: &mut [f32], scale: f32) -> f32 {
    // SAFETY: `LANES` floats from `at` are within the row; the processor has the instructions.
    unsafe {
        let mut largest = V::splat(f32::NEG_INFINITY);
        for at in (0..row.len()).step_by(V::LANES) {
            largest = largest.max(V::load(row.as_ptr().add(at)));
        }
        let largest = V::splat(largest.largest());
        let mut sum = V::splat(0.0);
        for at in (0..row.len()).step_by(V::LANES) {
            let below = V::load(row.as_ptr().add(at)).sub(largest);
            let value = math::exp(below.mul(V::splat(scale)));
            value.store(row.as_mut_ptr().add(at));
            sum = sum.add(value);
        }
        sum.sum()
    }
}

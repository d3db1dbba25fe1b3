//! Multi-head attention of one text. It works on one head and a few queries at a time, so only these rows of scores are
//! in memory.

use std::f32::consts::LOG2_E;
use std::ops::Range;

use bytemuck::Pod;

use super::gemm::{Finish, Keep, PANEL, Strided, Target};
use super::math;
use super::memory::Memory;
use super::product::{FloatProduct, Product};
use super::simd::Simd;
use super::stored::Source;

/// Queries whose scores are held at once. These, with a head's keys and values, stay in the second-level cache.
const QUERIES: usize = 48;

/// The most lanes of a vector.
const MOST_LANES: usize = 16;

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
pub struct Qkv<'a, T = f32> {
    /// `[tokens, 3 · heads · head_dim]`; as words of two bf16s, half as many.
    pub values: &'a [T],
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
    head: Head<Word>,
    /// `[QUERIES, padded tokens]`
    scores: Memory<f32>,
    /// The exponentials of the scores, `[QUERIES, words of padded tokens]`.
    weights: Memory<Word>,
    /// The factor of each query that makes its weights add up to 1.
    factors: Vec<f32>,
}

/// One head of a text, gathered. Side by side with those of other heads, its vectors would be pages apart.
#[derive(Clone, Debug, Default)]
struct Head<Word> {
    /// `[tokens, words of head_dim]`
    queries: Memory<Word>,
    /// Kᵀ, `[panels, words of head_dim, PANEL]`.
    keys: Memory<Word>,
    /// `[words of tokens, padded head_dim]`
    values: Memory<Word>,
    /// The rows that are packed next, before they become columns: `[LANES or 2, words of head_dim]`.
    block: Memory<Word>,
}

/// See [`super::Isa::attention`].
///
/// # Safety
/// The processor has the instructions of `P`; the slices have the shapes that `Isa::attention` checks.
#[inline(always)]
pub(super) unsafe fn attention<
    P: FloatProduct,
    T: Source<P>,
    const ROWS: usize,
    const VECTORS: usize,
    const HEAD: usize,
>(
    Qkv { values: qkv, shape, reach }: Qkv<'_, T>,
    scratch: &mut Scratch<P::Word>,
    out: &mut [T],
) {
    let lanes = P::Float::LANES;
    let AttentionShape { heads, head_dim } = shape;
    let hidden = heads * head_dim;
    let tokens = qkv.len() * T::VALUES / (3 * hidden);
    // A wide tile has at most the columns of two narrow ones, so it stays within the padded columns. These are whole pairs of
    // vectors, as softmax needs them.
    const { assert!(VECTORS <= 2 * HEAD && HEAD.is_multiple_of(2)) };
    let value_dim = head_dim.next_multiple_of(HEAD * lanes);
    let head_words = head_dim / P::PER_WORD;
    let scale = 1.0 / (head_dim as f32).sqrt();
    let Scratch { head, scores, weights, factors } = scratch;
    for number in 0..heads {
        // SAFETY: as for this function.
        unsafe { head.gather::<P, T>(qkv, shape, number, value_dim) };
        for first in (0..tokens).step_by(QUERIES) {
            let rows = QUERIES.min(tokens - first);
            let keys = reach.keys(&(first..first + rows), tokens);
            let columns = keys.len().next_multiple_of(HEAD * lanes);
            let scores = scores.room(rows * columns);
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
                            P::product::<ROWS, HEAD>(rows, a, b, head_words, &mut to);
                        } else {
                            P::product::<ROWS, VECTORS>(rows, a, b, head_words, &mut to);
                        }
                        column += width;
                    }
                }
                let block = Block { head: number, first, keys: keys.clone(), columns };
                let scale = reach.prepare(scores, &block, scale);
                let weights = weights.room(rows * columns / P::PER_WORD);
                softmax::<P>(scores, Softmax { columns, keys: keys.len(), scale }, weights, factors);
                let a = Strided { start: weights, stride: columns / P::PER_WORD };
                let values = &head.values[keys.start / P::PER_WORD * value_dim..];
                let depth = keys.len().div_ceil(P::PER_WORD).next_multiple_of(P::DEPTH);
                for column in (0..head_dim).step_by(HEAD * lanes) {
                    let b = Strided { start: &values[column..], stride: value_dim };
                    let width = (HEAD * lanes).min(head_dim - column) / T::VALUES;
                    let out = &mut out[(first * hidden + number * head_dim + column) / T::VALUES..];
                    let mut to = Target { out, stride: hidden / T::VALUES, width, finish: Scaled(factors), column: 0 };
                    P::product::<ROWS, HEAD>(rows, a, b, depth, &mut to);
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
    unsafe fn finish<const VECTORS: usize>(
        self,
        sums: &[P::Sum; VECTORS],
        row: usize,
        _: usize,
    ) -> [P::Float; VECTORS] {
        // SAFETY: the caller guarantees the instructions.
        unsafe {
            let factor = P::Float::splat(self.0[row]);
            let mut values = *sums;
            for value in &mut values {
                *value = value.mul(factor);
            }
            values
        }
    }
}

impl<Word: Pod + Default> Head<Word> {
    /// Gathers the queries, keys and values of head `number`.
    ///
    /// # Safety
    /// The processor has the instructions of `P`; `qkv` has the shape of [`Qkv::values`].
    #[inline(always)]
    unsafe fn gather<P: FloatProduct<Word = Word>, T: Source<P>>(
        &mut self,
        qkv: &[T],
        AttentionShape { heads, head_dim }: AttentionShape,
        number: usize,
        value_dim: usize,
    ) {
        let words = head_dim / P::PER_WORD;
        let tokens = qkv.len() * T::VALUES / (3 * heads * head_dim);
        let dim = head_dim / T::VALUES;
        let part = |token: usize, part: usize| &qkv[((3 * token + part) * heads + number) * dim..][..dim];
        let queries = self.queries.room(tokens * words);
        // Values that an earlier head left after the last token are multiplied, but not used.
        let keys = self.keys.room(tokens.next_multiple_of(PANEL) * words);
        let pairs = tokens.div_ceil(P::PER_WORD);
        let values = self.values.room(pairs.next_multiple_of(P::DEPTH) * value_dim);
        // A product of whole tiles multiplies what follows the last token by weights of 0.
        values[pairs * value_dim..].fill(Word::default());
        let lanes = P::Float::LANES;
        let block = self.block.room(lanes.max(2) * words);
        // SAFETY: the caller guarantees the instructions; a part has `head_dim` floats for `words` words.
        unsafe {
            for (token, query) in queries.chunks_exact_mut(words).enumerate() {
                T::pack(part(token, 0), query);
            }
            for first in (0..tokens).step_by(lanes) {
                for (token, key) in (first..tokens).zip(block.chunks_exact_mut(words)) {
                    T::pack(part(token, 1), key);
                }
                let panel = &mut keys[first / PANEL * words * PANEL..][..words * PANEL];
                to_columns::<P>(block, words, panel, first % PANEL);
            }
            for (first, row) in (0..tokens).step_by(P::PER_WORD).zip(values.chunks_exact_mut(value_dim)) {
                let (one, other) = block[..2 * words].split_at_mut(words);
                T::pack(part(first, 2), one);
                let second = first + 1 < tokens && P::PER_WORD > 1;
                if second {
                    T::pack(part(first + 1, 2), other);
                }
                P::by_column(one, second.then_some(&*other), &mut row[..head_dim]);
            }
        }
    }
}

/// Writes `LANES` rows of `words` to the columns of `panel` from `first` on.
///
/// # Safety
/// The processor has the instructions of `P`.
#[inline(always)]
unsafe fn to_columns<P: FloatProduct>(rows: &[P::Word], words: usize, panel: &mut [P::Word], first: usize) {
    let lanes = P::Float::LANES;
    let whole = words / lanes * lanes;
    for at in (0..whole).step_by(lanes) {
        let (from, to) = (&rows[at..][..(lanes - 1) * words + lanes], &mut panel[at * PANEL + first..]);
        let to = &mut to[..(lanes - 1) * PANEL + lanes];
        // SAFETY: the rows and the columns are within the slices; a word has the size of a float.
        unsafe { P::Float::transpose(from.as_ptr().cast(), words, to.as_mut_ptr().cast(), PANEL) }
    }
    for at in whole..words {
        for row in 0..lanes {
            panel[at * PANEL + first + row] = rows[row * words + at];
        }
    }
}

/// How scores become weights.
#[derive(Clone, Copy)]
struct Softmax {
    /// The number of scores from one row to the next.
    columns: usize,
    /// The scores of a row that count.
    keys: usize,
    /// The factor of the scores.
    scale: f32,
}

/// Softmax without the division: writes e^((x − largest x of its row)·scale) for each score x. `factors` become what
/// makes each row add up to 1.
///
/// # Safety
/// The processor has the instructions of `P`; rows are whole pairs of vectors, and `weights` have room for them.
#[inline(always)]
unsafe fn softmax<P: FloatProduct>(
    scores: &mut [f32],
    Softmax { columns, keys, scale }: Softmax,
    weights: &mut [P::Word],
    factors: &mut Vec<f32>,
) {
    let lanes = P::Float::LANES;
    // Scores before the last pair of vectors all count.
    let last = (keys - 1) / (2 * lanes) * 2 * lanes;
    let mut most = [f32::INFINITY; 2 * MOST_LANES];
    most[keys - last..].fill(f32::NEG_INFINITY);
    factors.resize(scores.len() / columns, 0.0);
    // SAFETY: two vectors from `at` are within the row; the caller guarantees the instructions, and the room.
    unsafe {
        let most = [P::Float::load(most.as_ptr()), P::Float::load(most.as_ptr().add(lanes))];
        // All rows are searched first. No row waits for another then, as it would if each were turned into weights at once.
        for (row, factor) in scores.chunks_exact(columns).zip(&mut *factors) {
            let [mut first, mut second] = pair::<P::Float>(row, last, most);
            for at in (0..last).step_by(2 * lanes) {
                first = first.max(P::Float::load(row.as_ptr().add(at)));
                second = second.max(P::Float::load(row.as_ptr().add(at + lanes)));
            }
            *factor = first.max(second).largest();
        }
        let rows = scores.chunks_exact(columns).zip(weights.chunks_exact_mut(columns / P::PER_WORD));
        for ((row, weights), factor) in rows.zip(factors) {
            let largest = P::Float::splat(*factor);
            let mut sums = [P::Float::splat(0.0); 2];
            for at in (0..=last).step_by(2 * lanes) {
                let mut pair = if at < last {
                    [P::Float::load(row.as_ptr().add(at)), P::Float::load(row.as_ptr().add(at + lanes))]
                } else {
                    pair::<P::Float>(row, last, most)
                };
                for half in 0..2 {
                    pair[half] = exponential::<P>(pair[half].sub(largest), scale);
                    sums[half] = sums[half].add(pair[half]);
                }
                P::store(pair, weights.as_mut_ptr().add(at / P::PER_WORD));
            }
            *factor = 1.0 / sums[0].add(sums[1]).sum();
        }
    }
}

/// The last scores of a row, from `last` on, limited by `most`: what does not count becomes −∞ and gets no weight. (If the end of
/// the row were overwritten instead, the processor would wait until it could read this memory.)
///
/// # Safety
/// The processor has `V`'s instructions; two vectors from `last` are within the row.
#[inline(always)]
unsafe fn pair<V: Simd>(row: &[f32], last: usize, most: [V; 2]) -> [V; 2] {
    // SAFETY: as for this function.
    unsafe {
        let from = row.as_ptr().add(last);
        // Memory after the last score may be no number. The minimum is `most` then.
        [V::load(from).min(most[0]), V::load(from.add(V::LANES)).min(most[1])]
    }
}

/// e^(x·scale) for x·scale ≤ 0, as exactly as the format needs it.
///
/// # Safety
/// The processor has the instructions of `P`.
#[inline(always)]
unsafe fn exponential<P: Product>(x: P::Float, scale: f32) -> P::Float {
    // SAFETY: as for this function.
    unsafe {
        if P::SHORT {
            math::exp2_short(x.mul(P::Float::splat(scale * LOG2_E)))
        } else {
            math::exp(x.mul(P::Float::splat(scale)))
        }
    }
}

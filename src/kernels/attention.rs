//! Multi-head attention of one text, a head and a few queries at a time: no more than those rows of scores exist.

use super::gemm::{Keep, PANEL, Strided, Target, tiles};
use super::math;
use super::simd::Simd;

/// Queries whose scores are held at once: with them and a head's keys and values, all stays in the second-level cache.
const QUERIES: usize = 48;

/// How a hidden vector is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttentionShape {
    /// Heads.
    pub heads: usize,
    /// Components of each.
    pub head_dim: usize,
}

/// Memory that attention works in, kept from one text to the next.
#[derive(Clone, Debug, Default)]
pub struct AttentionScratch {
    /// `[tokens, head_dim]`, scaled.
    queries: Vec<f32>,
    /// Kᵀ, `[panels, head_dim, PANEL]`.
    keys: Vec<f32>,
    /// `[tokens, padded head_dim]`.
    values: Vec<f32>,
    /// `[QUERIES, padded tokens]`.
    scores: Vec<f32>,
}

/// See [`super::Isa::attention`].
///
/// # Safety
/// The processor has `V`'s instructions; the slices have the shapes that `Isa::attention` checks.
#[inline(always)]
pub(super) unsafe fn attention<V: Simd, const ROWS: usize, const VECTORS: usize, const HEAD: usize>(
    qkv: &[f32],
    shape: AttentionShape,
    scratch: &mut AttentionScratch,
    out: &mut [f32],
) {
    let AttentionShape { heads, head_dim } = shape;
    let hidden = heads * head_dim;
    let tokens = out.len() / hidden;
    let (columns, value_dim) = (tokens.next_multiple_of(PANEL), head_dim.next_multiple_of(HEAD * V::LANES));
    for head in 0..heads {
        scratch.gather(qkv, shape, head, value_dim);
        scratch.scores.resize(QUERIES * columns, 0.0);
        let scores = &mut scratch.scores;
        for first in (0..tokens).step_by(QUERIES) {
            let rows = QUERIES.min(tokens - first);
            let queries = &scratch.queries[first * head_dim..];
            // SAFETY: as for this function; the gathered matrices have the shapes that the strides say.
            unsafe {
                for (panel, start) in scratch.keys.chunks_exact(head_dim * PANEL).zip((0..).step_by(PANEL)) {
                    for column in (0..PANEL).step_by(VECTORS * V::LANES) {
                        let b = Strided { start: &panel[column..], stride: PANEL };
                        let mut row = 0;
                        while row < rows {
                            let a = Strided { start: &queries[row * head_dim..], stride: head_dim };
                            let at = row * columns + start + column;
                            let to = Target { out: &mut scores[at..], stride: columns, width: VECTORS * V::LANES };
                            row += tiles::<V, ROWS, VECTORS>(rows - row, a, b, head_dim, to, Keep);
                        }
                    }
                }
                for row in scores.chunks_exact_mut(columns).take(rows) {
                    softmax::<V>(&mut row[..tokens]);
                }
                for column in (0..head_dim).step_by(HEAD * V::LANES) {
                    let b = Strided { start: &scratch.values[column..], stride: value_dim };
                    let width = (HEAD * V::LANES).min(head_dim - column);
                    let mut row = 0;
                    while row < rows {
                        let a = Strided { start: &scores[row * columns..], stride: columns };
                        let at = (first + row) * hidden + head * head_dim + column;
                        let to = Target { out: &mut out[at..], stride: hidden, width };
                        row += tiles::<V, ROWS, HEAD>(rows - row, a, b, tokens, to, Keep);
                    }
                }
            }
        }
    }
}

impl AttentionScratch {
    /// Brings one head's queries, keys and values together: side by side with the others' they lie pages apart.
    fn gather(&mut self, qkv: &[f32], shape: AttentionShape, head: usize, value_dim: usize) {
        let AttentionShape { heads, head_dim } = shape;
        let hidden = heads * head_dim;
        let tokens = qkv.len() / (3 * hidden);
        let scale = 1.0 / (head_dim as f32).sqrt();
        self.queries.clear();
        self.keys.clear();
        self.keys.resize(tokens.div_ceil(PANEL) * head_dim * PANEL, 0.0);
        self.values.clear();
        self.values.resize(tokens * value_dim, 0.0);
        for (token, row) in qkv.chunks_exact(3 * hidden).enumerate() {
            let part = |index: usize| &row[index * hidden + head * head_dim..][..head_dim];
            self.queries.extend(part(0).iter().map(|query| query * scale));
            let panel = &mut self.keys[token / PANEL * head_dim * PANEL..][..head_dim * PANEL];
            for (component, &key) in part(1).iter().enumerate() {
                panel[component * PANEL + token % PANEL] = key;
            }
            self.values[token * value_dim..][..head_dim].copy_from_slice(part(2));
        }
    }
}

/// e^(x − max) over its sum, in place.
///
/// # Safety
/// The processor has `V`'s instructions.
#[inline(always)]
unsafe fn softmax<V: Simd>(row: &mut [f32]) {
    let whole = row.len() / V::LANES * V::LANES;
    // SAFETY: `LANES` floats from `at` are within `whole`; the processor has the instructions.
    unsafe {
        let mut largest = V::splat(f32::NEG_INFINITY);
        for at in (0..whole).step_by(V::LANES) {
            largest = largest.max(V::load(row[at..].as_ptr()));
        }
        let largest = row[whole..].iter().fold(largest.largest(), |largest, &value| largest.max(value));
        let mut sum = V::splat(0.0);
        for at in (0..whole).step_by(V::LANES) {
            let value = math::exp(V::load(row[at..].as_ptr()).sub(V::splat(largest)));
            value.store(row[at..].as_mut_ptr());
            sum = sum.add(value);
        }
        let mut sum = sum.sum();
        for value in &mut row[whole..] {
            *value = math::exp(*value - largest);
            sum += *value;
        }
        let factor = 1.0 / sum;
        for at in (0..whole).step_by(V::LANES) {
            V::load(row[at..].as_ptr()).mul(V::splat(factor)).store(row[at..].as_mut_ptr());
        }
        row[whole..].iter_mut().for_each(|value| *value *= factor);
    }
}

//! Which of many inner products could be large: an answer from integers, several times as fast as the products themselves.
//!
//! Rows x are rounded to bytes u, x̂ = least + step·u, a block of them by one step; queries q to signed bytes v,
//! q̂ = scale·v. Then, by Cauchy and Schwarz,
//!
//! ```text
//! |x·q − x̂·q̂| = |(x − x̂)·q̂ + x·(q − q̂)| ≤ |x − x̂|·|q̂| + |x|·|q − q̂|
//! ```
//!
//! and a pair whose x̂·q̂ is further than this below a floor cannot reach it. x̂·q̂ is Σuv but for constants of the block
//! and the query, so a floor becomes a bound on the integer Σuv, and to compare is one instruction for sixteen pairs. What
//! passes is multiplied in floats by the caller: the answer is exact, the integers only spare work.

use super::gemm::{PANEL, Sink, Strided, product};
use super::linear::{IntProduct, to_panels};
use super::quantize::{Range, quantize_weights, to_bytes};
use super::simd::Simd;

/// The most components of a vector: sums of more products of two bytes might not fit into 32 bits.
pub const MAX_DIM: usize = 1 << 16;

/// How far a byte can be from the value it stands for, in steps: half a one, and what f32 adds.
const ROUNDING: f64 = 0.51;

/// How far an inner product computed in f32 can be from the true one, for each component and as a part of |x|·|q|: f32's
/// epsilon, which is twice the bound of a sum of products in any order (Higham 2002, 3.1).
pub const F32_ERROR: f64 = f32::EPSILON as f64;

/// Queries, rounded to bytes and packed.
#[derive(Clone, Debug)]
pub struct ScreenQueries {
    dim: usize,
    /// `[panels, words of a query, PANEL]`
    pub(super) panels: Vec<u32>,
    rounded: Vec<RoundedQuery>,
}

/// What is known of a query.
#[derive(Clone, Copy, Debug)]
struct RoundedQuery {
    /// q̂ = scale·v
    scale: f64,
    /// The sum of q̂.
    sum: f64,
    /// |q̂|
    norm: f64,
    /// |q − q̂|
    error: f64,
}

impl ScreenQueries {
    /// Rounds `queries`, `[queries, dim]`.
    ///
    /// # Panics
    /// If the slice is not whole queries, or they have more than [`MAX_DIM`] components.
    pub fn new(queries: &[f32], dim: usize) -> Self {
        assert!(queries.len().is_multiple_of(dim) && dim <= MAX_DIM);
        let (mut scales, mut sums, mut panels) = (Vec::new(), Vec::new(), Vec::new());
        let words = quantize_weights(queries, dim, &mut scales, &mut sums);
        let depth = dim.div_ceil(4);
        to_panels(&words, depth, &mut panels);
        let rows = queries.chunks_exact(dim).zip(words.chunks_exact(depth)).zip(scales);
        let rounded = rows.map(|((query, words), scale)| RoundedQuery::of(query, words, f64::from(scale))).collect();
        Self { dim, panels, rounded }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rounded.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rounded.is_empty()
    }
}

impl RoundedQuery {
    fn of(query: &[f32], words: &[u32], scale: f64) -> Self {
        let bytes = words.iter().flat_map(|word| word.to_ne_bytes());
        let (mut sum, mut norm, mut error) = (0.0, 0.0, 0.0);
        for (&value, byte) in query.iter().zip(bytes) {
            let rounded = scale * f64::from(byte as i8);
            sum += rounded;
            norm += rounded * rounded;
            error += (f64::from(value) - rounded).powi(2);
        }
        Self { scale, sum, norm: norm.sqrt(), error: error.sqrt() }
    }
}

/// Rows of vectors, rounded to bytes of one step.
#[derive(Clone, Debug, Default)]
pub struct ScreenRows {
    /// `[rows, words of a row]`
    pub(super) words: Vec<u32>,
    pub(super) count: usize,
    /// x̂ = least + step·u
    step: f64,
    least: f64,
    /// The least and the greatest |x|².
    squares: [f64; 2],
    /// Whether all values, and their squares, are finite, and a step is something: else nothing can be told.
    telling: bool,
}

impl ScreenRows {
    /// Whether these and the queries have words of one number.
    pub(super) fn fits(&self, queries: &ScreenQueries) -> bool {
        self.words.len() == self.count * queries.dim.div_ceil(4)
    }

    /// The least and the greatest sum of squares of a row.
    pub fn squares(&self) -> [f64; 2] {
        self.squares
    }

    /// Rounds `rows`, `[rows, dim]`, in place of those that are there.
    ///
    /// # Safety
    /// The processor has `V`'s instructions.
    #[inline(always)]
    pub(super) unsafe fn round<V: Simd>(&mut self, rows: &[f32], dim: usize) {
        let depth = dim.div_ceil(4);
        self.count = rows.len() / dim;
        self.words.resize(self.count * depth, 0);
        (self.squares, self.telling) = ([f64::INFINITY, 0.0], true);
        // SAFETY: the caller owes the instructions; a row's words have a byte for each value.
        unsafe {
            let mut all = Range::of::<V>(&[]);
            for row in rows.chunks_exact(dim) {
                let range = Range::of::<V>(row);
                let squares = f64::from(range.squares);
                self.squares = [self.squares[0].min(squares), self.squares[1].max(squares)];
                self.telling &= squares.is_finite();
                all = all.and(range);
            }
            for (row, words) in rows.chunks_exact(dim).zip(self.words.chunks_exact_mut(depth)) {
                let rounded = to_bytes::<V>(row, all, words);
                (self.step, self.least) = (f64::from(rounded.scale), f64::from(rounded.offset));
            }
        }
        self.telling &= self.step > f64::from(f32::MIN_POSITIVE);
    }

    /// For each query the number that Σuv must be greater than for an inner product of its floor at least; past the last
    /// query, to a whole panel, one that no sum is.
    pub(super) fn bounds(&self, queries: &ScreenQueries, floors: &[f64]) -> Vec<i32> {
        let largest = self.squares[1].sqrt();
        let rounding = ROUNDING * self.step * (queries.dim as f64).sqrt();
        let bound = |(query, floor): (&RoundedQuery, &f64)| {
            let float_error = largest * (query.norm + query.error) * F32_ERROR * queries.dim as f64;
            let lowest = floor - rounding * query.norm - largest * query.error - float_error;
            let sum = (lowest - self.least * query.sum) / (self.step * query.scale);
            // A query of zeros has no scale; every row passes.
            if self.telling && sum.is_finite() { (sum - 1.0).floor() as i32 } else { i32::MIN }
        };
        let mut bounds: Vec<i32> = queries.rounded.iter().zip(floors).map(bound).collect();
        bounds.resize(queries.len().next_multiple_of(PANEL), i32::MAX);
        bounds
    }
}

/// A pair that may reach its floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Number of the row.
    pub row: u32,
    /// Number of the query.
    pub query: u32,
}

/// Which pairs of rows and queries may reach the queries' floors, whose [`ScreenRows::bounds`] are given.
///
/// # Safety
/// The processor has the instructions of `P`; rows and panels have words of one depth; there is a bound for each column.
#[inline(always)]
pub(super) unsafe fn screen<P: IntProduct<Word = u32>, const ROWS: usize, const VECTORS: usize>(
    rows: &ScreenRows,
    panels: &[u32],
    bounds: &[i32],
    found: &mut Vec<Candidate>,
) {
    let lanes = P::Float::LANES;
    let depth = rows.words.len() / rows.count.max(1);
    let a = Strided { start: &rows.words[..], stride: depth };
    // Past the last query stands what passes for none.
    let used = bounds.iter().rposition(|&bound| bound != i32::MAX).map_or(0, |last| last + 1);
    for first in (0..used).step_by(VECTORS * lanes) {
        let b = Strided { start: &panels[first / PANEL * depth * PANEL + first % PANEL..], stride: PANEL };
        let mut passing = Passing { bounds: &bounds[first..], first, found };
        // SAFETY: as for this function.
        unsafe {
            match (used - first).div_ceil(lanes) {
                1 => product::<P, ROWS, 1>(rows.count, a, b, depth, &mut passing),
                2 if VECTORS > 2 => product::<P, ROWS, 2>(rows.count, a, b, depth, &mut passing),
                3 if VECTORS > 3 => product::<P, ROWS, 3>(rows.count, a, b, depth, &mut passing),
                _ => product::<P, ROWS, VECTORS>(rows.count, a, b, depth, &mut passing),
            }
        }
    }
}

/// Sums that are greater than their columns' bounds become candidates.
struct Passing<'a> {
    bounds: &'a [i32],
    /// Number of the first column's query.
    first: usize,
    found: &'a mut Vec<Candidate>,
}

impl<P: IntProduct> Sink<P> for Passing<'_> {
    #[inline(always)]
    unsafe fn take(&mut self, row: usize, sums: &[P::Sum]) {
        let lanes = P::Float::LANES;
        let mut passing = 0u64;
        for (vector, &sum) in sums.iter().enumerate() {
            // SAFETY: the caller owes the instructions; there are bounds for every column.
            let greater = unsafe { P::greater(sum, self.bounds[vector * lanes..][..lanes].as_ptr()) };
            passing |= u64::from(greater) << (vector * lanes);
        }
        while passing != 0 {
            let query = (self.first + passing.trailing_zeros() as usize) as u32;
            self.found.push(Candidate { row: row as u32, query });
            passing &= passing - 1;
        }
    }
}

/// Σab, or for `DISTANCE` Σ(a − b)².
///
/// # Safety
/// The processor has `V`'s instructions; both have the same length.
#[inline(always)]
pub(super) unsafe fn compare<V: Simd, const DISTANCE: bool>(a: &[f32], b: &[f32]) -> f32 {
    /// Sums that are computed beside each other: one alone would wait for itself.
    const SUMS: usize = 4;
    let whole = a.len() / (SUMS * V::LANES) * SUMS * V::LANES;
    // SAFETY: the floats at `at` are within `whole`; the processor has the instructions.
    unsafe {
        let mut sums = [V::splat(0.0); SUMS];
        for at in (0..whole).step_by(SUMS * V::LANES) {
            for (vector, sum) in sums.iter_mut().enumerate() {
                let at = at + vector * V::LANES;
                let (a, b) = (V::load(a.as_ptr().add(at)), V::load(b.as_ptr().add(at)));
                let (a, b) = if DISTANCE { (a.sub(b), a.sub(b)) } else { (a, b) };
                *sum = a.mul_add(b, *sum);
            }
        }
        let mut sum = sums[0].add(sums[1]).add(sums[2].add(sums[3])).sum();
        for (a, b) in a[whole..].iter().zip(&b[whole..]) {
            sum += if DISTANCE { (a - b) * (a - b) } else { a * b };
        }
        sum
    }
}

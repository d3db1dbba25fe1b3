//! Finds out by integers which of many inner products could be large. This is several times as fast as the products
//! themselves.
//!
//! Rows x are rounded to bytes u, x̂ = least + step·u, with one step for all rows of a block. Queries q are rounded to
//! signed bytes v, q̂ = scale·v. By the inequality of Cauchy and Schwarz,
//!
//! ```text
//! |x·q − x̂·q̂| = |(x − x̂)·q̂ + x·(q − q̂)| ≤ |x − x̂|·|q̂| + |x|·|q − q̂|
//! ```
//!
//! So if x̂·q̂ is below a floor by more than this, x·q cannot reach the floor. x̂·q̂ is Σuv, apart from constants of
//! the block and the query. So a floor becomes a bound on the integer Σuv, and one instruction compares sixteen pairs.
//! The caller multiplies the pairs that pass in floats: the answer is exact, and the integers only save work.

use super::gemm::{PANEL, Sink, Strided, product};
use super::linear::{IntProduct, to_panels};
use super::memory::Memory;
use super::quantize::{Range, quantize_weights, to_bytes};
use super::simd::Simd;

/// The most components of a vector. With more of them, the sum of products of two bytes might not fit into 32 bits.
pub const MAX_DIM: usize = 1 << 16;

/// How far a byte can be from the value that it stands for, in steps: half a step, and the rounding error of f32.
const ROUNDING: f64 = 0.51;

/// How far an inner product computed in f32 can be from the true one, for each component, as a fraction of |x|·|q|. It
/// is f32's epsilon, which is twice the bound for a sum of products in any order (Higham 2002, 3.1).
pub const F32_ERROR: f64 = f32::EPSILON as f64;

/// Queries, rounded to bytes and packed.
#[derive(Clone, Debug)]
pub struct ScreenQueries {
    dim: usize,
    /// `[panels, words of a query, PANEL]`
    pub(super) panels: Memory<u32>,
    rounded: Vec<RoundedQuery>,
}

/// The constants of a query.
#[derive(Clone, Copy, Debug)]
pub(super) struct RoundedQuery {
    /// q̂ = scale·v
    scale: f64,
    /// The sum of q̂.
    sum: f64,
    /// |q̂|
    pub(super) norm: f64,
    /// |q − q̂|
    pub(super) error: f64,
}

impl ScreenQueries {
    /// Rounds `queries`, `[queries, dim]`.
    ///
    /// # Panics
    /// If the slice is not whole queries, or they have more than [`MAX_DIM`] components.
    pub fn new(queries: &[f32], dim: usize) -> Self {
        assert!(queries.len().is_multiple_of(dim) && dim <= MAX_DIM);
        let (mut scales, mut sums, mut panels) = (Vec::new(), Vec::new(), Memory::default());
        let words = quantize_weights(queries, dim, &mut scales, &mut sums);
        let depth = dim.div_ceil(4);
        to_panels(&words, depth, &mut panels);
        let rows = queries.chunks_exact(dim).zip(words.chunks_exact(depth)).zip(scales);
        let rounded = rows.map(|((query, words), scale)| RoundedQuery::of(query, words, f64::from(scale))).collect();
        Self { dim, panels, rounded }
    }

    /// The number of queries.
    pub fn len(&self) -> usize {
        self.rounded.len()
    }

    /// Whether there are no queries.
    pub fn is_empty(&self) -> bool {
        self.rounded.is_empty()
    }
}

impl RoundedQuery {
    /// The constants of a query that was rounded to these words with this scale.
    pub(super) fn of(query: &[f32], words: &[u32], scale: f64) -> Self {
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

/// Rows of vectors, rounded to bytes with one step.
#[derive(Clone, Debug, Default)]
pub struct ScreenRows {
    /// `[rows, words of a row]`
    pub(super) words: Memory<u32>,
    pub(super) count: usize,
    /// x̂ = least + step·u
    step: f64,
    least: f64,
    /// The least and the greatest |x|².
    squares: [f64; 2],
    /// Whether all values and their squares are finite, and the step is not 0. Otherwise every pair passes.
    telling: bool,
}

impl ScreenRows {
    /// Whether the rows and the queries have the same number of words.
    pub(super) fn fits(&self, queries: &ScreenQueries) -> bool {
        self.words.len() == self.count * queries.dim.div_ceil(4)
    }

    /// The least and the greatest |x|² of a row.
    pub fn squares(&self) -> [f64; 2] {
        self.squares
    }

    /// Rounds `rows`, `[rows, dim]`, in place of the present ones.
    ///
    /// # Safety
    /// The processor has `V`'s instructions.
    #[inline(always)]
    pub(super) unsafe fn round<V: Simd>(&mut self, rows: &[f32], dim: usize) {
        let depth = dim.div_ceil(4);
        self.count = rows.len() / dim;
        self.words.room(self.count * depth);
        (self.squares, self.telling) = ([f64::INFINITY, 0.0], true);
        // SAFETY: the caller guarantees the instructions; a row's words have a byte for each value.
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

    /// For each query, the bound that Σuv must exceed if the inner product is at least the query's floor. Columns after
    /// the last query, up to a whole panel, get a bound that no sum exceeds.
    pub(super) fn bounds(&self, queries: &ScreenQueries, floors: &[f64]) -> Vec<i32> {
        let largest = self.squares[1].sqrt();
        let rounding = ROUNDING * self.step * (queries.dim as f64).sqrt();
        let bound = |(query, floor): (&RoundedQuery, &f64)| {
            let float_error = largest * (query.norm + query.error) * F32_ERROR * queries.dim as f64;
            let lowest = floor - rounding * query.norm - largest * query.error - float_error;
            let sum = (lowest - self.least * query.sum) / (self.step * query.scale);
            // A query of zeros has no scale, so every row passes.
            if self.telling && sum.is_finite() { (sum - 1.0).floor() as i32 } else { i32::MIN }
        };
        let mut bounds: Vec<i32> = queries.rounded.iter().zip(floors).map(bound).collect();
        bounds.resize(queries.len().next_multiple_of(PANEL), i32::MAX);
        bounds
    }
}

/// A pair of a row and a query that may reach the query's floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The number of the row.
    pub row: u32,
    /// The number of the query.
    pub query: u32,
}

/// Finds the pairs of rows and queries that may reach the queries' floors. `bounds` are those of
/// [`ScreenRows::bounds`].
///
/// # Safety
/// The processor has the instructions of `P`; rows and panels have the same depth in words; there is a bound for each
/// column.
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
    // Nothing passes in the columns after the last query.
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

/// Collects the candidates: sums that are greater than their columns' bounds.
struct Passing<'a> {
    bounds: &'a [i32],
    /// The query of the first column.
    first: usize,
    found: &'a mut Vec<Candidate>,
}

impl<P: IntProduct> Sink<P> for Passing<'_> {
    #[inline(always)]
    unsafe fn take<const VECTORS: usize>(&mut self, row: usize, sums: &[P::Sum; VECTORS]) {
        let lanes = P::Float::LANES;
        let mut passing = 0u64;
        for (vector, &sum) in sums.iter().enumerate() {
            // SAFETY: the caller guarantees the instructions; there are bounds for every column.
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

/// Σab, or Σ(a − b)² if `DISTANCE`.
///
/// # Safety
/// The processor has `V`'s instructions; both have the same length.
#[inline(always)]
pub(super) unsafe fn compare<V: Simd, const DISTANCE: bool>(a: &[f32], b: &[f32]) -> f32 {
    /// The number of sums that are computed side by side. A single sum would wait for its own last step.
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

//! One query against rows that are kept as bytes: bounds of each inner product, from half of a byte for each component, and
//! closer ones from the whole byte. So a search reads an eighth of the floats, and is exact all the same: it looks at the
//! floats of those rows alone whose bounds do not exclude them.
//!
//! Each row x is rounded to bytes u, x̂ = step·(u − 128), and a query q to signed bytes v, q̂ = scale·v. By the inequality of
//! Cauchy and Schwarz,
//!
//! ```text
//! |x·q − x̂·q̂| ≤ |x − x̂|·|q̂| + |x|·|q − q̂|
//! ```
//!
//! x̂·q̂ is Σuv, apart from constants of the row and the query. A byte is 16·h + l; with h alone, 16·h + 7.5 takes the place
//! of u, and another |x − x̂|. The halves h of all components stand together, and so do the halves l.

use bytemuck::{Pod, Zeroable};

use super::quantize::quantize_weights;
use super::screen::{F32_ERROR, RoundedQuery};

/// The bytes of halves that are multiplied together: two components each.
const CHUNK: usize = 64;

/// The most components of a vector for which sums of products fit into 32 bits.
pub const MAX_HALVES_DIM: usize = 1 << 15;

/// The bytes of one half of a row of `dim` components.
pub fn half_bytes(dim: usize) -> usize {
    dim.div_ceil(2 * CHUNK) * CHUNK
}

/// What the bytes of a row stand for.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct HalvesRow {
    /// x̂ = step·(u − 128)
    step: f32,
    /// |x|, not less than it is.
    norm: f32,
    /// |x − x̂| by the halves h alone, not less than it is. It is infinite if the row has a component that is not finite.
    half_error: f32,
    /// |x − x̂| by whole bytes, not less than it is.
    error: f32,
}

// SAFETY: zeros are four floats.
unsafe impl Zeroable for HalvesRow {}
// SAFETY: it is four floats without anything between them, and any bits are floats.
unsafe impl Pod for HalvesRow {}

impl HalvesRow {
    /// Rounds a row to bytes. The halves go to `high` and `low`, which have [`half_bytes`] each.
    ///
    /// # Panics
    /// If one of them has another length.
    pub fn round(row: &[f32], high: &mut [u8], low: &mut [u8]) -> Self {
        assert!(high.len() == half_bytes(row.len()) && low.len() == high.len());
        high.fill(0);
        low.fill(0);
        let largest = row.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        let step = largest / 127.0;
        let usable = step.is_normal() && row.iter().all(|value| value.is_finite());
        let inverse = if usable { 1.0 / step } else { 0.0 };
        let (mut norm, mut half_error, mut error) = (0.0, 0.0, 0.0);
        for (at, &value) in row.iter().enumerate() {
            let byte = ((value * inverse).round() as i32 + 128).clamp(0, 255) as u8;
            let (place, shift) = place(at);
            high[place] |= (byte >> 4) << shift;
            low[place] |= (byte & 15) << shift;
            let (value, step) = (f64::from(value), f64::from(step));
            norm += value * value;
            error += (value - step * (f64::from(byte) - 128.0)).powi(2);
            half_error += (value - step * (f64::from(byte & 0xf0) + 7.5 - 128.0)).powi(2);
        }
        if !usable && largest > 0.0 || !norm.is_finite() {
            // Nothing is known of it.
            return Self { step: 0.0, norm: f32::INFINITY, half_error: f32::INFINITY, error: f32::INFINITY };
        }
        let step = if usable { step } else { 0.0 };
        Self { step, norm: above(norm.sqrt()), half_error: above(half_error.sqrt()), error: above(error.sqrt()) }
    }
}

/// Where the half of component `at` is: the byte, and by how many bits it is shifted there.
fn place(at: usize) -> (usize, u32) {
    let (chunk, within) = (at / (2 * CHUNK), at % (2 * CHUNK));
    (chunk * CHUNK + within % CHUNK, if within < CHUNK { 0 } else { 4 })
}

/// A length in f32 that is not less than the one that was summed up in f64.
fn above(length: f64) -> f32 {
    ((length * (1.0 + 1e-7)) as f32).next_up()
}

/// What is known of how near a row is to a query: `center` ± `slack`. For inner products it is x·q, and for squared
/// distances 2x·q − |x|², which is the greater the nearer the row is. Both include the rounding errors of f32 where the score
/// itself is computed.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    center: f32,
    slack: f32,
}

impl Bounds {
    /// Not less than the nearness. It is NaN if nothing is known.
    pub fn upper(self) -> f32 {
        self.center + self.slack
    }

    /// Not more than the nearness. It is NaN if nothing is known.
    pub fn lower(self) -> f32 {
        self.center - self.slack
    }
}

/// A query, rounded to bytes.
#[derive(Clone, Debug)]
pub struct HalvesQuery {
    /// `[chunks, 2, CHUNK]`: the factors of the lower and of the upper four bits of each byte.
    pub(super) factors: Vec<i8>,
    /// q̂ = scale·v
    scale: f32,
    /// Σv
    sum: i32,
    /// |q̂|, |q| and |q − q̂|, not less than they are.
    rounded_norm: f32,
    norm: f32,
    error: f32,
    /// By how much a computed inner product may differ from the true one, as a part of |x|·|q|.
    rounding: f32,
    is_distance: bool,
}

impl HalvesQuery {
    /// Rounds a query, for squared distances if `is_distance`, otherwise for inner products. `None` if it has a component that
    /// is not finite, is zero, or so small or large that its square is not a number of f32; or if it is too long.
    pub fn new(query: &[f32], is_distance: bool) -> Option<Self> {
        let squares: f32 = query.iter().map(|value| value * value).sum();
        if query.len() > MAX_HALVES_DIM || !squares.is_normal() {
            return None;
        }
        let (mut scales, mut sums) = (Vec::new(), Vec::new());
        let words = quantize_weights(query, query.len(), &mut scales, &mut sums);
        let scale = scales.first().copied().filter(|scale| scale.is_normal())?;
        let rounded = RoundedQuery::of(query, &words, scale.into());
        let mut factors = vec![0; 2 * half_bytes(query.len())];
        let bytes = words.iter().flat_map(|word| word.to_ne_bytes());
        factors.iter_mut().zip(bytes).for_each(|(factor, byte)| *factor = byte as i8);
        Some(Self {
            sum: factors.iter().map(|&factor| i32::from(factor)).sum(),
            factors,
            scale,
            rounded_norm: above(rounded.norm),
            norm: above(query.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt()),
            error: above(rounded.error),
            // The bounds themselves take some operations more than the score.
            rounding: F32_ERROR as f32 * (query.len() as f32 + 64.0),
            is_distance,
        })
    }

    /// The bounds of a row by its halves h: `high` is Σhv.
    #[inline]
    pub fn bounds_by_half(&self, row: &HalvesRow, high: i32) -> Bounds {
        // u is 16·h + 7.5, so twice Σ(u − 128)v is a whole number.
        self.bounds(row, (32 * high - 241 * self.sum) as f32 * 0.5, row.half_error)
    }

    /// The bounds of a row by its bytes: `high` is Σhv, and `low` is Σlv.
    #[inline]
    pub fn bounds_by_bytes(&self, row: &HalvesRow, high: i32, low: i32) -> Bounds {
        self.bounds(row, (16 * high + low - 128 * self.sum) as f32, row.error)
    }

    #[inline]
    fn bounds(&self, row: &HalvesRow, sum: f32, error: f32) -> Bounds {
        let product = row.step * self.scale * sum;
        let known = error * self.rounded_norm + row.norm * self.error;
        let slack = known + self.rounding * (row.norm + error) * self.norm;
        if !self.is_distance {
            return Bounds { center: product, slack };
        }
        let both = row.norm + self.norm;
        Bounds { center: 2.0 * product - row.norm * row.norm, slack: 2.0 * slack + self.rounding * both * both }
    }
}

/// Σhv for each row: `halves` is `[rows, half_bytes]`, and `factors` those of the query.
///
/// # Safety
/// The processor has the instructions of `P`; the slices have these shapes.
#[inline(always)]
pub(super) unsafe fn half_sums<P: HalvesProduct>(halves: &[u8], factors: &[i8], sums: &mut [i32]) {
    for (row, sum) in halves.chunks_exact(factors.len() / 2).zip(sums) {
        // SAFETY: the caller guarantees the instructions; each row has half as many bytes as there are factors, in whole
        // chunks.
        *sum = unsafe { P::sum(row, factors) };
    }
}

/// The products of halves of bytes and signed bytes.
pub(super) trait HalvesProduct {
    /// Σhv of one row.
    ///
    /// # Safety
    /// The processor has the instructions; `row` is whole chunks, and there are twice as many factors.
    unsafe fn sum(row: &[u8], factors: &[i8]) -> i32;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Isa;

    /// A component of any size, most of them of the same.
    fn component() -> impl Strategy<Value = f32> {
        prop_oneof![
            8 => -1.0_f32..1.0,
            1 => prop::sample::select(vec![0.0, -0.0, 1e-30, -1e-42, f32::MIN_POSITIVE, 3e18, -1e30, 1e-3]),
        ]
    }

    fn rows() -> impl Strategy<Value = (Vec<Vec<f32>>, Vec<f32>)> {
        (1_usize..400).prop_flat_map(|dim| {
            let row = prop::collection::vec(component(), dim);
            (prop::collection::vec(row, 1..6), prop::collection::vec(-1.0_f32..1.0, dim))
        })
    }

    proptest! {
        #[test]
        fn the_nearness_of_every_row_is_between_its_bounds((rows, query) in rows(), is_distance: bool) {
            let stride = half_bytes(query.len());
            let (mut high, mut low) = (vec![0; rows.len() * stride], vec![0; rows.len() * stride]);
            let halves = high.chunks_exact_mut(stride).zip(low.chunks_exact_mut(stride));
            let told: Vec<HalvesRow> =
                rows.iter().zip(halves).map(|(row, (high, low))| HalvesRow::round(row, high, low)).collect();
            let Some(rounded) = HalvesQuery::new(&query, is_distance) else { return Ok(()) };
            for isa in Isa::all().into_iter().filter(|isa| isa.screens()) {
                let (mut by_high, mut by_low) = (vec![0; rows.len()], vec![0; rows.len()]);
                isa.half_sums(&high, &rounded, &mut by_high);
                isa.half_sums(&low, &rounded, &mut by_low);
                let squares: f64 = query.iter().map(|value| f64::from(*value).powi(2)).sum();
                for (at, row) in rows.iter().enumerate() {
                    let nearness = match is_distance {
                        true => squares - f64::from(isa.squared_distance(row, &query)),
                        false => f64::from(isa.inner_product(row, &query)),
                    };
                    let by_half = rounded.bounds_by_half(&told[at], by_high[at]);
                    let by_bytes = rounded.bounds_by_bytes(&told[at], by_high[at], by_low[at]);
                    for bounds in [by_half, by_bytes] {
                        // What is infinite or no number bounds nothing, and excludes nothing.
                        let (lower, upper) = (f64::from(bounds.lower()), f64::from(bounds.upper()));
                        prop_assert!(upper.is_nan() || upper >= nearness, "{isa}: {nearness} is above {upper}");
                        prop_assert!(lower.is_nan() || lower <= nearness, "{isa}: {nearness} is below {lower}");
                    }
                }
            }
        }
    }

    #[test]
    fn bytes_leave_little_open_for_ordinary_rows() {
        let row: Vec<f32> = (0..384).map(|at| (at as f32 * 0.37).sin() / 14.0).collect();
        let query: Vec<f32> = (0..384).map(|at| (at as f32 * 0.11).cos() / 14.0).collect();
        let (mut high, mut low) = (vec![0; 192], vec![0; 192]);
        let told = HalvesRow::round(&row, &mut high, &mut low);
        let rounded = HalvesQuery::new(&query, false).unwrap();
        let sum = |half: &[u8]| {
            let mut sums = [0];
            Isa::best().half_sums(half, &rounded, &mut sums);
            sums[0]
        };
        if !Isa::best().screens() {
            return;
        }
        let width = |bounds: Bounds| bounds.upper() - bounds.lower();
        assert!(width(rounded.bounds_by_half(&told, sum(&high))) < 0.13);
        assert!(width(rounded.bounds_by_bytes(&told, sum(&high), sum(&low))) < 0.03);
    }
}

//! Converts floats to 8-bit integers, and computes what is needed to convert them back.
//!
//! A row is rounded to steps between its least and its greatest value. One value far from the others would leave few
//! steps for these. BERT has such values: in the row of `[CLS]`, one component is twenty times as large as the others,
//! and so is one neuron of the feed-forward layer. Such a value is taken out of its row and multiplied in f32 (Dettmers
//! et al. 2022, LLM.int8(), do so for whole columns). This halves the error of a vector, and costs one multiplication
//! for each output.

use super::math;
use super::simd::Simd;

/// A value is an outlier if it is this many times as large as the root mean square of its row. One row in five has an
/// outlier, most of them before the last product of a layer.
const OUTLIER: f32 = 10.0;

/// The values that a row's integers q stand for: `offset` + `scale`·q, and `excess` more at the position `outlier`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Quantized {
    pub(super) scale: f32,
    pub(super) offset: f32,
    /// The position of the outlier, if `excess` is not 0.
    pub(super) outlier: usize,
    pub(super) excess: f32,
}

/// Rounds each row of `inputs` floats to bytes between its least and its greatest value. `words` has `inputs / 4` words
/// for each row, rounded up. The unused rest of the last word is 0. Returns whether all floats are finite: as a byte, any
/// number would be.
///
/// # Safety
/// The processor has `V`'s instructions.
#[inline(always)]
pub(super) unsafe fn quantize_rows<V: Simd>(
    input: &[f32],
    inputs: usize,
    words: &mut [u32],
    quantized: &mut [Quantized],
) -> bool {
    let mut finite = true;
    let rows = input.chunks_exact(inputs).zip(words.chunks_exact_mut(inputs.div_ceil(4)));
    for ((row, words), quantized) in rows.zip(quantized) {
        // SAFETY: the caller guarantees the instructions; a row's words have a byte for each value.
        unsafe {
            let all = Range::of::<V>(row);
            // The square of a large number is not finite either.
            finite &= all.squares.is_finite() || math::are_finite::<V>(row);
            let largest = all.greatest.max(-all.least);
            if largest * largest * inputs as f32 <= OUTLIER * OUTLIER * all.squares {
                *quantized = to_bytes::<V>(row, all, words);
                continue;
            }
            let outlier = position(row, largest);
            let rest = Range::of::<V>(&row[..outlier]).and(Range::of::<V>(&row[outlier + 1..]));
            let rounded = to_bytes::<V>(row, rest, words);
            // In place of the outlier stands the byte that is nearest to 0.
            let zero = ((0.0 - rest.least) / rounded.scale).round_ties_even() as u8;
            words.as_mut_ptr().cast::<u8>().add(outlier).write(zero);
            let excess = row[outlier] - (rounded.offset + rounded.scale * f32::from(zero));
            *quantized = Quantized { outlier, excess, ..rounded };
        }
    }
    finite
}

/// The position of the first value of this magnitude, or 0 if there is none. A part of the row is compared at a time, so
/// that the compiler can use vectors. (Half of the rows before a layer's last product have an outlier.)
#[inline(always)]
fn position(row: &[f32], magnitude: f32) -> usize {
    const PART: usize = 64;
    let is_it = |value: &f32| value.abs() == magnitude;
    let has_it = |part: &[f32]| part.iter().fold(false, |found, value| found | is_it(value));
    let part = row.chunks(PART).position(has_it).unwrap_or(0) * PART;
    row[part..].iter().position(is_it).map_or(0, |at| part + at)
}

/// The range of some values.
#[derive(Clone, Copy)]
pub(super) struct Range {
    least: f32,
    greatest: f32,
    /// The sum of the values' squares.
    pub(super) squares: f32,
}

impl Range {
    /// The range of `values`.
    ///
    /// # Safety
    /// The processor has `V`'s instructions.
    #[inline(always)]
    pub(super) unsafe fn of<V: Simd>(values: &[f32]) -> Self {
        // Two sums are computed side by side, so that the processor does not wait for one before it begins the next.
        let whole = values.len() / (2 * V::LANES) * 2 * V::LANES;
        // SAFETY: two vectors from `at` are within `whole`; the processor has the instructions.
        let (least, greatest, squares) = unsafe {
            let mut least = [V::splat(f32::INFINITY); 2];
            let mut greatest = [V::splat(f32::NEG_INFINITY); 2];
            let mut squares = [V::splat(0.0); 2];
            for at in (0..whole).step_by(2 * V::LANES) {
                for half in 0..2 {
                    let values = V::load(values.as_ptr().add(at + half * V::LANES));
                    least[half] = least[half].min(values);
                    greatest[half] = greatest[half].max(values);
                    squares[half] = values.mul_add(values, squares[half]);
                }
            }
            let [least, greatest] = [least[0].min(least[1]), greatest[0].max(greatest[1])];
            (least.smallest(), greatest.largest(), squares[0].add(squares[1]).sum())
        };
        let single = |&value: &f32| Self { least: value, greatest: value, squares: value * value };
        values[whole..].iter().map(single).fold(Self { least, greatest, squares }, Self::and)
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self {
            least: self.least.min(other.least),
            greatest: self.greatest.max(other.greatest),
            squares: self.squares + other.squares,
        }
    }
}

/// Rounds each value of `row` to the nearest of 256 steps of `range`. A value outside the range may become any byte.
///
/// # Safety
/// The processor has `V`'s instructions; `words` has a byte for each value.
#[inline(always)]
pub(super) unsafe fn to_bytes<V: Simd>(row: &[f32], range: Range, words: &mut [u32]) -> Quantized {
    let scale = (range.greatest - range.least) / 255.0;
    // The inverse of a tiny scale would be infinite. Such a row is represented by its offset alone.
    let inverse = if scale > f32::MIN_POSITIVE { 1.0 / scale } else { 0.0 };
    words.last_mut().into_iter().for_each(|last| *last = 0);
    let whole = row.len() / V::LANES * V::LANES;
    let bytes = words.as_mut_ptr().cast::<u8>();
    // SAFETY: there is a byte behind `words` for each value of `row`; the processor has the instructions.
    unsafe {
        for at in (0..whole).step_by(V::LANES) {
            let value = V::load(row.as_ptr().add(at)).sub(V::splat(range.least)).mul(V::splat(inverse));
            value.store_bytes(bytes.add(at));
        }
        for (at, value) in row.iter().enumerate().skip(whole) {
            ((value - range.least) * inverse).store_bytes(bytes.add(at));
        }
    }
    Quantized { scale, offset: range.least, ..Quantized::default() }
}

/// Rounds each row of weights, of `inputs` floats, to bytes from −127 to 127, in words of four, padded with 0. Appends
/// each row's scale and the sum of its rounded weights.
pub(super) fn quantize_weights(weights: &[f32], inputs: usize, scales: &mut Vec<f32>, sums: &mut Vec<f32>) -> Vec<u32> {
    /// Adding this number, 1.5·2²³, to a small float leaves the nearest whole number in the lowest bits.
    const WHOLE: f32 = 12_582_912.0;
    scales.clear();
    sums.clear();
    let mut words = Vec::with_capacity(weights.len() / inputs * inputs.div_ceil(4));
    let mut bytes = vec![0i8; inputs.next_multiple_of(4)];
    for row in weights.chunks_exact(inputs) {
        // Magnitudes have the same order as their bits, and bits are compared in vectors.
        let largest = row.iter().map(|weight| weight.abs().to_bits()).max().map_or(0.0, f32::from_bits);
        let scale = largest / 127.0;
        let inverse = if scale > f32::MIN_POSITIVE { 1.0 / scale } else { 0.0 };
        bytes.iter_mut().zip(row).for_each(|(byte, weight)| *byte = (weight * inverse + WHOLE).to_bits() as i8);
        words.extend(bytes.as_chunks::<4>().0.iter().map(|four| u32::from_ne_bytes(four.map(|byte| byte as u8))));
        scales.push(scale);
        sums.push(scale * bytes.iter().map(|&byte| i32::from(byte)).sum::<i32>() as f32);
    }
    words
}

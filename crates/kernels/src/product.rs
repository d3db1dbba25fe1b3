//! The numbers that a matrix product multiplies and sums: words of 32 bits, each of which is one float, two bf16s or
//! four bytes.
//!
//! In every format, a lane of a vector is one word, so one tile ([`super::gemm`]) serves all formats.

use std::marker::PhantomData;

use bytemuck::Pod;

use super::gemm::{Sink, Strided, product};
use super::simd::Simd;

/// A format of numbers, and the instructions that multiply them. No value of an implementing type is ever made: the
/// types only name functions.
///
/// # Safety
/// Every function needs the format's instructions on the processor that runs it. A pointer must point to the words that
/// are read: one for `row`, [`Simd::LANES`] of `Float` for `columns`.
pub(super) trait Product {
    /// The type in which rows and columns are stored.
    type Word: Pod + Default;
    /// A word of a row, in every lane.
    type Row: Copy;
    /// Words of consecutive columns, one in each lane.
    type Columns: Copy;
    /// Sums of products, one in each lane.
    type Sum: Copy;
    /// The floats to which sums are converted.
    type Float: Simd;

    /// Whether the numbers are so short that 12 bits of a function's value are as good as 24.
    const SHORT: bool;
    /// A product has a multiple of so many words in a row.
    const DEPTH: usize = 1;

    /// Sums that are zero.
    unsafe fn zero() -> Self::Sum;
    /// The word at `from`, in every lane.
    unsafe fn row(from: *const Self::Word) -> Self::Row;
    /// The words at `from`, which needs no alignment.
    unsafe fn columns(from: *const Self::Word) -> Self::Columns;
    /// sum + row · columns
    unsafe fn multiply_add(row: Self::Row, columns: Self::Columns, sum: Self::Sum) -> Self::Sum;

    /// `rows` rows of `a`, each of `depth` words, times `depth` rows of `b`, of `VECTORS` vectors. They are computed in tiles of
    /// `ROWS` rows, unless the format has tiles of its own.
    ///
    /// # Safety
    /// The processor has the format's instructions; `a` has `rows` rows of `depth`, `b` has `depth` rows of
    /// `VECTORS · LANES`.
    #[inline(always)]
    unsafe fn product<const ROWS: usize, const VECTORS: usize>(
        rows: usize,
        a: Strided<'_, Self::Word>,
        b: Strided<'_, Self::Word>,
        depth: usize,
        to: &mut impl Sink<Self>,
    ) where
        Self: Sized,
    {
        // SAFETY: as for this function.
        unsafe { product::<Self, ROWS, VECTORS>(rows, a, b, depth, to) }
    }
}

/// A format to which floats can be rounded one by one, as attention needs it.
pub(super) trait FloatProduct: Product<Sum = <Self as Product>::Float> {
    /// The number of floats in a word.
    const PER_WORD: usize;

    /// Packs `floats` into `words`. The unused rest of the last word is 0.
    ///
    /// # Safety
    /// The processor has the format's instructions; there are `PER_WORD` floats for each word, the last word excepted.
    unsafe fn pack(floats: &[f32], words: &mut [Self::Word]);

    /// Packs two vectors, and writes them to `to`.
    ///
    /// # Safety
    /// The processor has the format's instructions; there is room for the words of two vectors.
    unsafe fn store(floats: [Self::Float; 2], to: *mut Self::Word);

    /// Combines the numbers of a row, and of a second row where a word has room for two, so that the numbers of one
    /// column are in one word.
    fn by_column(row: &[Self::Word], second: Option<&[Self::Word]>, to: &mut [Self::Word]);
}

/// Floats of 32 bits, which are not converted.
pub(super) struct F32<V>(PhantomData<V>);

impl<V: Simd> Product for F32<V> {
    type Word = f32;
    type Row = V;
    type Columns = V;
    type Sum = V;
    type Float = V;

    const SHORT: bool = false;

    #[inline(always)]
    unsafe fn zero() -> V {
        // SAFETY: the caller guarantees the instructions.
        unsafe { V::splat(0.0) }
    }
    #[inline(always)]
    unsafe fn row(from: *const f32) -> V {
        // SAFETY: the caller guarantees the instructions, and the word.
        unsafe { V::splat(*from) }
    }
    #[inline(always)]
    unsafe fn columns(from: *const f32) -> V {
        // SAFETY: the caller guarantees the instructions, and the words.
        unsafe { V::load(from) }
    }
    #[inline(always)]
    unsafe fn multiply_add(row: V, columns: V, sum: V) -> V {
        // SAFETY: the caller guarantees the instructions.
        unsafe { row.mul_add(columns, sum) }
    }
}

impl<V: Simd> FloatProduct for F32<V> {
    const PER_WORD: usize = 1;

    #[inline(always)]
    unsafe fn pack(floats: &[f32], words: &mut [f32]) {
        words.copy_from_slice(floats);
    }
    #[inline(always)]
    unsafe fn store([first, second]: [V; 2], to: *mut f32) {
        // SAFETY: the caller guarantees the instructions, and the room.
        unsafe {
            first.store(to);
            second.store(to.add(V::LANES));
        }
    }
    #[inline(always)]
    fn by_column(row: &[f32], _: Option<&[f32]>, to: &mut [f32]) {
        to.copy_from_slice(row);
    }
}

/// The upper half of a float's bits, rounded to nearest, ties to even.
#[inline(always)]
fn bf16(float: f32) -> u32 {
    let bits = float.to_bits();
    // A NaN whose upper half has no bit of the mantissa would become an infinity.
    let quiet = bits >> 16 | 0x40;
    let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16;
    if float.is_nan() { quiet } else { rounded }
}

/// Packs rows of `inputs` floats into words of two bf16s, the first one in the lower half. The unused rest is 0.
#[inline(always)]
pub(super) fn bf16_words(rows: &[f32], inputs: usize) -> Vec<u32> {
    let mut words = Vec::with_capacity(rows.len() / inputs * inputs.div_ceil(2));
    for row in rows.chunks_exact(inputs) {
        let (pairs, last) = row.as_chunks::<2>();
        words.extend(pairs.iter().map(|&[first, second]| bf16(first) | bf16(second) << 16));
        words.extend(last.iter().map(|&last| bf16(last)));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bf16_is_the_nearest() {
        let back = |float| f32::from_bits(bf16(float) << 16);
        assert_eq!(back(1.0), 1.0);
        assert_eq!(back(-0.1), -0.100_097_656);
        // A value halfway between two is rounded to the even one.
        assert_eq!([back(1.003_906_3), back(1.011_718_8)], [1.0, 1.015_625]);
        assert_eq!([back(f32::INFINITY), back(3.4e38)], [f32::INFINITY; 2]);
        assert!(back(f32::from_bits(0x7f80_0001)).is_nan() && back(f32::from_bits(u32::MAX)).is_nan());
        assert_eq!(bf16_words(&[0.0, 1.0, 1.0, 2.0, 0.0, 0.0], 3), [0x3f80_0000, 0x3f80, 0x4000, 0]);
    }
}

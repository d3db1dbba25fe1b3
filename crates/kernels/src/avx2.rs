//! Eight floats at a time, with AVX2 and FMA: Intel since 2013, AMD since 2015.

use std::arch::x86_64::*;

use super::halves::HalvesProduct;
use super::linear::IntProduct;
use super::product::{F32, Product};
use super::simd::Simd;

impl Simd for __m256 {
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the caller guarantees the instructions, and the floats behind a pointer.
        unsafe { _mm256_set1_ps(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller guarantees the instructions, and the floats behind a pointer.
        unsafe { _mm256_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller guarantees the instructions, and the floats behind a pointer.
        unsafe { _mm256_storeu_ps(to, self) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the caller guarantees the instructions, and the floats behind a pointer.
        unsafe { _mm256_add_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: the caller guarantees the instructions, and the floats behind a pointer.
        unsafe { _mm256_sub_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        // SAFETY: the caller guarantees the instructions, and the floats behind a pointer.
        unsafe { _mm256_mul_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        // SAFETY: the caller guarantees the instructions, and the floats behind a pointer.
        unsafe { _mm256_div_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        // SAFETY: the caller guarantees the instructions, and the floats behind a pointer.
        unsafe { _mm256_fmadd_ps(self, factor, term) }
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        // SAFETY: the caller guarantees the instructions, and the floats behind a pointer.
        unsafe { _mm256_min_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        // SAFETY: the caller guarantees the instructions, and the floats behind a pointer.
        unsafe { _mm256_max_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn round(self) -> Self {
        // SAFETY: the caller guarantees the instructions, and the floats behind a pointer.
        unsafe { _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self) }
    }
    #[inline(always)]
    unsafe fn scale(self, n: Self) -> Self {
        // SAFETY: the caller guarantees the instructions.
        unsafe {
            // 2ⁿ by its bits: the exponent, biased, above the 23 bits of the mantissa.
            let biased = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
            _mm256_mul_ps(self, _mm256_castsi256_ps(_mm256_slli_epi32::<23>(biased)))
        }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        let mut lanes = [0.0; Self::LANES];
        // SAFETY: there is room for all lanes.
        unsafe { self.store(lanes.as_mut_ptr()) };
        lanes.iter().sum()
    }
    #[inline(always)]
    unsafe fn largest(self) -> f32 {
        let mut lanes = [0.0; Self::LANES];
        // SAFETY: there is room for all lanes.
        unsafe { self.store(lanes.as_mut_ptr()) };
        lanes.into_iter().fold(f32::NEG_INFINITY, f32::max)
    }
    #[inline(always)]
    unsafe fn smallest(self) -> f32 {
        let mut lanes = [0.0; Self::LANES];
        // SAFETY: there is room for all lanes.
        unsafe { self.store(lanes.as_mut_ptr()) };
        lanes.into_iter().fold(f32::INFINITY, f32::min)
    }
    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8) {
        // SAFETY: the caller guarantees the instructions, and the bytes behind the pointer.
        unsafe {
            let whole = _mm256_cvtps_epi32(self);
            let words = _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256::<1>(whole));
            _mm_storel_epi64(to.cast(), _mm_packus_epi16(words, words));
        }
    }
}

/// The products of four unsigned and four signed bytes, in each of eight lanes. The instruction that multiplies bytes
/// adds pairs in 16 bits, which can overflow. So even and odd bytes are widened and multiplied separately, which is
/// exact.
pub(super) struct MaddInt8;

impl Product for MaddInt8 {
    type Word = u32;
    type Row = [__m256i; 2];
    type Columns = [__m256i; 2];
    type Sum = __m256i;
    type Float = __m256;

    const SHORT: bool = true;

    #[inline(always)]
    unsafe fn zero() -> __m256i {
        // SAFETY: the caller guarantees the instructions.
        unsafe { _mm256_setzero_si256() }
    }
    #[inline(always)]
    unsafe fn row(from: *const u32) -> [__m256i; 2] {
        // SAFETY: the caller guarantees the instructions, and the word.
        unsafe {
            let bytes = _mm256_set1_epi32(*from as i32);
            [_mm256_and_si256(bytes, _mm256_set1_epi16(0xff)), _mm256_srli_epi16::<8>(bytes)]
        }
    }
    #[inline(always)]
    unsafe fn columns(from: *const u32) -> [__m256i; 2] {
        // SAFETY: the caller guarantees the instructions, and the words.
        unsafe {
            let bytes = _mm256_loadu_si256(from.cast());
            [_mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(bytes)), _mm256_srai_epi16::<8>(bytes)]
        }
    }
    #[inline(always)]
    unsafe fn multiply_add(row: [__m256i; 2], columns: [__m256i; 2], sum: __m256i) -> __m256i {
        // SAFETY: the caller guarantees the instructions.
        unsafe {
            let even = _mm256_madd_epi16(row[0], columns[0]);
            let odd = _mm256_madd_epi16(row[1], columns[1]);
            _mm256_add_epi32(sum, _mm256_add_epi32(even, odd))
        }
    }
}

impl IntProduct for MaddInt8 {
    #[inline(always)]
    unsafe fn to_float(sum: __m256i) -> __m256 {
        // SAFETY: the caller guarantees the instructions.
        unsafe { _mm256_cvtepi32_ps(sum) }
    }
    #[inline(always)]
    unsafe fn greater(sum: __m256i, bounds: *const i32) -> u16 {
        // SAFETY: the caller guarantees the instructions, and the numbers.
        unsafe {
            let greater = _mm256_cmpgt_epi32(sum, _mm256_loadu_si256(bounds.cast()));
            _mm256_movemask_ps(_mm256_castsi256_ps(greater)) as u16
        }
    }
}

impl HalvesProduct for MaddInt8 {
    #[inline(always)]
    unsafe fn sum(row: &[u8], factors: &[i8]) -> i32 {
        // SAFETY: the caller guarantees the instructions, and 64 bytes and 128 factors for each chunk.
        unsafe {
            let (mask, ones) = (_mm256_set1_epi8(15), _mm256_set1_epi16(1));
            // Two products of four and eight bits add up to far less than 16 bits hold.
            let product = |halves, at: usize| {
                _mm256_madd_epi16(
                    _mm256_maddubs_epi16(halves, _mm256_loadu_si256(factors.as_ptr().add(at).cast())),
                    ones,
                )
            };
            let mut sums = [_mm256_setzero_si256(); 2];
            for at in (0..row.len()).step_by(64) {
                for (part, sum) in sums.iter_mut().enumerate() {
                    let bytes = _mm256_loadu_si256(row.as_ptr().add(at + 32 * part).cast());
                    let lower = product(_mm256_and_si256(bytes, mask), 2 * at + 32 * part);
                    let upper = product(_mm256_and_si256(_mm256_srli_epi32::<4>(bytes), mask), 2 * at + 64 + 32 * part);
                    *sum = _mm256_add_epi32(*sum, _mm256_add_epi32(lower, upper));
                }
            }
            let sum = _mm256_add_epi32(sums[0], sums[1]);
            let sum = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum));
            let sum = _mm_add_epi32(sum, _mm_shuffle_epi32::<0b01_00_11_10>(sum));
            _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_shuffle_epi32::<0b10_11_00_01>(sum)))
        }
    }
}

super::instantiate!(add_layer_norm, __m256, "avx2,fma");
super::instantiate!(layer_norm, __m256, "avx2,fma");
super::instantiate!(activate, __m256, "avx2,fma");
super::instantiate!(gate, __m256, "avx2,fma");
super::instantiate!(are_finite, __m256, "avx2,fma");
super::instantiate!(quantize_rows, __m256, "avx2,fma");
super::instantiate!(linear linear_f32, F32<__m256>, Affine, rows 6, vectors 2, "avx2,fma");
super::instantiate!(linear linear_int8, MaddInt8, Dequantize, rows 4, vectors 2, "avx2,fma");
super::instantiate!(attention attention_f32, F32<__m256>, rows 6, vectors 2, head 2, "avx2,fma");
super::instantiate!(round_rows, __m256, "avx2,fma");
super::instantiate!(compare, __m256, "avx2,fma");
super::instantiate!(screen, MaddInt8, rows 4, vectors 2, "avx2,fma");
super::instantiate!(half_sums, MaddInt8, "avx2,fma");

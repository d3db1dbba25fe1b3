//! Sixteen floats at a time, with AVX-512: Intel servers since 2017, AMD since 2022.

use std::arch::x86_64::*;
use std::mem;

use super::gemm::{self, Sink, Strided};
use super::halves::HalvesProduct;
use super::linear::IntProduct;
use super::product::{F32, FloatProduct, Product, bf16_words};
use super::simd::Simd;
use super::tiles;

impl Simd for __m512 {
    const LANES: usize = 16;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the caller guarantees the instructions, and the floats behind a pointer.
        unsafe { _mm512_set1_ps(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller guarantees the instructions, and the floats behind a pointer.
        unsafe { _mm512_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller guarantees the instructions, and the floats behind a pointer.
        unsafe { _mm512_storeu_ps(to, self) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the caller guarantees the instructions, and the floats behind a pointer.
        unsafe { _mm512_add_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: the caller guarantees the instructions, and the floats behind a pointer.
        unsafe { _mm512_sub_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        // SAFETY: the caller guarantees the instructions, and the floats behind a pointer.
        unsafe { _mm512_mul_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        // SAFETY: the caller guarantees the instructions, and the floats behind a pointer.
        unsafe { _mm512_div_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        // SAFETY: the caller guarantees the instructions, and the floats behind a pointer.
        unsafe { _mm512_fmadd_ps(self, factor, term) }
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        // SAFETY: the caller guarantees the instructions, and the floats behind a pointer.
        unsafe { _mm512_min_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        // SAFETY: the caller guarantees the instructions, and the floats behind a pointer.
        unsafe { _mm512_max_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn round(self) -> Self {
        // SAFETY: the caller guarantees the instructions, and the floats behind a pointer.
        unsafe { _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self) }
    }
    #[inline(always)]
    unsafe fn scale(self, n: Self) -> Self {
        // SAFETY: the caller guarantees the instructions, and the floats behind a pointer.
        unsafe { _mm512_scalef_ps(self, n) }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        // SAFETY: the caller guarantees the instructions, and the floats behind a pointer.
        unsafe { _mm512_reduce_add_ps(self) }
    }
    #[inline(always)]
    unsafe fn largest(self) -> f32 {
        // SAFETY: the caller guarantees the instructions, and the floats behind a pointer.
        unsafe { _mm512_reduce_max_ps(self) }
    }
    #[inline(always)]
    unsafe fn smallest(self) -> f32 {
        // SAFETY: the caller guarantees the instructions.
        unsafe { _mm512_reduce_min_ps(self) }
    }
    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8) {
        // SAFETY: the caller guarantees the instructions, and the bytes behind the pointer.
        unsafe { _mm_storeu_si128(to.cast(), _mm512_cvtusepi32_epi8(_mm512_cvtps_epi32(self))) }
    }
    #[inline(always)]
    #[allow(clippy::needless_range_loop, reason = "loops that count to constants are unrolled, as in a tile")]
    unsafe fn transpose(from: *const f32, stride: usize, to: *mut f32, to_stride: usize) {
        // SAFETY: the caller guarantees the instructions, and the floats behind the pointers.
        unsafe {
            let (mut rows, mut other) = ([_mm512_setzero_ps(); 16], [_mm512_setzero_ps(); 16]);
            for row in 0..16 {
                rows[row] = _mm512_loadu_ps(from.add(row * stride));
            }
            // Pairs of rows, then fours: a quarter k of vector 4i + j is the column 4k + j of the rows from 4i on.
            for pair in 0..8 {
                let (even, odd) = (rows[2 * pair], rows[2 * pair + 1]);
                other[2 * pair] = _mm512_unpacklo_ps(even, odd);
                other[2 * pair + 1] = _mm512_unpackhi_ps(even, odd);
            }
            for four in (0..16).step_by(4) {
                let pairs = [_mm512_castps_pd(other[four]), _mm512_castps_pd(other[four + 2])];
                rows[four] = _mm512_castpd_ps(_mm512_unpacklo_pd(pairs[0], pairs[1]));
                rows[four + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(pairs[0], pairs[1]));
                let pairs = [_mm512_castps_pd(other[four + 1]), _mm512_castps_pd(other[four + 3])];
                rows[four + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(pairs[0], pairs[1]));
                rows[four + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(pairs[0], pairs[1]));
            }
            // The quarters of one column come together: first those with an even k and those with an odd one.
            const EVEN: i32 = 0b10_00_10_00;
            const ODD: i32 = 0b11_01_11_01;
            for j in 0..4 {
                let [upper, lower] = [(rows[j], rows[4 + j]), (rows[8 + j], rows[12 + j])];
                let even =
                    [_mm512_shuffle_f32x4::<EVEN>(upper.0, upper.1), _mm512_shuffle_f32x4::<EVEN>(lower.0, lower.1)];
                let odd =
                    [_mm512_shuffle_f32x4::<ODD>(upper.0, upper.1), _mm512_shuffle_f32x4::<ODD>(lower.0, lower.1)];
                let columns = [
                    _mm512_shuffle_f32x4::<EVEN>(even[0], even[1]),
                    _mm512_shuffle_f32x4::<EVEN>(odd[0], odd[1]),
                    _mm512_shuffle_f32x4::<ODD>(even[0], even[1]),
                    _mm512_shuffle_f32x4::<ODD>(odd[0], odd[1]),
                ];
                for k in 0..4 {
                    _mm512_storeu_ps(to.add((4 * k + j) * to_stride), columns[k]);
                }
            }
        }
    }
}

/// How a format computes a product that may be in tiles.
macro_rules! in_tiles_or_vectors {
    () => {
        const DEPTH: usize = if TILES { tiles::SIDE } else { 1 };

        #[inline(always)]
        unsafe fn product<const ROWS: usize, const VECTORS: usize>(
            rows: usize,
            a: Strided<'_, u32>,
            b: Strided<'_, u32>,
            depth: usize,
            to: &mut impl Sink<Self>,
        ) {
            const { assert!(!TILES || VECTORS * <__m512 as Simd>::LANES == tiles::COLUMNS) };
            // SAFETY: as for this function; the format has tiles only where they are available.
            unsafe {
                if TILES {
                    tiles::product::<Self>(rows, a, b, depth, to);
                } else {
                    gemm::product::<Self, ROWS, VECTORS>(rows, a, b, depth, to);
                }
            }
        }
    };
}

/// The products of two pairs of bf16s, in each of sixteen lanes: Intel servers since 2020, AMD since 2022.
pub(super) struct Bf16<const TILES: bool = false>;

impl<const TILES: bool> Product for Bf16<TILES> {
    type Word = u32;
    type Row = __m512bh;
    type Columns = __m512bh;
    type Sum = __m512;
    type Float = __m512;

    const SHORT: bool = true;
    in_tiles_or_vectors!();

    #[inline(always)]
    unsafe fn zero() -> __m512 {
        // SAFETY: the caller guarantees the instructions.
        unsafe { _mm512_setzero_ps() }
    }
    #[inline(always)]
    unsafe fn row(from: *const u32) -> __m512bh {
        // SAFETY: the caller guarantees the instructions, and the word; any bits are bf16s.
        unsafe { mem::transmute(_mm512_set1_epi32(*from as i32)) }
    }
    #[inline(always)]
    unsafe fn columns(from: *const u32) -> __m512bh {
        // SAFETY: the caller guarantees the instructions, and the words; any bits are bf16s.
        unsafe { mem::transmute(_mm512_loadu_si512(from.cast())) }
    }
    #[inline(always)]
    unsafe fn multiply_add(row: __m512bh, columns: __m512bh, sum: __m512) -> __m512 {
        // SAFETY: the caller guarantees the instructions.
        unsafe { _mm512_dpbf16_ps(sum, row, columns) }
    }
}

impl<const TILES: bool> FloatProduct for Bf16<TILES> {
    const PER_WORD: usize = 2;

    #[inline(always)]
    unsafe fn pack(floats: &[f32], words: &mut [u32]) {
        let whole = floats.len() / 32 * 16;
        for at in (0..whole).step_by(16) {
            let (from, to) = (floats[2 * at..][..32].as_ptr(), words[at..][..16].as_mut_ptr());
            // SAFETY: there are 32 floats and room for 16 words; the caller guarantees the instructions.
            unsafe { Self::store([_mm512_loadu_ps(from), _mm512_loadu_ps(from.add(16))], to) }
        }
        if whole < words.len() {
            words[whole..].copy_from_slice(&bf16_words(&floats[2 * whole..], floats.len() - 2 * whole));
        }
    }
    #[inline(always)]
    unsafe fn store([first, second]: [__m512; 2], to: *mut u32) {
        // SAFETY: the caller guarantees the instructions, and the room.
        unsafe {
            let pairs = _mm512_cvtne2ps_pbh(second, first);
            _mm512_storeu_si512(to.cast(), mem::transmute::<__m512bh, __m512i>(pairs));
        }
    }
    #[inline(always)]
    fn by_column(first: &[u32], second: Option<&[u32]>, to: &mut [u32]) {
        const LOWER: u32 = 0xffff;
        match second {
            Some(second) => {
                for ((first, second), to) in first.iter().zip(second).zip(to.as_chunks_mut::<2>().0) {
                    *to = [first & LOWER | second << 16, first >> 16 | second & !LOWER];
                }
            }
            None => {
                for (first, to) in first.iter().zip(to.as_chunks_mut::<2>().0) {
                    *to = [first & LOWER, first >> 16];
                }
            }
        }
    }
}

/// The products of four unsigned and four signed bytes, in each of sixteen lanes: Intel servers since 2019, AMD since
/// 2022.
pub(super) struct VnniInt8<const TILES: bool = false>;

impl<const TILES: bool> Product for VnniInt8<TILES> {
    type Word = u32;
    type Row = __m512i;
    type Columns = __m512i;
    type Sum = __m512i;
    type Float = __m512;

    const SHORT: bool = true;
    in_tiles_or_vectors!();

    #[inline(always)]
    unsafe fn zero() -> __m512i {
        // SAFETY: the caller guarantees the instructions.
        unsafe { _mm512_setzero_si512() }
    }
    #[inline(always)]
    unsafe fn row(from: *const u32) -> __m512i {
        // SAFETY: the caller guarantees the instructions, and the word.
        unsafe { _mm512_set1_epi32(*from as i32) }
    }
    #[inline(always)]
    unsafe fn columns(from: *const u32) -> __m512i {
        // SAFETY: the caller guarantees the instructions, and the words.
        unsafe { _mm512_loadu_si512(from.cast()) }
    }
    #[inline(always)]
    unsafe fn multiply_add(row: __m512i, columns: __m512i, sum: __m512i) -> __m512i {
        // SAFETY: the caller guarantees the instructions.
        unsafe { _mm512_dpbusd_epi32(sum, row, columns) }
    }
}

impl<const TILES: bool> IntProduct for VnniInt8<TILES> {
    #[inline(always)]
    unsafe fn to_float(sum: __m512i) -> __m512 {
        // SAFETY: the caller guarantees the instructions.
        unsafe { _mm512_cvtepi32_ps(sum) }
    }
    #[inline(always)]
    unsafe fn greater(sum: __m512i, bounds: *const i32) -> u16 {
        // SAFETY: the caller guarantees the instructions, and the numbers.
        unsafe { _mm512_cmpgt_epi32_mask(sum, _mm512_loadu_si512(bounds.cast())) }
    }
}

impl HalvesProduct for VnniInt8 {
    #[inline(always)]
    unsafe fn sum(row: &[u8], factors: &[i8]) -> i32 {
        // SAFETY: the caller guarantees the instructions, and 64 bytes and 128 factors for each chunk.
        unsafe {
            let mask = _mm512_set1_epi32(0x0f0f_0f0f);
            let (mut lower, mut upper) = (_mm512_setzero_si512(), _mm512_setzero_si512());
            for at in (0..row.len()).step_by(64) {
                let bytes = _mm512_loadu_si512(row.as_ptr().add(at).cast());
                let factors = factors.as_ptr().add(2 * at);
                let of_lower = _mm512_loadu_si512(factors.cast());
                let of_upper = _mm512_loadu_si512(factors.add(64).cast());
                lower = _mm512_dpbusd_epi32(lower, _mm512_and_si512(bytes, mask), of_lower);
                upper = _mm512_dpbusd_epi32(upper, _mm512_and_si512(_mm512_srli_epi32::<4>(bytes), mask), of_upper);
            }
            _mm512_reduce_add_epi32(_mm512_add_epi32(lower, upper))
        }
    }
}

super::instantiate!(add_layer_norm, __m512, "avx512f");
super::instantiate!(layer_norm, __m512, "avx512f");
super::instantiate!(activate, __m512, "avx512f");
super::instantiate!(gate, __m512, "avx512f");
super::instantiate!(are_finite, __m512, "avx512f");
super::instantiate!(pairs_are_finite, "avx512f");
super::instantiate!(quantize_rows, __m512, "avx512f");
super::instantiate!(linear linear_f32, F32<__m512>, Affine, rows 6, vectors 4, "avx512f");
super::instantiate!(linear linear_bf16, Bf16, Affine, rows 6, vectors 4, "avx512f,avx512bf16");
super::instantiate!(linear tiled_linear_bf16, Bf16<true>, Affine, rows 6, vectors 2, "avx512f,avx512bf16");
super::instantiate!(linear tiled_linear_int8, VnniInt8<true>, Dequantize, rows 6, vectors 2, "avx512f,avx512vnni");
super::instantiate!(attention tiled_attention_bf16, Bf16<true>, rows 6, vectors 2, head 2, "avx512f,avx512bf16");
super::instantiate!(linear linear_int8, VnniInt8, Dequantize, rows 6, vectors 4, "avx512f,avx512vnni");
super::instantiate!(attention attention_f32, F32<__m512>, rows 6, vectors 4, head 2, "avx512f");
super::instantiate!(attention attention_bf16, Bf16, rows 6, vectors 4, head 2, "avx512f,avx512bf16");
super::instantiate!(round_rows, __m512, "avx512f");
super::instantiate!(compare, __m512, "avx512f");
super::instantiate!(screen, VnniInt8, rows 6, vectors 4, "avx512f,avx512vnni");
super::instantiate!(words words_bf16, Bf16, "avx512f,avx512bf16");
super::instantiate!(half_sums, VnniInt8, "avx512f,avx512vnni");

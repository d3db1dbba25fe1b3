//! One float at a time, or four if the compiler chooses so. This works on every processor.

use std::array::from_fn;

use super::product::F32;
use super::simd::Simd;

impl Simd for f32 {
    const LANES: usize = 1;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        value
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller guarantees one float at the pointer.
        unsafe { *from }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller guarantees room for one float at the pointer.
        unsafe { *to = self }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self + other
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        self - other
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        self * other
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        self / other
    }
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        // `f32::mul_add` calls the C library if the processor may lack such an instruction.
        if cfg!(target_arch = "aarch64") { f32::mul_add(self, factor, term) } else { self * factor + term }
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        f32::min(self, other)
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        f32::max(self, other)
    }
    #[inline(always)]
    unsafe fn round(self) -> Self {
        // A float this large has no fraction, so adding it rounds. This is exact for numbers below 2²², and all numbers
        // that are rounded here are below it. `round_ties_even` is also a call into the C library.
        const LARGE: f32 = 12_582_912.0;
        self + LARGE - LARGE
    }
    #[inline(always)]
    unsafe fn scale(self, n: Self) -> Self {
        self * f32::from_bits(((n as i32 + 127) as u32) << 23)
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        self
    }
    #[inline(always)]
    unsafe fn largest(self) -> f32 {
        self
    }
    #[inline(always)]
    unsafe fn smallest(self) -> f32 {
        self
    }
    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8) {
        // SAFETY: the caller guarantees room for one byte at the pointer.
        unsafe { *to = Simd::round(self) as u8 }
    }
}

/// Four floats as an array. The compiler turns them into vectors on every processor that has vectors, such as x86-64
/// and ARM.
impl Simd for [f32; 4] {
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        [value; 4]
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller guarantees four floats at the pointer.
        unsafe { from.cast::<Self>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller guarantees room for four floats at the pointer.
        unsafe { to.cast::<Self>().write_unaligned(self) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        from_fn(|lane| self[lane] + other[lane])
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        from_fn(|lane| self[lane] - other[lane])
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        from_fn(|lane| self[lane] * other[lane])
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        from_fn(|lane| self[lane] / other[lane])
    }
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        // SAFETY: a float needs no instructions.
        from_fn(|lane| unsafe { Simd::mul_add(self[lane], factor[lane], term[lane]) })
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        from_fn(|lane| if self[lane] < other[lane] { self[lane] } else { other[lane] })
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        from_fn(|lane| if other[lane] > self[lane] { other[lane] } else { self[lane] })
    }
    #[inline(always)]
    unsafe fn round(self) -> Self {
        // SAFETY: a float needs no instructions.
        self.map(|value| unsafe { Simd::round(value) })
    }
    #[inline(always)]
    unsafe fn scale(self, n: Self) -> Self {
        // SAFETY: a float needs no instructions.
        from_fn(|lane| unsafe { Simd::scale(self[lane], n[lane]) })
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        self.iter().sum()
    }
    #[inline(always)]
    unsafe fn largest(self) -> f32 {
        self.into_iter().fold(f32::NEG_INFINITY, f32::max)
    }
    #[inline(always)]
    unsafe fn smallest(self) -> f32 {
        self.into_iter().fold(f32::INFINITY, f32::min)
    }
    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8) {
        // SAFETY: the caller guarantees room for four bytes at the pointer.
        unsafe { to.cast::<[u8; 4]>().write_unaligned(self.round().map(|value| value as u8)) }
    }
}

super::instantiate!(add_layer_norm, [f32; 4]);
super::instantiate!(layer_norm, [f32; 4]);
super::instantiate!(activate, [f32; 4]);
super::instantiate!(gate, [f32; 4]);
super::instantiate!(are_finite, [f32; 4]);
super::instantiate!(linear linear_f32, F32<[f32; 4]>, Affine, rows 2, vectors 4);
super::instantiate!(attention attention_f32, F32<[f32; 4]>, rows 2, vectors 4, head 4);
super::instantiate!(compare, [f32; 4]);

//! One float at a time: what every processor can, and what the other files are tested against.

use super::simd::Simd;

impl Simd for f32 {
    const LANES: usize = 1;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        value
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller owes one float at the pointer.
        unsafe { *from }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller owes room for one float at the pointer.
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
        // Not `f32::mul_add`, which is a call into the C library where the processor has no such instruction.
        self * factor + term
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
        self.round_ties_even()
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
}

super::instantiate!(f32, rows 2, vectors 8, head 8);

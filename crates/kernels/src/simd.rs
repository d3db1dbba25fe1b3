//! A vector of floats, as wide as the processor supports, so that each algorithm is written once.
//!
//! The functions of a vector type may be called only where its instructions are known to exist: inside the
//! `#[target_feature]` functions of its own file, which only [`super::Isa`] calls.

/// Floats that are computed together.
///
/// # Safety
/// Every function needs the type's instruction set on the processor that runs it. `load` and `store` need `LANES`
/// floats at the pointer; `store_bytes` needs `LANES` bytes; `transpose` needs `LANES` such rows at either pointer.
pub(super) trait Simd: Copy {
    /// The number of floats in a vector.
    const LANES: usize;

    /// A vector whose lanes are all `value`.
    unsafe fn splat(value: f32) -> Self;
    /// The floats at `from`, which needs no alignment.
    unsafe fn load(from: *const f32) -> Self;
    /// Writes the lanes to `to`, which needs no alignment.
    unsafe fn store(self, to: *mut f32);
    /// self + other
    unsafe fn add(self, other: Self) -> Self;
    /// self − other
    unsafe fn sub(self, other: Self) -> Self;
    /// self · other
    unsafe fn mul(self, other: Self) -> Self;
    /// self ÷ other
    unsafe fn div(self, other: Self) -> Self;
    /// self · factor + term. It is rounded only once if the processor supports this.
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self;
    /// The smaller number in each lane, and the lane of `other` where that of `self` is no number.
    unsafe fn min(self, other: Self) -> Self;
    /// The larger number in each lane.
    unsafe fn max(self, other: Self) -> Self;
    /// Rounds each lane to the nearest whole number.
    unsafe fn round(self) -> Self;
    /// self · 2ⁿ for whole n from −126 to 127.
    unsafe fn scale(self, n: Self) -> Self;
    /// The sum of the lanes.
    unsafe fn sum(self) -> f32;
    /// The largest lane.
    unsafe fn largest(self) -> f32;
    /// The smallest lane.
    unsafe fn smallest(self) -> f32;
    /// Writes each lane, rounded to a whole number from 0 to 255, to a byte at `to`.
    unsafe fn store_bytes(self, to: *mut u8);

    /// Writes `LANES` rows of `LANES` floats, which begin `stride` floats apart, as columns: row by row, `to_stride` floats
    /// apart. The bits of a float need not be those of a number.
    #[inline(always)]
    unsafe fn transpose(from: *const f32, stride: usize, to: *mut f32, to_stride: usize) {
        for row in 0..Self::LANES {
            for column in 0..Self::LANES {
                // SAFETY: the caller guarantees these rows.
                unsafe { *to.add(column * to_stride + row) = *from.add(row * stride + column) }
            }
        }
    }
}

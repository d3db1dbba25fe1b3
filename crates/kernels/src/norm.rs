//! Layer normalization, alone or with the residual that comes before it.

use super::LayerNorm;
use super::simd::Simd;

/// See [`super::Isa::add_layer_norm`].
///
/// # Safety
/// The processor has `V`'s instructions; the slices have the shapes that `Isa::add_layer_norm` checks.
#[inline(always)]
pub(super) unsafe fn add_layer_norm<V: Simd>(rows: &mut [f32], residual: &[f32], norm: &LayerNorm) {
    let dim = norm.weight.len();
    // The rest of a row that does not fill a vector is computed one float at a time, by the same functions.
    let whole = dim / V::LANES * V::LANES;
    for (row, residual) in rows.chunks_exact_mut(dim).zip(residual.chunks_exact(dim)) {
        let ((head, tail), (head_residual, tail_residual)) = (row.split_at_mut(whole), residual.split_at(whole));
        // SAFETY: as for this function; every part has whole vectors of its type.
        unsafe {
            let sum = add::<V>(head, head_residual) + add::<f32>(tail, tail_residual);
            normalize::<V>(head, tail, sum, norm);
        }
    }
}

/// See [`super::Isa::layer_norm`].
///
/// # Safety
/// The processor has `V`'s instructions; `rows` are whole rows.
#[inline(always)]
pub(super) unsafe fn layer_norm<V: Simd>(rows: &mut [f32], norm: &LayerNorm) {
    let dim = norm.weight.len();
    let whole = dim / V::LANES * V::LANES;
    for row in rows.chunks_exact_mut(dim) {
        let (head, tail) = row.split_at_mut(whole);
        // SAFETY: as for this function; every part has whole vectors of its type.
        unsafe {
            let sum = sum::<V>(head) + sum::<f32>(tail);
            normalize::<V>(head, tail, sum, norm);
        }
    }
}

/// Normalizes a row, given in its whole vectors and its rest, whose components add up to `sum`.
///
/// # Safety
/// The processor has `V`'s instructions; `head` has whole vectors.
#[inline(always)]
unsafe fn normalize<V: Simd>(head: &mut [f32], tail: &mut [f32], sum: f32, norm: &LayerNorm) {
    let (whole, dim) = (head.len(), norm.weight.len());
    let mean = sum / dim as f32;
    // SAFETY: as for this function; every part has whole vectors of its type.
    unsafe {
        let variance = (squares::<V>(head, mean) + squares::<f32>(tail, mean)) / dim as f32;
        let scale = 1.0 / (variance + norm.epsilon).sqrt();
        apply::<V>(head, mean, scale, &norm.weight[..whole], &norm.bias[..whole]);
        apply::<f32>(tail, mean, scale, &norm.weight[whole..], &norm.bias[whole..]);
    }
}

/// The sum of all components.
///
/// # Safety
/// The processor has `V`'s instructions; the slice has whole vectors.
#[inline(always)]
unsafe fn sum<V: Simd>(row: &[f32]) -> f32 {
    // SAFETY: as for this function.
    unsafe {
        let mut sum = V::splat(0.0);
        for at in (0..row.len()).step_by(V::LANES) {
            sum = sum.add(V::load(row.as_ptr().add(at)));
        }
        sum.sum()
    }
}

/// `row` += `residual`; returns the sum of all components.
///
/// # Safety
/// The processor has `V`'s instructions; the slices have the same length, of whole vectors.
#[inline(always)]
unsafe fn add<V: Simd>(row: &mut [f32], residual: &[f32]) -> f32 {
    // SAFETY: as for this function.
    unsafe {
        let mut sum = V::splat(0.0);
        for at in (0..row.len()).step_by(V::LANES) {
            let value = V::load(row.as_ptr().add(at)).add(V::load(residual.as_ptr().add(at)));
            value.store(row.as_mut_ptr().add(at));
            sum = sum.add(value);
        }
        sum.sum()
    }
}

/// The sum of (x − mean)².
///
/// # Safety
/// The processor has `V`'s instructions; the slice has whole vectors.
#[inline(always)]
unsafe fn squares<V: Simd>(row: &[f32], mean: f32) -> f32 {
    // SAFETY: as for this function.
    unsafe {
        let mut sum = V::splat(0.0);
        for at in (0..row.len()).step_by(V::LANES) {
            let difference = V::load(row.as_ptr().add(at)).sub(V::splat(mean));
            sum = difference.mul_add(difference, sum);
        }
        sum.sum()
    }
}

/// x = (x − mean) · scale · weight + bias
///
/// # Safety
/// The processor has `V`'s instructions; the slices have the same length, of whole vectors.
#[inline(always)]
unsafe fn apply<V: Simd>(row: &mut [f32], mean: f32, scale: f32, weight: &[f32], bias: &[f32]) {
    // SAFETY: as for this function.
    unsafe {
        for at in (0..row.len()).step_by(V::LANES) {
            let normal = V::load(row.as_ptr().add(at)).sub(V::splat(mean)).mul(V::splat(scale));
            let value = normal.mul_add(V::load(weight.as_ptr().add(at)), V::load(bias.as_ptr().add(at)));
            value.store(row.as_mut_ptr().add(at));
        }
    }
}

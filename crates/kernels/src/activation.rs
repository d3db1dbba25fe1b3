//! The functions between the halves of a feed-forward network.

use super::math;
use super::simd::Simd;

/// The function that is applied to a linear layer's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// No function.
    None,
    /// x·Φ(x), by the error function.
    Gelu,
    /// The approximation of GELU with tanh.
    GeluTanh,
    /// max(x, 0)
    Relu,
    /// x·σ(x), with the logistic function σ.
    Silu,
}

impl Activation {
    /// Whether a product applies it to its sums. The others are applied to the floats that a product has stored: each
    /// function more would make every product longer.
    pub fn is_within_product(self) -> bool {
        matches!(self, Self::None | Self::Gelu)
    }

    /// # Safety
    /// The processor has `V`'s instructions.
    #[inline(always)]
    unsafe fn of<V: Simd>(self, x: V) -> V {
        // SAFETY: the caller guarantees the instructions.
        unsafe {
            match self {
                Self::None => x,
                Self::Gelu => math::gelu(x),
                Self::GeluTanh => math::gelu_tanh(x),
                Self::Relu => math::relu(x),
                Self::Silu => math::silu(x),
            }
        }
    }
}

/// See [`super::Isa::activate`].
///
/// # Safety
/// The processor has `V`'s instructions.
#[inline(always)]
pub(super) unsafe fn activate<V: Simd>(activation: Activation, values: &mut [f32]) {
    let (head, tail) = values.split_at_mut(values.len() / V::LANES * V::LANES);
    // SAFETY: as for this function; every part has whole vectors of its type.
    unsafe {
        activate_whole::<V>(activation, head);
        activate_whole::<f32>(activation, tail);
    }
}

/// # Safety
/// The processor has `V`'s instructions; `values` are whole vectors.
#[inline(always)]
unsafe fn activate_whole<V: Simd>(activation: Activation, values: &mut [f32]) {
    for vector in values.chunks_exact_mut(V::LANES) {
        // SAFETY: as for this function.
        unsafe { activation.of(V::load(vector.as_ptr())).store(vector.as_mut_ptr()) }
    }
}

/// See [`super::Isa::gate`].
///
/// # Safety
/// The processor has `V`'s instructions; the slices have the shapes that `Isa::gate` checks.
#[inline(always)]
pub(super) unsafe fn gate<V: Simd>(activation: Activation, pairs: &[f32], width: usize, out: &mut [f32]) {
    let whole = width / V::LANES * V::LANES;
    for (pair, out) in pairs.chunks_exact(2 * width).zip(out.chunks_exact_mut(width)) {
        let ((gates, values), (head, tail)) = (pair.split_at(width), out.split_at_mut(whole));
        // SAFETY: as for this function; every part has whole vectors of its type.
        unsafe {
            gate_whole::<V>(activation, &gates[..whole], &values[..whole], head);
            gate_whole::<f32>(activation, &gates[whole..], &values[whole..], tail);
        }
    }
}

/// # Safety
/// The processor has `V`'s instructions; the slices have the same number of whole vectors.
#[inline(always)]
unsafe fn gate_whole<V: Simd>(activation: Activation, gates: &[f32], values: &[f32], out: &mut [f32]) {
    let vectors = gates.chunks_exact(V::LANES).zip(values.chunks_exact(V::LANES));
    for ((gate, value), out) in vectors.zip(out.chunks_exact_mut(V::LANES)) {
        // SAFETY: as for this function.
        unsafe { activation.of(V::load(gate.as_ptr())).mul(V::load(value.as_ptr())).store(out.as_mut_ptr()) }
    }
}

//! What attention knows of the distance of two tokens, as tensors for texts of one length.

use candle_core::{DType, Device, Result, Tensor};

use crate::backend::positions::{DistanceBias, angles};

impl DistanceBias {
    /// The bias of each query and key of texts with this many tokens, `[1, heads, tokens, tokens]`.
    pub(super) fn of(&self, tokens: usize, device: &Device, dtype: DType) -> Result<Tensor> {
        let width = 2 * self.farthest + 1;
        let row = |head: &[f32], query: usize| head[self.farthest - query..][..tokens].to_vec();
        let rows = self.values.chunks_exact(width).flat_map(|head| (0..tokens).flat_map(move |query| row(head, query)));
        let heads = self.values.len() / width;
        Tensor::from_vec(rows.collect(), (1, heads, tokens, tokens), device)?.to_dtype(dtype)
    }
}

/// A mask that leaves the keys of at most this distance, `[1, 1, tokens, tokens]`: 0 for these, −∞ for the others.
pub(super) fn window(distance: usize, tokens: usize, device: &Device, dtype: DType) -> Result<Tensor> {
    let seen = |query: usize, key: usize| if query.abs_diff(key) <= distance { 0.0 } else { f32::NEG_INFINITY };
    let mask = (0..tokens).flat_map(|query| (0..tokens).map(move |key| seen(query, key))).collect();
    Tensor::from_vec(mask, (1, 1, tokens, tokens), device)?.to_dtype(dtype)
}

/// The cosines and sines of the angles of each position, `[tokens, head_dim / 2]` both.
pub(super) fn rotations(base: f64, tokens: usize, head_dim: usize, to: &Tensor) -> Result<(Tensor, Tensor)> {
    let half = head_dim / 2;
    let of = |function: fn(f64) -> f64| {
        let values = (0..tokens).flat_map(|position| angles(base, half, position)).map(|angle| function(angle) as f32);
        Tensor::from_vec(values.collect(), (tokens, half), to.device())?.to_dtype(to.dtype())
    };
    Ok((of(f64::cos)?, of(f64::sin)?))
}

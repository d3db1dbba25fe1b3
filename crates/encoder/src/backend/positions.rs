//! What the position of a token means, for every backend.

use crate::architecture::{PositionSpec, Transformer};
use crate::error::EncoderError;
use crate::model::Weights;

/// What distances add to scores.
pub(super) struct DistanceBias {
    /// `[heads, 2 · farthest + 1]`, for key − query from −farthest to farthest.
    pub(super) values: Vec<f32>,
    /// The largest distance.
    pub(super) farthest: usize,
}

impl DistanceBias {
    /// Reads the network's table, if it has one.
    ///
    /// # Errors
    /// There is no such tensor, it has another number of values, or one of them is not finite.
    pub(super) fn load(weights: &Weights, network: &Transformer) -> Result<Option<Self>, EncoderError> {
        let (Some(spec), heads) = (&network.relative_bias, network.heads) else { return Ok(None) };
        let table = weights.get_finite(&spec.name, spec.buckets * heads)?;
        let farthest = network.max_tokens as isize - 1;
        let buckets: Vec<usize> = (-farthest..=farthest).map(|distance| spec.bucket(distance)).collect();
        let of_head = |head: usize| buckets.iter().map(move |bucket| bucket * heads + head);
        let values = (0..heads).flat_map(of_head).map(|at| table[at]).collect();
        Ok(Some(Self { values, farthest: farthest as usize }))
    }
}

/// The angles by which a token at this position is rotated (Su et al. 2021): position · base^(−i / half) for i below `half`,
/// half of a head's components.
pub(super) fn angles(base: f64, half: usize, position: usize) -> impl Iterator<Item = f64> {
    (0..half).map(move |index| position as f64 * base.powf(-(index as f64) / half as f64))
}

impl PositionSpec {
    /// The row of the table of positions for each token of a text.
    pub(super) fn rows<'a>(&self, ids: &'a [u32]) -> impl Iterator<Item = usize> + use<'a> {
        let padding = self.padding;
        let mut next = padding.map_or(0, |padding| padding as usize + 1);
        ids.iter().map(move |&id| match padding {
            Some(padding) if id == padding => padding as usize,
            _ => {
                next += 1;
                next - 1
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::{RelativeBiasSpec, TableSpec};

    #[test]
    fn positions_after_a_padding_token_count_every_other_token() {
        let rows = |padding, ids: &[u32]| -> Vec<usize> {
            let table = TableSpec { name: "x".into(), rows: 9 };
            PositionSpec { table, padding }.rows(ids).collect()
        };
        assert_eq!(rows(None, &[7, 1, 7]), [0, 1, 2]);
        assert_eq!(rows(Some(1), &[7, 1, 7, 7]), [2, 1, 3, 4]);
    }

    /// The expected numbers are those of `MPNetEncoder.relative_position_bucket` in transformers 5.24.
    #[test]
    fn buckets_are_narrow_near_a_token_and_wide_far_from_it() {
        let spec = RelativeBiasSpec { name: "x".into(), buckets: 32 };
        let buckets = |distances: &[isize]| -> Vec<usize> { distances.iter().map(|&at| spec.bucket(at)).collect() };
        assert_eq!(buckets(&[0, -1, -7, -8, -11, -12, -15, -16]), [0, 1, 7, 8, 8, 9, 9, 10]);
        assert_eq!(
            buckets(&[1, 7, 8, 16, 22, 23, 31, 32, 63, 64, 90, 91, 128, 511]),
            [17, 23, 24, 26, 26, 27, 27, 28, 29, 30, 30, 31, 31, 31]
        );
    }
}

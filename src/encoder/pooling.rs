//! A text's token vectors into one, and its length to 1.

use crate::model::Pooling;

/// Pools the token vectors of one text, `tokens` of shape `[n, out.len()]`, n ≥ 1, into `out`.
///
/// Only the text's own tokens are given, so the mean over them is the mean over the attention mask that the reference
/// takes (sentence-transformers, `Pooling.py`).
///
/// # Panics
/// For [`Pooling::None`], which makes no single vector.
pub fn pool(tokens: &[f32], pooling: Pooling, out: &mut [f32]) {
    let mut rows = tokens.chunks_exact(out.len());
    let count = rows.len();
    out.copy_from_slice(rows.next().unwrap_or_default());
    match pooling {
        Pooling::Cls => {}
        Pooling::Max => {
            for row in rows {
                out.iter_mut().zip(row).for_each(|(most, &value)| *most = most.max(value));
            }
        }
        Pooling::Mean => {
            for row in rows {
                out.iter_mut().zip(row).for_each(|(sum, &value)| *sum += value);
            }
            out.iter_mut().for_each(|sum| *sum /= count as f32);
        }
        Pooling::None => panic!("token vectors are not pooled"),
    }
}

/// Scales `vector` to length 1; one of length 0 stays as it is.
///
/// The length is at least 10⁻¹², as in torch's `normalize`.
pub fn normalize(vector: &mut [f32]) {
    let squares: f64 = vector.iter().map(|&value| f64::from(value) * f64::from(value)).sum();
    let length = squares.sqrt().max(1e-12);
    vector.iter_mut().for_each(|value| *value = (f64::from(*value) / length) as f32);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pooling_is_what_its_name_says() {
        let tokens = [1.0, -2.0, 3.0, 4.0, 5.0, -6.0];
        let pooled = |pooling| {
            let mut out = [0.0; 2];
            pool(&tokens, pooling, &mut out);
            out
        };
        assert_eq!(pooled(Pooling::Mean), [3.0, -4.0 / 3.0]);
        assert_eq!(pooled(Pooling::Cls), [1.0, -2.0]);
        assert_eq!(pooled(Pooling::Max), [5.0, 4.0]);
    }

    #[test]
    fn a_normalized_vector_has_length_one_and_zero_stays_zero() {
        let mut vector = [3.0, 4.0];
        normalize(&mut vector);
        assert_eq!(vector, [0.6, 0.8]);
        let mut zero = [0.0; 3];
        normalize(&mut zero);
        assert_eq!(zero, [0.0; 3]);
    }
}

//! Turns a text's token vectors into its one vector.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How a text's token vectors become one vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// The mean of the token vectors.
    Mean,
    /// The vector of the first token, `[CLS]`.
    Cls,
    /// The largest value of each component.
    Max,
    /// The vector of the last token.
    Last,
    /// No pooling: one vector for each token.
    None,
}

impl Pooling {
    /// All kinds, in the order of the documentation.
    pub const ALL: [Self; 5] = [Self::Mean, Self::Cls, Self::Max, Self::Last, Self::None];

    /// The name of the pooling in options and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Cls => "cls",
            Self::Max => "max",
            Self::Last => "last",
            Self::None => "none",
        }
    }
}

impl fmt::Display for Pooling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Pooling {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|pooling| pooling.as_str() == word).ok_or_else(|| format!("no pooling {word:?}"))
    }
}

/// How a text's token vectors become its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// How the token vectors become one vector.
    pub pooling: Pooling,
    /// How many components of a vector are kept, from the first on.
    pub dim: usize,
    /// Whether a text's vector is scaled to length 1. Without pooling, token vectors keep the length that the model gives
    /// them.
    pub normalized: bool,
}

impl Output {
    /// The number of rows for a text with this many tokens: one, or one for each token.
    pub fn rows(&self, tokens: usize) -> usize {
        if self.pooling == Pooling::None { tokens } else { 1 }
    }

    /// Writes a text's rows, `[rows, dim]`, from its token vectors, `[tokens, width]`.
    pub fn write(&self, tokens: &[f32], width: usize, out: &mut [f32]) {
        if self.pooling == Pooling::None {
            for (token, row) in tokens.chunks_exact(width).zip(out.chunks_exact_mut(self.dim)) {
                row.copy_from_slice(&token[..self.dim]);
            }
            return;
        }
        pool(tokens, width, self.pooling, out);
        self.finish(out);
    }

    /// Scales a text's vector to length 1, if it is to be scaled.
    pub(crate) fn finish(&self, vector: &mut [f32]) {
        if self.normalized && self.pooling != Pooling::None {
            normalize(vector);
        }
    }
}

/// Pools the token vectors of one text, `[n, width]` with n ≥ 1, into `out`. Only the first components of each vector
/// are used, as many as `out` has.
///
/// `tokens` has no padding, so the mean over it is the mean over the attention mask in the reference implementation
/// (sentence-transformers, `Pooling.py`).
///
/// # Panics
/// For [`Pooling::None`], which does not make a single vector.
pub fn pool(tokens: &[f32], width: usize, pooling: Pooling, out: &mut [f32]) {
    let mut rows = tokens.chunks_exact(width);
    let count = rows.len();
    out.copy_from_slice(&rows.next().unwrap_or_default()[..out.len()]);
    match pooling {
        Pooling::Cls => {}
        Pooling::Last => {
            if let Some(last) = rows.last() {
                out.copy_from_slice(&last[..out.len()]);
            }
        }
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

/// Scales `vector` to length 1. A vector of length 0 stays as it is.
///
/// The vector is divided by at least 10⁻¹², as in torch's `normalize`.
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
            pool(&tokens, 2, pooling, &mut out);
            out
        };
        assert_eq!(pooled(Pooling::Mean), [3.0, -4.0 / 3.0]);
        assert_eq!(pooled(Pooling::Cls), [1.0, -2.0]);
        assert_eq!(pooled(Pooling::Max), [5.0, 4.0]);
        assert_eq!(pooled(Pooling::Last), [5.0, -6.0]);
    }

    #[test]
    fn components_are_cut_before_the_length_is_made_one() {
        let tokens = [2.0, -4.0, 9.0, 4.0, -4.0, 9.0];
        let written = |pooling, normalized, rows: usize| {
            let mut out = vec![0.0; rows * 2];
            Output { pooling, dim: 2, normalized }.write(&tokens, 3, &mut out);
            out
        };
        assert_eq!(written(Pooling::Mean, true, 1), [0.6, -0.8]);
        assert_eq!(written(Pooling::Mean, false, 1), [3.0, -4.0]);
        assert_eq!(written(Pooling::None, true, 2), [2.0, -4.0, 4.0, -4.0]);
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

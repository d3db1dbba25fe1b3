//! Models without layers: a text's vector is the mean of its tokens' vectors (van Dongen and Tulkens 2024, *Model2Vec*).

use super::device::Precision;
use super::encoder::{Encoder, check_finite, check_words};
use crate::architecture::StaticTable;
use crate::error::EncoderError;
use crate::model::{Floats, ModelFiles, RaggedIds, Weights};
use crate::pooling::{Output, Pooling};
use crate::vectors::Vectors;

/// Tokens of a batch: few enough that a stop is soon noticed.
const BATCH_TOKENS: usize = 1 << 16;

/// The optional tensor with the row of each token. Without it, a token's row is its number.
const MAPPING: &str = "mapping";

/// The optional tensor with the factor of each token.
const FACTORS: &str = "weights";

/// A table of tokens' vectors.
pub struct StaticEncoder {
    weights: Weights,
    /// `[rows, dim]`
    table: Floats,
    rows: usize,
    dim: usize,
    /// The row of each token.
    mapping: Option<Floats>,
    /// The factor of each token.
    factors: Option<Floats>,
}

impl StaticEncoder {
    /// Maps the model's table.
    ///
    /// # Errors
    /// The weights are missing, damaged, or have no such table.
    pub fn load(model: &ModelFiles) -> Result<Self, EncoderError> {
        let weights = Weights::open_static(model)?;
        let (name, rows, dim) = match weights.first(&StaticTable::NAMES) {
            Some((name, &[rows, dim])) if rows > 0 && dim > 0 => (name, rows, dim),
            _ => return Err(weights.wrong(format!("there is no table {}", StaticTable::NAMES.join(" or ")))),
        };
        let table = weights.get(name, rows * dim)?;
        let of_tokens = |name: &'static str| match weights.first(&[name]) {
            Some((name, &[tokens])) => weights.get_finite(name, tokens).map(Some),
            Some(_) => Err(weights.wrong(format!("{name} has not one value for each token"))),
            None => Ok(None),
        };
        let (mapping, factors) = (of_tokens(MAPPING)?, of_tokens(FACTORS)?);
        let is_outside = |row: &&f32| **row < 0.0 || **row as usize >= rows;
        if let Some(row) = mapping.iter().flat_map(|rows| rows.iter()).find(is_outside) {
            return Err(weights.wrong(format!("{MAPPING} names row {row}, and the table has {rows}")));
        }
        Ok(Self { table, rows, dim, mapping, factors, weights })
    }

    /// The number of tokens that have a vector.
    fn tokens(&self) -> usize {
        let tables = [&self.mapping, &self.factors].into_iter().flatten().map(|table| table.len());
        tables.min().unwrap_or(self.rows)
    }

    /// A token's components, up to the number `dim`.
    fn row(&self, token: u32, dim: usize) -> impl Iterator<Item = f32> {
        let token = token as usize;
        let row = self.mapping.as_ref().map_or(token, |rows| rows[token] as usize);
        let factor = self.factors.as_ref().map_or(1.0, |factors| factors[token]);
        self.table[row * self.dim..][..dim].iter().map(move |value| value * factor)
    }

    /// The vectors of these tokens, `[tokens, dim]`.
    fn rows(&self, tokens: &[u32], dim: usize) -> Vec<f32> {
        tokens.iter().flat_map(|&token| self.row(token, dim)).collect()
    }
}

impl Encoder for StaticEncoder {
    fn dim(&self) -> usize {
        self.dim
    }

    /// A text without tokens has the vector 0.
    fn encode(&self, ids: &RaggedIds, output: &Output) -> Result<Vectors, EncoderError> {
        check_words(ids.iter().flatten(), self.tokens())?;
        let mut vectors = Vectors::zeros(ids.iter().map(|text| output.rows(text.len())).sum(), output.dim);
        let mut first = 0;
        for text in ids.iter() {
            let rows = output.rows(text.len());
            let out = vectors.rows_mut(first, first + rows);
            if output.pooling == Pooling::Mean {
                for (sum, value) in text.iter().flat_map(|&token| self.row(token, output.dim).enumerate()) {
                    out[sum] += value;
                }
                out.iter_mut().for_each(|sum| *sum /= text.len().max(1) as f32);
                output.finish(out);
            } else if !text.is_empty() {
                output.write(&self.rows(text, output.dim), output.dim, out);
            }
            first += rows;
        }
        check_finite(vectors.as_slice(), &self.weights, || self.describe(), "")?;
        Ok(vectors)
    }

    fn word_vectors(&self, ids: &[u32]) -> Result<Vectors, EncoderError> {
        check_words(ids.iter(), self.tokens())?;
        Ok(Vectors::new(self.rows(ids, self.dim), self.dim))
    }

    fn batch_tokens(&self) -> usize {
        BATCH_TOKENS
    }

    fn precision(&self) -> Precision {
        Precision::F32
    }

    fn describe(&self) -> String {
        "cpu, a table of tokens".into()
    }
}

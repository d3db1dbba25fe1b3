//! The result of embedding texts.

use std::ops::Range;

use crate::model::{RaggedIds, Tokenized};
use crate::pooling::Pooling;
use crate::vectors::Vectors;

/// Texts' vectors and tokens.
#[derive(Clone, Debug)]
pub struct Embedded {
    /// `[texts, dim]`. With [`Pooling::None`] it is `[tokens, dim]`, and a text's rows have the positions of its token
    /// ids.
    pub vectors: Vectors,
    /// The tokens from which the vectors were computed.
    pub tokenized: Tokenized,
}

impl Embedded {
    /// The rows of `vectors` that belong to text `index`.
    pub fn rows(&self, index: usize, pooling: Pooling) -> &[f32] {
        let rows = rows(&self.tokenized.ids, pooling, index);
        self.vectors.rows(rows.start, rows.end)
    }
}

/// The rows of text `index`: one, or one for each token.
pub(super) fn rows(ids: &RaggedIds, pooling: Pooling, index: usize) -> Range<usize> {
    if pooling == Pooling::None { ids.range(index) } else { index..index + 1 }
}

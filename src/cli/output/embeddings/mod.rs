//! Texts with their vectors, in each of their formats.

mod jsonl;
mod matrix;
mod parquet;
mod writer;

pub(crate) use writer::{Destination, EmbeddedPassage, EmbeddingFormat, EmbeddingWriter};

/// The formats, the usual one first.
pub(crate) const EMBEDDING_FORMATS: &[EmbeddingFormat] =
    &[jsonl::FORMAT, matrix::NPY, matrix::SAFETENSORS, parquet::FORMAT];

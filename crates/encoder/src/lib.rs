//! Sentence embeddings: a model's files in, vectors of texts out.
//!
//! [`model`] reads the files, [`embedder`] makes vectors of texts by way of an [`encoder`]. Where a model comes from is left
//! to others: what is needed here is its directory.

pub mod embedder;
pub mod encoder;
mod error;
pub mod model;

pub use error::EncoderError;

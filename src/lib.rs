//! Semantic search: texts are turned into vectors by a BERT model, kept in an index, and found by meaning.

pub mod corpus;
pub mod embedder;
pub mod encoder;
pub mod error;
pub mod index;
pub mod model;

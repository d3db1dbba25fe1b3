//! What writes texts with their vectors.

use std::fs::File;
use std::path::Path;

use semsearch::corpus::Document;
use semsearch::engine::Piece;
use semsearch::error::CorpusError;
use serde_json::{Map, Value};

use crate::cli::output::format::OutputFormat;

/// A passage with its vector.
pub(crate) struct EmbeddedPassage<'a> {
    /// The fields of its record, as they were read.
    pub(crate) fields: &'a Map<String, Value>,
    pub(crate) document: &'a Document,
    pub(crate) piece: &'a Piece,
    /// The tokens, if each token has a vector.
    pub(crate) tokens: Option<Vec<String>>,
    /// The vector, or a row of `dim` components for each token.
    pub(crate) embedding: &'a [f32],
    /// Components of a vector.
    pub(crate) dim: usize,
}

/// Writes passages with their vectors.
pub(crate) trait EmbeddingWriter {
    /// Writes passages in their order.
    fn write(&mut self, passages: &mut dyn Iterator<Item = EmbeddedPassage<'_>>) -> anyhow::Result<()>;

    /// Ends the output.
    fn finish(self: Box<Self>) -> anyhow::Result<()>;
}

/// Where passages are written to.
#[derive(Clone, Copy)]
pub(crate) enum Destination<'a> {
    Stdout,
    /// An open, empty file, and what messages call it.
    File(&'a File, &'a Path),
}

/// A format of passages with their vectors.
pub(crate) type EmbeddingFormat = OutputFormat<EmbeddingOutput>;

/// How such a format is written.
#[derive(Clone, Debug)]
pub(crate) struct EmbeddingOutput {
    /// Extensions of its files, in lower case.
    pub(crate) extensions: &'static [&'static str],
    /// Whether it holds a vector for each token.
    pub(crate) holds_tokens: bool,
    /// Fails if this build of the program does not have the format.
    pub(crate) check_built_in: fn() -> Result<(), CorpusError>,
    /// Fails with the reason if the format cannot go to standard output.
    pub(crate) check_stdout: fn(is_terminal: bool) -> Result<(), &'static str>,
    /// Begins the output, for vectors of the given number of components.
    pub(crate) open: for<'a> fn(Destination<'a>, usize) -> anyhow::Result<Box<dyn EmbeddingWriter + 'a>>,
}

//! Standard output and files of results: each format in a file of its own, named in a table.
//!
//! A format takes results and a plain struct that says how they are to look. It knows neither flags nor commands. To add one:
//! write its file, and add its line to the table of its kind.

mod documents;
mod embeddings;
mod evaluations;
mod format;
mod hits;
mod line;
mod matrices;
mod stdout;

pub(super) use documents::{DOCUMENT_FORMATS, DocumentFormat, LIST_FORMATS, ListFormat};
pub(super) use embeddings::{Destination, EMBEDDING_FORMATS, EmbeddedPassage, EmbeddingFormat, EmbeddingWriter};
pub(super) use evaluations::{EVALUATION_FORMATS, EvaluationFormat, Measured, OtherRun, Sweep};
pub(super) use format::OutputFormat;
pub(super) use hits::{Answer, HIT_FORMATS, Here, Highlight, HitFormat, HitOutput, PATHS, Presentation};
pub(super) use matrices::{MATRIX_FORMATS, MatrixFormat, Similarities};
pub(super) use stdout::{STDOUT, json, raw};

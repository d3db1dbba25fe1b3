//! Arguments of `embed`.

use std::path::PathBuf;

use clap::ValueHint;

use super::encoding::EncodingArgs;
use super::records::RecordsArgs;
use super::value::one_of;
use crate::cli::output::{EMBEDDING_FORMATS, EmbeddingFormat};

/// Turn texts into vectors.
///
/// Each input record comes back as a line of JSON with an "embedding" added, in the order of the input. With
/// `--pooling none` that is a matrix, a row for each of its "tokens", as the model gives them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  semsearch embed corpus.jsonl > embedded.jsonl
  semsearch embed corpus.jsonl --output vectors.npy
  semsearch embed corpus.jsonl --output vectors.parquet
  echo \"I took my dog for a walk\" | semsearch embed --lines")]
pub(crate) struct EmbedArgs {
    /// Files of records, or - for standard input
    #[arg(value_name = "INPUT", value_hint = ValueHint::FilePath)]
    pub(crate) inputs: Vec<PathBuf>,
    /// Every line of the input is a text
    #[arg(long, conflicts_with_all = ["format", "id_field", "text_field", "title_field"])]
    pub(crate) lines: bool,
    /// Write here instead of to standard output; the file appears when it is complete
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// Output format [default: by the extension of the output file, else jsonl]
    #[arg(long, value_name = "FORMAT", value_parser = one_of(EMBEDDING_FORMATS))]
    pub(crate) output_format: Option<&'static EmbeddingFormat>,
    #[command(flatten)]
    pub(crate) records: RecordsArgs,
    #[command(flatten)]
    pub(crate) encoding: EncodingArgs,
}

//! Arguments of `sim`.

use std::path::PathBuf;

use clap::ValueHint;

use super::encoding::EncodingArgs;
use super::value::{one_of, svg};
use crate::cli::output::{MATRIX_FORMATS, MatrixFormat};

/// Compare texts with one another.
///
/// Prints the cosine of each pair, as a heat map on a terminal.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  semsearch sim \"I took my dog for a walk\" \"Today is going to rain\" \"I took my cat for a walk\"
  semsearch sim --lines sentences.txt --svg similar.svg")]
pub(crate) struct SimArgs {
    /// Two texts or more; without any, the lines of standard input
    #[arg(value_name = "TEXT", conflicts_with = "lines")]
    pub(crate) texts: Vec<String>,
    /// A file of texts, one a line, or - for standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) lines: Option<PathBuf>,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "text", value_parser = one_of(MATRIX_FORMATS))]
    pub(crate) format: &'static MatrixFormat,
    /// Draw the matrix into this file, too
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = svg)]
    pub(crate) svg: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) encoding: EncodingArgs,
}

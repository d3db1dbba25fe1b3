//! Arguments of `info` and `export`.

use std::path::PathBuf;

use clap::ValueHint;
use semsearch::kernels::Isa;

/// Say what an index holds.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  semsearch info
  semsearch info --json | jq .documents")]
pub(crate) struct InfoArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// The instruction set whose precisions are shown [default: the best of this processor]
    #[arg(long, hide_short_help = true, value_name = "ISA", env = "SEMSEARCH_ISA", hide_env = true)]
    pub(crate) isa: Option<Isa>,
}

/// Take vectors and documents out of an index.
///
/// Rows and documents come in the order in which they were indexed. A directory gets `index.faiss`, for Python's
/// `faiss.read_index`, and `documents.jsonl`, whose line n (from 0) is FAISS's id n.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  semsearch export --output vectors.npy
  semsearch export --output exported")]
pub(crate) struct ExportArgs {
    /// A file to make, .npy or .safetensors, or a directory
    #[arg(short, long, value_name = "FILE|DIR", value_hint = ValueHint::AnyPath)]
    pub(crate) output: PathBuf,
}

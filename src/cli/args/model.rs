//! Arguments of `model`.

use std::path::PathBuf;

use clap::{Subcommand, ValueHint};

/// Get, copy, find or check a model.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  semsearch model fetch
  semsearch model import all-MiniLM-L6-v2 --model own/model
  semsearch model path
  semsearch model verify")]
pub(crate) struct ModelArgs {
    #[command(subcommand)]
    pub(crate) action: ModelAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelAction {
    /// Download a model from the Hub, and print its directory
    #[command(after_help = "\
Example:
  semsearch model fetch")]
    Fetch(ModelNameArgs),
    /// Copy a model's files from a directory into semsearch's cache, and print where
    #[command(after_help = "\
Example:
  semsearch model import all-MiniLM-L6-v2 --model own/model")]
    Import {
        /// A directory with config.json, tokenizer.json and model.safetensors
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        dir: PathBuf,
        #[command(flatten)]
        model: ModelNameArgs,
    },
    /// Print the directory of a model on this machine
    #[command(after_help = "\
Example:
  ls $(semsearch model path)/config.json")]
    Path(ModelNameArgs),
    /// Check every byte of a model's files against their digests
    #[command(after_help = "\
Example:
  semsearch model verify && echo right")]
    Verify(ModelNameArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ModelNameArgs {
    /// Hub id or local directory [default: sentence-transformers/all-MiniLM-L6-v2]
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
    /// The same as ID, named as in other commands
    #[arg(long, value_name = "ID", env = "SEMSEARCH_MODEL", hide = true)]
    pub(crate) model: Option<String>,
    /// Commit, tag or branch on the Hub [default: pinned for the default model]
    #[arg(long, value_name = "REV", env = "SEMSEARCH_REVISION", hide_env = true)]
    pub(crate) revision: Option<String>,
}

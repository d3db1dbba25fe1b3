//! Arguments of `get`, `ls` and `remove`.

use super::value::one_of;
use crate::cli::output::{DOCUMENT_FORMATS, DocumentFormat, LIST_FORMATS, ListFormat};

/// Print documents of an index, whole.
///
/// A document that was cut into chunks comes back in one piece.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  semsearch get docs/install.md
  semsearch get q1 q2 -f json | jq .metadata")]
pub(crate) struct GetArgs {
    /// Ids of documents
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "text", value_parser = one_of(DOCUMENT_FORMATS))]
    pub(crate) format: &'static DocumentFormat,
}

/// List the documents of an index.
///
/// They come in the order in which they were indexed: id, number of passages, and where they came from.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  semsearch ls
  semsearch ls --filter 'year < 2000' -f jsonl | jq -r .id")]
pub(crate) struct LsArgs {
    /// Only documents whose metadata match, as in `year >= 2000 and lang = en`
    #[arg(long, value_name = "EXPR")]
    pub(crate) filter: Option<String>,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "text", value_parser = one_of(LIST_FORMATS))]
    pub(crate) format: &'static ListFormat,
}

/// Remove documents from an index.
///
/// All of them are removed in one commit. Their files are not touched.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  semsearch remove docs/old.md
  semsearch remove --filter 'year < 2000'")]
pub(crate) struct RemoveArgs {
    /// Ids of documents
    #[arg(value_name = "ID", required_unless_present = "filter")]
    pub(crate) ids: Vec<String>,
    /// Documents whose metadata match, as in `year >= 2000 and lang = en`
    #[arg(long, value_name = "EXPR", conflicts_with = "ids")]
    pub(crate) filter: Option<String>,
    /// How long to wait for another writer, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "0", env = "SEMSEARCH_WAIT", hide_env = true,
        value_parser = super::value::seconds)]
    pub(crate) wait: std::time::Duration,
}

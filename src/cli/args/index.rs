//! Arguments of `index`.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueHint;
use semsearch::index::{Language, Metric};

use super::encoding::EncodingArgs;
use super::records::RecordsArgs;
use super::value::{positive, seconds};

/// Build or update an index.
///
/// A record is a JSON object. Its fields other than id, title and text are metadata, which come back with hits. A record
/// that the index already has is not embedded again. A record with a known id and other content replaces the old one.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  semsearch index corpus.jsonl
  semsearch index corpus.jsonl --prune
  semsearch index docs/ notes.md --glob '*.md'
  semsearch index catalogue.csv --text-field name --text-field description
  semsearch index hf://datasets/rajpurkar/squad --split validation -i squad
  jq -c '.items[]' dump.json | semsearch index - --text-field body
  find . -name '*.txt' -print0 | semsearch index --files-from -")]
pub(crate) struct IndexArgs {
    /// Files of records or text, directories, or - for standard input
    #[arg(value_name = "INPUT", value_hint = ValueHint::AnyPath)]
    pub(crate) inputs: Vec<PathBuf>,
    /// FAISS index factory string [default: Flat]
    #[arg(long, value_name = "STRING", env = "SEMSEARCH_FACTORY", hide_env = true)]
    pub(crate) factory: Option<String>,
    /// How vectors are compared: ip or l2 [default: ip]
    #[arg(hide_short_help = true, long, value_name = "METRIC", env = "SEMSEARCH_METRIC", hide_env = true)]
    pub(crate) metric: Option<Metric>,
    /// Read the vectors from FILE instead of computing them: npy or safetensors, or records with an `embedding`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) vectors: Option<PathBuf>,
    /// Language of the texts, for stemming in lexical search, or none [default: english]
    #[arg(hide_short_help = true, long, value_name = "NAME", env = "SEMSEARCH_LANGUAGE", hide_env = true)]
    pub(crate) language: Option<Language>,
    /// Text put before each query when it is embedded [default: the model's own]
    #[arg(hide_short_help = true, long, value_name = "TEXT")]
    pub(crate) query_prompt: Option<String>,
    /// Remove documents that came from these inputs and are no longer in them
    #[arg(long, conflicts_with = "limit")]
    pub(crate) prune: bool,
    /// Stay, and index what changes, until Ctrl-C
    #[arg(long, conflicts_with_all = ["vectors", "limit", "files_from"])]
    pub(crate) watch: bool,
    /// The inputs are indexes: add what they hold, without embedding anything
    #[arg(long, hide_short_help = true, conflicts_with_all = ["vectors", "prune", "watch", "limit", "rebuild", "files_from"])]
    pub(crate) merge: bool,
    /// Build the index anew instead of updating it
    #[arg(long)]
    pub(crate) rebuild: bool,
    /// How long to wait for another writer, in seconds
    #[arg(hide_short_help = true, long, value_name = "SECONDS", default_value = "0", env = "SEMSEARCH_WAIT", hide_env = true,
        value_parser = seconds)]
    pub(crate) wait: Duration,
    /// Commit every N documents, in addition to twice a minute
    #[arg(long, hide_short_help = true, value_name = "N", env = "SEMSEARCH_COMMIT_EVERY", hide_env = true,
        value_parser = positive)]
    pub(crate) commit_every: Option<usize>,
    /// Print the summary as JSON on standard output
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) records: RecordsArgs,
    #[command(flatten)]
    pub(crate) encoding: EncodingArgs,
}

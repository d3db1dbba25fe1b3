//! Arguments of `query`, and the options of every command that ranks documents.

use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{ValueEnum, ValueHint};
use semsearch::engine::{Fusion, Mode};

use super::encoding::EncodingArgs;
use super::value::{described, one_of, positive, weight};
use crate::cli::output::{HIT_FORMATS, HitFormat};

/// Search an index.
///
/// Each TEXT is a query of its own, so quote it. Without TEXT, queries are read from standard input, one a line or as
/// JSON Lines with `_id` and `text`; on a terminal a prompt asks for one after the other.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  semsearch query \"Who headlined the halftime show for Super Bowl 50?\" -k 3
  semsearch query \"error 0x80070057\" --mode hybrid
  semsearch query \"who won\" --filter 'year >= 2010 and topic in [sport, music]'
  semsearch query --queries queries.jsonl -k 100 -f trec > run.trec
  semsearch query -f jsonl < questions.txt | jq -r .id")]
pub(crate) struct QueryArgs {
    /// Queries, or - for standard input
    #[arg(value_name = "TEXT", conflicts_with = "queries")]
    pub(crate) texts: Vec<String>,
    /// Hits for each query
    #[arg(short = 'k', long, value_name = "N", default_value = "10", env = "SEMSEARCH_TOP_K", hide_env = true,
        value_parser = positive)]
    pub(crate) top_k: usize,
    /// A file of queries: one a line, or JSON Lines with _id and text
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) queries: Option<PathBuf>,
    /// Instead of a query: find what resembles a document of the index
    #[arg(long, value_name = "ID", conflicts_with_all = ["texts", "queries", "like_file"])]
    pub(crate) like: Option<String>,
    /// Instead of a query: find what resembles a file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["texts", "queries"])]
    pub(crate) like_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) ranking: RankingArgs,
    /// Leave out hits whose score is worse than this
    #[arg(hide_short_help = true, long, value_name = "S", allow_negative_numbers = true)]
    pub(crate) min_score: Option<f32>,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "text", value_parser = one_of(HIT_FORMATS))]
    pub(crate) format: &'static HitFormat,
    /// Print only the paths of the files, each once, the best first
    #[arg(short = 'l', long, conflicts_with = "format")]
    pub(crate) files_with_matches: bool,
    /// Show whole passages instead of snippets, in text
    #[arg(long)]
    pub(crate) full: bool,
    /// Add the dense and lexical score of each hit ("scores") in json and jsonl
    #[arg(long)]
    pub(crate) explain: bool,
    /// Return chunks as hits, instead of each document by its best chunk
    #[arg(hide_short_help = true, long)]
    pub(crate) chunks: bool,
    /// Of hits with the same text, return only the best one
    #[arg(hide_short_help = true, long)]
    pub(crate) unique: bool,
    /// What is marked in text: the query's words, the sentence nearest to it, or nothing [default: words on a terminal]
    #[arg(long, value_name = "WHAT", env = "SEMSEARCH_HIGHLIGHT", hide_env = true)]
    pub(crate) highlight: Option<HighlightArg>,
    /// Name of the run, the sixth column of trec
    #[arg(hide_short_help = true, long, value_name = "NAME", default_value = "semsearch")]
    pub(crate) run_name: String,
    #[command(flatten)]
    pub(crate) encoding: EncodingArgs,
}

const MODES: [(&str, &str); 3] = [
    ("dense", "By meaning: the nearest vectors"),
    ("lexical", "By words: BM25"),
    ("hybrid", "By both, their scores fused"),
];

const FUSIONS: [(&str, &str); 3] = [
    ("absolute", "Scores that depend on query and passage alone, weighted by --alpha"),
    ("minmax", "Both scores scaled to the range 0 to 1, then weighted by --alpha"),
    ("rrf", "Reciprocal ranks, whatever the scores"),
];

/// Options of every command that ranks documents.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RankingArgs {
    /// What documents are ranked by
    #[arg(long, value_name = "MODE", default_value = "dense", env = "SEMSEARCH_MODE", hide_env = true,
        value_parser = PossibleValuesParser::new(described(MODES)).try_map(|word| word.parse::<Mode>()))]
    pub(crate) mode: Mode,
    /// Weight of the dense score in hybrid, 0 to 1 [default: the fusion's own, 0.47 for absolute]
    #[arg(long, value_name = "A", env = "SEMSEARCH_ALPHA", hide_env = true, value_parser = weight)]
    pub(crate) alpha: Option<f32>,
    /// How scores are fused in hybrid [default: absolute; minmax where vectors are not normalized]
    #[arg(hide_short_help = true, long, value_name = "HOW", env = "SEMSEARCH_FUSION", hide_env = true,
        value_parser = PossibleValuesParser::new(described(FUSIONS)).try_map(|word| word.parse::<Fusion>()))]
    pub(crate) fusion: Option<Fusion>,
    /// Order the best hits once more by this cross-encoder, a Hub id or a local directory; `none` for no reranking
    #[arg(long, value_name = "ID|DIR", env = "SEMSEARCH_RERANK", hide_env = true)]
    pub(crate) rerank: Option<String>,
    /// How many hits are reranked; no query has more
    #[arg(hide_short_help = true, long, value_name = "N", default_value = "50", env = "SEMSEARCH_RERANK_DEPTH",
        hide_env = true, value_parser = positive)]
    pub(crate) rerank_depth: usize,
    /// Only documents whose metadata match, as in `year >= 2000 and lang = en`
    #[arg(long, value_name = "EXPR")]
    pub(crate) filter: Option<String>,
    /// How many inverted lists are searched, in an index with an IVF factory [default: 1]
    #[arg(hide_short_help = true, long, value_name = "N", env = "SEMSEARCH_NPROBE", hide_env = true, value_parser = positive)]
    pub(crate) nprobe: Option<usize>,
    /// How many candidates a search examines, in an index with an HNSW factory [default: 16]
    #[arg(hide_short_help = true, long, value_name = "N", env = "SEMSEARCH_EF_SEARCH", hide_env = true, value_parser = positive)]
    pub(crate) ef_search: Option<usize>,
    /// Answer without the servers of a database that cannot be reached, and say so
    #[arg(hide_short_help = true, long, env = "SEMSEARCH_PARTIAL", hide_env = true, value_parser = FalseyValueParser::new())]
    pub(crate) partial: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum HighlightArg {
    /// The query's words, in all their forms
    Words,
    /// The sentence that answers the query
    Sentence,
    /// Nothing
    None,
}

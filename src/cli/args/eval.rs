//! Options of `eval`.

use std::path::PathBuf;

use clap::{ValueEnum, ValueHint};
use semsearch::eval::Metric;

use super::{Encoding, Ranking, svg};

/// Measure how good the answers are, against relevance judgements.
///
/// DIR has BEIR's layout: corpus.jsonl, queries.jsonl, qrels/test.tsv. Its corpus is indexed beside it, in
/// DIR/.semsearch, and again only where it changed. Metrics are trec_eval's.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  semsearch eval scifact
  semsearch eval scifact --mode hybrid --compare dense.trec
  semsearch eval --queries queries.jsonl --qrels qrels/test.tsv -i squad
  semsearch eval --run run.trec --qrels qrels/test.tsv --metrics ndcg@10,map
  semsearch eval scifact --sweep alpha --svg alpha.svg")]
pub(in crate::cli) struct Eval {
    /// A data set in BEIR's layout
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(in crate::cli) dir: Option<PathBuf>,
    /// Queries, as JSON Lines with _id and text
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) queries: Option<PathBuf>,
    /// Judgements, BEIR's or TREC's
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) qrels: Option<PathBuf>,
    /// A TREC run to score, instead of searching
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["dir", "queries", "sweep"])]
    pub(in crate::cli) run: Option<PathBuf>,
    /// Another run to compare with: the difference, and whether it may be chance
    #[arg(long, value_name = "RUN", value_hint = ValueHint::FilePath, conflicts_with = "sweep")]
    pub(in crate::cli) compare: Option<PathBuf>,
    /// Which of DIR's judgements: qrels/SPLIT.tsv
    #[arg(long, value_name = "SPLIT", default_value = "test")]
    pub(in crate::cli) split: String,
    /// What is measured: ndcg, mrr, recall, map, precision and success, at a rank
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "ndcg@10,mrr@10,recall@1,recall@3,recall@10,recall@100,map@100"
    )]
    pub(in crate::cli) metrics: Vec<Metric>,
    /// Each query's values too
    #[arg(long)]
    pub(in crate::cli) per_query: bool,
    /// Try the values of this setting
    #[arg(long, value_name = "WHAT")]
    pub(in crate::cli) sweep: Option<Sweep>,
    /// Draw the sweep here
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "sweep", value_parser = svg)]
    pub(in crate::cli) svg: Option<PathBuf>,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(in crate::cli) format: EvalFormat,
    #[command(flatten)]
    pub(in crate::cli) ranking: Ranking,
    #[command(flatten)]
    pub(in crate::cli) encoding: Encoding,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Sweep {
    /// From 0, words alone, to 1, meaning alone
    Alpha,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum EvalFormat {
    /// For people, a table
    Text,
    /// One object
    Json,
}

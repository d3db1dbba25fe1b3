//! Options of `eval`.

use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args as _, Command, ValueEnum, ValueHint};
use semsearch::eval::RankingMetric;

use super::encoding::EncodingArgs;
use super::query::RankingArgs;
use super::value::{one_of, svg};
use crate::cli::output::{EVALUATION_FORMATS, EvaluationFormat};

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
pub(crate) struct EvalArgs {
    /// A data set in BEIR's layout
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) dir: Option<PathBuf>,
    /// Queries, as JSON Lines with _id and text
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) queries: Option<PathBuf>,
    /// Judgements, BEIR's or TREC's
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) qrels: Option<PathBuf>,
    /// A TREC run to score, instead of searching
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["dir", "queries", "sweep"])]
    pub(crate) run: Option<PathBuf>,
    /// Another run to compare with: the difference, and whether it may be chance
    #[arg(long, value_name = "RUN", value_hint = ValueHint::FilePath, conflicts_with = "sweep")]
    pub(crate) compare: Option<PathBuf>,
    /// Which of DIR's judgements: qrels/SPLIT.tsv
    #[arg(long, value_name = "SPLIT", default_value = "test", conflicts_with = "qrels")]
    pub(crate) split: String,
    /// What is measured: ndcg, mrr, recall, map, precision and success, at a rank
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "ndcg@10,mrr@10,recall@1,recall@3,recall@10,recall@100,map@100"
    )]
    pub(crate) metrics: Vec<RankingMetric>,
    /// Show the values of each query, too
    #[arg(long)]
    pub(crate) per_query: bool,
    /// Search with many values of this setting
    #[arg(long, value_name = "WHAT")]
    pub(crate) sweep: Option<SweepArg>,
    /// Draw the sweep into this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "sweep", value_parser = svg)]
    pub(crate) svg: Option<PathBuf>,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "text", value_parser = one_of(EVALUATION_FORMATS))]
    pub(crate) format: &'static EvaluationFormat,
    #[command(flatten)]
    pub(crate) ranking: RankingArgs,
    #[command(flatten)]
    pub(crate) encoding: EncodingArgs,
}

/// Refuses an option of a search that is typed beside `--run`, since nothing is searched then. Those of the environment and
/// the config file are for every command, and may stand.
pub(super) fn refuse_search_of_run(matches: &ArgMatches) -> Result<(), clap::Error> {
    let typed = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
    let ranking = RankingArgs::augment_args(Command::new("eval"));
    match ranking.get_arguments().find(|option| typed("run") && typed(option.get_id().as_str())) {
        Some(option) => {
            let name = option.get_long().unwrap_or_default();
            let message = format!("--{name} changes a search, but a --run is scored as it is\n");
            let mut error = clap::Error::raw(ErrorKind::ArgumentConflict, message);
            let hint = ContextValue::StyledStrs(vec![
                format!("leave out --{name} to score the run, or --run to search").into(),
            ]);
            error.insert(ContextKind::Suggested, hint);
            Err(error)
        }
        None => Ok(()),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SweepArg {
    /// From 0, words alone, to 1, meaning alone
    Alpha,
}

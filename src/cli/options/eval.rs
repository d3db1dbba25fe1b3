//! Options of `eval`.

use std::path::{Path, PathBuf};

use semsearch::corpus;
use semsearch::engine::{Mode, SearchRequest};
use semsearch::eval::RankingMetric;

use super::defaults::Defaults;
use super::encoding::EncodingOptions;
use super::index::IndexOptions;
use super::ranking::RankingOptions;
use crate::cli::advice::Advice;
use crate::cli::args::eval::EvalArgs;
use crate::cli::args::parse;
use crate::cli::output::EvaluationFormat;

#[derive(Clone, Debug)]
pub(crate) struct EvalOptions {
    pub(crate) qrels: PathBuf,
    /// What is measured.
    pub(crate) subject: Subject,
    pub(crate) metrics: Vec<RankingMetric>,
    pub(crate) per_query: bool,
    /// Another run to compare with.
    pub(crate) compare: Option<PathBuf>,
    pub(crate) format: &'static EvaluationFormat,
    /// A file for a picture of the sweep.
    pub(crate) svg: Option<PathBuf>,
}

/// What is measured.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    /// A run in a file.
    Run(PathBuf),
    /// The hits of a search.
    Search(Box<SearchOptions>),
}

/// A search that is measured.
#[derive(Clone, Debug)]
pub(crate) struct SearchOptions {
    pub(crate) queries: PathBuf,
    /// The data set whose corpus is searched. If `None`, the index exists already.
    pub(crate) corpus: Option<CorpusOptions>,
    pub(crate) ranking: RankingOptions,
    pub(crate) encoding: EncodingOptions,
    /// Whether many weights of the dense side are tried.
    pub(crate) sweep: bool,
}

/// A data set in BEIR's layout.
#[derive(Clone, Debug)]
pub(crate) struct CorpusOptions {
    pub(crate) dir: PathBuf,
    /// How its corpus is indexed.
    pub(crate) index: IndexOptions,
}

impl EvalOptions {
    pub(crate) fn resolve(args: &EvalArgs, defaults: &Defaults) -> anyhow::Result<Self> {
        Ok(Self {
            qrels: qrels(args)?,
            subject: match &args.run {
                Some(run) => Subject::Run(run.clone()),
                None => Subject::Search(Box::new(search(args, defaults)?)),
            },
            metrics: args.metrics.clone(),
            per_query: args.per_query,
            compare: args.compare.clone(),
            format: args.format,
            svg: args.svg.clone(),
        })
    }
}

fn search(args: &EvalArgs, defaults: &Defaults) -> anyhow::Result<SearchOptions> {
    let queries = queries(args)?;
    let ranking = RankingOptions::resolve(&args.ranking)?;
    // Only a hybrid search has weights to try.
    let mode = if args.sweep.is_some() { Mode::Hybrid } else { ranking.mode() };
    Ok(SearchOptions {
        queries,
        corpus: args.dir.as_deref().map(|dir| corpus_of(dir, args, defaults)).transpose()?,
        ranking: RankingOptions { request: SearchRequest { mode, ..ranking.request }, ..ranking },
        encoding: EncodingOptions::resolve(&args.encoding, defaults),
        sweep: args.sweep.is_some(),
    })
}

fn corpus_of(dir: &Path, args: &EvalArgs, defaults: &Defaults) -> anyhow::Result<CorpusOptions> {
    let index = parse::index_of(&corpus::file_of(dir, "corpus.jsonl"), &args.encoding)?;
    Ok(CorpusOptions { dir: dir.into(), index: IndexOptions::resolve(&index, defaults)? })
}

fn qrels(args: &EvalArgs) -> anyhow::Result<PathBuf> {
    let beside = args.dir.as_ref().map(|dir| corpus::file_of(&dir.join("qrels"), &format!("{}.tsv", args.split)));
    args.qrels.clone().or(beside).ok_or_else(|| {
        let hint = "`semsearch eval DIR` for a data set in BEIR's layout, or `--qrels FILE`".into();
        Advice { message: "no relevance judgements".into(), hint }.into()
    })
}

fn queries(args: &EvalArgs) -> anyhow::Result<PathBuf> {
    let beside = args.dir.as_ref().map(|dir| corpus::file_of(dir, "queries.jsonl"));
    args.queries.clone().or(beside).ok_or_else(|| {
        let hint = "`--queries FILE` to search with, or `--run FILE` to score".into();
        Advice { message: "no queries".into(), hint }.into()
    })
}

//! `semsearch eval`: how good the answers are, against relevance judgements.

mod report;

use std::path::{Path, PathBuf};

use semsearch::corpus::{self, Input};
use semsearch::error::Error;
use semsearch::eval::{Evaluation, Qrels, Run, evaluate};
use semsearch::index::{self, Metric as Distance};
use semsearch::search::{Hit, Mode, Query, Searcher, Wanted};

use super::report::Advice;
use super::settings::Settings;
use super::{Outcome, args, query};

/// Hits for each query, where no metric looks further.
const DEPTH: usize = 100;

/// Queries answered together.
const BATCH: usize = 4096;

pub(super) fn run(args: &args::Eval, settings: &Settings) -> anyhow::Result<Outcome> {
    let qrels = qrels(&qrels_file(args)?)?;
    if let Some(run) = &args.run {
        let evaluation = evaluate(&run_file(run)?, &qrels, &args.metrics);
        return report::evaluation(args, settings, &evaluation, &qrels);
    }
    let queries = judged(&queries_file(args)?, &qrels)?;
    let settings = &with_index(args, settings)?;
    let mode = if args.sweep.is_some() { Mode::Hybrid } else { args.ranking.mode };
    let ranking = args::Ranking { mode, ..args.ranking.clone() };
    let searcher = query::open(&ranking, &args.encoding, settings, false)?;
    let deepest = args.metrics.iter().map(|metric| metric.cut().unwrap_or(usize::MAX)).max();
    let documents = searcher.index().documents().max(1) as usize;
    let wanted =
        Wanted { top_k: deepest.unwrap_or(0).clamp(DEPTH, usize::MAX).min(documents), ..query::wanted(&ranking) };
    let searches = Searches { searcher, queries, wanted, settings };
    if args.sweep.is_some() {
        let alphas: Vec<f32> = (0..=20).map(|step| step as f32 / 20.0).collect();
        let evaluations: Vec<Evaluation> =
            searches.sweep(&alphas)?.iter().map(|run| evaluate(run, &qrels, &args.metrics)).collect();
        return report::sweep(args, settings, &alphas, &evaluations);
    }
    report::evaluation(args, settings, &evaluate(&searches.run()?, &qrels, &args.metrics), &qrels)
}

fn qrels(path: &Path) -> Result<Qrels, Error> {
    let input = Input::from(path.to_owned());
    Qrels::read(input.bytes()?, &input.name())
}

fn run_file(path: &Path) -> Result<Run, Error> {
    let input = Input::from(path.to_owned());
    Run::read(input.bytes()?, &input.name())
}

fn qrels_file(args: &args::Eval) -> anyhow::Result<PathBuf> {
    let beside = args.dir.as_ref().map(|dir| corpus::file_of(&dir.join("qrels"), &format!("{}.tsv", args.split)));
    args.qrels.clone().or(beside).ok_or_else(|| {
        let hint = "`semsearch eval DIR` for a data set in BEIR's layout, or `--qrels FILE`".into();
        Advice { message: "no relevance judgements".into(), hint }.into()
    })
}

fn queries_file(args: &args::Eval) -> anyhow::Result<PathBuf> {
    let beside = args.dir.as_ref().map(|dir| corpus::file_of(dir, "queries.jsonl"));
    args.queries.clone().or(beside).ok_or_else(|| {
        let hint = "`--queries FILE` to search with, or `--run FILE` to score".into();
        Advice { message: "no queries".into(), hint }.into()
    })
}

/// The queries of a file that have judgements: the others tell nothing.
fn judged(path: &Path, qrels: &Qrels) -> anyhow::Result<Vec<Query>> {
    let input = Input::from(path.to_owned());
    let all: Vec<Query> = query::lines(input.bytes()?, &input.name()).collect::<Result<_, _>>()?;
    let count = all.len();
    let judged: Vec<Query> = all.into_iter().filter(|query| qrels.grades(&query.id).is_some()).collect();
    if judged.is_empty() {
        let message = format!("{}: none of its {count} queries has judgements", path.display());
        return Err(Advice { message, hint: "queries and judgements are matched by `_id`".into() }.into());
    }
    Ok(judged)
}

/// The index named, built of the data set's corpus if it is not there; or one beside the corpus, brought up to date: what
/// is unchanged costs nothing.
fn with_index(args: &args::Eval, settings: &Settings) -> anyhow::Result<Settings> {
    let Some(dir) = &args.dir else { return Ok(settings.clone()) };
    let settings = match settings.index_named {
        true if index::recorded(&settings.index)?.is_some() => return Ok(settings.clone()),
        true => settings.clone(),
        false => settings.with_index(dir.join(index::DIRECTORY)),
    };
    let update = args::Index::of(&corpus::file_of(dir, "corpus.jsonl"), &args.encoding)?;
    match super::index::update(&update, &settings) {
        Err(error) if matches!(error.downcast_ref(), Some(Error::Mismatch { .. } | Error::ReadOnlyFormat { .. })) => {
            settings.terminal.note(&format!("{error}: building it anew"));
            super::index::update(&args::Index { rebuild: true, ..update }, &settings)?;
        }
        outcome => outcome?,
    }
    Ok(settings)
}

/// Queries to be answered.
struct Searches<'a> {
    searcher: Searcher,
    queries: Vec<Query>,
    wanted: Wanted,
    settings: &'a Settings,
}

impl Searches<'_> {
    fn run(&self) -> anyhow::Result<Run> {
        let mut bar = self.settings.terminal.encoding("queries", None);
        let mut run = Run::new();
        for queries in self.queries.chunks(BATCH) {
            let found = self.searcher.search(queries, self.wanted, &mut bar)?;
            self.add(&mut run, queries, found.hits)?;
        }
        bar.finish();
        Ok(run)
    }

    /// A run for each weight of the dense side.
    fn sweep(&self, alphas: &[f32]) -> anyhow::Result<Vec<Run>> {
        /// With the hits of all weights at once.
        const BATCH: usize = 256;
        let mut bar = self.settings.terminal.encoding("queries", None);
        let mut runs = vec![Run::new(); alphas.len()];
        for queries in self.queries.chunks(BATCH) {
            let found = self.searcher.sweep(queries, self.wanted, alphas, &mut bar)?;
            for (run, hits) in runs.iter_mut().zip(found) {
                self.add(run, queries, hits)?;
            }
        }
        bar.finish();
        Ok(runs)
    }

    fn add(&self, run: &mut Run, queries: &[Query], found: Vec<Vec<Hit>>) -> anyhow::Result<()> {
        // trec_eval takes a higher score for a better one.
        let sign = if self.searcher.metric(self.wanted.mode) == Distance::L2 { -1.0 } else { 1.0 };
        for (query, hits) in queries.iter().zip(found) {
            run.insert(&query.id, hits.iter().map(|hit| (hit.document.id.clone(), sign * hit.score)))?;
        }
        Ok(())
    }
}

//! `semsearch eval`: how good the answers are, against relevance judgements.

mod files;
mod report;
mod searches;

use semsearch::engine::SearchRequest;
use semsearch::eval::{Evaluation, Qrels, evaluate};
use semsearch::index::{self, StoreError};

use super::errors;
use super::index::update;
use super::options::eval::{CorpusOptions, EvalOptions, SearchOptions, Subject};
use super::outcome::Outcome;
use super::searcher;
use super::settings::Settings;
use super::store;
use files::{judged_queries, qrels_file, run_file};
use searches::Searches;

/// Hits for each query, unless a metric needs more.
const DEPTH: usize = 100;

pub(super) fn run(options: &EvalOptions, settings: &Settings) -> anyhow::Result<Outcome> {
    let qrels = qrels_file(&options.qrels)?;
    match &options.subject {
        Subject::Run(run) => {
            let evaluation = evaluate(&run_file(run)?, &qrels, &options.metrics);
            report::evaluation(options, &settings.terminal, &evaluation, &qrels)
        }
        Subject::Search(search) => of_search(options, search, &qrels, settings),
    }
}

fn of_search(
    options: &EvalOptions,
    search: &SearchOptions,
    qrels: &Qrels,
    settings: &Settings,
) -> anyhow::Result<Outcome> {
    let queries = judged_queries(&search.queries, qrels)?;
    let settings = &match &search.corpus {
        Some(corpus) => with_index(corpus, settings)?,
        None => settings.clone(),
    };
    let (unreranked, would_rerank) = search.ranking.unreranked();
    if search.sweep && would_rerank {
        settings.terminal.note("a sweep measures the search alone: nothing is reranked");
    }
    let ranking = if search.sweep { &unreranked } else { &search.ranking };
    let searcher = searcher::open(ranking, &search.encoding, &[], settings)?;
    let deepest = options.metrics.iter().map(|metric| metric.cut().unwrap_or(usize::MAX)).max();
    let documents = searcher.snapshot().facts().documents.max(1) as usize;
    let k = deepest.unwrap_or(0).max(DEPTH).min(documents);
    let request = SearchRequest { k, ..ranking.request.clone() };
    let searches = Searches { searcher, queries, request, terminal: &settings.terminal };
    if search.sweep {
        let alphas: Vec<f32> = (0..=20).map(|step| step as f32 / 20.0).collect();
        let evaluations: Vec<Evaluation> =
            searches.sweep(&alphas)?.iter().map(|run| evaluate(run, qrels, &options.metrics)).collect();
        searcher::tell_missing(&searches.searcher, &settings.terminal);
        return report::sweep(options, &settings.terminal, &alphas, &evaluations);
    }
    let evaluation = evaluate(&searches.run()?, qrels, &options.metrics);
    searcher::tell_missing(&searches.searcher, &settings.terminal);
    report::evaluation(options, &settings.terminal, &evaluation, qrels)
}

/// The settings with the index that is searched. A named index is built from the data set's corpus if it does not
/// exist. If none is named, the index beside the corpus is brought up to date.
fn with_index(corpus: &CorpusOptions, settings: &Settings) -> anyhow::Result<Settings> {
    let settings = match settings.index_named {
        true if store::recorded(settings)?.is_some() => return Ok(settings.clone()),
        true => settings.clone(),
        false => settings.with_index(corpus.dir.join(index::DIRECTORY)),
    };
    match update(&corpus.index, &settings).map(drop) {
        Err(error) if is_of_another_kind(&error) => {
            settings.terminal.note(&format!("{error}: building it anew"));
            update(&corpus.index.afresh(), &settings)?;
        }
        outcome => outcome?,
    }
    Ok(settings)
}

/// Whether an index cannot be brought up to date because it was built in another way.
fn is_of_another_kind(error: &anyhow::Error) -> bool {
    let of_store = errors::of_store(error);
    matches!(of_store, Some(StoreError::Mismatch { .. } | StoreError::ReadOnlyFormat { .. }))
}

//! `semsearch query`: questions in, hits out.

mod like;
mod source;

use semsearch::engine::{SearchRequest, Searcher};

use super::model_loader;
use super::options::query::{QueryOptions, QuerySource};
use super::outcome::Outcome;
use super::output::{Answer, Here, Presentation};
use super::reranked::RerankTally;
use super::searcher;
use super::settings::Settings;
use semsearch::engine::Truncation;
use source::Queries;

pub(super) fn run(options: &QueryOptions, settings: &Settings) -> anyhow::Result<Outcome> {
    if let Some(source) = &options.like {
        return like::run(source, options, settings);
    }
    let terminal = &settings.terminal;
    let queries = Queries::open(&options.queries, terminal)?;
    let searcher = searcher::open(&options.ranking, &options.encoding, queries.known(), settings)?;
    let look = presentation(options, &searcher, queries.several(), settings);
    let mut out = (options.output.open)(look);
    let mut bar = terminal.encoding_beside_output("queries");
    let (mut found, mut cuts, mut reranked) = (false, Truncation::default(), RerankTally::default());
    for batch in queries {
        let request = SearchRequest { queries: batch?, ..options.ranking.request.clone() };
        let mut answers = searcher.search(&request, &mut bar)?;
        cuts.add(&answers.dropped);
        reranked.add(&answers);
        found |= answers.hits.iter().any(|hits| !hits.is_empty());
        if options.queries == QuerySource::Prompt && answers.hits.iter().all(Vec::is_empty) {
            terminal.note("nothing found");
        }
        if options.finds_sentences {
            for (query, hits) in request.queries.iter().zip(&mut answers.hits) {
                searcher.find_sentences(query, hits)?;
            }
        }
        out.write(&mut request.queries.iter().zip(&answers.hits).map(|(query, hits)| Answer { query, hits }))?;
        out.flush()?;
    }
    bar.finish();
    out.finish()?;
    reranked.tell(&options.ranking.request, terminal);
    terminal.warn_of_cuts(cuts, searcher.snapshot().facts().config.max_length);
    searcher::tell_missing(&searcher, terminal);
    if let Some(model) = searcher.model() {
        model_loader::keep_prepared(&model.embedder, terminal);
    }
    // The process ends here, and the system frees its memory. Freeing a vocabulary word by word would take longer than
    // the search.
    std::mem::forget(searcher);
    Ok(if found { Outcome::Done } else { Outcome::Nothing })
}

fn presentation(options: &QueryOptions, searcher: &Searcher, several: bool, settings: &Settings) -> Presentation {
    Presentation {
        metric: searcher.metric(&options.ranking.request),
        analysis: searcher.snapshot().facts().config.analysis().unwrap_or_default(),
        several,
        verbose: settings.terminal.is_verbose(),
        explain: options.explain,
        full: options.full,
        highlight: options.highlight,
        here: Here::of_process(),
        run_name: options.run_name.clone(),
    }
}

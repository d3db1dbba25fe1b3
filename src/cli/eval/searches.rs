//! The searches of an evaluation.

use semsearch::engine::{Hit, Query, SearchRequest, Searcher};
use semsearch::eval::Run;

use crate::cli::reranked::RerankTally;
use crate::cli::terminal::Terminal;

/// Queries answered together.
const BATCH: usize = 4096;

/// Queries answered together where each has hits for every weight.
const SWEEP_BATCH: usize = 256;

/// Queries to be answered.
pub(super) struct Searches<'a> {
    pub(super) searcher: Searcher,
    pub(super) queries: Vec<Query>,
    /// Without its queries.
    pub(super) request: SearchRequest,
    pub(super) terminal: &'a Terminal,
}

impl Searches<'_> {
    /// The hits of each query.
    pub(super) fn run(&self) -> anyhow::Result<Run> {
        let mut bar = self.terminal.encoding("queries", None);
        let (mut run, mut reranked) = (Run::new(), RerankTally::default());
        for queries in self.queries.chunks(BATCH) {
            let found = self.searcher.search(&self.asking(queries), &mut bar)?;
            reranked.add(&found);
            self.add(&mut run, queries, found.hits)?;
        }
        bar.finish();
        reranked.tell(&self.request, self.terminal);
        Ok(run)
    }

    /// A run for each weight of the dense side.
    pub(super) fn sweep(&self, alphas: &[f32]) -> anyhow::Result<Vec<Run>> {
        let mut bar = self.terminal.encoding("queries", None);
        let mut runs = vec![Run::new(); alphas.len()];
        for queries in self.queries.chunks(SWEEP_BATCH) {
            let found = self.searcher.sweep(&self.asking(queries), alphas, &mut bar)?;
            for (run, hits) in runs.iter_mut().zip(found) {
                self.add(run, queries, hits)?;
            }
        }
        bar.finish();
        Ok(runs)
    }

    fn asking(&self, queries: &[Query]) -> SearchRequest {
        SearchRequest { queries: queries.to_vec(), ..self.request.clone() }
    }

    fn add(&self, run: &mut Run, queries: &[Query], found: Vec<Vec<Hit>>) -> anyhow::Result<()> {
        // trec_eval takes a higher score for a better one.
        let metric = self.searcher.metric(&self.request);
        for (query, hits) in queries.iter().zip(found) {
            run.insert(&query.id, hits.iter().map(|hit| (hit.document.id.clone(), metric.nearness(hit.score))))?;
        }
        Ok(())
    }
}

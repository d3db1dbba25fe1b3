//! What reranking did that a user may not expect: it is counted while queries are answered, and told at the end.

use semsearch::engine::{SearchRequest, SearchResults};

use super::terminal::Terminal;

/// Counts of answers that were reranked.
#[derive(Default)]
pub(super) struct RerankTally {
    /// The most hits of a query.
    most: usize,
    /// The pairs that were cut.
    cut: usize,
}

impl RerankTally {
    /// Counts the answers to a request.
    pub(super) fn add(&mut self, answers: &SearchResults) {
        self.most = answers.hits.iter().map(Vec::len).fold(self.most, usize::max);
        self.cut += answers.cut_pairs;
    }

    /// Says that there are fewer hits than asked for, because fewer are reranked; and that pairs were cut.
    pub(super) fn tell(&self, request: &SearchRequest, terminal: &Terminal) {
        let wanted = request.k.saturating_add(request.offset);
        if self.cut > 0 {
            terminal.warn(&format!(
                "pairs of query and passage that were cut, because the reranker cannot read more: {}",
                self.cut
            ));
        }
        let limited = request.rerank.filter(|&depth| depth < wanted && self.most >= depth);
        let Some(depth) = limited else { return };
        terminal.note(&format!("a query has at most {depth} hits, because so many are reranked (--rerank-depth)"));
    }
}

//! The formulas of the measures for one query, as trec_eval defines them (NIST, version 9, files `m_*.c`).
//!
//! A document is relevant if its grade is at least 1, and its gain is its grade. Documents that were not judged, and
//! documents with negative grades, have the gain 0.

use std::collections::HashMap;
use std::num::NonZeroUsize;

/// A way to judge a ranking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Measure {
    /// The sum of the gains, discounted by rank, divided by that of the best ranking (Järvelin and Kekäläinen 2002,
    /// with the discount log2(rank + 1) for every rank).
    Ndcg,
    /// 1 divided by the rank of the first relevant document.
    ReciprocalRank,
    /// The fraction of the relevant documents that was found.
    Recall,
    /// The mean of the precision at the ranks of all relevant documents; it is 0 for documents that were not found.
    AveragePrecision,
    /// The number of relevant documents in the first K ranks, divided by K, even if fewer documents were found.
    Precision,
    /// 1 if a relevant document was found, otherwise 0.
    Success,
}

impl Measure {
    /// Whether the measure needs a rank at which it stops.
    pub(super) fn needs_cut(self) -> bool {
        matches!(self, Self::Recall | Self::Precision | Self::Success)
    }
}

/// The ranking of a query, with the gains from its judgements.
pub(super) struct Judged {
    /// The gain at each rank, the best rank first.
    gains: Vec<f64>,
    /// The gains of all relevant documents, the largest first: those of a perfect ranking.
    ideal: Vec<f64>,
}

impl Judged {
    pub(super) fn new<'a>(ranking: impl IntoIterator<Item = &'a str>, grades: &HashMap<String, i64>) -> Self {
        let gain = |grade: i64| grade.max(0) as f64;
        let gains =
            ranking.into_iter().map(|document| grades.get(document).map_or(0.0, |&grade| gain(grade))).collect();
        let mut ideal: Vec<f64> = grades.values().map(|&grade| gain(grade)).filter(is_relevant).collect();
        ideal.sort_unstable_by(|a, b| b.total_cmp(a));
        Self { gains, ideal }
    }

    /// The value of `measure` for the first `cut` ranks, or for all.
    pub(super) fn value(&self, measure: Measure, cut: Option<NonZeroUsize>) -> f64 {
        let ranks = cut.map_or(usize::MAX, NonZeroUsize::get);
        let gains = first(&self.gains, ranks);
        let all_relevant = self.ideal.len() as f64;
        match measure {
            Measure::Ndcg => ratio(discounted_sum(gains), discounted_sum(first(&self.ideal, ranks))),
            Measure::ReciprocalRank => relevant_ranks(gains).next().map_or(0.0, |rank| 1.0 / rank),
            Measure::Recall => ratio(relevant_ranks(gains).count() as f64, all_relevant),
            Measure::AveragePrecision => ratio(sum_of_precisions(gains), all_relevant),
            Measure::Precision => relevant_ranks(gains).count() as f64 / ranks as f64,
            Measure::Success => f64::from(u8::from(gains.iter().any(is_relevant))),
        }
    }
}

fn first(gains: &[f64], ranks: usize) -> &[f64] {
    &gains[..ranks.min(gains.len())]
}

fn is_relevant(gain: &f64) -> bool {
    *gain > 0.0
}

/// The 1-based ranks of the relevant documents.
fn relevant_ranks(gains: &[f64]) -> impl Iterator<Item = f64> {
    (1_u32..).map(f64::from).zip(gains).filter(|(_, gain)| is_relevant(gain)).map(|(rank, _)| rank)
}

/// Σ gain / log2(rank + 1)
fn discounted_sum(gains: &[f64]) -> f64 {
    (1_u32..).map(f64::from).zip(gains).map(|(rank, gain)| gain / (rank + 1.0).log2()).sum()
}

/// The sum of the precisions at the ranks of relevant documents: if the n-th relevant document has the rank r, it is n
/// / r.
fn sum_of_precisions(gains: &[f64]) -> f64 {
    (1_u32..).map(f64::from).zip(relevant_ranks(gains)).map(|(found, rank)| found / rank).sum()
}

/// `part / whole`, and 0 for 0 / 0, which is trec_eval's value for a query without relevant documents.
fn ratio(part: f64, whole: f64) -> f64 {
    // An empty sum is -0, and would be printed with its sign.
    if part > 0.0 { part / whole } else { 0.0 }
}

#[cfg(test)]
mod tests;

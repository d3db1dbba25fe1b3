//! What the metrics are: the definitions of trec_eval (NIST, version 9, files `m_*.c`), for one query.
//!
//! A document is relevant if its grade is at least 1, and its gain is its grade. Documents that were not judged, and
//! those with negative grades, gain nothing.

use std::collections::HashMap;
use std::num::NonZeroUsize;

/// A way to judge a ranking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Measure {
    /// The gains, discounted by rank, as a part of those of the best ranking (Järvelin and Kekäläinen 2002, with the
    /// discount log2(rank + 1) for every rank).
    Ndcg,
    /// One by the rank of the first relevant document.
    ReciprocalRank,
    /// The part of the relevant documents that was found.
    Recall,
    /// The mean, over all relevant documents, of the precision at their ranks; 0 for those not found.
    AveragePrecision,
    /// The relevant part of the first K ranks, whether there are so many documents or not.
    Precision,
    /// Whether a relevant document was found.
    Success,
}

impl Measure {
    /// Whether it says something only of the first so many ranks.
    pub(super) fn needs_cut(self) -> bool {
        matches!(self, Self::Recall | Self::Precision | Self::Success)
    }
}

/// A query's ranking in the eyes of its judgements.
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

    /// What `measure` says of the first `cut` ranks, or of all.
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

/// The 1-based ranks with relevant documents.
fn relevant_ranks(gains: &[f64]) -> impl Iterator<Item = f64> {
    (1_u32..).map(f64::from).zip(gains).filter(|(_, gain)| is_relevant(gain)).map(|(rank, _)| rank)
}

/// Σ gain / log2(rank + 1)
fn discounted_sum(gains: &[f64]) -> f64 {
    (1_u32..).map(f64::from).zip(gains).map(|(rank, gain)| gain / (rank + 1.0).log2()).sum()
}

/// The precisions at the ranks of relevant documents: the n-th relevant one, at rank r, brings n / r.
fn sum_of_precisions(gains: &[f64]) -> f64 {
    (1_u32..).map(f64::from).zip(relevant_ranks(gains)).map(|(found, rank)| found / rank).sum()
}

/// A part of a whole. Nothing of nothing is 0, which is what trec_eval gives a query without relevant documents.
fn ratio(part: f64, whole: f64) -> f64 {
    // An empty sum is -0, which would show.
    if part > 0.0 { part / whole } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Measure; 6] = [
        Measure::Ndcg,
        Measure::ReciprocalRank,
        Measure::Recall,
        Measure::AveragePrecision,
        Measure::Precision,
        Measure::Success,
    ];

    fn judged(ranking: &[&str], grades: &[(&str, i64)]) -> Judged {
        let grades = grades.iter().map(|&(document, grade)| (document.to_owned(), grade)).collect();
        Judged::new(ranking.iter().copied(), &grades)
    }

    #[test]
    fn a_ranking_worked_out_by_hand() {
        let judged = judged(&["x", "b", "a", "bad"], &[("a", 2), ("b", 1), ("c", 1), ("bad", -1), ("none", 0)]);
        let at = |measure, cut| judged.value(measure, NonZeroUsize::new(cut));
        let ideal = 2.0 + 1.0 / 3_f64.log2() + 0.5;
        assert_eq!(at(Measure::Ndcg, 3), (1.0 / 3_f64.log2() + 2.0 / 2.0) / ideal);
        assert_eq!(at(Measure::ReciprocalRank, 1), 0.0);
        assert_eq!(at(Measure::ReciprocalRank, 2), 0.5);
        assert_eq!(at(Measure::Recall, 3), 2.0 / 3.0);
        assert_eq!(at(Measure::AveragePrecision, 9), (1.0 / 2.0 + 2.0 / 3.0) / 3.0);
        assert_eq!(at(Measure::Precision, 10), 0.2);
        assert_eq!((at(Measure::Success, 1), at(Measure::Success, 2)), (0.0, 1.0));
    }

    #[test]
    fn without_relevant_or_found_documents_all_is_zero() {
        let cases = [judged(&["a", "b"], &[("a", 0), ("b", -3)]), judged(&[], &[("a", 1)]), judged(&[], &[])];
        for (judged, measure) in cases.iter().flat_map(|judged| ALL.map(|measure| (judged, measure))) {
            assert_eq!(judged.value(measure, NonZeroUsize::new(5)).to_bits(), 0.0_f64.to_bits());
        }
    }

    /// The formulas as they stand in the books, over sets and ranks, slow and plain.
    fn naive(measure: Measure, k: usize, grade_at: &[i64], all: &[i64]) -> f64 {
        let relevant = all.iter().filter(|&&grade| grade >= 1).count() as f64;
        let hits = |k: usize| (0..k).filter(|&i| i < grade_at.len() && grade_at[i] >= 1).count() as f64;
        let dcg = |grades: &[i64]| -> f64 {
            (1..=k.min(grades.len())).map(|i| grades[i - 1].max(0) as f64 / ((i + 1) as f64).log2()).sum()
        };
        let mut best = all.to_vec();
        best.sort_by_key(|&grade| -grade);
        let value = match measure {
            Measure::Ndcg => dcg(grade_at) / dcg(&best),
            Measure::ReciprocalRank => (1..=k).find(|&i| hits(i) > 0.0).map_or(0.0, |i| 1.0 / i as f64),
            Measure::Recall => hits(k) / relevant,
            Measure::AveragePrecision => {
                (1..=k).filter(|&i| hits(i) > hits(i - 1)).map(|i| hits(i) / i as f64).sum::<f64>() / relevant
            }
            Measure::Precision => hits(k) / k as f64,
            Measure::Success => hits(k).min(1.0),
        };
        if relevant == 0.0 { 0.0 } else { value }
    }

    proptest! {
        #[test]
        fn values_are_those_of_the_formulas(
            grades in prop::collection::vec(-2_i64..4, 0..12),
            ranking in Just((0..20).collect::<Vec<usize>>()).prop_shuffle(),
            found in 0..20_usize,
            k in 1..25_usize,
        ) {
            let id = |document: usize| format!("d{document}");
            let judgements = grades.iter().enumerate().map(|(document, &grade)| (id(document), grade)).collect();
            let ranked: Vec<String> = ranking[..found].iter().map(|&document| id(document)).collect();
            let judged = Judged::new(ranked.iter().map(String::as_str), &judgements);
            let grade_of = |&document: &usize| grades.get(document).copied().unwrap_or(0);
            let grade_at: Vec<i64> = ranking[..found].iter().map(grade_of).collect();
            for measure in ALL {
                let value = judged.value(measure, NonZeroUsize::new(k));
                prop_assert!((value - naive(measure, k, &grade_at, &grades)).abs() < 1e-12, "{:?}", measure);
                prop_assert!((0.0..=1.0 + 1e-12).contains(&value));
            }
        }

        #[test]
        fn a_perfect_ranking_has_the_value_one(grades in prop::collection::vec(1_i64..5, 1..12)) {
            let id = |document: usize| format!("d{document}");
            let mut best: Vec<usize> = (0..grades.len()).collect();
            best.sort_by_key(|&document| -grades[document]);
            let ranked: Vec<String> = best.into_iter().map(id).collect();
            let judgements = grades.iter().enumerate().map(|(document, &grade)| (id(document), grade)).collect();
            let judged = Judged::new(ranked.iter().map(String::as_str), &judgements);
            for measure in [Measure::Ndcg, Measure::ReciprocalRank, Measure::AveragePrecision] {
                prop_assert_eq!(judged.value(measure, None), 1.0);
            }
        }
    }
}

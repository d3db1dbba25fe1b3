//! Metrics by name, such as `ndcg@10`. Their formulas are in [`super::measure`].

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use super::EvalError;
use super::measure::{Judged, Measure};

/// The names of measures. The first name of each is printed, the others are understood too.
const NAMES: [(&str, Measure); 9] = [
    ("ndcg", Measure::Ndcg),
    ("mrr", Measure::ReciprocalRank),
    ("recip_rank", Measure::ReciprocalRank),
    ("recall", Measure::Recall),
    ("map", Measure::AveragePrecision),
    ("precision", Measure::Precision),
    ("p", Measure::Precision),
    ("success", Measure::Success),
    ("hit", Measure::Success),
];

const KNOWN: &str = "ndcg, mrr (recip_rank) and map, each also with a cut-off as in ndcg@10, and recall@K, precision@K \
                     (p@K), success@K (hit@K)";

/// A measure, with or without a rank at which it stops. Its value is that of trec_eval's measure in the same line:
///
/// | written | trec_eval |
/// | --- | --- |
/// | `ndcg`, `ndcg@K` | `ndcg`, `ndcg_cut_K` |
/// | `mrr` or `recip_rank`, `mrr@K` | `recip_rank`; with a cut, 0 if the first relevant document has a lower rank |
/// | `map`, `map@K` | `map`, `map_cut_K` |
/// | `recall@K` | `recall_K` |
/// | `precision@K` or `p@K` | `P_K` |
/// | `success@K` or `hit@K` | `success_K` |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RankingMetric {
    measure: Measure,
    cut: Option<NonZeroUsize>,
}

impl RankingMetric {
    /// The metrics that are shown if none is named.
    pub const DEFAULT: [Self; 7] = [
        Self::at(Measure::Ndcg, 10),
        Self::at(Measure::ReciprocalRank, 10),
        Self::at(Measure::Recall, 1),
        Self::at(Measure::Recall, 3),
        Self::at(Measure::Recall, 10),
        Self::at(Measure::Recall, 100),
        Self::at(Measure::AveragePrecision, 100),
    ];

    const fn at(measure: Measure, cut: usize) -> Self {
        Self { measure, cut: NonZeroUsize::new(cut) }
    }

    /// The rank at which it stops, which is the number of hits that a search must return. `None` if it uses all hits.
    pub fn cut(self) -> Option<usize> {
        self.cut.map(NonZeroUsize::get)
    }

    /// Its value for one query, from 0 to 1.
    pub(super) fn of(self, judged: &Judged) -> f64 {
        judged.value(self.measure, self.cut)
    }
}

impl fmt::Display for RankingMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(_, measure)| *measure == self.measure).map_or("", |(name, _)| name);
        match self.cut {
            Some(cut) => write!(f, "{name}@{cut}"),
            None => f.write_str(name),
        }
    }
}

impl FromStr for RankingMetric {
    type Err = EvalError;

    /// Upper and lower case are equal: `nDCG@10` is understood.
    fn from_str(word: &str) -> Result<Self, EvalError> {
        parse(&word.to_ascii_lowercase()).ok_or_else(|| EvalError::UnknownMetric { word: word.into(), known: KNOWN })
    }
}

fn parse(word: &str) -> Option<RankingMetric> {
    let (name, cut) = match word.split_once('@') {
        Some((name, cut)) => (name, Some(cut.parse().ok()?)),
        None => (word, None),
    };
    let (_, measure) = *NAMES.iter().find(|(known, _)| *known == name)?;
    (cut.is_some() || !measure.needs_cut()).then_some(RankingMetric { measure, cut })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(word: &str) -> Result<String, String> {
        word.parse().map(|metric: RankingMetric| metric.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn words_become_metrics_and_metrics_words() {
        for word in ["ndcg", "ndcg@10", "mrr", "mrr@3", "map", "map@100", "recall@1", "precision@5", "success@2"] {
            assert_eq!(shown(word).unwrap(), word);
        }
        let also = [("nDCG@10", "ndcg@10"), ("recip_rank", "mrr"), ("P@5", "precision@5"), ("hit@1", "success@1")];
        also.iter().for_each(|(word, own)| assert_eq!(shown(word).unwrap(), *own));
    }

    #[test]
    fn the_default_is_the_command_lines() {
        let shown = RankingMetric::DEFAULT.map(|metric| metric.to_string()).join(",");
        assert_eq!(shown, "ndcg@10,mrr@10,recall@1,recall@3,recall@10,recall@100,map@100");
        assert_eq!(RankingMetric::DEFAULT.iter().filter_map(|metric| metric.cut()).max(), Some(100));
    }

    #[test]
    fn a_wrong_word_is_an_error_that_lists_what_is_known() {
        for word in ["", "dcg@10", "ndcg@", "ndcg@0", "ndcg@-1", "ndcg@ten", "ndcg@1@2", "recall", "p", "hit", "@10"] {
            let message = shown(word).unwrap_err();
            assert!(
                message
                    .starts_with(&format!("unknown metric {word:?}: known are ndcg, mrr (recip_rank) and map, each"))
            );
            NAMES.iter().for_each(|(name, _)| assert!(message.contains(name), "{name}"));
        }
    }
}

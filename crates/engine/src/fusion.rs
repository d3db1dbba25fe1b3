//! Fuses two rankings into one.

use std::fmt;
use std::str::FromStr;

/// How dense and lexical rankings are fused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fusion {
    /// A weighted sum of two scores that are each at most 1: the cosine to the power of 1.5, and BM25 divided by the most
    /// that the query's words can have. It depends on the query, the passage and the index, and on nothing else: not on
    /// other hits, their number, or a filter. Only for vectors of length 1.
    Absolute,
    /// Each side's scores are scaled to 0 for its lowest candidate and 1 for its best, then weighted and added (Bruch et
    /// al. 2023, *An Analysis of Fusion Functions for Hybrid Retrieval*).
    MinMax,
    /// Reciprocal ranks: 1 / (60 + rank) of both sides, added (Cormack et al. 2009). Scores do not count.
    Rrf,
}

/// The constant of Cormack et al.
const RRF: f32 = 60.0;

/// The power of the cosine. Low cosines, which all passages have, say less than high ones (ARCHITECTURE.md has the
/// measurements).
const POWER: f32 = 1.5;

/// A passage that either side found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct FusionCandidate {
    pub(super) key: u64,
    /// The nearness: an inner product, or a negated distance. NaN if it is not known.
    pub(super) nearness: f32,
    /// The cosine, if the vectors have length 1. NaN if it is not known.
    pub(super) cosine: f32,
    /// BM25.
    pub(super) lexical: f32,
    /// The rank on each side, from 1, if that side found the passage.
    pub(super) ranks: [Option<usize>; 2],
}

impl Fusion {
    /// All fusions.
    pub const ALL: [Self; 3] = [Self::Absolute, Self::MinMax, Self::Rrf];

    /// The name, as it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Absolute => "absolute",
            Self::MinMax => "minmax",
            Self::Rrf => "rrf",
        }
    }

    /// The weight of the dense side, if none is asked for.
    pub fn alpha(self) -> f32 {
        match self {
            Self::Absolute => 0.47,
            Self::MinMax | Self::Rrf => 0.5,
        }
    }

    /// The fused score of each candidate. `alpha` is the weight of the dense side, and `most` the BM25 that no passage
    /// exceeds.
    pub(super) fn scores(self, candidates: &[FusionCandidate], alpha: f32, most: f32) -> Vec<f32> {
        match self {
            Self::Absolute => {
                // What is not known is not among the nearest.
                let least = candidates.iter().map(|candidate| candidate.cosine).fold(1.0, f32::min);
                let known = |cosine: f32| if cosine.is_nan() { least } else { cosine };
                let score =
                    |candidate: &FusionCandidate| absolute(known(candidate.cosine), candidate.lexical, alpha, most);
                candidates.iter().map(score).collect()
            }
            Self::MinMax => {
                let nearness = Scale::of(candidates.iter().map(|candidate| candidate.nearness));
                let lexical = Scale::of(candidates.iter().map(|candidate| candidate.lexical));
                // If no passage has a word of the query, no passage is good by words.
                let words = |score| if lexical.greatest > 0.0 { lexical.scaled(score) } else { 0.0 };
                let score = |candidate: &FusionCandidate| {
                    alpha * nearness.scaled(candidate.nearness) + (1.0 - alpha) * words(candidate.lexical)
                };
                candidates.iter().map(score).collect()
            }
            Self::Rrf => {
                let part = |rank: Option<usize>| rank.map_or(0.0, |rank| 1.0 / (RRF + rank as f32));
                // Equal weights are 1 on each side, as in the paper.
                let score = |candidate: &FusionCandidate| {
                    2.0 * (alpha * part(candidate.ranks[0]) + (1.0 - alpha) * part(candidate.ranks[1]))
                };
                candidates.iter().map(score).collect()
            }
        }
    }
}

/// The fused score of a passage with this cosine and this BM25, of which `most` is possible.
pub(super) fn absolute(cosine: f32, lexical: f32, alpha: f32, most: f32) -> f32 {
    let words = if most > 0.0 { lexical / most } else { 0.0 };
    alpha * cosine.abs().powf(POWER).copysign(cosine) + (1.0 - alpha) * words
}

/// The range of scores.
struct Scale {
    least: f32,
    greatest: f32,
}

impl Scale {
    fn of(scores: impl Iterator<Item = f32>) -> Self {
        // `min` and `max` ignore NaN.
        let start = Self { least: f32::INFINITY, greatest: f32::NEG_INFINITY };
        scores.fold(start, |scale, score| Self { least: scale.least.min(score), greatest: scale.greatest.max(score) })
    }

    /// Scales a score: the least score and NaN become 0, and the greatest becomes 1. If all scores are equal, they
    /// become 1.
    fn scaled(&self, score: f32) -> f32 {
        if score.is_nan() {
            0.0
        } else if self.greatest > self.least {
            (score - self.least) / (self.greatest - self.least)
        } else {
            1.0
        }
    }
}

impl FromStr for Fusion {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|fusion| fusion.name() == word);
        known.ok_or_else(|| format!("no fusion {word:?}: expected absolute, minmax or rrf"))
    }
}

impl fmt::Display for Fusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates() -> [FusionCandidate; 3] {
        let candidate =
            |key, nearness, lexical, ranks| FusionCandidate { key, nearness, cosine: nearness, lexical, ranks };
        [
            candidate(1, 0.9, 0.0, [Some(1), None]),
            candidate(2, 0.5, 8.0, [Some(2), Some(1)]),
            candidate(3, f32::NAN, 2.0, [None, Some(2)]),
        ]
    }

    #[test]
    fn an_absolute_score_depends_on_its_passage_alone() {
        let together = Fusion::Absolute.scores(&candidates()[..2], 0.5, 10.0);
        for (candidate, score) in candidates().iter().zip(&together) {
            assert_eq!(Fusion::Absolute.scores(&[*candidate], 0.5, 10.0), [*score]);
        }
        assert!((together[1] - (0.5 * 0.5_f32.powf(1.5) + 0.5 * 0.8)).abs() < 1e-6, "{together:?}");
        // An index that gives no vectors back: the passage is not nearer than those that were found.
        assert!((Fusion::Absolute.scores(&candidates(), 1.0, 10.0)[2] - 0.5_f32.powf(1.5)).abs() < 1e-6);
        assert_eq!(absolute(-0.25, 0.0, 1.0, 0.0), -0.125);
    }

    #[test]
    fn min_max_scales_each_side_to_its_candidates() {
        assert_eq!(Fusion::MinMax.scores(&candidates(), 0.25, 10.0), [0.25, 0.75, 0.1875]);
        assert_eq!(Fusion::MinMax.scores(&candidates(), 1.0, 10.0), [1.0, 0.0, 0.0]);
        assert_eq!(Fusion::MinMax.scores(&candidates()[1..2], 0.5, 10.0), [1.0]);
        assert_eq!(Fusion::MinMax.scores(&candidates()[..1], 0.5, 10.0), [0.5], "no word of the query");
        assert!(Fusion::MinMax.scores(&[], 0.5, 10.0).is_empty());
    }

    #[test]
    fn reciprocal_ranks_are_added() {
        let expected = [1.0 / 61.0, 1.0 / 62.0 + 1.0 / 61.0, 1.0 / 62.0];
        for (found, expected) in Fusion::Rrf.scores(&candidates(), 0.5, 10.0).into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-7, "{found}, not {expected}");
        }
    }

    #[test]
    fn fusions_are_spelled_as_documented() {
        assert_eq!("rrf".parse(), Ok(Fusion::Rrf));
        assert!(Fusion::ALL.into_iter().all(|fusion| fusion.to_string().parse() == Ok(fusion)));
        assert!("max".parse::<Fusion>().unwrap_err().contains("expected absolute, minmax or rrf"));
    }
}

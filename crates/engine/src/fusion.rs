//! Fuses two rankings into one.

use std::fmt;
use std::str::FromStr;

/// How dense and lexical rankings are fused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fusion {
    /// Each side's scores are scaled to 0 for its lowest candidate and 1 for its best, then weighted and added (Bruch et
    /// al. 2023, *An Analysis of Fusion Functions for Hybrid Retrieval*).
    #[default]
    MinMax,
    /// Reciprocal ranks: 1 / (60 + rank) of both sides, added (Cormack et al. 2009). Scores do not count.
    Rrf,
}

/// The constant of Cormack et al.
const RRF: f32 = 60.0;

/// A passage that either side found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct FusionCandidate {
    pub(super) key: u64,
    /// The nearness: an inner product, or a negated distance. NaN if it is not known.
    pub(super) nearness: f32,
    /// BM25.
    pub(super) lexical: f32,
    /// The rank on each side, from 1, if that side found the passage.
    pub(super) ranks: [Option<usize>; 2],
}

impl Fusion {
    /// The fused score of each candidate. `alpha` is the weight of the dense side.
    pub(super) fn scores(self, candidates: &[FusionCandidate], alpha: f32) -> Vec<f32> {
        match self {
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
        [Self::MinMax, Self::Rrf]
            .into_iter()
            .find(|fusion| fusion.to_string() == word)
            .ok_or_else(|| format!("no fusion {word:?}: expected minmax or rrf"))
    }
}

impl fmt::Display for Fusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MinMax => "minmax",
            Self::Rrf => "rrf",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates() -> [FusionCandidate; 3] {
        let candidate = |key, nearness, lexical, ranks| FusionCandidate { key, nearness, lexical, ranks };
        [
            candidate(1, 0.9, 0.0, [Some(1), None]),
            candidate(2, 0.5, 8.0, [Some(2), Some(1)]),
            candidate(3, f32::NAN, 2.0, [None, Some(2)]),
        ]
    }

    #[test]
    fn min_max_scales_each_side_to_its_candidates() {
        assert_eq!(Fusion::MinMax.scores(&candidates(), 0.25), [0.25, 0.75, 0.1875]);
        assert_eq!(Fusion::MinMax.scores(&candidates(), 1.0), [1.0, 0.0, 0.0]);
        assert_eq!(Fusion::MinMax.scores(&candidates()[1..2], 0.5), [1.0]);
        assert_eq!(Fusion::MinMax.scores(&candidates()[..1], 0.5), [0.5], "no word of the query");
        assert!(Fusion::MinMax.scores(&[], 0.5).is_empty());
    }

    #[test]
    fn reciprocal_ranks_are_added() {
        let expected = [1.0 / 61.0, 1.0 / 62.0 + 1.0 / 61.0, 1.0 / 62.0];
        for (found, expected) in Fusion::Rrf.scores(&candidates(), 0.5).into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-7, "{found}, not {expected}");
        }
    }

    #[test]
    fn fusions_are_spelled_as_documented() {
        assert_eq!("rrf".parse(), Ok(Fusion::Rrf));
        assert_eq!(Fusion::default().to_string(), "minmax");
        assert!("max".parse::<Fusion>().unwrap_err().contains("expected minmax or rrf"));
    }
}

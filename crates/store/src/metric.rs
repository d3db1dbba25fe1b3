//! How two vectors are compared.
//!
//! Everything that differs between metrics is here: the comparison, which of two scores is better, the sign that turns
//! a score into a nearness, and the name. What FAISS and the scan over bytes need to know about a metric is in their
//! own modules.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use semsearch_kernels::Isa;
use serde::{Deserialize, Serialize};

/// How two vectors are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// Inner product: the larger, the nearer. For normalized vectors it is the cosine.
    #[default]
    Ip,
    /// Squared Euclidean distance: the smaller, the nearer.
    L2,
}

impl Metric {
    /// All metrics.
    pub const ALL: [Self; 2] = [Self::Ip, Self::L2];

    /// The metric's name, as it is typed and recorded.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ip => "ip",
            Self::L2 => "l2",
        }
    }

    /// The score of two vectors of the same length.
    pub fn score(self, isa: Isa, a: &[f32], b: &[f32]) -> f32 {
        match self {
            Self::Ip => isa.inner_product(a, b),
            Self::L2 => isa.squared_distance(a, b),
        }
    }

    /// The sign that turns a score into a nearness, of which a larger value is better.
    fn sign(self) -> f32 {
        match self {
            Self::Ip => 1.0,
            Self::L2 => -1.0,
        }
    }

    /// Converts a score to a nearness, of which a larger value is better, or a nearness to a score.
    pub fn nearness(self, score: f32) -> f32 {
        self.sign() * score
    }

    /// The cosine of two vectors of length 1 that have this score.
    pub fn cosine(self, score: f32) -> f32 {
        match self {
            Self::Ip => score,
            Self::L2 => 1.0 - score / 2.0,
        }
    }

    /// The order of two scores: `Less` if `a` is better, so that sorting puts the best score first. Scores that are NaN
    /// have a place in this order too.
    pub fn order(self, a: f32, b: f32) -> Ordering {
        match self {
            Self::Ip => b.total_cmp(&a),
            Self::L2 => a.total_cmp(&b),
        }
    }

    /// Whether a score is at least as good as `bound`.
    pub fn reaches(self, score: f32, bound: f32) -> bool {
        self.nearness(score) >= self.nearness(bound)
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Metric {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|metric| metric.name() == word)
            .ok_or_else(|| format!("no metric {word:?}: expected {}", Self::ALL.map(Self::name).join(" or ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_better_score_comes_first_and_reaches_the_bound() {
        assert_eq!(Metric::Ip.order(0.9, 0.1), Ordering::Less);
        assert_eq!(Metric::L2.order(0.9, 0.1), Ordering::Greater);
        assert!(Metric::Ip.reaches(0.5, 0.5) && Metric::Ip.reaches(0.6, 0.5) && !Metric::Ip.reaches(0.4, 0.5));
        assert!(Metric::L2.reaches(0.5, 0.5) && Metric::L2.reaches(0.4, 0.5) && !Metric::L2.reaches(0.6, 0.5));
        assert!(Metric::ALL.into_iter().all(|metric| !metric.reaches(f32::NAN, 0.0)));
    }

    #[test]
    fn the_score_of_two_vectors_is_their_product_or_distance() {
        let (a, b) = ([1.0, 2.0, 3.0], [3.0, 0.0, 1.0]);
        assert_eq!(Metric::Ip.score(Isa::best(), &a, &b), 6.0);
        assert_eq!(Metric::L2.score(Isa::best(), &a, &b), 12.0);
    }

    #[test]
    fn the_cosine_of_unit_vectors_follows_from_either_score() {
        let (a, b) = ([0.6, 0.8], [1.0, 0.0]);
        for metric in Metric::ALL {
            assert!((metric.cosine(metric.score(Isa::best(), &a, &b)) - 0.6).abs() < 1e-6, "{metric}");
        }
    }

    #[test]
    fn metrics_are_spelled_as_documented() {
        assert_eq!("l2".parse(), Ok(Metric::L2));
        assert_eq!("cos".parse::<Metric>(), Err("no metric \"cos\": expected ip or l2".into()));
    }
}

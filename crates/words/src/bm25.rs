//! BM25 (Robertson and Zaragoza 2009), with k₁ = 1.2 and b = 0.75, computed by tantivy's own code: every store gives a
//! passage the same score, to the last bit.

use tantivy::fieldnorm::FieldNormReader;
use tantivy::query::Bm25Weight;

/// tantivy's k₁.
const K1: f32 = 1.2;

/// What the scores of an index depend on beside the passage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WordStatistics {
    /// The number of passages.
    pub passages: u64,
    /// The number of words of all passages together.
    pub words: u64,
}

/// How much a word counts in an index.
#[derive(Clone)]
pub struct WordWeight(Bm25Weight);

impl WordWeight {
    /// The weight of a word that `with` passages have, which are no more than all passages.
    pub fn new(statistics: WordStatistics, with: u64) -> Self {
        let WordStatistics { passages, words } = statistics;
        Self(Bm25Weight::for_one_term_without_explain(with.min(passages), passages, words as f32 / passages as f32))
    }

    /// What the word adds to the score of a passage of this length, in which it occurs so often.
    pub fn score(&self, length: u64, times: u32) -> f32 {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        self.0.score(FieldNormReader::fieldnorm_to_id(length), times)
    }
}

/// The length that counts for a passage of so many words: the largest of 256 classes that is not above it.
pub fn length_class(length: u64) -> u32 {
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    FieldNormReader::id_to_fieldnorm(FieldNormReader::fieldnorm_to_id(length))
}

/// What a word that `with` of all `passages` have adds to a score at most: its inverse document frequency times k₁ + 1.
/// The subtraction is of whole numbers, as in tantivy: the difference of two large floats would be another number.
pub fn most_of(passages: u64, with: u64) -> f32 {
    let (without, with) = (passages.saturating_sub(with) as f32, with as f32);
    (1.0 + (without + 0.5) / (with + 0.5)).ln() * (K1 + 1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The formula as it is written in books.
    fn naive(statistics: WordStatistics, with: u64, length: u32, times: u32) -> f64 {
        let (passages, with) = (statistics.passages as f64, with as f64);
        let idf = (1.0 + (passages - with + 0.5) / (with + 0.5)).ln();
        let mean = statistics.words as f64 / passages;
        let times = f64::from(times);
        idf * times * 2.2 / (times + 1.2 * (0.25 + 0.75 * f64::from(length) / mean))
    }

    #[test]
    fn one_passage_without_the_word_counts_where_a_float_cannot_tell_it() {
        let (passages, with) = (20_000_001, 20_000_000);
        let score = WordWeight::new(WordStatistics { passages, words: passages }, with).score(1, 1000);
        assert!(score > 0.0 && score <= most_of(passages, with), "{score}");
    }

    /// The logarithm is of 1 + x in single precision, which is off by up to half of ε, and a word adds up to 2.2 times that.
    /// So the score of a word that almost every passage has is exact to so much only.
    const ROUNDED: f64 = 2.2 * f32::EPSILON as f64;

    /// The number of passages, up to four billion, and of those with a word: any of them, few, or almost all.
    fn passages() -> impl Strategy<Value = (u64, u64)> {
        (1_u64..4_000_000_000)
            .prop_flat_map(|all| (Just(all), prop_oneof![0..=all, 0..=all.min(100), all.saturating_sub(100)..=all]))
    }

    proptest! {
        #[test]
        fn a_score_is_that_of_the_formula_and_never_above_the_most(
            (passages, with) in passages(),
            words in 1_u64..1_000_000_000_000,
            length in 1_u64..100_000,
            times in 1_u32..1000,
        ) {
            let statistics = WordStatistics { passages, words: words.max(passages) };
            let score = WordWeight::new(statistics, with).score(length, times);
            let expected = naive(statistics, with, length_class(length), times);
            prop_assert!((f64::from(score) - expected).abs() <= 1e-5 * expected + ROUNDED, "{score} {expected}");
            prop_assert!(score <= most_of(passages, with) * 1.000_01);
        }
    }
}

//! The words of a passage as a sparse vector, by which a shard orders passages.
//!
//! Each word has a place, which is a hash of it, and there the part of BM25 that depends on the passage,
//! `tf (k₁ + 1) / (tf + k₁ (1 - b + b length / mean))`. A query has its words' inverse document frequencies at the same
//! places, so the inner product is the score, but for two things: words that share a place are added up, and `mean` is the
//! mean length of passages when the store got its first ones. So it is an upper bound of the score ([`slack`]), and what a
//! shard finds by it is scored again.

use std::collections::BTreeMap;

use bytes::{BufMut, BytesMut};

/// The number of places: pgvector's most.
const PLACES: u32 = 1_000_000_000;

/// The most words of a passage: pgvector's most.
const MOST: usize = 16_000;

/// k₁ and b.
const K1: f64 = 1.2;
const B: f64 = 0.75;

/// The words of a passage, each as its place and how often it occurs, by place. Words may share a place.
pub(crate) struct SparseWords(Vec<(u32, u32)>);

/// The place of a word, from 0.
fn place(word: &str) -> u32 {
    crc32fast::hash(word.as_bytes()) % PLACES
}

impl SparseWords {
    /// The words of a passage; `None` if it has more than a sparse vector can have.
    pub(crate) fn of(words: &[(String, u32)]) -> Option<Self> {
        let mut placed: Vec<(u32, u32)> = words.iter().map(|(word, times)| (place(word), *times)).collect();
        placed.sort_unstable();
        let words = Self(placed);
        (words.places().count() <= MOST).then_some(words)
    }

    /// The places, with the words of each.
    fn places(&self) -> impl Iterator<Item = &[(u32, u32)]> {
        self.0.chunk_by(|one, next| one.0 == next.0)
    }

    /// Writes the vector in the form of pgvector's `sparsevec_recv`, with room for the weights. Returns where they begin.
    pub(crate) fn put_places(&self, out: &mut BytesMut) -> usize {
        let count = self.places().count();
        out.put_i32(12 + 8 * count as i32);
        out.put_i32(PLACES as i32);
        out.put_i32(count as i32);
        out.put_i32(0);
        self.places().for_each(|words| out.put_i32(words[0].0 as i32));
        let at = out.len();
        out.put_bytes(0, 4 * count);
        at
    }

    /// Writes the weights into the room that was left for them.
    pub(crate) fn put_weights(&self, mut room: &mut [u8], class: u32, mean_length: f64) {
        let norm = K1 * (1.0 - B + B * f64::from(class) / mean_length);
        let weight = |times: &u32| f64::from(*times) * (K1 + 1.0) / (f64::from(*times) + norm);
        for words in self.places() {
            room.put_f32(words.iter().map(|(_, times)| weight(times)).sum::<f64>() as f32);
        }
    }
}

/// A query's words, each with its weight, as a literal of SQL.
pub(crate) fn query<'a>(words: impl Iterator<Item = (&'a str, f64)>) -> String {
    let mut places: BTreeMap<u32, f64> = BTreeMap::new();
    words.for_each(|(word, weight)| *places.entry(place(word)).or_default() += weight);
    let listed: Vec<String> =
        places.iter().map(|(place, weight)| format!("{}:{:e}", place + 1, *weight as f32)).collect();
    format!("'{{{}}}/{PLACES}'::sparsevec", listed.join(","))
}

/// By how much a score may exceed the inner product where passages now have the mean length `now`: for no length is the
/// quotient of the two norms above that of the means, or above one.
pub(crate) fn slack(now: f64, mean_length: f64) -> f32 {
    (now / mean_length).max(1.0) as f32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use semsearch_words::{WordStatistics, WordWeight, length_class, most_of};

    use super::*;

    /// The weights that were written, by place.
    fn written(words: &[(String, u32)], class: u32, mean_length: f64) -> BTreeMap<u32, f32> {
        let mut out = BytesMut::new();
        let sparse = SparseWords::of(words).unwrap();
        let at = sparse.put_places(&mut out);
        sparse.put_weights(&mut out[at..], class, mean_length);
        let weights = out[at..].as_chunks::<4>().0.iter().map(|weight| f32::from_be_bytes(*weight));
        sparse.places().map(|words| words[0].0).zip(weights).collect()
    }

    proptest! {
        #[test]
        fn the_inner_product_with_its_slack_is_never_below_the_score(
            counts in proptest::collection::vec(1_u32..50, 1..8),
            other in 0_u32..2000,
            (now, then) in (1.0_f64..2000.0, 1.0_f64..2000.0),
        ) {
            let words: Vec<(String, u32)> = counts.iter().enumerate().map(|(n, times)| (format!("w{n}"), *times)).collect();
            let length = u64::from(counts.iter().sum::<u32>() + other);
            let statistics = WordStatistics { passages: 1000, words: (now * 1000.0) as u64 };
            let weights = written(&words, length_class(length), then);
            let (mut score, mut product) = (0.0_f32, 0.0_f32);
            for (word, times) in &words {
                score += WordWeight::new(statistics, 10).score(length, *times);
                product += weights[&place(word)] * (most_of(1000, 10) / 2.2);
            }
            let bound = product * slack(statistics.words as f64 / 1000.0, then) * 1.000_01;
            prop_assert!(score <= bound, "{score} {bound}");
        }
    }

    #[test]
    fn a_query_has_its_words_at_the_places_of_passages() {
        let literal = query([("a", 1.5), ("a", 1.5)].into_iter());
        assert_eq!(literal, format!("'{{{}:3e0}}/1000000000'::sparsevec", place("a") + 1));
    }
}

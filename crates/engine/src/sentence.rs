//! Finds the sentence of a hit that answers the query.
//!
//! The sentences of ten hits have some thousand tokens. To encode them takes longer than the search, and the nearest of
//! their vectors is not the best sentence: a sentence that repeats the query's subject is nearer than one that says
//! something about it. So each word of the query is compared with each word of a sentence, by the vectors that the model
//! begins with (late interaction: Khattab and Zaharia, "ColBERT", 2020, but without context). ARCHITECTURE.md has the
//! measurement.

use std::collections::HashMap;
use std::ops::Range;

use semsearch_encoder::embedder::Embedder;
use semsearch_kernels::Isa;
use unicode_segmentation::UnicodeSegmentation;

use super::{EngineError, Hit, Query, Searcher};

/// How much of a passage is looked at, in bytes. A passage is only as long as this if its document was not cut.
const MOST: usize = 64 << 10;

/// How many hits tell which words of the query are common in all.
const FIRST: usize = 10;

/// A line of at least so many bytes may have been broken because it was full.
const FULL_LINE: usize = 50;

impl Searcher {
    /// Finds, for each hit, the sentence that answers the query best.
    ///
    /// # Errors
    /// The model cannot be used, or this is a searcher by words.
    pub fn find_sentences(&self, query: &Query, hits: &mut [Hit]) -> Result<(), EngineError> {
        let embedder = self.embedder("to find the best sentence")?;
        let (mut texts, mut places) = (vec![query.text.as_str()], Vec::new());
        for (hit, found) in hits.iter().enumerate() {
            for place in sentences(&found.document.text) {
                texts.push(&found.document.text[place.clone()]);
                places.push((hit, place));
            }
        }
        let tokens = embedder.tokenizer().tokenize(&texts)?.ids;
        let nearness = Nearness::new(embedder, &tokens.iter().flatten().copied().collect::<Vec<_>>(), tokens.get(0))?;
        let scores: Vec<Vec<f32>> = (1..tokens.len()).map(|row| nearness.of(tokens.get(row))).collect();
        let of_first = places.partition_point(|(hit, _)| *hit < FIRST);
        let in_all = weights(&scores[..of_first], tokens.get(0).len());
        let mut row = 0;
        for of_hit in places.chunk_by(|a, b| a.0 == b.0) {
            let best = answering(&scores[row..][..of_hit.len()], &in_all);
            hits[of_hit[0].0].sentence = best.map(|at| of_hit[at].1.clone());
            row += of_hit.len();
        }
        Ok(())
    }
}

/// The sentences of a text, without the white space around them.
fn sentences(text: &str) -> impl Iterator<Item = Range<usize>> {
    let text = &text[..text.floor_char_boundary(MOST)];
    let joined = joined(text);
    let places: Vec<_> =
        joined.split_sentence_bound_indices().map(|(start, sentence)| start..start + sentence.len()).collect();
    places.into_iter().filter_map(|place| trimmed(text, place))
}

/// A place without the white space at its ends; `None` if nothing is left.
fn trimmed(text: &str, place: Range<usize>) -> Option<Range<usize>> {
    let shown = text[place.clone()].trim();
    let start = place.end - text[place.clone()].trim_start().len();
    (!shown.is_empty()).then(|| start..start + shown.len())
}

/// The text with spaces for the ends of lines that were only broken because they were full: long ones before a line that
/// begins with a letter or a digit. A sentence goes on after such an end, and ends at any other.
fn joined(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    let mut lines = text.split('\n').peekable();
    while let Some(line) = lines.next() {
        joined.push_str(line);
        if let Some(next) = lines.peek() {
            let goes_on = line.len() >= FULL_LINE && next.starts_with(char::is_alphanumeric);
            joined.push(if goes_on { ' ' } else { '\n' });
        }
    }
    joined
}

/// How near each word of a query is to the words of some texts.
struct Nearness {
    /// The row of a token in `cosines`.
    rows: HashMap<u32, usize>,
    /// For each token, its cosines with the query's tokens.
    cosines: Vec<Vec<f32>>,
    query: usize,
}

impl Nearness {
    /// Compares all `tokens`, which may repeat, with those of the query.
    fn new(embedder: &Embedder, tokens: &[u32], query: &[u32]) -> Result<Self, EngineError> {
        let mut rows = HashMap::new();
        let mut different = Vec::new();
        for &token in tokens {
            rows.entry(token).or_insert_with(|| {
                different.push(token);
                different.len() - 1
            });
        }
        let (words, of_query) = (embedder.word_vectors(&different)?, embedder.word_vectors(query)?);
        let isa = Isa::best();
        let length = |word: &[f32]| isa.inner_product(word, word).sqrt().max(f32::MIN_POSITIVE);
        let lengths: Vec<f32> = of_query.iter().map(length).collect();
        let cosines = |word: &[f32]| {
            let (own, others) = (length(word), of_query.iter().zip(&lengths));
            others.map(|(other, length)| isa.inner_product(word, other) / (own * length)).collect()
        };
        Ok(Self { rows, cosines: words.iter().map(cosines).collect(), query: query.len() })
    }

    /// For each token of the query, its cosine with the nearest of `tokens`; at least 0.
    fn of(&self, tokens: &[u32]) -> Vec<f32> {
        let mut nearest = vec![0.0_f32; self.query];
        for cosines in tokens.iter().filter_map(|token| self.cosines.get(*self.rows.get(token)?)) {
            nearest.iter_mut().zip(cosines).for_each(|(nearest, cosine)| *nearest = nearest.max(*cosine));
        }
        nearest
    }
}

/// Which sentence answers best; the first of equal ones. A row of `scores` has, for each word of the query, how near the
/// sentence has it. The nearness is summed up over the words, by their weights among these sentences and `in_all`.
fn answering(scores: &[Vec<f32>], in_all: &[f32]) -> Option<usize> {
    let weights: Vec<f32> = weights(scores, in_all.len()).iter().zip(in_all).map(|(own, all)| own * all).collect();
    let total = |row: &Vec<f32>| row.iter().zip(&weights).map(|(near, weight)| near * weight).sum::<f32>();
    let totals = scores.iter().map(total).enumerate();
    totals.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(at, _)| at)
}

/// The weight of each of `words` words: ln((n + 1) / (s + ½)) for n sentences, where s is the sum of its nearness in all of
/// them. A word that every sentence has tells nothing about which is best.
fn weights(scores: &[Vec<f32>], words: usize) -> Vec<f32> {
    let mut sums = vec![0.0_f32; words];
    for row in scores {
        sums.iter_mut().zip(row).for_each(|(sum, near)| *sum += near);
    }
    sums.iter().map(|sum| ((scores.len() as f32 + 1.0) / (sum + 0.5)).ln()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_trimmed_and_bounded() {
        let text = " One here.  Two\n\tthere! ";
        assert_eq!(sentences(text).map(|place| &text[place]).collect::<Vec<_>>(), ["One here.", "Two", "there!"]);
        let long = "ä. ".repeat(MOST);
        assert!(sentences(&long).last().unwrap().end <= MOST);
        assert_eq!(sentences(" \n ").count(), 0);
    }

    #[test]
    fn a_word_that_every_sentence_has_decides_nothing() {
        // The first word is everywhere; the second, which is rare, is in the last sentence.
        assert_eq!(answering(&[vec![1.0, 0.1], vec![0.9, 0.2], vec![0.9, 1.0]], &[1.0, 1.0]), Some(2));
        assert_eq!(answering(&[vec![1.0], vec![1.0]], &[1.0]), Some(0));
        assert_eq!(answering(&[], &[1.0]), None);
    }

    #[test]
    fn a_sentence_goes_on_where_a_full_line_was_broken() {
        let text = format!("{}\nand so on. Next.\n    indented\nshort\nlines", "word ".repeat(12).trim());
        let found: Vec<_> = sentences(&text).map(|place| text[place].replace('\n', "|")).collect();
        assert_eq!(found[0], format!("{}|and so on.", "word ".repeat(12).trim()));
        assert_eq!(found[1..], ["Next.", "indented", "short", "lines"]);
    }
}

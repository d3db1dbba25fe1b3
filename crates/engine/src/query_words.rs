//! The words of a query, found again in a text.

use std::collections::HashSet;
use std::ops::Range;

use semsearch_store::Word;

/// English words that occur in nearly every question and text. They are not marked.
const COMMON: [&str; 40] = [
    "a", "an", "and", "are", "as", "at", "be", "by", "did", "do", "does", "for", "from", "had", "has", "have", "how",
    "in", "is", "it", "its", "of", "on", "or", "that", "the", "their", "to", "was", "were", "what", "when", "where",
    "which", "who", "whom", "whose", "why", "will", "with",
];

/// Divides a text into words.
type Split<'a> = Box<dyn Fn(&str) -> Vec<Word> + 'a>;

/// The words to mark for a query: all that have the same stem as one of the query's words.
pub struct QueryWords<'a> {
    split: Split<'a>,
    stems: HashSet<String>,
}

impl<'a> QueryWords<'a> {
    /// The words of `query`. `split` divides a text into words, as an index does
    /// ([`Snapshot::split`](semsearch_store::Snapshot::split)).
    pub fn of(query: &str, split: impl Fn(&str) -> Vec<Word> + 'a) -> Self {
        let worth = |word: &Word| !COMMON.contains(&query[word.bytes.clone()].to_lowercase().as_str());
        let stems = split(query).into_iter().filter(worth).map(|word| word.stem).collect();
        Self { split: Box::new(split), stems }
    }

    /// No words.
    pub fn none() -> Self {
        Self { split: Box::new(|_| Vec::new()), stems: HashSet::new() }
    }

    /// The words of `text` that the query has, in their order. None of them overlap.
    pub fn found(&self, text: &str) -> Vec<Word> {
        if self.stems.is_empty() {
            return Vec::new();
        }
        let mut found: Vec<Word> = (self.split)(text);
        found.retain(|word| self.stems.contains(&word.stem));
        // The parts of a word that is marked are marked with it.
        let mut end = 0;
        found.retain(|word| {
            let is_new = word.bytes.start >= end;
            end = end.max(word.bytes.end);
            is_new
        });
        found
    }

    /// The places of these words, in bytes of `text`.
    pub fn places(&self, text: &str) -> Vec<Range<usize>> {
        self.found(text).into_iter().map(|word| word.bytes).collect()
    }
}

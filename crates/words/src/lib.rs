//! The words of lexical search: how a text is split and stemmed, and how a passage is scored by its words.
//!
//! Every store uses these, so that the same texts have the same words and the same scores, wherever they are kept. How
//! words are looked up is the store's task.

mod bm25;
mod parts;
mod segments;

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

use semsearch_store::{Analysis, Language, Splitting, Word};
use tantivy::tokenizer::{
    Language as Stemmed, LowerCaser, MAX_TOKEN_LEN, Stemmer, TextAnalyzer, Token, TokenStream, Tokenizer,
};
use unicode_segmentation::UnicodeSegmentation;

pub use bm25::{WordStatistics, WordWeight, length_class, most_of};
use parts::{digits, parts};
use segments::Segments;

/// tantivy's stemmers (the Snowball algorithms), by the names of their languages.
const STEMMERS: [(&str, Stemmed); 18] = [
    ("arabic", Stemmed::Arabic),
    ("danish", Stemmed::Danish),
    ("dutch", Stemmed::Dutch),
    ("english", Stemmed::English),
    ("finnish", Stemmed::Finnish),
    ("french", Stemmed::French),
    ("german", Stemmed::German),
    ("greek", Stemmed::Greek),
    ("hungarian", Stemmed::Hungarian),
    ("italian", Stemmed::Italian),
    ("norwegian", Stemmed::Norwegian),
    ("portuguese", Stemmed::Portuguese),
    ("romanian", Stemmed::Romanian),
    ("russian", Stemmed::Russian),
    ("spanish", Stemmed::Spanish),
    ("swedish", Stemmed::Swedish),
    ("tamil", Stemmed::Tamil),
    ("turkish", Stemmed::Turkish),
];

/// The most words that hyphens join to one word. More of them are a list.
const MOST_JOINED: usize = 8;

/// The words of `text`: letters and digits, in lower case, stemmed by the rules of the language. Each has its byte range
/// in `text`. They are in the order in which they start; a word comes before its parts.
pub fn words_of(analysis: Analysis, text: &str) -> Vec<Word> {
    let mut analyzer = analyzer(analysis);
    let mut stream = analyzer.token_stream(text);
    let mut words = Vec::new();
    while let Some(token) = stream.next() {
        words.push(Word { stem: token.text.clone(), bytes: token.offset_from..token.offset_to });
    }
    words
}

/// The words of a passage and how often each occurs, in the order of their bytes. `texts` are the passage's title, text
/// and whatever else it is found by.
pub fn counted_words<'a>(analysis: Analysis, texts: impl IntoIterator<Item = &'a str>) -> Vec<(String, u32)> {
    let mut counts = BTreeMap::new();
    for text in texts {
        let words = words_of(analysis, text).into_iter().map(|word| word.stem);
        words.filter(|stem| stem.len() <= MAX_TOKEN_LEN).for_each(|stem| *counts.entry(stem).or_default() += 1);
    }
    counts.into_iter().collect()
}

/// The analyzer that splits a text into words for tantivy.
pub fn analyzer(analysis: Analysis) -> TextAnalyzer {
    let words = TextAnalyzer::builder(Splitter(analysis.splitting)).filter(LowerCaser);
    match stemmer(analysis.language) {
        Some(stemmer) => words.filter(Stemmer::new(stemmer)).build(),
        None => words.build(),
    }
}

fn stemmer(language: Language) -> Option<Stemmed> {
    let name = language.name()?;
    STEMMERS.iter().find(|(known, _)| *known == name).map(|(_, stemmer)| *stemmer)
}

/// Splits a text into words, for tantivy.
#[derive(Clone)]
struct Splitter(Splitting);

impl Tokenizer for Splitter {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        let words: Box<dyn Iterator<Item = Found<'a>> + 'a> = match self.0 {
            Splitting::Unicode => Box::new(text.unicode_word_indices().map(Found::from)),
            Splitting::Parts => Box::new(WithParts::of(text)),
        };
        WordStream { words, token: Token::default() }
    }
}

/// A word as it was found: where it starts, how many bytes it has, and its letters.
struct Found<'a> {
    start: usize,
    length: usize,
    letters: Cow<'a, str>,
}

impl<'a> From<(usize, &'a str)> for Found<'a> {
    fn from((start, word): (usize, &'a str)) -> Self {
        Self { start, length: word.len(), letters: word.into() }
    }
}

/// The words of a text as tantivy takes them.
struct WordStream<'a> {
    words: Box<dyn Iterator<Item = Found<'a>> + 'a>,
    token: Token,
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        let Some(Found { start, length, letters }) = self.words.next() else { return false };
        self.token.text.clear();
        self.token.text.push_str(&letters);
        (self.token.offset_from, self.token.offset_to) = (start, start + length);
        self.token.position = self.token.position.wrapping_add(1);
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

/// The words of a text, each followed by its parts.
struct WithParts<'a> {
    text: &'a str,
    words: std::iter::Peekable<Segments<'a>>,
    /// What comes next.
    next: VecDeque<Found<'a>>,
}

impl<'a> WithParts<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, words: Segments::of(text).peekable(), next: VecDeque::new() }
    }

    /// Adds a word and its parts.
    fn add(&mut self, (start, word): (usize, &'a str)) {
        self.next.push_back((start, word).into());
        if let Some(digits) = digits(word) {
            self.next.push_back(Found { start, length: word.len(), letters: digits.into() });
        }
        self.next.extend(parts(word).into_iter().map(|part| Found::from((start + part.start, &word[part]))));
    }
}

impl<'a> Iterator for WithParts<'a> {
    type Item = Found<'a>;

    fn next(&mut self) -> Option<Found<'a>> {
        if let Some(found) = self.next.pop_front() {
            return Some(found);
        }
        // Words that hyphens join are also one word, without hyphens: `half-time` is found by `halftime`.
        let mut joined = vec![self.words.next()?];
        while let Some(&(at, word)) = self.words.peek() {
            let end = joined.last().map_or(0, |(start, word)| start + word.len());
            if &self.text[end..at] != "-" || joined.len() == MOST_JOINED {
                break;
            }
            joined.push((at, word));
            self.words.next();
        }
        if let [(start, _), .., (last, word)] = joined[..] {
            let whole = &self.text[start..last + word.len()];
            self.next.push_back(Found { start, length: whole.len(), letters: whole.replace('-', "").into() });
        }
        joined.into_iter().for_each(|word| self.add(word));
        self.next.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stems(language: &str, text: &str) -> Vec<String> {
        let analysis = Analysis { language: language.parse().unwrap(), splitting: Splitting::Parts };
        words_of(analysis, text).into_iter().map(|word| word.stem).collect()
    }

    #[test]
    fn words_are_lower_case_and_stemmed_in_their_language() {
        assert_eq!(
            stems("english", "Who HEADLINED the 50th half-time shows?"),
            ["who", "headlin", "the", "50th", "50", "th", "halftim", "half", "time", "show"]
        );
        assert_eq!(stems("none", "Häuser, naïve Œuvres"), ["häuser", "naïve", "œuvres"]);
        assert_eq!(stems("german", "Häuser"), ["haus"]);
    }

    #[test]
    fn an_older_index_has_words_without_parts() {
        let words = words_of(Analysis::default(), "The HTTPServer of half-time 東京");
        let stems: Vec<_> = words.iter().map(|word| word.stem.as_str()).collect();
        assert_eq!(stems, ["the", "httpserver", "of", "half", "time", "東", "京"]);
    }

    #[test]
    fn parts_follow_their_word() {
        assert_eq!(stems("none", "HTTPServer"), ["httpserver", "http", "server"]);
        assert_eq!(stems("none", "--no-title=1,200"), ["notitle", "no", "title", "1,200", "1200"]);
        assert_eq!(stems("none", "a - b -c d-"), ["a", "b", "c", "d"]);
        let list = "a-".repeat(20);
        assert!(stems("none", &list).iter().all(|word| word.len() <= MOST_JOINED));
    }

    #[test]
    fn a_dictionary_divides_what_has_no_spaces() {
        assert_eq!(stems("none", "我在北京大学学习。"), ["我在", "北京", "大学", "学习"]);
        assert_eq!(stems("none", "東京タワーで食べる 2024年"), ["東京", "タワー", "で", "食べる", "2024", "年"]);
        assert_eq!(stems("none", "ภาษาไทยง่าย ok"), ["ภาษา", "ไทย", "ง่าย", "ok"]);
    }

    #[test]
    fn a_word_knows_where_it_stands() {
        for splitting in [Splitting::Unicode, Splitting::Parts] {
            let analysis = Analysis { splitting, ..Analysis::default() };
            let text = "«Été», running 北京";
            let words = words_of(analysis, text);
            let places: Vec<&str> = words.iter().map(|word| &text[word.bytes.clone()]).take(2).collect();
            assert_eq!(places, ["Été", "running"]);
        }
    }

    proptest! {
        #[test]
        fn words_of_any_text_have_places(text in "\\PC{0,60}|[a-zA-Z0-9_.' 京東ไทย-]{0,40}") {
            let analysis = Analysis { language: Language::NONE, splitting: Splitting::Parts };
            let words = words_of(analysis, &text);
            prop_assert!(words.is_sorted_by_key(|word| word.bytes.start));
            for word in words {
                prop_assert!(!text[word.bytes].trim().is_empty());
            }
        }
    }

    #[test]
    fn every_language_has_a_stemmer_and_none_has_none() {
        assert!(Language::all().all(|language| stemmer(language).is_some() == (language != Language::NONE)));
    }
}

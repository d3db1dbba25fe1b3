//! What counts as a word: the tokens of lexical search.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tantivy::tokenizer::{Language as Stemmed, LowerCaser, Stemmer, TextAnalyzer, Token, TokenStream, Tokenizer};
use unicode_segmentation::{UnicodeSegmentation, UnicodeWordIndices};

/// The analyzer's name in tantivy's schema.
pub(super) const WORDS: &str = "words";

/// Languages whose words can be stemmed, by name (the Snowball algorithms).
const LANGUAGES: [(&str, Stemmed); 18] = [
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

/// The language by which words are reduced to their stems, if they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Language(Option<Stemmed>);

impl Language {
    /// Words stay as they are.
    pub const NONE: Self = Self(None);

    /// The words of `text`: letters and digits, in lower case, stemmed; with the bytes of `text` that each stands at.
    pub fn words(self, text: &str) -> Vec<Word> {
        let mut analyzer = self.analyzer();
        let mut stream = analyzer.token_stream(text);
        let mut words = Vec::new();
        while let Some(token) = stream.next() {
            words.push(Word { stem: token.text.clone(), bytes: token.offset_from..token.offset_to });
        }
        words
    }

    pub(super) fn analyzer(self) -> TextAnalyzer {
        let words = TextAnalyzer::builder(UnicodeWords).filter(LowerCaser);
        match self.0 {
            Some(language) => words.filter(Stemmer::new(language)).build(),
            None => words.build(),
        }
    }
}

/// Words as Unicode has them (UAX #29): letters and digits between borders, an ideograph each.
#[derive(Clone)]
struct UnicodeWords;

struct UnicodeWordStream<'a> {
    words: UnicodeWordIndices<'a>,
    token: Token,
}

impl Tokenizer for UnicodeWords {
    type TokenStream<'a> = UnicodeWordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> UnicodeWordStream<'a> {
        UnicodeWordStream { words: text.unicode_word_indices(), token: Token::default() }
    }
}

impl TokenStream for UnicodeWordStream<'_> {
    fn advance(&mut self) -> bool {
        let Some((start, word)) = self.words.next() else { return false };
        self.token.text.clear();
        self.token.text.push_str(word);
        (self.token.offset_from, self.token.offset_to) = (start, start + word.len());
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

/// A word in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// What is compared.
    pub stem: String,
    /// Where it stands.
    pub bytes: std::ops::Range<usize>,
}

impl Default for Language {
    fn default() -> Self {
        Self(Some(Stemmed::English))
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = LANGUAGES.iter().find(|(_, language)| Some(*language) == self.0);
        f.write_str(known.map_or("none", |(name, _)| name))
    }
}

impl FromStr for Language {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let lower = word.to_lowercase();
        let known = LANGUAGES.iter().find(|(name, _)| *name == lower).map(|(_, language)| Self(Some(*language)));
        known.or((lower == "none").then_some(Self::NONE)).ok_or_else(|| {
            let names = LANGUAGES.map(|(name, _)| name).join(", ");
            format!("no stemming for {word:?}: expected none, {names}")
        })
    }
}

impl TryFrom<String> for Language {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        word.parse()
    }
}

impl From<Language> for String {
    fn from(language: Language) -> Self {
        language.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stems(language: &str, text: &str) -> Vec<String> {
        language.parse::<Language>().unwrap().words(text).into_iter().map(|word| word.stem).collect()
    }

    #[test]
    fn words_are_lower_case_and_stemmed_in_their_language() {
        assert_eq!(
            stems("english", "Who HEADLINED the 50th half-time shows?"),
            ["who", "headlin", "the", "50th", "half", "time", "show"]
        );
        assert_eq!(stems("none", "Häuser, naïve Œuvres"), ["häuser", "naïve", "œuvres"]);
        assert_eq!(stems("german", "Häuser"), ["haus"]);
        assert!(
            "klingon"
                .parse::<Language>()
                .unwrap_err()
                .starts_with("no stemming for \"klingon\": expected none, arabic,")
        );
    }

    #[test]
    fn a_word_knows_where_it_stands() {
        let words = Language::default().words("«Été», running");
        assert_eq!(
            words.iter().map(|word| &"«Été», running"[word.bytes.clone()]).collect::<Vec<_>>(),
            ["Été", "running"]
        );
    }

    #[test]
    fn every_language_is_named_as_it_is_parsed() {
        for (name, _) in LANGUAGES.iter().chain([&("none", Stemmed::English)]) {
            assert_eq!(name.parse::<Language>().unwrap().to_string(), *name);
        }
    }
}

//! What counts as a word: the tokens of lexical search.

use semsearch_store::Language;
use tantivy::tokenizer::{Language as Stemmed, LowerCaser, Stemmer, TextAnalyzer, Token, TokenStream, Tokenizer};
use unicode_segmentation::{UnicodeSegmentation, UnicodeWordIndices};

/// The analyzer's name in tantivy's schema.
pub(super) const WORDS: &str = "words";

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

/// The words of `text`: letters and digits, in lower case, stemmed by the rules of `language`. Each has its byte range
/// in `text`.
pub fn words_of(language: Language, text: &str) -> Vec<Word> {
    let mut analyzer = analyzer(language);
    let mut stream = analyzer.token_stream(text);
    let mut words = Vec::new();
    while let Some(token) = stream.next() {
        words.push(Word { stem: token.text.clone(), bytes: token.offset_from..token.offset_to });
    }
    words
}

/// The analyzer that splits a text into words for tantivy.
pub(super) fn analyzer(language: Language) -> TextAnalyzer {
    let words = TextAnalyzer::builder(UnicodeWords).filter(LowerCaser);
    match stemmer(language) {
        Some(stemmer) => words.filter(Stemmer::new(stemmer)).build(),
        None => words.build(),
    }
}

fn stemmer(language: Language) -> Option<Stemmed> {
    let name = language.name()?;
    STEMMERS.iter().find(|(known, _)| *known == name).map(|(_, stemmer)| *stemmer)
}

/// Words as Unicode defines them (UAX #29): letters and digits between boundaries. Each ideograph is a word.
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
    /// The stemmed word, which is compared.
    pub stem: String,
    /// The word's byte range in the text.
    pub bytes: std::ops::Range<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stems(language: &str, text: &str) -> Vec<String> {
        words_of(language.parse().unwrap(), text).into_iter().map(|word| word.stem).collect()
    }

    #[test]
    fn words_are_lower_case_and_stemmed_in_their_language() {
        assert_eq!(
            stems("english", "Who HEADLINED the 50th half-time shows?"),
            ["who", "headlin", "the", "50th", "half", "time", "show"]
        );
        assert_eq!(stems("none", "Häuser, naïve Œuvres"), ["häuser", "naïve", "œuvres"]);
        assert_eq!(stems("german", "Häuser"), ["haus"]);
    }

    #[test]
    fn a_word_knows_where_it_stands() {
        let words = words_of(Language::default(), "«Été», running");
        assert_eq!(
            words.iter().map(|word| &"«Été», running"[word.bytes.clone()]).collect::<Vec<_>>(),
            ["Été", "running"]
        );
    }

    #[test]
    fn every_language_has_a_stemmer_and_none_has_none() {
        assert!(Language::all().all(|language| stemmer(language).is_some() == (language != Language::NONE)));
    }
}

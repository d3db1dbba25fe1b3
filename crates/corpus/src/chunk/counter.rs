//! Counts the tokens of many texts that are almost the same.
//!
//! To find the end of a chunk, the splitter asks for the number of tokens of about twenty texts with the same start,
//! some of them pages long. Counting each of them again would cost more than all other work on chunks. Tokenizers work
//! word by word, so the tokens of a word are counted once. The tokens of a text are their sum, and adding stops when
//! there are too many.

use std::cell::RefCell;

use ahash::AHashMap;
use text_splitter::ChunkSizer;

/// A word that has reached this many bytes ends at the next sign: languages without spaces have signs between
/// sentences.
const LONG: usize = 64;

/// The most bytes of a word, unless it is a single character.
const LONGEST: usize = 256;

/// The most bytes of a line that is counted as one word.
const LONGEST_LINE: usize = 1024;

/// The number of words whose tokens are remembered.
const REMEMBERED: usize = 1 << 16;

/// Counts tokens up to a limit.
pub(super) struct Counter<'a> {
    count: &'a dyn Fn(&str) -> usize,
    limit: usize,
    words: RefCell<AHashMap<Box<str>, usize>>,
}

impl<'a> Counter<'a> {
    /// A counter that counts with `count`, and stops above `limit`.
    pub(super) fn new(count: &'a dyn Fn(&str) -> usize, limit: usize) -> Self {
        Self { count, limit, words: RefCell::default() }
    }

    /// The limit.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Whether the text, counted as a whole, has no more tokens than the limit.
    pub(super) fn fits(&self, text: &str) -> bool {
        (self.count)(text) <= self.limit
    }

    /// Whether the text, counted word by word, has no more tokens than the limit.
    pub(super) fn may_fit(&self, text: &str) -> bool {
        self.by_words(text) <= self.limit
    }

    /// The tokens of a line. A short line is counted as a whole, so that its indentation is counted as the tokenizer
    /// does; a long one word by word, and counting stops above the limit.
    pub(super) fn of_line(&self, line: &str) -> usize {
        if line.len() <= LONGEST_LINE { self.of_word(line) } else { self.by_words(line) }
    }

    /// The sum of the tokens of the words; counting stops above the limit. It is an estimate if a tokenizer does not
    /// work word by word.
    fn by_words(&self, mut text: &str) -> usize {
        let mut tokens = 0;
        while !text.is_empty() && tokens <= self.limit {
            let (word, rest) = text.split_at(end_of_word(text));
            tokens += self.of_word(word);
            text = rest;
        }
        tokens
    }

    fn of_word(&self, word: &str) -> usize {
        if let Some(&tokens) = self.words.borrow().get(word) {
            return tokens;
        }
        let tokens = (self.count)(word);
        let mut words = self.words.borrow_mut();
        if words.len() == REMEMBERED {
            words.clear();
        }
        words.insert(word.into(), tokens);
        tokens
    }
}

impl ChunkSizer for Counter<'_> {
    fn size(&self, chunk: &str) -> usize {
        self.by_words(chunk)
    }
}

/// The end of the first word of a text. A space belongs to the word after it, as in tokenizers that keep spaces.
fn end_of_word(text: &str) -> usize {
    let ends = |&(at, character): &(usize, char)| {
        character.is_whitespace() || at >= LONGEST || (at >= LONG && !character.is_alphanumeric())
    };
    text.char_indices().skip(1).find(ends).map_or(text.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::*;

    fn letters(text: &str) -> usize {
        text.chars().filter(|character| character.is_alphanumeric()).count()
    }

    proptest! {
        #[test]
        fn the_words_of_a_text_have_its_tokens(text in "([a-z]{1,90}|[ .\n]{1,9}|語|e\u{301}|[0-9]{250,300}){0,40}", limit in 1_usize..999) {
            let counter = Counter::new(&letters, limit);
            prop_assert_eq!(counter.may_fit(&text), counter.fits(&text));
            if counter.fits(&text) {
                prop_assert_eq!(counter.by_words(&text), letters(&text));
            }
        }
    }

    #[test]
    fn words_begin_with_a_blank_and_long_ones_end_at_a_sign() {
        let words = |mut text: &'static str| {
            let mut lengths = Vec::new();
            while !text.is_empty() {
                lengths.push(end_of_word(text));
                text = &text[end_of_word(text)..];
            }
            lengths
        };
        assert_eq!(words("two words\r\n\n"), [3, 6, 1, 1, 1]);
        assert_eq!(words("語語語語語語語語語語語語語語語語語語語語語語。語。"), [66, 9]);
    }

    #[test]
    fn a_word_is_counted_once_and_too_many_are_not_counted() {
        let calls = Cell::new(0);
        let count = |_: &str| {
            calls.set(calls.get() + 1);
            1
        };
        let counter = Counter::new(&count, 100);
        assert!(!counter.may_fit(&"the same words ".repeat(1000)));
        assert_eq!(calls.get(), 4);
        assert!(!counter.may_fit(&"語。".repeat(1 << 20)));
        assert!(calls.get() <= 105, "{}", calls.get());
    }
}

//! The words of a text between the boundaries that Unicode defines (UAX #29). Where a script has no space between its
//! words, a dictionary says where they end.

use std::collections::VecDeque;

use icu_segmenter::WordSegmenter;
use icu_segmenter::options::WordBreakInvariantOptions;
use unicode_segmentation::{UnicodeSegmentation, UnicodeWordIndices};

/// The words of a text, each with the byte where it starts.
pub(super) struct Segments<'a> {
    text: &'a str,
    words: UnicodeWordIndices<'a>,
    /// Words of a run without spaces that come next.
    next: VecDeque<(usize, &'a str)>,
    /// The end of the last such run.
    end: usize,
}

impl<'a> Segments<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, words: text.unicode_word_indices(), next: VecDeque::new(), end: 0 }
    }

    /// Finds the words of the run without spaces that starts at byte `at`.
    fn divide(&mut self, at: usize) {
        let run = &self.text[at..];
        let run = &run[..run.find(|next| !is_unspaced(next)).unwrap_or(run.len())];
        let segmenter = WordSegmenter::new_dictionary(WordBreakInvariantOptions::default());
        let ends: Vec<usize> = segmenter.segment_str(run).collect();
        let words = ends.windows(2).map(|ends| (at + ends[0], &run[ends[0]..ends[1]]));
        self.next.extend(words.filter(|(_, word)| word.chars().any(char::is_alphanumeric)));
        self.end = at + run.len();
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<(usize, &'a str)> {
        loop {
            if let Some(word) = self.next.pop_front() {
                return Some(word);
            }
            let (at, word) = self.words.next()?;
            if at < self.end {
                continue;
            }
            if !word.starts_with(is_unspaced) {
                return Some((at, word));
            }
            self.divide(at);
        }
    }
}

/// Whether a character belongs to a script that has no space between its words: Thai, Lao, Burmese, Khmer, Japanese and
/// Chinese.
fn is_unspaced(character: char) -> bool {
    matches!(character,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3005}'..='\u{3007}'
        | '\u{3041}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ff9f}' | '\u{20000}'..='\u{3ffff}')
}

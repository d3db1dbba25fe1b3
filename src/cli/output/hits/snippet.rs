//! Snippets: the part of a text that has most of the query's words, on one line of a given width, with these words marked.

use std::collections::HashSet;
use std::ops::Range;

use anstyle::{AnsiColor, Style};
use semsearch::index::{Language, Word, words_of};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::cli::output::line::{ELLIPSIS, one_line, shorten};

const MARK: Style = AnsiColor::Red.on_default().bold();

/// English words that occur in nearly every question and text. They are not marked.
const COMMON: [&str; 40] = [
    "a", "an", "and", "are", "as", "at", "be", "by", "did", "do", "does", "for", "from", "had", "has", "have", "how",
    "in", "is", "it", "its", "of", "on", "or", "that", "the", "their", "to", "was", "were", "what", "when", "where",
    "which", "who", "whom", "whose", "why", "will", "with",
];

/// The words to mark for a query: all that have the same stem as one of the query's words.
pub(super) struct QueryWords {
    language: Language,
    stems: HashSet<String>,
}

impl QueryWords {
    pub(super) fn of(query: &str, language: Language) -> Self {
        let worth = |word: &Word| !COMMON.contains(&query[word.bytes.clone()].to_lowercase().as_str());
        let stems = words_of(language, query).into_iter().filter(worth).map(|word| word.stem).collect();
        Self { language, stems }
    }

    /// No words.
    pub(super) fn none() -> Self {
        Self { language: Language::NONE, stems: HashSet::new() }
    }

    /// `line` with the words marked.
    pub(super) fn mark(&self, line: &str) -> String {
        MarkedLine::new(line, self).marked(0..line.len())
    }

    /// The part of `text` that has most of the words, at most `width` columns wide, with the words marked. Of several such
    /// parts it is the first. An ellipsis stands where something is left out.
    pub(super) fn snippet(&self, text: &str, width: usize) -> String {
        let line = one_line(text);
        let line = MarkedLine::new(&line, self);
        if line.text.width() <= width {
            return line.marked(0..line.text.len());
        }
        let room = width.saturating_sub(2 * ELLIPSIS.width());
        let pieces: Vec<(usize, &str)> = line.text.split_word_bound_indices().collect();
        let begins = |&(at, _): &(usize, &str)| line.words.iter().any(|word| word.bytes.start == at);
        let starts = (0..pieces.len()).filter(|&piece| piece == 0 || begins(&pieces[piece]));
        let windows = starts.map(|start| around(&pieces, start, room));
        let Some(best) = windows.reduce(|best, next| if line.stems(&next) > line.stems(&best) { next } else { best })
        else {
            return String::new();
        };
        let before = if best.start > 0 { ELLIPSIS } else { "" };
        let after = if best.end < line.text.len() { ELLIPSIS } else { "" };
        let shown = &line.text[best.clone()];
        let start = best.start + shown.len() - shown.trim_start().len();
        format!("{before}{}{after}", line.marked(start..best.start + shown.trim_end().len()))
    }
}

/// A line and the words in it that are to be marked.
struct MarkedLine<'a> {
    text: &'a str,
    words: Vec<Word>,
}

impl<'a> MarkedLine<'a> {
    fn new(text: &'a str, words: &QueryWords) -> Self {
        if words.stems.is_empty() {
            return Self { text, words: Vec::new() };
        }
        let words = words_of(words.language, text).into_iter().filter(|word| words.stems.contains(&word.stem));
        Self { text, words: words.collect() }
    }

    /// This part of the line, with its words marked.
    fn marked(&self, part: Range<usize>) -> String {
        let mut shown = String::new();
        let mut at = part.start;
        for Word { bytes, .. } in
            self.words.iter().filter(|word| part.start <= word.bytes.start && word.bytes.end <= part.end)
        {
            let (between, word) = (&self.text[at..bytes.start], &self.text[bytes.clone()]);
            shown.push_str(&format!("{between}{MARK}{word}{MARK:#}"));
            at = bytes.end;
        }
        shown.push_str(&self.text[at..part.end]);
        shown
    }

    /// How many different stems this part has.
    fn stems(&self, part: &Range<usize>) -> usize {
        let within = self.words.iter().filter(|word| part.contains(&word.bytes.start) && word.bytes.end <= part.end);
        within.map(|word| word.stem.as_str()).collect::<HashSet<_>>().len()
    }
}

/// The bytes of as many pieces as fit into `room` columns. Up to a quarter of the room is before piece `at`.
fn around(pieces: &[(usize, &str)], at: usize, room: usize) -> Range<usize> {
    let (mut start, mut before) = (at, 0);
    while start > 0 && before + pieces[start - 1].1.width() <= room / 4 {
        start -= 1;
        before += pieces[start].1.width();
    }
    let (mut end, mut used) = (start, 0);
    while end < pieces.len() && used + pieces[end].1.width() <= room {
        used += pieces[end].1.width();
        end += 1;
    }
    let first = pieces[start].0;
    pieces[start..end].last().map_or(first..first, |(last, piece)| first..last + piece.len())
}

/// `text` with its sentence at `place` marked. With a `width`, only the part that begins with the sentence and is at most
/// that wide.
pub(super) fn sentence(text: &str, place: Range<usize>, width: Option<usize>) -> String {
    let [before, found, after] = [&text[..place.start], &text[place.clone()], &text[place.end..]].map(one_line);
    let space = |left: &str, right: &str| if left.is_empty() || right.is_empty() { "" } else { " " };
    let gap = |inner: &str, outer: &str| space(inner, outer);
    match width {
        None => format!("{before}{}{MARK}{found}{MARK:#}{}{after}", gap(&before, &found), gap(&found, &after)),
        Some(width) => {
            let ellipsis = if before.is_empty() { "" } else { ELLIPSIS };
            let room = width.saturating_sub(ellipsis.width());
            if found.width() + 1 >= room || after.is_empty() {
                return format!("{ellipsis}{MARK}{}{MARK:#}", shorten(&found, room));
            }
            let rest = shorten(&after, room - found.width() - 1);
            format!("{ellipsis}{MARK}{found}{MARK:#} {rest}")
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(styled: &str) -> String {
        anstream::adapter::strip_str(styled).to_string()
    }

    #[test]
    fn a_short_text_is_shown_whole_on_one_line() {
        let words = QueryWords::of("Where is the café?", Language::default());
        assert_eq!(plain(&words.snippet("The\n  café\tis\u{85}\u{2028}here.", 40)), "The café is here.");
        assert_eq!(plain(&words.snippet("The café is\u{7} here.", 40)), "The café is\\u{7} here.");
        assert!(words.snippet("The Café is here.", 40).contains(&format!("{MARK}Café{MARK:#} is here.")));
    }

    #[test]
    fn a_long_text_is_shown_where_the_querys_words_are() {
        let text =
            format!("{} The halftime show was headlined by Coldplay. {}", "Filler. ".repeat(40), "More. ".repeat(40));
        let snippet =
            plain(&QueryWords::of("Who headlines the halftime shows?", Language::default()).snippet(&text, 60));
        assert!(snippet.contains("halftime show was headlined"), "{snippet}");
        assert!(snippet.starts_with('…') && snippet.ends_with('…'));
    }

    proptest! {
        #[test]
        fn a_snippet_fits_its_width(text in "\\PC{0,200}", query in "\\PC{0,20}", width in 8..100usize) {
            let words = QueryWords::of(&query, Language::default());
            prop_assert!(plain(&words.snippet(&text, width)).width() <= width);
            prop_assert!(shorten(&text, width).width() <= width);
        }

        #[test]
        fn a_sentence_fits_its_width_and_marking_loses_nothing(text in "\\PC{0,80}", from in 0..80usize, width in 8..100usize) {
            let from = text.char_indices().map(|(at, _)| at).nth(from).unwrap_or(text.len());
            prop_assert!(plain(&sentence(&text, from..text.len(), Some(width))).width() <= width);
            let words = QueryWords::of(&text, Language::default());
            prop_assert_eq!(plain(&words.mark(&text)), plain(&text));
        }
    }
}

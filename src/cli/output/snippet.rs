//! The part of a text that speaks most of the query, on one line of a given width, with the query's words marked.

use std::collections::HashSet;

use anstyle::{AnsiColor, Style};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

const MARK: Style = AnsiColor::Red.on_default().bold();
const ELLIPSIS: &str = "…";

/// English words that stand in nearly every question and text: to mark them would mark nothing.
const COMMON: [&str; 40] = [
    "a", "an", "and", "are", "as", "at", "be", "by", "did", "do", "does", "for", "from", "had", "has", "have", "how",
    "in", "is", "it", "its", "of", "on", "or", "that", "the", "their", "to", "was", "were", "what", "when", "where",
    "which", "who", "whom", "whose", "why", "will", "with",
];

/// The words of a query that are worth marking.
pub(super) struct Words(HashSet<String>);

impl Words {
    pub(super) fn of(query: &str) -> Self {
        let words = query.unicode_words().map(str::to_lowercase);
        Self(words.filter(|word| !COMMON.contains(&word.as_str())).collect())
    }

    fn contains(&self, word: &str) -> bool {
        self.0.contains(&word.to_lowercase())
    }

    /// `text` with the words marked.
    pub(super) fn mark(&self, text: &str) -> String {
        let pieces = text.split_word_bounds();
        pieces.map(|piece| if self.contains(piece) { format!("{MARK}{piece}{MARK:#}") } else { piece.into() }).collect()
    }

    /// The stretch of `text` of at most `width` columns that has most of the words, the first of equals; marked, with
    /// an ellipsis where something is left out.
    pub(super) fn snippet(&self, text: &str, width: usize) -> String {
        let line = one_line(text);
        if line.width() <= width {
            return self.mark(&line);
        }
        let room = width.saturating_sub(2 * ELLIPSIS.width());
        let pieces: Vec<&str> = line.split_word_bounds().collect();
        let starts = (0..pieces.len()).filter(|&piece| piece == 0 || self.contains(pieces[piece]));
        let windows = starts.map(|start| Window::around(&pieces, start, room));
        let Some(best) = windows
            .reduce(|best, next| if next.score(self, &pieces) > best.score(self, &pieces) { next } else { best })
        else {
            return String::new();
        };
        let shown: String = pieces[best.start..best.end].concat();
        let before = if best.start > 0 { ELLIPSIS } else { "" };
        let after = if best.end < pieces.len() { ELLIPSIS } else { "" };
        format!("{before}{}{after}", self.mark(shown.trim()))
    }
}

/// Pieces `start..end` of a line.
struct Window {
    start: usize,
    end: usize,
}

impl Window {
    /// As many pieces as fit into `room` columns, a quarter of them before piece `at`.
    fn around(pieces: &[&str], at: usize, room: usize) -> Self {
        let (mut start, mut before) = (at, 0);
        while start > 0 && before + pieces[start - 1].width() <= room / 4 {
            start -= 1;
            before += pieces[start].width();
        }
        let (mut end, mut used) = (start, 0);
        while end < pieces.len() && used + pieces[end].width() <= room {
            used += pieces[end].width();
            end += 1;
        }
        Self { start, end }
    }

    /// Distinct words of the query in it.
    fn score(&self, words: &Words, pieces: &[&str]) -> usize {
        let found = pieces[self.start..self.end].iter().filter(|piece| words.contains(piece));
        found.map(|piece| piece.to_lowercase()).collect::<HashSet<_>>().len()
    }
}

/// `text` with every run of white space and control characters as one space: it can neither break the layout nor talk
/// to the terminal.
pub(super) fn one_line(text: &str) -> String {
    let words = text.split(|character: char| character.is_whitespace() || character.is_control());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// `text` cut to `width` columns, with an ellipsis where something is left out.
pub(super) fn shorten(text: &str, width: usize) -> String {
    let line = one_line(text);
    if line.width() <= width {
        return line;
    }
    let mut short = String::new();
    for piece in line.graphemes(true) {
        if short.width() + piece.width() + ELLIPSIS.width() > width {
            break;
        }
        short.push_str(piece);
    }
    short + ELLIPSIS
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
        let words = Words::of("Where is the café?");
        assert_eq!(plain(&words.snippet("The\n  café\tis\u{7} here.", 40)), "The café is here.");
        assert!(words.snippet("The Café is here.", 40).contains(&format!("{MARK}Café{MARK:#} is here.")));
    }

    #[test]
    fn a_long_text_is_shown_where_the_querys_words_are() {
        let text =
            format!("{} The halftime show was headlined by Coldplay. {}", "Filler. ".repeat(40), "More. ".repeat(40));
        let snippet = plain(&Words::of("Who headlined the halftime show?").snippet(&text, 60));
        assert!(snippet.contains("halftime show was headlined"), "{snippet}");
        assert!(snippet.starts_with('…') && snippet.ends_with('…'));
    }

    proptest! {
        #[test]
        fn a_snippet_fits_its_width(text in "\\PC{0,200}", query in "\\PC{0,20}", width in 8..100usize) {
            prop_assert!(plain(&Words::of(&query).snippet(&text, width)).width() <= width);
            prop_assert!(shorten(&text, width).width() <= width);
        }
    }
}

//! Snippets: the part of a text that answers the query, on a few lines of a given width, with words or a sentence marked.

use std::collections::HashSet;
use std::ops::Range;

use anstyle::{AnsiColor, Style};
use semsearch::engine::QueryWords;
use semsearch::index::Word;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::writer::Highlight;
use crate::cli::output::line::{ELLIPSIS, expanded, one_line};

const MARK: Style = AnsiColor::Red.on_default().bold();

/// What is shown of a text for the words of a query.
pub(super) struct Marked<'a>(pub(super) &'a QueryWords<'a>);

impl Marked<'_> {
    /// `line` with the words marked.
    pub(super) fn mark(&self, line: &str) -> String {
        marked(line, 0..line.len(), &MatchedLine::new(line, self.0).places())
    }

    /// The part of `text` that answers, on at most [`LINES`] lines of at most `width` columns. It is around `sentence`, or
    /// where most of the words are; of several such parts it is the first. An ellipsis stands where something is left out.
    pub(super) fn snippet(
        &self,
        text: &str,
        sentence: Option<&Range<usize>>,
        width: usize,
        highlight: Highlight,
    ) -> Vec<String> {
        let (line, sentence) = joined(text, sentence);
        let matched = MatchedLine::new(&line, self.0);
        let whole = wrapped(&line, 0, width);
        let shown = if whole.end == line.len() {
            whole
        } else {
            wrapped(&line, matched.start(sentence.as_ref(), LINES * width), width)
        };
        let places = match highlight {
            Highlight::Words => matched.places(),
            Highlight::Sentence => sentence.into_iter().collect(),
            Highlight::None => Vec::new(),
        };
        let last = shown.lines.len().saturating_sub(1);
        let shown_line = |(number, part): (usize, &Range<usize>)| {
            let before = if number == 0 && part.start > 0 { ELLIPSIS } else { "" };
            let after = if number == last && shown.end < line.len() { ELLIPSIS } else { "" };
            format!("{before}{}{after}", marked(&line, part.clone(), &places))
        };
        shown.lines.iter().enumerate().map(shown_line).collect()
    }
}

/// The most lines of a snippet.
const LINES: usize = 3;

/// In how much of a text a snippet is looked for by words, in bytes. Texts that are cut into chunks are far shorter.
const SEARCHED: usize = 64 << 10;

/// A text as one line, and where its sentence is on this line.
fn joined(text: &str, sentence: Option<&Range<usize>>) -> (String, Option<Range<usize>>) {
    let Some(place) = sentence else { return (one_line(text), None) };
    let [before, found, after] = [&text[..place.start], &text[place.clone()], &text[place.end..]].map(one_line);
    let ends = |text: &str| text.ends_with(char::is_whitespace);
    let gap = |between: bool| if between { " " } else { "" };
    let first =
        gap(!before.is_empty() && (ends(&text[..place.start]) || text[place.clone()].starts_with(char::is_whitespace)));
    let second =
        gap(!after.is_empty() && (ends(&text[place.clone()]) || text[place.end..].starts_with(char::is_whitespace)));
    let start = before.len() + first.len();
    let place = start..start + found.len();
    (format!("{before}{first}{found}{second}{after}"), Some(place))
}

/// Lines that a text was divided into.
struct WrappedLines {
    lines: Vec<Range<usize>>,
    /// Where the last line ends; the text's end if nothing is left out after it.
    end: usize,
}

/// Divides `text` from `start` on into at most [`LINES`] lines of at most `width` columns, between words where it can be.
/// There is room for an ellipsis where something is left out.
fn wrapped(text: &str, start: usize, width: usize) -> WrappedLines {
    let mut lines = Vec::new();
    let mut at = start;
    while lines.len() < LINES && at < text.len() {
        at += text[at..].len() - text[at..].trim_start().len();
        let first = if lines.is_empty() && start > 0 { ELLIPSIS.width() } else { 0 };
        let line = fitting(text, at, width.saturating_sub(first));
        let is_last = lines.len() + 1 == LINES && !text[line.end..].trim().is_empty();
        let line = if is_last { fitting(text, at, width.saturating_sub(first + ELLIPSIS.width())) } else { line };
        if line.is_empty() {
            break;
        }
        at = line.end;
        lines.push(line);
    }
    let end = if text[at..].trim().is_empty() { text.len() } else { at };
    WrappedLines { lines, end }
}

/// As much of `text` from `at` on as fits into `room` columns. It ends at a space; if a long word stands there, between the
/// parts of words, as in languages without spaces; if even a part is too long, anywhere.
fn fitting(text: &str, at: usize, room: usize) -> Range<usize> {
    let fit = |pieces: &mut dyn Iterator<Item = &str>| {
        let (mut end, mut used) = (at, 0);
        for piece in pieces {
            if used + piece.trim_end().width() > room {
                break;
            }
            used += piece.width();
            end += piece.len();
        }
        at..at + text[at..end].trim_end().len()
    };
    let spaced = fit(&mut text[at..].split_inclusive(' '));
    if spaced.end == text.trim_end().len() || text[spaced.clone()].width() > room / 2 {
        return spaced;
    }
    let parts = fit(&mut text[at..].split_word_bounds());
    if parts.is_empty() { fit(&mut text[at..].graphemes(true)) } else { parts }
}

/// A line, and the words in it that the query has.
struct MatchedLine<'a> {
    text: &'a str,
    words: Vec<Word>,
}

impl<'a> MatchedLine<'a> {
    fn new(text: &'a str, words: &QueryWords<'_>) -> Self {
        Self { text, words: words.found(text) }
    }

    /// The places of the words.
    fn places(&self) -> Vec<Range<usize>> {
        self.words.iter().map(|word| word.bytes.clone()).collect()
    }

    /// Where a snippet begins that has this much `room`, in columns.
    fn start(&self, sentence: Option<&Range<usize>>, room: usize) -> usize {
        let within = sentence.cloned().unwrap_or(0..self.text.len());
        let long = self.text[within.clone()].width();
        if long > room {
            return self.window(within, room);
        }
        // A third of what is left stands before the sentence, and two thirds after it.
        let (mut start, mut before) = (within.start, 0);
        for (at, piece) in self.text[..within.start].split_word_bound_indices().rev() {
            before += piece.width();
            if before > (room - long) / 3 {
                break;
            }
            start = at;
        }
        start + end_of_another(&self.text[start..within.start])
    }

    /// Where the part of `within` begins that has most of the words and fits into `room` columns; the first of several.
    fn window(&self, within: Range<usize>, room: usize) -> usize {
        let text = &self.text[within.clone()];
        let text = &text[..text.floor_char_boundary(SEARCHED)];
        let pieces: Vec<(usize, &str)> =
            text.split_word_bound_indices().map(|(at, piece)| (within.start + at, piece)).collect();
        let begins = |&(at, _): &(usize, &str)| self.words.binary_search_by_key(&at, |word| word.bytes.start).is_ok();
        let starts = (0..pieces.len()).filter(|&piece| piece == 0 || begins(&pieces[piece]));
        let windows = starts.map(|start| around(&pieces, start, room));
        let counted = windows.map(|window| (self.stems(&window), window));
        let best = counted.reduce(|best, next| if next.0 > best.0 { next } else { best });
        let (start, end) = best.map_or((within.start, within.start), |(_, best)| (best.start, best.end));
        let first = self.words.iter().map(|word| word.bytes.start).find(|at| (start..end).contains(at));
        start + end_of_another(&self.text[start..first.unwrap_or(start)])
    }

    /// How many different stems this part has.
    fn stems(&self, part: &Range<usize>) -> usize {
        let first = self.words.partition_point(|word| word.bytes.start < part.start);
        let within = self.words[first..].iter().take_while(|word| word.bytes.start < part.end);
        let within = within.filter(|word| word.bytes.end <= part.end);
        within.map(|word| word.stem.as_str()).collect::<HashSet<_>>().len()
    }
}

/// A part of `line`, with the places in it marked that are to be marked. They ascend.
fn marked(line: &str, part: Range<usize>, places: &[Range<usize>]) -> String {
    let mut shown = String::new();
    let mut at = part.start;
    for place in places {
        let (start, end) = (place.start.max(at), place.end.min(part.end));
        if start < end {
            let (between, found) = (&line[at..start], &line[start..end]);
            shown.push_str(&format!("{between}{MARK}{found}{MARK:#}"));
            at = end;
        }
    }
    shown.push_str(&line[at..part.end]);
    shown
}

/// The length of what `text` begins with, if it is the end of the sentence before.
fn end_of_another(text: &str) -> usize {
    let ends = |next: char| next.is_whitespace() || ".,;:!?)]}".contains(next);
    text.len() - text.trim_start_matches(ends).len()
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

/// The lines of `text` as they stand, with its sentence at `place` marked.
pub(super) fn with_sentence(text: &str, place: &Range<usize>) -> Vec<String> {
    let mut start = 0;
    let mut lines = Vec::new();
    for line in text.split_inclusive('\n') {
        let (own, own_start) = (line.trim_end(), start);
        start += line.len();
        let clipped = |at: usize| at.clamp(own_start, own_start + own.len()) - own_start;
        let mut shown = String::new();
        let mut column = 0;
        for (part, is_found) in [(0..clipped(place.start), false), (clipped(place.start)..clipped(place.end), true)] {
            let part = expanded(&own[part], column);
            column += part.width();
            shown += &if is_found && !part.is_empty() { format!("{MARK}{part}{MARK:#}") } else { part };
        }
        lines.push(shown + &expanded(&own[clipped(place.end)..], column));
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use semsearch::index::{Analysis, words_of};

    use super::*;

    fn words(query: &str) -> QueryWords<'static> {
        QueryWords::of(query, |text| words_of(Analysis::default(), text))
    }

    fn plain(styled: &str) -> String {
        anstream::adapter::strip_str(styled).to_string()
    }

    fn shown(query: &str, text: &str, sentence: Option<&Range<usize>>, width: usize) -> Vec<String> {
        Marked(&words(query)).snippet(text, sentence, width, Highlight::Words).iter().map(|line| plain(line)).collect()
    }

    #[test]
    fn a_short_text_is_shown_whole() {
        let question = "Where is the café?";
        assert_eq!(shown(question, "The\n  café\tis\u{85}\u{2028}here.", None, 40), ["The café is here."]);
        assert_eq!(shown(question, "The café is\u{7} here.", None, 40), ["The café is\\u{7} here."]);
        assert_eq!(shown(question, "The café is right here.", None, 12), ["The café is", "right here."]);
        let marked = Marked(&words(question)).snippet("The Café is.", None, 40, Highlight::Words);
        assert_eq!(marked, [format!("The {MARK}Café{MARK:#} is.")]);
    }

    #[test]
    fn a_long_text_is_shown_where_the_querys_words_are() {
        let text =
            format!("{} The halftime show was headlined by Coldplay. {}", "Filler. ".repeat(40), "More. ".repeat(40));
        let snippet = shown("Who headlines the halftime shows?", &text, None, 40).join(" ");
        assert!(snippet.contains("halftime show was headlined"), "{snippet}");
        assert!(snippet.starts_with('…') && snippet.ends_with('…'));
    }

    #[test]
    fn a_sentence_is_shown_with_what_is_around_it() {
        let text = format!("{}Coldplay sang there. {}", "Before it. ".repeat(20), "After it. ".repeat(20));
        let place = text.find("Coldplay").unwrap();
        insta::assert_snapshot!(shown("show", &text, Some(&(place..place + 20)), 30).join("\n"), @"
        …Before it. Before it.
        Coldplay sang there. After it.
        After it. After it. After it.…
        ");
    }

    #[test]
    fn what_a_sentence_begins_with_is_never_left_out() {
        let text = format!("{} .gitignore is written. {}", "Before it. ".repeat(20), "After it. ".repeat(20));
        let place = text.find(".gitignore").unwrap();
        let lines = shown("show", &text, Some(&(place..place + 22)), 30);
        assert!(lines.iter().any(|line| line.contains(".gitignore")), "{lines:?}");
        let dots = ". ".repeat(200);
        assert!(shown("show", &dots, None, 30)[0].starts_with(". ."), "{:?}", shown("show", &dots, None, 30));
    }

    #[test]
    fn a_marked_sentence_keeps_the_lines_and_their_indentation() {
        let text = "if a:\n\tcall(b,\n\t     c)\ndone";
        let place = text.find("call").unwrap()..text.find("\ndone").unwrap();
        let lines = with_sentence(text, &place);
        let expected = [
            "if a:".to_owned(),
            format!("    {MARK}call(b,{MARK:#}"),
            format!("{MARK}         c){MARK:#}"),
            "done".into(),
        ];
        assert_eq!(lines, expected);
    }

    proptest! {
        #[test]
        fn a_snippet_fits_its_width(text in "\\PC{0,200}", query in "\\PC{0,20}", from in 0..80usize, width in 8..100usize) {
            let words = words(&query);
            let from = text.char_indices().map(|(at, _)| at).nth(from).unwrap_or(text.len());
            for sentence in [None, Some(from..text.len()), Some(0..from)] {
                for highlight in [Highlight::Words, Highlight::Sentence, Highlight::None] {
                    let lines = Marked(&words).snippet(&text, sentence.as_ref(), width, highlight);
                    prop_assert!(lines.len() <= LINES && lines.is_empty() == text.trim().is_empty(), "{lines:?}");
                    prop_assert!(lines.iter().all(|line| plain(line).width() <= width), "{lines:?}");
                }
            }
        }

        #[test]
        fn marking_loses_nothing(text in "\\PC{0,80}", from in 0..80usize) {
            let words = words(&text);
            prop_assert_eq!(plain(&Marked(&words).mark(&text)), plain(&text));
            let from = text.char_indices().map(|(at, _)| at).nth(from).unwrap_or(text.len());
            let [whole, bare] = [from..text.len(), 0..0].map(|place| plain(&with_sentence(&text, &place).join("\n")));
            prop_assert_eq!(whole, bare);
        }
    }
}

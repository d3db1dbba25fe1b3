//! Long texts in pieces that a model takes whole.
//!
//! A text is cut where that harms least and the pieces are still small enough: Markdown at headings, then at blocks and
//! what stands in them; any text at lines, sentences, words and at last between characters (crate text-splitter, by
//! Unicode's rules, UAX #29 and #14). What a token is, the caller says. What a chunk is embedded with beside its own
//! text, a title or the path of its headings, is left to the caller too.

use std::ops::Range;

use text_splitter::{ChunkConfig, MarkdownSplitter, TextSplitter};

use super::counter::Counter;
use super::section::{Section, sections};
use crate::CorpusError;

/// A part of a text. Chunks stand in the order of their starts, and together are the whole text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Its number in the text, from 0.
    pub index: usize,
    /// Where it starts, in characters (Unicode scalar values).
    pub start: usize,
    /// Where it ends, in characters; the end is not part of it.
    pub end: usize,
    /// The same in bytes.
    pub bytes: Range<usize>,
}

/// How a text is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Markup {
    /// As it comes.
    #[default]
    Plain,
    /// CommonMark and GitHub's additions.
    Markdown,
}

/// How texts are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunking {
    /// The most tokens of a chunk, without the specials that a model puts around a text.
    pub tokens: usize,
    /// The most tokens that a chunk repeats of the one before it; fewer than `tokens`. What is repeated is whole
    /// sentences, lines or blocks, so where these are long nothing is.
    pub overlap: usize,
    /// Which borders there are.
    pub markup: Markup,
}

/// The shortest that a long text is parted into before chunks are looked for, in bytes.
const SECTION: usize = 64 * 1024;

/// The same in chunks, so that the borders of sections, over which no chunk reaches, are few among those of chunks.
const SECTION_BYTES_PER_TOKEN: usize = 256;

/// Cuts `text` into chunks. `count` counts tokens, without specials.
///
/// A text that fits is one chunk, the empty one too. (One of more than 64 KiB that is few words may be cut.)
/// No chunk has more than [`Chunking::tokens`], unless a single character has. White space stays where it is, at the ends
/// of chunks. `count` is asked for each distinct word, and for each chunk.
///
/// # Errors
/// [`CorpusError::Chunking`] if the overlap is not less than a chunk.
pub fn chunks(text: &str, chunking: Chunking, count: &dyn Fn(&str) -> usize) -> Result<Vec<Chunk>, CorpusError> {
    let Chunking { tokens, overlap, markup } = chunking;
    let counter = Counter::new(count, tokens);
    let config = || {
        let config = ChunkConfig::new(tokens).with_sizer(&counter).with_trim(false);
        config.with_overlap(overlap).map_err(|_| CorpusError::Chunking { tokens, overlap })
    };
    let (plain, markdown) = (TextSplitter::new(config()?), MarkdownSplitter::new(config()?));

    let mut pieces = Pieces { text, counter: &counter, ranges: Vec::new() };
    let size = SECTION.max(tokens.saturating_mul(SECTION_BYTES_PER_TOKEN));
    if (text.len() <= size || counter.may_fit(text)) && counter.fits(text) {
        pieces.ranges.push(0..text.len());
        return Ok(pieces.chunks());
    }
    for Section { range, markup } in sections(text, markup, size) {
        let section = &text[range.clone()];
        let mut push = |(at, piece): (usize, &str)| pieces.push(range.start + at..range.start + at + piece.len());
        match markup {
            Markup::Plain => plain.chunk_indices(section).for_each(&mut push),
            Markup::Markdown => markdown.chunk_indices(section).for_each(&mut push),
        }
    }
    Ok(pieces.chunks())
}

/// The pieces of a text so far.
struct Pieces<'a> {
    text: &'a str,
    counter: &'a Counter<'a>,
    /// In bytes.
    ranges: Vec<Range<usize>>,
}

impl Pieces<'_> {
    /// Adds a piece. One with too many tokens comes in parts, and repeats nothing: its words alone may have had fewer, and
    /// text-splitter takes for granted that a text of no more bytes than tokens are allowed fits.
    fn push(&mut self, piece: Range<usize>) {
        let last = self.ranges.last().cloned().unwrap_or_default();
        if piece.start > last.start && self.counter.fits(&self.text[piece.clone()]) {
            self.ranges.push(piece);
            return;
        }
        let mut start = last.end;
        while start < piece.end {
            let part = start..self.end_of_part(start..piece.end);
            start = part.end;
            self.ranges.push(part);
        }
    }

    /// The end of a part that starts as `range` does and fits, or is one character.
    fn end_of_part(&self, range: Range<usize>) -> usize {
        if self.counter.fits(&self.text[range.clone()]) {
            return range.end;
        }
        let characters = self.text[range.clone()].char_indices();
        let ends: Vec<usize> = characters.map(|(at, character)| range.start + at + character.len_utf8()).collect();
        let fitting = ends.partition_point(|&end| self.counter.fits(&self.text[range.start..end]));
        ends[fitting.saturating_sub(1)]
    }

    /// The pieces with their places in characters.
    fn chunks(self) -> Vec<Chunk> {
        let (mut start, mut from) = (0, 0);
        let chunk = |(index, bytes): (usize, Range<usize>)| {
            start += self.text[from..bytes.start].chars().count();
            from = bytes.start;
            let end = start + self.text[bytes.clone()].chars().count();
            Chunk { index, start, end, bytes }
        };
        self.ranges.into_iter().enumerate().map(chunk).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::*;

    /// Ways to count: characters; words, of which blanks are none; a word and each sign beside, a very long word as one
    /// (BERT's rule); more tokens than bytes.
    const COUNTS: [fn(&str) -> usize; 4] = [
        |text| text.chars().count(),
        |text| text.split_whitespace().count(),
        words_and_signs,
        |text| text.chars().map(|character| if character.is_ascii() { 1 } else { 7 }).sum(),
    ];

    fn words_and_signs(text: &str) -> usize {
        let signs = text.chars().filter(|c| !c.is_alphanumeric() && !c.is_whitespace()).count();
        let words = text.split(|c: char| !c.is_alphanumeric());
        let tokens = words.map(|word| match word.len() {
            0 => 0,
            1..=20 => word.len().div_ceil(4),
            _ => 1,
        });
        tokens.sum::<usize>() + signs
    }

    /// Texts of words, blanks, signs, Markdown and what is more than one byte or more than one character.
    fn texts() -> impl Strategy<Value = String> {
        const PARTS: &[&str] = &[
            "word",
            "Ein Satz. ",
            "No! Yes? ",
            " ",
            "\t",
            "\n",
            "\n\n",
            "\r\n",
            "\r\n\r\n",
            "\r",
            "\u{a0}",
            "\u{3000}",
            "e\u{301}",
            "\u{310}",
            "ü",
            "語",
            "。",
            "日本語の文。",
            "🙂",
            "👩‍👩‍👧",
            "🇩🇪",
            "\u{200d}",
            "\u{feff}",
            "\0",
            "# H",
            "## ",
            "```\n",
            "~~~",
            "- ",
            "1. ",
            "> ",
            "|a|b|\n|-|-|\n",
            "---\n",
            "===\n",
            "[x](y)",
            "![",
            "**",
            "`",
            "<b>",
            "<!--",
            "$$",
            "[^1]: ",
            ": ",
            "\\",
            "&amp;",
            "    ",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ];
        let part = prop_oneof![9 => prop::sample::select(PARTS).prop_map(String::from), 1 => any::<String>()];
        prop::collection::vec(part, 0..60).prop_map(|parts| parts.concat())
    }

    fn chunking(markdown: bool, tokens: usize, overlap: usize) -> Chunking {
        let markup = if markdown { Markup::Markdown } else { Markup::Plain };
        Chunking { tokens, overlap, markup }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn chunks_are_the_whole_text_in_order_and_none_is_too_long(
            text in texts(),
            markdown: bool,
            tokens in 1_usize..40,
            overlap in 0_usize..40,
            way in 0..COUNTS.len(),
        ) {
            let overlap = overlap % tokens;
            let count = COUNTS[way];
            let found = chunks(&text, chunking(markdown, tokens, overlap), &count).unwrap();
            prop_assert_eq!(found.first().map(|first| first.bytes.start), Some(0));
            prop_assert_eq!(found.last().map(|last| last.bytes.end), Some(text.len()));
            for (before, after) in found.iter().zip(&found[1..]) {
                prop_assert!(before.bytes.start < after.bytes.start && after.bytes.start <= before.bytes.end);
                prop_assert!(before.bytes.end < after.bytes.end);
            }
            for (number, chunk) in found.iter().enumerate() {
                let piece = text.get(chunk.bytes.clone()).expect("characters are whole");
                prop_assert!(count(piece) <= tokens || chunk.end - chunk.start == 1, "{:?}", piece);
                prop_assert_eq!(chunk.index, number);
                // The naive twin of counting as one goes.
                prop_assert_eq!(chunk.start, text[..chunk.bytes.start].chars().count());
                prop_assert_eq!(chunk.end, text[..chunk.bytes.end].chars().count());
            }
            if count(&text) <= tokens {
                prop_assert_eq!(found.len(), 1);
            }
        }

        #[test]
        fn without_overlap_chunks_do_not_overlap(text in texts(), markdown: bool, tokens in 1_usize..40) {
            let found = chunks(&text, chunking(markdown, tokens, 0), &|text| text.chars().count()).unwrap();
            let joined: String = found.iter().map(|chunk| &text[chunk.bytes.clone()]).collect();
            prop_assert_eq!(joined, text);
        }
    }

    fn cut(text: &str, chunking: Chunking) -> Vec<&str> {
        let found = chunks(text, chunking, &words_and_signs).unwrap();
        found.into_iter().map(|chunk| &text[chunk.bytes]).collect()
    }

    #[test]
    fn a_text_that_fits_is_one_chunk_and_so_is_an_empty_or_a_blank_one() {
        assert_eq!(cut("Bees dance. Ants march.", chunking(false, 8, 2)), ["Bees dance. Ants march."]);
        assert_eq!(cut("", chunking(true, 8, 0)), [""]);
        assert_eq!(cut(" \r\n\n", chunking(true, 1, 0)), [" \r\n\n"]);
    }

    #[test]
    fn plain_text_is_cut_between_sentences_and_repeats_the_last_one() {
        let text = "Bees dance. Ants march. Cats sleep. Dogs bark. Owls hunt. ";
        assert_eq!(
            cut(text, chunking(false, 8, 0)),
            ["Bees dance. Ants march. ", "Cats sleep. Dogs bark. ", "Owls hunt. "]
        );
        let overlapping = cut(text, chunking(false, 8, 4));
        assert_eq!(overlapping[..2], ["Bees dance. Ants march. ", "Ants march. Cats sleep. "]);
    }

    #[test]
    fn markdown_is_cut_before_headings() {
        let text = "# Guide\n\nRead this first.\n\n## Install\n\nRun the one command.\n\n## Use\n\nAsk it things.\n";
        let found = cut(text, chunking(true, 12, 0));
        assert_eq!(
            found,
            ["# Guide\n\nRead this first.\n\n", "## Install\n\nRun the one command.\n\n", "## Use\n\nAsk it things.\n"]
        );
    }

    #[test]
    fn an_overlap_that_is_not_less_than_a_chunk_is_an_error() {
        for (tokens, overlap) in [(0, 0), (8, 8), (8, 9)] {
            let error = chunks("short", chunking(false, tokens, overlap), &words_and_signs).unwrap_err();
            assert!(matches!(error, CorpusError::Chunking { .. }), "{error}");
        }
    }

    /// A text of about `bytes`: paragraphs of sentences, a heading before every twentieth; and a list, code and blank lines.
    fn long_text(bytes: usize) -> String {
        let paragraph = "The honey bee returns to the hive and dances. Others follow her, and learn where flowers are. \
                         So a colony finds food far away; nobody tells it to.\n\n";
        let mut text = String::new();
        for number in 0_usize.. {
            if number.is_multiple_of(20) {
                text.push_str(&format!("## Part {number}\n\n- one thing\n- another thing\n\n```\n# code\n```\n\n"));
            }
            text.push_str(paragraph);
            if text.len() >= bytes {
                break;
            }
        }
        text
    }

    /// The bytes counted for each byte of the text, and the counts for each chunk.
    fn work(text: &str, markdown: bool) -> (usize, usize) {
        let (calls, bytes) = (Cell::new(0), Cell::new(0));
        let count = |text: &str| {
            calls.set(calls.get() + 1);
            bytes.set(bytes.get() + text.len());
            words_and_signs(text)
        };
        let found = chunks(text, chunking(markdown, 254, 32), &count).unwrap();
        (bytes.get() / text.len(), calls.get() / found.len())
    }

    #[test]
    fn a_long_text_is_counted_about_once() {
        let text = long_text(1 << 19);
        let hard = [
            text.clone(),
            text.replace("\n\n", " "),
            text.replace(' ', ""),
            "語".repeat(1 << 16),
            "a b".repeat(1 << 16),
        ];
        for (text, markdown) in hard.iter().flat_map(|text| [(text, false), (text, true)]) {
            let (bytes, calls) = work(text, markdown);
            assert!(bytes < 3 && calls < 10, "{bytes} bytes a byte, {calls} counts a chunk, Markdown {markdown}");
        }
    }
}

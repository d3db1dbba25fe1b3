//! Cuts long texts into chunks that fit into a model.
//!
//! A text is cut at the place that harms it least. Markdown is cut at headings, then between blocks, then inside them.
//! Any text is cut between lines, sentences, words, and at last between characters (crate text-splitter, by the rules
//! of Unicode, UAX #29 and #14). Code is cut between items, then between statements, always between lines. The caller
//! says what a token is, and what is embedded together with a chunk, such as a title or its headings.

mod code;
mod counter;
mod lines;
mod pieces;
mod section;

use std::ops::Range;

use text_splitter::{ChunkConfig, MarkdownSplitter, TextSplitter};

use super::{CorpusError, Markup};
use crate::code::PARSED;
use code::{Part, parts};
use counter::Counter;
use pieces::Pieces;
pub use pieces::TextChunk;
use section::{Section, sections};

/// How texts are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunking {
    /// The maximum number of tokens in a chunk, without the special tokens that a model puts around a text.
    pub tokens: usize,
    /// The maximum number of tokens that a chunk repeats from the one before it; less than `tokens`. Only whole
    /// sentences, lines or blocks are repeated, so nothing is repeated if these are long. Code repeats nothing, because
    /// each of its chunks begins with a whole item or statement.
    pub overlap: usize,
    /// Where the text may be cut: Markdown has other borders than plain text.
    pub markup: Markup,
}

/// A long text is first divided into sections of at least this many bytes.
const SECTION: usize = 64 * 1024;

/// The same, for each token of a chunk: a section has many chunks, because no chunk extends over the end of a section.
const SECTION_BYTES_PER_TOKEN: usize = 256;

/// Cuts `text` into chunks. `count` counts tokens, without special tokens.
///
/// A text that fits into a chunk is one chunk, also an empty text. (A text of more than 64 KiB in few words may still
/// be cut.) No chunk has more tokens than [`Chunking::tokens`], unless it is a single character. White space stays
/// where it is, at the ends of chunks. `count` is called for each distinct word (of code: line) and for each chunk.
///
/// # Errors
/// [`CorpusError::Chunking`] if the overlap is not less than a chunk.
pub fn chunks(text: &str, chunking: Chunking, count: &dyn Fn(&str) -> usize) -> Result<Vec<TextChunk>, CorpusError> {
    let Chunking { tokens, overlap, markup } = chunking;
    if overlap >= tokens {
        return Err(CorpusError::Chunking { tokens, overlap });
    }
    let counter = Counter::new(count, tokens);
    let config = || {
        let config = ChunkConfig::new(tokens).with_sizer(&counter).with_trim(false);
        let overlap = if let Markup::Code(_) = markup { 0 } else { overlap };
        config.with_overlap(overlap).map_err(|_| CorpusError::Chunking { tokens, overlap })
    };
    let (plain, markdown) = (TextSplitter::new(config()?), MarkdownSplitter::new(config()?));

    let mut pieces = Pieces::new(text, &counter);
    let size = SECTION.max(tokens.saturating_mul(SECTION_BYTES_PER_TOKEN));
    if (text.len() <= size || counter.may_fit(text)) && counter.fits(text) {
        return Ok(pieces.whole());
    }
    for Section { range, markup } in coded_sections(text, markup, size, &counter) {
        let section = &text[range.clone()];
        let mut push = |(at, piece): (usize, &str)| pieces.push(range.start + at..range.start + at + piece.len());
        match markup {
            Markup::Plain => plain.chunk_indices(section).for_each(&mut push),
            Markup::Markdown => markdown.chunk_indices(section).for_each(&mut push),
            Markup::Code(_) => pieces.push_fitting(range),
        }
    }
    Ok(pieces.chunks())
}

/// The sections of a text. Those of a code are its chunks, and a line that is too long for a chunk is plain text.
fn coded_sections(text: &str, markup: Markup, size: usize, counter: &Counter<'_>) -> Vec<Section> {
    let Markup::Code(_) = markup else { return sections(text, markup, size) };
    let mut found = Vec::new();
    for Section { range: Range { start, end }, markup } in sections(text, markup, PARSED) {
        let language = if let Markup::Code(language) = markup { language } else { None };
        for part in parts(&text[start..end], language, counter) {
            match part {
                Part::Lines(lines) => found.push(Section { range: start + lines.start..start + lines.end, markup }),
                Part::LongLine(line) => {
                    let start = start + line.start;
                    let moved =
                        |Section { range, markup }| Section { range: start + range.start..start + range.end, markup };
                    let line = &text[start..start + line.len()];
                    found.extend(sections(line, Markup::Plain, size).into_iter().map(moved));
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;

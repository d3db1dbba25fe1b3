//! The pieces of a text that become its chunks.

use std::ops::Range;

use super::counter::Counter;

/// A part of a text. The chunks of a text are sorted by their starts, and together they are the whole text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextChunk {
    /// Its number in the text, from 0.
    pub index: usize,
    /// Its start, in characters (Unicode scalar values).
    pub start: usize,
    /// Its end, in characters; the end is not part of it.
    pub end: usize,
    /// The chunk's start and end, in bytes.
    pub bytes: Range<usize>,
}

/// The pieces of a text so far.
pub(super) struct Pieces<'a> {
    text: &'a str,
    counter: &'a Counter<'a>,
    /// The start and end of each piece, in bytes.
    ranges: Vec<Range<usize>>,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(text: &'a str, counter: &'a Counter<'a>) -> Self {
        Self { text, counter, ranges: Vec::new() }
    }

    /// The whole text as its only piece.
    pub(super) fn whole(mut self) -> Vec<TextChunk> {
        self.ranges.push(0..self.text.len());
        self.chunks()
    }

    /// Adds a piece. A piece with too many tokens is added in parts that repeat nothing. There are such pieces because
    /// the splitter counts word by word, and because it assumes that a text with no more bytes than tokens are allowed
    /// fits.
    pub(super) fn push(&mut self, piece: Range<usize>) {
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

    /// Adds a piece that fits and repeats nothing.
    pub(super) fn push_fitting(&mut self, piece: Range<usize>) {
        self.ranges.push(piece);
    }

    /// The end of the longest part that starts where `range` starts and fits, or of its first character.
    fn end_of_part(&self, range: Range<usize>) -> usize {
        if self.counter.fits(&self.text[range.clone()]) {
            return range.end;
        }
        let characters = self.text[range.clone()].char_indices();
        let ends: Vec<usize> = characters.map(|(at, character)| range.start + at + character.len_utf8()).collect();
        let fitting = ends.partition_point(|&end| self.counter.fits(&self.text[range.start..end]));
        ends[fitting.saturating_sub(1)]
    }

    /// The pieces, with their places in characters.
    pub(super) fn chunks(self) -> Vec<TextChunk> {
        let (mut start, mut from) = (0, 0);
        let chunk = |(index, bytes): (usize, Range<usize>)| {
            start += self.text[from..bytes.start].chars().count();
            from = bytes.start;
            let end = start + self.text[bytes.clone()].chars().count();
            TextChunk { index, start, end, bytes }
        };
        self.ranges.into_iter().enumerate().map(chunk).collect()
    }
}

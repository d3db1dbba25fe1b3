//! Cuts code into parts of whole lines.
//!
//! A part begins with the best line that can be reached: an item before a member of an item, a member before a
//! statement. So a function is in one part if it fits, together with the comment above it. The work grows with the
//! length of the text, because all lines are ranked once.

use std::ops::Range;

use crate::CodeLanguage;

use super::counter::Counter;
use super::lines::{Line, lines};

/// A part of a code, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Lines that fit into a chunk.
    Lines(Range<usize>),
    /// A line that does not.
    LongLine(Range<usize>),
}

/// A part of less than one in so many of the tokens that fit is short.
const SHORT: usize = 8;

/// How many borders are tried that make a part short.
const TRIES: usize = 8;

/// The parts of `text`, in order.
pub(super) fn parts(text: &str, language: Option<CodeLanguage>, counter: &Counter<'_>) -> Vec<Part> {
    let lines = lines(text, language, counter);
    let range = |first: usize, end: usize| lines[first].start..lines[end].start;
    let mut parts = Vec::new();
    let mut first = 0;
    while first + 1 < lines.len() {
        // Tokens are added up line by line. Where a tokenizer finds more of them in the whole, a part gets less room.
        let mut room = counter.limit();
        let end = loop {
            let end = end_of_part(&lines, first, room);
            if end <= first + 1 || counter.fits(&text[range(first, end)]) {
                break end;
            }
            room -= room.div_ceil(8).min(room);
        };
        let end = end.max(first + 1);
        let fits = end > first + 1 || counter.fits(&text[range(first, end)]);
        parts.push(if fits { Part::Lines(range(first, end)) } else { Part::LongLine(range(first, end)) });
        first = end;
    }
    parts
}

/// The line that ends a part which begins with the line `first` and has `room` tokens. It is `first` if that line alone
/// has more.
fn end_of_part(lines: &[Line], first: usize, room: usize) -> usize {
    let most = lines[first].tokens.saturating_add(room);
    let last = first + lines[first..].partition_point(|line| line.tokens <= most) - 1;
    if last + 1 == lines.len() {
        return last;
    }
    let best = best_end(lines, first, last, room);
    best.map_or(last, |best| end_of_begun(lines, first, best, room).unwrap_or(best))
}

/// The best border after `first` and up to `last`. One that makes the part short is taken only if what follows it fits;
/// what does not fit is cut in any case, so its start may stand in this part.
fn best_end(lines: &[Line], first: usize, last: usize, room: usize) -> Option<usize> {
    let half = lines[first].tokens + room / 2;
    let short = lines[first].tokens + room / SHORT;
    let mut from = first + 1;
    for _ in 0..TRIES {
        let found = best_border(lines, from..last + 1, half)?;
        if lines[found].tokens >= short || fits(lines, found, room) {
            return Some(found);
        }
        from = found + 1;
    }
    let long = from + lines[from..=last].partition_point(|line| line.tokens < short);
    best_border(lines, long..last + 1, half)
}

/// The last of the best borders. Of those that are as good, one after a blank line is preferred, if it is not before
/// `half` of the tokens.
fn best_border(lines: &[Line], within: Range<usize>, half: usize) -> Option<usize> {
    let borders = within.filter(|&number| lines[number].is_border());
    borders.min_by_key(|&number| {
        let line = lines[number];
        (line.rank, !(line.after_blank && line.tokens >= half), std::cmp::Reverse(number))
    })
}

/// Whether what begins with the line `first` fits: it ends at the next line that is as good.
fn fits(lines: &[Line], first: usize, room: usize) -> bool {
    let most = lines[first].tokens.saturating_add(room);
    let mut later = lines[first + 1..].iter().take_while(|line| line.tokens <= most);
    later.any(|line| line.rank <= lines[first].rank)
}

/// The end of what the part begins inside of, if it ends before `best` and fills half of the room: what follows
/// belongs to something else.
fn end_of_begun(lines: &[Line], first: usize, best: usize, room: usize) -> Option<usize> {
    let end = (first + 1..best).find(|&number| lines[number].rank < lines[first].rank)?;
    (lines[end].tokens - lines[first].tokens >= room / 2).then_some(end)
}

#[cfg(test)]
mod tests;

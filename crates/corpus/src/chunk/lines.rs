//! The lines of a code, and how good each of them is as the start of a chunk.

use crate::CodeLanguage;
use crate::code::ranks;

use super::counter::Counter;

/// The rank of a blank line: no chunk begins with it if that can be helped.
const BLANK: u32 = u32::MAX;

/// What comments begin with in many languages.
const COMMENTS: [&str; 7] = ["#", "//", "--", ";", "%", "/*", "*"];

/// A line right below a comment is as bad as one that is indented by so many columns more.
const COMMENTED: u32 = 1000;

/// A line with its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Its start, in bytes.
    pub(super) start: usize,
    /// The smaller, the better a chunk begins with it.
    pub(super) rank: u32,
    /// Whether a blank line is before it.
    pub(super) after_blank: bool,
    /// The tokens of all lines before it.
    pub(super) tokens: usize,
}

impl Line {
    /// Whether a chunk may begin with it.
    pub(super) fn is_border(self) -> bool {
        self.rank != BLANK
    }
}

/// The lines of a text, and after them one that is empty: the end of the text.
pub(super) fn lines(text: &str, language: Option<CodeLanguage>, counter: &Counter<'_>) -> Vec<Line> {
    let ranks = language.and_then(|language| ranks(text, language));
    let (mut start, mut tokens, mut before) = (0, 0_usize, None);
    let mut lines = Vec::new();
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let known = ranks.as_ref().and_then(|ranks| ranks.get(number).copied());
        let rank = match line.trim_start().chars().next() {
            None => BLANK,
            Some(sign) => {
                // The end of a block stays with its last line, and the start with what introduces the block.
                let stays = u32::from(matches!(sign, '}' | ')' | ']' | '{'));
                2 * known.unwrap_or_else(|| by_indentation(line, before)) + stays
            }
        };
        lines.push(Line { start, rank, after_blank: before.is_some_and(is_blank), tokens });
        before = Some(line);
        tokens = tokens.saturating_add(counter.of_line(line));
        start += line.len();
    }
    lines.push(Line { start, rank: 0, after_blank: before.is_some_and(is_blank), tokens });
    lines
}

fn is_blank(line: &str) -> bool {
    line.trim().is_empty()
}

/// The rank of a line whose syntax is not known: the less it is indented, the better, and best after a blank line. A
/// line right below a comment stays with it.
fn by_indentation(line: &str, before: Option<&str>) -> u32 {
    let blanks = line.chars().take_while(|character| character.is_whitespace());
    let columns: u32 = blanks.take(1 << 16).map(|blank| if blank == '\t' { 4 } else { 1 }).sum();
    let commented = before.is_some_and(|before| COMMENTS.iter().any(|sign| before.trim_start().starts_with(sign)));
    2 * (columns + if commented { COMMENTED } else { 0 }) + u32::from(!before.is_some_and(is_blank))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_known_syntax_a_line_is_better_the_less_it_is_indented() {
        let count = |text: &str| text.len();
        let counter = Counter::new(&count, 10);
        let found = lines("a {\n\n  b\n\tc\n}\n\nd\ne", None, &counter);
        let ranks: Vec<_> = found.iter().map(|line| line.rank).collect();
        assert_eq!(ranks, [2, BLANK, 8, 18, 3, BLANK, 0, 2, 0]);
        assert_eq!(found.last().unwrap(), &Line { start: 18, rank: 0, after_blank: false, tokens: 18 });
    }
}

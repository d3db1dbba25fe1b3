//! Where the parts of a text are in the file that it came from: headings, lines and pages.
//!
//! The text of a plain file has the lines of the file. The text of an HTML, PDF or DOCX file was taken out of it, so its
//! reader says where each part comes from.

use super::Outline;

/// Where the parts of a text are in its file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The headings, if the reader found them. `None` means that they can be found in the text itself.
    pub outline: Option<Outline>,
    /// The lines.
    pub lines: Lines,
    /// Where each page begins, in bytes of the text, ascending; the first entry is page 1. Empty for a text without pages.
    pub pages: Vec<usize>,
}

/// How the lines of a text are related to the lines of its file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Lines {
    /// They are the same.
    #[default]
    Same,
    /// Pairs of a byte of the text and the 1-based line of the file that it comes from, both ascending. A pair holds up
    /// to the next one.
    Known(Vec<(usize, u64)>),
    /// The file has no lines.
    None,
}

impl Layout {
    /// Finds the lines of places in `text`.
    pub fn lines<'a>(&'a self, text: &'a str) -> LineFinder<'a> {
        LineFinder { lines: &self.lines, text, at: 0, line: 1 }
    }

    /// The 1-based page that the byte `at` of the text is on. `None` if the text has no pages.
    pub fn page(&self, at: usize) -> Option<u64> {
        let begun = self.pages.partition_point(|&start| start <= at) as u64;
        (!self.pages.is_empty()).then(|| begun.max(1))
    }
}

/// Finds the line of one place in a text after the other.
pub struct LineFinder<'a> {
    lines: &'a Lines,
    text: &'a str,
    /// A place up to which lines have been counted, and its line.
    at: usize,
    line: u64,
}

impl LineFinder<'_> {
    /// The 1-based line of the file from which the byte `at` of the text comes. `None` if the file has no lines. Places in
    /// ascending order are fastest: lines are counted from the place before.
    pub fn line(&mut self, at: usize) -> Option<u64> {
        match self.lines {
            Lines::Same => {
                if at < self.at {
                    (self.at, self.line) = (0, 1);
                }
                let at = at.min(self.text.len());
                let between = &self.text.as_bytes()[self.at..at];
                self.line += between.iter().filter(|&&byte| byte == b'\n').count() as u64;
                self.at = at;
                Some(self.line)
            }
            Lines::Known(lines) => {
                let before = lines.partition_point(|&(start, _)| start <= at);
                Some(before.checked_sub(1).map_or(1, |last| lines[last].1))
            }
            Lines::None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_that_of_the_file() {
        let text = "one\r\ntwo\nthree";
        let same = Layout::default();
        let lines = |layout: &Layout, places: &[usize]| {
            let mut lines = layout.lines(text);
            places.iter().map(|&at| lines.line(at)).collect::<Vec<_>>()
        };
        assert_eq!(lines(&same, &[0, 4, 5, 9, 99, 5]), [1, 1, 2, 3, 3, 2].map(Some));
        let known = Layout { lines: Lines::Known(vec![(0, 7), (5, 9)]), ..Layout::default() };
        assert_eq!(lines(&known, &[0, 4, 5, 99]), [7, 7, 9, 9].map(Some));
        assert_eq!(lines(&Layout { lines: Lines::None, ..Layout::default() }, &[5]), [None]);
    }

    #[test]
    fn a_page_is_the_last_one_begun() {
        let layout = Layout { pages: vec![0, 10, 10, 20], ..Layout::default() };
        assert_eq!([0, 9, 10, 25].map(|at| layout.page(at)), [1, 1, 3, 4].map(Some));
        assert_eq!(Layout::default().page(3), None);
    }
}

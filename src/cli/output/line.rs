//! Text on one line of limited width.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::cli::visible::visible;

/// Replaces text that is left out.
pub(super) const ELLIPSIS: &str = "…";

/// `text` with one space for each run of white space, and with characters that a terminal obeys or hides spelled out.
/// Such a text can neither break the layout nor steer the terminal.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().map(visible).collect::<Vec<_>>().join(" ")
}

/// The columns between two stops of a tab, as most people read code.
const TAB: usize = 4;

/// A line of text as it stands, with its indentation: tabs become spaces, and characters that a terminal obeys or hides are
/// spelled out.
pub(super) fn with_indentation(line: &str) -> String {
    expanded(line.trim_end(), 0)
}

/// A part of a line, which begins at this column. Tabs become spaces, and characters that a terminal obeys or hides are
/// spelled out.
pub(super) fn expanded(part: &str, column: usize) -> String {
    let mut shown = String::new();
    for (number, part) in part.split('\t').enumerate() {
        if number > 0 {
            let column = column + shown.width();
            shown.extend(std::iter::repeat_n(' ', TAB - column % TAB));
        }
        shown.push_str(&visible(part));
    }
    shown
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
    use super::*;

    #[test]
    fn indentation_stays_and_a_tab_ends_at_its_stop() {
        assert_eq!(with_indentation("\tif a {\t// b \r"), "    if a {  // b");
        assert_eq!(with_indentation("  x   y"), "  x   y");
        assert_eq!(with_indentation("\u{1b}[2m"), "\\u{1b}[2m");
    }
}

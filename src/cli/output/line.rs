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

//! Shows on a terminal where an expression is wrong.

use unicode_width::UnicodeWidthStr;

/// Two lines: `expression`, and a caret under its byte `byte`. Control characters, including line breaks, are shown as
/// spaces so that the caret keeps its place. The second line does not end in a line break.
pub fn caret(expression: &str, byte: usize) -> String {
    let shown = |text: &str| text.replace(char::is_control, " ");
    let before = shown(expression.get(..byte).unwrap_or(expression));
    format!("{}\n{}^", shown(expression), " ".repeat(before.width()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_count_twice_and_combining_ones_not_at_all() {
        assert_eq!(caret("a = 1 b", 6), "a = 1 b\n      ^");
        assert_eq!(caret("日本 b", 7), "日本 b\n     ^");
        assert_eq!(caret("e\u{301} b", 4), "e\u{301} b\n  ^");
        assert_eq!(caret("a\tb\n\u{1b}c", 5), "a b  c\n     ^");
    }

    #[test]
    fn a_byte_that_begins_no_character_is_taken_for_the_end() {
        assert_eq!(caret("日", 1), "日\n  ^");
        assert_eq!(caret("", 9), "\n^");
    }
}

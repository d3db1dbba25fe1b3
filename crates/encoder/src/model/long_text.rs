//! Divides very long texts into pieces. Together the pieces have the tokens of the whole text.
//!
//! A tokenizer works word by word, so a piece ends before white space. If there is none, it ends after a punctuation
//! mark. Only inside a word of tens of thousands of letters it may end anywhere; there the number of tokens is an
//! estimate.

/// Texts with at most this many bytes are tokenized as a whole.
const LONG: usize = 256 << 10;

/// The largest piece, in bytes.
const PIECE: usize = 64 << 10;

/// Whether a text is tokenized in pieces.
pub(super) fn is_long(text: &str) -> bool {
    text.len() > LONG
}

/// The text, divided into pieces if it is long.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    pieces_of(text, if is_long(text) { PIECE } else { usize::MAX })
}

/// Divides the text into pieces of at most `size` bytes, or of one character. An empty text is one piece.
pub(super) fn pieces_of(text: &str, size: usize) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let (piece, after) = rest?.split_at(end_of_piece(rest?, size));
        rest = Some(after).filter(|after| !after.is_empty());
        Some(piece)
    })
}

/// Where the first piece of a text ends.
fn end_of_piece(text: &str, size: usize) -> usize {
    if text.len() <= size {
        return text.len();
    }
    let Some(most) = (1..=size).rev().find(|&at| text.is_char_boundary(at)) else {
        return text.chars().next().map_or(0, char::len_utf8);
    };
    let least = (most / 2).max(1);
    let last = |is_border: fn(char, char) -> bool| {
        (least..=most).rev().find(|&at| around(text, at).is_some_and(|(before, after)| is_border(before, after)))
    };
    last(is_before_blank).or_else(|| last(is_after_sign)).unwrap_or(most)
}

/// The characters before and after this position, if it is between two characters.
fn around(text: &str, at: usize) -> Option<(char, char)> {
    let (before, after) = text.split_at_checked(at)?;
    Some((before.chars().next_back()?, after.chars().next()?))
}

/// White space belongs to the word after it, as in tokenizers that keep white space. Several blanks in a row may be one
/// token.
fn is_before_blank(before: char, after: char) -> bool {
    !before.is_whitespace() && after.is_whitespace()
}

/// A letter that follows a punctuation mark changes neither the mark nor the characters before it.
fn is_after_sign(before: char, after: char) -> bool {
    !before.is_alphanumeric() && after.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pieces_are_the_text_and_not_too_long(text: String, size in 1..20usize) {
            let pieces: Vec<&str> = pieces_of(&text, size).collect();
            prop_assert_eq!(pieces.concat(), &*text);
            prop_assert!(pieces.iter().all(|piece| piece.len() <= size || piece.chars().count() == 1));
        }
    }

    #[test]
    fn a_piece_ends_before_a_blank_or_else_after_a_sign() {
        let cut = |text, size| pieces_of(text, size).collect::<Vec<_>>();
        assert_eq!(cut("one two  three", 9), ["one two", "  three"]);
        assert_eq!(cut("語。語語", 10), ["語。", "語語"]);
        assert_eq!(cut("abcdef", 4), ["abcd", "ef"]);
        assert_eq!(cut("", 4), [""]);
    }
}

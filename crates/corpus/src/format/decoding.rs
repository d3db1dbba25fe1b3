//! Which encoding the bytes of a text have, and the text in UTF-8.
//!
//! A byte order mark decides by itself. Without one, an encoding that the user names is for text that is not UTF-8: what
//! is valid UTF-8 and has more than ASCII in it stays as it is. An encoding that does not contain ASCII, such as UTF-16,
//! comes before that, because its text can be valid UTF-8 by chance.

use std::io::{self, BufRead, Read};

use encoding_rs::{Encoding, UTF_8};
use encoding_rs_io::DecodeReaderBytesBuilder;

use crate::peek::peek;

/// How many bytes of a stream say whether it is UTF-8, from its first character that is not ASCII.
const WINDOW: usize = 64 * 1024;

/// The longest byte order mark.
const MARK: usize = 3;

/// The encoding of a whole text and the length of its byte order mark, if the mark or the user says it.
pub(super) fn told(text: &[u8], named: Option<&'static Encoding>) -> Option<(&'static Encoding, usize)> {
    Encoding::for_bom(text).or_else(|| {
        let named = named?;
        let is_utf8 = named.is_ascii_compatible() && !text.is_ascii() && std::str::from_utf8(text).is_ok();
        Some((if is_utf8 { UTF_8 } else { named }, 0))
    })
}

/// The bytes in UTF-8, without a byte order mark. Bytes that are not UTF-8 come as they are, unless the mark or the user
/// says what they are.
pub(super) fn decoded<'a>(bytes: impl BufRead + 'a, named: Option<&'static Encoding>) -> Box<dyn Read + 'a> {
    let (start, bytes) = peek(bytes, MARK);
    let is_marked = Encoding::for_bom(&start).is_some();
    match named.filter(|&named| !is_marked && named != UTF_8) {
        Some(named) if named.is_ascii_compatible() => Box::new(Guessing { input: Input::Ascii(bytes), named }),
        Some(named) => from(named, bytes),
        None => Box::new(
            DecodeReaderBytesBuilder::new().utf8_passthru(true).strip_bom(true).bom_override(true).build(bytes),
        ),
    }
}

/// The bytes from this encoding in UTF-8.
fn from<'a>(encoding: &'static Encoding, bytes: impl Read + 'a) -> Box<dyn Read + 'a> {
    Box::new(DecodeReaderBytesBuilder::new().encoding(Some(encoding)).bom_sniffing(false).build(bytes))
}

/// A stream that is UTF-8 or in the encoding that the user named.
struct Guessing<'a, R> {
    input: Input<'a, R>,
    named: &'static Encoding,
}

enum Input<'a, R> {
    /// So far, all is ASCII.
    Ascii(R),
    Decoded(Box<dyn Read + 'a>),
    /// Its first character that is not ASCII is being looked at.
    Moved,
}

impl<'a, R: BufRead + 'a> Read for Guessing<'a, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Input::Ascii(input) = &mut self.input {
            let bytes = input.fill_buf()?;
            let ascii = Encoding::ascii_valid_up_to(bytes).min(buffer.len());
            if ascii > 0 || bytes.is_empty() || buffer.is_empty() {
                buffer[..ascii].copy_from_slice(&bytes[..ascii]);
                input.consume(ascii);
                return Ok(ascii);
            }
            if let Input::Ascii(rest) = std::mem::replace(&mut self.input, Input::Moved) {
                let (start, rest) = peek(rest, WINDOW);
                self.input = Input::Decoded(if is_utf8(&start) { Box::new(rest) } else { from(self.named, rest) });
            }
        }
        match &mut self.input {
            Input::Decoded(input) => input.read(buffer),
            Input::Ascii(_) | Input::Moved => Ok(0),
        }
    }
}

/// Whether the start of a stream is UTF-8. A character may be cut if the stream goes on.
fn is_utf8(start: &[u8]) -> bool {
    std::str::from_utf8(start).map_or_else(|error| error.error_len().is_none() && start.len() == WINDOW, |_| true)
}

/// Whether a text that starts with these bytes has the byte order mark of UTF-32, which begins like that of UTF-16.
pub(crate) fn is_utf32(start: &[u8]) -> bool {
    start.starts_with(b"\xff\xfe\0\0") || start.starts_with(b"\0\0\xfe\xff")
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use encoding_rs::{ISO_2022_JP, SHIFT_JIS, UTF_16BE, UTF_16LE, WINDOWS_1252};
    use proptest::prelude::*;

    use super::*;

    /// What comes out of a stream that hands over a few bytes at a time.
    fn streamed(bytes: &[u8], named: Option<&'static Encoding>) -> Vec<u8> {
        let mut input = BufReader::new(decoded(BufReader::with_capacity(3, bytes), named));
        let mut all = Vec::new();
        while input.read_until(b'\n', &mut all).unwrap() > 0 {}
        all
    }

    /// The same from the rule for a whole text.
    fn whole(bytes: &[u8], named: Option<&'static Encoding>) -> Vec<u8> {
        match told(bytes, named) {
            Some((encoding, mark)) if encoding != UTF_8 => {
                encoding.decode_without_bom_handling(&bytes[mark..]).0.into_owned().into_bytes()
            }
            told => bytes[told.map_or(0, |(_, mark)| mark)..].into(),
        }
    }

    fn both(bytes: &[u8], named: &'static Encoding) -> String {
        let all = streamed(bytes, Some(named));
        assert_eq!(all, whole(bytes, Some(named)));
        String::from_utf8(all).unwrap()
    }

    #[test]
    fn a_named_encoding_is_for_text_that_is_not_utf_8() {
        assert_eq!(both(b"a Gr\xf6\xdfe", WINDOWS_1252), "a Größe");
        assert_eq!(both("a Größe".as_bytes(), WINDOWS_1252), "a Größe");
        assert_eq!(both("蜂".as_bytes(), SHIFT_JIS), "蜂");
        assert_eq!(both(b"\x96I", SHIFT_JIS), "蜂");
        assert_eq!(both(b"plain", WINDOWS_1252), "plain");
        assert_eq!(both(b"", WINDOWS_1252), "");
        // The last character is cut.
        assert_eq!(both(b"a \xc3\xb6\xc3", WINDOWS_1252), "a Ã¶Ã");
    }

    #[test]
    fn a_byte_order_mark_says_more_than_the_name() {
        for named in [WINDOWS_1252, UTF_16BE, ISO_2022_JP, UTF_8] {
            assert_eq!(both("\u{feff}ö".as_bytes(), named), "ö");
            assert_eq!(both(b"\xff\xfea\0\xf6\0", named), "aö");
        }
    }

    #[test]
    fn an_encoding_without_ascii_is_used_even_if_the_bytes_are_utf_8() {
        assert_eq!(both(b"a\0b\0", UTF_16LE), "ab");
        assert_eq!(both(b"\0a\0b", UTF_16BE), "ab");
        assert_eq!(both(b"\x1b$BK*\x1b(B", ISO_2022_JP), "蜂");
    }

    #[test]
    fn a_stream_is_judged_from_its_first_character_that_is_not_ascii() {
        let ascii = "a".repeat(3 * WINDOW);
        let text = |more: &[u8]| [ascii.as_bytes(), more].concat();
        assert_eq!(both(&text("ö".repeat(WINDOW).as_bytes()), WINDOWS_1252).chars().last(), Some('ö'));
        assert_eq!(both(&text(b"\xf6"), WINDOWS_1252).chars().last(), Some('ö'));
        // A character that the window cuts.
        let cut = format!("ö{}ö", "a".repeat(WINDOW - 3));
        assert_eq!(both(&text(cut.as_bytes()), WINDOWS_1252).chars().last(), Some('ö'));
    }

    #[test]
    fn the_mark_of_utf_32_is_not_that_of_utf_16() {
        assert!(is_utf32(b"\xff\xfe\0\0a\0\0\0") && is_utf32(b"\0\0\xfe\xff\0\0\0a"));
        assert!(!is_utf32(b"\xff\xfea\0") && !is_utf32(b"\xfe\xff\0a") && !is_utf32(b""));
    }

    /// Pieces of texts in several encodings, and marks in the middle of a text.
    const PIECES: &[&[u8]] =
        &[b"a\n", "ö".as_bytes(), "蜂".as_bytes(), b"\xf6", b"\x96I", b"\xff\xfea\0", b"\xef\xbb\xbf", b"\0"];

    proptest! {
        #[test]
        fn a_stream_has_the_text_that_the_whole_has(
            pieces in prop::collection::vec(prop::sample::select(PIECES), 0..8),
            named in prop::sample::select(vec![None, Some(WINDOWS_1252), Some(SHIFT_JIS), Some(UTF_16LE), Some(UTF_8)]),
        ) {
            let bytes = pieces.concat();
            prop_assert_eq!(streamed(&bytes, named), whole(&bytes, named));
        }
    }
}

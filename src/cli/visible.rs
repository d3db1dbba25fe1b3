//! Characters that a terminal obeys or hides, made visible. What others wrote (documents, ids, names of files, messages
//! of libraries) can then neither steer the terminal nor look like something that it is not.

use std::borrow::Cow;
use std::io::{self, Write};

/// Whether a terminal would obey the character, or show nothing for it: control characters, what sets the direction of
/// writing, what separates lines or paragraphs, and what has no width (Unicode's categories Cc, Zl and Zp, of Cf what
/// is not seen, and the fillers among letters).
///
/// The joiners U+200C and U+200D and the variation selectors are not among them: Persian, Hindi and emoji are spelled
/// with them.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}'
            | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}')
}

/// Whether there is such a character in `text`.
pub(super) fn hides(text: &str) -> bool {
    text.contains(is_hidden)
}

/// `text` with such characters spelled as in a string of Rust: `\u{1b}`, `\n`.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if !hides(text) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    text.chars().for_each(|character| Spelling::Text.spell(character, is_hidden(character), &mut shown));
    Cow::Owned(shown)
}

/// How hidden characters are spelled in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As they are.
    Bytes,
    /// As in a string of Rust: `\u{202e}`.
    Text,
    /// As in a string of JSON, so that the stream stays JSON: `\u202e`.
    Json,
}

impl Spelling {
    fn spell(self, character: char, hidden: bool, shown: &mut String) {
        match self {
            _ if !hidden => shown.push(character),
            Self::Bytes => shown.push(character),
            Self::Text => shown.extend(character.escape_default()),
            Self::Json => {
                let mut units = [0; 2];
                shown.extend(character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
            }
        }
    }
}

/// A stream of text that spells hidden characters. Line breaks and tabs pass, since they are the format's own.
pub(super) struct Visible<W> {
    out: W,
    spelling: Spelling,
    /// The first bytes of a character whose other bytes have not been written yet.
    begun: Vec<u8>,
}

impl<W: Write> Visible<W> {
    pub(super) fn new(out: W, spelling: Spelling) -> Self {
        Self { out, spelling, begun: Vec::new() }
    }
}

impl<W: Write> Write for Visible<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.spelling == Spelling::Bytes {
            return self.out.write(bytes);
        }
        self.begun.extend_from_slice(bytes);
        let rest = self.begun.split_off(whole(&self.begun));
        let whole = std::mem::replace(&mut self.begun, rest);
        let mut shown = String::with_capacity(whole.len());
        for character in String::from_utf8_lossy(&whole).chars() {
            let hidden = is_hidden(character) && !['\n', '\t'].contains(&character);
            self.spelling.spell(character, hidden, &mut shown);
        }
        self.out.write_all(shown.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// How many of the bytes are complete characters: all except an incomplete character at the end.
fn whole(bytes: &[u8]) -> usize {
    for back in 1..=bytes.len().min(3) {
        let length = match bytes[bytes.len() - back] {
            0xf0.. => 4,
            0xe0.. => 3,
            0xc0.. => 2,
            0x80.. => continue,
            _ => 1,
        };
        return if length > back { bytes.len() - back } else { bytes.len() };
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What has to be shown, by the names that Unicode gives.
    const HIDDEN: [(char, &str); 22] = [
        ('\0', "NULL"),
        ('\u{7}', "BELL"),
        ('\u{8}', "BACKSPACE"),
        ('\r', "CARRIAGE RETURN"),
        ('\u{1b}', "ESCAPE"),
        ('\u{7f}', "DELETE"),
        ('\u{85}', "NEXT LINE"),
        ('\u{9b}', "CONTROL SEQUENCE INTRODUCER"),
        ('\u{9d}', "OPERATING SYSTEM COMMAND"),
        ('\u{ad}', "SOFT HYPHEN"),
        ('\u{61c}', "ARABIC LETTER MARK"),
        ('\u{200b}', "ZERO WIDTH SPACE"),
        ('\u{200e}', "LEFT-TO-RIGHT MARK"),
        ('\u{200f}', "RIGHT-TO-LEFT MARK"),
        ('\u{2028}', "LINE SEPARATOR"),
        ('\u{202a}', "LEFT-TO-RIGHT EMBEDDING"),
        ('\u{202e}', "RIGHT-TO-LEFT OVERRIDE"),
        ('\u{2066}', "LEFT-TO-RIGHT ISOLATE"),
        ('\u{2069}', "POP DIRECTIONAL ISOLATE"),
        ('\u{feff}', "ZERO WIDTH NO-BREAK SPACE"),
        ('\u{3164}', "HANGUL FILLER"),
        ('\u{e0041}', "TAG LATIN CAPITAL LETTER A"),
    ];

    fn streamed(text: &str, spelling: Spelling, step: usize) -> String {
        let mut bytes = Vec::new();
        let mut stream = Visible::new(&mut bytes, spelling);
        text.as_bytes().chunks(step).for_each(|part| stream.write_all(part).unwrap());
        stream.flush().unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn what_a_terminal_obeys_or_hides_is_spelled_out() {
        for (character, name) in HIDDEN {
            let text = format!("a{character}b");
            assert_eq!(visible(&text), format!("a{}b", character.escape_default()), "{name}");
            assert_eq!(streamed(&text, Spelling::Bytes, 1), text, "{name}");
        }
        assert_eq!(visible("a\nb\tc"), "a\\nb\\tc");
        assert_eq!(streamed("a\nb\tc\u{1b}", Spelling::Text, 2), "a\nb\tc\\u{1b}");
    }

    #[test]
    fn what_people_write_stays() {
        for text in [
            "Zürich",
            "日本語",
            "مرحبا",
            "שלום",
            "می\u{200c}خواهم",
            "👩\u{200d}🚀",
            "❤\u{fe0f}",
            "e\u{301}",
            "a\u{a0}b",
        ] {
            assert_eq!(visible(text), text);
            assert_eq!(streamed(text, Spelling::Text, 1), text);
        }
    }

    #[test]
    fn json_stays_json() {
        let text: String = HIDDEN.iter().map(|(character, _)| *character).collect();
        let shown = streamed(&serde_json::to_string(&text).unwrap(), Spelling::Json, 3);
        assert!(!hides(&shown), "{shown}");
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
    }

    proptest! {
        #[test]
        fn nothing_hidden_passes_wherever_the_stream_is_cut(text in any::<String>(), step in 1..9usize) {
            let shown = streamed(&text, Spelling::Text, step);
            prop_assert!(!hides(&shown.replace(['\n', '\t'], " ")));
            prop_assert!(!hides(&visible(&text)));
            prop_assert_eq!(streamed(&text, Spelling::Text, 1), shown);
        }

        #[test]
        fn bytes_that_are_no_text_pass_or_are_replaced(bytes in prop::collection::vec(any::<u8>(), 0..64), step in 1..9usize) {
            let mut shown = Vec::new();
            let mut stream = Visible::new(&mut shown, Spelling::Text);
            bytes.chunks(step).for_each(|part| stream.write_all(part).unwrap());
            let shown = String::from_utf8(shown).unwrap();
            prop_assert!(!hides(&shown.replace(['\n', '\t'], " ")));
        }
    }
}

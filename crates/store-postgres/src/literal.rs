//! Values in SQL. Statements for shards are texts without parameters, so every value in them is written by this module.

use std::fmt::Write;

/// How a NUL character is kept: PostgreSQL's texts cannot have one. The escape itself is kept as two characters too.
const ESCAPE: char = '\u{E000}';

/// A text of a document as a literal. It may have NUL characters.
pub(crate) fn text(value: &str) -> String {
    verbatim(&without_nul(value))
}

/// A name, a password or another setting as a literal. It has no NUL characters.
pub(crate) fn verbatim(value: &str) -> String {
    let mut literal = String::with_capacity(value.len() + 2);
    // Without a backslash, this form means the same whatever `standard_conforming_strings` is.
    if value.contains('\\') {
        literal.push_str(" E");
    }
    literal.push('\'');
    for character in value.chars() {
        if matches!(character, '\'' | '\\') {
            literal.push(character);
        }
        literal.push(character);
    }
    literal.push('\'');
    literal
}

/// Bytes as a literal of `bytea`.
pub(crate) fn bytes(value: &[u8]) -> String {
    let mut literal = String::with_capacity(2 * value.len() + 24);
    literal.push_str("decode('");
    for byte in value {
        let _ = write!(literal, "{byte:02x}");
    }
    literal.push_str("', 'hex')");
    literal
}

/// An array of texts.
pub(crate) fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    format!("ARRAY[{}]::text[]", values.into_iter().map(text).collect::<Vec<_>>().join(","))
}

/// A vector as a literal. Every component is written so that it is read back to the last bit.
pub(crate) fn vector(value: &[f32]) -> String {
    let mut literal = String::with_capacity(12 * value.len() + 12);
    literal.push_str("'[");
    for (place, component) in value.iter().enumerate() {
        let _ = write!(literal, "{}{component:e}", if place > 0 { "," } else { "" });
    }
    let _ = write!(literal, "]'::vector({})", value.len());
    literal
}

/// A name of a table, schema or server.
pub(crate) fn name(value: &str) -> String {
    format!("\"{}\"", value.replace('"', "\"\""))
}

/// A text as PostgreSQL can keep it.
pub(crate) fn without_nul(value: &str) -> std::borrow::Cow<'_, str> {
    if !value.contains(['\0', ESCAPE]) {
        return value.into();
    }
    let mut kept = String::with_capacity(value.len() + 8);
    for character in value.chars() {
        match character {
            '\0' => kept.extend([ESCAPE, '0']),
            ESCAPE => kept.extend([ESCAPE, '1']),
            other => kept.push(other),
        }
    }
    kept.into()
}

/// The text that [`without_nul`] was given.
pub(crate) fn with_nul(kept: &str) -> String {
    if !kept.contains(ESCAPE) {
        return kept.into();
    }
    let mut value = String::with_capacity(kept.len());
    let mut characters = kept.chars();
    while let Some(character) = characters.next() {
        match character {
            ESCAPE if characters.next() == Some('0') => value.push('\0'),
            other => value.push(other),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quotes_and_backslashes_stay_in_the_literal() {
        assert_eq!(text("it's"), "'it''s'");
        assert_eq!(text("a\\'b"), " E'a\\\\''b'");
        assert_eq!(name("a\"; DROP"), "\"a\"\"; DROP\"");
        assert_eq!(bytes(b"\0'"), "decode('0027', 'hex')");
        assert_eq!(texts([]), "ARRAY[]::text[]");
        assert_eq!(vector(&[1.0, -0.1]), "'[1e0,-1e-1]'::vector(2)");
    }

    /// What PostgreSQL reads from a literal of a text.
    fn read(literal: &str) -> Option<String> {
        let (escaped, body) = match literal.strip_prefix(" E") {
            Some(body) => (true, body),
            None => (false, literal),
        };
        let body = body.strip_prefix('\'')?.strip_suffix('\'')?;
        let mut value = String::new();
        let mut characters = body.chars();
        while let Some(character) = characters.next() {
            match character {
                '\'' => (characters.next() == Some('\'')).then(|| value.push('\''))?,
                '\\' if escaped => (characters.next() == Some('\\')).then(|| value.push('\\'))?,
                '\0' => return None,
                other => value.push(other),
            }
        }
        Some(value)
    }

    proptest! {
        #[test]
        fn a_text_is_read_back_from_its_literal(value in "[\\PC'\\\\\"\u{0}\u{E000}01;-]{0,30}") {
            let kept = read(&text(&value));
            prop_assert_eq!(kept.as_deref().map(with_nul), Some(value));
        }

        #[test]
        fn a_component_is_read_back_to_the_last_bit(bits in any::<u32>()) {
            let value = f32::from_bits(bits);
            if value.is_finite() {
                let literal = vector(&[value]);
                let inner = literal.trim_start_matches("'[").trim_end_matches("]'::vector(1)");
                prop_assert_eq!(inner.parse::<f32>().unwrap().to_bits(), bits);
            }
        }
    }
}

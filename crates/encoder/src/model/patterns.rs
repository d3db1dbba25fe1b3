//! The regular expressions in a tokenizer.json, which are written for Oniguruma.
//!
//! Python's tokenizers matches them with Oniguruma, and this program with a library of Rust's. The two differ in one
//! point that a text can meet: outside of brackets, Oniguruma counts the six characters of [`FRACTIONS`] as parts of a
//! word. So `\w`, and what is defined by it, is written out here.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

/// The characters below U+0100 that Oniguruma counts as parts of a word, but Unicode's rule does not: `²³¹¼½¾`.
const FRACTIONS: &str = r"\xb2\xb3\xb9\xbc-\xbe";

/// Rewrites the parts whose expressions must be written in another way.
///
/// # Errors
/// A part is not JSON.
pub(super) fn rewritten(parts: &BTreeMap<String, &RawValue>) -> serde_json::Result<Vec<(String, Box<RawValue>)>> {
    let with_patterns = parts.iter().filter(|(name, part)| {
        ["normalizer", "pre_tokenizer"].contains(&name.as_str()) && part.get().contains("\"Regex\"")
    });
    let rewrite = |(name, part): (&String, &&RawValue)| {
        let mut part: Value = serde_json::from_str(part.get())?;
        rewrite_all(&mut part);
        Ok((name.clone(), to_raw_value(&part)?))
    };
    with_patterns.map(rewrite).collect()
}

fn rewrite_all(part: &mut Value) {
    match part {
        Value::Object(entries) => {
            for (name, entry) in entries {
                match entry {
                    Value::String(pattern) if name == "Regex" => *pattern = for_rust(pattern),
                    other => rewrite_all(other),
                }
            }
        }
        Value::Array(entries) => entries.iter_mut().for_each(rewrite_all),
        _ => {}
    }
}

/// An expression that matches in Rust's library what `pattern` matches in Oniguruma.
fn for_rust(pattern: &str) -> String {
    let (word, other) = (format!(r"[\w{FRACTIONS}]"), format!(r"[^\w{FRACTIONS}]"));
    let (mut written, mut depth) = (String::with_capacity(pattern.len()), 0);
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '[' => depth += 1,
            ']' if depth > 0 => depth -= 1,
            '\\' => {
                let escaped = characters.next();
                match escaped.filter(|_| depth == 0) {
                    Some('w') => written += &word,
                    Some('W') => written += &other,
                    Some('b') => written += &format!("(?:(?<={word})(?!{word})|(?<!{word})(?={word}))"),
                    Some('B') => written += &format!("(?:(?<={word})(?={word})|(?<!{word})(?!{word}))"),
                    _ => {
                        written.push('\\');
                        written.extend(escaped);
                    }
                }
                continue;
            }
            _ => {}
        }
        written.push(character);
    }
    written
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokenizers::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer, PreTokenizerWrapper};

    use super::*;

    /// The pieces into which a pattern's matches split a text.
    fn pieces(pattern: &str, text: &str) -> Vec<String> {
        let mut part =
            json!({ "type": "Split", "pattern": { "Regex": pattern }, "behavior": "Isolated", "invert": false });
        rewrite_all(&mut part);
        let splitter: PreTokenizerWrapper = serde_json::from_value(part).unwrap();
        let mut pieces = PreTokenizedString::from(text);
        splitter.pre_tokenize(&mut pieces).unwrap();
        let splits = pieces.get_splits(OffsetReferential::Original, OffsetType::Byte);
        splits.into_iter().map(|(piece, ..)| piece.to_owned()).collect()
    }

    /// The expected pieces are those that Python's tokenizers 0.23 makes, with Oniguruma.
    #[test]
    fn a_text_is_split_as_by_oniguruma() {
        assert_eq!(pieces(r"\w+|[^\w\s]+", "6½ x² a-b"), ["6½", " ", "x²", " ", "a", "-", "b"]);
        assert_eq!(pieces(r"[\w]+", "6½ x²"), ["6", "½ ", "x", "²"]);
        assert_eq!(pieces(r"\W", "a½ b"), ["a½", " ", "b"]);
        assert_eq!(pieces(r"\b", "a½ b"), ["a½", " ", "b"]);
        assert_eq!(pieces(r"\\w|\]\w", r"a\wb]½c"), ["a", r"\w", "b", "]½", "c"]);
    }

    #[test]
    fn an_expression_without_words_stays_as_it_is() {
        let gpt2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
        for pattern in [gpt2, r"[^\r\n\w]?\p{L}+|\p{N}{1,3}", r"[[:alpha:]\w]\\[\b]", "\\"] {
            assert_eq!(for_rust(pattern), pattern);
        }
    }
}

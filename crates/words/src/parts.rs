//! The parts of a word, by which it is found beside its whole: those of identifiers and names.

use std::ops::Range;

/// Endings of English words that are no words.
const ENDINGS: [&str; 7] = ["t", "s", "re", "ll", "ve", "d", "m"];

/// The most bytes of a word that has parts. Longer ones are no identifiers.
const LONGEST: usize = 256;

/// The parts of a word, as byte ranges; none if it has only one. `read_to_end` has three, `HTTPServer` two, and `v1.2.3`
/// three.
pub(super) fn parts(word: &str) -> Vec<Range<usize>> {
    if word.len() > LONGEST || word.bytes().all(|byte| byte.is_ascii_lowercase()) || is_number(word) {
        return Vec::new();
    }
    let mut parts: Vec<Range<usize>> = Vec::new();
    let mut characters = word.char_indices().peekable();
    let mut before = None;
    while let Some((at, character)) = characters.next() {
        let end = at + character.len_utf8();
        let next = characters.peek().map(|&(_, next)| next);
        match parts.last_mut() {
            _ if is_joint(character) => {}
            Some(part) if part.end == at && !before.is_some_and(|before| is_hump(before, character, next)) => {
                part.end = end;
            }
            _ => parts.push(at..end),
        }
        before = Some(character);
    }
    let part = |part: &Range<usize>| &word[part.clone()];
    if parts.len() == 2 && word.contains(['\'', '’']) && ENDINGS.contains(&part(&parts[1]).to_lowercase().as_str()) {
        return Vec::new();
    }
    if parts.len() < 2 {
        return Vec::new();
    }
    // A letter by itself says little.
    parts.retain(|range| range.len() > 1 || part(range).bytes().all(|byte| byte.is_ascii_digit()));
    parts
}

/// The digits of a number whose thousands are separated: `1000000` for `1,000,000`.
pub(super) fn digits(word: &str) -> Option<String> {
    let mut groups = word.split([',', '.', '\'', '’', '_']);
    let is_group = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let first = groups.next().filter(|group| (1..=3).contains(&group.len()) && is_group(group))?;
    let mut digits = first.to_owned();
    for group in groups {
        if group.len() != 3 || !is_group(group) {
            return None;
        }
        digits.push_str(group);
    }
    (digits.len() > 3).then_some(digits)
}

/// Whether a word is a number, whose parts say nothing: `1.5`, `1,000`.
fn is_number(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit() || !byte.is_ascii_alphanumeric()) && word.is_ascii()
}

/// Whether a character joins the parts of a word.
fn is_joint(character: char) -> bool {
    matches!(character, '_' | '.' | ':' | '\'' | '’' | '·' | '‿')
}

/// Whether a part begins with `character`: `S` in `readServer` and in `HTTPServer`, `2` in `utf2`.
fn is_hump(before: char, character: char, next: Option<char>) -> bool {
    let is_capital = character.is_uppercase()
        && (before.is_lowercase() || (before.is_uppercase() && next.is_some_and(char::is_lowercase)));
    is_capital || before.is_numeric() != character.is_numeric()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(word: &str) -> Vec<&str> {
        parts(word).into_iter().map(|part| &word[part]).collect()
    }

    #[test]
    fn identifiers_have_parts() {
        for (word, expected) in [
            ("HTTPServer", &["HTTP", "Server"][..]),
            ("read_to_end", &["read", "to", "end"]),
            ("__init__", &[]),
            ("parseJSONValue", &["parse", "JSON", "Value"]),
            ("v1.2.3", &["1", "2", "3"]),
            ("sha256", &["sha", "256"]),
            ("os.path", &["os", "path"]),
            ("1990er", &["1990", "er"]),
            ("L'Été", &["Été"]),
            ("straßeNord", &["straße", "Nord"]),
        ] {
            assert_eq!(shown(word), expected, "{word}");
        }
    }

    #[test]
    fn words_of_a_language_and_numbers_have_none() {
        for word in ["house", "Haus", "NASA", "don't", "John's", "WE'RE", "1.5", "1,000,000", "U.S", "é", ""] {
            assert_eq!(shown(word), [""; 0], "{word}");
        }
        assert_eq!(shown(&"aB".repeat(LONGEST)), [""; 0]);
    }

    #[test]
    fn thousands_have_digits() {
        assert_eq!(digits("1,000,000").as_deref(), Some("1000000"));
        assert_eq!(digits("12.500").as_deref(), Some("12500"));
        assert_eq!(digits("1_000").as_deref(), Some("1000"));
        for word in ["1000", "1.5", "1,00", "1,0000", "a,000", ",000", "v1.200", ""] {
            assert_eq!(digits(word), None, "{word}");
        }
    }

    proptest! {
        #[test]
        fn parts_are_apart_and_in_order(word in "\\PC{0,20}|[a-zA-Z0-9_.']{0,20}") {
            let mut end = 0;
            for part in parts(&word) {
                prop_assert!(part.start >= end && !part.is_empty());
                prop_assert!(word[part.clone()].chars().all(|letter| !is_joint(letter)));
                end = part.end;
            }
        }
    }
}

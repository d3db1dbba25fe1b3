//! Ids in files whose columns are separated by white space.

use std::borrow::Cow;

/// Decodes an id from a column between white space. `semsearch query -f trec` writes white space in an id as `%` and
/// two hexadecimal digits for each of its bytes. Only white space is decoded: any other `%` belongs to the id itself.
pub(super) fn decoded(word: &str) -> Cow<'_, str> {
    if !word.contains('%') {
        return word.into();
    }
    let (mut id, mut rest) = (String::with_capacity(word.len()), word);
    while let Some(percent) = rest.find('%') {
        let (before, from) = rest.split_at(percent);
        id.push_str(before);
        let (character, length) = encoded_white_space(from).unwrap_or(('%', 1));
        id.push(character);
        rest = &from[length..];
    }
    id.push_str(rest);
    id.into()
}

/// The encoded white space at the start of `word`, and the number of bytes that it takes there.
fn encoded_white_space(word: &str) -> Option<(char, usize)> {
    /// The most bytes that white space takes in UTF-8.
    const LONGEST: usize = 3;
    (1..=LONGEST).find_map(|count| {
        let triples = word.as_bytes().chunks_exact(3).take(count);
        let bytes: Vec<u8> = triples.map(byte).collect::<Option<_>>()?;
        let character = std::str::from_utf8(&bytes).ok()?.chars().next()?;
        (bytes.len() == count && character.is_whitespace()).then_some((character, 3 * count))
    })
}

/// The byte that `%XX` encodes. The writer's digits are upper case.
fn byte(triple: &[u8]) -> Option<u8> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    };
    match *triple {
        [b'%', high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_encoded_white_space_is_decoded() {
        let same = ["100%", "%", "%2", "%2f", "%41", "%C2%41", "%E2%80", "%%", "é%E9", "%a0", "%C2é"];
        same.iter().for_each(|word| assert_eq!(decoded(word), *word));
        assert_eq!(decoded("a%20b%%09%E3%80%80%C2%A0"), "a b%\t\u{3000}\u{a0}");
    }

    /// Encodes an id in the way of the writer of runs.
    fn encoded(id: &str) -> String {
        let encode = |character: char| match character.is_whitespace() {
            true => character.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect(),
            false => character.to_string(),
        };
        id.chars().map(encode).collect()
    }

    proptest! {
        #[test]
        fn an_id_that_was_encoded_comes_back(id in "[^%]*|[ \t\u{85}\u{a0}\u{1680}\u{2003}\u{2029}a-z0-9]*") {
            let encoded = encoded(&id);
            prop_assert_eq!(decoded(&encoded), id);
        }

        #[test]
        fn decoding_is_replacing_each_white_space_and_nothing_else(
            word in "[%0-9A-Fa-cé]*|(%20|%C2%A0|%E3%80%80|%|[0-9A-F])*"
        ) {
            // The last white space there is.
            let white_space = ('\0'..='\u{3000}').filter(|character| character.is_whitespace());
            let replace = |word: String, space: char| word.replace(&encoded(&space.to_string()), &space.to_string());
            prop_assert_eq!(decoded(&word), white_space.fold(word.clone(), replace));
        }
    }
}

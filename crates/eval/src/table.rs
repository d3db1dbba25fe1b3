//! A value for each pair of query and document: the shape that judgements and runs share, and how it is read from a
//! file of columns. What the columns mean is left to [`super::qrels`] and [`super::run`].

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{BufRead, Read};
use std::sync::Arc;

use indexmap::IndexMap;

use crate::{BadLine, EvalError};
use semsearch_files::Place;

/// Bytes of a line: two ids and what little stands beside them.
const LONGEST: usize = 1 << 20;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Query id → document id → value; queries in the order of the file.
pub(super) type Table<V> = IndexMap<String, HashMap<String, V>>;

/// One line of a file.
pub(super) struct Row<'a, V> {
    pub(super) query: Cow<'a, str>,
    pub(super) document: Cow<'a, str>,
    pub(super) value: V,
}

/// Reads a row a line; `row` takes a line apart, and gives `None` for one that is a header. Blank lines are passed
/// over.
///
/// # Errors
/// [`EvalError::Line`] for a line that `row` refuses, one that is not UTF-8, or a pair that stands there twice;
/// [`EvalError::Input`] if the reading fails; [`EvalError::NoRecords`] if there is no row.
pub(super) fn read<V>(
    input: impl BufRead,
    name: &Arc<str>,
    mut row: impl FnMut(&str) -> Result<Option<Row<'_, V>>, BadLine>,
) -> Result<Table<V>, EvalError> {
    // With each value the line that it stands on, for the message about a second one.
    let mut table: Table<(V, u64)> = Table::new();
    for_each_line(input, name, |line, number| match row(line)? {
        Some(row) => insert(&mut table, row, name, number),
        None => Ok(()),
    })?;
    if table.is_empty() {
        return Err(EvalError::NoRecords { input: Arc::clone(name) });
    }
    let without_lines = |values: HashMap<String, (V, u64)>| {
        values.into_iter().map(|(document, (value, _))| (document, value)).collect()
    };
    Ok(table.into_iter().map(|(query, values)| (query, without_lines(values))).collect())
}

fn insert<V>(table: &mut Table<(V, u64)>, row: Row<'_, V>, name: &Arc<str>, number: u64) -> Result<(), BadLine> {
    match table.entry(row.query.into_owned()).or_default().entry(row.document.into_owned()) {
        Entry::Vacant(vacant) => {
            vacant.insert((row.value, number));
            Ok(())
        }
        Entry::Occupied(first) => {
            let (document, first) = (first.key().clone(), Place::line(name, first.get().1));
            Err(BadLine::DuplicatePair { document, first })
        }
    }
}

/// Hands over the lines that are not blank, without their ends, and their 1-based numbers.
fn for_each_line(
    mut input: impl BufRead,
    name: &Arc<str>,
    mut each: impl FnMut(&str, u64) -> Result<(), BadLine>,
) -> Result<(), EvalError> {
    let mut bytes = Vec::new();
    for number in 1.. {
        let place = Place::line(name, number);
        bytes.clear();
        match input.by_ref().take(LONGEST as u64 + 1).read_until(b'\n', &mut bytes) {
            Ok(0) => break,
            Ok(read) if read > LONGEST => {
                return Err(EvalError::Line { place, problem: BadLine::TooLarge { max: LONGEST } });
            }
            Ok(_) => {}
            Err(source) => return Err(EvalError::Input { place, source }),
        }
        let mut line = bytes.as_slice();
        if number == 1 {
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        }
        if !line.trim_ascii().is_empty() {
            let text = std::str::from_utf8(line).map_err(|error| BadLine::Utf8 { byte: error.valid_up_to() + 1 });
            let done = text.and_then(|text| each(text.trim_end_matches(['\r', '\n']), number));
            done.map_err(|problem| EvalError::Line { place, problem })?;
        }
    }
    Ok(())
}

/// The `N` columns of a line; `expected` says in a message what they are.
pub(super) fn columns<'a, const N: usize>(
    words: impl Iterator<Item = &'a str>,
    expected: &'static str,
) -> Result<[&'a str; N], BadLine> {
    let words: Vec<&str> = words.collect();
    <[&str; N]>::try_from(words).map_err(|words| BadLine::Columns { found: words.len(), expected })
}

/// The id in a column of white-space-separated ones: `semsearch query -f trec` writes an id's white space as `%` and
/// the two hexadecimal digits of each of its bytes. Only those become characters again, since other `%` are an id's
/// own.
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

/// The white space that `word` begins with in its encoded form, and how many bytes that takes.
fn encoded_white_space(word: &str) -> Option<(char, usize)> {
    /// Bytes of the longest white space in UTF-8.
    const LONGEST: usize = 3;
    (1..=LONGEST).find_map(|count| {
        let triples = word.as_bytes().chunks_exact(3).take(count);
        let bytes: Vec<u8> = triples.map(byte).collect::<Option<_>>()?;
        let character = std::str::from_utf8(&bytes).ok()?.chars().next()?;
        (bytes.len() == count && character.is_whitespace()).then_some((character, 3 * count))
    })
}

/// The byte that `%XX` stands for. The writer's digits are capitals.
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

    fn read_pairs(input: &[u8]) -> Result<Table<String>, String> {
        read(input, &"in".into(), |line| {
            let [query, document, value] = columns(line.split(','), "3 (a, b, c)")?;
            Ok(Some(Row { query: query.into(), document: document.into(), value: value.to_owned() }))
        })
        .map_err(|error| error.to_string())
    }

    #[test]
    fn a_mark_blank_lines_and_carriage_returns_are_no_part_of_a_row() {
        let table = read_pairs(b"\xef\xbb\xbfb,d,1\r\n\r\n \t\na,d,2").unwrap();
        assert_eq!(table.keys().collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!((table["b"]["d"].as_str(), table["a"]["d"].as_str()), ("1", "2"));
    }

    #[test]
    fn a_pair_that_stands_there_twice_is_an_error_that_names_both_lines() {
        let message = read_pairs(b"q,d,1\nq,e,1\n\nq,d,1\n").unwrap_err();
        assert_eq!(message, "in:4: document \"d\" stands already for this query at in:1");
    }

    #[test]
    fn bad_lines_and_empty_files_are_named() {
        assert_eq!(read_pairs(b"q,d,1\nq,d").unwrap_err(), "in:2: the number of columns is 2, expected 3 (a, b, c)");
        assert_eq!(read_pairs(b"\nq,\xff,1").unwrap_err(), "in:2: invalid UTF-8 at byte 3 of the line");
        assert_eq!(read_pairs(b"\n\n").unwrap_err(), "in: no records in it");
    }

    #[test]
    fn a_line_without_an_end_is_not_held_in_memory() {
        let endless = std::io::BufReader::new(std::io::repeat(b'a'));
        let error = read(endless, &"in".into(), |_| Ok(None::<Row<'_, ()>>)).unwrap_err();
        assert_eq!(error.to_string(), "in:1: more than 1 MiB long: that is no record");
    }

    #[test]
    fn only_encoded_white_space_is_decoded() {
        let same = ["100%", "%", "%2", "%2f", "%41", "%C2%41", "%E2%80", "%%", "é%E9", "%a0", "%C2é"];
        same.iter().for_each(|word| assert_eq!(decoded(word), *word));
        assert_eq!(decoded("a%20b%%09%E3%80%80%C2%A0"), "a b%\t\u{3000}\u{a0}");
    }

    /// As the writer of runs does it.
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

        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
            let _ = read_pairs(&bytes);
        }
    }
}

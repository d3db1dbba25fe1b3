//! A value for each pair of query and document: the form that judgements and runs have in common, and how it is read
//! from a file of columns. [`super::qrels`] and [`super::run`] say what the columns mean.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{BufRead, Read};
use std::sync::Arc;

use indexmap::IndexMap;

use super::{BadLine, EvalError};
use semsearch_files::Place;

/// The most bytes of a line. It has two ids and a few more words.
const LONGEST: usize = 1 << 20;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Query id → document id → value. The queries are in the order of the file.
pub(super) type PairTable<V> = IndexMap<String, HashMap<String, V>>;

/// One line of a file: a pair, and its value.
pub(super) struct PairLine<'a, V> {
    pub(super) query: Cow<'a, str>,
    pub(super) document: Cow<'a, str>,
    pub(super) value: V,
}

/// Reads a value from each line. `parse` parses a line, and returns `None` for a header. Blank lines are ignored.
///
/// # Errors
/// [`EvalError::Line`] if `parse` fails, a line is not UTF-8, or a pair comes twice; [`EvalError::Input`] if the file
/// cannot be read; [`EvalError::NoRecords`] if there is no line with a value.
pub(super) fn read<V>(
    input: impl BufRead,
    name: &Arc<str>,
    mut parse: impl FnMut(&str) -> Result<Option<PairLine<'_, V>>, BadLine>,
) -> Result<PairTable<V>, EvalError> {
    // Each value comes with its line, for the message about a second value.
    let mut table: PairTable<(V, u64)> = PairTable::new();
    for_each_line(input, name, |line, number| match parse(line)? {
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

fn insert<V>(
    table: &mut PairTable<(V, u64)>,
    row: PairLine<'_, V>,
    name: &Arc<str>,
    number: u64,
) -> Result<(), BadLine> {
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

/// Calls `each` with every line that is not blank, without its end, and with its 1-based number.
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

/// The `N` columns of a line; `expected` says what they are, for messages.
pub(super) fn columns<'a, const N: usize>(
    words: impl Iterator<Item = &'a str>,
    expected: &'static str,
) -> Result<[&'a str; N], BadLine> {
    let words: Vec<&str> = words.collect();
    <[&str; N]>::try_from(words).map_err(|words| BadLine::Columns { found: words.len(), expected })
}

#[cfg(test)]
mod tests;

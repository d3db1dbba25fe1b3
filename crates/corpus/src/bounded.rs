//! Bounds of a record: what is longer, or holds more values, is none, and is not held in memory to find that out.

use std::io::{self, BufRead, Read};

use serde_json::{Map, Value};

/// Bytes of the largest record: many times a long book.
pub(super) const LARGEST: usize = 64 << 20;

/// Values of a record: numbers, strings and the like, those in arrays and objects too. Each takes a hundred bytes of memory
/// and more, as short as it is written.
pub(super) const MOST_VALUES: usize = 500_000;

/// Bytes of a value and its name in memory, without the letters.
const VALUE: usize = 128;

/// Counts the values of JSON as its bytes pass by: each comes after a comma, a colon or a bracket.
#[derive(Default)]
pub(super) struct Values {
    count: usize,
    in_string: bool,
    escaped: bool,
}

impl Values {
    /// Counts on.
    pub(super) fn pass(&mut self, json: &[u8]) {
        for &byte in json {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                b',' | b'[' | b'{' if !self.in_string => self.count += 1,
                _ => {}
            }
        }
    }

    /// Begins anew, between two records.
    pub(super) fn reset(&mut self) {
        self.count = 0;
    }

    /// Whether they are more than a record may have.
    pub(super) fn too_many(&self) -> bool {
        self.count > MOST_VALUES
    }
}

/// Whether a record of this JSON has more values than it may have.
pub(super) fn has_too_many_values(json: &[u8]) -> bool {
    // Two bytes are the least for each.
    json.len() / 2 > MOST_VALUES && {
        let mut values = Values::default();
        values.pass(json);
        values.too_many()
    }
}

/// What fields take of memory, about.
pub(super) fn weight(fields: &Map<String, Value>) -> usize {
    fields.iter().map(|(name, value)| name.len() + weight_of(value)).sum()
}

fn weight_of(value: &Value) -> usize {
    VALUE
        + match value {
            Value::String(text) => text.len(),
            Value::Array(elements) => elements.iter().map(weight_of).sum(),
            Value::Object(fields) => weight(fields),
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
}

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Bounded {
    /// Nothing: the input is at its end.
    End,
    /// It is in the buffer.
    Whole,
    /// It is longer than [`LARGEST`], and passed over.
    TooLong,
}

/// Reads a line into `line`, with its `\n` where it has one.
pub(super) fn line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Bounded> {
    line.clear();
    let read = input.take(LARGEST as u64 + 1).read_until(b'\n', line)?;
    if read <= LARGEST {
        return Ok(if read == 0 { Bounded::End } else { Bounded::Whole });
    }
    if line.last() != Some(&b'\n') {
        input.skip_until(b'\n')?;
    }
    // The memory is better used for what comes.
    *line = Vec::new();
    Ok(Bounded::TooLong)
}

/// Reads all of `input`, unless that is too long.
pub(super) fn all(input: impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    input.take(LARGEST as u64 + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes).filter(|bytes| bytes.len() <= LARGEST))
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    #[test]
    fn values_are_counted_outside_of_strings() {
        let count = |json: &str| {
            let mut values = Values::default();
            json.as_bytes().chunks(3).for_each(|chunk| values.pass(chunk));
            values.count
        };
        assert_eq!(count(r#"{"a,[": [1, 2, "\\\",{"], "b": {}}"#), 6);
        let array = |length: usize| format!("{{\"a\":[{}1]}}", "1,".repeat(length));
        assert!(!has_too_many_values(array(MOST_VALUES - 3).as_bytes()));
        assert!(has_too_many_values(array(MOST_VALUES).as_bytes()));
        assert!(!has_too_many_values(format!("{{\"a\":\"{}\"}}", ",".repeat(2 * MOST_VALUES)).as_bytes()));
    }

    #[test]
    fn lines_up_to_the_largest_are_read_and_a_longer_one_is_passed_over() {
        let long = io::repeat(b'a').take(LARGEST as u64);
        let longer = io::repeat(b'b').take(LARGEST as u64 + 9);
        let mut input = BufReader::new(b"c\n\n".chain(long).chain(&b"\n"[..]).chain(longer).chain(&b"\nd"[..]));
        let mut buffer = Vec::new();
        let mut next = || {
            let found = line(&mut input, &mut buffer).unwrap();
            (found, buffer.len())
        };
        let whole = |length| (Bounded::Whole, length);
        assert_eq!([next(), next()], [whole(2), whole(1)]);
        // With its end it is longer than the largest by one.
        assert_eq!(
            [next(), next(), next(), next()].map(|(found, _)| found),
            [Bounded::TooLong, Bounded::TooLong, Bounded::Whole, Bounded::End]
        );
    }
}

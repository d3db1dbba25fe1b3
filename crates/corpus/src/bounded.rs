//! Limits of a record. What is longer, or has more values, is not read into memory.

use std::io::{self, BufRead, Read};

use serde_json::{Map, Value};

/// The most bytes of a record: many times a long book.
pub(crate) const LARGEST: usize = 64 << 20;

/// The most values of a record: numbers, strings and so on, including those inside arrays and objects. Each needs more
/// than a hundred bytes of memory, however short it is written.
pub(crate) const MOST_VALUES: usize = 500_000;

/// Bytes of a value and its name in memory, without their characters.
const VALUE: usize = 128;

/// Counts the values of JSON while its bytes are read: each follows a comma or an opening bracket.
#[derive(Default)]
pub(crate) struct ValueCount {
    count: usize,
    in_string: bool,
    escaped: bool,
}

impl ValueCount {
    /// Counts the values in the next bytes.
    pub(crate) fn pass(&mut self, json: &[u8]) {
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

    /// Starts again from 0, between two records.
    pub(crate) fn reset(&mut self) {
        self.count = 0;
    }

    /// Whether there are more values than a record may have.
    pub(crate) fn too_many(&self) -> bool {
        self.count > MOST_VALUES
    }
}

/// Whether a record of this JSON has more values than it may have.
pub(crate) fn has_too_many_values(json: &[u8]) -> bool {
    // Each value takes at least two bytes.
    json.len() / 2 > MOST_VALUES && {
        let mut values = ValueCount::default();
        values.pass(json);
        values.too_many()
    }
}

/// About how many bytes of memory fields take.
pub(crate) fn weight(fields: &Map<String, Value>) -> usize {
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
pub(crate) enum Bounded {
    /// Nothing: the input is at its end.
    End,
    /// A line: it is in the buffer.
    Whole,
    /// A line longer than [`LARGEST`]: it was skipped.
    TooLong,
}

/// Reads a line into `line`, with its `\n` if it has one.
pub(crate) fn line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Bounded> {
    line.clear();
    let read = input.take(LARGEST as u64 + 1).read_until(b'\n', line)?;
    if read <= LARGEST {
        return Ok(if read == 0 { Bounded::End } else { Bounded::Whole });
    }
    if line.last() != Some(&b'\n') {
        input.skip_until(b'\n')?;
    }
    // Frees the memory of a long line.
    *line = Vec::new();
    Ok(Bounded::TooLong)
}

/// Reads all of `input`; `None` if it is too long.
pub(crate) fn all(input: impl Read) -> io::Result<Option<Vec<u8>>> {
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
            let mut values = ValueCount::default();
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
        // With its line end, the line is one byte longer than the limit.
        assert_eq!(
            [next(), next(), next(), next()].map(|(found, _)| found),
            [Bounded::TooLong, Bounded::TooLong, Bounded::Whole, Bounded::End]
        );
    }
}

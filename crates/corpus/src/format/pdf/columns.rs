//! Finds rows of streams that are too long, before the library makes room for them.
//!
//! A stream can say that its bytes are those of a picture, and how many columns a row has. The library makes room for
//! one row, however long, and the program ends if there is not so much memory. The number stands after the name
//! `/Columns`, wherever that is: beside a stream, in an object of its own, or in an object inside a stream.

use bstr::ByteSlice;

/// How many columns a row may have.
const MOST: u64 = 1 << 20;

/// How many bytes a name may have with its number. Programs write less than twenty.
const LONGEST: usize = 128;

/// Looks for numbers of columns in bytes that come piece by piece.
#[derive(Default)]
pub(super) struct Columns {
    /// The end of the last piece, where a name may have begun.
    tail: Vec<u8>,
}

impl Columns {
    /// Fails if the next piece has a number of columns that is too large.
    pub(super) fn pass(&mut self, piece: &[u8]) -> Result<(), String> {
        self.tail.extend_from_slice(piece);
        check(&self.tail)?;
        let done = self.tail.len().saturating_sub(LONGEST);
        self.tail.drain(..done);
        Ok(())
    }
}

/// Fails if there is a number of columns that is too large, or that stands elsewhere.
pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    for at in bytes.find_iter(b"/") {
        let near = &bytes[at + 1..bytes.len().min(at + LONGEST)];
        if let Some(value) = after_name(near)
            && !is_small(value, near.len() + 1 < LONGEST)
        {
            return Err(format!("one of its streams has rows of more than {MOST} columns"));
        }
    }
    Ok(())
}

/// What stands after the name `Columns`, in which any character may be written as `#` and two digits.
fn after_name(mut bytes: &[u8]) -> Option<&[u8]> {
    for expected in b"Columns" {
        let (first, rest) = bytes.split_first()?;
        let (character, rest) = match (first, rest) {
            (b'#', [high, low, rest @ ..]) => (hex(*high)? << 4 | hex(*low)?, rest),
            _ => (*first, rest),
        };
        if character != *expected {
            return None;
        }
        bytes = rest;
    }
    // Another name may begin in the same way.
    bytes.first().is_none_or(|next| !(next.is_ascii_alphanumeric() || *next == b'#')).then_some(bytes)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|digit| digit as u8)
}

/// Whether a small number comes next, or none, as where a text has this word. Where the bytes are cut, it may still come.
fn is_small(mut value: &[u8], is_cut: bool) -> bool {
    loop {
        value = value.trim_start_with(|next| matches!(next, '\0' | '\t' | '\n' | '\x0c' | '\r' | ' '));
        let Some(comment) = value.strip_prefix(b"%") else { break };
        value = &comment[comment.find_byteset(b"\r\n").unwrap_or(comment.len())..];
    }
    let value = value.strip_prefix(b"+").unwrap_or(value);
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit());
    let number = digits.fold(0, |number: u64, digit| number.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    let is_far = value.is_empty() && !is_cut;
    number <= MOST && !is_far && !value.starts_with(b"-") && !is_reference(value)
}

/// Whether a number of an object stands here, not the number itself.
fn is_reference(value: &[u8]) -> bool {
    let words: Vec<_> = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).take(3).collect();
    matches!(words[..], [_, generation, end] if generation.iter().all(u8::is_ascii_digit) && end.starts_with(b"R"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_columns_that_is_too_large_is_found_however_it_is_written() {
        for bytes in [
            "<</Columns 2147483647>>",
            "<</Columns%a\n%b\r 99999999999999999999999>>",
            "<</C#6flumns +1048577>>",
            "/Columns 9 0 R",
            "/Columns -1",
            &format!("/Columns{}9", " ".repeat(200)),
        ] {
            assert!(check(bytes.as_bytes()).is_err(), "{bytes}");
            let mut columns = Columns::default();
            let outcome: Result<Vec<()>, _> =
                [b"ab", bytes.as_bytes(), &[b' '; 300]].concat().chunks(3).map(|piece| columns.pass(piece)).collect();
            assert!(outcome.is_err(), "{bytes}");
        }
        for bytes in [
            "<</Columns 1048576>>",
            "/Columns",
            "(the /Columns of a table) Tj",
            "/ColumnsX 9999999",
            "/Col",
            "/",
            "/Columns 5/Predictor 12",
            "/#",
            "/#4",
        ] {
            assert_eq!(check(bytes.as_bytes()), Ok(()), "{bytes}");
        }
    }
}

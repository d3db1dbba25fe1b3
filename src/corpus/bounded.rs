//! Lines and texts of bounded length: what is longer is no record, and is not held in memory to find that out.

use std::io::{self, BufRead, Read};

/// Bytes of the largest record: many times a long book.
pub(super) const LARGEST: usize = 64 << 20;

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

//! The first bytes of a stream, looked at and put back.

use std::io::{self, BufRead, Cursor, Read};

/// The first `length` bytes of `input`, fewer only if it has no more, and all of it again. A pipe may hand over a byte at a
/// time, so what one read gives is no answer. An error comes after the bytes before it, to whoever reads that far.
pub(super) fn peek<R: BufRead>(mut input: R, length: usize) -> (Vec<u8>, impl BufRead) {
    let mut start = Vec::new();
    let failure = Failure(input.by_ref().take(length as u64).read_to_end(&mut start).err());
    (start.clone(), Cursor::new(start).chain(failure).chain(input))
}

/// `input` without its first bytes, if those are `mark`.
pub(super) fn without(mark: &[u8], input: impl BufRead) -> impl BufRead {
    let (start, mut input) = peek(input, mark.len());
    if start == mark {
        input.consume(mark.len());
    }
    input
}

/// No bytes, but an error in their place.
struct Failure(Option<io::Error>);

impl Read for Failure {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

impl BufRead for Failure {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.take().map_or(Ok(&[]), Err)
    }

    fn consume(&mut self, _: usize) {}
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    /// Hands over one byte a read.
    struct Drops(&'static [u8]);

    impl Read for Drops {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = buffer.len().min(1);
            self.0.read(&mut buffer[..length])
        }
    }

    #[test]
    fn what_was_looked_at_is_read_again_however_it_comes() {
        for (length, expected) in [(0, ""), (2, "be"), (9, "bees")] {
            let (start, mut input) = peek(BufReader::new(Drops(b"bees")), length);
            let mut all = String::new();
            input.read_to_string(&mut all).unwrap();
            assert_eq!((start.as_slice(), all.as_str()), (expected.as_bytes(), "bees"));
        }
    }

    #[test]
    fn an_error_comes_after_the_bytes_before_it() {
        let failing = Drops(b"bees").chain(Failure(Some(io::ErrorKind::UnexpectedEof.into())));
        let (start, mut input) = peek(BufReader::new(failing), 9);
        let mut all = Vec::new();
        assert_eq!(input.read_to_end(&mut all).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!((start.as_slice(), all.as_slice()), (&b"bees"[..], &b"bees"[..]));
    }

    #[test]
    fn a_mark_is_taken_off_the_start_alone() {
        for (input, expected) in [("##a##", "a##"), ("#", "#"), ("a##", "a##"), ("", "")] {
            let mut rest = String::new();
            without(b"##", BufReader::new(Drops(input.as_bytes()))).read_to_string(&mut rest).unwrap();
            assert_eq!(rest, expected);
        }
    }
}

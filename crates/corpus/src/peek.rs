//! Looks at the first bytes of a stream without taking them out of it.

use std::io::{self, BufRead, Cursor, Read};

/// Returns the first `length` bytes of `input` (fewer only if it has no more), and a stream of the whole input. Several
/// reads may be needed, because a pipe may give one byte at a time. An error is kept until the stream is read up to it.
pub(crate) fn peek<R: BufRead>(mut input: R, length: usize) -> (Vec<u8>, impl BufRead) {
    let mut start = Vec::new();
    let failure = ReadFailure(input.by_ref().take(length as u64).read_to_end(&mut start).err());
    (start.clone(), Cursor::new(start).chain(failure).chain(input))
}

/// A stream without bytes that ends with an error, if there was one.
struct ReadFailure(Option<io::Error>);

impl Read for ReadFailure {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

impl BufRead for ReadFailure {
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
        let failing = Drops(b"bees").chain(ReadFailure(Some(io::ErrorKind::UnexpectedEof.into())));
        let (start, mut input) = peek(BufReader::new(failing), 9);
        let mut all = Vec::new();
        assert_eq!(input.read_to_end(&mut all).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!((start.as_slice(), all.as_slice()), (&b"bees"[..], &b"bees"[..]));
    }
}

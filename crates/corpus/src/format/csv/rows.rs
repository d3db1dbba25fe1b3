//! The rows of a table, each with the line it begins on.
//!
//! The csv crate splits the table. This file adds what the crate does not report: the true line of a row after blank
//! lines or after lines that end with a carriage return, a quote that is never closed, and a row that never ends. What
//! the cells mean is left to [`super`].

use std::io::{self, BufRead, Read};
use std::sync::Arc;

use csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder, Terminator};

use crate::bounded::LARGEST;
use crate::{BadRecord, CorpusError};
use semsearch_files::Place;

/// The most cells of a row (delimiters in quotes count too): each needs memory before the row is known.
const MOST_CELLS: usize = 4 << 20;

/// Reads rows. Blank lines are skipped. After an error of the input there are no more rows.
pub(super) struct CsvRows<R> {
    table: Reader<Noting<R>>,
    cells: ByteRecord,
    name: Arc<str>,
}

/// One row. It ended with `\n` or `\r\n`.
pub(super) struct CsvRow<'a> {
    /// The cells, at least one.
    pub(super) cells: &'a ByteRecord,
    /// Where the row begins.
    pub(super) place: Place,
}

impl<R: BufRead> CsvRows<R> {
    /// The rows of `input`, whose cells have `delimiter` between them. `name` is the input's name in messages.
    pub(super) fn new(input: R, delimiter: u8, name: &Arc<str>) -> CsvRows<impl Read + use<R>> {
        // A line break is added after the last row. Then only an open quote can last until the end of the input.
        let input = Noting { input: input.chain(&b"\n"[..]), delimiter, ended: false, of_row: 0, delimiters: 0 };
        let mut builder = ReaderBuilder::new();
        // By default the crate ends a row at \r, and counts the \n after it as part of the next row.
        builder.delimiter(delimiter).terminator(Terminator::Any(b'\n')).has_headers(false).flexible(true);
        CsvRows { table: builder.from_reader(input), cells: ByteRecord::new(), name: Arc::clone(name) }
    }
}

impl<R: Read> CsvRows<R> {
    /// The next row, or what is wrong with it.
    pub(super) fn next(&mut self) -> Option<Result<CsvRow<'_>, CorpusError>> {
        loop {
            self.table.get_mut().begin_row();
            match self.table.read_byte_record(&mut self.cells) {
                Ok(false) => return None,
                Ok(true) if self.is_blank() => {}
                Ok(true) => return Some(self.row()),
                Err(error) => return Some(Err(self.failure(error))),
            }
        }
    }

    /// Whether the line that was just read is empty. The crate skips empty lines only if they end with `\n` alone.
    fn is_blank(&self) -> bool {
        self.cells.len() == 1 && self.cells.as_slice() == b"\r"
    }

    fn row(&mut self) -> Result<CsvRow<'_>, CorpusError> {
        let place = Place::line(&self.name, self.first_line());
        if self.unclosed() {
            return Err(CorpusError::record(&place, BadRecord::OpenQuote));
        }
        self.strip_return();
        Ok(CsvRow { cells: &self.cells, place })
    }

    /// The line on which the row begins, counted back from its end: the crate's own position is before the blank lines
    /// above it.
    fn first_line(&self) -> u64 {
        let within = self.cells.as_slice().iter().filter(|&&byte| byte == b'\n').count() as u64;
        let after = u64::from(!self.unclosed());
        self.table.position().line().saturating_sub(within + after)
    }

    /// Whether the row that was just read ended only with the input.
    fn unclosed(&self) -> bool {
        self.table.get_ref().ended
    }

    /// Removes the carriage return at the end of the last cell. One inside quotes there looks the same, and is removed
    /// too.
    fn strip_return(&mut self) {
        let last = self.cells.len().saturating_sub(1);
        if let Some(cell) = self.cells.get(last).and_then(|cell| cell.strip_suffix(b"\r")).map(<[u8]>::to_vec) {
            self.cells.truncate(last);
            self.cells.push_field(&cell);
        }
    }

    fn failure(&self, error: csv::Error) -> CorpusError {
        let place = Place::line(&self.name, self.table.position().line());
        let source = match error.into_kind() {
            ErrorKind::Io(source) => source,
            other => io::Error::other(format!("{other:?}")),
        };
        CorpusError::Input { place, source }
    }
}

/// Notes when the input is at its end, and counts what is read for a row.
struct Noting<R> {
    input: R,
    delimiter: u8,
    ended: bool,
    /// Bytes that were read for the current row, and delimiters in them.
    of_row: usize,
    delimiters: usize,
}

impl<R> Noting<R> {
    fn begin_row(&mut self) {
        (self.of_row, self.delimiters) = (0, 0);
    }
}

impl<R: Read> Read for Noting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.of_row > LARGEST {
            // An open quote would take in the rest of the input, however long it is.
            return Err(io::Error::other(format!("a row of more than {} MiB: is a quote open?", LARGEST >> 20)));
        }
        if self.delimiters > MOST_CELLS {
            return Err(io::Error::other(format!("a row of more than {MOST_CELLS} cells")));
        }
        let read = self.input.read(buffer)?;
        self.delimiters += buffer[..read].iter().filter(|&&byte| byte == self.delimiter).count();
        self.of_row += read;
        self.ended |= read == 0 && !buffer.is_empty();
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every row as its line and cells.
    fn rows(input: impl BufRead) -> Vec<Result<(u64, Vec<String>), String>> {
        let (mut rows, mut all) = (CsvRows::new(input, b',', &"in".into()), Vec::new());
        while let Some(row) = rows.next() {
            let parts = |row: CsvRow<'_>| {
                let cells = row.cells.iter().map(|cell| String::from_utf8(cell.to_vec()).unwrap());
                (row.place.line.unwrap(), cells.collect())
            };
            all.push(row.map(parts).map_err(|error| error.to_string()));
        }
        all
    }

    fn lines(input: &str) -> Vec<u64> {
        rows(input.as_bytes()).into_iter().map(|row| row.unwrap().0).collect()
    }

    #[test]
    fn a_row_begins_where_it_stands_whatever_is_blank_or_broken_before_it() {
        for end in ["\n", "\r\n"] {
            let input = ["", "a,b", "", "", "1,\"x", "", "y\"", "", "2,z"].join(end);
            assert_eq!(lines(&input), [2, 5, 9], "{end:?}");
            assert_eq!(lines(&(input + end + end)), [2, 5, 9], "{end:?}");
        }
    }

    #[test]
    fn rows_may_end_one_way_here_and_the_other_there_and_have_nothing_but_commas() {
        let cells: Vec<_> =
            rows(&b"a,b\n1,2\r\n\r\n3,\"4\"\r\n,\r\n6,7\r"[..]).into_iter().map(|row| row.unwrap().1).collect();
        assert_eq!(cells, [["a", "b"], ["1", "2"], ["3", "4"], ["", ""], ["6", "7"]]);
    }

    #[test]
    fn a_quote_that_is_never_closed_is_an_error_at_the_row_that_opens_it() {
        for input in ["a,b\n1,2\n3,\"4\n5,6\n", "a,b\n\n3,\"", "a,b\n\n\"3\r\n\r\n"] {
            let last = rows(input.as_bytes()).pop().unwrap().unwrap_err();
            assert_eq!(last, "in:3: a quote is opened and never closed", "{input:?}");
        }
        for input in ["a,\"b\"", "a,\"b\n\"", "a,\"b\n\"\n", "a,\"b\"\"\"", "a,b\"", "a,\"\""] {
            assert!(rows(input.as_bytes()).iter().all(Result::is_ok), "{input:?}");
        }
    }

    #[test]
    fn an_input_that_fails_is_an_error_at_the_line_reached_and_the_last_word() {
        struct Fails;
        impl Read for Fails {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::UnexpectedEof.into())
            }
        }
        let all = rows(b"a,b\n1,2\n3,".chain(io::BufReader::new(Fails)));
        assert_eq!((all.len(), all[2].as_ref().unwrap_err().as_str()), (3, "in:3: cannot read"));
    }

    proptest! {
        #[test]
        fn lines_are_those_a_naive_count_finds(
            table in prop::collection::vec(prop::option::of(("[a-z]{0,3}", "[a-z\n,]{0,5}")), 0..20),
            returns: bool,
        ) {
            let end = if returns { "\r\n" } else { "\n" };
            let (mut input, mut line, mut expected) = (String::new(), 1, Vec::new());
            for row in table {
                if let Some((plain, quoted)) = row {
                    input += &format!("{plain},\"{quoted}\"");
                    expected.push((line, vec![plain, quoted.clone()]));
                    line += quoted.matches('\n').count() as u64;
                }
                input += end;
                line += 1;
            }
            let found: Vec<_> = rows(input.as_bytes()).into_iter().map(Result::unwrap).collect();
            prop_assert_eq!(found, expected);
        }
    }
}

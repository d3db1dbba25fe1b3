//! Similarities as CSV: a header of the texts, then a row for each, its text first.

use std::io::{self, Write};

use super::similarities::{MatrixFormat, Similarities};
use crate::cli::output::stdout;

pub(super) const FORMAT: MatrixFormat = MatrixFormat {
    name: "csv",
    help: "A table with the texts in its first row and column",
    writer: |matrix| write(matrix, &mut stdout::raw()),
};

fn write(matrix: &Similarities<'_>, out: &mut impl Write) -> io::Result<()> {
    let mut table = csv::Writer::from_writer(out);
    let header = std::iter::once("").chain(matrix.texts.iter().map(String::as_str));
    table.write_record(header).map_err(of_stream)?;
    for (text, row) in matrix.texts.iter().zip(&matrix.rows) {
        let cells = std::iter::once(text.clone()).chain(row.iter().map(f32::to_string));
        table.write_record(cells).map_err(of_stream)?;
    }
    table.flush()
}

/// The stream's own error. Its kind tells whether the reader has closed the pipe.
fn of_stream(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::similarities::written;
    use super::*;

    #[test]
    fn what_needs_it_is_quoted() {
        assert_eq!(written(write), ",\"a, b\",\"c\nd\"\n\"a, b\",1,-0.25\n\"c\nd\",-0.25,1\n");
    }
}

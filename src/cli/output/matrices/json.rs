//! Similarities as JSON: `{"texts":[…],"matrix":[[…]]}`.

use std::io::{self, Write};

use serde_json::json;

use super::similarities::{MatrixFormat, Similarities};
use crate::cli::output::stdout;

pub(super) const FORMAT: MatrixFormat = MatrixFormat {
    name: "json",
    help: "One object of texts and rows",
    writer: |matrix| write(matrix, &mut stdout::json()),
};

fn write(matrix: &Similarities<'_>, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &json!({"texts": matrix.texts, "matrix": matrix.rows}))?;
    writeln!(out)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::super::similarities::written;
    use super::*;

    #[test]
    fn it_is_one_object() {
        assert_eq!(written(write), "{\"texts\":[\"a, b\",\"c\\nd\"],\"matrix\":[[1.0,-0.25],[-0.25,1.0]]}\n");
    }
}

//! A matrix of similarities: aligned text that is a heat map where there are colours, JSON, or CSV.

use std::io::{self, Write};

use anstyle::{Ansi256Color, Color, Style};
use serde_json::json;

use super::super::terminal;
use super::snippet::shorten;

/// Colours of the 256-colour palette from pale to deep, for cosines from 0 to 1.
const HEAT: [u8; 10] = [231, 230, 229, 222, 215, 208, 202, 196, 160, 124];

/// From here on black letters are hard to read.
const DEEP: usize = 7;

/// Texts and how similar each pair is.
pub(crate) struct Matrix<'a> {
    /// The texts, in order.
    pub(crate) texts: &'a [String],
    /// A row for each text, a value for each other.
    pub(crate) rows: Vec<Vec<f32>>,
}

impl Matrix<'_> {
    /// For a person: values in columns, each text behind its row.
    pub(crate) fn text(&self, out: &mut impl Write) -> io::Result<()> {
        let label = self.texts.len().to_string().len();
        write!(out, "{:label$}", "")?;
        for column in 1..=self.texts.len() {
            write!(out, " {column:>7}")?;
        }
        writeln!(out)?;
        let room = terminal::width().saturating_sub(label + 8 * self.texts.len() + 2).max(20);
        for (number, (row, text)) in (1..).zip(self.rows.iter().zip(self.texts)) {
            write!(out, "{number:>label$}")?;
            for value in row {
                let heat = heat(*value);
                write!(out, " {heat}{value:>7.4}{heat:#}")?;
            }
            writeln!(out, "  {}", shorten(text, room))?;
        }
        out.flush()
    }

    /// `{"texts":[…],"matrix":[[…]]}`.
    pub(crate) fn json(&self, out: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, &json!({"texts": self.texts, "matrix": self.rows}))?;
        writeln!(out)?;
        out.flush()
    }

    /// A header of the texts, then a row for each, its text first.
    pub(crate) fn csv(&self, out: &mut impl Write) -> io::Result<()> {
        let mut table = csv::Writer::from_writer(out);
        let header = std::iter::once("").chain(self.texts.iter().map(String::as_str));
        table.write_record(header).map_err(of_stream)?;
        for (text, row) in self.texts.iter().zip(&self.rows) {
            let cells = std::iter::once(text.clone()).chain(row.iter().map(f32::to_string));
            table.write_record(cells).map_err(of_stream)?;
        }
        table.flush()
    }
}

/// The stream's own error, whose kind says whether the reader has left.
fn of_stream(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// The colours of a cell.
fn heat(value: f32) -> Style {
    // The cast saturates: what is below 0 is 0.
    let level = ((value * HEAT.len() as f32) as usize).min(HEAT.len() - 1);
    let letters = if level < DEEP { 16 } else { 231 };
    let palette = |index| Some(Color::Ansi256(Ansi256Color(index)));
    Style::new().bg_color(palette(HEAT[level])).fg_color(palette(letters))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts() -> Vec<String> {
        vec!["a, b".into(), "c\nd".into()]
    }

    fn written(write: impl FnOnce(&Matrix<'_>, &mut Vec<u8>) -> io::Result<()>) -> String {
        let (texts, mut bytes) = (texts(), Vec::new());
        write(&Matrix { texts: &texts, rows: vec![vec![1.0, -0.25], vec![-0.25, 1.0]] }, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn columns_align_and_cells_are_coloured() {
        let styled = written(|matrix, out| matrix.text(out));
        assert!(styled.contains("48;5;124m"), "the largest value has the deepest colour");
        insta::assert_snapshot!(anstream::adapter::strip_str(&styled).to_string(), @r"
                1       2
        1  1.0000 -0.2500  a, b
        2 -0.2500  1.0000  c d
        ");
    }

    #[test]
    fn csv_quotes_what_needs_it_and_json_is_one_object() {
        assert_eq!(written(|matrix, out| matrix.csv(out)), ",\"a, b\",\"c\nd\"\n\"a, b\",1,-0.25\n\"c\nd\",-0.25,1\n");
        assert_eq!(
            written(|matrix, out| matrix.json(out)),
            "{\"texts\":[\"a, b\",\"c\\nd\"],\"matrix\":[[1.0,-0.25],[-0.25,1.0]]}\n"
        );
    }
}

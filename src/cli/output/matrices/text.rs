//! Similarities for a person: values in columns, a heat map if the output has colours, each text after its row.

use std::io::{self, Write};

use anstyle::{Ansi256Color, Color, Style};

use super::similarities::{MatrixFormat, Similarities};
use crate::cli::output::line::shorten;
use crate::cli::output::stdout;
use crate::cli::terminal;

pub(super) const FORMAT: MatrixFormat = MatrixFormat {
    name: "text",
    help: "For people, a heat map where there are colours",
    writer: |matrix| write(matrix, &mut stdout::styled()),
};

/// Colours of the 256-colour palette from pale to deep, for cosines from 0 to 1.
const HEAT: [u8; 10] = [231, 230, 229, 222, 215, 208, 202, 196, 160, 124];

/// From this colour on, black letters are hard to read.
const DEEP: usize = 7;

fn write(matrix: &Similarities<'_>, out: &mut impl Write) -> io::Result<()> {
    let count = matrix.texts.len();
    let label = count.to_string().len();
    write!(out, "{:label$}", "")?;
    for column in 1..=count {
        write!(out, " {column:>7}")?;
    }
    writeln!(out)?;
    let room = terminal::width().saturating_sub(label + 8 * count + 2).max(20);
    for (number, (row, text)) in (1..).zip(matrix.rows.iter().zip(matrix.texts)) {
        write!(out, "{number:>label$}")?;
        for value in row {
            let heat = heat(*value);
            write!(out, " {heat}{value:>7.4}{heat:#}")?;
        }
        writeln!(out, "  {}", shorten(text, room))?;
    }
    out.flush()
}

/// The colours of a cell.
fn heat(value: f32) -> Style {
    // The cast saturates, so values below 0 become 0.
    let level = ((value * HEAT.len() as f32) as usize).min(HEAT.len() - 1);
    let letters = if level < DEEP { 16 } else { 231 };
    let palette = |index| Some(Color::Ansi256(Ansi256Color(index)));
    Style::new().bg_color(palette(HEAT[level])).fg_color(palette(letters))
}

#[cfg(test)]
mod tests {
    use super::super::similarities::written;
    use super::*;

    #[test]
    fn columns_align_and_cells_are_coloured() {
        let styled = written(write);
        assert!(styled.contains("48;5;124m"), "the largest value has the deepest colour");
        insta::assert_snapshot!(anstream::adapter::strip_str(&styled).to_string(), @r"
                1       2
        1  1.0000 -0.2500  a, b
        2 -0.2500  1.0000  c d
        ");
    }
}

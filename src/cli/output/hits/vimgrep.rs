//! Hits for editors: `path:line:column:text`, as grep and ripgrep write matches. A hit that comes from no file is left out.

use std::io::{self, Write};

use super::place::{Here, HitPlace};
use super::writer::{Answer, HitFormat, HitOutput, HitWriter};
use crate::cli::output::stdout;

pub(super) const FORMAT: HitFormat = HitFormat {
    name: "vimgrep",
    help: "For editors: path:line:column:text",
    writer: HitOutput {
        open: |presentation| Box::new(Vimgrep { out: stdout::raw(), here: presentation.here }),
        marks: false,
    },
};

struct Vimgrep<W> {
    out: W,
    here: Here,
}

impl<W: Write> HitWriter for Vimgrep<W> {
    fn write(&mut self, answers: &mut dyn Iterator<Item = Answer<'_>>) -> io::Result<()> {
        for hit in answers.flat_map(|answer| answer.hits) {
            let Some(HitPlace { path, line }) = self.here.place(hit) else { continue };
            let (column, text) = first_line(&hit.document.text);
            writeln!(self.out, "{path}:{line}:{column}:{text}")?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The first line of a text that is not blank, and the 1-based byte at which it begins in its line.
fn first_line(text: &str) -> (usize, &str) {
    let trimmed = text.trim_start();
    let blanks = &text[..text.len() - trimmed.len()];
    let column = blanks.len() - blanks.rfind('\n').map_or(0, |newline| newline + 1) + 1;
    (column, trimmed.lines().next().unwrap_or_default().trim_end())
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_hit_is_one_line_and_one_without_a_place_is_none() {
        let mut bytes = Vec::new();
        sample::written(|out| Vimgrep { out, here: Here::default() }, &mut bytes);
        assert_eq!(String::from_utf8(bytes).unwrap(), "/data/a.md:3:1:They\tsang.\n");
    }

    #[test]
    fn a_column_counts_the_blanks_of_its_own_line() {
        assert_eq!(first_line("\n\n    fn a() {\r\n}"), (5, "fn a() {"));
        assert_eq!(first_line("a\nb"), (1, "a"));
        assert_eq!(first_line(" \n"), (1, ""));
    }
}

//! Hits as tab-separated values: query_id, rank, id, score, text.

use std::io::{self, Write};

use super::writer::{Answer, HitFormat, HitOutput, HitWriter};
use crate::cli::output::stdout;

pub(super) const FORMAT: HitFormat = HitFormat {
    name: "tsv",
    help: "Columns: query, rank, id, score and text",
    writer: HitOutput { open: |_| Box::new(Tsv { out: stdout::raw() }), marks: false },
};

struct Tsv<W> {
    out: W,
}

impl<W: Write> HitWriter for Tsv<W> {
    fn write(&mut self, answers: &mut dyn Iterator<Item = Answer<'_>>) -> io::Result<()> {
        for Answer { query, hits } in answers {
            for hit in hits {
                let (query_id, id) = (one_cell(&query.id), one_cell(&hit.document.id));
                writeln!(self.out, "{query_id}\t{}\t{id}\t{}\t{}", hit.rank, hit.score, one_cell(&hit.document.text))?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The text with tabs and line breaks as spaces.
fn one_cell(text: &str) -> String {
    text.replace("\r\n", " ").replace(['\t', '\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn every_hit_is_one_row_of_five_columns() {
        let mut bytes = Vec::new();
        sample::written(|out| Tsv { out }, &mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text.lines().next(), Some("q 1\t1\ta b\t0.6989054\tThey sang. Twice."));
        assert!(text.lines().all(|row| row.split('\t').count() == 5));
    }
}

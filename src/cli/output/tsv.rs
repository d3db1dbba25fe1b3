//! Hits as tab-separated values: query_id, rank, id, score, text.

use std::io::{self, Write};

use semsearch::search::{Hit, Query};

use super::HitWriter;

pub(super) struct Tsv<W> {
    out: W,
}

impl<W: Write> Tsv<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: Write> HitWriter for Tsv<W> {
    fn write(&mut self, query: &Query, hits: &[Hit]) -> io::Result<()> {
        hits.iter().try_for_each(|hit| {
            let (query_id, id) = (one_cell(&query.id), one_cell(&hit.document.id));
            writeln!(self.out, "{query_id}\t{}\t{id}\t{}\t{}", hit.rank, hit.score, one_cell(&hit.document.text))
        })
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Nothing that would begin another column or row.
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
        sample::written(Tsv::new, &mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text.lines().next(), Some("q 1\t1\ta b\t0.6989054\tThey sang. Twice."));
        assert!(text.lines().all(|row| row.split('\t').count() == 5));
    }
}

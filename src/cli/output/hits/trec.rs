//! Hits as a TREC run: query, `Q0`, document, rank, score, run name; as trec_eval reads it.

use std::io::{self, Write};

use semsearch::index::Metric;

use super::writer::{Answer, HitFormat, HitOutput, HitWriter};
use crate::cli::output::stdout;

pub(super) const FORMAT: HitFormat = HitFormat {
    name: "trec",
    help: "A run for trec_eval",
    writer: HitOutput {
        open: |presentation| Box::new(Trec::new(stdout::raw(), presentation.metric, &presentation.run_name)),
        marks: false,
    },
};

struct Trec<W> {
    out: W,
    metric: Metric,
    run_name: String,
}

impl<W: Write> Trec<W> {
    fn new(out: W, metric: Metric, run_name: &str) -> Self {
        Self { out, metric, run_name: encoded(run_name) }
    }
}

impl<W: Write> HitWriter for Trec<W> {
    fn write(&mut self, answers: &mut dyn Iterator<Item = Answer<'_>>) -> io::Result<()> {
        for Answer { query, hits } in answers {
            for hit in hits {
                // trec_eval takes a higher score for a better one.
                let score = self.metric.nearness(hit.score);
                let (query_id, id) = (encoded(&query.id), encoded(&hit.document.id));
                writeln!(self.out, "{query_id} Q0 {id} {} {score} {}", hit.rank, self.run_name)?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Percent-encodes white space, so that a column stays one column. `%` itself stays as it is.
fn encoded(word: &str) -> String {
    let mut encoded = String::with_capacity(word.len());
    for character in word.chars() {
        if character.is_whitespace() {
            let mut bytes = [0; 4];
            character.encode_utf8(&mut bytes).bytes().for_each(|byte| encoded.push_str(&format!("%{byte:02X}")));
        } else {
            encoded.push(character);
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn rows_have_six_columns_and_distances_are_negated() {
        let mut bytes = Vec::new();
        sample::written(|out| Trec::new(out, Metric::L2, "my run"), &mut bytes);
        insta::assert_snapshot!(String::from_utf8(bytes).unwrap(), @r"
        q%201 Q0 a%20b 1 -0.6989054 my%20run
        q%201 Q0 c 2 0.25 my%20run
        ");
    }
}

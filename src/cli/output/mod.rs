//! Standard output: hits in each format, matrices, and nothing else.

mod json;
mod matrix;
mod snippet;
mod text;
mod trec;
mod tsv;

use std::io::{self, BufWriter, StdoutLock, Write};

use semsearch::index::Metric;
use semsearch::search::{Hit, Query};

pub(super) use matrix::Matrix;

use super::args::{self, HitFormat};

/// Writes the hits of one query after the other.
pub(super) trait HitWriter {
    /// The hits of one query, best first.
    fn write(&mut self, query: &Query, hits: &[Hit]) -> io::Result<()>;

    /// Ends the output.
    fn finish(&mut self) -> io::Result<()>;

    /// Hands on what is written so far, for a reader that waits for it.
    fn flush(&mut self) -> io::Result<()>;
}

/// The bytes of standard output, as they are.
pub(super) fn raw() -> BufWriter<StdoutLock<'static>> {
    BufWriter::with_capacity(1 << 16, io::stdout().lock())
}

/// Standard output that takes colours off where they are not wanted.
pub(super) fn styled() -> impl Write {
    // What is wanted was set for the whole process, from `--color`, NO_COLOR and the terminal.
    BufWriter::with_capacity(1 << 16, anstream::AutoStream::auto(io::stdout()))
}

/// The writer of a format.
pub(super) fn hits(args: &args::Query, metric: Metric, several: bool) -> Box<dyn HitWriter> {
    match args.format {
        HitFormat::Text => Box::new(text::Text::new(styled(), text::Layout::new(args.full, several))),
        HitFormat::Json => Box::new(json::Array::new(raw())),
        HitFormat::Jsonl => Box::new(json::Lines::new(raw())),
        HitFormat::Tsv => Box::new(tsv::Tsv::new(raw())),
        HitFormat::Trec => Box::new(trec::Trec::new(raw(), metric, &args.run_name)),
    }
}

/// Hits for the formats' tests.
#[cfg(test)]
mod sample {
    use semsearch::index::Stored;
    use serde_json::json;

    use super::*;

    pub(super) fn query() -> Query {
        Query { id: "q 1".into(), text: "Who sang?".into() }
    }

    pub(super) fn hits() -> Vec<Hit> {
        let document = |id: &str, title: Option<&str>, text: &str| Stored {
            id: id.into(),
            title: title.map(Into::into),
            text: text.into(),
            metadata: json!({"year": 2016}).as_object().cloned().unwrap_or_default(),
        };
        vec![
            Hit { rank: 1, score: 0.698_905_4, document: document("a b", Some("The show"), "They\tsang.\nTwice.") },
            Hit { rank: 2, score: -0.25, document: document("c", None, "Nobody sang \u{1b}[31mhere.") },
        ]
    }

    /// What `writer` makes of the sample.
    pub(super) fn written<'a, W: HitWriter>(make: impl FnOnce(&'a mut Vec<u8>) -> W, bytes: &'a mut Vec<u8>) {
        let mut writer = make(bytes);
        writer.write(&query(), &hits()).unwrap();
        writer.write(&Query { id: "2".into(), text: "And?".into() }, &[]).unwrap();
        writer.finish().unwrap();
    }
}

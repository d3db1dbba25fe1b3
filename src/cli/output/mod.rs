//! Standard output: hits in each format, matrices, and nothing else.

mod json;
mod matrix;
mod snippet;
mod text;
mod trec;
mod tsv;

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use semsearch::index::{Language, Metric};
use semsearch::search::{Hit, Query};

pub(super) use matrix::Matrix;
pub(super) use snippet::one_line;

use super::args::{self, HitFormat};
use super::visible::{Spelling, Visible};

/// Writes the hits of one query after the other.
pub(super) trait HitWriter {
    /// The hits of one query, best first.
    fn write(&mut self, query: &Query, hits: &[Hit]) -> io::Result<()>;

    /// Ends the output.
    fn finish(&mut self) -> io::Result<()>;

    /// Hands on what is written so far, for a reader that waits for it.
    fn flush(&mut self) -> io::Result<()>;
}

/// What errors call standard output where they name a file.
pub(super) const STDOUT: &str = "<stdout>";

/// Standard output for data. Into a file or a pipe its bytes go as they are, and a terminal shows what it would obey or
/// hide.
pub(super) type Data = BufWriter<Visible<StdoutLock<'static>>>;

/// Standard output for rows and lines.
pub(super) fn raw() -> Data {
    data(Spelling::Text)
}

/// Standard output for JSON.
pub(super) fn json() -> Data {
    data(Spelling::Json)
}

fn data(on_terminal: Spelling) -> Data {
    let spelling = if io::stdout().is_terminal() { on_terminal } else { Spelling::Bytes };
    BufWriter::with_capacity(1 << 16, Visible::new(io::stdout().lock(), spelling))
}

/// Standard output that takes colours off where they are not wanted.
pub(super) fn styled() -> impl Write {
    // What is wanted was set for the whole process, from `--color`, NO_COLOR and the terminal.
    BufWriter::with_capacity(1 << 16, anstream::AutoStream::auto(io::stdout()))
}

/// What there is to know for a person's format.
#[derive(Clone, Copy)]
pub(super) struct Look {
    /// Whether there may be several queries.
    pub(super) several: bool,
    /// Whether to show what either side says of a hit.
    pub(super) parts: bool,
    /// Of the words.
    pub(super) language: Language,
}

/// The writer of a format.
pub(super) fn hits(args: &args::Query, metric: Metric, look: Look) -> Box<dyn HitWriter> {
    match args.format {
        HitFormat::Text => Box::new(text::Text::new(styled(), text::Layout::new(args, look))),
        HitFormat::Json => Box::new(json::Array::new(json(), args.explain)),
        HitFormat::Jsonl => Box::new(json::Lines::new(json(), args.explain)),
        HitFormat::Tsv => Box::new(tsv::Tsv::new(raw())),
        HitFormat::Trec => Box::new(trec::Trec::new(raw(), metric, &args.run_name)),
    }
}

/// Hits for the formats' tests.
#[cfg(test)]
mod sample {
    use std::sync::Arc;

    use semsearch::index::{Chunk, Stored};
    use semsearch::search::Scores;
    use serde_json::json;

    use super::*;

    pub(super) fn query() -> Query {
        Query { id: "q 1".into(), text: "Who sang?".into() }
    }

    pub(super) fn hits() -> Vec<Hit> {
        let document = |id: &str, title: Option<&str>, text: &str, chunk| Stored {
            id: id.into(),
            title: title.map(Into::into),
            text: text.into(),
            metadata: json!({"year": 2016}).as_object().cloned().unwrap_or_default(),
            chunk,
        };
        let piece = Chunk { index: 1, start: 20, end: 38 };
        let first = document("a b", Some("The show"), "They\tsang.\nTwice.", Some(piece));
        let second = document("c", None, "Nobody sang \u{1b}[31mhere.", None);
        let scores = |dense, lexical| Scores { dense: Some(dense), lexical };
        let hit =
            |rank, score, scores, document| Hit { rank, score, scores, document: Arc::new(document), sentence: None };
        vec![hit(1, 0.698_905_4, scores(0.698_905_4, Some(7.5)), first), hit(2, -0.25, scores(-0.25, None), second)]
    }

    /// What `writer` makes of the sample.
    pub(super) fn written<'a, W: HitWriter>(make: impl FnOnce(&'a mut Vec<u8>) -> W, bytes: &'a mut Vec<u8>) {
        let mut writer = make(bytes);
        writer.write(&query(), &hits()).unwrap();
        writer.write(&Query { id: "2".into(), text: "And?".into() }, &[]).unwrap();
        writer.finish().unwrap();
    }
}

//! What writes hits.

use std::io;

use semsearch::engine::{Hit, Query};
use semsearch::index::{Analysis, Metric};

use super::place::Here;
use crate::cli::output::format::OutputFormat;

/// A query and its hits, best first.
#[derive(Clone, Copy)]
pub(crate) struct Answer<'a> {
    pub(crate) query: &'a Query,
    pub(crate) hits: &'a [Hit],
}

/// Writes the answers to one query after the other.
pub(crate) trait HitWriter {
    /// Writes answers in their order.
    fn write(&mut self, answers: &mut dyn Iterator<Item = Answer<'_>>) -> io::Result<()>;

    /// Flushes what is written so far, for a reader that waits for it.
    fn flush(&mut self) -> io::Result<()>;

    /// Ends the output.
    fn finish(&mut self) -> io::Result<()> {
        self.flush()
    }
}

/// A format of hits.
pub(crate) type HitFormat = OutputFormat<HitOutput>;

/// How a format of hits is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HitOutput {
    /// Begins on standard output.
    pub(crate) open: fn(Presentation) -> Box<dyn HitWriter>,
    /// Whether it marks words or sentences, for people.
    pub(crate) marks: bool,
}

/// How hits are shown. Each format uses the parts that apply to it.
#[derive(Clone, Debug)]
pub(crate) struct Presentation {
    /// How vectors were compared.
    pub(crate) metric: Metric,
    /// How texts become words, which are marked.
    pub(crate) analysis: Analysis,
    /// Whether there may be several queries.
    pub(crate) several: bool,
    /// Whether text has the dense and the lexical score of each hit.
    pub(crate) verbose: bool,
    /// Whether JSON has the dense and the lexical score of each hit.
    pub(crate) explain: bool,
    /// Whether text has whole passages instead of snippets.
    pub(crate) full: bool,
    pub(crate) highlight: Highlight,
    /// Where paths are shown from.
    pub(crate) here: Here,
    /// The name of a TREC run.
    pub(crate) run_name: String,
}

/// What is marked in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Highlight {
    /// The query's words, in all their forms.
    Words,
    /// The sentence nearest to the query.
    Sentence,
    /// Nothing.
    None,
}

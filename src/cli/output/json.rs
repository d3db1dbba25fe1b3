//! Hits as JSON: one object a line, or one array of them all.

use std::io::{self, Write};

use semsearch::index::Chunk;
use semsearch::search::{Hit, Query};
use serde::Serialize;
use serde_json::{Map, Value};

use super::HitWriter;

/// A hit as scripts see it; the order of the fields is part of the contract.
#[derive(Serialize)]
struct Shown<'a> {
    query_id: &'a str,
    query: &'a str,
    rank: usize,
    id: &'a str,
    score: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    text: &'a str,
    metadata: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chunk: Option<Chunk>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scores: Option<Parts>,
}

/// What either side says of a hit; null for one that was not asked.
#[derive(Serialize)]
struct Parts {
    dense: Option<f32>,
    lexical: Option<f32>,
}

fn write_hit(out: &mut impl Write, query: &Query, hit: &Hit, explain: bool) -> io::Result<()> {
    let document = &hit.document;
    let shown = Shown {
        query_id: &query.id,
        query: &query.text,
        rank: hit.rank,
        id: &document.id,
        score: hit.score,
        title: document.title.as_deref(),
        text: &document.text,
        metadata: &document.metadata,
        chunk: document.chunk,
        scores: explain.then_some(Parts { dense: hit.scores.dense, lexical: hit.scores.lexical }),
    };
    // An error here is the writer's: a hit has no key that JSON could not hold.
    serde_json::to_writer(out, &shown).map_err(Into::into)
}

/// One hit a line.
pub(super) struct Lines<W> {
    out: W,
    explain: bool,
}

impl<W: Write> Lines<W> {
    pub(super) fn new(out: W, explain: bool) -> Self {
        Self { out, explain }
    }
}

impl<W: Write> HitWriter for Lines<W> {
    fn write(&mut self, query: &Query, hits: &[Hit]) -> io::Result<()> {
        hits.iter().try_for_each(|hit| {
            write_hit(&mut self.out, query, hit, self.explain)?;
            writeln!(self.out)
        })
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// All hits in one array.
pub(super) struct Array<W> {
    out: W,
    explain: bool,
    begun: bool,
}

impl<W: Write> Array<W> {
    pub(super) fn new(out: W, explain: bool) -> Self {
        Self { out, explain, begun: false }
    }
}

impl<W: Write> HitWriter for Array<W> {
    fn write(&mut self, query: &Query, hits: &[Hit]) -> io::Result<()> {
        for hit in hits {
            self.out.write_all(if self.begun { b",\n " } else { b"[" })?;
            self.begun = true;
            write_hit(&mut self.out, query, hit, self.explain)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.write_all(if self.begun { b"]\n" } else { b"[]\n" })?;
        self.out.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_line_has_its_keys_in_the_order_of_the_contract() {
        let mut bytes = Vec::new();
        sample::written(|out| Lines::new(out, false), &mut bytes);
        insta::assert_snapshot!(String::from_utf8(bytes).unwrap(), @r#"
        {"query_id":"q 1","query":"Who sang?","rank":1,"id":"a b","score":0.6989054,"title":"The show","text":"They\tsang.\nTwice.","metadata":{"year":2016},"chunk":{"index":1,"start":20,"end":38}}
        {"query_id":"q 1","query":"Who sang?","rank":2,"id":"c","score":-0.25,"text":"Nobody sang \u001b[31mhere.","metadata":{"year":2016}}
        "#);
    }

    #[test]
    fn what_either_side_says_comes_last_where_it_is_asked_for() {
        let mut bytes = Vec::new();
        sample::written(|out| Lines::new(out, true), &mut bytes);
        let ends = String::from_utf8(bytes).unwrap();
        let ends: Vec<&str> = ends.lines().map(|line| line.split_once(r#""metadata":"#).unwrap().1).collect();
        assert_eq!(
            ends,
            [
                r#"{"year":2016},"chunk":{"index":1,"start":20,"end":38},"scores":{"dense":0.6989054,"lexical":7.5}}"#,
                r#"{"year":2016},"scores":{"dense":-0.25,"lexical":null}}"#
            ]
        );
    }

    #[test]
    fn an_array_holds_the_same_objects_and_may_be_empty() {
        let mut bytes = Vec::new();
        sample::written(|out| Array::new(out, false), &mut bytes);
        let all: Vec<Value> = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(all.len(), 2);
        let mut none = Vec::new();
        Array::new(&mut none, false).finish().unwrap();
        assert_eq!(none, b"[]\n");
    }
}

//! Hits as JSON Lines: an object a line.

use std::io::{self, Write};

use super::object::{ObjectLook, write_hit};
use super::writer::{Answer, HitFormat, HitOutput, HitWriter};
use crate::cli::output::stdout;

pub(super) const FORMAT: HitFormat = HitFormat {
    name: "jsonl",
    help: "An object a line",
    writer: HitOutput {
        open: |presentation| Box::new(JsonLines { out: stdout::json(), look: presentation.into() }),
        marks: false,
    },
};

struct JsonLines<W> {
    out: W,
    look: ObjectLook,
}

impl<W: Write> HitWriter for JsonLines<W> {
    fn write(&mut self, answers: &mut dyn Iterator<Item = Answer<'_>>) -> io::Result<()> {
        for (query, hit) in answers.flat_map(|answer| answer.hits.iter().map(move |hit| (answer.query, hit))) {
            write_hit(&mut self.out, query, hit, &self.look)?;
            writeln!(self.out)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Presentation;
    use super::super::sample;
    use super::*;

    fn lines(explain: bool) -> String {
        let mut bytes = Vec::new();
        let look = || Presentation { explain, ..sample::presentation() }.into();
        sample::written(|out| JsonLines { out, look: look() }, &mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_line_has_its_keys_in_the_order_of_the_contract() {
        insta::assert_snapshot!(lines(false), @r#"
        {"query_id":"q 1","query":"Who sang?","rank":1,"id":"a b","score":0.6989054,"title":"The show","text":"They\tsang.\nTwice.","metadata":{"year":2016},"source":{"path":"/data/a.md","line":3},"chunk":{"index":1,"start":20,"end":38}}
        {"query_id":"q 1","query":"Who sang?","rank":2,"id":"c","score":-0.25,"text":"Nobody sang \u001b[31mhere.","metadata":{"year":2016}}
        "#);
    }

    #[test]
    fn what_either_side_says_comes_last_where_it_is_asked_for() {
        let ends = lines(true);
        let ends: Vec<&str> = ends.lines().map(|line| line.split_once(r#""metadata":"#).unwrap().1).collect();
        assert_eq!(
            ends,
            [
                r#"{"year":2016},"source":{"path":"/data/a.md","line":3},"chunk":{"index":1,"start":20,"end":38},"scores":{"dense":0.6989054,"lexical":7.5}}"#,
                r#"{"year":2016},"scores":{"dense":-0.25,"lexical":null}}"#
            ]
        );
    }
}

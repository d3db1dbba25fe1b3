//! Hits as JSON: one array of them all.

use std::io::{self, Write};

use super::object::{ObjectLook, write_hit};
use super::writer::{Answer, HitFormat, HitOutput, HitWriter};
use crate::cli::output::stdout;

pub(super) const FORMAT: HitFormat = HitFormat {
    name: "json",
    help: "One array of objects",
    writer: HitOutput {
        open: |presentation| Box::new(JsonArray::new(stdout::json(), presentation.into())),
        marks: false,
    },
};

struct JsonArray<W> {
    out: W,
    look: ObjectLook,
    begun: bool,
}

impl<W: Write> JsonArray<W> {
    fn new(out: W, look: ObjectLook) -> Self {
        Self { out, look, begun: false }
    }
}

impl<W: Write> HitWriter for JsonArray<W> {
    fn write(&mut self, answers: &mut dyn Iterator<Item = Answer<'_>>) -> io::Result<()> {
        for (query, hit) in answers.flat_map(|answer| answer.hits.iter().map(move |hit| (answer.query, hit))) {
            self.out.write_all(if self.begun { b",\n " } else { b"[" })?;
            self.begun = true;
            write_hit(&mut self.out, query, hit, &self.look)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.write_all(if self.begun { b"]\n" } else { b"[]\n" })?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::sample;
    use super::*;

    #[test]
    fn an_array_holds_the_same_objects_and_may_be_empty() {
        let mut bytes = Vec::new();
        sample::written(|out| JsonArray::new(out, sample::presentation().into()), &mut bytes);
        let all: Vec<Value> = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(all.len(), 2);
        let mut none = Vec::new();
        JsonArray::new(&mut none, sample::presentation().into()).finish().unwrap();
        assert_eq!(none, b"[]\n");
    }
}

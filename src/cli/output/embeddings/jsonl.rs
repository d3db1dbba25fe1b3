//! Records with their vectors, as JSON Lines.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use semsearch::error::FileError;
use serde_json::{Map, Value};

use super::writer::{Destination, EmbeddedPassage, EmbeddingFormat, EmbeddingOutput, EmbeddingWriter};
use crate::cli::output::stdout::{self, STDOUT};

pub(super) const FORMAT: EmbeddingFormat = EmbeddingFormat {
    name: "jsonl",
    help: "The records, each with its vector",
    writer: EmbeddingOutput {
        extensions: &["jsonl", "ndjson", "json"],
        holds_tokens: true,
        check_built_in: || Ok(()),
        check_stdout: |_| Ok(()),
        open,
    },
};

fn open(destination: Destination<'_>, _: usize) -> anyhow::Result<Box<dyn EmbeddingWriter + '_>> {
    Ok(match destination {
        Destination::Stdout => Box::new(JsonRecords { out: stdout::json(), path: Path::new(STDOUT) }),
        Destination::File(file, path) => Box::new(JsonRecords { out: BufWriter::new(file), path }),
    })
}

/// Records with their vectors, one a line. Messages call the output `path`.
struct JsonRecords<'a, W> {
    out: W,
    path: &'a Path,
}

impl<W: Write> EmbeddingWriter for JsonRecords<'_, W> {
    fn write(&mut self, passages: &mut dyn Iterator<Item = EmbeddedPassage<'_>>) -> anyhow::Result<()> {
        let failed = |source| FileError::Write { path: self.path.into(), source };
        for passage in passages {
            write(&mut self.out, record(&passage)?, &passage).map_err(failed)?;
        }
        Ok(self.out.flush().map_err(failed)?)
    }

    fn finish(self: Box<Self>) -> anyhow::Result<()> {
        Ok(())
    }
}

/// The passage as a record: the record of its document. A chunk has its own text and place in the record.
fn record(passage: &EmbeddedPassage<'_>) -> anyhow::Result<Map<String, Value>> {
    let mut fields = passage.fields.clone();
    if let Some(chunk) = passage.piece.chunk {
        let text = fields.iter_mut().find(|(_, value)| value.as_str() == Some(&passage.document.text));
        match text {
            Some((_, text)) => *text = passage.piece.text(passage.document).into(),
            None => drop(fields.insert("text".into(), passage.piece.text(passage.document).into())),
        }
        fields.insert("chunk".into(), serde_json::to_value(chunk)?);
    }
    Ok(fields)
}

/// One record with its vector, or with its tokens and their vectors.
fn write(out: &mut impl Write, mut fields: Map<String, Value>, passage: &EmbeddedPassage<'_>) -> io::Result<()> {
    if let Some(tokens) = &passage.tokens {
        fields.insert("tokens".into(), tokens.clone().into());
    }
    fields.shift_remove("embedding");
    // Vectors are not written as JSON values, because those are 64-bit floats and would have more digits than a 32-bit
    // float.
    let object = Value::Object(fields).to_string();
    let (open, _) = object.split_at(object.len() - 1);
    let comma = if open.len() > 1 { "," } else { "" };
    write!(out, "{open}{comma}\"embedding\":")?;
    match &passage.tokens {
        Some(_) => {
            let matrix: Vec<&[f32]> = passage.embedding.chunks_exact(passage.dim).collect();
            serde_json::to_writer(&mut *out, &matrix)?;
        }
        None => serde_json::to_writer(&mut *out, passage.embedding)?,
    }
    writeln!(out, "}}")
}

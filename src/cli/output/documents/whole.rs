//! Whole documents: the text alone, or an object a line.

use std::io::{self, Write};

use semsearch::engine::WholeDocument;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::cli::output::format::OutputFormat;
use crate::cli::output::hits::{Here, HitPlace};
use crate::cli::output::stdout;

/// Writes documents.
pub(crate) trait DocumentWriter {
    /// Writes the next document.
    fn write(&mut self, document: &WholeDocument) -> io::Result<()>;

    /// Ends the output.
    fn finish(&mut self) -> io::Result<()>;
}

/// A format of whole documents: what begins it on standard output.
pub(crate) type DocumentFormat = OutputFormat<fn(Here) -> Box<dyn DocumentWriter>>;

/// The formats, the usual one first.
pub(crate) const DOCUMENT_FORMATS: &[DocumentFormat] = &[
    OutputFormat {
        name: "text",
        help: "The text alone",
        writer: |_| Box::new(Texts { out: stdout::raw(), begun: false }),
    },
    OutputFormat {
        name: "json",
        help: "An object a line",
        writer: |here| Box::new(Objects { out: stdout::json(), here }),
    },
];

struct Texts<W> {
    out: W,
    begun: bool,
}

impl<W: Write> DocumentWriter for Texts<W> {
    fn write(&mut self, document: &WholeDocument) -> io::Result<()> {
        if self.begun {
            writeln!(self.out)?;
        }
        self.begun = true;
        self.out.write_all(document.text.as_bytes())?;
        if document.text.ends_with('\n') { Ok(()) } else { writeln!(self.out) }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A document as JSON.
#[derive(Serialize)]
struct DocumentObject<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    text: &'a str,
    metadata: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<HitPlace>,
    passages: usize,
}

struct Objects<W> {
    out: W,
    here: Here,
}

impl<W: Write> DocumentWriter for Objects<W> {
    fn write(&mut self, document: &WholeDocument) -> io::Result<()> {
        let WholeDocument { id, title, text, metadata, source, passages } = document;
        let source = source.as_ref().map(|source| self.here.of_source(source));
        let object = DocumentObject { id, title: title.as_deref(), text, metadata, source, passages: *passages };
        serde_json::to_writer(&mut self.out, &object)?;
        writeln!(self.out)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use semsearch::index::Source;

    use super::*;

    fn document(text: &str) -> WholeDocument {
        let source = Some(Source { path: "/data/a.md".into(), line: Some(1) });
        WholeDocument { id: "a.md".into(), title: None, text: text.into(), metadata: Map::new(), source, passages: 2 }
    }

    #[test]
    fn texts_end_with_a_line_and_an_empty_line_is_between_them() {
        let mut bytes = Vec::new();
        let mut out = Texts { out: &mut bytes, begun: false };
        ["one\n", "two"].into_iter().for_each(|text| out.write(&document(text)).unwrap());
        assert_eq!(String::from_utf8(bytes).unwrap(), "one\n\ntwo\n");
    }

    #[test]
    fn an_object_has_everything() {
        let mut bytes = Vec::new();
        Objects { out: &mut bytes, here: Here::default() }.write(&document("one")).unwrap();
        let expected =
            r#"{"id":"a.md","text":"one","metadata":{},"source":{"path":"/data/a.md","line":1},"passages":2}"#;
        assert_eq!(String::from_utf8(bytes).unwrap().trim_end(), expected);
    }
}

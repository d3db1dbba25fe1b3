//! Lists of documents: id, number of passages, and where they came from.

use std::io::{self, Write};

use semsearch::engine::ListedDocument;
use serde::Serialize;

use crate::cli::output::format::OutputFormat;
use crate::cli::output::hits::{Here, HitPlace};
use crate::cli::output::line::one_line;
use crate::cli::output::stdout;

/// Writes a list of documents.
pub(crate) struct ListWriter {
    out: Box<dyn Write>,
    here: Here,
    row: fn(&mut dyn Write, &ListedDocument, Option<HitPlace>) -> io::Result<()>,
}

impl ListWriter {
    /// Writes the next document.
    pub(crate) fn write(&mut self, document: &ListedDocument) -> io::Result<()> {
        let place = document.source.as_ref().map(|source| self.here.of_source(source));
        (self.row)(&mut self.out, document, place)
    }

    /// Ends the output.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A format of lists: what begins it on standard output.
pub(crate) type ListFormat = OutputFormat<fn(Here) -> ListWriter>;

/// The formats, the usual one first.
pub(crate) const LIST_FORMATS: &[ListFormat] = &[
    OutputFormat {
        name: "text",
        help: "For people",
        writer: |here| ListWriter { out: Box::new(stdout::raw()), here, row: text },
    },
    OutputFormat {
        name: "jsonl",
        help: "An object a line",
        writer: |here| ListWriter { out: Box::new(stdout::json()), here, row: object },
    },
    OutputFormat {
        name: "tsv",
        help: "Columns: id, passages, source",
        writer: |here| ListWriter { out: Box::new(stdout::raw()), here, row: tsv },
    },
];

/// The place as it can be opened; for a list that is the path alone, if the document is the whole file.
fn shown(document: &ListedDocument, place: Option<HitPlace>) -> String {
    place.map_or_else(String::new, |HitPlace { path, line }| match document.passages > 1 || line == 1 {
        true => path,
        false => format!("{path}:{line}"),
    })
}

fn text(out: &mut dyn Write, document: &ListedDocument, place: Option<HitPlace>) -> io::Result<()> {
    let (id, place) = (one_line(&document.id), one_line(&shown(document, place)));
    let passages = match document.passages {
        1 => "1 passage".to_owned(),
        count => format!("{count} passages"),
    };
    // A file's id is its path: to write it twice would say nothing.
    let place = if place == id || place.is_empty() { String::new() } else { format!("  {place}") };
    writeln!(out, "{id}  {passages}{place}")
}

fn tsv(out: &mut dyn Write, document: &ListedDocument, place: Option<HitPlace>) -> io::Result<()> {
    let cell = |text: &str| text.replace(['\t', '\n', '\r'], " ");
    writeln!(out, "{}\t{}\t{}", cell(&document.id), document.passages, cell(&shown(document, place)))
}

/// A document of a list as JSON.
#[derive(Serialize)]
struct ListObject<'a> {
    id: &'a str,
    passages: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<HitPlace>,
}

fn object(out: &mut dyn Write, document: &ListedDocument, source: Option<HitPlace>) -> io::Result<()> {
    let object = ListObject { id: &document.id, passages: document.passages, source };
    serde_json::to_writer(&mut *out, &object)?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use semsearch::index::Source;

    use super::*;

    #[test]
    fn a_row_has_id_passages_and_place() {
        let source = |path: &str, line| Some(Source { path: path.into(), line: Some(line) });
        let documents = [
            ListedDocument { id: "/a.md".into(), passages: 3, source: source("/a.md", 1) },
            ListedDocument { id: "q 7".into(), passages: 1, source: source("/c.jsonl", 7) },
        ];
        let all = |row: fn(&mut dyn Write, &ListedDocument, Option<HitPlace>) -> io::Result<()>| {
            let mut bytes = Vec::new();
            for document in &documents {
                let place = document.source.as_ref().map(|source| Here::default().of_source(source));
                row(&mut bytes, document, place).unwrap();
            }
            String::from_utf8(bytes).unwrap()
        };
        assert_eq!(all(text), "/a.md  3 passages\nq 7  1 passage  /c.jsonl:7\n");
        assert_eq!(all(tsv), "/a.md\t3\t/a.md\nq 7\t1\t/c.jsonl:7\n");
        let first = r#"{"id":"/a.md","passages":3,"source":{"path":"/a.md","line":1}}"#;
        assert_eq!(all(object).lines().next(), Some(first));
    }
}

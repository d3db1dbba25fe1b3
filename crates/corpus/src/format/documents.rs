//! The readers of files out of which a text is taken: HTML, PDF and DOCX.

use std::ops::ControlFlow;

use super::content::InputContent;
use super::extracted::Extracted;
use super::html;
use super::reader::Reader;
use super::text::text_record;
use crate::record::RecordSink;
use crate::{CorpusError, Markup};
use semsearch_files::Place;

/// Whether a file that starts with these bytes is HTML.
pub(super) fn is_html(start: &[u8]) -> bool {
    let start = start.trim_ascii_start();
    let begins = |tag: &[u8]| start.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag));
    begins(b"<!doctype html") || begins(b"<html")
}

/// Whether a file that starts with these bytes is a PDF.
pub(super) fn is_pdf(start: &[u8]) -> bool {
    start.starts_with(b"%PDF-")
}

/// Pushes an input as the one text that `extract` takes out of its bytes. `expected` says what the input should be, for
/// messages.
fn read_extracted(
    content: InputContent<'_>,
    sink: &mut RecordSink<'_>,
    expected: &'static str,
    extract: impl FnOnce(&[u8]) -> Result<Extracted, String>,
) -> ControlFlow<()> {
    let (place, path) = (Place::whole(&content.name()), content.path());
    let bytes = match content.whole() {
        Ok(bytes) => bytes,
        Err(error) => return sink(Err(error)),
    };
    let extracted = extract(&bytes).map_err(|found| CorpusError::Format { place: place.clone(), expected, found });
    sink(extracted.and_then(|text| text_record(text, Markup::Plain, path, place)))
}

/// Reads an input as one HTML page.
pub(super) struct HtmlReader;

impl Reader for HtmlReader {
    fn read(&self, content: InputContent<'_>, sink: &mut RecordSink<'_>) -> ControlFlow<()> {
        let (encoding, syntax) = (content.encoding(), content.file().map_or(html::Syntax::Html, html::Syntax::of));
        read_extracted(content, sink, "an HTML page", |bytes| html::extract(bytes, encoding, syntax))
    }

    fn markup(&self) -> Option<Markup> {
        Some(Markup::Plain)
    }
}

/// Reads an input as one PDF.
#[cfg(feature = "pdf")]
pub(super) struct PdfReader;

#[cfg(feature = "pdf")]
impl Reader for PdfReader {
    fn read(&self, content: InputContent<'_>, sink: &mut RecordSink<'_>) -> ControlFlow<()> {
        read_extracted(content, sink, "a PDF that can be read", super::pdf::extract)
    }

    fn markup(&self) -> Option<Markup> {
        Some(Markup::Plain)
    }

    fn is_binary(&self) -> bool {
        true
    }
}

#[cfg(not(feature = "pdf"))]
pub(super) use super::without::PDF as PdfReader;

/// Reads an input as one DOCX document.
#[cfg(feature = "docx")]
pub(super) struct DocxReader;

#[cfg(feature = "docx")]
impl Reader for DocxReader {
    fn read(&self, content: InputContent<'_>, sink: &mut RecordSink<'_>) -> ControlFlow<()> {
        read_extracted(content, sink, "a DOCX document that can be read", super::docx::extract)
    }

    fn markup(&self) -> Option<Markup> {
        Some(Markup::Plain)
    }

    fn is_binary(&self) -> bool {
        true
    }
}

#[cfg(not(feature = "docx"))]
pub(super) use super::without::DOCX as DocxReader;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_html_and_pdf() {
        for html in ["<!DOCTYPE html>", "\n <!doctype HTML PUBLIC", "<HTML lang=en>"] {
            assert!(is_html(html.as_bytes()), "{html}");
        }
        for other in ["<?xml version", "<svg>", "", "html"] {
            assert!(!is_html(other.as_bytes()), "{other}");
        }
        assert!(is_pdf(b"%PDF-1.7\n") && !is_pdf(b"PDF"));
    }
}

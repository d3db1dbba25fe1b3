//! PDF: the text of its pages, in the order in which the file draws it.
//!
//! Programs draw a column after the other, and a table row by row, so that this order is the one to read in. Pictures
//! have no text here, not even those of scanned pages. The crate hayro reads the file's structure and its fonts; where
//! words, lines and paragraphs end is decided here.

mod columns;
mod content;
mod filters;
mod fonts;
mod layout;
mod limits;
mod streams;
mod strings;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::thread;

use hayro_syntax::object::{Dict, Stream};
use hayro_syntax::page::Page;
use hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use serde_json::Value;

use self::content::Painter;
use self::fonts::Fonts;
use self::layout::PageText;
use self::limits::Limits;
use super::extracted::Extracted;
use crate::layout::Lines;
use crate::reader_thread::READER;

/// The stack of the thread that reads. Nested objects take most of it: hayro allows 512 levels.
const STACK: usize = 64 << 20;

/// The text of a PDF file. The error is the reason why it cannot be read, as in "it is encrypted".
pub(super) fn extract(bytes: &[u8]) -> Result<Extracted, String> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name(READER.into()).stack_size(STACK);
        let reading =
            thread.spawn_scoped(scope, || read(bytes)).map_err(|error| format!("no thread for it: {error}"))?;
        reading.join().unwrap_or_else(|panic| Err(said(&*panic)))
    })
}

/// What a panic says, as the reason why a file cannot be read.
fn said(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<String>().map(String::as_str);
    let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("for an unknown reason");
    format!("its structure is damaged: the reader failed, {said}")
}

fn read(bytes: &[u8]) -> Result<Extracted, String> {
    let mut limits = Limits::new();
    streams::check(bytes, &limits)?;
    let pdf = Pdf::new(bytes.to_vec()).map_err(|error| refusal(error).to_owned())?;
    let mut extracted = Extracted::default();
    extracted.outline();
    extracted.layout.lines = Lines::None;

    limits.pages(pdf.pages().len())?;
    let mut fonts = Fonts::default();
    for page in pdf.pages().iter() {
        limits.start_page();
        let text = page_text(page, &mut fonts, &mut limits)?;
        if !extracted.text.is_empty() && !text.is_empty() {
            extracted.text.push_str("\n\n");
        }
        extracted.layout.pages.push(extracted.text.len());
        extracted.text.push_str(&text);
        limits.text(extracted.text.len())?;
    }
    describe(&pdf, &mut extracted);
    Ok(extracted)
}

/// The text of a page.
fn page_text<'a>(page: &'a Page<'a>, fonts: &mut Fonts<'a>, limits: &mut Limits) -> Result<String, String> {
    let mut text = PageText::default();
    Painter::new(page, fonts, limits, &mut text).page()?;
    Ok(text.finish())
}

/// Why the crate cannot open a file.
fn refusal(error: LoadPdfError) -> &'static str {
    match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => "it is encrypted",
        LoadPdfError::Decryption(DecryptionError::UnsupportedAlgorithm) => "it is encrypted in a way that is not known",
        LoadPdfError::Decryption(_) => "its encryption is damaged",
        LoadPdfError::Invalid => "it is no PDF file, or neither its cross-reference table nor its pages can be found",
    }
}

/// Adds what the file says of itself.
fn describe(pdf: &Pdf, extracted: &mut Extracted) {
    let about = pdf.metadata();
    let known = |bytes: &Option<Box<[u8]>>| bytes.as_deref().map(strings::decoded).filter(|text| !text.is_empty());
    let catalog = pdf.xref().get::<Dict<'_>>(pdf.xref().root_id());
    let xmp = || catalog.and_then(|catalog| catalog.get::<Stream<'_>>(&b"Metadata"[..])?.decoded_data().ok());
    extracted.title = known(&about.title).or_else(|| strings::xmp_title(&String::from_utf8_lossy(&xmp()?)));
    extracted.metadata.extend(known(&about.author).map(|author| ("author".into(), Value::from(author))));
}

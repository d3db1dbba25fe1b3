//! HTML: the main text of a page, as one reads it.
//!
//! The text is that of the only `main` element. If there is none, it is that of the only `article`, if that is at least
//! half of the text. Otherwise it is that of the body without its headers, footers and asides; a header with the page's
//! first `h1` stays. Navigation, scripts, styles, drawings, controls of forms and hidden elements are left out. If no
//! text remains, it is taken from everything but scripts, styles, drawings and controls.
//!
//! Blocks have an empty line between them. A list item is a line that starts with `- `, a row of a table is a line with
//! ` | ` between the cells, and only preformatted text keeps its white space. An image is its `alt` text.
//!
//! The tokens are those of the HTML standard. Of its rules for the tree, [`stack`] has those that matter for the text:
//! nothing here becomes a tree, so time and memory grow with the length of the page, not with its depth.

mod attributes;
mod choice;
mod deep;
mod element;
mod encoding;
mod flow;
mod link_mark;
mod page;
mod region;
mod source_lines;
mod stack;
mod syntax;

use encoding_rs::Encoding;

use super::extracted::Extracted;
use page::{Page, Scope};
pub(super) use syntax::Syntax;

/// Takes the text out of a page. Without `encoding`, the page says its encoding, or it is guessed; it can also say its
/// syntax. A page without any text has an empty text.
///
/// # Errors
/// Says that the page is too large.
pub(super) fn extract(bytes: &[u8], encoding: Option<&'static Encoding>, syntax: Syntax) -> Result<Extracted, String> {
    let source = encoding::decode(bytes, encoding);
    if u32::try_from(source.len()).is_err() {
        return Err(format!("the page has {} bytes of text, the maximum is {}", source.len(), u32::MAX));
    }
    let page = Page::read(&source, Scope::Content, syntax);
    let extracted = choice::extracted(page, Scope::Content);
    if !extracted.text.trim().is_empty() {
        return Ok(extracted);
    }
    Ok(choice::extracted(Page::read(&source, Scope::Everything, syntax), Scope::Everything))
}

#[cfg(test)]
mod tests;

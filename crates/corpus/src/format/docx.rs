//! DOCX, the format of Word: its paragraphs, lists and tables as plain text, then its notes.
//!
//! Left out is what a reader of the document does not see, or sees on every page: deleted text, comments, commands of
//! fields, headers and footers. Nothing in a document is run, and nothing outside it is read.

mod blocks;
mod body;
mod package;
mod styles;
#[cfg(test)]
mod tests;
mod xml;

use std::io::BufRead;

use serde_json::Value;

use self::blocks::Blocks;
use self::body::Body;
use self::package::Package;
use self::styles::Styles;
use self::xml::{Node, Xml};
use super::extracted::Extracted;
use crate::layout::Lines;

/// The text of a DOCX file. The error is the reason why it cannot be read, as in "it is encrypted".
pub(super) fn extract(bytes: &[u8]) -> Result<Extracted, String> {
    let mut package = Package::open(bytes)?;
    let parts = package.relations("")?;
    let document = part(&parts, "officeDocument").unwrap_or("word/document.xml").to_owned();
    let related = package.relations(&document)?;
    let styles = part(&related, "styles").unwrap_or("word/styles.xml");
    let styles = package.part(styles)?.map(Styles::read).transpose()?.unwrap_or_default();

    let mut blocks = Blocks::new(&styles);
    let body = package.part(&document)?.ok_or("it holds no text document")?;
    Body::read(body, &["document"], &mut blocks)?;
    for kind in ["footnotes", "endnotes"] {
        if let Some(name) = part(&related, kind)
            && let Some(notes) = package.part(name)?
        {
            Body::read(notes, &[kind], &mut blocks)?;
        }
    }
    let mut extracted = blocks.finish();
    extracted.layout.lines = Lines::None;

    let core = part(&parts, "core-properties").unwrap_or("docProps/core.xml");
    let own = package.part(core)?.map(Core::read).transpose()?.unwrap_or_default();
    extracted.title = own.title.or(extracted.title);
    extracted.metadata.extend(own.author.map(|author| ("author".into(), Value::from(author))));
    Ok(extracted)
}

/// The name of the first part to which there is a relation of this kind.
fn part<'a>(relations: &'a [(String, String)], kind: &str) -> Option<&'a str> {
    relations.iter().find(|(found, _)| found == kind).map(|(_, name)| name.as_str())
}

/// What a document says of itself.
#[derive(Default)]
struct Core {
    title: Option<String>,
    author: Option<String>,
}

impl Core {
    fn read(mut part: Xml<impl BufRead>) -> Result<Self, String> {
        let (mut title, mut author) = (String::new(), String::new());
        let mut inside = String::new();
        while let Some(node) = part.next()? {
            match node {
                Node::Start(element) => inside = element.name().to_owned(),
                Node::Text(text) if inside == "title" => title.push_str(&text),
                Node::Text(text) if inside == "creator" => author.push_str(&text),
                Node::Text(_) => {}
                Node::End => inside.clear(),
            }
        }
        let said = |text: String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        Ok(Self { title: said(title), author: said(author) })
    }
}

//! Walks through a part with text, such as the body or the footnotes, and hands on its paragraphs and rows.

use std::io::BufRead;

use super::blocks::Blocks;
use super::styles::Properties;
use super::xml::{Element, Node, Space, Xml};

/// Elements of Word with nothing in them that a reader of the document sees: what was deleted or moved away, commands
/// of fields, phonetic guides, and properties.
const UNSEEN: [&str; 20] = [
    "del",
    "moveFrom",
    "delText",
    "delInstrText",
    "instrText",
    "rt",
    "rPr",
    "sectPr",
    "tblPr",
    "tblPrEx",
    "tblGrid",
    "trPr",
    "tcPr",
    "sdtPr",
    "sdtEndPr",
    "customXmlPr",
    "smartTagPr",
    "fldData",
    "pPrChange",
    "rubyPr",
];

/// How deep fields may be nested. The commands of those inside are read as text.
const DEEPEST_FIELD: usize = 100;

/// An element that is open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Paragraph,
    Properties,
    Text,
    Cell,
    Row,
    Table,
    /// A text box or a note.
    Frame,
    /// Ways to say the same thing, and whether one of them was read.
    Alternatives {
        chosen: bool,
    },
    Other,
}

/// A paragraph that is open.
#[derive(Default)]
struct Paragraph {
    text: String,
    properties: Properties,
    /// Whether its end was deleted, so that it goes on in the next one.
    runs_on: bool,
}

/// Walks through a part.
pub(super) struct Body<'a, 'b> {
    blocks: &'a mut Blocks<'b>,
    open: Vec<Open>,
    /// The paragraphs that are open. A text box has paragraphs inside the one to which it belongs.
    paragraphs: Vec<Paragraph>,
    /// For each field that is open, whether its command is being read.
    commands: Vec<bool>,
    /// The paragraph whose end was deleted: its text is the start of the next one.
    carried: Option<Paragraph>,
}

impl<'a, 'b> Body<'a, 'b> {
    /// Hands on to `blocks` what the part has, if its outermost element is one of `roots`.
    pub(super) fn read(mut part: Xml<impl BufRead>, roots: &[&str], blocks: &'a mut Blocks<'b>) -> Result<(), String> {
        let mut body = Self { blocks, open: vec![], paragraphs: vec![], commands: vec![], carried: None };
        let mut first = true;
        while let Some(node) = part.next()? {
            match node {
                Node::Start(element) => {
                    if first && !roots.iter().any(|root| element.is(root)) {
                        return Err("it holds no text document".into());
                    }
                    first = false;
                    match body.start(&element) {
                        Some(open) => body.open.push(open),
                        None => part.skip()?,
                    }
                }
                Node::Text(text) if body.open.last() == Some(&Open::Text) => body.add(&text),
                Node::Text(_) => {}
                Node::End => body.end(),
            }
        }
        body.end_carried();
        body.blocks.paragraph("", &Properties::default(), 0);
        if first { Err("it holds no text document".into()) } else { Ok(()) }
    }

    /// What it means that an element starts; `None` if everything in it is left out.
    fn start(&mut self, element: &Element<'_>) -> Option<Open> {
        match element.space {
            Space::Word if self.open.last() == Some(&Open::Properties) => self.property(element),
            Space::Word => self.word(element),
            Space::Math if element.name() == "t" => Some(Open::Text),
            Space::Compatibility => self.alternative(element),
            _ => Some(Open::Other),
        }
    }

    fn word(&mut self, element: &Element<'_>) -> Option<Open> {
        let name = element.name();
        if UNSEEN.contains(&name) || is_separator(element) {
            return None;
        }
        match name {
            "p" => {
                let text = self.carried.take().map(|carried| carried.text).unwrap_or_default();
                self.paragraphs.push(Paragraph { text, ..Paragraph::default() });
                return Some(Open::Paragraph);
            }
            "pPr" => return Some(Open::Properties),
            "t" => return Some(Open::Text),
            "tbl" => {
                self.end_carried();
                self.blocks.start_table();
            }
            "tab" | "ptab" => self.add("\t"),
            "br" | "cr" => self.break_line(),
            "noBreakHyphen" => self.add("\u{2011}"),
            "fldChar" => self.field(element),
            _ => {}
        }
        Some(match name {
            "tbl" => Open::Table,
            "tr" => Open::Row,
            "tc" => Open::Cell,
            "txbxContent" | "footnote" | "endnote" => Open::Frame,
            _ => Open::Other,
        })
    }

    /// Takes in a property of the paragraph that is open.
    fn property(&mut self, element: &Element<'_>) -> Option<Open> {
        if element.is("pPrChange") || element.is("sectPr") {
            return None;
        }
        if let Some(paragraph) = self.paragraphs.last_mut() {
            paragraph.properties.add(element);
            paragraph.runs_on |= element.is("del");
        }
        // The properties of properties, such as those of the paragraph's end, are of the same kind for us.
        Some(if element.is("numPr") || element.is("rPr") { Open::Properties } else { Open::Other })
    }

    /// Of the ways to say the same thing, the first is read.
    fn alternative(&mut self, element: &Element<'_>) -> Option<Open> {
        if element.name() == "AlternateContent" {
            return Some(Open::Alternatives { chosen: false });
        }
        match self.open.last_mut() {
            Some(Open::Alternatives { chosen: true }) => None,
            Some(Open::Alternatives { chosen }) => {
                *chosen = true;
                Some(Open::Other)
            }
            _ => Some(Open::Other),
        }
    }

    /// A field has a command, which is not shown, then a result, which is.
    fn field(&mut self, element: &Element<'_>) {
        match element.attribute("fldCharType").as_deref() {
            Some("begin") if self.commands.len() < DEEPEST_FIELD => self.commands.push(true),
            Some("separate") => self.commands.last_mut().into_iter().for_each(|command| *command = false),
            Some("end") => _ = self.commands.pop(),
            _ => {}
        }
    }

    fn end(&mut self) {
        match self.open.pop() {
            Some(Open::Paragraph) => self.end_paragraph(),
            Some(Open::Cell) => {
                self.end_carried();
                self.blocks.end_cell();
            }
            Some(Open::Frame) => self.end_carried(),
            Some(Open::Row) => self.blocks.end_row(),
            Some(Open::Table) => self.blocks.end_table(self.paragraphs.len()),
            _ => {}
        }
    }

    fn end_paragraph(&mut self) {
        let Some(paragraph) = self.paragraphs.pop() else { return };
        if self.paragraphs.is_empty() {
            // A command ends in the paragraph in which it begins. If it does not, the document is damaged, and the text
            // after it is not part of the command.
            self.commands.retain(|&command| !command);
        }
        if paragraph.runs_on {
            self.carried = Some(paragraph);
        } else {
            self.blocks.paragraph(&paragraph.text, &paragraph.properties, self.paragraphs.len());
        }
    }

    /// Ends the paragraph whose end was deleted: there is none after it that it can go on in.
    fn end_carried(&mut self) {
        if let Some(Paragraph { text, properties, .. }) = self.carried.take() {
            self.blocks.paragraph(&text, &properties, self.paragraphs.len());
        }
    }

    /// Adds text to the paragraph that is open, unless it belongs to the command of a field.
    fn add(&mut self, text: &str) {
        let Some(paragraph) = self.paragraphs.last_mut() else { return };
        if !self.commands.contains(&true) {
            let shown = text.chars().map(|character| if is_shown(character) { character } else { ' ' });
            paragraph.text.extend(shown);
        }
    }

    fn break_line(&mut self) {
        let Some(paragraph) = self.paragraphs.last_mut() else { return };
        if !self.commands.contains(&true) {
            paragraph.text.push('\n');
        }
    }
}

/// Line ends in the XML are spaces in the document.
fn is_shown(character: char) -> bool {
    character == '\t' || !character.is_control()
}

/// Whether it is the line that Word draws between text and footnotes: it looks like a footnote in the file.
fn is_separator(element: &Element<'_>) -> bool {
    let note = matches!(element.name(), "footnote" | "endnote");
    note && element.attribute("type").is_some_and(|kind| kind != "normal")
}

//! Reads the XML of a part, one node after the other. Entities are not expanded, and the depth has a limit.

use std::borrow::Cow;
use std::io::{self, BufRead};

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;

/// How deep elements may be nested. Word's own documents are far below: a nested table adds four levels.
const DEEPEST: usize = 1000;

/// How many declarations of prefixes may hold at one place. Office declares one for each vocabulary.
const MOST_PREFIXES: usize = 64;

/// A vocabulary of Office's XML, known by its namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Space {
    /// Text, styles and notes.
    Word,
    /// Formulas.
    Math,
    /// The choice between ways to say the same thing.
    Compatibility,
    /// All others.
    Other,
}

impl Space {
    /// The vocabulary that a namespace names, in the transitional or the strict form of the standard.
    fn of(namespace: &str) -> Self {
        match namespace {
            "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
            | "http://purl.oclc.org/ooxml/wordprocessingml/main" => Self::Word,
            "http://schemas.openxmlformats.org/officeDocument/2006/math"
            | "http://purl.oclc.org/ooxml/officeDocument/math" => Self::Math,
            "http://schemas.openxmlformats.org/markup-compatibility/2006" => Self::Compatibility,
            _ => Self::Other,
        }
    }
}

/// The start of an element.
pub(super) struct Element<'a> {
    pub(super) space: Space,
    tag: BytesStart<'a>,
}

impl Element<'_> {
    /// The name without its prefix.
    pub(super) fn name(&self) -> &str {
        self.tag.name().0.rsplit(':').next().unwrap_or_default()
    }

    /// Whether it is the element `name` of Word's vocabulary.
    pub(super) fn is(&self, name: &str) -> bool {
        self.space == Space::Word && self.name() == name
    }

    /// The value of the attribute with this name, whatever its prefix is.
    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        let mut attributes = self.tag.attributes();
        let found = attributes
            .with_checks(false)
            .flatten()
            .find(|attribute| attribute.key.0.rsplit(':').next() == Some(name))?;
        found.normalized_value(XmlVersion::Implicit1_0).ok().map(Cow::into_owned)
    }
}

/// What comes next in a part.
pub(super) enum Node<'a> {
    Start(Element<'a>),
    Text(String),
    End,
}

/// A prefix of names that an open element declares.
struct Prefix {
    name: String,
    space: Space,
    /// How deep the element is.
    depth: usize,
}

/// The nodes of a part. An empty element is a start and an end.
pub(super) struct Xml<R> {
    reader: Reader<R>,
    buffer: Vec<u8>,
    prefixes: Vec<Prefix>,
    depth: usize,
}

impl<R: BufRead> Xml<R> {
    pub(super) fn new(source: R) -> Self {
        let mut reader = Reader::from_reader(source);
        reader.config_mut().expand_empty_elements = true;
        Self { reader, buffer: Vec::new(), prefixes: Vec::new(), depth: 0 }
    }

    /// The next node; `None` at the end of the part.
    pub(super) fn next(&mut self) -> Result<Option<Node<'_>>, String> {
        self.buffer.clear();
        Ok(match self.reader.read_event_into(&mut self.buffer).map_err(damaged)? {
            Event::Start(tag) => {
                self.depth += 1;
                if self.depth > DEEPEST {
                    return Err(format!("its XML is nested more than {DEEPEST} levels deep"));
                }
                declare(&mut self.prefixes, &tag, self.depth)?;
                Some(Node::Start(Element { space: space(&self.prefixes, &tag), tag }))
            }
            Event::End(_) => {
                self.depth = self.depth.saturating_sub(1);
                while self.prefixes.pop_if(|prefix| prefix.depth > self.depth).is_some() {}
                Some(Node::End)
            }
            Event::Text(text) => Some(Node::Text(text.xml10_content().into_owned())),
            Event::CData(text) => Some(Node::Text(text.xml10_content().into_owned())),
            Event::GeneralRef(entity) => Some(Node::Text(resolved(&entity)?)),
            Event::DocType(_) => return Err("its XML declares a document type".into()),
            Event::Eof if self.depth > 0 => return Err("its XML ends early".into()),
            Event::Eof => None,
            // Comments and instructions to programs.
            _ => Some(Node::Text(String::new())),
        })
    }
    /// Passes over the rest of the element whose start was the last node.
    pub(super) fn skip(&mut self) -> Result<(), String> {
        let outside = self.depth.saturating_sub(1);
        while self.depth > outside && self.next()?.is_some() {}
        Ok(())
    }
}

/// Adds the prefixes that an element declares, as far as they change what a name means.
fn declare(prefixes: &mut Vec<Prefix>, tag: &BytesStart<'_>, depth: usize) -> Result<(), String> {
    let mut attributes = tag.attributes();
    for attribute in attributes.with_checks(false).flatten() {
        let name = match attribute.key.0 {
            "xmlns" => "",
            key => match key.strip_prefix("xmlns:") {
                Some(name) => name,
                None => continue,
            },
        };
        let space = Space::of(&attribute.value);
        if space_of(prefixes, name) != space {
            prefixes.push(Prefix { name: name.to_owned(), space, depth });
        }
        if prefixes.len() > MOST_PREFIXES {
            return Err(format!("its XML declares more than {MOST_PREFIXES} prefixes inside one another"));
        }
    }
    Ok(())
}

/// The vocabulary of an element.
fn space(prefixes: &[Prefix], tag: &BytesStart<'_>) -> Space {
    let name = tag.name().0;
    space_of(prefixes, name.rsplit_once(':').map_or("", |(prefix, _)| prefix))
}

/// The vocabulary of names with this prefix.
fn space_of(prefixes: &[Prefix], name: &str) -> Space {
    prefixes.iter().rev().find(|prefix| prefix.name == name).map_or(Space::Other, |prefix| prefix.space)
}

/// What a reference to a character, or to one of XML's own five entities, stands for.
fn resolved(entity: &BytesRef<'_>) -> Result<String, String> {
    let character = entity.resolve_char_ref().map_err(damaged)?;
    let name = entity.xml10_content();
    let known = character.map(String::from).or_else(|| resolve_predefined_entity(&name).map(String::from));
    known.ok_or_else(|| format!("its XML refers to the unknown entity {:?}", name.chars().take(40).collect::<String>()))
}

/// The reason why a part cannot be read, from the library's error. An archive that is damaged says so itself.
fn damaged(error: quick_xml::Error) -> String {
    match error {
        quick_xml::Error::Io(error) => part_reason(&error),
        error => format!("its XML is damaged: {error}"),
    }
}

/// The reason why a part of the archive cannot be read.
fn part_reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::QuotaExceeded => error.to_string(),
        _ => format!("its archive is damaged: {error}"),
    }
}

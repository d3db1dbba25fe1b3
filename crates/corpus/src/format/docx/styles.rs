//! What the styles of a document say of a paragraph: whether it is a heading, a title or an item of a list.

use std::collections::HashMap;
use std::io::BufRead;

use super::xml::{Element, Node, Xml};

/// How many styles one after the other may be based on the next. Word allows about ten.
const LONGEST_CHAIN: usize = 32;

/// The outline level, from 0, that means ordinary text.
const BODY_TEXT: u8 = 9;

/// The properties of a paragraph or style that decide what it is. `None` means that others decide.
#[derive(Clone, Debug, Default)]
pub(super) struct Properties {
    /// The outline level, from 0.
    outline: Option<u8>,
    /// Whether it belongs to a list.
    list: Option<bool>,
    /// The id of the style of a paragraph.
    pub(super) style: Option<String>,
}

impl Properties {
    /// Takes in an element that stands among the properties.
    pub(super) fn add(&mut self, element: &Element<'_>) {
        let value = || element.attribute("val");
        if element.is("outlineLvl") {
            self.outline = value().and_then(|value| value.parse().ok());
        } else if element.is("numId") {
            self.list = value().map(|value| value != "0");
        } else if element.is("pStyle") {
            self.style = value();
        }
    }
}

/// What a paragraph is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// With its level, from 1.
    Heading(u8),
    Title,
    Item,
}

/// A style of paragraphs.
#[derive(Default)]
struct Style {
    /// In lower case. Word has its own styles under their English names, whatever its language is.
    name: String,
    based_on: Option<String>,
    properties: Properties,
}

impl Style {
    /// The level, from 0, of the headings that have this style.
    fn level(&self) -> Option<u8> {
        let number = self.name.strip_prefix("heading")?.trim();
        let level: u8 = number.parse().ok()?;
        (1..=BODY_TEXT).contains(&level).then(|| level - 1)
    }
}

/// The styles of a document, by their ids.
#[derive(Default)]
pub(super) struct Styles(HashMap<String, Style>);

impl Styles {
    /// Reads the part with the styles.
    pub(super) fn read(mut part: Xml<impl BufRead>) -> Result<Self, String> {
        let (mut styles, mut id) = (HashMap::<String, Style>::new(), None);
        while let Some(node) = part.next()? {
            let Node::Start(element) = node else { continue };
            if element.is("style") {
                id = element.attribute("styleId");
            }
            let Some(id) = &id else { continue };
            let style = styles.entry(id.clone()).or_default();
            if element.is("name") {
                style.name = element.attribute("val").unwrap_or_default().to_lowercase();
            } else if element.is("basedOn") {
                style.based_on = element.attribute("val");
            } else {
                style.properties.add(&element);
            }
        }
        Ok(Self(styles))
    }

    /// What a paragraph with these properties is.
    pub(super) fn kind(&self, paragraph: &Properties) -> Kind {
        let mut outline = paragraph.outline;
        let mut list = paragraph.list;
        let mut title = false;
        // In a document without styles, the id itself has to do: Word writes "Heading1" for "heading 1".
        let unknown = paragraph.style.as_deref().filter(|id| !self.0.contains_key(*id));
        let unknown = unknown.map(|id| Style { name: id.to_lowercase(), ..Style::default() });
        for style in self.chain(paragraph.style.as_deref()).chain(&unknown) {
            outline = outline.or(style.properties.outline).or_else(|| style.level());
            list = list.or(style.properties.list);
            title |= style.name == "title";
        }
        match outline {
            _ if title => Kind::Title,
            Some(level) if level < BODY_TEXT => Kind::Heading(level + 1),
            _ if list == Some(true) => Kind::Item,
            _ => Kind::Text,
        }
    }

    /// The style with this id, the one that it is based on, and so on.
    fn chain(&self, id: Option<&str>) -> impl Iterator<Item = &Style> {
        let first = id.and_then(|id| self.0.get(id));
        let next = |style: &&Style| style.based_on.as_deref().and_then(|id| self.0.get(id));
        std::iter::successors(first, next).take(LONGEST_CHAIN)
    }
}

//! Reads the tags and words of a page into a text.

mod arrange;
mod special;

use std::convert::Infallible;

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, State, Tokenizer};
use serde_json::{Map, Value};

use super::attributes::{Attribute, Attributes};
use super::element::{Kind, Name, Raw};
use super::flow::{Break, Flow, Words};
use super::link_mark::LinkMark;
use super::region::Regions;
use super::source_lines::SourceLines;
use super::stack::{Inside, Open, Stack};
use super::syntax::Syntax;

/// How much of a page is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// What a reader of the page came for.
    Content,
    /// Navigation and what is hidden too.
    Everything,
}

/// A table that is open.
#[derive(Clone, Copy, Debug, Default)]
struct TableState {
    /// It has a heading for its columns or rows.
    has_data: bool,
    /// It arranges parts of the page.
    is_layout: bool,
    /// How many cells of the row were begun.
    cells: usize,
}

/// A page that is being read.
#[derive(Debug)]
pub(super) struct Page<'a> {
    pub(super) flow: Flow,
    pub(super) regions: Regions,
    pub(super) metadata: Map<String, Value>,
    /// The title, with the white space of the page.
    pub(super) title: Option<String>,
    scope: Scope,
    syntax: Syntax,
    lines: SourceLines<'a>,
    stack: Stack,
    tables: Vec<TableState>,
    /// The tag that is being read.
    tag: Name,
    attributes: Attributes,
    /// The element that is open whose content is no markup.
    raw: Option<Raw>,
    mark: LinkMark,
}

impl<'a> Page<'a> {
    /// Reads a page. It can say itself that it is XHTML.
    pub(super) fn read(source: &'a str, scope: Scope, syntax: Syntax) -> Self {
        let mut page = Self {
            flow: Flow::default(),
            regions: Regions::default(),
            metadata: Map::new(),
            title: None,
            scope,
            syntax: syntax.or_declared_in(source),
            lines: SourceLines::new(source),
            stack: Stack::default(),
            tables: Vec::new(),
            tag: Name::of(b""),
            attributes: Attributes::default(),
            raw: None,
            mark: LinkMark::default(),
        };
        let emitter = CallbackEmitter::new(|event: CallbackEvent<'_>, span: Span<usize>| page.event(event, span));
        let mut tokenizer = Tokenizer::new_with_emitter(source, emitter);
        while let Some(next) = tokenizer.next() {
            let _: Result<(), Infallible> = next.map(|state| tokenizer.set_state(state));
        }
        drop(tokenizer);
        page.end_mark();
        page.flow.finish();
        page
    }

    /// Takes the next event. The answer says how the content of the element is read that began.
    fn event(&mut self, event: CallbackEvent<'_>, span: Span<usize>) -> Option<State> {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                self.tag = Name::of(name);
                self.attributes.clear();
                self.lines.advance(span.start);
            }
            CallbackEvent::AttributeName { name } => self.attributes.add(name),
            CallbackEvent::AttributeValue { value } => self.attributes.set(value),
            CallbackEvent::CloseStartTag { self_closing } => return self.start(self_closing),
            CallbackEvent::EndTag { name } => self.end(Name::of(name)),
            // HTML ignores NUL.
            CallbackEvent::String { value } if value.contains(&0) => {
                self.text(&String::from_utf8_lossy(value).replace('\0', ""), span);
            }
            CallbackEvent::String { value } => self.text(&String::from_utf8_lossy(value), span),
            _ => {}
        }
        None
    }

    fn text(&mut self, text: &str, span: Span<usize>) {
        let inside = self.stack.inside();
        match self.raw {
            Some(Raw::Title) => {
                self.title.get_or_insert_default().push_str(text);
                return;
            }
            Some(Raw::Value | Raw::Script | Raw::Style) => return,
            _ if inside.left_out.is_some() => return,
            Some(Raw::Example | Raw::Plain) | None => {}
        }
        let lines = (self.lines.advance(span.start), self.lines.advance(span.end));
        let words = Words { text, region: inside.region, lines };
        let is_one_line = inside.one_line || self.flow.is_in_heading();
        if (self.raw.is_some() || inside.preformatted) && !is_one_line {
            self.flow.preformatted(words);
        } else {
            self.words(words);
        }
    }

    /// Writes words, or holds them back if they can belong to a mark.
    fn words(&mut self, words: Words<'_>) {
        if !self.mark.holds(words.text, words.lines) {
            self.end_mark();
            self.flow.words(words);
        }
    }

    /// Reads the start of the element whose tag was read.
    fn start(&mut self, self_closing: bool) -> Option<State> {
        let name = self.tag;
        if self.stack.inside().foreign {
            if !name.kind.ends_foreign() {
                self.start_foreign(name, self_closing);
                return None;
            }
            let from = self.stack.foreign();
            self.end_from(from);
        }
        if let Some(from) = self.stack.ended_by_start(name) {
            self.end_from(from);
        }
        match name.kind {
            Kind::Html => {
                self.describe("lang", Attribute::Lang);
                self.syntax = self.syntax.or_named_by(&self.attributes);
            }
            Kind::Root => {}
            kind if kind.is_void() => self.void(kind),
            kind if self_closing && self.syntax.closes(kind) => self.start_empty(name),
            Kind::Raw(raw) => return Some(self.start_raw(raw)),
            _ => self.start_element(name),
        }
        None
    }

    /// Reads the start of an element in SVG or a formula.
    fn start_foreign(&mut self, name: Name, self_closing: bool) {
        if !self_closing {
            let mut inside = self.stack.inside();
            let is_integration = matches!(name.kind, Kind::Integration | Kind::Raw(Raw::Title));
            inside.foreign = !is_integration;
            let is_left_out = name.kind == Kind::Annotation && inside.left_out.is_none();
            inside.left_out = if is_left_out { Some(name) } else { inside.left_out };
            self.push(name, inside, is_integration || is_left_out);
        }
    }

    /// Reads an element without content.
    fn void(&mut self, kind: Kind) {
        let inside = self.stack.inside();
        if kind == Kind::Meta {
            for (name, attribute) in [("description", "description"), ("author", "author")] {
                if self.attributes.is(Attribute::Name, attribute) {
                    self.describe(name, Attribute::Content);
                }
            }
        }
        if inside.left_out.is_some() {
            return;
        }
        match kind {
            Kind::Break if inside.one_line || self.flow.is_in_heading() => self.separate(Break::Space),
            Kind::Break if inside.preformatted => {
                let line = self.lines.line();
                self.flow.preformatted(Words { text: "\n", region: inside.region, lines: (line, line) });
            }
            Kind::Break => self.flow.end_line(),
            Kind::Rule => self.separate(Break::Paragraph),
            Kind::Image if !self.is_hidden() => self.image(inside),
            _ => {}
        }
    }

    /// Writes the words that stand for an image.
    fn image(&mut self, inside: Inside) {
        if let Some(text) = self.attributes.words(Attribute::Alt) {
            let (text, line) = (format!(" {text} "), self.lines.line());
            self.words(Words { text: &text, region: inside.region, lines: (line, line) });
        }
    }

    /// Keeps the value of an attribute as metadata, unless the page said it already.
    fn describe(&mut self, name: &str, attribute: Attribute) {
        if let Some(value) = self.attributes.words(attribute) {
            self.metadata.entry(name).or_insert_with(|| value.split_whitespace().collect::<Vec<_>>().join(" ").into());
        }
    }

    fn start_element(&mut self, name: Name) {
        let around = self.stack.inside();
        let mut inside = Inside { summary: around.summary || name.kind == Kind::Summary, ..around };
        inside.foreign = matches!(name.kind, Kind::Svg | Kind::Math);
        let mut matters = inside.foreign || !name.kind.is_phrase() || name.kind == Kind::Ruby;
        if around.left_out.is_none() {
            if self.is_left_out(name.kind, inside) {
                inside.left_out = Some(name);
                self.separate(if name.kind.is_block() { Break::Paragraph } else { self.gap(name.kind) });
            } else {
                let is_main = name.kind == Kind::Main || self.attributes.is(Attribute::Role, "main");
                inside.region = self.regions.enter(name.kind, is_main, around.region);
                self.arrange(name.kind, &mut inside);
            }
            matters |= inside.left_out.is_some() || inside.region != around.region;
        }
        self.push(name, inside, matters);
    }

    /// Adds an element to those that are open, if its end matters.
    fn push(&mut self, name: Name, inside: Inside, matters: bool) {
        // Tables that are too deep are not known.
        let is_stray = name.kind.is_table_part() && self.tables.is_empty() && !self.stack.is_full();
        if !is_stray && (matters || inside.left_out == Some(name)) {
            let is_open = self.stack.push(Open { name, inside });
            if is_open && name.kind == Kind::Table {
                let is_layout = ["presentation", "none"].iter().any(|role| self.attributes.is(Attribute::Role, role));
                self.tables.push(TableState { is_layout, ..TableState::default() });
            }
        }
    }

    /// Reads the end tag of an element.
    fn end(&mut self, name: Name) {
        if let Some(raw) = self.raw.take() {
            self.separate(if raw == Raw::Example { Break::Paragraph } else { Break::None });
            return;
        }
        if name.kind == Kind::Link {
            self.end_mark();
        }
        match self.stack.ended_by_end(name) {
            Some(from) => self.end_from(from),
            None if name.kind == Kind::Paragraph => self.separate(Break::Paragraph),
            None if name.kind == Kind::Break && self.syntax == Syntax::Html => self.void(Kind::Break),
            None => {}
        }
    }

    /// Ends the element at this place among those that are open, and all in it.
    fn end_from(&mut self, place: usize) {
        while let Some(open) = self.stack.pop(place) {
            self.leave(open);
        }
    }

    /// Writes the text of a link that is more than a mark.
    fn end_mark(&mut self) {
        for (text, lines) in self.mark.end() {
            self.flow.words(Words { text: &text, region: self.stack.inside().region, lines });
        }
    }
}

//! Elements whose content is no markup, and those that end with their start tag.

use html5gum::State;

use super::super::element::{Kind, Name, Raw};
use super::super::flow::Break;
use super::Page;

impl Page<'_> {
    /// Reads an element that ends with its start tag, although others of its name have content.
    pub(super) fn start_empty(&mut self, name: Name) {
        if let Kind::Raw(raw) = name.kind {
            return self.separate_raw(raw);
        }
        let outside = self.stack.mark();
        self.start_element(name);
        if name.kind == Kind::Link {
            self.end_mark();
        }
        self.end_from(outside.place());
        self.stack.return_to(outside);
    }

    /// Reads the start of an element whose content is no markup.
    pub(super) fn start_raw(&mut self, raw: Raw) -> State {
        self.raw = Some(if raw == Raw::Title && self.title.is_some() { Raw::Value } else { raw });
        self.separate_raw(raw);
        match raw {
            Raw::Title | Raw::Value => State::RcData,
            Raw::Script => State::ScriptData,
            Raw::Style | Raw::Example => State::RawText,
            Raw::Plain => State::PlainText,
        }
    }

    /// Writes what separates such an element from what comes before it.
    fn separate_raw(&mut self, raw: Raw) {
        match raw {
            Raw::Example | Raw::Plain => {
                self.end_mark();
                self.flow.end_heading_with_words();
                self.separate(Break::Paragraph);
            }
            Raw::Value => self.separate(Break::Space),
            Raw::Title | Raw::Script | Raw::Style => {}
        }
    }
}

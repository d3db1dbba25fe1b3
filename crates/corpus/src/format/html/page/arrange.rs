//! What is left out of the text, and what separates the rest.

use super::super::attributes::Attribute;
use super::super::element::Kind;
use super::super::flow::Break;
use super::super::stack::{Inside, Open};
use super::{Page, Scope};

/// Roles of what stands around the text of a page.
const ROLES_LEFT_OUT: [&str; 4] = ["navigation", "banner", "contentinfo", "search"];

impl Page<'_> {
    /// What stands between two words in place of an element that is left out.
    pub(super) fn gap(&self, kind: Kind) -> Break {
        match kind {
            Kind::Button | Kind::Control | Kind::Substitute => Break::Space,
            _ => Break::None,
        }
    }

    /// Whether the content of the element that begins is no part of the text.
    pub(super) fn is_left_out(&self, kind: Kind, inside: Inside) -> bool {
        match kind {
            Kind::Control | Kind::Reading | Kind::Annotation | Kind::Svg => true,
            Kind::Template => self.attributes.get(Attribute::ShadowRootMode).is_none(),
            Kind::Button if !(inside.summary || self.flow.is_in_heading()) => true,
            _ if self.scope == Scope::Everything => false,
            Kind::Navigation | Kind::Substitute => true,
            Kind::Dialog if self.attributes.get(Attribute::Open).is_none() => true,
            _ => self.is_hidden() || ROLES_LEFT_OUT.iter().any(|role| self.attributes.is(Attribute::Role, role)),
        }
    }

    /// Whether the attributes of the element that begins hide it.
    pub(super) fn is_hidden(&self) -> bool {
        let hidden = self.attributes.get(Attribute::Hidden).is_some();
        // A browser that searches in the page finds and shows such a text.
        let found = self.attributes.is(Attribute::Hidden, "until-found");
        let hides = |style: &str| {
            let style: String = style.chars().filter(|character| !character.is_whitespace()).collect();
            let style = style.to_ascii_lowercase();
            style.split(';').any(|rule| rule.starts_with("display:none") || rule.starts_with("visibility:hidden"))
        };
        let styled = self.attributes.get(Attribute::Style).is_some_and(hides);
        let hidden = (hidden && !found) || styled || self.attributes.is(Attribute::AriaHidden, "true");
        self.scope == Scope::Content && hidden
    }

    /// Writes what separates an element that begins from what comes before it.
    pub(super) fn arrange(&mut self, kind: Kind, inside: &mut Inside) {
        if kind.ends_heading() {
            self.end_mark();
            self.flow.end_heading_with_words();
        }
        match kind {
            Kind::Heading(level) => {
                self.end_mark();
                self.flow.begin_heading(level);
            }
            Kind::Link if self.flow.is_in_heading() => {
                self.mark.begin(self.attributes.words(Attribute::Href).unwrap_or_default());
            }
            Kind::List => {
                self.separate(if inside.list_item { Break::Line } else { Break::Paragraph });
                inside.list_item = false;
            }
            Kind::ListItem => {
                self.separate(Break::Line);
                if !(inside.one_line || self.flow.is_in_heading()) {
                    self.flow.begin_item();
                }
                inside.list_item = true;
            }
            Kind::Term => self.separate(Break::Line),
            Kind::Table | Kind::Caption | Kind::Row | Kind::Cell | Kind::HeaderCell => self.arrange_table(kind, inside),
            Kind::Preformatted => {
                self.separate(Break::Paragraph);
                inside.preformatted = !self.flow.is_in_heading();
                inside.one_line &= !inside.preformatted;
            }
            kind if kind.is_block() || kind == Kind::Template => self.separate(Break::Paragraph),
            _ => {}
        }
    }

    /// The same for a part of a table.
    fn arrange_table(&mut self, kind: Kind, inside: &mut Inside) {
        let table = self.tables.last_mut();
        match (kind, table) {
            (Kind::Table, table) => {
                table.into_iter().for_each(|outer| outer.is_layout = true);
                (inside.one_line, inside.list_item) = (false, false);
                self.flow.begin_row();
                self.separate(Break::Paragraph);
            }
            (Kind::Caption, Some(table)) => {
                table.has_data = true;
                self.separate(Break::Paragraph);
            }
            (Kind::Row, Some(table)) => {
                table.cells = 0;
                self.separate(Break::Line);
                self.flow.begin_row();
            }
            (Kind::Cell | Kind::HeaderCell, Some(table)) if !table.is_layout => {
                table.has_data |= kind == Kind::HeaderCell;
                table.cells += 1;
                inside.one_line = table.has_data;
                self.flow.begin_cell(table.cells == 1);
            }
            _ => self.separate(Break::Paragraph),
        }
    }

    /// Writes what separates an element that ended from what comes after it.
    pub(super) fn leave(&mut self, open: Open) {
        let kind = open.name.kind;
        let is_layout = self.tables.last().is_some_and(|table| table.is_layout);
        if kind == Kind::Table {
            self.tables.pop();
        }
        if open.inside.left_out.is_some() {
            self.separate(if kind.is_block() { Break::Paragraph } else { self.gap(kind) });
            return;
        }
        match kind {
            Kind::Heading(_) => {
                self.end_mark();
                self.flow.end_heading();
            }
            Kind::ListItem => {
                self.flow.end_item();
                self.separate(Break::Line);
            }
            Kind::List if self.stack.inside().list_item => self.separate(Break::Line),
            Kind::Term => self.separate(Break::Line),
            Kind::Row | Kind::Table => {
                self.flow.begin_row();
                self.separate(if kind == Kind::Row { Break::Line } else { Break::Paragraph });
            }
            Kind::Cell | Kind::HeaderCell if !is_layout => self.flow.end_cell(),
            kind if kind.is_block() || kind.is_cell() || kind == Kind::Template => self.separate(Break::Paragraph),
            _ => {}
        }
    }

    /// Separates what comes next from what is written, as far as the place allows it.
    pub(super) fn separate(&mut self, by: Break) {
        let inside = self.stack.inside();
        let most = match inside {
            Inside { left_out: Some(_), .. } => Break::None,
            Inside { one_line: true, .. } => Break::Space,
            Inside { preformatted: true, .. } => Break::Line,
            _ => Break::Paragraph,
        };
        let by = by.min(if self.flow.is_in_heading() { Break::Space } else { most });
        if by == Break::None {
            return;
        }
        let line = self.lines.line();
        if !self.mark.holds_break((line, line)) {
            self.end_mark();
            self.flow.separate(by);
        }
    }
}

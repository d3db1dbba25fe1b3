//! The elements that are open, and which of them a tag ends.
//!
//! These are the rules of HTML for pages whose authors left out end tags or put them in a wrong order, as far as the
//! text depends on them. Parts of sentences are not kept, unless their content is left out.

use super::deep::Deep;
use super::element::{Kind, Name};
use super::region::Region;

/// The most elements that are kept. In an element that is deeper, tags still separate words and paragraphs, and what is
/// left out stays left out.
const DEEPEST: usize = 256;

/// What the elements around a text say about it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Inside {
    pub(super) region: Region,
    /// The element that has the text left out.
    pub(super) left_out: Option<Name>,
    /// In SVG or a formula, where elements have other names.
    pub(super) foreign: bool,
    /// White space counts.
    pub(super) preformatted: bool,
    /// In a cell of a table of data, which is a part of a line.
    pub(super) one_line: bool,
    pub(super) list_item: bool,
    pub(super) summary: bool,
}

/// An element that is open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    pub(super) name: Name,
    pub(super) inside: Inside,
}

/// A state of the stack, to which it returns at the end of an element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    kept: usize,
    deep: Deep,
}

impl Mark {
    /// The place of the next element.
    pub(super) fn place(self) -> usize {
        self.kept
    }
}

/// The elements that are open, the outermost first.
#[derive(Debug, Default)]
pub(super) struct Stack {
    open: Vec<Open>,
    /// How many of them are paragraphs, and how many are tables: where there is none, none is looked for.
    paragraphs: usize,
    tables: usize,
    deep: Deep,
}

impl Stack {
    /// What the open elements say about a text that comes now.
    pub(super) fn inside(&self) -> Inside {
        self.deep.inside().or(self.open.last().map(|open| open.inside)).unwrap_or_default()
    }

    /// Adds an element; `false` if it is too deep.
    pub(super) fn push(&mut self, open: Open) -> bool {
        let fits = !self.is_full();
        if fits {
            self.paragraphs += usize::from(open.name.kind == Kind::Paragraph);
            self.tables += usize::from(open.name.kind == Kind::Table);
            self.open.push(open);
        } else {
            self.deep.push(open, self.inside());
        }
        fits
    }

    /// Whether another element is too deep.
    pub(super) fn is_full(&self) -> bool {
        self.open.len() >= DEEPEST
    }

    /// The state now.
    pub(super) fn mark(&self) -> Mark {
        Mark { kept: self.open.len(), deep: self.deep }
    }

    /// Forgets the elements that are too deep to be kept and began after this state. Those that are kept have ended.
    pub(super) fn return_to(&mut self, mark: Mark) {
        self.deep = mark.deep;
    }

    /// Removes the innermost element if its place is `from` or after it.
    pub(super) fn pop(&mut self, from: usize) -> Option<Open> {
        let open = if self.open.len() > from { self.open.pop() } else { None }?;
        self.paragraphs -= usize::from(open.name.kind == Kind::Paragraph);
        self.tables -= usize::from(open.name.kind == Kind::Table);
        self.deep.forget_left_out();
        Some(open)
    }

    /// The place of the outermost element that the start of this one ends.
    pub(super) fn ended_by_start(&mut self, name: Name) -> Option<usize> {
        if self.deep.start(name) || self.deep.takes_tags() {
            return None;
        }
        let paragraph = name.kind.ends_paragraph().then(|| self.paragraph()).flatten();
        let other = match name.kind {
            Kind::ListItem | Kind::Term => self.find(
                |open| open.kind == name.kind,
                |open| !(open.is_phrase() || matches!(open, Kind::Block | Kind::Paragraph)),
            ),
            Kind::Heading(_) => self.find(|open| matches!(open.kind, Kind::Heading(_)), |_| true),
            Kind::Button | Kind::Link | Kind::Reading | Kind::Control => {
                self.find(|open| open.kind == name.kind, |open| !open.is_phrase())
            }
            Kind::RowGroup | Kind::Row | Kind::Cell | Kind::HeaderCell => self.table_part(name.kind),
            _ => None,
        };
        paragraph.into_iter().chain(other).min()
    }

    /// The place of the element that this end tag ends. All elements in it end too.
    pub(super) fn ended_by_end(&mut self, name: Name) -> Option<usize> {
        let around = self.inside().left_out;
        if self.deep.end(name, around) {
            return None;
        }
        match name.kind {
            Kind::Paragraph => self.paragraph(),
            Kind::Heading(_) => self.find(|open| matches!(open.kind, Kind::Heading(_)), Kind::is_boundary),
            Kind::ListItem => self.find(|open| open == name, |open| open.is_boundary() || open == Kind::List),
            Kind::Table | Kind::Caption | Kind::RowGroup | Kind::Row | Kind::Cell | Kind::HeaderCell => {
                self.find(|open| open == name, |open| matches!(open, Kind::Table | Kind::Template))
            }
            Kind::Template => self.find(|open| open == name, |_| false),
            kind if kind.is_phrase() || matches!(kind, Kind::Raw(_)) => {
                self.find(|open| open == name, |open| !open.is_phrase())
            }
            _ => self.find(|open| open == name, Kind::is_boundary),
        }
    }

    /// The place of the SVG or the formula around what comes now.
    pub(super) fn foreign(&mut self) -> usize {
        if self.deep.inside().is_some_and(|inside| inside.foreign) {
            self.deep.end_left_out();
            return self.open.len();
        }
        self.open.iter().rposition(|open| !open.inside.foreign).map_or(0, |last| last + 1)
    }

    /// The place of an open paragraph that ends where a block begins.
    fn paragraph(&self) -> Option<usize> {
        if self.paragraphs == 0 {
            return None;
        }
        self.find(|open| open.kind == Kind::Paragraph, |open| open.is_boundary() || open == Kind::Button)
    }

    /// The place of the outermost part of a table that the start of another part ends.
    fn table_part(&self, part: Kind) -> Option<usize> {
        if self.tables == 0 {
            return None;
        }
        let table = self.open.iter().rposition(|open| matches!(open.name.kind, Kind::Table | Kind::Template))?;
        let in_table = self.open.iter().enumerate().skip(table + 1);
        let mut parts = in_table
            .filter(|(_, open)| open.name.kind.table_rank().is_some_and(|rank| Some(rank) >= part.table_rank()));
        parts.next().map(|(place, _)| place)
    }

    /// The place of the innermost element that is looked for, unless it stands outside of one where the search stops.
    fn find(&self, wanted: impl Fn(Name) -> bool, stops: impl Fn(Kind) -> bool) -> Option<usize> {
        for (place, open) in self.open.iter().enumerate().rev() {
            if wanted(open.name) {
                return Some(place);
            }
            if stops(open.name.kind) {
                return None;
            }
        }
        None
    }
}

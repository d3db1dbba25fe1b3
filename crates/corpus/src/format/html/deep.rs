//! The elements that are open and too deep to be kept. Of them, only what has text left out is known.

use super::element::{Kind, Name};
use super::stack::{Inside, Open};

/// What is known of the elements that are too deep.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Deep {
    /// How many are open, of those that have an end tag in nearly all pages.
    count: usize,
    /// The outermost one that has its text left out.
    left_out: Option<Open>,
    /// The count when that one began, it included.
    least: usize,
    /// How many are open that have the name of the element that has text left out, which may be one that is kept.
    same: usize,
}

impl Deep {
    /// What the element says about its text that has it left out.
    pub(super) fn inside(&self) -> Option<Inside> {
        self.left_out.map(|open| open.inside)
    }

    /// Whether tags belong to elements that are too deep, not to those that are kept.
    pub(super) fn takes_tags(&self) -> bool {
        self.count > 0
    }

    /// Adds an element that begins where `around` holds.
    pub(super) fn push(&mut self, open: Open, around: Inside) {
        let kind = open.name.kind;
        self.count += usize::from(is_counted(kind));
        // In an element of SVG that contains HTML, names have their usual meaning again.
        let is_integration = around.foreign && !open.inside.foreign;
        if let Some(outer) = &mut self.left_out {
            outer.inside.foreign &= !is_integration;
            self.same += usize::from(outer.name == open.name && !may_lack_end(kind));
        } else if open.inside.left_out.is_some() && (around.left_out.is_none() || is_integration) {
            self.left_out = Some(open);
            (self.least, self.same) = (self.count, 1);
        } else if around.left_out == Some(open.name) {
            self.same += usize::from(kind.is_phrase());
        }
    }

    /// Takes in the start of an element. The answer is whether it ends the element that has its text left out.
    pub(super) fn start(&mut self, name: Name) -> bool {
        let ends = self.count == self.least && self.left_out.is_some_and(|open| is_ended_by(open.name.kind, name.kind));
        if ends {
            self.end_left_out();
        }
        ends
    }

    /// Takes in an end tag. `around` is the element that is kept and has its text left out. The answer is whether the tag
    /// belongs to an element that is too deep.
    pub(super) fn end(&mut self, name: Name, around: Option<Name>) -> bool {
        let is_deep = self.count > 0 && !name.kind.is_phrase();
        let left_out = self.left_out.map(|open| open.name).or(around);
        let is_same = left_out == Some(name) && self.same > 0 && (!may_lack_end(name.kind) || self.count == self.least);
        self.count -= usize::from(is_deep && is_counted(name.kind));
        self.same -= usize::from(is_same);
        if self.left_out.is_some() && self.same == 0 {
            self.end_left_out();
        } else if self.count < self.least {
            self.forget_left_out();
        }
        is_deep || is_same
    }

    /// Ends the element that has its text left out, and all in it.
    pub(super) fn end_left_out(&mut self) {
        if let Some(open) = self.left_out {
            self.count = self.least - usize::from(is_counted(open.name.kind));
        }
        self.forget_left_out();
    }

    /// Forgets the element whose text is left out, because an element around it has ended.
    pub(super) fn forget_left_out(&mut self) {
        *self = Self { count: self.count, ..Self::default() };
    }
}

/// Whether the start of an element of the kind `next` ends an element that was not closed.
fn is_ended_by(open: Kind, next: Kind) -> bool {
    match open {
        Kind::Paragraph => next.ends_paragraph(),
        Kind::Heading(_) => matches!(next, Kind::Heading(_)),
        Kind::ListItem | Kind::Term | Kind::Button | Kind::Link | Kind::Reading | Kind::Control => open == next,
        _ => next.table_rank().is_some() && open.table_rank() >= next.table_rank(),
    }
}

/// Whether the elements of this kind often have no end tag.
fn may_lack_end(kind: Kind) -> bool {
    matches!(kind, Kind::Paragraph | Kind::ListItem | Kind::Term) || kind.is_table_part()
}

/// Whether the elements of this kind have an end tag in nearly all pages.
fn is_counted(kind: Kind) -> bool {
    !(may_lack_end(kind) || kind.is_phrase())
}

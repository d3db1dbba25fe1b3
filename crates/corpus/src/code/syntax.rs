//! The syntax tree of a text, and a walk through it that knows what belongs together.
//!
//! A comment right above a statement or an item belongs to it, and so do attributes and decorators.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use tree_sitter::{Node, ParseOptions, Parser, Tree};

use super::{CodeLanguage, PARSED};

/// The most steps of the parser for each byte of a text, and for a text of any length. It reports every hundredth. Most
/// code takes about 0.6 steps for a byte, and code without white space about 2.
const STEPS_PER_BYTE: f64 = 2.5;
const STEPS: f64 = 1e5;
const STEPS_PER_REPORT: f64 = 100.0;

/// How often a text may be read, and bytes that may be read in any case. Lexers go back, and some read to the end of
/// the text to find that a string is not closed.
const READ: usize = 32;
const READ_ALWAYS: usize = 1 << 20;

/// Bytes that the parser is given at once.
const AT_ONCE: usize = 4096;

/// The longest time for one text. Only texts that are no code of the language take so long: 1 MB of code takes about
/// 0.1 seconds. All other limits count steps, so that a text is cut in the same way on every machine.
const TIME: Duration = Duration::from_secs(2);

/// Nodes that only wrap an item: its decorators, its export, its template parameters.
const WRAPPERS: [&str; 6] = [
    "ambient_declaration",
    "decorated_definition",
    "export_statement",
    "lexical_declaration",
    "template_declaration",
    "type_declaration",
];

/// Nodes that belong to the node after them.
const ATTRIBUTES: [&str; 3] = ["attribute_item", "decorator", "attribute_declaration"];

/// Fields of a node that hold what it is about. The border before such a field is no better than those inside it.
const BODIES: [&str; 2] = ["body", "consequence"];

/// Parses a text. `None` if it is too long or takes too much work.
pub(super) fn parse(text: &str, language: CodeLanguage) -> Option<Tree> {
    if text.len() > PARSED {
        return None;
    }
    let mut parser = Parser::new();
    parser.set_language(&language.grammar()).ok()?;
    let limits = Limits::of(text);
    let mut progress = |_: &_| if limits.step() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
    let options = ParseOptions::new().progress_callback(&mut progress);
    let mut read = |at: usize, _| limits.read(text.as_bytes().get(at..).unwrap_or_default());
    let tree = parser.parse_with_options(&mut read, None, Some(options))?;
    (!limits.over()).then_some(tree)
}

/// What may still be spent on a text.
struct Limits {
    reports: Cell<usize>,
    bytes: Cell<usize>,
    start: Instant,
}

impl Limits {
    fn of(text: &str) -> Self {
        let reports = (STEPS + STEPS_PER_BYTE * text.len() as f64) / STEPS_PER_REPORT;
        let bytes = READ_ALWAYS + READ * text.len();
        Self { reports: Cell::new(reports as usize), bytes: Cell::new(bytes), start: Instant::now() }
    }

    /// Whether the parser may go on, after it has reported steps.
    fn step(&self) -> bool {
        self.reports.set(self.reports.get().saturating_sub(1));
        !self.over()
    }

    /// The bytes of `rest` that the parser is given at once; none if it has read too much.
    fn read<'a>(&self, rest: &'a [u8]) -> &'a [u8] {
        let bytes = &rest[..rest.len().min(AT_ONCE)];
        self.bytes.set(self.bytes.get().saturating_sub(bytes.len()));
        if self.over() { &[] } else { bytes }
    }

    fn over(&self) -> bool {
        self.reports.get() == 0 || self.bytes.get() == 0 || self.start.elapsed() > TIME
    }
}

/// A byte and its row, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) byte: usize,
    pub(super) row: usize,
}

/// A node with what belongs to it.
pub(super) struct Block<'tree> {
    pub(super) node: Node<'tree>,
    /// Where it starts, with its comments and attributes, and with what its parent has before it if it is a body.
    pub(super) start: Spot,
    /// Its last row.
    pub(super) last_row: usize,
    /// Whether it belongs to the comment or attribute before it, or is a comment right below another one.
    pub(super) attached: bool,
}

/// Comments and attributes that belong to what follows them.
#[derive(Clone, Copy)]
struct Lead {
    start: Spot,
    last_row: usize,
    /// Whether the last of them is an attribute: what follows may stand further below.
    attribute: bool,
}

/// The children of a node, as far as they have been seen.
struct Children {
    parent: Spot,
    /// Whether the parent is a wrapper, and no child has taken its start so far.
    wraps: bool,
    lead: Option<Lead>,
    /// The last row of the child before.
    last_row: Option<usize>,
}

/// Calls `visit` with every node except the root, from top to bottom, and with the number of nodes around it. What is
/// inside a node that has one row is left out, unless the node is a wrapper.
pub(super) fn walk<'tree>(tree: &'tree Tree, text: &str, mut visit: impl FnMut(&Block<'tree>)) {
    let mut cursor = tree.walk();
    let mut open = vec![Children::of(&Spot { byte: 0, row: 0 }, "")];
    let mut found = cursor.goto_first_child();
    while found {
        let node = cursor.node();
        let Some(siblings) = open.last_mut() else { return };
        let block = siblings.add(node, cursor.field_name(), text);
        visit(&block);
        let wraps = WRAPPERS.contains(&node.kind());
        found = (wraps || block.last_row > node.start_position().row) && cursor.goto_first_child();
        if found {
            open.push(Children::of(&block.start, node.kind()));
            continue;
        }
        found = cursor.goto_next_sibling();
        while !found && open.len() > 1 && cursor.goto_parent() {
            open.pop();
            found = cursor.goto_next_sibling();
        }
    }
}

impl Children {
    fn of(parent: &Spot, kind: &str) -> Self {
        Self { parent: *parent, wraps: WRAPPERS.contains(&kind), lead: None, last_row: None }
    }

    /// The next child.
    fn add<'tree>(&mut self, node: Node<'tree>, field: Option<&str>, text: &str) -> Block<'tree> {
        let own = Spot { byte: node.start_byte(), row: node.start_position().row };
        let last_row = last_row(node, text);
        let begins_line = self.last_row.is_none_or(|before| before < own.row);
        self.last_row = Some(last_row);
        let attribute = ATTRIBUTES.contains(&node.kind());
        let comment = node.kind().contains("comment") && !is_about_the_file(node, text);
        let lead = self.lead.take().filter(|lead| begins_line && (lead.attribute || own.row <= lead.last_row + 1));
        if attribute || (comment && begins_line) {
            let start = lead.map_or(own, |lead| lead.start);
            self.lead = Some(Lead { start, last_row, attribute });
            return Block { node, start: own, last_row, attached: lead.is_some() };
        }
        let start = lead.map_or(own, |lead| lead.start);
        let is_body = field.is_some_and(|field| BODIES.contains(&field));
        let start = if is_body || (self.wraps && node.is_named()) { self.parent } else { start };
        self.wraps &= !node.is_named() || node.kind().contains("comment") || field == Some("parameters");
        Block { node, start, last_row, attached: lead.is_some() }
    }
}

/// Whether it is a comment about the file or module that it stands in, and not about what follows it (Rust).
fn is_about_the_file(node: Node<'_>, text: &str) -> bool {
    let rest = &text.as_bytes()[node.start_byte()..];
    matches!(node.kind(), "line_comment" | "block_comment") && (rest.starts_with(b"//!") || rest.starts_with(b"/*!"))
}

/// The row of a node's last character. Some comments contain the end of their line.
fn last_row(node: Node<'_>, text: &str) -> usize {
    let (start, end) = (node.start_position().row, node.end_position().row);
    let ends_line = text.as_bytes()[..node.end_byte()].ends_with(b"\n");
    if ends_line && end > start { end - 1 } else { end }
}

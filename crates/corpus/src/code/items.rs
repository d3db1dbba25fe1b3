//! The items of a code: its functions, types and modules.

use std::ops::Range;

use tree_sitter::Node;

use super::CodeLanguage;
use super::grammar::{ItemKind, Needs};
use super::syntax::{parse, walk};

/// The most items inside one another. What is deeper belongs to the last of them.
const DEEPEST: usize = 8;

/// The most characters of a title.
const LONGEST_TITLE: usize = 100;

/// Values that make a variable or a field an item.
const FUNCTIONS: [&str; 4] = ["arrow_function", "class", "function_expression", "generator_function"];

/// The items of a text in the order of their starts: each with its range in bytes, the number of items around it plus
/// one, and its title. There is none if the text cannot be parsed.
pub(crate) fn items(text: &str, language: CodeLanguage) -> Vec<(Range<usize>, u8, String)> {
    let Some(tree) = parse(text, language) else { return Vec::new() };
    let kinds = language.item_kinds();
    let mut items = Vec::new();
    let mut ends: Vec<usize> = Vec::new();
    walk(&tree, text, |block| {
        let Some(kind) = kinds.iter().find(|kind| kind.node == block.node.kind()) else { return };
        // In code with errors, what stands before a node may begin before the item that the node is in.
        let start = items.last().map_or(0, |(above, ..): &(Range<usize>, u8, String)| above.start);
        let range = block.start.byte.max(start)..block.node.end_byte();
        while ends.last().is_some_and(|&end| end <= range.start) {
            ends.pop();
        }
        if ends.len() < DEEPEST
            && !range.is_empty()
            && let Some(title) = title(block.node, kind, text)
        {
            ends.push(range.end);
            items.push((range, ends.len() as u8, title));
        }
    });
    items
}

/// The title of a node of this kind, if it is an item.
fn title(node: Node<'_>, kind: &ItemKind, text: &str) -> Option<String> {
    let fits = match kind.needs {
        Needs::Name => true,
        Needs::Body => node.child_by_field_name("body").is_some(),
        Needs::Function => node.child_by_field_name("value").is_some_and(|value| FUNCTIONS.contains(&value.kind())),
    };
    let mut name = String::new();
    for (field, after) in kind.name {
        if let Some(part) = node.child_by_field_name(field) {
            name.push_str(start_of(&text[named(part).byte_range()]));
            name.push_str(after);
        }
    }
    let words: Vec<_> =
        std::iter::once(kind.keyword).chain(name.split_whitespace()).filter(|w| !w.is_empty()).collect();
    (fits && !name.trim().is_empty()).then(|| words.join(" ").chars().take(LONGEST_TITLE).collect())
}

/// The node that is the name inside a declarator of C: `*name(int)`.
fn named(mut node: Node<'_>) -> Node<'_> {
    loop {
        let inner = match node.kind() {
            "reference_declarator" | "parenthesized_declarator" => node.named_child(0),
            _ => node.child_by_field_name("declarator"),
        };
        match inner {
            Some(inner) if !inner.kind().starts_with("abstract_") => node = inner,
            _ => return node,
        }
    }
}

/// Not much more than a title needs.
fn start_of(text: &str) -> &str {
    let end = (0..=4 * LONGEST_TITLE).rev().find(|&at| text.is_char_boundary(at)).unwrap_or_default();
    text.get(..end).unwrap_or(text)
}

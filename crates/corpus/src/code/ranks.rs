//! How good each line of a code is as the start of a chunk.

use super::CodeLanguage;
use super::syntax::{Block, parse, walk};

/// The rank of each line of a text: the number of nodes that would be cut if a chunk began with it, so 0 is the best.
/// A node with a comment above it counts from there. For a line that belongs to the comment or the attribute above it,
/// one is added. `None` if the text cannot be parsed.
pub(crate) fn ranks(text: &str, language: CodeLanguage) -> Option<Vec<u32>> {
    let tree = parse(text, language)?;
    let lines = text.bytes().filter(|&byte| byte == b'\n').count() + 1;
    // How many more nodes are cut by a line than by the one before it.
    let mut steps = vec![0_i64; lines + 1];
    let mut cut = |first: usize, last: usize| {
        if first <= last && last < lines {
            steps[first] += 1;
            steps[last + 1] -= 1;
        }
    };
    walk(&tree, text, |Block { node, start, last_row, attached }| {
        cut(start.row + 1, *last_row);
        if *attached {
            cut(node.start_position().row, node.start_position().row);
        }
    });
    let mut open = 0;
    let rank = |step: &i64| {
        open += step;
        u32::try_from(open).unwrap_or_default()
    };
    Some(steps[..lines].iter().map(rank).collect())
}

//! Source code: its language, the places where its syntax lets it be cut, and the items that it is made of.
//!
//! Crate tree-sitter parses the code. It also parses code with errors, and skips what it does not understand. Without
//! the feature `code` there are no grammars: code is cut by lines, and has no items.

#[cfg(feature = "code")]
mod grammar;
#[cfg(feature = "code")]
mod items;
mod language;
#[cfg(feature = "code")]
mod ranks;
#[cfg(feature = "code")]
mod syntax;
#[cfg(all(test, feature = "code"))]
mod tests;

#[cfg(feature = "code")]
pub(crate) use items::items;
pub use language::CodeLanguage;
#[cfg(feature = "code")]
pub(crate) use ranks::ranks;

/// Code of more bytes is not parsed but cut by lines. Such files are mostly written by programs.
pub(crate) const PARSED: usize = 1 << 19;

/// No grammars, no items.
#[cfg(not(feature = "code"))]
pub(crate) fn items(_: &str, _: CodeLanguage) -> Vec<(std::ops::Range<usize>, u8, String)> {
    Vec::new()
}

/// No grammars, no ranks.
#[cfg(not(feature = "code"))]
pub(crate) fn ranks(_: &str, _: CodeLanguage) -> Option<Vec<u32>> {
    None
}

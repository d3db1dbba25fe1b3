//! How a text is written.

use super::CodeLanguage;

/// How a text is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Markup {
    /// Plain text.
    #[default]
    Plain,
    /// Markdown: CommonMark, with GitHub's extensions.
    Markdown,
    /// Source code in a language; `None` for a language whose syntax is not known.
    Code(Option<CodeLanguage>),
}

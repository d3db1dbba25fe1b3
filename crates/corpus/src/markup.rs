//! How a text is written.

/// How a text is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Markup {
    /// Plain text.
    #[default]
    Plain,
    /// Markdown: CommonMark, with GitHub's extensions.
    Markdown,
}

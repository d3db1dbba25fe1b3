//! What is wrong with an expression.

/// What is wrong with a filter expression, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at character {character}, found {found}")]
pub struct BadFilter {
    /// What would be correct there.
    pub expected: String,
    /// What the expression has there, shortened.
    pub found: String,
    /// The place, as a 0-based offset in bytes. It is at most the length of the expression.
    pub byte: usize,
    /// The same place, as the 1-based number of a character.
    pub character: usize,
}

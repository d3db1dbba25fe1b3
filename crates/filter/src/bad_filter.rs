//! What is wrong with an expression.

/// What is wrong with a filter expression, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at character {character}, found {found}")]
pub struct BadFilter {
    /// What could stand there.
    pub expected: String,
    /// What stands there, shortened.
    pub found: String,
    /// Where: 0-based offset in bytes, at the end of the expression at most.
    pub byte: usize,
    /// The same place, as the 1-based number of a character.
    pub character: usize,
}

//! How a command ends if it did not fail.

/// The outcome, with the same meanings as in grep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Done, or something was found: status 0.
    Done,
    /// Nothing was found: status 1.
    Nothing,
}

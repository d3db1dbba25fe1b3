//! Failures of the program itself, each with its hint, and what is printed if there is no command to run.

/// A failure with a message of its own and what to type next.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Advice {
    pub(super) message: String,
    pub(super) hint: String,
}

/// A failure with the text that it is about, and a mark below the place.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct MarkedAdvice {
    pub(super) message: String,
    /// The text, and on the next line the mark.
    pub(super) marked: String,
    pub(super) hint: String,
}

/// What is printed instead of running a command.
pub(super) enum Refusal {
    /// Help or the version, which were asked for; with styles.
    Asked(String),
    /// The help, because the command is missing; with styles.
    Incomplete(String),
    /// A wrong command line.
    Wrong(Advice),
}

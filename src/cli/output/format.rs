//! What every output format has.

/// An output format, as a table names it.
#[derive(Clone, Debug)]
pub(crate) struct OutputFormat<W> {
    /// The word for it on the command line.
    pub(crate) name: &'static str,
    /// What it is for, in the help.
    pub(crate) help: &'static str,
    /// What writes it.
    pub(crate) writer: W,
}

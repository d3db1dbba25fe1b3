//! Standard output: data and nothing else.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use crate::cli::visible::{Spelling, Visible};

/// The name of standard output in errors that name a file.
pub(crate) const STDOUT: &str = "<stdout>";

/// Standard output for data. A file or a pipe receives the bytes unchanged. On a terminal, characters that it would
/// obey or hide are spelled out.
pub(crate) type Data = BufWriter<Visible<StdoutLock<'static>>>;

/// Standard output for rows and lines.
pub(crate) fn raw() -> Data {
    data(Spelling::Text)
}

/// Standard output for JSON.
pub(crate) fn json() -> Data {
    data(Spelling::Json)
}

fn data(on_terminal: Spelling) -> Data {
    let spelling = if io::stdout().is_terminal() { on_terminal } else { Spelling::Bytes };
    BufWriter::with_capacity(1 << 16, Visible::new(io::stdout().lock(), spelling))
}

/// Standard output that removes colours where they are not wanted.
pub(crate) fn styled() -> impl Write {
    // `--color`, NO_COLOR and the terminal have decided this for the whole process.
    BufWriter::with_capacity(1 << 16, anstream::AutoStream::auto(io::stdout()))
}

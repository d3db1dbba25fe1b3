//! Options of `completions` and `man`.

use std::io;
use std::path::PathBuf;

use crate::cli::args::manual::{CompletionsArgs, ManArgs};
use crate::cli::args::page::{self, ManualPage};

pub(crate) struct CompletionsOptions {
    pub(crate) script: Vec<u8>,
}

impl CompletionsOptions {
    pub(crate) fn resolve(args: &CompletionsArgs) -> Self {
        Self { script: page::completions(args.shell) }
    }
}

pub(crate) struct ManOptions {
    pub(crate) pages: Vec<ManualPage>,
    pub(crate) wanted: WantedPages,
}

/// Which pages are wanted.
pub(crate) enum WantedPages {
    /// A command's page, or the program's.
    One(Option<String>),
    /// All of them, in this directory.
    All(PathBuf),
}

impl ManOptions {
    pub(crate) fn resolve(args: ManArgs) -> io::Result<Self> {
        let wanted = args.output.map_or(WantedPages::One(args.command), WantedPages::All);
        Ok(Self { pages: page::pages()?, wanted })
    }
}

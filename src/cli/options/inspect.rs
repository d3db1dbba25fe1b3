//! Options of `info` and `export`.

use std::path::PathBuf;

use semsearch::kernels::Isa;

use crate::cli::args::inspect::{ExportArgs, InfoArgs};

#[derive(Clone, Debug)]
pub(crate) struct InfoOptions {
    pub(crate) json: bool,
    /// The instruction set whose precisions are shown.
    pub(crate) isa: Isa,
}

impl InfoOptions {
    pub(crate) fn resolve(args: &InfoArgs) -> Self {
        Self { json: args.json, isa: args.isa.unwrap_or_else(Isa::best) }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct ExportOptions {
    /// A file of vectors, or a directory.
    pub(crate) output: PathBuf,
}

impl ExportOptions {
    pub(crate) fn resolve(args: ExportArgs) -> Self {
        Self { output: args.output }
    }
}

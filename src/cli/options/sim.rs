//! Options of `sim`.

use std::io::{IsTerminal, stdin};
use std::path::PathBuf;

use super::defaults::Defaults;
use super::encoding::EncodingOptions;
use crate::cli::args::sim::SimArgs;
use crate::cli::output::MatrixFormat;

#[derive(Clone, Debug)]
pub(crate) struct SimOptions {
    pub(crate) texts: TextSource,
    pub(crate) encoding: EncodingOptions,
    pub(crate) format: &'static MatrixFormat,
    /// A file for a picture.
    pub(crate) svg: Option<PathBuf>,
}

/// Where texts come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TextSource {
    Given(Vec<String>),
    /// The lines of a file, or of standard input for `-`.
    Lines(PathBuf),
}

impl SimOptions {
    pub(crate) fn resolve(args: &SimArgs, defaults: &Defaults) -> Self {
        Self {
            texts: match &args.lines {
                Some(path) => TextSource::Lines(path.clone()),
                None if args.texts.is_empty() && !stdin().is_terminal() => TextSource::Lines("-".into()),
                None => TextSource::Given(args.texts.clone()),
            },
            encoding: EncodingOptions::resolve(&args.encoding, defaults),
            format: args.format,
            svg: args.svg.clone(),
        }
    }
}

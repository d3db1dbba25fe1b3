//! Which records are read, and how.

use std::io::{IsTerminal, stdin};
use std::path::{Path, PathBuf};

use semsearch::corpus::{Encoding, FieldNames, Format, Input, Preprocessor, ReadOptions};
use semsearch::hub::data_set;

use crate::cli::advice::Advice;
use crate::cli::args::records::{OnErrorArg, RecordsArgs};

/// Options of every command that reads records.
#[derive(Clone, Debug)]
pub(crate) struct InputOptions {
    /// The inputs named. If none is named, standard input.
    pub(crate) named: Vec<Input>,
    /// A file that lists further inputs.
    pub(crate) files_from: Option<Input>,
    /// Which part of a data set on the Hub.
    pub(crate) split: Option<String>,
    /// Which files of a directory.
    pub(crate) globs: Vec<String>,
    /// Whether a directory may have nothing to read.
    pub(crate) may_be_empty: bool,
    pub(crate) format: Format,
    /// The encoding of text that is not UTF-8.
    pub(crate) encoding: Option<&'static Encoding>,
    /// A command that turns files into text.
    pub(crate) preprocessor: Option<Preprocessor>,
    pub(crate) fields: FieldNames,
    pub(crate) on_error: OnError,
    /// How many records are read, at most.
    pub(crate) limit: Option<usize>,
}

/// What a bad record does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnError {
    /// It ends the run.
    Fail,
    /// It is counted.
    Skip,
}

impl InputOptions {
    /// Resolves the options of `command`, which hints name.
    pub(crate) fn resolve(named: &[PathBuf], args: &RecordsArgs, command: &str) -> anyhow::Result<Self> {
        if args.split.is_some() && !named.iter().any(|path| hub_address(path).is_some()) {
            let hint = "name one, as in `hf://datasets/OWNER/NAME --split train`".into();
            return Err(Advice { message: "--split chooses from a data set of the Hub".into(), hint }.into());
        }
        let mut inputs: Vec<Input> = named.iter().cloned().map(Input::from).collect();
        if inputs.is_empty() && args.files_from.is_none() {
            if stdin().is_terminal() {
                let hint = format!("`semsearch {command} FILE`, or - for standard input");
                return Err(Advice { message: "no input".into(), hint }.into());
            }
            inputs.push(Input::Stdin);
        }
        Ok(Self {
            named: inputs,
            files_from: args.files_from.clone().map(Input::from),
            split: args.split.clone(),
            globs: args.glob.clone(),
            may_be_empty: false,
            format: args.format,
            encoding: args.encoding,
            preprocessor: preprocessor(args)?,
            fields: args.fields(),
            on_error: match args.on_error {
                OnErrorArg::Fail => OnError::Fail,
                OnErrorArg::Skip => OnError::Skip,
            },
            limit: args.limit,
        })
    }
}

impl InputOptions {
    /// How inputs are read, with the ids of files relative to `root` if there is one.
    pub(crate) fn reading(&self, root: Option<PathBuf>) -> ReadOptions {
        ReadOptions { format: self.format, root, encoding: self.encoding, preprocessor: self.preprocessor.clone() }
    }
}

/// The command of `--pre`. A name with a slash is a path from here, as for a shell.
fn preprocessor(args: &RecordsArgs) -> anyhow::Result<Option<Preprocessor>> {
    let new = |command: &PathBuf| Preprocessor::new(command.clone(), &args.pre_glob, Path::new("."));
    Ok(args.pre.as_ref().map(new).transpose()?)
}

/// The path as an address on the Hub, if it is one.
pub(crate) fn hub_address(path: &Path) -> Option<&str> {
    path.to_str().filter(|path| path.starts_with(data_set::SCHEME))
}

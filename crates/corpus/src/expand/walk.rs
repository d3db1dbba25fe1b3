//! The walk through a directory.

use std::io;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;
use ignore::overrides::{Override, OverrideBuilder};

use super::skip::{SkipReason, SkippedFile, is_limit};
use crate::CorpusError;
use semsearch_files::FileError;

/// What a walk found.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// The files that were chosen, sorted by path.
    pub(super) files: Vec<PathBuf>,
    /// What could not be read.
    pub(super) skipped: Vec<SkippedFile>,
}

/// Finds the files of a directory that are to be read.
pub(super) fn walk(dir: &Path, globs: &[String]) -> Result<Walked, CorpusError> {
    let overrides = overrides(dir, globs)?;
    let mut walked = Walked::default();
    for entry in WalkBuilder::new(dir).overrides(overrides).filter_entry(|entry| !is_index(entry.path())).build() {
        match entry {
            Ok(entry) => {
                if entry.file_type().is_some_and(|kind| kind.is_file()) {
                    walked.files.push(entry.into_path());
                }
            }
            Err(error) => walked.skip_or_fail(dir, error)?,
        }
    }
    walked.files.sort();
    Ok(walked)
}

impl Walked {
    /// Notes what a walk cannot read. It is an error if that is the directory itself, or if no more files can be
    /// opened.
    pub(super) fn skip_or_fail(&mut self, dir: &Path, error: ignore::Error) -> Result<(), CorpusError> {
        match unreadable(dir, error) {
            CorpusError::File(FileError::Read { path, source }) if path != dir && !is_limit(&source) => {
                self.skipped.push(SkippedFile { path, why: SkipReason::Unreadable(source.to_string()) });
                Ok(())
            }
            error => Err(error),
        }
    }
}

fn overrides(dir: &Path, globs: &[String]) -> Result<Override, CorpusError> {
    let bad = |glob: &str, error: ignore::Error| CorpusError::Glob { glob: glob.into(), source: error.into() };
    let mut overrides = OverrideBuilder::new(dir);
    for glob in globs {
        overrides.add(glob).map_err(|error| bad(glob, error))?;
    }
    overrides.build().map_err(|error| bad(&globs.join(" "), error))
}

/// Whether a directory is an index of semsearch. Its files are no documents.
fn is_index(path: &Path) -> bool {
    path.join("manifest.json").is_file() && path.join("catalog").is_dir() && path.join("vectors").is_dir()
}

/// The error of a walk, with the path that it names.
pub(super) fn unreadable(dir: &Path, error: ignore::Error) -> CorpusError {
    let path = path_of(&error).unwrap_or(dir).to_owned();
    let message = error.to_string();
    let source = error.into_io_error().unwrap_or_else(|| io::Error::other(message));
    CorpusError::File(FileError::Read { path, source })
}

fn path_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => path_of(err),
        _ => None,
    }
}

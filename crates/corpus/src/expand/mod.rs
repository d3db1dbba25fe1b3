//! Finds the files of a directory that are to be read.
//!
//! A directory is walked in the same way as ripgrep does it (with its crate ignore): hidden files, links, and files
//! that `.gitignore` or `.ignore` name are left out. Of the other files all are taken, or those that globs choose. Only the
//! start of a file is looked at here, to tell text from other data, also as in ripgrep; the
//! readers read the rest. The user did not name these files one by one, so a file that cannot be used is left out and
//! returned with the reason.

mod beir;
mod look;
mod skip;
mod taken;
mod walk;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{CorpusError, Input, ReadOptions};
use beir::beir_corpus;
pub use beir::file_of;
use look::look_at;
pub use skip::{SkipReason, SkippedFile};
use taken::{Taken, TakenPaths};
use walk::walk;

/// Inputs, with each directory replaced by its files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expanded {
    /// Files and standard input, in the order in which they were named. The files of a directory are in the order of
    /// their paths. A file that is named as well, or is in two directories, comes once.
    pub inputs: Vec<Input>,
    /// Files in directories that were left out, and directories in them that cannot be read.
    pub skipped: Vec<SkippedFile>,
    /// The directories that were walked: absolute paths without links. A file below one of them that is not among the
    /// inputs is no longer part of the corpus.
    pub directories: Vec<PathBuf>,
    /// Those directories that contain nothing to read, as they were named.
    pub empty: Vec<Arc<str>>,
}

/// Replaces every directory in `named` by its files. All other inputs stay as they are, and are not looked at.
///
/// `globs` have the syntax of `.gitignore`, relative to the named directory; a glob that begins with `!` leaves out
/// what it matches. If any glob does not begin so, exactly the files that match are taken, also hidden and ignored
/// ones, and read as text if their extension says nothing else. Without globs, only the corpus of a data set in BEIR's
/// layout is taken. Files that a command of `options` turns into text may be binary.
///
/// # Errors
/// A directory that was named cannot be read, a glob is wrong, or the process may not open more files.
pub fn expand(named: &[Input], globs: &[String], options: &ReadOptions) -> Result<Expanded, CorpusError> {
    let mut expanded = Expanded::default();
    let mut taken = TakenPaths::default();
    for path in named.iter().filter_map(Input::path) {
        taken.take(path);
    }
    for input in named {
        match input.path() {
            Some(dir) if dir.is_dir() => expanded.add_directory(dir, globs, options, &mut taken)?,
            _ => expanded.inputs.push(input.clone()),
        }
    }
    Ok(expanded)
}

impl Expanded {
    fn add_directory(
        &mut self,
        dir: &Path,
        globs: &[String],
        options: &ReadOptions,
        taken: &mut TakenPaths,
    ) -> Result<(), CorpusError> {
        if let Some(corpus) = beir_corpus(dir).filter(|_| globs.is_empty()) {
            self.inputs.push(Input::File(corpus));
            return Ok(());
        }
        self.directories.push(fs::canonicalize(dir).map_err(CorpusError::read(dir))?);
        let walked = walk(dir, globs)?;
        self.skipped.extend(walked.skipped);
        let mut empty = true;
        for (path, reason) in look_at(walked.files, options)? {
            match reason {
                Some(why) => self.skipped.push(SkippedFile { path, why }),
                None => {
                    empty = false;
                    match taken.take(&path) {
                        Taken::First => self.inputs.push(Input::Found(path)),
                        Taken::Again => {}
                        Taken::SameName => self.skipped.push(SkippedFile { path, why: SkipReason::SameName }),
                    }
                }
            }
        }
        if empty {
            self.empty.push(dir.to_string_lossy().into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

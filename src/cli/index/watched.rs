//! The inputs of `index --watch`, which may be gone for a while.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use semsearch::corpus::Input;

use crate::cli::options::index::IndexOptions;
use crate::cli::terminal::Terminal;

/// A named file or directory.
struct Watched {
    input: Input,
    path: PathBuf,
    /// The same without links. It is known even after the file is gone.
    real: PathBuf,
}

impl Watched {
    fn is_there(&self) -> bool {
        self.path.exists()
    }
}

/// The named files and directories.
pub(super) struct WatchedInputs {
    inputs: Vec<Watched>,
    /// The real paths of those that are gone.
    gone: HashSet<PathBuf>,
}

impl WatchedInputs {
    /// The inputs that `options` name. They are all there.
    pub(super) fn of(options: &IndexOptions) -> Self {
        let watched = |input: &Input| {
            let path = input.path()?.to_owned();
            let real = path.canonicalize().unwrap_or_else(|_| path.clone());
            Some(Watched { input: input.clone(), path, real })
        };
        Self { inputs: options.input.named.iter().filter_map(watched).collect(), gone: HashSet::new() }
    }

    /// Looks which inputs are there now, and tells of those that went. Returns whether any went or came back.
    pub(super) fn look(&mut self, terminal: &Terminal) -> bool {
        let mut changed = false;
        for watched in &self.inputs {
            if watched.is_there() {
                changed |= self.gone.remove(&watched.real);
            } else if self.gone.insert(watched.real.clone()) {
                changed = true;
                terminal.warn(&format!("{}: gone; it is indexed again when it is back", watched.input.name()));
            }
        }
        changed
    }

    /// Whether any input that was gone is there again.
    pub(super) fn is_any_back(&self) -> bool {
        self.inputs.iter().any(|watched| self.gone.contains(&watched.real) && watched.is_there())
    }

    /// What a pass reads: `options` with those inputs that are there.
    pub(super) fn present(&self, options: &IndexOptions) -> IndexOptions {
        let there = self.inputs.iter().filter(|watched| !self.gone.contains(&watched.real));
        options.with_inputs(there.map(|watched| watched.input.clone()).collect())
    }

    /// The real paths of the inputs that are gone.
    pub(super) fn gone(&self) -> Vec<PathBuf> {
        self.gone.iter().cloned().collect()
    }

    /// The directories to watch, and whether with all below them.
    pub(super) fn directories(&self) -> impl Iterator<Item = (&Path, bool)> {
        let there = self.inputs.iter().filter(|watched| watched.is_there());
        there.flat_map(|watched| {
            if watched.path.is_dir() {
                return vec![(watched.path.as_path(), true)];
            }
            // An editor may replace a file by another one, so the directory of a file is watched; and if the file is a
            // link, that of the file that it leads to.
            vec![(directory_of(&watched.path), false), (directory_of(&watched.real), false)]
        })
    }
}

/// The directory that a file is in.
fn directory_of(file: &Path) -> &Path {
    file.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

//! The inputs of `index --watch`, which may be gone for a while.

use std::path::{Path, PathBuf};

use semsearch::corpus::Input;
use semsearch::files::real_path;

use crate::cli::options::index::IndexOptions;
use crate::cli::terminal::Terminal;

/// A named file or directory.
struct Watched {
    input: Input,
    path: PathBuf,
    /// The same without links. It is known even after the file is gone. Several inputs may have the same one.
    real: PathBuf,
    is_gone: bool,
}

impl Watched {
    /// Whether it is there. What cannot be looked at is not gone; to read it is then an error.
    fn is_there(&self) -> bool {
        !matches!(self.path.try_exists(), Ok(false))
    }
}

/// The named files and directories.
pub(super) struct WatchedInputs(Vec<Watched>);

impl WatchedInputs {
    /// The inputs that `options` name. They are all there.
    pub(super) fn of(options: &IndexOptions) -> Self {
        let watched = |input: &Input| {
            let path = input.path()?.to_owned();
            let real = real_path(&path);
            Some(Watched { input: input.clone(), path, real, is_gone: false })
        };
        Self(options.input.named.iter().filter_map(watched).collect())
    }

    /// Looks which inputs are there now, and tells of those that went. Returns whether any went or came back.
    pub(super) fn look(&mut self, terminal: &Terminal) -> bool {
        let mut changed = false;
        for watched in &mut self.0 {
            let is_gone = !watched.is_there();
            let was_gone = std::mem::replace(&mut watched.is_gone, is_gone);
            changed |= was_gone != is_gone;
            if is_gone && !was_gone {
                terminal.warn(&format!("{}: gone; it is indexed again when it is back", watched.input.name()));
            }
        }
        changed
    }

    /// Whether any input that was gone is there again.
    pub(super) fn is_any_back(&self) -> bool {
        self.0.iter().any(|watched| watched.is_gone && watched.is_there())
    }

    /// Whether any input has gone since the last look.
    pub(super) fn is_any_newly_gone(&self) -> bool {
        self.0.iter().any(|watched| !watched.is_gone && !watched.is_there())
    }

    /// What a pass reads: `options` with those inputs that are there.
    pub(super) fn present(&self, options: &IndexOptions) -> IndexOptions {
        let there = self.0.iter().filter(|watched| !watched.is_gone);
        options.with_inputs(there.map(|watched| watched.input.clone()).collect())
    }

    /// The real paths of the inputs that are gone.
    pub(super) fn gone(&self) -> Vec<PathBuf> {
        self.0.iter().filter(|watched| watched.is_gone).map(|watched| watched.real.clone()).collect()
    }

    /// The directories to watch, and whether with all below them.
    pub(super) fn directories(&self) -> impl Iterator<Item = (&Path, bool)> {
        let there = self.0.iter().filter(|watched| watched.is_there());
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

//! Which files were met already.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Component, Path, PathBuf};

use crate::path::plain_path;

/// The files that were met, by their paths as ids show them.
#[derive(Default)]
pub(super) struct TakenPaths(HashMap<String, PathBuf>);

/// Whether a file was met already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    First,
    /// The same file.
    Again,
    /// Another file, whose name differs only in bytes that are not UTF-8.
    SameName,
}

impl TakenPaths {
    pub(super) fn take(&mut self, path: &Path) -> Taken {
        let exact: PathBuf = path.components().filter(|part| !matches!(part, Component::CurDir)).collect();
        match self.0.entry(plain_path(path)) {
            Entry::Vacant(free) => {
                free.insert(exact);
                Taken::First
            }
            Entry::Occupied(taken) if *taken.get() == exact => Taken::Again,
            Entry::Occupied(_) => Taken::SameName,
        }
    }
}

//! Finds the index to use if none is named.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::manifest::Manifest;

/// The usual name of an index's directory.
pub const DIRECTORY: &str = ".semsearch";

/// What [`find`] saw on its way up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NearestIndex {
    /// The index to use.
    pub index: Option<PathBuf>,
    /// Indexes that were nearer, but belong to somebody else.
    pub passed_over: Vec<PathBuf>,
}

/// The index to use if none is named: `.semsearch` in `from`, or in the nearest parent that has one that belongs to
/// this user.
///
/// An index of another user is passed over, as git does. Otherwise anybody who may write to a parent directory (as
/// everybody may to `/tmp`) could choose which model is run and what is nearest.
pub fn find(from: &Path) -> NearestIndex {
    let mut nearest = NearestIndex::default();
    for dir in from.ancestors().map(|parent| parent.join(DIRECTORY)).filter(|dir| Manifest::path(dir).is_file()) {
        if is_own(&dir) {
            nearest.index = Some(dir);
            break;
        }
        nearest.passed_over.push(dir);
    }
    nearest
}

/// Whether this user owns the directory, and the link that leads to it, if there is one.
fn is_own(dir: &Path) -> bool {
    let me = nix::unistd::geteuid().as_raw();
    [dir.metadata(), dir.symlink_metadata()].iter().flatten().filter(|there| there.uid() == me).count() == 2
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, symlink};

    use super::*;

    #[test]
    #[allow(clippy::print_stderr, reason = "a test that skips says so")]
    fn an_index_of_another_owner_is_passed_over_for_the_nearest_of_ones_own() {
        let root = tempfile::tempdir().unwrap();
        let index = |below: &str| {
            let dir = root.path().join(below).join(DIRECTORY);
            std::fs::create_dir_all(&dir).unwrap();
            std::fs::write(Manifest::path(&dir), "").unwrap();
            dir
        };
        let (mine, theirs) = (index("a"), index("a/b"));
        let here = root.path().join("a/b/c");
        std::fs::create_dir(&here).unwrap();
        assert_eq!(find(&here), NearestIndex { index: Some(theirs.clone()), passed_over: Vec::new() });
        if !nix::unistd::geteuid().is_root() {
            eprintln!("skipped: only root can give a directory to another user");
            return;
        }
        chown(&theirs, Some(1), None).unwrap();
        assert_eq!(find(&here), NearestIndex { index: Some(mine.clone()), passed_over: vec![theirs.clone()] });
        // An index to which a link leads is passed over too, whoever made the link.
        symlink(&theirs, here.join(DIRECTORY)).unwrap();
        assert_eq!(find(&here).passed_over, [here.join(DIRECTORY), theirs]);
    }
}

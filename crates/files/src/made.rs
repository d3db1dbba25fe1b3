//! Directories that this process made, which it can remove again if they turn out not to be needed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Dir, Identity};

/// A directory that this process made.
#[derive(Debug)]
pub struct Made {
    path: PathBuf,
    identity: Identity,
}

impl Made {
    /// The identity of the directory.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// Removes the directory if it is empty and is still the one that was made.
    pub fn remove(&self) {
        if Dir::open(&self.path).and_then(|dir| dir.identity()).is_ok_and(|there| there == self.identity) {
            // If it is not empty, somebody uses it.
            let _ = fs::remove_dir(&self.path);
        }
    }
}

/// Makes the directory `path`, and those of its parents that do not exist. Returns the directories that this call made,
/// the outermost first. Only these may be removed again.
pub fn make_directories(path: &Path) -> io::Result<Vec<Made>> {
    let missing: Vec<&Path> =
        path.ancestors().take_while(|dir| !dir.as_os_str().is_empty() && fs::symlink_metadata(dir).is_err()).collect();
    let leads_nowhere = |dir: &Path| fs::symlink_metadata(dir).is_ok_and(|there| there.is_symlink()) && !dir.exists();
    if path.ancestors().nth(missing.len()).is_some_and(leads_nowhere) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a symbolic link that leads nowhere"));
    }
    let mut made = Vec::new();
    for dir in missing.into_iter().rev() {
        match fs::create_dir(dir) {
            Ok(()) => {
                let opened = Dir::open(dir)?;
                made.push(Made { path: dir.into(), identity: opened.identity()? });
                // The name of the new directory becomes durable with a sync of its parent.
                Dir::open(dir.parent().unwrap_or(Path::new("")))?.sync()?;
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                made.iter().rev().for_each(Made::remove);
                return Err(error);
            }
        }
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_made_is_removed_and_only_while_it_is_empty() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("theirs")).unwrap();
        let deep = root.path().join("theirs/a/b");
        let made = make_directories(&deep).unwrap();
        assert_eq!(made.len(), 2);
        assert!(make_directories(&deep).unwrap().is_empty());
        fs::write(deep.join("file"), "").unwrap();
        made.iter().rev().for_each(Made::remove);
        assert!(deep.join("file").exists());
        fs::remove_file(deep.join("file")).unwrap();
        made.iter().rev().for_each(Made::remove);
        assert!(root.path().join("theirs").exists() && !root.path().join("theirs/a").exists());
    }

    #[test]
    fn another_directory_at_the_same_path_stays() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a");
        let made = make_directories(&path).unwrap();
        fs::rename(&path, root.path().join("b")).unwrap();
        fs::create_dir(&path).unwrap();
        made.iter().for_each(Made::remove);
        assert!(path.exists() && root.path().join("b").exists());
    }

    #[test]
    fn nothing_is_made_where_a_link_leads_nowhere() {
        let root = tempfile::tempdir().unwrap();
        let link = root.path().join("link");
        std::os::unix::fs::symlink(root.path().join("none"), &link).unwrap();
        for path in [link.clone(), link.join("a/b")] {
            assert_eq!(make_directories(&path).unwrap_err().to_string(), "a symbolic link that leads nowhere");
        }
        assert!(!root.path().join("none").exists());
    }

    #[test]
    fn what_cannot_be_made_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let long = "x".repeat(300);
        assert!(make_directories(&root.path().join("a/b").join(long)).is_err());
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }
}
